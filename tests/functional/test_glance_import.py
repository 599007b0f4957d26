# SPDX-License-Identifier: Apache-2.0
"""Imports as a whole Glance has them: staged, from the web, to stores."""

from collections.abc import Iterator
import contextlib
import hashlib
from pathlib import Path
import subprocess
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import State
from ims_ext.emulator.state import Task

from .glance_cloud import Glance
from .glance_cloud import running
from .plain_http import Client

#: Neither text nor anything that has a name.
DATA = bytes(range(256)) * 6


@pytest.fixture(scope='module')
def glance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glance]:
    """Give an emulator with a whole Glance."""
    folder = tmp_path_factory.mktemp('web')
    (folder / 'disk.raw').write_bytes(DATA)
    with running(folder) as glance:
        yield glance


def test_staged_data_is_imported(glance: Glance) -> None:
    image_id = glance.image()
    assert glance.upload(image_id, DATA, 'stage').status_code == 204
    assert glance.show(image_id)['status'] == 'uploading'
    answer = glance.begin(image_id, 'glance-direct')
    task = glance.task(image_id)
    image = glance.show(image_id)
    assert (
        answer.status_code,
        answer.headers['X-Openstack-Request-Id'],
        task['status'],
        task['input']['import_req']['method'],
        image['status'],
        image['size'],
        image['os_hash_value'],
        image['stores'],
    ) == (
        202,
        task['request_id'],
        'success',
        {'name': 'glance-direct'},
        'active',
        len(DATA),
        hashlib.sha512(DATA).hexdigest(),
        'fast',
    )
    assert glance.alice.get(f'/v2/images/{image_id}/file').content == DATA


def test_data_from_the_web_is_imported(glance: Glance) -> None:
    image_id = glance.image()
    glance.begin(
        image_id, 'web-download', uri=f'{glance.web}/to/{glance.web}/disk.raw'
    )
    assert glance.task(image_id)['status'] == 'success'
    assert glance.alice.get(f'/v2/images/{image_id}/file').content == DATA


def test_data_goes_into_all_stores(glance: Glance) -> None:
    image_id = glance.image()
    glance.upload(image_id, DATA, 'stage')
    glance.begin(image_id, 'glance-direct', all_stores=True)
    glance.task(image_id)
    assert glance.show(image_id)['stores'] == 'fast,slow'


def test_an_image_is_copied_to_the_stores_that_it_is_not_in(
    glance: Glance,
) -> None:
    image_id = glance.image()
    assert (
        glance.upload(
            image_id, DATA, **{'X-Image-Meta-Store': 'slow'}
        ).status_code
        == 204
    )
    refused = glance.begin(image_id, 'copy-image', stores=['fast'])
    glance.begin(image_id, 'copy-image', glance.admin, all_stores=True)
    glance.task(image_id)
    assert refused.status_code == 403
    assert glance.show(image_id)['stores'] == 'fast,slow'


def test_an_image_leaves_a_store_but_not_the_last(glance: Glance) -> None:
    image_id = glance.image()
    glance.upload(image_id, DATA, 'stage')
    glance.begin(image_id, 'glance-direct', all_stores=True)
    glance.task(image_id)
    statuses = [
        client.request('DELETE', f'/v2/stores/{name}/{image_id}').status_code
        for client, name in (
            (glance.alice, 'fast'),
            (glance.admin, 'none'),
            (glance.admin, 'web'),
            (glance.admin, 'fast'),
            (glance.admin, 'slow'),
        )
    ]
    assert statuses == [403, 409, 404, 204, 403]
    assert glance.show(image_id)['stores'] == 'slow'


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({}, 400),
        ({'method': 'glance-direct'}, 400),
        ({'method': {'name': 'glance-upload'}}, 400),
        ({'method': {'name': 'web-download'}}, 400),
        ({'method': {'name': 'glance-direct'}}, 409),
        ({'method': {'name': 'copy-image'}}, 409),
        ({'method': {'name': 'glance-direct'}, 'stores': 'fast'}, 400),
        ({'method': {'name': 'glance-direct'}, 'stores': ['web']}, 409),
        ({'method': {'name': 'glance-direct'}, 'stores': ['none']}, 409),
        ({'method': {'name': 'glance-direct'}, 'all_stores': 'yes'}, 400),
        (
            {
                'method': {'name': 'glance-direct'},
                'all_stores': True,
                'stores': ['fast'],
            },
            400,
        ),
    ],
    ids=str,
)
def test_an_import_that_makes_no_sense_is_refused(
    glance: Glance, body: Any, status: int
) -> None:
    image_id = glance.image()
    answer = glance.alice.request(
        'POST', f'/v2/images/{image_id}/import', json=body
    )
    assert answer.status_code == status
    assert glance.show(image_id)['status'] == 'queued'


