# SPDX-License-Identifier: Apache-2.0
"""The emulator's native image operations, as clients of Glance see them."""

from collections.abc import Callable, Iterator
import hashlib
import io
import json
from pathlib import Path
import socket
from typing import Any
from urllib.parse import urlsplit
import uuid

from keystoneauth1 import discover
from openstack import connection
from openstack import exceptions
import pytest
import requests

from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import State

from .eventually import settle

V20 = 'application/openstack-images-v2.0-json-patch'
V21 = 'application/openstack-images-v2.1-json-patch'

Call = Callable[..., requests.Response]


def caller(server: EmulatorServer, conn: connection.Connection) -> Call:
    """Return a function that sends requests to the image service."""

    def call(method: str, path: str, **others: Any) -> requests.Response:
        headers = {'X-Auth-Token': conn.auth_token}
        headers |= others.pop('headers', {})
        answer = requests.request(
            method,
            server.image_url + path,
            headers=headers,
            timeout=30,
            **others,
        )
        if method != 'GET' and answer.ok:
            settle(server)
        return answer

    return call


@pytest.fixture
def call(emulator: EmulatorServer, alice: connection.Connection) -> Call:
    """Give a function that sends alice's requests."""
    return caller(emulator, alice)


@pytest.fixture
def call_as_bob(emulator: EmulatorServer, bob: connection.Connection) -> Call:
    """Give a function that sends bob's requests."""
    return caller(emulator, bob)


@pytest.fixture
def image(call: Call) -> Iterator[dict[str, Any]]:
    """Give an image of alice's that is queued."""
    created = call(
        'POST',
        '/v2/images',
        json={
            'name': 'an image',
            'disk_format': 'raw',
            'min_disk': 1,
            'tags': ['a=b'],
            '__os_version': 'Ubuntu 18.04 server 64bit',
        },
    ).json()
    yield created
    path = f'/v2/images/{created["id"]}'
    call('PATCH', path, **patch(replace('/protected', False)))
    call('DELETE', path)


def replace(path: str, value: Any) -> dict[str, Any]:
    return {'op': 'replace', 'path': path, 'value': value}


def patch(*operations: Any, kind: str = V21) -> dict[str, Any]:
    """Return what makes a request a JSON patch."""
    return {
        'data': json.dumps(operations),
        'headers': {'Content-Type': kind},
    }


def upload(call: Call, image_id: str, data: Any) -> requests.Response:
    return call(
        'PUT',
        f'/v2/images/{image_id}/file',
        data=data,
        headers={'Content-Type': 'application/octet-stream'},
    )


# ====== VERSIONS ======


def test_the_root_lists_the_versions_without_a_token(
    emulator: EmulatorServer,
) -> None:
    answer = requests.get(f'{emulator.image_url}/', timeout=10)
    assert (answer.status_code, answer.json()['versions'][0]['id']) == (
        300,
        'v2.2',
    )


def test_discovery_finds_version_2(
    emulator: EmulatorServer, alice: connection.Connection
) -> None:
    found = discover.Discover(alice.session, emulator.image_url)
    assert found.url_for('2') == f'{emulator.image_url}/v2/'


def test_one_version_is_shown(emulator: EmulatorServer) -> None:
    answer = requests.get(f'{emulator.image_url}/v2.0', timeout=10)
    assert answer.status_code == 300
    assert [each['id'] for each in answer.json()['versions']] == ['v2.0']


def test_an_unknown_version_is_not_found(emulator: EmulatorServer) -> None:
    answer = requests.get(f'{emulator.image_url}/v7.1', timeout=10)
    assert answer.status_code == 404


# ====== ERRORS ======


def test_without_a_token_nothing_is_listed(emulator: EmulatorServer) -> None:
    answer = requests.get(f'{emulator.image_url}/v2/images', timeout=10)
    assert answer.status_code == 401


def test_without_a_token_the_gateway_refuses_the_extensions(
    emulator: EmulatorServer,
) -> None:
    answer = requests.get(f'{emulator.image_url}/v2/cloudimages', timeout=10)
    assert (answer.status_code, answer.json()['error_code']) == (
        401,
        'APIGW.0301',
    )


