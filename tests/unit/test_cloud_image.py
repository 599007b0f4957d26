# SPDX-License-Identifier: Apache-2.0
"""Listing, finding and changing images: what is asked and what is read."""

from collections.abc import Callable, Mapping
import copy
import json
import pickle
from typing import Any
import urllib.parse

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import cloud_image

LIST_URL = 'https://ims.example.com/v2/cloudimages'
IMAGE_ID = '33ad552d-1149-471c-8190-ff6776174a00'

#: Values of every notation that the references show.
BODY: dict[str, Any] = {
    'id': IMAGE_ID,
    'name': 'golden',
    'status': 'active',
    'self': f'/v2/images/{IMAGE_ID}',
    'min_disk': 40,
    'min_ram': 0,
    'max_ram': '4096',
    'tags': ['env=prod', 'team.infra'],
    'protected': False,
    'size': 0,
    'virtual_size': None,
    'created_at': '2018-09-06T14:03:27Z',
    'hw_vif_multiqueue_enabled': 'true',
    '__os_bit': '64',
    '__os_version': 'Ubuntu 18.04 server 64bit',
    '__description': 'as built',
    '__image_size': '449261568',
    '__imagetype': 'private',
    '__isregistered': 'true',
    '__lazyloading': 'True',
    '__support_kvm': 'true',
    '__support_fc_inject': 'true',
    'flavour_of_the_month': 'vanilla',
}


def by_pickle(image: cloud_image.CloudImage) -> cloud_image.CloudImage:
    """What another process makes of an image."""
    got: cloud_image.CloudImage = pickle.loads(pickle.dumps(image))
    return got


def query_of(answers: requests_mock.Mocker) -> dict[str, list[str]]:
    """The last request's query, in the case that it was sent in."""
    parts = urllib.parse.urlsplit(answers.last_request.url)
    return urllib.parse.parse_qs(parts.query)


def image(**changes: Any) -> cloud_image.CloudImage:
    body = {**BODY, **changes}
    body.pop('self')
    return cloud_image.CloudImage.existing(**body)


def test_attributes_have_python_names_and_real_types() -> None:
    got = image()

    assert got.os_version == 'Ubuntu 18.04 server 64bit'
    assert got.image_type == 'private'
    assert got.max_ram == 4096
    assert got.os_bit == 64
    assert got.image_size == 449261568
    assert got.is_registered is True
    assert got.is_lazy_loading is True
    assert got.is_vif_multiqueue_enabled is True
    assert got.is_protected is False
    assert got.is_xen_supported is None


def test_true_for_injection_means_that_it_is_not_supported() -> None:
    assert image().is_injection_unsupported is True


def test_times_have_a_parsed_twin() -> None:
    got = image()

    assert got.created_at == '2018-09-06T14:03:27Z'
    assert got.created_datetime is not None
    assert got.created_datetime.isoformat() == '2018-09-06T14:03:27+00:00'
    assert got.updated_datetime is None


def test_tags_are_read_with_either_separator() -> None:
    assert image().tag_map == {'env': 'prod', 'team': 'infra'}


def test_what_no_attribute_names_is_in_properties() -> None:
    assert image().properties == {'flavour_of_the_month': 'vanilla'}


@pytest.mark.parametrize('again', [copy.copy, copy.deepcopy, by_pickle])
def test_an_image_survives_copying_and_another_process(
    conn: connection.Connection,
    again: Callable[[cloud_image.CloudImage], cloud_image.CloudImage],
) -> None:
    original = cloud_image.CloudImage.existing(
        connection=conn, **{k: v for k, v in BODY.items() if k != 'self'}
    )

    got = again(original)

    assert got.to_dict(computed=False) == original.to_dict(computed=False)


def test_an_image_becomes_json() -> None:
    assert json.loads(json.dumps(image().to_dict()))['os_bit'] == 64