def test_data_of_another_format_is_no_image(glance: Glance) -> None:
    image_id = glance.image(disk_format='qcow2')
    glance.upload(image_id, DATA, 'stage')
    glance.begin(image_id, 'glance-direct')
    task = glance.task(image_id)
    image = glance.show(image_id)
    assert (
        task['status'],
        bool(task['message']),
        image['status'],
        image['os_glance_failed_import'],
        image['size'],
    ) == ('failure', True, 'queued', 'fast', None)


def test_an_image_that_refers_to_a_file_is_not_taken(glance: Glance) -> None:
    subprocess.run(
        ['qemu-img', 'create', '-q', '-f', 'qcow2', '-u', '-F', 'raw',
         '-b', '/etc/passwd', glance.folder / 'backed.qcow2', '1M'],
        check=True,
    )  # fmt: skip
    image_id = glance.image(disk_format='qcow2')
    uri = f'{glance.web}/backed.qcow2'
    glance.begin(image_id, 'web-download', uri=uri)
    assert glance.task(image_id)['status'] == 'failure'
    assert glance.show(image_id)['status'] == 'queued'


def test_what_is_not_on_the_web_is_no_image(glance: Glance) -> None:
    image_id = glance.image()
    glance.begin(image_id, 'web-download', uri=f'{glance.web}/none')
    task = glance.task(image_id)
    assert (task['status'], '404' in task['message']) == ('failure', True)


@pytest.mark.parametrize(
    'uri',
    [
        'file:///etc/passwd',
        'ftp://127.0.0.1/',
        'http://localhost/',
        'http://[::1]/',
        'http://[::ffff:127.0.0.2]/',
        'http://10.1.2.3/',
        'http://169.254.169.254/latest/meta-data',
        'http://0.0.0.0/',
        'http://2130706434/',
        'http://user@127.0.0.1/',
        'http://there-is.invalid/',
    ],
)
def test_nobody_is_asked_whom_nobody_permitted(
    glance: Glance, uri: str
) -> None:
    image_id = glance.image()
    imported = glance.begin(image_id, 'web-download', uri=uri)
    located = glance.alice.request(
        'POST', f'/v2/images/{image_id}/locations', json={'url': uri}
    )
    made = glance.admin.request(
        'POST',
        '/v2/tasks',
        json={
            'type': 'import',
            'input': {
                'import_from': uri,
                'import_from_format': 'raw',
                'image_properties': {},
            },
        },
    )
    statuses = [each.status_code for each in (imported, located, made)]
    assert statuses == [400, 400, 400]


def test_nobody_is_redirected_to_whom_nobody_permitted(
    glance: Glance,
) -> None:
    image_id = glance.image()
    uri = f'{glance.web}/to/http://localhost/'
    glance.begin(image_id, 'web-download', uri=uri)
    assert glance.task(image_id)['status'] == 'failure'


def test_a_staged_image_is_deleted_with_its_data(
    tmp_path: Path, glance: Glance
) -> None:
    with EmulatorServer(glance='full', state_dir=tmp_path) as server:
        alice = Client(server)
        image_id = alice.create_metadata(disk_format='raw')
        alice.request(
            'PUT',
            f'/v2/images/{image_id}/stage',
            data=DATA,
            headers={'Content-Type': 'application/octet-stream'},
        )
        before = list((tmp_path / 'images').iterdir())
        alice.request('DELETE', f'/v2/images/{image_id}')
        after = list((tmp_path / 'images').iterdir())
    assert (len(before), len(after)) == (1, 0)


def test_staged_data_is_there_after_a_restart(tmp_path: Path) -> None:
    with EmulatorServer(glance='full', state_dir=tmp_path) as server:
        alice = Client(server)
        image_id = alice.create_metadata(disk_format='raw')
        alice.request(
            'PUT',
            f'/v2/images/{image_id}/stage',
            data=DATA,
            headers={'Content-Type': 'application/octet-stream'},
        )
    with EmulatorServer(glance='full', state_dir=tmp_path) as server:
        answer = Client(server).request(
            'POST',
            f'/v2/images/{image_id}/import',
            json={'method': {'name': 'glance-direct'}},
        )
    assert answer.status_code == 202


