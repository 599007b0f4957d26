# SPDX-License-Identifier: Apache-2.0
"""Images by their tags: what is asked, and how pages are read."""

from typing import Any

from openstack import connection
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import tag
from ims_ext.extension import tag_rules

from .conftest import IMS_URL
from .conftest import PROJECT_ID

SEARCH = f'{IMS_URL}/v2/{PROJECT_ID}/images/resource_instances/action'


def resource(image_id: str) -> dict[str, Any]:
    return {
        'resource_id': image_id,
        'resource_name': 'golden',
        'resource_detail': {'status': 'active'},
        'tags': [{'key': 'env', 'value': 'prod'}],
    }


def answer(*image_ids: str, **others: Any) -> dict[str, Any]:
    return {'json': {'resources': list(map(resource, image_ids)), **others}}


def bodies(answers: requests_mock.Mocker) -> list[dict[str, Any]]:
    """The bodies of all searches that were sent."""
    return [
        sent.json()
        for sent in answers.request_history
        if sent.url == SEARCH and sent.method == 'POST'
    ]


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        ({'env': 'prod'}, [{'key': 'env', 'values': ['prod']}]),
        ({'env': ['a', 'b']}, [{'key': 'env', 'values': ['a', 'b']}]),
        ({'env': None}, [{'key': 'env', 'values': []}]),
        ({'env': ''}, [{'key': 'env', 'values': ['']}]),
        (['env'], [{'key': 'env', 'values': []}]),
        ([tag.Tag('env', 'a')], [{'key': 'env', 'values': ['a']}]),
        ([tag.TagValues('env', ['a'])], [{'key': 'env', 'values': ['a']}]),
        (
            [{'key': 'env', 'values': ['a']}],
            [{'key': 'env', 'values': ['a']}],
        ),
        (
            [tag.Tag('env', 'a'), tag.Tag('env', 'b'), tag.Tag('env', 'a')],
            [{'key': 'env', 'values': ['a', 'b']}],
        ),
        (['env', tag.Tag('env', 'a')], [{'key': 'env', 'values': []}]),
        (
            {'k' * 127: 'v' * 255},
            [{'key': 'k' * 127, 'values': ['v' * 255]}],
        ),
        ({'=*/': '<|>'}, [{'key': '=*/', 'values': ['<|>']}]),
    ],
)
def test_tags_to_search_by_are_given_as_mapping_or_list(
    given: Any, sent: list[dict[str, Any]]
) -> None:
    assert tag_rules.check_search('tags', given) == sent


@pytest.mark.parametrize(
    'search',
    [
        {'tags': {}},
        {'tags': 'env'},
        {'tags': [5]},
        {'tags': {'': 'x'}},
        {'tags': {'k' * 128: 'x'}},
        {'tags_any': {'k': 'v' * 256}},
        {'not_tags': [f'k{n}' for n in range(11)]},
        {'not_tags_any': {'k': [f'v{n}' for n in range(11)]}},
        {'tags': {'k': [5]}},
        {'tag': {'k': 'v'}},
        {'without_any_tag': True, 'tags': {'k': 'v'}},
        {'without_any_tag': 'perhaps'},
        {'matches': {}},
        {'matches': {'colour': 'red'}},
        {'matches': {'name': 'a', 'resource_name': 'b'}},
        {'matches': {'name': 'n' * 256}},
        {'limit': 1001},
        {'limit': -1},
        {'offset': -1},
    ],
)
def test_a_search_that_is_not_permitted_is_refused_unsent(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    search: dict[str, Any],
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.images_by_tags(**search)

    assert answers.call_count == 0


def test_a_search_sends_limit_and_offset_as_strings(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(SEARCH, **answer())

    list(
        conn.ims.images_by_tags(
            tags={'key3': 'valueXX'},
            tags_any={'key0': 'valueXX'},
            not_tags={'key9': 'value9'},
            not_tags_any={'key7': 'value7'},
            matches={'name': 'test100'},
            limit=1,
            offset=0,
        )
    )

    assert bodies(answers) == [
        {
            'action': 'filter',
            'limit': '1',
            'offset': '0',
            'matches': [{'key': 'resource_name', 'value': 'test100'}],
            'tags': [{'key': 'key3', 'values': ['valueXX']}],
            'tags_any': [{'key': 'key0', 'values': ['valueXX']}],
            'not_tags': [{'key': 'key9', 'values': ['value9']}],
            'not_tags_any': [{'key': 'key7', 'values': ['value7']}],
        }
    ]


def test_an_image_that_was_found_tells_what_the_search_knows(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(SEARCH, **answer('a', total_count=1))

    [image] = conn.ims.images_by_tags(without_any_tag=False)

    assert image.id == 'a'
    assert image.name == 'golden'
    assert image.status == 'active'
    assert image.tags == [tag.Tag('env', 'prod')]
    assert image.tag_map == {'env': 'prod'}
    assert not image.properties


def test_an_image_that_was_found_is_taken_by_native_methods(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(SEARCH, **answer('a', total_count=1))
    answers.delete(f'{IMS_URL}/v2/images/a', status_code=204)
    [image] = conn.ims.images_by_tags(tags=['env'])

    conn.ims.delete_image(image)

    assert answers.last_request.path == '/v2/images/a'


def test_a_search_pages_by_offset_until_all_are_there(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(
        SEARCH,
        [
            answer('a', 'b', total_count=5),
            answer('b', 'c', total_count=5),
            answer('d', total_count=5),
        ],
    )

    found = conn.ims.images_by_tags(tags=['env'], limit=2)

    # A page may be shorter than asked for, and "b" has moved on meanwhile.
    assert [image.id for image in found] == ['a', 'b', 'c', 'd']
    assert [body['offset'] for body in bodies(answers)] == ['0', '2', '4']


def test_without_a_total_a_short_page_is_the_last(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(SEARCH, [answer('a', 'b'), answer('c')])

    found = conn.ims.images_by_tags(tags=['env'], limit=2)

    assert [image.id for image in found] == ['a', 'b', 'c']


def test_a_page_of_images_that_repeats_raises_rather_than_loops(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(SEARCH, **answer('a', 'b', total_count=36))

    with pytest.raises(exceptions.InvalidAnswerError, match='same page'):
        list(conn.ims.images_by_tags(tags=['env'], limit=2))


@pytest.mark.parametrize('total', [36, '36'])
def test_images_are_counted(
    conn: connection.Connection, answers: requests_mock.Mocker, total: Any
) -> None:
    answers.post(SEARCH, json={'total_count': total})

    assert conn.ims.count_images_by_tags(matches={'id': 'x'}) == 36
    assert bodies(answers) == [
        {
            'action': 'count',
            'matches': [{'key': 'resource_id', 'value': 'x'}],
        }
    ]


@pytest.mark.parametrize('body', [{}, {'total_count': None}, [], 'many'])
def test_a_count_that_is_none_is_called_so(
    conn: connection.Connection, answers: requests_mock.Mocker, body: Any
) -> None:
    answers.post(SEARCH, json=body)

    with pytest.raises(exceptions.InvalidAnswerError, match='total_count'):
        conn.ims.count_images_by_tags(tags=['env'])