def test_a_refusal_is_a_page_as_glance_sends_it(call: Call) -> None:
    answer = call('GET', f'/v2/images/{uuid.uuid4()}')
    assert '<title>404 Not Found</title>' in answer.text


def test_an_unknown_path_is_not_found(call: Call) -> None:
    assert call('GET', '/v2/nothing').status_code == 404


def test_a_method_that_a_path_does_not_have_is_refused(call: Call) -> None:
    assert call('POST', '/v2/schemas/image').status_code == 405


# ====== METADATA ======


def test_a_new_image_has_the_documented_attributes(
    image: dict[str, Any], alice: connection.Connection
) -> None:
    expected = {
        'name': 'an image',
        'owner': alice.current_project_id,
        'status': 'queued',
        'visibility': 'private',
        'protected': False,
        'container_format': 'bare',
        'disk_format': 'raw',
        'min_disk': 1,
        'min_ram': 0,
        'tags': ['a=b'],
        'self': f'/v2/images/{image["id"]}',
        'file': f'/v2/images/{image["id"]}/file',
        'schema': '/v2/schemas/image',
        'virtual_env_type': 'FusionCompute',
        '__image_source_type': 'uds',
        '__image_size': '0',
        '__isregistered': 'true',
        '__imagetype': 'private',
        '__os_version': 'Ubuntu 18.04 server 64bit',
        '__os_type': 'Linux',
        '__platform': 'Ubuntu',
        '__os_bit': '64',
    }
    assert {name: image.get(name) for name in expected} == expected


def test_an_undocumented_os_version_is_refused(call: Call) -> None:
    answer = call('POST', '/v2/images', json={'__os_version': 'Haiku'})
    assert answer.json()['error']['code'] == 'IMG.0056'


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({'name': 'x' * 256}, 400),
        ({'name': 1}, 400),
        ({'min_disk': '1'}, 400),
        ({'min_disk': 1025}, 400),
        ({'min_ram': -1}, 400),
        ({'protected': 'yes'}, 400),
        ({'disk_format': 'exe'}, 400),
        ({'tags': ['x' * 256]}, 400),
        ({'tags': 'x'}, 400),
        ({'id': 'no-uuid'}, 400),
        ({'own': None}, 400),
        ({'visibility': 'public'}, 403),
        ({'owner': 'somebody'}, 403),
        ({'status': 'active'}, 403),
        ({'tags': [str(n) for n in range(129)]}, 413),
        ([], 400),
    ],
    ids=str,
)
def test_metadata_that_makes_no_sense_is_refused(
    call: Call, body: Any, status: int
) -> None:
    assert call('POST', '/v2/images', json=body).status_code == status


def test_two_images_cannot_have_the_same_id(
    call: Call, image: dict[str, Any]
) -> None:
    answer = call('POST', '/v2/images', json={'id': image['id']})
    assert answer.status_code == 409


def test_both_kinds_of_patches_change_an_image(
    call: Call, image: dict[str, Any]
) -> None:
    path = f'/v2/images/{image["id"]}'
    call('PATCH', path, **patch(replace('/name', 'one')))
    changed = call(
        'PATCH',
        path,
        **patch({'replace': '/name', 'value': 'two'}, kind=V20),
    )
    assert changed.json()['name'] == 'two'


def test_a_patch_of_another_type_is_refused(
    call: Call, image: dict[str, Any]
) -> None:
    answer = call(
        'PATCH',
        f'/v2/images/{image["id"]}',
        **patch(replace('/name', 'x'), kind='application/json'),
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ('operation', 'status'),
    [
        ({'op': 'add', 'path': '/own', 'value': 'x'}, 200),
        (replace('/own', 'x'), 409),
        ({'op': 'remove', 'path': '/own'}, 409),
        (replace('/status', 'active'), 403),
        ({'op': 'remove', 'path': '/name'}, 403),
        (replace('/visibility', 'public'), 403),
        (replace('/tags', ['c', 'd']), 200),
        ({'op': 'add', 'path': '/tags/-', 'value': 'e'}, 400),
        (replace('/a/b', 'x'), 400),
        (replace('name', 'x'), 400),
        ({'op': 'move', 'path': '/name', 'value': 'x'}, 400),
        ({'op': 'replace', 'path': '/name'}, 400),
        ('x', 400),
    ],
    ids=str,
)
def test_a_patch_follows_the_rules(
    call: Call, image: dict[str, Any], operation: Any, status: int
) -> None:
    answer = call('PATCH', f'/v2/images/{image["id"]}', **patch(operation))
    assert answer.status_code == status


