# SPDX-License-Identifier: Apache-2.0
"""Images found by their tags, in the emulated cloud."""

from collections.abc import Callable, Iterator
import json
from typing import Any
import uuid

from openstack import connection
import pytest

from ims_ext.emulator.server import EmulatorServer

from .eventually import settle
from .openstack_command import Run
from .plain_http import Client
from .plain_http import code


@pytest.fixture
def prefix() -> str:
    """The beginning of the names of a test's own images."""
    return f'found-{uuid.uuid4().hex[:8]}-'


@pytest.fixture
def images(
    emulator: EmulatorServer, alice: connection.Connection, prefix: str
) -> dict[str, str]:
    """The IDs of four images, by what comes after the prefix."""
    found = {
        name: alice.ims.create_image(
            f'{prefix}{name}',
            disk_format='raw',
            container_format='bare',
            tags=tags,
            allow_duplicates=True,
            validate_checksum=False,
        ).id
        for name, tags in {
            'none': [],
            'prod': ['env=prod', 'team=a'],
            'test': ['env.test', 'team=a'],
            'flag': ['flag'],
        }.items()
    }
    settle(emulator)
    return found


@pytest.mark.parametrize(
    ('search', 'found'),
    [
        ({}, 'none prod test flag'),
        ({'tags': {'env': 'prod'}}, 'prod'),
        ({'tags': {'env': ['prod', 'test']}}, 'prod test'),
        ({'tags': {'env': None}}, 'prod test'),
        ({'tags': {'env': 'prod', 'team': 'a'}}, 'prod'),
        ({'tags': {'env': 'prod', 'team': 'b'}}, ''),
        ({'tags': {'flag': ''}}, 'flag'),
        ({'tags_any': {'env': 'test', 'flag': None}}, 'test flag'),
        ({'not_tags': {'env': 'prod', 'team': 'a'}}, 'none test flag'),
        ({'not_tags_any': {'env': 'prod', 'team': 'a'}}, 'none flag'),
        ({'tags': ['team'], 'not_tags': {'env': 'prod'}}, 'test'),
        ({'without_any_tag': True}, 'none'),
        ({'without_any_tag': False}, 'none prod test flag'),
    ],
)
def test_images_are_found_and_counted_by_their_tags(
    alice: connection.Connection,
    images: dict[str, str],
    prefix: str,
    search: dict[str, Any],
    found: str,
) -> None:
    search = {**search, 'matches': {'name': prefix.upper()}}

    by_page = list(alice.ims.images_by_tags(**search, limit=1))
    at_once = list(alice.ims.images_by_tags(**search))

    assert {image.id for image in at_once} == {
        images[name] for name in found.split()
    }
    assert [each.id for each in by_page] == [each.id for each in at_once]
    assert alice.ims.count_images_by_tags(**search) == len(at_once)


def test_an_image_is_found_by_its_id(
    alice: connection.Connection, images: dict[str, str], prefix: str
) -> None:
    [image] = alice.ims.images_by_tags(matches={'id': images['test']})

    assert image.name == f'{prefix}test'
    assert image.status == 'queued'
    assert image.tag_map == {'env': 'test', 'team': 'a'}


def test_anothers_images_are_not_found(
    bob: connection.Connection, images: dict[str, str], prefix: str
) -> None:
    assert bob.ims.count_images_by_tags(matches={'name': prefix}) == 0


# ====== THE WIRE ======


@pytest.fixture(scope='module')
def running() -> Iterator[EmulatorServer]:
    """An emulator with some images of known order."""
    with EmulatorServer(job_seconds=0) as server:
        client = Client(server)
        for number in range(12):
            client.create_metadata(name=f'n{number}', tags=['a=1'])
        yield server


@pytest.fixture
def search(running: EmulatorServer) -> Callable[..., Any]:
    client = Client(running)

    def send(**body: Any) -> Any:
        return client.request(
            'POST',
            f'/v2/{client.project_id}/images/resource_instances/action',
            json=body,
        )

    return send


def test_a_page_has_ten_images_unless_told_otherwise(
    search: Callable[..., Any],
) -> None:
    tags = [{'key': 'a', 'values': []}]

    first = search(action='filter', tags=tags).json()
    second = search(action='filter', tags=tags, offset='10').json()

    assert len(first['resources']) == 10
    assert len(second['resources']) == 2
    assert first['total_count'] == second['total_count'] == 12


