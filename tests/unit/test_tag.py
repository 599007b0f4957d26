# SPDX-License-Identifier: Apache-2.0
"""Tags: what is permitted, the forms they travel in, and what is asked."""

from collections.abc import Mapping
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import cloud_image
from ims_ext.extension import tag
from ims_ext.extension import tag_rules

from .conftest import IMS_URL
from .conftest import PROJECT_ID

IMAGE_ID = '67e17426-359e-49fb-aa12-0bd1756ec240'
TAGS = f'{IMS_URL}/v1/cloudimages/tags'
IMAGE_TAGS = f'{IMS_URL}/v2/{PROJECT_ID}/images/{IMAGE_ID}/tags'
OLD_TAGS = f'{IMS_URL}/v1/{PROJECT_ID}/cloudimages/{IMAGE_ID}/tags/delete'
GATEWAY = {'error_code': 'APIGW.0101', 'error_msg': "No such API"}


# ====== WHAT IS PERMITTED ======


@pytest.mark.parametrize(
    ('text', 'meant'),
    [
        ('env=prod', ('env', 'prod')),
        ('env.prod', ('env', 'prod')),
        ('version=1.2', ('version', '1.2')),
        ('a.b=c', ('a.b', 'c')),
        ('env=', ('env', '')),
        ('env', ('env', '')),
    ],
)
def test_both_separators_are_read_back(
    text: str, meant: tuple[str, str]
) -> None:
    assert tag.read_tag(text) == meant


@pytest.mark.parametrize(
    'given',
    [
        {'env': 'prod'},
        [tag.Tag('env', 'prod')],
        [('env', 'prod')],
        [{'key': 'env', 'value': 'prod'}],
        ['env=prod'],
        ['env.prod'],
    ],
)
def test_tags_are_given_as_mapping_or_list(given: Any) -> None:
    assert tag.check_tags(given) == [tag.Tag('env', 'prod')]


def test_the_longest_tags_are_allowed() -> None:
    longest = {'k' * 36: 'v' * 43}

    assert tag.check_tags(longest) == [tag.Tag('k' * 36, 'v' * 43)]


@pytest.mark.parametrize(
    'given',
    [
        {'': 'x'},
        {'k' * 37: 'x'},
        {'k': 'v' * 44},
        {'a=b': 'x'},
        {'k': 'a/b'},
        {' k': 'x'},
        {'k': 'x '},
        {'k': 'line\n'},
        {'k': 5},
        [('k', 'a'), ('k', 'b')],
        [tag.Tag(f'k{n}', '') for n in range(11)],
        [5],
        'env=prod',
    ],
)
def test_what_the_service_does_not_permit_is_refused(given: Any) -> None:
    with pytest.raises(exceptions.ValidationError):
        tag.check_tags(given)


def test_tags_travel_as_objects_and_as_strings() -> None:
    tags = [tag.Tag('env', 'prod'), tag.Tag('flag')]

    assert tag.wire_objects(tags) == [
        {'key': 'env', 'value': 'prod'},
        {'key': 'flag', 'value': ''},
    ]
    assert tag.wire_strings(tags) == ['env=prod', 'flag=']


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        ({'env': 'prod'}, [{'key': 'env', 'value': 'prod'}]),
        ({'env': ''}, [{'key': 'env', 'value': ''}]),
        (['env'], [{'key': 'env'}]),
        (['a', tag.Tag('b', 'c')], [{'key': 'a'}, {'key': 'b', 'value': 'c'}]),
        (['=*/ '], [{'key': '=*/ '}]),
        ({'k' * 127: 'v' * 255}, [{'key': 'k' * 127, 'value': 'v' * 255}]),
    ],
)
def test_tags_that_could_not_be_set_can_be_removed(
    given: Any, sent: list[dict[str, str]]
) -> None:
    assert tag_rules.check_old_tags(given) == sent


@pytest.mark.parametrize(
    'given',
    [
        [''],
        [' '],
        ['k' * 128],
        {'k': 'v' * 256},
        ['k', 'k'],
        'env',
        [5],
    ],
)
def test_what_no_tag_can_be_cannot_be_removed(given: Any) -> None:
    with pytest.raises(exceptions.ValidationError):
        tag_rules.check_old_tags(given)


# ====== TAGS OF ONE IMAGE ======