def test_of_a_refused_patch_nothing_is_kept(
    call: Call, image: dict[str, Any]
) -> None:
    path = f'/v2/images/{image["id"]}'
    call('PATCH', path, **patch(replace('/name', 'x'), replace('/id', 'y')))
    assert call('GET', path).json()['name'] == 'an image'


def test_what_follows_from_the_os_version_changes_with_it(
    call: Call, image: dict[str, Any]
) -> None:
    changed = call(
        'PATCH',
        f'/v2/images/{image["id"]}',
        **patch(replace('/__os_version', 'CentOS 7.6 64bit')),
    )
    assert changed.json()['__platform'] == 'CentOS'


def test_a_protected_image_cannot_be_deleted(
    call: Call, image: dict[str, Any]
) -> None:
    path = f'/v2/images/{image["id"]}'
    call('PATCH', path, **patch(replace('/protected', True)))
    assert call('DELETE', path).status_code == 403


def test_a_deleted_image_is_gone(call: Call, image: dict[str, Any]) -> None:
    path = f'/v2/images/{image["id"]}'
    call('DELETE', path, json={'delete_backup': True})
    assert call('GET', path).status_code == 404


def test_public_images_are_there_from_the_start(
    alice: connection.Connection,
) -> None:
    types = {
        each.properties['__imagetype']
        for each in alice.image.images(visibility='public')
    }
    assert types == {'gold', 'market'}


def test_a_public_image_cannot_be_changed(
    call: Call, alice: connection.Connection
) -> None:
    public = next(alice.image.images(visibility='public'))
    answer = call(
        'PATCH', f'/v2/images/{public.id}', **patch(replace('/name', 'x'))
    )
    assert answer.status_code == 403


def test_anothers_private_image_is_not_found(
    call_as_bob: Call, image: dict[str, Any]
) -> None:
    assert call_as_bob('GET', f'/v2/images/{image["id"]}').status_code == 404


# ====== LISTS ======


@pytest.fixture
def three(call: Call) -> Iterator[list[str]]:
    """Give the IDs of three images with a tag of their own, oldest first."""
    tag = f'group={uuid.uuid4()}'
    ids = [
        call(
            'POST',
            '/v2/images',
            json={
                'name': name,
                'tags': [tag],
                'min_disk': size,
                'own': name,
                'protected': size == 3,
            },
        ).json()['id']
        for size, name in enumerate(('b', 'c', 'a'), 1)
    ]
    yield [tag, *ids]
    for image_id in ids:
        path = f'/v2/images/{image_id}'
        call('PATCH', path, **patch(replace('/protected', False)))
        call('DELETE', path)


def names(call: Call, group: list[str], **query: Any) -> str:
    """Return the names of the group's images that a query lists."""
    answer = call('GET', '/v2/images', params={'tag': group[0], **query})
    return ''.join(each['name'] for each in answer.json()['images'])


def test_the_newest_image_comes_first(call: Call, three: list[str]) -> None:
    assert names(call, three) == 'acb'


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        ({'sort_key': 'name', 'sort_dir': 'asc'}, 'abc'),
        ({'sort': 'created_at:asc'}, 'bca'),
        ({'sort': 'status:asc,name:desc'}, 'cba'),
        ({'name': 'c'}, 'c'),
        ({'name': 'in:c,b'}, 'cb'),
        ({'min_disk': 2}, 'c'),
        ({'protected': 'true'}, 'a'),
        ({'protected': 'false'}, 'cb'),
        ({'own': 'b'}, 'b'),
        ({'status': 'active'}, ''),
        ({'visibility': 'private'}, 'acb'),
        ({'visibility': 'public'}, ''),
        ({'__imagetype': 'private'}, 'acb'),
        ({'size_min': 1}, ''),
        ({'created_at': 'gt:2000-01-01T00:00:00Z'}, 'acb'),
        ({'created_at': 'lt:2000-01-01 00:00:00'}, ''),
        ({'limit': 2}, 'ac'),
    ],
    ids=str,
)
def test_filters_and_sort_keys_decide_what_is_listed(
    call: Call, three: list[str], query: dict[str, Any], expected: str
) -> None:
    assert names(call, three, **query) == expected