def test_tags_are_ignored_where_images_without_any_are_searched(
    search: Callable[..., Any],
) -> None:
    answer = search(
        action='count',
        tags=[{'key': 'a', 'values': []}],
        matches=[{'key': 'resource_name', 'value': 'n1'}],
        without_any_tag=True,
    )

    assert answer.json() == {'total_count': 0}


def test_an_empty_name_finds_only_images_without_one(
    search: Callable[..., Any],
) -> None:
    matches = [{'key': 'resource_name', 'value': ''}]

    assert search(action='count', matches=matches).json()['total_count'] == 0


@pytest.mark.parametrize(
    'body',
    [
        {'action': 'Filter'},
        {'action': None},
        {'tags': []},
        {'tags': [{'values': ['v']}]},
        {'tags': [{'key': '', 'values': []}]},
        {'tags': [{'key': 'k' * 128, 'values': []}]},
        {'tags_any': [{'key': 'k', 'values': ['v' * 256]}]},
        {'tags_any': [{'key': 'k', 'values': 'v'}]},
        {'not_tags': [{'key': 'k', 'values': ['v', 'v']}]},
        {'not_tags': [{'key': 'k', 'values': []}] * 2},
        {'not_tags_any': [{'key': f'k{n}', 'values': []} for n in range(11)]},
        {'tags': [{'key': 'k', 'values': [f'v{n}' for n in range(11)]}]},
        {'limit': '0'},
        {'limit': '1001'},
        {'offset': '-1'},
        {'matches': []},
        {'matches': [{'key': 'colour', 'value': 'red'}]},
        {'matches': [{'key': 'resource_id', 'value': 'x'}] * 2},
        {'without_any_tag': 'perhaps'},
    ],
)
def test_a_search_that_is_not_permitted_is_refused(
    search: Callable[..., Any], body: dict[str, Any]
) -> None:
    answer = search(**{'action': 'filter', **body})

    assert code(answer) in ('IMG.0001', 'IMG.0115')


# ====== COMMANDS ======


def test_images_are_listed_by_their_tags(
    run: Run, images: dict[str, str], prefix: str
) -> None:
    listing = ('ims', 'image', 'list', '-f', 'json')
    mine = ('--matches', f'name={prefix}')

    def ids(*options: str) -> set[str]:
        found = json.loads(run(*listing, *options).stdout)
        return {image['ID'] for image in found}

    assert ids('--tag', 'env', '--not-tag', 'env=prod', *mine) == {
        images['test']
    }
    either = ('--any-tag', 'env=prod', '--any-tag', 'flag')
    assert ids(*either, '--not-any-tag', 'team', *mine) == {images['flag']}


def test_tags_and_filters_go_together(
    run: Run, images: dict[str, str], prefix: str
) -> None:
    done = run(
        *('ims', 'image', 'list', '--no-tags', '--matches', f'name={prefix}'),
        *('--private', '--status', 'queued', '--sort', 'name', '--long'),
        *('-f', 'json', '-c', 'ID', '-c', 'Disk Format'),
    )

    assert json.loads(done.stdout) == [
        {'ID': images['none'], 'Disk Format': 'raw'}
    ]


def test_one_tag_finds_the_same_whichever_operation_is_used(
    run: Run, alice: connection.Connection, images: dict[str, str]
) -> None:
    one = run(
        *('ims', 'image', 'list', '--tag', 'env=prod', '-f', 'json'),
        *('--sort', 'created_at:desc'),
    )

    assert [image['ID'] for image in json.loads(one.stdout)] == [
        image.id for image in alice.ims.images_by_tags(tags={'env': 'prod'})
    ]


@pytest.mark.parametrize('filters', [(), ('--status', 'queued')])
def test_images_are_counted_by_their_tags(
    run: Run, images: dict[str, str], prefix: str, filters: tuple[str, ...]
) -> None:
    done = run(
        *('ims', 'image', 'list', '--tag', 'team=a', '--count', *filters),
        *('--matches', f'name={prefix}', '-f', 'value'),
    )

    assert done.stdout == '2\n'
