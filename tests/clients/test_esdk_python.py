# SPDX-License-Identifier: Apache-2.0
"""esdk-obs-python works with the emulator's buckets."""

import pytest

from .conftest import Cloud
from .conftest import python_client
from .outcome import PROGRAMS
from .outcome import Outcomes
from .outcome import version_of


def attempt(cloud: Cloud, outcomes: Outcomes, mode: str, url: str) -> None:
    python = python_client('esdk-obs-python') / 'python'
    outcomes.program(
        f'esdk-obs-python, {mode}',
        version_of(python, 'esdk-obs-python'),
        [str(python), str(PROGRAMS / 'esdk_python.py')],
        cloud.environment | {'BUCKET_URL': url, 'CLIENT_MODE': mode},
    )


@pytest.mark.usefixtures('names')
@pytest.mark.parametrize('signature', ['obs', 'v2', 'v4', 'negotiated'])
def test_esdk_python(cloud: Cloud, outcomes: Outcomes, signature: str) -> None:
    attempt(cloud, outcomes, signature, cloud.named_url)


@pytest.mark.parametrize('signature', ['v2', 'v4'])
def test_esdk_python_with_the_bucket_in_the_path(
    cloud: Cloud, outcomes: Outcomes, signature: str
) -> None:
    attempt(cloud, outcomes, f'{signature}+path', cloud.url)