@pytest.mark.parametrize(
    'query',
    [
        {'limit': 'x'},
        {'limit': -1},
        {'marker': str(uuid.UUID(int=1))},
        {'sort_key': 'nothing'},
        {'sort_dir': 'up'},
        {'sort': 'name:up'},
        {'visibility': 'secret'},
        {'member_status': 'maybe'},
        {'min_disk': 'x'},
        {'protected': 'x'},
        {'created_at': 'gt:yesterday'},
    ],
    ids=str,
)
def test_parameters_that_make_no_sense_are_refused(
    call: Call, query: dict[str, Any]
) -> None:
    assert call('GET', '/v2/images', params=query).status_code == 400


@pytest.mark.parametrize('sort', ['name:asc', 'created_at:desc', 'size:asc'])
def test_the_pages_follow_one_another(
    call: Call, three: list[str], sort: str
) -> None:
    path = f'/v2/images?tag={three[0]}&limit=1&sort={sort}'
    found = []
    while path:
        page = call('GET', path).json()
        found += [each['id'] for each in page['images']]
        path = page.get('next')
    assert sorted(found) == sorted(three[1:])


def test_the_last_page_has_no_next(call: Call, three: list[str]) -> None:
    page = call('GET', f'/v2/images?tag={three[0]}&limit=3').json()
    assert 'next' not in page


def test_the_sdk_lists_all_pages(
    alice: connection.Connection, three: list[str]
) -> None:
    found = alice.image.images(tag=three[0], limit=2)
    assert len(list(found)) == 3


# ====== DATA ======


def test_an_upload_makes_an_image_active(
    call: Call, image: dict[str, Any]
) -> None:
    data = b'\x00data' * 1000
    upload(call, image['id'], data)
    shown = call('GET', f'/v2/images/{image["id"]}').json()
    expected = {
        'status': 'active',
        'size': len(data),
        '__image_size': str(len(data)),
        'checksum': hashlib.md5(data).hexdigest(),
        'os_hash_algo': 'sha512',
        'os_hash_value': hashlib.sha512(data).hexdigest(),
    }
    assert {name: shown[name] for name in expected} == expected


def test_what_was_uploaded_is_downloaded(
    call: Call, image: dict[str, Any]
) -> None:
    data = b'\x00data' * 100_000
    upload(call, image['id'], io.BytesIO(data))
    answer = call('GET', f'/v2/images/{image["id"]}/file')
    assert answer.content == data


def test_chunks_of_unknown_length_can_be_uploaded(
    call: Call, image: dict[str, Any]
) -> None:
    upload(call, image['id'], iter([b'one', b'two']))
    assert call('GET', f'/v2/images/{image["id"]}/file').content == b'onetwo'


def test_an_image_without_data_has_nothing_to_download(
    call: Call, image: dict[str, Any]
) -> None:
    answer = call('GET', f'/v2/images/{image["id"]}/file')
    assert (answer.status_code, answer.content) == (204, b'')


def test_data_is_uploaded_once(call: Call, image: dict[str, Any]) -> None:
    upload(call, image['id'], b'one')
    assert upload(call, image['id'], b'two').status_code == 409


def test_data_of_another_type_is_refused(
    call: Call, image: dict[str, Any]
) -> None:
    answer = call('PUT', f'/v2/images/{image["id"]}/file', json={})
    assert answer.status_code == 415


def test_an_upload_that_is_cut_off_leaves_the_image_queued(
    call: Call,
    image: dict[str, Any],
    emulator: EmulatorServer,
    alice: connection.Connection,
) -> None:
    url = urlsplit(emulator.image_url)
    head = (
        f'PUT {url.path}/v2/images/{image["id"]}/file HTTP/1.1\r\n'
        f'Host: {url.netloc}\r\nX-Auth-Token: {alice.auth_token}\r\n'
        'Content-Type: application/octet-stream\r\n'
        'Content-Length: 1000\r\n\r\n'
    )
    with socket.create_connection((url.hostname, url.port)) as client:
        client.sendall(head.encode() + b'half')
    shown = call('GET', f'/v2/images/{image["id"]}').json()
    assert shown['status'] == 'queued'


