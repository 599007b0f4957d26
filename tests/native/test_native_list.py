# SPDX-License-Identifier: Apache-2.0
"""Lists of images: pages, filters, order."""

from collections.abc import Iterator
import dataclasses
from typing import Any
import uuid

from openstack import connection
from openstack.image.v2.image import Image
import pytest

from ims_ext import exceptions

from .clouds import FORMATS
from .clouds import Cloud
from .clouds import MakeImage
from .clouds import create
from .clouds import delete
from .clouds import upload


@dataclasses.dataclass(frozen=True)
class Group:
    """Images with a tag of their own, oldest first."""

    tag: str
    images: list[Image]


@pytest.fixture(scope='module')
def group(cloud: Cloud) -> Iterator[Group]:
    """Give the images b, c and a, made in this order; a has data."""
    alice = cloud.alice
    tag = str(uuid.uuid4())
    images = [
        create(
            alice,
            name,
            tags=[tag, f'{tag}-{name}'],
            min_disk=size,
            min_ram=4 - size,
            own=name,
            protected=name == 'a',
            disk_format='qcow2' if name == 'c' else 'raw',
        )
        for size, name in enumerate(('b', 'c', 'a'), 1)
    ]
    upload(alice, images[-1], b'12345')
    yield Group(tag, images)
    for image in images:
        delete(alice, image)


def names(conn: connection.Connection, group: Group, **query: Any) -> str:
    """Return the names of the group's images that openstacksdk lists."""
    return ''.join(
        image.name for image in conn.ims.images(tag=group.tag, **query)
    )


def names_sent(conn: connection.Connection, group: Group, query: Any) -> str:
    """Return the names that one answer to a query has.

    openstacksdk sends only the parameters that it knows; by the others, it
    chooses among all images itself.
    """
    answer = conn.ims.get('/images', params={'tag': group.tag, **query})
    return ''.join(image['name'] for image in answer.json()['images'])


def test_the_newest_image_comes_first(
    alice: connection.Connection, group: Group
) -> None:
    assert names(alice, group) == 'acb'


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        ({'name': 'c'}, 'c'),
        ({'status': 'active'}, 'a'),
        ({'visibility': 'private'}, 'acb'),
        ({'is_protected': True}, 'a'),
        ({'is_hidden': True}, ''),
        ({'size_min': 1}, 'a'),
        ({'name': 'c', 'status': 'active'}, ''),
        # Of the next ones, it sends nothing.
        ({'min_disk': 2}, 'c'),
        ({'disk_format': 'qcow2'}, 'c'),
        ({'own': 'b'}, 'acb'),
    ],
    ids=str,
)
def test_the_sdks_filters_decide_what_is_listed(
    alice: connection.Connection,
    group: Group,
    query: dict[str, Any],
    expected: str,
) -> None:
    assert names(alice, group, **query) == expected


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        ({'name': 'c'}, 'c'),
        ({'name': 'in:c,b'}, 'cb'),
        ({'name': 'in:"c",b'}, 'cb'),
        ({'name': 'x'}, ''),
        ({'status': 'active'}, 'a'),
        ({'status': 'queued'}, 'cb'),
        ({'status': 'in:active,queued'}, 'acb'),
        ({'status': 'nonsense'}, ''),
        ({'disk_format': 'qcow2'}, 'c'),
        ({'disk_format': 'in:qcow2,raw'}, 'acb'),
        ({'container_format': 'bare'}, 'acb'),
        ({'visibility': 'private'}, 'acb'),
        ({'visibility': 'all'}, 'acb'),
        ({'visibility': 'public'}, ''),
        ({'visibility': 'shared'}, ''),
        ({'min_disk': 2}, 'c'),
        ({'min_ram': 1}, 'a'),
        ({'size_min': 1}, 'a'),
        ({'size_max': 5}, 'a'),
        ({'size_min': 6}, ''),
        ({'protected': 'true'}, 'a'),
        ({'protected': 'false'}, 'cb'),
        ({'own': 'b'}, 'b'),
        ({'own': 'x'}, ''),
        ({'no_such': 'x'}, ''),
        ({'owner': 'nobody'}, ''),
        ({'os_hidden': 'true'}, ''),
        ({'os_hidden': 'false'}, 'acb'),
        ({'created_at': 'gt:2000-01-01T00:00:00Z'}, 'acb'),
        ({'created_at': 'lt:2000-01-01T00:00:00Z'}, ''),
        ({'updated_at': 'gte:2000-01-01T00:00:00Z'}, 'acb'),
        ({'name': 'c', 'status': 'active'}, ''),
    ],
    ids=str,
)
def test_filters_decide_what_is_listed(
    alice: connection.Connection,
    group: Group,
    query: dict[str, Any],
    expected: str,
) -> None:
    assert names_sent(alice, group, query) == expected


def test_all_of_several_tags_must_be_there(
    alice: connection.Connection, group: Group
) -> None:
    query = [('tag', group.tag), ('tag', f'{group.tag}-c')]
    found = alice.ims.get('/images', params=query).json()['images']
    assert [image['name'] for image in found] == ['c']


def test_images_are_listed_by_their_ids(
    alice: connection.Connection, group: Group
) -> None:
    wanted = {image.id for image in group.images[1:]}
    found = alice.ims.images(id='in:' + ','.join(wanted))
    assert {image.id for image in found} == wanted


