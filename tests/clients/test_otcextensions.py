# SPDX-License-Identifier: Apache-2.0
"""otcextensions works with the emulator's buckets."""

import pytest

from ims_ext.emulator.server import EmulatorServer

from .conftest import REGION
from .conftest import Cloud
from .conftest import cloud_of
from .conftest import python_client
from .outcome import PROGRAMS
from .outcome import Outcomes
from .outcome import version_of


def attempt(cloud: Cloud, outcomes: Outcomes, mode: str) -> None:
    python = python_client('otcextensions') / 'python'
    outcomes.program(
        f'otcextensions, conn.obs, {mode}',
        version_of(python, 'otcextensions'),
        [str(python), str(PROGRAMS / 'otcextensions_obs.py')],
        cloud.environment
        | {
            'BUCKET_URL': cloud.named_url,
            'AUTH_URL': cloud.auth_url,
            'USER_NAME': 'alice',
            'USER_PASSWORD': 'alice-secret',
            'PROJECT_NAME': 'alpha',
            'CLIENT_MODE': mode,
        },
    )


@pytest.mark.usefixtures('names')
def test_otcextensions(cloud: Cloud, outcomes: Outcomes) -> None:
    attempt(cloud, outcomes, 'override')


@pytest.mark.usefixtures('names')
def test_otcextensions_by_the_catalog(outcomes: Outcomes) -> None:
    with EmulatorServer(region=REGION, domain='localhost') as server:
        attempt(cloud_of(server), outcomes, 'catalog')