def test_an_empty_body_can_be_asked_for(
    image: dict[str, Any],
    emulator: EmulatorServer,
    alice: connection.Connection,
) -> None:
    url = urlsplit(emulator.image_url)
    head = (
        f'PUT {url.path}/v2/images/{image["id"]}/tags/new HTTP/1.1\r\n'
        f'Host: {url.netloc}\r\nX-Auth-Token: {alice.auth_token}\r\n'
        'Expect: 100-continue\r\nConnection: close\r\n'
        'Content-Length: 0\r\n\r\n'
    )
    with socket.create_connection((url.hostname, url.port)) as client:
        client.settimeout(30)
        client.sendall(head.encode())
        with client.makefile('rb') as answer:
            assert b' 204 ' in answer.read()


def test_too_large_an_upload_is_refused_before_it_is_read(
    image: dict[str, Any],
    emulator: EmulatorServer,
    alice: connection.Connection,
) -> None:
    url = urlsplit(emulator.image_url)
    head = (
        f'PUT {url.path}/v2/images/{image["id"]}/file HTTP/1.1\r\n'
        f'Host: {url.netloc}\r\nX-Auth-Token: {alice.auth_token}\r\n'
        'Content-Type: application/octet-stream\r\n'
        f'Content-Length: {200 * 1024**3}\r\n\r\n'
    )
    with socket.create_connection((url.hostname, url.port)) as client:
        client.settimeout(30)
        client.sendall(head.encode())
        assert b' 413 ' in client.recv(100)


def test_images_and_their_data_outlive_a_restart(
    tmp_path: Path,
    image: dict[str, Any],
) -> None:
    with EmulatorServer(state_dir=tmp_path) as first:
        call = caller(first, connect(first))
        created = call('POST', '/v2/images', json={'name': 'kept'}).json()
        upload(call, created['id'], b'data')
    with EmulatorServer(state_dir=tmp_path) as second:
        call = caller(second, connect(second))
        answer = call('GET', f'/v2/images/{created["id"]}/file')
    assert answer.content == b'data'


def connect(server: EmulatorServer) -> connection.Connection:
    """Return a connection of alice's without any clouds.yaml."""
    auth = server.clouds()['clouds']['alice']['auth']
    return connection.Connection(auth=auth, identity_api_version='3')


def test_an_upload_cut_off_before_its_first_byte_can_be_repeated(
    tmp_path: Path,
) -> None:
    with EmulatorServer(state_dir=tmp_path) as first:
        call = caller(first, connect(first))
        created = call('POST', '/v2/images', json={'name': 'cut off'}).json()
    # What a killed process leaves: the status, and data not told of.
    state = State(tmp_path)
    image = state.images.get(created['id'])
    assert image is not None
    image.status = 'saving'
    state.images.save(image)
    state.image_file(image.id).write_bytes(b'old')
    state.close()
    with EmulatorServer(state_dir=tmp_path) as second:
        call = caller(second, connect(second))
        path = f'/v2/images/{created["id"]}'
        data = call('GET', f'{path}/file').content
        answer = upload(call, created['id'], b'data')
    assert (data, answer.status_code) == (b'', 204)


# ====== TAGS ======


def test_a_tag_is_added_and_removed(call: Call, image: dict[str, Any]) -> None:
    path = f'/v2/images/{image["id"]}'
    call('PUT', f'{path}/tags/new')
    call('DELETE', f'{path}/tags/a%3Db')
    assert call('GET', path).json()['tags'] == ['new']


def test_a_tag_that_is_not_there_is_not_found(
    call: Call, image: dict[str, Any]
) -> None:
    answer = call('DELETE', f'/v2/images/{image["id"]}/tags/other')
    assert answer.status_code == 404


def test_too_long_a_tag_is_refused(call: Call, image: dict[str, Any]) -> None:
    answer = call('PUT', f'/v2/images/{image["id"]}/tags/{"x" * 256}')
    assert answer.status_code == 400


# ====== MEMBERS ======


