# SPDX-License-Identifier: Apache-2.0
"""Metadata definitions, schemas and the cache of a whole Glance.

``tests/native/test_native_metadef.py`` has the rest, beside a real one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
import uuid

import pytest

from ims_ext.emulator.server import EmulatorServer

from .glance_cloud import Glance
from .glance_cloud import running
from .plain_http import Client

PATH = '/v2/metadefs/namespaces'
PROPERTY = {'title': 'Speed', 'type': 'string'}


@pytest.fixture(scope='module')
def glance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glance]:
    """Give an emulator with a whole Glance."""
    with running(tmp_path_factory.mktemp('web')) as glance:
        yield glance


@pytest.fixture
def name(glance: Glance) -> str:
    """Give the name of a public namespace."""
    name = f'namespace-{uuid.uuid4()}'
    body = {'namespace': name, 'visibility': 'public'}
    answer = glance.admin.request('POST', PATH, json=body)
    assert answer.status_code == 201, answer.text
    return name


# ====== NAMESPACES ======


def test_a_namespace_is_deleted_with_all_that_is_in_it(
    glance: Glance, name: str
) -> None:
    path = f'{PATH}/{name}'
    added = [
        glance.admin.request('POST', f'{path}/{kind}', json=body).status_code
        for kind, body in (
            ('objects', {'name': 'x'}),
            ('properties', {'name': 'x', **PROPERTY}),
            ('tags', {'tags': [{'name': 'x'}]}),
            ('resource_types', {'name': 'OS::Glance::Image'}),
        )
    ]
    glance.admin.request('DELETE', path)
    glance.admin.request('POST', PATH, json={'namespace': name})
    shown = glance.admin.get(path).json()
    assert added == [201] * 4
    assert not {'objects', 'properties', 'tags'} & shown.keys()


def test_a_namespace_keeps_what_is_in_it_under_another_name(
    glance: Glance, name: str
) -> None:
    path = f'{PATH}/{name}'
    glance.admin.request('POST', f'{path}/objects', json={'name': 'x'})
    body = {'namespace': f'{name}-2'}
    assert glance.admin.request('PUT', path, json=body).status_code == 200
    shown = glance.admin.get(f'{path}-2/objects').json()
    assert [each['name'] for each in shown['objects']] == ['x']
    assert glance.admin.get(path).status_code == 404


def test_of_a_namespace_that_cannot_be_made_nothing_is_there(
    glance: Glance,
) -> None:
    body = {
        'namespace': f'namespace-{uuid.uuid4()}',
        'objects': [{'name': 'x'}, {'name': 'x'}],
    }
    assert glance.admin.request('POST', PATH, json=body).status_code == 409
    path = f'{PATH}/{body["namespace"]}'
    assert glance.admin.get(path).status_code == 404


@pytest.mark.parametrize('path', ['', '/objects', '/objects/x', '/tags/x'])
def test_only_administrators_delete(
    glance: Glance, name: str, path: str
) -> None:
    glance.admin.request('POST', f'{PATH}/{name}/objects', json={'name': 'x'})
    glance.admin.request('POST', f'{PATH}/{name}/tags/x')
    statuses = [
        client.request('DELETE', f'{PATH}/{name}{path}').status_code
        for client in (glance.bob, glance.admin)
    ]
    assert statuses == [403, 204]


def test_definitions_are_there_after_a_restart(tmp_path: Path) -> None:
    with EmulatorServer(glance='full', state_dir=tmp_path) as server:
        body = {'namespace': 'kept', 'visibility': 'public'}
        Client(server, 'admin').request('POST', PATH, json=body)
    with EmulatorServer(glance='full', state_dir=tmp_path) as server:
        assert Client(server).get(f'{PATH}/kept').status_code == 200


# ====== SCHEMAS ======


@pytest.mark.parametrize(
    'path', ['image', 'images', 'task', 'tasks', 'metadefs/namespace']
)
def test_there_are_schemas(glance: Glance, path: str) -> None:
    schema = glance.alice.get(f'/v2/schemas/{path}').json()
    assert schema['name'] == path.rpartition('/')[2]


def test_an_image_has_what_its_schema_knows(glance: Glance) -> None:
    image_id = glance.image(disk_format='ami', container_format='aki')
    image = glance.show(image_id)
    known: dict[str, Any] = glance.alice.get('/v2/schemas/image').json()
    texts = {name for name, value in image.items() if isinstance(value, str)}
    assert image.keys() - texts <= known['properties'].keys()
    for name in ('disk_format', 'container_format', 'status', 'visibility'):
        assert image[name] in known['properties'][name]['enum']


# ====== CACHE ======


def test_administrators_fill_and_empty_the_cache(glance: Glance) -> None:
    image_id = glance.image()
    path = f'/v2/cache/{image_id}'
    queued = glance.admin.request('PUT', path).status_code
    glance.upload(image_id, b'data')

    def cached() -> list[str]:
        listed = glance.admin.get('/v2/cache').json()['cached_images']
        return [each['image_id'] for each in listed]

    added = glance.admin.request('PUT', path).status_code
    assert (queued, added, cached()) == (400, 202, [image_id])
    statuses = [
        glance.admin.request('DELETE', path).status_code for _ in range(2)
    ]
    assert (statuses, cached()) == ([204, 404], [])


def test_a_part_of_the_cache_can_be_emptied(glance: Glance) -> None:
    image_id = glance.image()
    glance.upload(image_id, b'data')
    glance.admin.request('PUT', f'/v2/cache/{image_id}')
    found = []
    for target in ('queue', 'cache', 'all'):
        headers = {'X-Image-Cache-Clear-Target': target}
        answer = glance.admin.request('DELETE', '/v2/cache', headers=headers)
        listed = glance.admin.get('/v2/cache').json()['cached_images']
        found.append((answer.status_code, len(listed)))
    assert found == [(204, 1), (204, 0), (400, 0)]


@pytest.mark.parametrize('method', ['GET', 'DELETE'])
def test_the_cache_is_administrators(glance: Glance, method: str) -> None:
    assert glance.alice.request(method, '/v2/cache').status_code == 403
