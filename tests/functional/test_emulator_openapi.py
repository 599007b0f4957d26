# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document of an emulator, against routes and client."""

from collections.abc import Iterator
import csv
import importlib
import inspect
from pathlib import Path
import re
from typing import Any

import jsonschema
from openstack.image.v2 import image
import pytest

from ims_ext import resource
from ims_ext.emulator.control.bodies import BODIES
from ims_ext.emulator.control.documented import documented_routes
from ims_ext.emulator.control.queries import QUERIES
from ims_ext.emulator.server import EmulatorServer
from ims_ext.extension.cloud_image import CloudImage

from ..described_cloud import document_of
from .plain_http import Client

OPERATIONS = Path(__file__).parents[2] / 'doc/source/reference/operations.csv'
#: Where the client's requests with bodies are.
MODULES = ('creation', 'server_image', 'whole_image', 'transfer', 'member')
#: Members that resources have, and no request sends.
NOT_SENT = {'id', 'job_id', 'properties', 'name'}


@pytest.fixture(scope='module')
def document() -> Iterator[dict[str, Any]]:
    """Give the document of an emulator."""
    with EmulatorServer() as server:
        yield document_of(server)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Give the operations: method, path, and what is said of them."""
    for path, item in document['paths'].items():
        for method, said in item.items():
            if method not in ('parameters', 'servers'):
                yield method.upper(), path, said


def test_every_documented_operation_of_the_service_is_there(
    document: dict[str, Any],
) -> None:
    there = {(method, path) for method, path, _ in operations(document)}
    with OPERATIONS.open(encoding='utf-8', newline='') as file:
        rows = [
            row for row in csv.DictReader(file) if row['Emulated'] == 'yes'
        ]
    assert len(rows) > 40

    def is_there(method: str, path: str) -> bool:
        bare = re.sub(r'\{\w+\}', '{}', path.rstrip('/'))
        return any(
            method == each and re.sub(r'\{\w+\}', '{}', found) in (bare, path)
            for each, found in there
        )

    missing = [
        row['Request']
        for row in rows
        for request in row['Request'].split('; ')
        if request.count(' ') == 1 and not is_there(*request.split(' ', 1))
    ]
    assert missing == []


def test_names_of_operations_are_unique(document: dict[str, Any]) -> None:
    names = [said['operationId'] for _, _, said in operations(document)]

    assert len(names) == len(set(names)) > 150
    assert all(re.fullmatch(r'[a-z]\w+', name) for name in names)


def test_every_parameter_of_a_path_is_described(
    document: dict[str, Any],
) -> None:
    for path, item in document['paths'].items():
        described = [each['name'] for each in item.get('parameters', ())]
        assert item['servers']
        assert described == re.findall(r'\{(\w+)\}', path)


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    for _, _, said in operations(document):
        bodies = [said.get('requestBody', {}), *said['responses'].values()]
        for body in bodies:
            for each in body.get('content', {}).values():
                jsonschema.Draft202012Validator.check_schema(
                    each.get('schema', {})
                )
        assert said['responses']
        assert said['summary']


def test_every_operation_of_the_image_service_describes_its_answer(
    document: dict[str, Any],
) -> None:
    image = document['servers']
    for method, path, said in operations(document):
        if document['paths'][path]['servers'] == image:
            assert not {'2XX'} & said['responses'].keys(), (method, path)


def test_no_route_is_left_out() -> None:
    with EmulatorServer() as server:
        document = document_of(server)
        routes = {
            (each.service, each.method, each.path)
            for each in documented_routes(server.service.capabilities)
        }
        of_buckets = server.service.buckets.operations
        services = {
            url: name for name, url in server.urls.items() if name != 'control'
        }

    there = [
        (services[document['paths'][path]['servers'][0]['url']], method)
        for method, path, _ in operations(document)
    ]
    wanted = [(service, method) for service, method, _ in routes]
    wanted += [('bucket', each.method) for each in of_buckets]
    assert sorted(there) == sorted(wanted)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for found in re.findall(r"'\$ref': '#/([^']+)'", str(document)):
        value: Any = document
        for part in found.split('/'):
            value = value[part]


def requests_of_the_client() -> Iterator[Any]:
    """Give the client's requests: path, and the members of their bodies."""
    for name in (
        'creation',
        'server_image',
        'whole_image',
        'transfer',
        'member',
    ):
        module = importlib.import_module(f'ims_ext.extension.{name}')
        for found in vars(module).values():
            if (
                inspect.isclass(found)
                and found.__module__ == module.__name__
                and issubclass(found, resource.JobRequest)
                and found.base_path
            ):
                yield pytest.param(found, id=found.__name__)


@pytest.mark.parametrize('request_class', [*requests_of_the_client()])
def test_the_clients_bodies_fit_what_is_described(request_class: Any) -> None:
    path = re.sub(r'%\((\w+)\)s', r'{\1}', request_class.base_path)
    sent = set(request_class._body_mapping().values()) - NOT_SENT
    described: set[str] = set()
    for operation, schema in BODIES.items():
        if operation.split(' ')[1] == path:
            described |= set(schema['properties'])

    assert sent <= described, sent - described


@pytest.mark.parametrize(
    ('resource_class', 'operation'),
    [
        (CloudImage, 'GET /v2/cloudimages'),
        (image.Image, 'GET /v2/images'),
    ],
)
def test_the_clients_filters_are_described(
    document: dict[str, Any], resource_class: Any, operation: str
) -> None:
    method, path = operation.split(' ')
    said = document['paths'][path][method.lower()]
    described = {
        each['name'] for each in said['parameters'] if each['in'] == 'query'
    }

    assert {
        *resource_class._query_mapping._mapping.values()
    } - described == set()


#: Values of parameters that do not take any text.
GIVEN = {
    'created_at': 'gt:2024-11-06T06:19:43Z',
    'updated_at': 'gt:2024-11-06T06:19:43Z',
    'changes-since': '2024-11-06T06:19:43Z',
    'disk_format': 'qcow2',
    'container_format': 'bare',
    'sort': 'name:asc',
    'enterprise_project_id': '0',
}


def described_parameters() -> Iterator[Any]:
    """Give the described parameters of lists that are at fixed paths."""
    for operation, known in QUERIES.items():
        path = operation.removeprefix('GET ')
        for name, schema in known.items():
            if '{' not in path:
                yield pytest.param(path, name, schema, id=f'{path}?{name}')


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    """Give somebody who lists images."""
    with EmulatorServer() as server:
        yield Client(server)


@pytest.mark.parametrize(('path', 'name', 'schema'), [*described_parameters()])
def test_a_described_parameter_is_taken(
    client: Client, path: str, name: str, schema: dict[str, Any]
) -> None:
    given = GIVEN.get(name, '1')
    if name == 'marker':
        given = client.get('/v2/images').json()['images'][0]['id']

    for value in schema.get('items', schema).get('enum', [given]):
        answer = client.get(path, **{name: value})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    'operation', ['GET /v2/images', 'GET /v2/cloudimages']
)
@pytest.mark.parametrize('name', ['visibility', 'member_status', 'sort_key'])
def test_a_value_that_is_not_described_is_refused(
    client: Client, operation: str, name: str
) -> None:
    assert 'enum' in QUERIES[operation][name]

    path = operation.removeprefix('GET ')
    assert client.get(path, **{name: 'nonsense'}).status_code == 400
