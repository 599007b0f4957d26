# SPDX-License-Identifier: Apache-2.0
"""otcextensions works with the emulator's buckets."""

import pytest

from .conftest import Cloud
from .conftest import python_client
from .outcome import PROGRAMS
from .outcome import Outcomes
from .outcome import version_of


@pytest.mark.usefixtures('names')
def test_otcextensions(cloud: Cloud, outcomes: Outcomes) -> None:
    python = python_client('otcextensions') / 'python'

    outcomes.program(
        'otcextensions, conn.obs',
        version_of(python, 'otcextensions'),
        [str(python), str(PROGRAMS / 'otcextensions_obs.py')],
        cloud.environment
        | {
            'BUCKET_URL': cloud.named_url,
            'AUTH_URL': cloud.auth_url,
            'USER_NAME': 'alice',
            'USER_PASSWORD': 'alice-secret',
            'PROJECT_NAME': 'alpha',
        },
    )
