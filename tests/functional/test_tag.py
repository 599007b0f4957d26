# SPDX-License-Identifier: Apache-2.0
"""Tags: set, removed, listed and searched by, in the emulated cloud."""

import json
from typing import Any
import uuid

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer
from ims_ext.extension import tag

from .eventually import eventually
from .openstack_command import Run
from .plain_http import Client
from .plain_http import code


@pytest.fixture
def client(tenant: Client) -> Client:
    return tenant


@pytest.fixture
def image_id(client: Client) -> str:
    return client.create_metadata(name='golden')


@pytest.fixture
def word() -> str:
    """A tag's value that no other test uses."""
    return uuid.uuid4().hex[:8]


def make_image(conn: connection.Connection, name: str, *tags: str) -> Any:
    made = conn.ims.create_image(
        name,
        disk_format='raw',
        container_format='bare',
        tags=list(tags),
        allow_duplicates=True,
        validate_checksum=False,
    )
    eventually(lambda: conn.ims.find_image(made.id))
    return made


@pytest.fixture
def image(alice: connection.Connection, word: str) -> Any:
    """An image without tags."""
    return make_image(alice, f'tagged-{word}')


# ====== TAGS OF ONE IMAGE ======


def test_tags_are_set_changed_and_removed(
    alice: connection.Connection, image: Any
) -> None:
    alice.ims.set_image_tag(image, 'env', 'test')
    alice.ims.set_image_tag(image, tag='team.infra.eu')
    alice.ims.add_image_tag(image, 'env', 'prod')
    alice.ims.create_image_tags(image, {'a': '1', 'b': '', 'c': '3'})
    alice.ims.delete_image_tag(image, 'a')
    alice.ims.delete_image_tag(image, 'a')
    alice.ims.delete_image_tags(image, ['c', 'not-there'])

    assert sorted(alice.ims.image_tags(image)) == [
        tag.Tag('b', ''),
        tag.Tag('env', 'prod'),
        tag.Tag('team', 'infra.eu'),
    ]


def test_a_tag_that_is_not_there_cannot_be_removed_if_it_must_be(
    alice: connection.Connection, image: Any
) -> None:
    with pytest.raises(sdk_exceptions.NotFoundException):
        alice.ims.delete_image_tag(image, 'env', ignore_missing=False)


def test_what_removes_tags_by_either_route_is_the_same(
    alice: connection.Connection, image: Any, client_of_alice: Client
) -> None:
    alice.ims.create_image_tags(image, {'a': '1', 'b': '2'})

    answer = client_of_alice.request(
        'DELETE',
        f'/v1/{client_of_alice.project_id}/cloudimages/{image.id}/tags/delete',
        json={'tags': [{'key': 'a', 'value': 'other'}, {'key': 'x'}]},
    )

    assert answer.status_code == 204
    assert alice.ims.image_tags(image) == [tag.Tag('b', '2')]


@pytest.fixture
def client_of_alice(emulator: EmulatorServer) -> Client:
    return Client(emulator)


def test_native_tags_are_read_and_removed_by_their_keys(
    alice: connection.Connection, word: str
) -> None:
    image = make_image(alice, f'n-{word}', 'plain', 'old.tag', 'new=tag')

    before = alice.ims.image_tags(image)
    alice.ims.delete_image_tags(image, ['plain', 'old', 'new'])

    assert sorted(before) == [('new', 'tag'), ('old', 'tag'), ('plain', '')]
    assert alice.ims.image_tags(image) == []


def test_an_eleventh_tag_is_too_many(
    alice: connection.Connection, image: Any
) -> None:
    alice.ims.create_image_tags(image, {f'k{n}': '' for n in range(10)})
    alice.ims.add_image_tag(image, 'k0', 'changed')

    with pytest.raises(exceptions.InvalidTagError, match=r'IMG\.0116'):
        alice.ims.add_image_tag(image, 'k10')


def test_others_can_read_tags_of_a_public_image_but_not_change_them(
    alice: connection.Connection,
) -> None:
    public = next(alice.ims.cloud_images(image_type='gold'))

    assert alice.ims.image_tags(public) == []
    with pytest.raises(exceptions.BadRequestError, match=r'IMG\.0047'):
        alice.ims.add_image_tag(public, 'env', 'prod')


def test_a_project_does_not_see_the_tags_of_anothers_image(
    bob: connection.Connection, image: Any
) -> None:
    with pytest.raises(exceptions.BadRequestError, match=r'IMG\.0027'):
        bob.ims.image_tags(image.id)


@pytest.mark.parametrize(
    'body',
    [
        {'tag': 'k.v', 'image_tag': {'key': 'k', 'value': 'v'}},
        {},
        {'tag': ['k.v']},
        {'image_tag': 'k.v'},
        {'image_tag': {'key': 'k' * 37, 'value': ''}},
        {'image_tag': {'key': 'k', 'value': 'a/b'}},
    ],
)
def test_a_tag_that_is_not_permitted_is_refused(
    client: Client, image_id: str, body: dict[str, Any]
) -> None:
    answer = client.request(
        'PUT', '/v1/cloudimages/tags', json={'image_id': image_id, **body}
    )

    assert code(answer) in ('IMG.0001', 'IMG.0115')


