# SPDX-License-Identifier: Apache-2.0
"""boto3 works with the emulator's buckets."""

import pytest

from .conftest import Cloud
from .conftest import python_client
from .outcome import PROGRAMS
from .outcome import Outcomes
from .outcome import version_of


@pytest.mark.usefixtures('names')
@pytest.mark.parametrize('addressing', ['path', 'virtual'])
@pytest.mark.parametrize('signature', ['s3v4', 's3'])
def test_boto3(
    cloud: Cloud, outcomes: Outcomes, signature: str, addressing: str
) -> None:
    python = python_client('boto3') / 'python'

    outcomes.program(
        f'boto3, {signature}, {addressing}',
        version_of(python, 'boto3'),
        [str(python), str(PROGRAMS / 'boto3_operations.py')],
        cloud.environment
        | {
            'BUCKET_URL': cloud.named_url,
            'CLIENT_MODE': f'{signature} {addressing}',
        },
    )
