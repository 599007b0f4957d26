# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody would write, to what a whole Glance has more.

None breaks an operation, reaches a private image of another project, or asks
a server that nobody permitted.
"""

from collections.abc import Iterator
import http.client
import os
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest

from ims_ext.emulator.api import glance
from ims_ext.emulator.server import EmulatorServer

from . import fuzzed_requests
from .fuzzed_requests import Operation
from .fuzzed_requests import operations_of
from .plain_http import Client
from .test_emulator_fuzz import ask
from .test_emulator_fuzz import check
from .test_emulator_fuzz import errors as errors

_PATIENCE = int(os.environ.get('IMS_EXT_FUZZ', '1'))
EXAMPLES = 12 * _PATIENCE

PROPERTY = {'name': 'x', 'title': 'X', 'type': 'string', 'enum': ['a']}
LOCATION = {'url': 'http://127.0.0.1/', 'metadata': {'a': 'b'}}
OBJECT = {'name': 'x', 'required': ['a'], 'properties': {'a': PROPERTY}}

#: Good bodies, by what the path ends with.
BODIES: dict[str, list[Any]] = {
    '/import': [
        {'method': {'name': 'glance-direct'}, 'stores': ['fast']},
        {
            'method': {'name': 'web-download', 'uri': 'http://127.0.0.1/'},
            'all_stores': True,
            'all_stores_must_succeed': False,
        },
        {'method': {'name': 'copy-image'}, 'all_stores': True},
    ],
    '/locations': [
        {
            'url': 'http://127.0.0.1/',
            'validation_data': {
                'os_hash_algo': 'sha512',
                'os_hash_value': '00' * 64,
            },
        }
    ],
    '/tasks': [
        {
            'type': 'import',
            'input': {
                'import_from': 'http://127.0.0.1/',
                'import_from_format': 'raw',
                'image_properties': {'name': 'x', 'disk_format': 'raw'},
            },
        }
    ],
    '/images': [
        {
            'name': 'x',
            'visibility': 'community',
            'owner': 'x',
            'disk_format': 'ami',
            'locations': [],
        }
    ],
    '/images/<image_id>': [
        [{'op': 'add', 'path': '/locations/-', 'value': LOCATION}],
        [{'op': 'replace', 'path': '/locations', 'value': [LOCATION]}],
        [{'op': 'remove', 'path': '/locations/0'}],
        [{'op': 'replace', 'path': '/owner', 'value': 'x'}],
        [{'add': '/locations/0', 'value': LOCATION}],
    ],
    '/namespaces': [
        {
            'namespace': 'y',
            'visibility': 'public',
            'resource_type_associations': [{'name': 'x', 'prefix': 'y'}],
            'properties': {'x': PROPERTY},
            'objects': [OBJECT],
            'tags': [{'name': 'x'}],
        }
    ],
    '/<namespace>': [{'namespace': 'y', 'protected': False}],
    ':kind>': [OBJECT, PROPERTY],
    '/<name>': [OBJECT, PROPERTY],
    '/tags': [{'tags': [{'name': 'x'}, {'name': 'y'}]}],
    '/resource_types': [{'name': 'x', 'prefix': 'y'}],
}
OPERATIONS = sorted(set(operations_of(glance.ADDED)), key=str)


def bodies(operation: Operation) -> list[Any]:
    """Return good bodies for an operation."""
    for end in sorted(BODIES, key=len, reverse=True):
        if operation.template.endswith(end):
            return BODIES[end]
    return []


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator with a whole Glance that asks nobody."""
    with EmulatorServer(job_seconds=0, glance='full') as emulator:
        yield emulator


def things(client: Client) -> dict[str, str]:
    """Return what somebody has, by kind."""
    return {
        'image': client.active_image(name='fuzzed', disk_format='raw'),
        'project': client.project_id,
        'namespace': 'fuzzed',
        'kind': 'objects',
        'name': 'x',
        'store': 'fast',
        'task': 'x',
        'uri': 'http://127.0.0.1/',
    }


@pytest.mark.parametrize('user', ['alice', 'admin'])
@pytest.mark.parametrize('operation', OPERATIONS, ids=str)
def test_no_request_breaks_an_operation_or_asks_anybody(
    server: EmulatorServer,
    operation: Operation,
    user: str,
    errors: list[str],
) -> None:
    bob = Client(server, 'bob')
    private = bob.active_image(name='private of bob')
    client = Client(server, user)
    body = {'namespace': 'fuzzed', 'visibility': 'public'}
    Client(server, 'admin').request(
        'POST', '/v2/metadefs/namespaces', json=body
    )
    netloc = urlsplit(server.image_url).netloc
    connection = http.client.HTTPConnection(netloc, timeout=30)
    owners = [things(client), things(client)]
    if user == 'alice':
        owners.append({**things(bob), 'image': private})
    before = bob.get(f'/v2/images/{private}').json()

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=_PATIENCE == 1,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        fuzzed_requests.requests_to(
            operation, client.token, owners, bodies(operation)
        )
    )
    def meet(sent: fuzzed_requests.Sent) -> None:
        secrets = ['private of bob'] if user == 'alice' else []
        check(sent, *ask(connection, sent), secrets)

    meet()
    connection.close()
    assert bob.get(f'/v2/images/{private}').json() == before
    assert errors == []