@pytest.mark.parametrize(
    ('arguments', 'body'),
    [
        (('env', 'prod'), {'image_tag': {'key': 'env', 'value': 'prod'}}),
        (('env',), {'image_tag': {'key': 'env', 'value': ''}}),
    ],
)
def test_a_tag_is_set_as_key_and_value(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    arguments: tuple[str, ...],
    body: Mapping[str, Any],
) -> None:
    answers.put(TAGS, status_code=204)

    conn.ims.set_image_tag(IMAGE_ID, *arguments)

    assert answers.last_request.json() == {'image_id': IMAGE_ID, **body}


def test_a_tag_is_set_in_the_older_notation(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.put(TAGS, status_code=204)

    conn.ims.set_image_tag(IMAGE_ID, tag='aaaa.1111')

    assert answers.last_request.json() == {
        'image_id': IMAGE_ID,
        'tag': 'aaaa.1111',
    }


@pytest.mark.parametrize(
    'arguments',
    [
        {},
        {'key': 'env', 'tag': 'env.prod'},
        {'key': 'k' * 37},
        {'key': 'k', 'value': 'v' * 44},
        {'tag': 'k' * 37 + '.v'},
        {'tag': '.v'},
    ],
)
def test_a_tag_that_is_not_permitted_is_not_sent(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    arguments: dict[str, str],
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.set_image_tag(IMAGE_ID, **arguments)

    assert answers.call_count == 0


def test_a_tag_is_added(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(IMAGE_TAGS, status_code=204)
    image = cloud_image.CloudImage.existing(id=IMAGE_ID)

    conn.ims.add_image_tag(image, 'key1', 'value1')

    assert answers.last_request.json() == {
        'tag': {'key': 'key1', 'value': 'value1'}
    }


@pytest.mark.parametrize(
    ('method', 'action'),
    [('create_image_tags', 'create'), ('delete_image_tags', 'delete')],
)
def test_several_tags_are_one_request(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    method: str,
    action: str,
) -> None:
    answers.post(f'{IMAGE_TAGS}/action', status_code=204)

    getattr(conn.ims, method)(IMAGE_ID, {'key1': 'value1', 'key3': ''})

    assert answers.last_request.json() == {
        'action': action,
        'tags': [
            {'key': 'key1', 'value': 'value1'},
            {'key': 'key3', 'value': ''},
        ],
    }


@pytest.mark.parametrize('method', ['create_image_tags', 'delete_image_tags'])
def test_no_tags_are_no_request(
    conn: connection.Connection, answers: requests_mock.Mocker, method: str
) -> None:
    getattr(conn.ims, method)(IMAGE_ID, {})

    assert answers.call_count == 0


@pytest.mark.parametrize('status', [403, 404, 405])
def test_a_cloud_without_the_removal_of_tags_gets_the_other_request(
    conn: connection.Connection, answers: requests_mock.Mocker, status: int
) -> None:
    answers.post(f'{IMAGE_TAGS}/action', status_code=status, json=GATEWAY)
    answers.delete(OLD_TAGS, status_code=204)

    conn.ims.delete_image_tags(IMAGE_ID, ['key1', 'key2'])

    assert answers.last_request.path == OLD_TAGS.removeprefix(IMS_URL)
    assert answers.last_request.json() == {
        'tags': [{'key': 'key1'}, {'key': 'key2'}]
    }


def test_a_cloud_without_either_removal_of_tags_names_the_first(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(f'{IMAGE_TAGS}/action', status_code=404, json=GATEWAY)
    answers.delete(OLD_TAGS, status_code=405)

    with pytest.raises(
        exceptions.UnsupportedOperationError, match='tags/action'
    ):
        conn.ims.delete_image_tags(IMAGE_ID, ['key1'])


def test_a_refusal_by_the_service_is_not_tried_again(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(
        f'{IMAGE_TAGS}/action',
        status_code=403,
        json={'error': {'code': 'IMG.0026', 'message': "No permission"}},
    )

    with pytest.raises(sdk_exceptions.ForbiddenException, match=r'IMG\.0026'):
        conn.ims.delete_image_tags(IMAGE_ID, ['key1'])

    assert not answers.request_history[-1].path.endswith('/delete')


@pytest.mark.parametrize(
    ('key', 'path'),
    [('key1', 'key1'), ('a/b c?', 'a%2Fb%20c%3F'), ('k' * 300, 'k' * 300)],
)
def test_a_tag_is_removed_whatever_its_key(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    key: str,
    path: str,
) -> None:
    answers.delete(requests_mock.ANY, status_code=204)

    conn.ims.delete_image_tag(IMAGE_ID, key)

    assert answers.last_request.url == f'{IMAGE_TAGS}/{path}'


@pytest.mark.parametrize('key', ['', ' ', '.', '..'])
def test_a_key_that_would_lead_elsewhere_is_not_sent(
    conn: connection.Connection, answers: requests_mock.Mocker, key: str
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.delete_image_tag(IMAGE_ID, key)

    assert answers.call_count == 0


def test_a_tag_that_is_not_there_may_be_removed(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.delete(f'{IMAGE_TAGS}/key1', status_code=404)
    answers.get(IMAGE_TAGS, json={'tags': []})

    conn.ims.delete_image_tag(IMAGE_ID, 'key1')

    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.delete_image_tag(IMAGE_ID, 'key1', ignore_missing=False)


def test_an_image_that_is_not_there_is_no_missing_tag(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.delete(f'{IMAGE_TAGS}/key1', status_code=404)
    answers.get(IMAGE_TAGS, status_code=404)

    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.delete_image_tag(IMAGE_ID, 'key1')


def test_an_image_tells_its_tags(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    body = {'tags': [{'key': 'key0', 'value': 'value0'}, {'key': 'key1'}]}
    answers.get(IMAGE_TAGS, json=body)

    assert conn.ims.image_tags(IMAGE_ID) == [
        tag.Tag('key0', 'value0'),
        tag.Tag('key1', ''),
    ]


# ====== TAGS OF MANY IMAGES ======


def test_a_project_tells_its_tags_by_key(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        f'{IMS_URL}/v2/{PROJECT_ID}/images/tags',
        json={
            'tags': [
                {'values': [''], 'key': 'key8'},
                {'values': ['valueXX', 'value3'], 'key': 'key3'},
            ]
        },
    )

    found = conn.ims.project_tags()

    assert dict(found) == {'key8': [''], 'key3': ['valueXX', 'value3']}
    assert found[1].key == 'key3'


@pytest.mark.parametrize('body', [{}, {'tags': None}, {'tags': ['a']}, []])
def test_a_strange_answer_is_called_so(
    conn: connection.Connection, answers: requests_mock.Mocker, body: Any
) -> None:
    answers.get(f'{IMS_URL}/v2/{PROJECT_ID}/images/tags', json=body)

    with pytest.raises(exceptions.InvalidAnswerError, match='tags'):
        conn.ims.project_tags()


def test_a_search_for_tags_pages_by_number_until_a_short_page(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    pages = [['jjjj.11111', 'uuuu=2'], ['jjjj=11111', '234.4'], ['test']]
    answers.get(TAGS, [{'json': {'tags': page}} for page in pages])

    found = list(conn.ims.tags(limit=2))

    # The same tag with the other separator is the same tag.
    assert found == [
        ('jjjj', '11111'),
        ('uuuu', '2'),
        ('234', '4'),
        ('test', ''),
    ]
    queries = [
        each.query for each in answers.request_history if 'page' in each.query
    ]
    assert queries == [
        'limit=2&page=1',
        'limit=2&page=2',
        'limit=2&page=3',
    ]


def test_a_page_of_tags_that_repeats_raises_rather_than_loops(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(TAGS, json={'tags': ['a.1', 'b.2']})

    with pytest.raises(exceptions.InvalidAnswerError, match='same page'):
        list(conn.ims.tags(limit=2))


def test_a_search_for_tags_takes_the_filters_of_images(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(TAGS, json={'tags': []})

    list(conn.ims.tags(is_whole_image=True, status='active', page=3))

    assert answers.last_request.qs == {
        '__whole_image': ['true'],
        'status': ['active'],
        'limit': ['1000'],
        'page': ['3'],
    }


@pytest.mark.parametrize('query', [{'pages': 1}, {'page': 'last'}])
def test_a_search_for_tags_that_does_not_exist_is_refused_unsent(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    query: dict[str, Any],
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.tags(**query)

    assert answers.call_count == 0