def test_an_administrator_makes_an_image_by_a_task(glance: Glance) -> None:
    answer = glance.admin.request(
        'POST',
        '/v2/tasks',
        json={
            'type': 'import',
            'input': {
                'import_from': f'{glance.web}/disk.raw',
                'import_from_format': 'raw',
                'image_properties': {
                    'name': 'by a task',
                    'disk_format': 'raw',
                    'visibility': 'public',
                },
            },
        },
    )
    image_id = answer.json()['image_id']
    task = glance.task(image_id)
    image = glance.show(image_id)
    assert (
        answer.status_code,
        task['result'],
        image['name'],
        image['status'],
        glance.admin.get(f'/v2/tasks/{task["id"]}').json(),
    ) == (201, {'image_id': image_id}, 'by a task', 'active', task)
    listed = glance.admin.get('/v2/tasks', limit=1).json()
    assert [each['id'] for each in listed['tasks']] == [task['id']]
    glance.admin.request('DELETE', f'/v2/images/{image_id}')


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'glance': 'half'}, "documented or full"),
        ({'import_hosts': ['127.0.0.1']}, "--glance full"),
        ({'glance': 'full', 'import_hosts': ['http://x/']}, "no host"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    settings: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        EmulatorServer(**settings)


def test_tasks_are_for_administrators(glance: Glance) -> None:
    statuses = [
        glance.alice.request(method, path).status_code
        for method, path in (
            ('GET', '/v2/tasks'),
            ('POST', '/v2/tasks'),
            ('GET', '/v2/tasks/none'),
            ('GET', '/v2/info/stores/detail'),
        )
    ]
    refused = glance.admin.request('DELETE', '/v2/tasks/none').status_code
    assert (statuses, refused) == ([403] * 4, 405)


@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('GET', '/v2/info/import'),
        ('GET', '/v2/info/stores'),
        ('GET', '/v2/tasks'),
        ('GET', '/v2/metadefs/namespaces'),
        ('GET', '/v2/cache'),
        ('PUT', '/v2/images/{}/stage'),
        ('POST', '/v2/images/{}/import'),
        ('POST', '/v2/images/{}/actions/deactivate'),
        ('POST', '/v2/images/{}/locations'),
        ('DELETE', '/v2/stores/fast/{}'),
    ],
)
def test_without_a_whole_glance_nothing_is_there(
    tenant: Client, method: str, path: str
) -> None:
    image_id = tenant.create_metadata()
    answer = tenant.request(method, path.format(image_id))
    assert answer.status_code == 404


def test_a_task_is_forgotten_in_time(tmp_path: Path) -> None:
    with running(tmp_path) as glance:
        old, new = glance.image(), glance.image()
        for image_id in (old, new):
            glance.upload(image_id, DATA, 'stage')
        glance.begin(old, 'glance-direct')
        task = glance.task(old)
        glance.server.clock.advance('49h')
        # Tokens have ended by now.
        alice = Client(glance.server)
        before = alice.get(f'/v2/images/{old}/tasks').json()['tasks']
        glance.begin(new, 'glance-direct', alice)
        after = alice.get(f'/v2/images/{old}/tasks').json()['tasks']
        assert (before, after) == ([task], [])


def test_an_image_is_not_imported_before_it_is_staged(
    tmp_path: Path,
) -> None:
    octets = {'Content-Type': 'application/octet-stream'}
    with EmulatorServer(glance='full', state_dir=tmp_path) as server:
        alice = Client(server)
        path = f'/v2/images/{alice.create_metadata(disk_format="raw")}'
        alice.request('PUT', f'{path}/stage', data=DATA, headers=octets)
        (staged,) = (tmp_path / 'images').iterdir()
        # As it is while data is still coming.
        aside = staged.rename(tmp_path / 'aside')
        body = {'method': {'name': 'glance-direct'}}
        early = alice.request('POST', f'{path}/import', json=body)
        aside.rename(staged)
        late = alice.request('POST', f'{path}/import', json=body)
    assert (early.status_code, late.status_code) == (409, 202)


def test_what_was_cut_off_can_be_begun_again(tmp_path: Path) -> None:
    with EmulatorServer(glance='full', state_dir=tmp_path) as server:
        alice = Client(server)
        image_id = alice.active_image(disk_format='raw')
        other_id = alice.create_metadata(disk_format='raw')
    with contextlib.closing(State(tmp_path)) as state:
        for status, each in (('active', image_id), ('importing', other_id)):
            image = state.images.get(each)
            assert image is not None
            image.status = status
            image.attributes['os_glance_import_task'] = f'task of {each}'
            state.images.save(image)
            state.tasks.add(
                Task(
                    id=f'task of {each}',
                    type='api_image_import',
                    owner=image.owner,
                    user_id='somebody',
                    image_id=each,
                    request_id='request',
                    input={},
                    status='processing',
                )
            )
        state.image_file(other_id).write_bytes(b'half')
    with EmulatorServer(glance='full', state_dir=tmp_path) as server:
        alice = Client(server)
        images = [
            alice.get(f'/v2/images/{each}').json()
            for each in (image_id, other_id)
        ]
        tasks = alice.get(f'/v2/images/{image_id}/tasks').json()['tasks']
        data = alice.get(f'/v2/images/{other_id}/file').content
    assert [each['status'] for each in images] == ['active', 'queued']
    assert not [each for each in images if 'os_glance_import_task' in each]
    assert ([each['status'] for each in tasks], data) == (['failure'], b'')