@pytest.fixture
def shared(
    emulator: EmulatorServer,
    alice: connection.Connection,
    bob: connection.Connection,
    image: dict[str, Any],
) -> str:
    """Give the ID of an image that alice shares with bob's project."""
    alice.image.add_member(image['id'], member_id=bob.current_project_id)
    settle(emulator)
    return str(image['id'])


@pytest.fixture
def accept(
    emulator: EmulatorServer, bob: connection.Connection
) -> Callable[[str, str], None]:
    """Give what has bob's project answer to an image."""

    def answer(image_id: str, status: str) -> None:
        bob.image.update_member(
            bob.current_project_id, image_id, status=status
        )
        settle(emulator)

    return answer


def is_listed(
    conn: connection.Connection, image_id: str, **query: Any
) -> bool:
    return image_id in {each.id for each in conn.image.images(**query)}


def test_a_shared_image_can_be_seen_but_is_not_listed_at_first(
    bob: connection.Connection, shared: str
) -> None:
    seen = bob.image.get_image(shared)
    assert (seen.visibility, is_listed(bob, shared)) == ('shared', False)


def test_an_image_waits_to_be_accepted(
    bob: connection.Connection, shared: str
) -> None:
    assert is_listed(bob, shared, member_status='pending', visibility='shared')


def test_an_accepted_image_is_listed_as_shared(
    bob: connection.Connection,
    shared: str,
    accept: Callable[[str, str], None],
) -> None:
    accept(shared, 'accepted')
    assert is_listed(
        bob,
        shared,
        member_status='accepted',
        visibility='shared',
        __imagetype='shared',
    )


def test_a_rejected_image_is_not_listed_but_can_be_seen(
    bob: connection.Connection,
    shared: str,
    accept: Callable[[str, str], None],
) -> None:
    accept(shared, 'rejected')
    seen = bob.image.get_image(shared)
    assert (seen.id, is_listed(bob, shared)) == (shared, False)


def test_the_owner_sees_who_accepted(
    alice: connection.Connection,
    bob: connection.Connection,
    shared: str,
    accept: Callable[[str, str], None],
) -> None:
    accept(shared, 'accepted')
    members = {
        each.member_id: each.status for each in alice.image.members(shared)
    }
    assert members == {bob.current_project_id: 'accepted'}


def test_only_the_member_accepts(
    alice: connection.Connection, bob: connection.Connection, shared: str
) -> None:
    with pytest.raises(exceptions.ForbiddenException):
        alice.image.update_member(
            bob.current_project_id, shared, status='accepted'
        )


def test_a_member_cannot_change_the_image(
    call_as_bob: Call, shared: str
) -> None:
    answer = call_as_bob(
        'PATCH', f'/v2/images/{shared}', **patch(replace('/name', 'mine'))
    )
    assert answer.status_code == 403


def test_nobody_is_a_member_twice(
    alice: connection.Connection, bob: connection.Connection, shared: str
) -> None:
    with pytest.raises(exceptions.ConflictException):
        alice.image.add_member(shared, member_id=bob.current_project_id)


def test_glance_lets_an_image_be_shared_with_its_owner(
    call: Call, alice: connection.Connection, image: dict[str, Any]
) -> None:
    answer = call(
        'POST',
        f'/v2/images/{image["id"]}/members',
        json={'member': alice.current_project_id},
    )
    assert answer.status_code == 200


@pytest.mark.parametrize('name', ['os_glance_own', 'location', 'deleted'])
def test_glances_own_names_are_no_properties(
    call: Call, image: dict[str, Any], name: str
) -> None:
    made = call('POST', '/v2/images', json={name: 'x'})
    changed = call(
        'PATCH',
        f'/v2/images/{image["id"]}',
        data=json.dumps([{'op': 'add', 'path': f'/{name}', 'value': 'x'}]),
        headers={
            'Content-Type': 'application/openstack-images-v2.1-json-patch'
        },
    )
    assert (made.status_code, changed.status_code) == (403, 403)


@pytest.mark.parametrize('method', ['GET', 'PATCH', 'DELETE'])
def test_no_id_is_no_image(call: Call, method: str) -> None:
    assert call(method, '/v2/images/').status_code == 404