def test_a_list_pages_by_marker_until_a_short_page(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    pages = [['a', 'b'], ['c', 'd'], ['e']]
    answers.get(
        LIST_URL,
        [{'json': {'images': [{'id': i} for i in page]}} for page in pages],
    )

    ids = [found.id for found in conn.ims.cloud_images(limit=2)]

    assert ids == ['a', 'b', 'c', 'd', 'e']
    lists = [r for r in answers.request_history if r.path == '/v2/cloudimages']
    assert [r.qs.get('marker') for r in lists] == [None, ['b'], ['d']]


def test_a_page_that_repeats_raises_rather_than_loops(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST_URL, json={'images': [{'id': 'a'}, {'id': 'b'}]})

    with pytest.raises(exceptions.PagingError, match='same page'):
        list(conn.ims.cloud_images(limit=2))


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        ({'image_type': 'gold'}, {'__imagetype': 'gold'}),
        ({'__imagetype': 'gold'}, {'__imagetype': 'gold'}),
        ({'is_protected': True}, {'protected': 'true'}),
        ({'is_kvm_supported': 'true'}, {'__support_kvm': 'true'}),
        ({'is_registered': False}, {'__isregistered': 'false'}),
        ({'id': ['a', 'b']}, {'id': 'a,b'}),
        ({'tag': {'env': 'prod'}}, {'tag': 'env=prod'}),
        ({'tag': ('env', 'prod')}, {'tag': 'env=prod'}),
        ({'tag': 'env=prod'}, {'tag': 'env=prod'}),
        ({'sort_key': 'name', 'sort_dir': 'asc'}, None),
        ({'created_at': 'lt:2018-10-28T10:00:00Z'}, None),
        ({'virtual_env_type': 'IsoImage'}, None),
        ({'member_status': 'pending', 'visibility': 'shared'}, None),
        ({'limit': 7}, None),
    ],
)
def test_filters_are_sent_as_the_service_takes_them(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    given: Mapping[str, Any],
    sent: Mapping[str, str] | None,
) -> None:
    answers.get(LIST_URL, json={'images': []})

    list(conn.ims.cloud_images(**given))

    expected = {'limit': '1000', **(given if sent is None else sent)}
    assert query_of(answers) == {k: [str(v)] for k, v in expected.items()}


