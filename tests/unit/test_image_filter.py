# SPDX-License-Identifier: Apache-2.0
"""Filters that the references do not name, and those answered here."""

from collections.abc import Mapping
import datetime
from typing import Any
import urllib.parse

from openstack import connection
import pytest
import requests_mock

from ims_ext import exceptions

LIST_URL = 'https://ims.example.com/v2/cloudimages'
UTC = datetime.UTC


def sent_by(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    query: Mapping[str, Any],
) -> dict[str, list[str]]:
    answers.get(LIST_URL, json={'images': []})
    list(conn.ims.cloud_images(**query))
    parts = urllib.parse.urlsplit(answers.last_request.url)
    sent = urllib.parse.parse_qs(parts.query)
    del sent['limit']
    return sent


def found_by(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    images: list[dict[str, Any]],
    **query: Any,
) -> list[str]:
    answers.get(LIST_URL, json={'images': images})
    return [image.id for image in conn.ims.cloud_images(**query)]


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        ({'os_version': 'CentOS'}, {'__os_version': ['CentOS']}),
        ({'__os_version': 'CentOS'}, {'__os_version': ['CentOS']}),
        ({'agents': 'hss'}, {'__support_agent_list': ['hss']}),
        ({'size_min': 1024}, {'size_min': ['1024']}),
        ({'size_max': '2048'}, {'size_max': ['2048']}),
        ({'hw_disk_bus': 'scsi'}, {'hw_disk_bus': ['scsi']}),
        ({'architecture': 'aarch64'}, {'architecture': ['aarch64']}),
        ({'__of_tomorrow': 'x'}, {'__of_tomorrow': ['x']}),
        ({'__of_tomorrow': True}, {'__of_tomorrow': ['true']}),
        ({'__of_tomorrow': None}, {}),
    ],
)
def test_clouds_are_asked_for_more_than_is_documented(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    given: Mapping[str, Any],
    sent: Mapping[str, list[str]],
) -> None:
    assert sent_by(conn, answers, given) == sent


def test_an_undocumented_filter_is_sent_with_every_page(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        LIST_URL,
        [{'json': {'images': [{'id': 'a'}]}}, {'json': {'images': []}}],
    )

    list(conn.ims.cloud_images(limit=1, __of_tomorrow='x'))

    lists = [r for r in answers.request_history if r.path == '/v2/cloudimages']
    assert [r.qs.get('__of_tomorrow') for r in lists] == [['x'], ['x']]


def test_a_misspelt_filter_is_told_its_name_and_the_ways_through(
    conn: connection.Connection,
) -> None:
    with pytest.raises(exceptions.ValidationError) as raised:
        conn.ims.cloud_images(os_versoin='CentOS')

    assert 'did you mean os_version' in str(raised.value)
    assert 'properties={' in str(raised.value)


@pytest.mark.parametrize('name', ['__support_kv_m', '__os__version'])
def test_a_wire_name_with_other_underscores_is_misspelt(
    conn: connection.Connection, name: str
) -> None:
    for call in (
        lambda: conn.ims.cloud_images(**{name: 'x'}),
        lambda: conn.ims.update_cloud_image('i', **{name: 'x'}),
    ):
        with pytest.raises(exceptions.ValidationError, match='did you mean'):
            call()


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        ('gt:2026-01-31T10:00:00Z', 'gt:2026-01-31T10:00:00Z'),
        ('gt:2026-01-31', 'gt:2026-01-31T00:00:00Z'),
        ('2026-01-31T10:00:00Z', 'eq:2026-01-31T10:00:00Z'),
        ('lte:2026-01-31T12:00:00+02:00', 'lte:2026-01-31T10:00:00Z'),
        (
            datetime.datetime(2026, 1, 31, 10, tzinfo=UTC),
            'eq:2026-01-31T10:00:00Z',
        ),
        (datetime.datetime(2026, 1, 31, 10), 'eq:2026-01-31T10:00:00Z'),
        ({'lt': datetime.date(2026, 1, 31)}, 'lt:2026-01-31T00:00:00Z'),
        (
            {'gt': datetime.datetime(2026, 1, 31, 9, 59, 59, 5, UTC)},
            'gt:2026-01-31T09:59:59Z',
        ),
        (
            {'gte': datetime.datetime(2026, 1, 31, 9, 59, 59, 5, UTC)},
            'gte:2026-01-31T10:00:00Z',
        ),
    ],
)
@pytest.mark.parametrize('name', ['created_at', 'updated_at'])
def test_times_are_sent_as_the_service_takes_them(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    name: str,
    given: Any,
    sent: str,
) -> None:
    assert sent_by(conn, answers, {name: given}) == {name: [sent]}


@pytest.mark.parametrize(
    'given',
    [
        '2026-01-31',
        datetime.date(2026, 1, 31),
        {'gte': '2026-01-31', 'lt': datetime.date(2026, 2, 1)},
    ],
)
def test_a_date_is_the_whole_day(
    conn: connection.Connection, answers: requests_mock.Mocker, given: Any
) -> None:
    images = [
        {'id': 'in', 'created_at': '2026-01-31T23:59:59Z'},
        {'id': 'after', 'created_at': '2026-02-01T00:00:00Z'},
    ]

    assert found_by(conn, answers, images, created_at=given) == ['in']
    assert answers.last_request.qs['created_at'] == [
        'gte:2026-01-31t00:00:00z'
    ]


@pytest.mark.parametrize(
    'given', ['yesterday', 'after:2026-01-31', 17, {}, {'after': 'x'}, 'gt:']
)
def test_what_is_no_time_is_refused_unsent(
    conn: connection.Connection, answers: requests_mock.Mocker, given: Any
) -> None:
    with pytest.raises(exceptions.ValidationError, match='2026-01-31'):
        conn.ims.cloud_images(created_at=given)

    assert answers.call_count == 0


IMAGES: list[dict[str, Any]] = [
    {'id': 'a', 'build_id': '42', 'os_type': 'mine', '__os_type': 'Linux'},
    {'id': 'b', 'build_id': '43', 'stable': 'True', '__os_type': 'Linux'},
    {'id': 'c', 'min_disk': 40},
]


@pytest.mark.parametrize(
    ('properties', 'ids'),
    [
        ({'build_id': '42'}, ['a']),
        ({'build_id': 42}, ['a']),
        ({'build_id': '43', 'stable': True}, ['b']),
        ({'build_id': '44'}, []),
        ({'os_type': 'mine'}, ['a']),
        ({'os_type': 'Linux'}, ['b']),
        ({'min_disk': 40}, ['c']),
    ],
)
def test_images_are_found_by_properties_of_their_own(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    properties: Mapping[str, Any],
    ids: list[str],
) -> None:
    assert found_by(conn, answers, IMAGES, properties=properties) == ids


def test_the_most_images_are_counted_after_the_choice(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    found = found_by(
        conn, answers, IMAGES, properties={'build_id': 43}, max_items=1
    )

    assert found == ['b']
    assert answers.last_request.qs['limit'] == ['1000']


def test_properties_are_a_mapping(conn: connection.Connection) -> None:
    with pytest.raises(exceptions.ValidationError, match='properties'):
        conn.ims.cloud_images(properties='build_id=42')
