# SPDX-License-Identifier: Apache-2.0
"""Imports, tasks, stores and deactivated images of a whole Glance."""

from collections.abc import Iterator
import threading
from typing import Any

import pytest

from .clouds import WholeGlance

DATA = bytes(range(256)) * 8
OCTETS = {'Content-Type': 'application/octet-stream'}


@pytest.fixture
def image_id(glance: WholeGlance) -> Iterator[str]:
    """Give a raw image of alice's without data, gone after the test."""
    body = {'disk_format': 'raw', 'container_format': 'bare'}
    answer = glance.send('alice', 'POST', '/images', json=body)
    image_id = answer.json()['id']
    yield image_id
    glance.send('alice', 'DELETE', f'/images/{image_id}')


def stage(glance: WholeGlance, image_id: str, user: str = 'alice') -> int:
    answer = glance.send(
        user, 'PUT', f'/images/{image_id}/stage', data=DATA, headers=OCTETS
    )
    return answer.status_code


def upload(glance: WholeGlance, image_id: str) -> None:
    path = f'/images/{image_id}/file'
    glance.send('alice', 'PUT', path, data=DATA, headers=OCTETS)


def begin(glance: WholeGlance, image_id: str, **body: Any) -> Any:
    return glance.send(
        'alice', 'POST', f'/images/{image_id}/import', json=body
    )


def show(glance: WholeGlance, image_id: str) -> dict[str, Any]:
    found: dict[str, Any] = glance.send(
        'alice', 'GET', f'/images/{image_id}'
    ).json()
    return found


def task_of(glance: WholeGlance, image_id: str) -> dict[str, Any]:
    for _ in range(600):
        answer = glance.send('alice', 'GET', f'/images/{image_id}/tasks')
        task: dict[str, Any] = answer.json()['tasks'][-1]
        if task['status'] in ('success', 'failure'):
            return task
        threading.Event().wait(0.1)
    raise TimeoutError(task)


def test_staged_data_is_imported(glance: WholeGlance, image_id: str) -> None:
    assert stage(glance, image_id) == 204
    staged = show(glance, image_id)
    answer = begin(glance, image_id, method={'name': 'glance-direct'})
    task = task_of(glance, image_id)
    image = show(glance, image_id)
    assert (
        staged['status'],
        staged['size'],
        answer.status_code,
        answer.content,
        task['status'],
        task['request_id'],
        image['status'],
        image['size'],
        image['os_hash_algo'],
        image['os_glance_importing_to_stores'],
        image['os_glance_failed_import'],
        'os_glance_import_task' in image,
    ) == (
        'uploading',
        len(DATA),
        202,
        b'',
        'success',
        answer.headers['X-Openstack-Request-Id'],
        'active',
        len(DATA),
        'sha512',
        '',
        '',
        False,
    )


def test_a_task_tells_what_was_asked_for(
    glance: WholeGlance, image_id: str
) -> None:
    stage(glance, image_id)
    begin(glance, image_id, method={'name': 'glance-direct'})
    task = task_of(glance, image_id)
    alone = glance.send('admin', 'GET', f'/tasks/{task["id"]}')
    listed = glance.send('admin', 'GET', '/tasks?limit=1').json()
    keys = {
        'id',
        'type',
        'status',
        'owner',
        'user_id',
        'request_id',
        'image_id',
        'input',
        'result',
        'message',
        'created_at',
        'updated_at',
        'expires_at',
    }
    assert task.keys() >= keys
    assert alone.json().keys() >= keys | {'self', 'schema'}
    assert task['input'].keys() == {'image_id', 'import_req', 'backend'}
    assert listed.keys() >= {'tasks', 'first', 'schema'}
    assert not {'input', 'result', 'message'} & listed['tasks'][0].keys()


def test_tasks_are_for_administrators(
    glance: WholeGlance, image_id: str
) -> None:
    mine = glance.send('alice', 'GET', f'/images/{image_id}/tasks')
    others = glance.send('bob', 'GET', f'/images/{image_id}/tasks')
    statuses = [
        glance.send(user, method, path).status_code
        for user, method, path in (
            ('alice', 'GET', '/tasks'),
            ('alice', 'GET', f'/tasks/{image_id}'),
            ('admin', 'GET', f'/tasks/{image_id}'),
            ('admin', 'DELETE', f'/tasks/{image_id}'),
            ('admin', 'GET', '/tasks?status=done'),
            ('admin', 'GET', '/tasks?sort_dir=up'),
        )
    ]
    assert (mine.json(), others.status_code) == ({'tasks': []}, 404)
    assert statuses == [403, 403, 404, 405, 400, 400]


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({}, 400),
        ({'method': {'name': 'glance-upload'}}, 400),
        ({'method': {'name': 'web-download'}}, 400),
        ({'method': {'name': 'glance-direct'}}, 409),
        ({'method': {'name': 'copy-image'}}, 409),
        ({'method': {'name': 'glance-direct'}, 'stores': ['none']}, 409),
        (
            {'method': {'name': 'web-download', 'uri': 'http://127.0.0.1/'}},
            400,
        ),
        ({'method': {'name': 'web-download', 'uri': 'file:///x'}}, 400),
    ],
    ids=str,
)
def test_an_import_that_makes_no_sense_is_refused(
    glance: WholeGlance, image_id: str, body: Any, status: int
) -> None:
    assert begin(glance, image_id, **body).status_code == status
    assert show(glance, image_id)['status'] == 'queued'