@pytest.mark.parametrize(
    'query',
    [
        {'ower': 'x'},
        {'sort_key': 'colour'},
        {'sort_dir': 'sideways'},
        {'limit': 'all'},
        {'limit': -1},
        {'tag': {'a': '1', 'b': '2'}},
        {'tag': {'a': ['x']}},
        {'tag': [('a', 'b'), ('c', 'd')]},
    ],
)
def test_a_filter_that_does_not_exist_is_refused_unsent(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    query: Mapping[str, Any],
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.cloud_images(**query)

    assert answers.call_count == 0


def test_fs_other_spelling_of_a_filter_is_understood(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST_URL, json={'images': []})

    list(conn.ims.cloud_images(__system_cmkid='k1'))

    assert query_of(answers)['__system__cmkid'] == ['k1']


def test_an_image_as_filter_stands_for_its_id(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST_URL, json={'images': []})

    list(conn.ims.cloud_images(id=image()))

    assert query_of(answers)['id'] == [IMAGE_ID]


@pytest.mark.parametrize('missing', ['', None, ' '])
def test_an_image_without_id_is_refused_unsent(
    conn: connection.Connection, answers: requests_mock.Mocker, missing: Any
) -> None:
    for call in (
        conn.ims.get_cloud_image,
        lambda each: conn.ims.register_image(each, 'images:a.raw'),
        lambda each: conn.ims.copy_image(each, 'copy'),
        lambda each: conn.ims.add_image_members([each], 'p1'),
    ):
        with pytest.raises(exceptions.ValidationError):
            call(missing)

    assert answers.call_count == 0


def test_an_image_is_got_by_its_id(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(f'{LIST_URL}?id={IMAGE_ID}', json={'images': [BODY]})

    got = conn.ims.get_cloud_image(IMAGE_ID)

    assert got.name == 'golden'


def test_an_image_that_is_not_there_is_not_found(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST_URL, json={'images': []})

    with pytest.raises(sdk_exceptions.NotFoundException, match=IMAGE_ID):
        conn.ims.get_cloud_image(IMAGE_ID)


def test_a_cloud_that_ignores_the_id_does_not_give_another_image(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST_URL, json={'images': [{**BODY, 'id': 'another'}]})

    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.get_cloud_image(IMAGE_ID)


def test_a_name_that_several_images_have_is_ambiguous(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST_URL, json={'images': [{'id': 'a'}, {'id': 'b'}]})

    with pytest.raises(sdk_exceptions.DuplicateResource, match='a, b'):
        conn.ims.find_cloud_image('golden')


def test_a_missing_image_is_none_unless_it_must_be_there(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST_URL, json={'images': []})

    assert conn.ims.find_cloud_image('golden') is None
    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.find_cloud_image('golden', ignore_missing=False)


@pytest.mark.parametrize(
    ('attrs', 'patch'),
    [
        (
            {'name': 'silver'},
            [{'op': 'replace', 'path': '/name', 'value': 'silver'}],
        ),
        (
            {'__description': 'new'},
            [{'op': 'replace', 'path': '/__description', 'value': 'new'}],
        ),
        (
            {'is_xen_supported': True},
            [{'op': 'add', 'path': '/__support_xen', 'value': 'true'}],
        ),
        (
            {'__of_tomorrow': True},
            [{'op': 'add', 'path': '/__of_tomorrow', 'value': 'true'}],
        ),
        (
            {'min_ram': 1024},
            [{'op': 'replace', 'path': '/min_ram', 'value': '1024'}],
        ),
        (
            {'max_ram': None},
            [{'op': 'remove', 'path': '/max_ram'}],
        ),
        (
            {'properties': {'colour': 'red', 'flavour_of_the_month': None}},
            [
                {'op': 'add', 'path': '/colour', 'value': 'red'},
                {'op': 'remove', 'path': '/flavour_of_the_month'},
            ],
        ),
        (
            {'name': 'golden', 'description': 'new'},
            [{'op': 'replace', 'path': '/__description', 'value': 'new'}],
        ),
    ],
)
def test_the_smallest_patch_is_sent(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    attrs: Mapping[str, Any],
    patch: list[dict[str, str]],
) -> None:
    answers.patch(f'{LIST_URL}/{IMAGE_ID}', json={**BODY, 'name': 'new'})

    updated = conn.ims.update_cloud_image(image(), **attrs)

    assert answers.last_request.json() == patch
    assert updated.id == IMAGE_ID
    assert updated.name == 'new'


@pytest.mark.parametrize(
    'attrs',
    [
        {},
        {'name': 'golden'},
        {'min_ram': 0},
        {'max_ram': '4096'},
        {'is_kvm_supported': True},
        {'is_xen_supported': None},
        {'properties': {'colour': None}},
    ],
)
def test_no_request_is_sent_for_what_is_so_already(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    attrs: Mapping[str, Any],
) -> None:
    unchanged = image()

    assert conn.ims.update_cloud_image(unchanged, **attrs) is unchanged
    assert answers.call_count == 0


@pytest.mark.parametrize(
    ('attrs', 'words'),
    [
        ({'os_version': 'x'}, 'os_version'),
        ({'os_version': 'x'}, '--os-version'),
        ({'min_disk': 50}, 'min_disk'),
        ({'min_disk': 50}, '--min-disk'),
        ({'status': 'active'}, 'status'),
        ({'descripton': 'x'}, 'did you mean description'),
        ({'name': 'a/b'}, "'/'"),
        ({'name': None}, 'not removed'),
        ({'is_protected': True}, '--protected'),
        ({'tags': []}, 'image tag add'),
        ({'min_ram': 'much'}, 'min_ram'),
        ({'hw_firmware_type': 'coreboot'}, 'bios'),
        ({'is_kvm_supported': 'perhaps'}, 'is_kvm_supported'),
        ({'xen_gpu_type': 'M60_vGPU'}, 'is_kvm_supported'),
        ({'properties': {'Colour': 'red'}}, 'capital'),
        ({'properties': {'__os_bit': '64'}}, '__os_bit'),
        ({'properties': 'red'}, 'mapping'),
    ],
)
def test_what_cannot_be_changed_is_refused_by_name_unsent(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    attrs: Mapping[str, Any],
    words: str,
) -> None:
    with pytest.raises(exceptions.ValidationError, match=words):
        conn.ims.update_cloud_image(image(), **attrs)

    assert answers.call_count == 0


def test_sides_that_exclude_each_other_can_be_swapped_in_one_call(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.patch(f'{LIST_URL}/{IMAGE_ID}', json=BODY)

    conn.ims.update_cloud_image(
        image(), kvm_gpu_type='V100', is_kvm_supported=None
    )

    assert len(answers.last_request.json()) == 2


def test_an_image_of_the_extensions_is_taken_by_native_methods(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.delete(
        f'https://ims.example.com/v2/images/{IMAGE_ID}', status_code=204
    )

    conn.ims.delete_image(image())

    assert answers.last_request.path == f'/v2/images/{IMAGE_ID}'