def test_an_image_that_is_shared_no_more_is_private_again(
    emulator: EmulatorServer,
    alice: connection.Connection,
    bob: connection.Connection,
    shared: str,
) -> None:
    before = alice.image.get_image(shared).visibility
    alice.image.remove_member(bob.current_project_id, shared)
    settle(emulator)
    after = alice.image.get_image(shared).visibility
    assert (before, after) == ('shared', 'private')


def test_who_is_a_member_no_more_does_not_find_the_image(
    emulator: EmulatorServer,
    alice: connection.Connection,
    bob: connection.Connection,
    shared: str,
) -> None:
    alice.image.remove_member(bob.current_project_id, shared)
    settle(emulator)
    with pytest.raises(exceptions.NotFoundException):
        bob.image.get_image(shared)


def test_a_member_that_is_none_is_not_found(
    call: Call, image: dict[str, Any]
) -> None:
    answer = call('GET', f'/v2/images/{image["id"]}/members/nobody')
    assert answer.status_code == 404


# ====== SCHEMAS ======


@pytest.mark.parametrize('name', ['image', 'images', 'member', 'members'])
def test_a_schema_carries_its_name(call: Call, name: str) -> None:
    assert call('GET', f'/v2/schemas/{name}').json()['name'] == name


def test_the_schema_names_what_an_image_has(
    call: Call, image: dict[str, Any]
) -> None:
    properties = call('GET', '/v2/schemas/image').json()['properties']
    assert not set(image) - set(properties)


# ====== REAL CLIENTS ======


# openstacksdk itself looks for the name in this way.
@pytest.mark.filterwarnings('ignore:The ignore_missing parameter')
def test_the_sdk_creates_an_image_from_a_file(
    emulator: EmulatorServer, alice: connection.Connection, tmp_path: Path
) -> None:
    path = tmp_path / 'disk.raw'
    path.write_bytes(b'\x00' * 5000)
    created = alice.image.create_image(
        'from the SDK', filename=str(path), disk_format='raw', wait=True
    )
    data = alice.image.download_image(created, stream=False).content
    settle(emulator)
    alice.image.delete_image(created)
    assert data == path.read_bytes()


def test_the_openstack_command_goes_round(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / 'in.raw').write_bytes(b'\x00' * 5000)
    steps = [
        'image create --file in.raw --disk-format raw --tag x=y round',
        'image set --property a=b --name round2 round',
        'image unset --tag x=y round2',
        'image save --file out.raw round2',
        'image list --property a=b',
        'image delete round2',
    ]
    failed = [step for step in steps if run(*step.split()).returncode]
    assert (failed, (tmp_path / 'out.raw').read_bytes()) == (
        [],
        b'\x00' * 5000,
    )


@pytest.mark.parametrize(
    'body',
    [
        b'{"name": "\xed\xa0\x80"}',
        '{"name": "\ud800"}'.encode('utf-16-le', 'surrogatepass'),
        '{"name": "a"}'.encode('utf-16'),
    ],
    ids=['raw', 'raw-utf-16', 'utf-16'],
)
def test_a_body_must_be_utf_8(call: Call, body: bytes) -> None:
    assert call('POST', '/v2/images', data=body).status_code == 400


@pytest.mark.parametrize(
    'attribute',
    [
        '__system__cmkid',
        '__whole_image',
        '__backup_id',
        '__originalimagename',
        '__productcode',
        '__account_code',
        '__data_origin',
    ],
)
@pytest.mark.parametrize('operation', ['add', 'replace', 'remove'])
def test_what_the_service_goes_by_cannot_be_patched(
    call: Call, operation: str, attribute: str
) -> None:
    body = {'name': 'bound', attribute: 'x'}
    created = call('POST', '/v2/images', json=body).json()
    path = f'/v2/images/{created["id"]}'
    change = {'op': operation, 'path': f'/{attribute}', 'value': 'y'}
    answer = call('PATCH', path, **patch(change))
    kept = call('GET', path).json()[attribute]
    call('DELETE', path)
    assert (answer.status_code, kept) == (403, 'x')


def test_the_id_of_a_member_is_bounded(
    call: Call, image: dict[str, Any]
) -> None:
    path = f'/v2/images/{image["id"]}/members'
    statuses = [
        call('POST', path, json={'member': 'm' * length}).status_code
        for length in (255, 256)
    ]
    assert statuses == [200, 400]