def test_staging_is_its_owners(glance: WholeGlance, image_id: str) -> None:
    change = [{'op': 'replace', 'path': '/visibility', 'value': 'community'}]
    headers = {'Content-Type': 'application/openstack-images-v2.1-json-patch'}
    glance.alice.image.request(
        f'/images/{image_id}', 'PATCH', json=change, headers=headers
    )
    assert stage(glance, image_id, 'bob') == 403
    assert stage(glance, image_id) == 204
    assert stage(glance, image_id) == 409


def test_an_image_is_copied_by_administrators(
    glance: WholeGlance, image_id: str
) -> None:
    upload(glance, image_id)
    method = {'name': 'copy-image'}
    mine = begin(glance, image_id, method=method, all_stores=True)
    there = glance.send(
        'admin',
        'POST',
        f'/images/{image_id}/import',
        json={
            'method': method,
            'stores': show(glance, image_id)['stores'].split(','),
        },
    )
    assert (mine.status_code, there.status_code) == (403, 400)


def test_the_last_store_keeps_an_image(
    glance: WholeGlance, image_id: str
) -> None:
    upload(glance, image_id)
    store = show(glance, image_id)['stores']
    statuses = [
        glance.send(user, 'DELETE', f'/stores/{name}/{image_id}').status_code
        for user, name in (
            ('alice', store),
            ('admin', 'none'),
            ('admin', store),
        )
    ]
    assert statuses == [403, 409, 403]


def test_there_are_stores_and_ways_to_import(glance: WholeGlance) -> None:
    methods = glance.send('alice', 'GET', '/info/import').json()
    stores = glance.send('alice', 'GET', '/info/stores').json()['stores']
    detail = glance.send('admin', 'GET', '/info/stores/detail')
    mine = glance.send('alice', 'GET', '/info/stores/detail')
    usage = glance.send('alice', 'GET', '/info/usage')
    assert methods['import-methods'].keys() == {'description', 'type', 'value'}
    assert set(methods['import-methods']['value']) == {
        'glance-direct',
        'web-download',
        'copy-image',
    }
    assert stores[0]['default'] == 'true'
    assert detail.json()['stores'][0].keys() >= {
        'id',
        'default',
        'type',
        'weight',
        'properties',
    }
    assert (mine.status_code, usage.status_code) == (403, 200)


def test_a_deactivated_image_gives_nothing_out(
    glance: WholeGlance, image_id: str
) -> None:
    actions = f'/images/{image_id}/actions'
    empty = glance.send('alice', 'POST', f'{actions}/deactivate')
    upload(glance, image_id)
    statuses = [
        glance.send(user, method, path).status_code
        for user, method, path in (
            ('alice', 'POST', f'{actions}/reactivate'),
            ('alice', 'POST', f'{actions}/deactivate'),
            ('alice', 'POST', f'{actions}/deactivate'),
            ('alice', 'GET', f'/images/{image_id}/file'),
            ('admin', 'GET', f'/images/{image_id}/file'),
            ('bob', 'POST', f'{actions}/reactivate'),
        )
    ]
    assert (empty.status_code, statuses) == (
        403,
        [204, 204, 204, 403, 200, 404],
    )
    assert show(glance, image_id)['status'] == 'deactivated'


def test_locations_are_given_by_the_web_alone(
    glance: WholeGlance, image_id: str
) -> None:
    path = f'/images/{image_id}/locations'
    statuses = [
        glance.send('alice', 'POST', path, json=body).status_code
        for body in (
            {},
            {'url': 1},
            {'url': 'http://127.0.0.1/'},
            {
                'url': 'http://127.0.0.1/',
                'validation_data': {'os_hash_value': '00'},
            },
        )
    ]
    # The real one here has no store for the web.
    refused = 400 if glance.is_emulator else 403
    assert statuses == [400, 400, refused, 400]
    assert glance.send('alice', 'GET', path).status_code == 403
    assert glance.send('admin', 'GET', path).json() == []


@pytest.mark.parametrize(
    ('user', 'visibility', 'status'),
    [
        ('alice', 'community', 201),
        ('alice', 'public', 403),
        ('admin', 'public', 201),
    ],
)
def test_administrators_make_public_images(
    glance: WholeGlance, user: str, visibility: str, status: int
) -> None:
    body = {'visibility': visibility}
    answer = glance.send(user, 'POST', '/images', json=body)
    assert answer.status_code == status
    if status == 201:
        glance.send(user, 'DELETE', f'/images/{answer.json()["id"]}')