@pytest.mark.parametrize(
    'body',
    [
        {'action': 'CREATE', 'tags': [{'key': 'k', 'value': 'v'}]},
        {'action': 'create', 'tags': []},
        {'action': 'create'},
        {'action': 'create', 'tags': [{'key': 'k'}, {'key': 'k'}]},
        {'action': 'create', 'tags': [{'key': 'k=v', 'value': ''}]},
        {'action': 'create', 'tags': ['k']},
        {'action': 'delete', 'tags': [{'value': 'v'}]},
        {'action': 'delete', 'tags': [{'key': ' '}]},
        {'action': 'delete', 'tags': [{'key': 'k' * 128}]},
        {'action': 'delete', 'tags': [{'key': 'k', 'value': 'v' * 256}]},
    ],
)
def test_a_batch_that_is_not_permitted_is_refused(
    client: Client, image_id: str, body: dict[str, Any]
) -> None:
    answer = client.request(
        'POST',
        f'/v2/{client.project_id}/images/{image_id}/tags/action',
        json=body,
    )

    assert code(answer) in ('IMG.0001', 'IMG.0115')


def test_a_removal_does_not_check_characters(
    client: Client, image_id: str
) -> None:
    answer = client.request(
        'POST',
        f'/v2/{client.project_id}/images/{image_id}/tags/action',
        json={'action': 'delete', 'tags': [{'key': '=*/,' + 'k' * 123}]},
    )

    assert answer.status_code == 204


@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('GET', '/v2/{}/images/tags'),
        ('GET', '/v2/{}/images/x/tags'),
        ('POST', '/v2/{}/images/x/tags'),
        ('POST', '/v2/{}/images/x/tags/action'),
        ('DELETE', '/v2/{}/images/x/tags/k'),
        ('DELETE', '/v1/{}/cloudimages/x/tags/delete'),
        ('POST', '/v2/{}/images/resource_instances/action'),
    ],
)
def test_a_path_with_anothers_project_is_refused(
    client: Client, method: str, path: str
) -> None:
    answer = client.request(
        method, path.format('f' * 32), json={'action': 'count'}
    )

    assert code(answer) == 'IMG.0030'


# ====== TAGS OF MANY IMAGES ======


def test_a_project_has_the_tags_of_its_own_images(
    alice: connection.Connection, bob: connection.Connection, word: str
) -> None:
    make_image(alice, 'a', f'{word}=1')
    make_image(alice, 'b', f'{word}.2', f'{word}-flag')

    mine = dict(alice.ims.project_tags())

    assert mine[word] == ['1', '2']
    assert mine[f'{word}-flag'] == ['']
    assert word not in dict(bob.ims.project_tags())


@pytest.mark.parametrize('limit', [1, 2, 3, 500])
def test_tags_are_searched_for_page_by_page(
    alice: connection.Connection, word: str, limit: int
) -> None:
    make_image(alice, word, 'a=1', 'b.2', 'c')
    make_image(alice, word, 'a=1', 'd=4')

    found = list(alice.ims.tags(name=word, limit=limit))

    assert sorted(found) == [('a', '1'), ('b', '2'), ('c', ''), ('d', '4')]


def test_a_page_of_tags_before_the_first_is_refused(client: Client) -> None:
    assert code(client.get('/v1/cloudimages/tags', page=0)) == 'IMG.0017'


# ====== COMMANDS ======


def test_commands_add_list_and_remove_tags(
    run: Run, alice: connection.Connection, image: Any, word: str
) -> None:
    tagging = ('ims', 'image', 'tag')
    several = run(*tagging, 'add', image.name, 'a=1', f'{word}=2', 'c')
    one = run(*tagging, 'add', image.id, 'd=4')
    listed = run(*tagging, 'list', image.name, '-f', 'json')
    run(*tagging, 'remove', image.name, 'd')
    run(*tagging, 'remove', image.name, 'a', 'not-there')
    of_project = run('ims', 'tag', 'list', '-f', 'json')
    found = run(
        *('ims', 'tag', 'list', '--search', f'name={image.name}'),
        *('visibility=private', '-f', 'json'),
    )

    assert (several.returncode, one.returncode) == (0, 0)
    assert {
        each['Key']: each['Value'] for each in json.loads(listed.stdout)
    } == {'a': '1', word: '2', 'c': '', 'd': '4'}
    assert {'Key': word, 'Values': ['2']} in json.loads(of_project.stdout)
    assert sorted(json.loads(found.stdout), key=str) == sorted(
        [{'Key': 'c', 'Value': ''}, {'Key': word, 'Value': '2'}], key=str
    )


def test_a_tag_that_cannot_be_removed_is_said(run: Run, image: Any) -> None:
    missing = run('ims', 'image', 'tag', 'remove', image.id, 'not-there')
    wrong = run('ims', 'image', 'tag', 'remove', image.id, 'a=1', 'b')

    assert missing.returncode == 1
    assert 'not-there' in missing.stderr
    assert wrong.returncode == 1
    assert 'a=1' in wrong.stderr
