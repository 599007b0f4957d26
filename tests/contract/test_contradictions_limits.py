# SPDX-License-Identifier: Apache-2.0
"""Where the references contradict themselves: bounds, and what is refused.

The numbers go on from those of the tags, values, pages and errors.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
import re
from typing import Any

from openstack import connection
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext import objectstore

from ..functional.own_cloud import Cloud
from ..functional.own_cloud import own_cloud
from .conftest import IMS_URL
from .prepared import make_image
from .prepared import sent

ACTION = '/v2/cloudimages/action'
ELEVEN = {f'k{number}': '' for number in range(11)}

Call = Callable[[Any], Any]


@pytest.fixture(scope='module')
def emulated(disks: dict[str, Path]) -> Iterator[Cloud]:
    """A cloud with a disk in the bucket ``images``."""
    with own_cloud(job_seconds=0.1) as running:
        objectstore.ObjectStore(running.conn).upload(
            disks['qcow2'], 'images', 'disk.qcow2'
        )
        yield running


@pytest.fixture
def accepting(cloud: requests_mock.Mocker) -> requests_mock.Mocker:
    """A cloud that does whatever it is asked, and finds nothing."""
    answer = {'job_id': 'j1', 'total_count': 0}
    cloud.post(re.compile(f'^{IMS_URL}/'), json=answer)
    return cloud


def post(emulated: Cloud, **body: Any) -> str:
    """Ask for an image as no client of ours would; return the code."""
    good = {'name': 'a', 'image_url': 'images:disk.qcow2', 'min_disk': 40}
    return emulated.post(ACTION, **{**good, **body})


# 16: the table calls file_format mandatory, but quick export excludes it.
def test_a_quick_export_has_no_format(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.post(f'{IMS_URL}/v1/cloudimages/i1/file', json={'job_id': 'j1'})

    conn.ims.export_image('i1', 'images:a', is_quick_export=True)
    assert sent(cloud) == {'bucket_url': 'images:a', 'is_quick_export': True}
    conn.ims.export_image('i1', 'images:a')
    assert sent(cloud)['file_format'] == 'vhd'
    with pytest.raises(exceptions.ValidationError, match='quick export'):
        conn.ims.export_image(
            'i1', 'images:a', file_format='vhd', is_quick_export=True
        )


def test_the_emulator_exports_quickly_without_a_format_only(
    emulated: Cloud,
) -> None:
    image_id = make_image(emulated)
    body = {'bucket_url': 'images:16', 'is_quick_export': True}
    path = f'/v1/cloudimages/{image_id}/file'

    assert emulated.post(path, **body, file_format='vhd') == 'IMG.0001'
    assert emulated.conn.ims.post(path, json=body).status_code == 200


# 17: system disks have up to 1,024 GiB, data disks up to 2,048, and their
# smallest size is another in each cloud.
@pytest.mark.parametrize(
    ('method', 'good', 'bad'),
    [
        ('create_image_from_object', (1, 1024), (0, 1025)),
        ('create_data_image_from_object', (1, 40, 2048), (0, 2049)),
    ],
)
def test_min_disk_is_checked_by_the_kind_of_disk(
    conn: connection.Connection,
    accepting: requests_mock.Mocker,
    method: str,
    good: tuple[int, ...],
    bad: tuple[int, ...],
) -> None:
    create = getattr(conn.ims, method)

    for size in good:
        create('images:a', 'a', size)
        assert sent(accepting)['min_disk'] == size
    for size in bad:
        with pytest.raises(exceptions.ValidationError, match='min_disk'):
            create('images:a', 'a', size)


def test_the_emulator_checks_min_disk_by_the_kind_of_disk(
    emulated: Cloud,
) -> None:
    ims = emulated.conn.ims
    data = '/v1/cloudimages/dataimages/action'
    body = {'name': 'a', 'image_url': 'images:disk.qcow2'}

    assert [post(emulated, min_disk=n) for n in (0, 1025)] == ['IMG.0055'] * 2
    assert [
        emulated.post(data, **body, min_disk=size) for size in (39, 2049)
    ] == ['IMG.0055'] * 2
    for method, size in (
        (ims.create_image_from_object, 1),
        (ims.create_image_from_object, 1024),
        (ims.create_data_image_from_object, 2048),
    ):
        job = method('images:disk.qcow2', 'sized', size, wait=True)
        assert emulated.image(job).min_disk == size


# 18: names have up to 128 characters of some kinds, native ones up to 255.
@pytest.mark.parametrize('name', ['n' * 129, ' a', 'a ', 'a/b', 'a<b', ''])
def test_a_name_out_of_bounds_is_not_sent(
    conn: connection.Connection, name: str
) -> None:
    with pytest.raises(exceptions.ValidationError, match='name'):
        conn.ims.create_image_from_object('images:a', name, 40)


def test_a_name_within_bounds_is_sent(
    conn: connection.Connection, accepting: requests_mock.Mocker
) -> None:
    for name in ('n' * 128, 'a b-c_d.1'):
        conn.ims.create_image_from_object('images:a', name, 40)
        assert sent(accepting)['name'] == name
    accepting.post(f'{IMS_URL}/v2/images', json={'id': 'i'}, status_code=201)
    conn.ims.create_image_metadata('n' * 255)
    assert sent(accepting)['name'] == 'n' * 255
    with pytest.raises(exceptions.ValidationError, match='255'):
        conn.ims.create_image_metadata('n' * 256)


def test_the_emulator_has_two_bounds_for_names(emulated: Cloud) -> None:
    native = emulated.conn.ims.post('/v2/images', json={'name': 'n' * 256})

    assert make_image(emulated, name='n' * 255)
    assert native.status_code == 400
    assert post(emulated, name='n' * 129) == 'IMG.0002'
    assert post(emulated, name=' a') == 'IMG.0003'
    assert post(emulated, name='a/b') == 'IMG.0003'


# 19: descriptions have up to 1,024 characters, and some must not be there.
@pytest.mark.parametrize('text', ['d' * 1025, 'a<b', 'a>b', 'a\rb'])
def test_a_description_out_of_bounds_is_not_sent(
    conn: connection.Connection, text: str
) -> None:
    with pytest.raises(exceptions.ValidationError, match='description'):
        conn.ims.copy_image('i1', 'a', description=text)


def test_the_emulator_checks_descriptions(emulated: Cloud) -> None:
    image_id = make_image(emulated)
    emulated.conn.ims.update_cloud_image(image_id, description='d' * 1024)

    image = emulated.conn.ims.get_cloud_image(image_id)
    assert image.description == 'd' * 1024
    assert post(emulated, description='d' * 1025) == 'IMG.0004'
    for text in ('a<b', 'a>b', 'a\rb'):
        assert post(emulated, description=text) == 'IMG.0054'


# 20: tags that are set have other bounds than tags that are removed or
# searched by.
@pytest.mark.parametrize(
    ('key', 'value'),
    [
        *(('k' * 37, ''), ('k', 'v' * 44), ('', 'v'), (' k', ''), ('k', 'v ')),
        *((f'k{c}', '') for c in '=*<>\\,|/'),
        *(('k', f'{c}v') for c in '=*<>\\,|/'),
    ],
)
def test_a_tag_that_cannot_be_set_can_be_removed_and_searched_by(
    conn: connection.Connection,
    accepting: requests_mock.Mocker,
    key: str,
    value: str,
) -> None:

    with pytest.raises(exceptions.ValidationError, match='tag'):
        conn.ims.add_image_tag('i1', key, value)
    if key:
        conn.ims.delete_image_tags('i1', {key: value})
        assert sent(accepting)['tags'] == [{'key': key, 'value': value}]
        conn.ims.count_images_by_tags(tags={key: value})
        assert sent(accepting)['tags'] == [{'key': key, 'values': [value]}]


def test_the_most_and_the_longest_tags_are_sent(
    conn: connection.Connection, accepting: requests_mock.Mocker
) -> None:
    ten = {f'{number}'.ljust(36, 'k'): 'v' * 43 for number in range(10)}
    old = {'k' * 127: ['v' * 255, *(f'{number}' for number in range(9))]}

    conn.ims.create_image_tags('i1', ten)
    assert len(sent(accepting)['tags']) == 10
    conn.ims.delete_image_tags('i1', {'k' * 127: 'v' * 255})
    conn.ims.count_images_by_tags(tags=old)
    assert len(sent(accepting)['tags'][0]['values']) == 10
    # Twice the same is once.
    conn.ims.count_images_by_tags(tags={'k': ['v', 'v']})
    assert sent(accepting)['tags'] == [{'key': 'k', 'values': ['v']}]


@pytest.mark.parametrize(
    ('call', 'words'),
    [
        (lambda ims: ims.create_image_tags('i1', ELEVEN), 'at most 10'),
        (
            lambda ims: ims.create_image_metadata('a', tags=ELEVEN),
            'at most 10',
        ),
        (lambda ims: ims.count_images_by_tags(tags=ELEVEN), '11 keys'),
        (
            lambda ims: ims.count_images_by_tags(tags={'k': list(ELEVEN)}),
            'at most 10 a key',
        ),
        (lambda ims: ims.delete_image_tags('i1', ['k' * 128]), '127'),
        (lambda ims: ims.delete_image_tags('i1', {'k': 'v' * 256}), '255'),
        (lambda ims: ims.count_images_by_tags(tags=['k' * 128]), '127'),
        (lambda ims: ims.count_images_by_tags(tags={'k': 'v' * 256}), '255'),
    ],
)
def test_what_is_too_much_is_not_sent(
    conn: connection.Connection, call: Call, words: str
) -> None:
    with pytest.raises(exceptions.ValidationError, match=words):
        call(conn.ims)


def test_the_emulator_has_the_same_bounds_for_tags(emulated: Cloud) -> None:
    ims, project = emulated.conn.ims, emulated.conn.current_project_id
    image_id = make_image(emulated)
    path = f'/v2/{project}/images/{image_id}/tags/action'
    search = f'/v2/{project}/images/resource_instances/action'

    def set_tag(key: str, value: str = '') -> str:
        tags = [{'key': key, 'value': value}]
        return emulated.post(path, action='create', tags=tags)

    def search_for(*tags: Any) -> str:
        return emulated.post(search, action='count', tags=list(tags))

    wrong = [('k' * 37,), ('k', 'v' * 44), ('k=',), ('k', 'v/'), (' k',)]
    assert {set_tag(*tag) for tag in wrong} == {'IMG.0115'}
    ims.create_image_tags(image_id, {f'k{n}': '' for n in range(10)})
    assert set_tag('eleventh') == 'IMG.0116'
    ims.delete_image_tags(image_id, {'=*/': '', 'k' * 127: 'v' * 255})
    assert ims.count_images_by_tags(tags={'=*/': '', 'k' * 127: None}) == 0
    twice = {'key': 'k', 'values': ['v', 'v']}
    assert search_for({'key': 'k' * 128, 'values': []}) == 'IMG.0115'
    assert search_for(twice) == 'IMG.0115'
    assert search_for(*[{'key': 'k', 'values': []}] * 2) == 'IMG.0115'
