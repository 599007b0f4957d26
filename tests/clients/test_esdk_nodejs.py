# SPDX-License-Identifier: Apache-2.0
"""esdk-obs-nodejs works with the emulator's buckets."""

import json

import pytest

from .conftest import Cloud
from .conftest import command
from .conftest import node_client
from .outcome import PROGRAMS
from .outcome import Outcomes


@pytest.mark.usefixtures('names')
@pytest.mark.parametrize('signature', ['obs', 'v2', 'negotiated'])
def test_esdk_nodejs(cloud: Cloud, outcomes: Outcomes, signature: str) -> None:
    node = command('node')
    modules = node_client('esdk-obs-nodejs')
    package = modules / 'esdk-obs-nodejs' / 'package.json'

    outcomes.program(
        f'esdk-obs-nodejs, {signature}',
        json.loads(package.read_text('utf-8'))['version'],
        [node, str(PROGRAMS / 'esdk_nodejs.js')],
        cloud.environment
        | {
            'BUCKET_URL': cloud.named_url,
            'CLIENT_MODE': signature,
            'NODE_PATH': str(modules),
        },
    )
