# SPDX-License-Identifier: Apache-2.0
"""Where the references contradict themselves: tags, values, pages, errors.

The numbers go on from those of the paths, jobs and names.
"""

from collections.abc import Iterator
from typing import Any

from openstack import connection
import pytest
import requests
import requests_mock

from ims_ext import exceptions
from ims_ext.extension.tag import Tag

from ..functional.own_cloud import Cloud
from ..functional.own_cloud import own_cloud
from .conftest import IMS_URL
from .prepared import IMAGES
from .prepared import let_image
from .prepared import make_image
from .prepared import sent


@pytest.fixture(scope='module')
def emulated() -> Iterator[Cloud]:
    with own_cloud(job_seconds=0.1) as running:
        yield running


# 9: tags travel in three forms, and a native one in a path is a key only.
def test_tags_are_read_in_every_form(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.get(
        f'{IMS_URL}/v2/{conn.current_project_id}/images/i1/tags',
        json={'tags': [{'key': 'a', 'value': '1'}, {'key': 'b'}]},
    )

    image = let_image(conn, cloud, tags=['a.1', 'b=2', 'c=3.4', 'd'])

    assert image.tag_map == {'a': '1', 'b': '2', 'c': '3.4', 'd': ''}
    assert conn.ims.image_tags('i1') == [Tag('a', '1'), Tag('b', '')]


def test_tags_are_sent_in_the_form_that_each_operation_takes(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.put(f'{IMS_URL}/v1/cloudimages/tags', status_code=204)
    cloud.post(f'{IMS_URL}/v2/images', json={'id': 'i1'}, status_code=201)

    conn.ims.set_image_tag('i1', tag='a.1')
    assert sent(cloud) == {'image_id': 'i1', 'tag': 'a.1'}
    conn.ims.set_image_tag('i1', 'a', '1')
    assert sent(cloud)['image_tag'] == {'key': 'a', 'value': '1'}
    conn.ims.create_image_metadata('a', tags={'a': '1'})
    assert sent(cloud)['tags'] == ['a=1']


def test_the_emulator_knows_a_tag_however_it_was_set(emulated: Cloud) -> None:
    ims = emulated.conn.ims
    image_id = make_image(emulated, tags=['native=1'])

    ims.set_image_tag(image_id, tag='dotted.2')
    ims.add_image_tag(image_id, 'object', '3')
    ims.add_tag(image_id, 'key')
    in_path = ims.put(f'/v2/images/{image_id}/tags/a%3Db')

    assert dict(ims.image_tags(image_id)) == {
        'native': '1',
        'dotted': '2',
        'object': '3',
        'key': '',
    }
    assert in_path.status_code == 400


# 10: booleans and numbers are JSON's, or words.
@pytest.mark.parametrize(
    ('flag', 'number'), [(True, 4096), ('true', '4096'), ('True', '4096')]
)
def test_booleans_and_numbers_are_read_however_they_are_written(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    flag: Any,
    number: Any,
) -> None:
    image = let_image(
        *(conn, cloud),
        protected=flag,
        __isregistered=flag,
        max_ram=number,
        __image_size=number,
    )

    assert image.is_protected is True
    assert image.is_registered is True
    assert (image.max_ram, image.image_size) == (4096, 4096)


def test_a_search_by_tags_sends_its_numbers_as_strings(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.post(
        f'{IMS_URL}/v2/{conn.current_project_id}/images/resource_instances'
        '/action',
        json={'resources': [{'resource_id': 'i1'}], 'total_count': '1'},
    )

    found = conn.ims.images_by_tags(without_any_tag=True, limit=5, offset=0)

    assert [image.id for image in found] == ['i1']
    assert (sent(cloud)['limit'], sent(cloud)['offset']) == ('5', '0')
    assert conn.ims.count_images_by_tags(without_any_tag=True) == 1


def test_the_emulator_takes_and_gives_both_notations(emulated: Cloud) -> None:
    ims = emulated.conn.ims
    image_id = make_image(emulated, tags=['ten=10'])
    ims.update_cloud_image(image_id, max_ram=4096)
    path = f'/v2/{emulated.conn.current_project_id}/images'
    found = []
    for limit in (1, '1'):
        body = {'action': 'filter', 'limit': limit, 'offset': type(limit)(0)}
        answer = ims.post(f'{path}/resource_instances/action', json=body)
        found.append(len(answer.json()['resources']))
    image = ims.get('/v2/cloudimages', params={'id': image_id}).json()

    assert found == [1, 1]
    assert image['images'][0]['protected'] is False
    assert image['images'][0]['__isregistered'] == 'true'
    assert image['images'][0]['max_ram'] == '4096'
    assert image['images'][0]['__image_size'] == '4'


# 11: "true" says that injection is NOT supported.
@pytest.mark.parametrize('value', [True, False])
def test_the_attribute_for_injection_says_what_its_value_means(
    conn: connection.Connection, cloud: requests_mock.Mocker, value: bool
) -> None:
    image = let_image(conn, cloud, __support_fc_inject=str(value).lower())

    assert image.is_injection_unsupported is value


def test_the_emulator_keeps_the_value_for_injection(emulated: Cloud) -> None:
    image_id = make_image(emulated)

    emulated.conn.ims.update_cloud_image(
        image_id, is_injection_unsupported=True
    )

    answer = emulated.conn.ims.get(f'/v2/images/{image_id}')
    assert answer.json()['__support_fc_inject'] == 'true'


# 12: what links to the next page, and what does not.
def test_a_page_without_a_link_is_followed_by_its_marker(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    full = {'images': [{'id': 'i1'}, {'id': 'i2'}]}
    cloud.get(IMAGES, [{'json': full}, {'json': {'images': [{'id': 'i3'}]}}])

    found = [image.id for image in conn.ims.cloud_images(limit=2)]

    assert found == ['i1', 'i2', 'i3']
    pages = [each.qs for each in cloud.request_history if each.qs]
    assert pages == [
        {'limit': ['2']},
        {'limit': ['2'], 'marker': ['i2']},
    ]


def test_1000_images_are_asked_for_unless_told_otherwise(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    page = [{'id': f'i{number}'} for number in range(1000)]
    cloud.get(IMAGES, [{'json': {'images': page}}, {'json': {'images': []}}])

    assert len(list(conn.ims.cloud_images())) == 1000
    assert cloud.last_request is not None
    assert cloud.last_request.qs == {'limit': ['1000'], 'marker': ['i999']}


def test_the_emulator_pages_each_list_in_its_own_way(
    emulated: Cloud,
) -> None:
    ims = emulated.conn.ims
    wanted = {
        make_image(emulated, name='paged', tags=[f'p{number}=', 'p='])
        for number in range(3)
    }

    extension = [each.id for each in ims.cloud_images(name='paged', limit=2)]
    native = [each.id for each in ims.images(name='paged', limit=2)]
    tagged = [each.id for each in ims.images_by_tags(tags=['p'], limit=2)]
    tags = [each.key for each in ims.tags(name='paged', limit=2)]
    first = ims.get('/v2/cloudimages', params={'limit': 1}).json()
    glance = ims.get('/v2/images', params={'limit': 1}).json()

    for found in (extension, native, tagged):
        assert (len(found), set(found)) == (3, wanted)
    assert sorted(tags) == ['p', 'p0', 'p1', 'p2']
    assert 'next' not in first
    assert 'next' in glance


def test_the_emulators_native_pages_have_25_images() -> None:
    with own_cloud() as cloud:
        for _ in range(26):
            cloud.conn.ims.post('/v2/images', json={})
        answer = cloud.conn.ims.get('/v2/images').json()

    assert len(answer['images']) == 25
    assert 'marker=' in answer['next']


# 13: several IDs are permitted, how they are written is not said.
def test_several_ids_are_separated_by_commas(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.get(IMAGES, json={'images': [{'id': 'i1'}, {'id': 'i2'}]})

    found = [image.id for image in conn.ims.cloud_images(id=['i1', 'i2'])]

    assert found == ['i1', 'i2']
    assert cloud.last_request is not None
    assert cloud.last_request.qs['id'] == ['i1,i2']


def test_the_emulator_finds_several_ids(emulated: Cloud) -> None:
    wanted = {make_image(emulated), make_image(emulated)}
    make_image(emulated)

    found = emulated.conn.ims.cloud_images(id=sorted(wanted))

    assert {image.id for image in found} == wanted


# 14: errors come in three shapes, and a code may be missing.
@pytest.mark.parametrize(
    ('body', 'code', 'words'),
    [
        (
            '{"error": {"message": "No such image", "code": "IMG.0027"}}',
            *('IMG.0027', 'No such image'),
        ),
        ('{"error": {"message": "Just so"}}', None, 'Just so'),
        (
            '{"error_msg": "Wrong token", "error_code": "APIGW.0301"}',
            *('APIGW.0301', 'Wrong token'),
        ),
        (
            '<html><head><title>400 Bad Request</title></head>'
            '<body><h1>400</h1>Wrong <b>marker</b></body></html>',
            *(None, 'Wrong marker'),
        ),
    ],
)
def test_an_error_of_any_shape_is_told(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    body: str,
    code: str | None,
    words: str,
) -> None:
    cloud.get(IMAGES, text=body, status_code=400)

    with pytest.raises(exceptions.BadRequestError, match=words) as caught:
        list(conn.ims.cloud_images())

    assert caught.value.code == code
    assert '<' not in str(caught.value)


def test_the_emulator_sends_all_three_shapes(emulated: Cloud) -> None:
    ims = emulated.conn.ims

    own = ims.get('/v2/cloudimages', params={'limit': 'x'})
    gateway = requests.get(f'{ims.root_url()}/v2/cloudimages', timeout=30)
    glance = ims.get('/v2/images/nothing')

    assert own.json()['error']['code'] == 'IMG.0017'
    assert gateway.json()['error_code'] == 'APIGW.0301'
    assert glance.headers['Content-Type'].startswith('text/html')


# 15: two operations delete by what is in the body.
def test_what_is_deleted_is_in_the_body(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    members = f'{IMS_URL}/v1/cloudimages/members'
    cloud.delete(members, json={'job_id': 'j1'})
    cloud.delete(f'{IMS_URL}/v2/images/i1', status_code=204)

    conn.ims.remove_image_members('i1', 'f' * 32)
    assert sent(cloud) == {'images': ['i1'], 'projects': ['f' * 32]}
    conn.ims.delete_image('i1', delete_backup=True)
    assert sent(cloud) == {'delete_backup': True}


def test_the_emulator_reads_the_body_of_what_is_deleted(
    emulated: Cloud,
) -> None:
    ims = emulated.conn.ims
    image_id = make_image(emulated)
    beta = emulated.connect('bob').current_project_id
    ims.add_image_members(image_id, beta, wait=True)
    whole = ims.create_whole_image('whole', server='web', wait=True).image_id
    block_storage: Any = emulated.conn.block_storage
    before = block_storage.find_backup('whole', ignore_missing=False)

    ims.remove_image_members(image_id, beta, wait=True)
    ims.delete_image(whole, delete_backup=True)

    assert list(ims.members(image_id)) == []
    assert before is not None
    assert 'whole' not in {each.name for each in block_storage.backups()}