def test_images_are_listed_by_their_owner(
    alice: connection.Connection, group: Group
) -> None:
    owner = alice.current_project_id
    assert names(alice, group, owner=owner) == 'acb'


def test_a_hidden_image_is_listed_when_asked_for(
    alice: connection.Connection, make_image: MakeImage
) -> None:
    image = make_image(os_hidden=True)
    found = [
        [each.id for each in alice.ims.images(name=image.name, **query)]
        for query in ({}, {'is_hidden': True})
    ]
    assert found == [[], [image.id]]


def test_anothers_private_images_are_not_listed(
    bob: connection.Connection, group: Group
) -> None:
    assert names(bob, group) == ''


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        ({'sort': 'name:asc'}, 'abc'),
        ({'sort': 'name'}, 'cba'),
        ({'sort': 'created_at:asc'}, 'bca'),
        ({'sort': 'size:desc,name:asc'}, 'abc'),
        ({'sort': 'status:desc,name:asc'}, 'bca'),
        ({'sort': 'disk_format:asc,name:desc'}, 'cba'),
        ({'sort_key': 'name', 'sort_dir': 'asc'}, 'abc'),
        ({'sort_key': 'name'}, 'cba'),
        ({'sort_dir': 'asc'}, 'bca'),
    ],
    ids=str,
)
def test_a_sort_key_decides_on_the_order(
    alice: connection.Connection,
    group: Group,
    query: dict[str, str],
    expected: str,
) -> None:
    assert names(alice, group, **query) == expected


@pytest.mark.parametrize(
    'query',
    [
        {'limit': 'x'},
        {'limit': '-1'},
        {'marker': str(uuid.uuid4())},
        {'marker': 'x'},
        {'sort_key': 'nothing'},
        {'sort_key': 'tags'},
        {'sort_key': 'min_disk'},
        {'sort_dir': 'up'},
        {'sort': 'name:up'},
        {'sort': 'nothing:asc'},
        {'sort': 'name:asc', 'sort_key': 'name'},
        {'visibility': 'secret'},
        {'member_status': 'maybe'},
        {'protected': 'x'},
        {'os_hidden': 'x'},
        {'size_min': 'x'},
        {'size_max': 'x'},
        {'name': 'in:"a'},
        {'created_at': 'gt:yesterday'},
        {'created_at': 'xx:2020-01-01T00:00:00Z'},
    ],
    ids=str,
)
def test_parameters_that_make_no_sense_are_refused(
    alice: connection.Connection, query: dict[str, str]
) -> None:
    assert alice.ims.get('/images', params=query).status_code == 400


def test_a_refused_list_raises(alice: connection.Connection) -> None:
    with pytest.raises(exceptions.BadRequestError):
        list(alice.ims.images(sort_key='nothing'))


# ====== PAGES ======


@pytest.mark.parametrize('limit', [1, 2, 3, 4])
# Not by size: Glance loses images without data between the pages.
@pytest.mark.parametrize(
    'sort', ['created_at:desc', 'name:asc', 'status:desc,id:asc']
)
def test_the_pages_together_have_every_image_once(
    alice: connection.Connection, group: Group, limit: int, sort: str
) -> None:
    found = names(alice, group, limit=limit, sort=sort)
    assert sorted(found) == ['a', 'b', 'c']


def test_the_order_goes_on_over_the_pages(
    alice: connection.Connection, group: Group
) -> None:
    assert names(alice, group, limit=2, sort='name:asc') == 'abc'


def test_a_list_begins_after_its_marker(
    alice: connection.Connection, group: Group
) -> None:
    marker = group.images[1].id
    assert names(alice, group, marker=marker) == 'b'


def test_a_page_names_the_first_and_the_next(
    alice: connection.Connection, group: Group
) -> None:
    page = alice.ims.get(f'/images?limit=2&tag={group.tag}').json()
    # The order of the parameters means nothing.
    assert {
        'schema': page['schema'],
        'first': sorted(page['first'].split('?')[1].split('&')),
        'next': sorted(page['next'].split('?')[1].split('&')),
    } == {
        'schema': '/v2/schemas/images',
        'first': ['limit=2', f'tag={group.tag}'],
        'next': [
            'limit=2',
            f'marker={group.images[1].id}',
            f'tag={group.tag}',
        ],
    }


def test_a_page_with_fewer_images_than_it_may_have_is_the_last(
    alice: connection.Connection, group: Group
) -> None:
    page = alice.ims.get(f'/images?limit=4&tag={group.tag}').json()
    assert 'next' not in page


@pytest.fixture
def many(alice: connection.Connection) -> Iterator[str]:
    """Give a tag that 27 images have: more than a page without a limit."""
    tag = str(uuid.uuid4())
    ids = [
        alice.ims.post(
            '/images', json={**FORMATS, 'name': str(n), 'tags': [tag]}
        ).json()['id']
        for n in range(27)
    ]
    yield tag
    for image_id in ids:
        alice.ims.delete_image(image_id)


def test_without_a_limit_a_page_has_25_images(
    alice: connection.Connection, many: str
) -> None:
    page = alice.ims.get(f'/images?tag={many}').json()
    assert (len(page['images']), 'next' in page) == (25, True)


def test_without_a_limit_all_pages_are_listed(
    alice: connection.Connection, many: str
) -> None:
    found = [image.name for image in alice.ims.images(tag=many)]
    assert found == [str(n) for n in reversed(range(27))]
