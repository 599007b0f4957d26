# SPDX-License-Identifier: Apache-2.0
"""Glance's own operations with what the clouds add, as they are sent."""

import datetime
import inspect
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack.image.v2 import image
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import cloud_image
from ims_ext.extension import native

from .conftest import IMS_URL

IMAGES_URL = f'{IMS_URL}/v2/images'
ONE = f'{IMAGES_URL}/i1'
MEMBER = f'{ONE}/members/p1'


def test_the_backup_is_a_keyword_that_need_not_be_given() -> None:
    method = inspect.signature(native.NativeMixin.delete_image)

    added = method.parameters['delete_backup']

    assert added.kind == inspect.Parameter.KEYWORD_ONLY
    assert added.default is None


@pytest.mark.parametrize(
    'given', ['i1', image.Image(id='i1'), cloud_image.CloudImage(id='i1')]
)
@pytest.mark.parametrize(
    ('arguments', 'body'),
    [
        ({}, None),
        ({'delete_backup': True}, {'delete_backup': True}),
        ({'delete_backup': 'false'}, {'delete_backup': False}),
    ],
)
def test_an_image_is_deleted_and_its_backup_if_wanted(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    given: Any,
    arguments: dict[str, Any],
    body: dict[str, bool] | None,
) -> None:
    answers.delete(ONE, status_code=204)

    conn.ims.delete_image(given, **arguments)

    sent = answers.last_request
    assert sent.path == '/v2/images/i1'
    assert (sent.json() if sent.body else None) == body


@pytest.mark.parametrize('delete_backup', [None, True])
def test_an_image_that_is_not_there_is_an_error_only_if_wanted(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    delete_backup: bool | None,
) -> None:
    answers.delete(ONE, status_code=404)

    conn.ims.delete_image('i1', delete_backup=delete_backup)
    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.delete_image(
            'i1', delete_backup=delete_backup, ignore_missing=False
        )


def test_a_backup_is_not_deleted_from_a_store(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    with pytest.raises(exceptions.ValidationError, match='store'):
        conn.ims.delete_image('i1', store='s1', delete_backup=True)

    assert answers.call_count == 0


@pytest.mark.parametrize(
    ('method', 'version', 'patch'),
    [
        (
            'update_image',
            'v2.1',
            [{'op': 'replace', 'path': '/name', 'value': 'test01'}],
        ),
        (
            'update_image_v20',
            'v2.0',
            [{'replace': '/name', 'value': 'test01'}],
        ),
    ],
)
def test_an_image_is_changed_with_either_patch(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    method: str,
    version: str,
    patch: list[dict[str, Any]],
) -> None:
    answers.get(ONE, json={'id': 'i1', 'name': 'old'})
    answers.patch(ONE, json={'id': 'i1', 'name': 'test01'})
    got = conn.ims.get_image('i1')

    changed = getattr(conn.ims, method)(got, name='test01')

    sent = answers.last_request
    assert sent.headers['Content-Type'] == (
        f'application/openstack-images-{version}-json-patch'
    )
    assert sent.json() == patch
    assert changed.name == 'test01'


def test_the_older_patch_adds_and_removes(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(ONE, json={'id': 'i1', 'colour': 'red', '__os_bit': '64'})
    answers.patch(ONE, json={'id': 'i1', 'taste': 'sweet'})

    conn.ims.update_image_v20(
        'i1',
        colour=None,
        smell=None,
        is_protected=True,
        properties={'taste': 'sweet'},
    )

    assert sorted(answers.last_request.json(), key=str) == [
        {'add': '/protected', 'value': True},
        {'add': '/taste', 'value': 'sweet'},
        {'remove': '/colour'},
    ]


def test_an_image_named_by_its_id_is_got_before_the_older_patch(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(ONE, json={'id': 'i1', 'name': 'old'})
    answers.patch(ONE, json={'id': 'i1', 'name': 'test01'})

    conn.ims.update_image_v20('i1', name='test01')

    assert answers.last_request.json() == [
        {'replace': '/name', 'value': 'test01'}
    ]


def test_what_is_so_already_is_not_patched(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(ONE, json={'id': 'i1', 'min_disk': 40, 'protected': True})

    conn.ims.update_image_v20('i1', min_disk=40, is_protected=True)

    assert answers.last_request.method == 'GET'


def test_a_refused_change_carries_the_clouds_words(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(ONE, json={'id': 'i1', 'name': 'old'})
    answers.patch(
        ONE,
        status_code=403,
        text='<html><body>Attribute is read-only.</body></html>',
    )

    with pytest.raises(exceptions.ForbiddenError, match='read-only'):
        conn.ims.update_image_v20('i1', name='test01')


@pytest.mark.parametrize(
    'attrs',
    [
        {'status': 'accepted'},
        {'status': 'accepted', 'vault_id': 'v1'},
    ],
)
def test_a_member_answers_as_documented(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    attrs: dict[str, str],
) -> None:
    answers.put(
        MEMBER,
        json={'status': 'accepted', 'image_id': 'i1', 'member_id': 'p1'},
    )

    member = conn.ims.update_member('p1', 'i1', **attrs)

    assert answers.last_request.json() == attrs
    assert member.status == 'accepted'
    assert member.member_id == 'p1'


def test_a_refused_answer_carries_the_clouds_code(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.put(
        MEMBER,
        status_code=400,
        json={'error': {'code': 'IMG.0184', 'message': 'No vault.'}},
    )

    with pytest.raises(exceptions.BadRequestError) as caught:
        conn.ims.update_member('p1', 'i1', status='accepted')

    assert caught.value.code == 'IMG.0184'


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        (datetime.date(2026, 1, 31), 'gte:2026-01-31t00:00:00z'),
        ({'gt': datetime.date(2026, 1, 31)}, 'gt:2026-01-31t00:00:00z'),
    ],
)
def test_images_are_listed_by_dates(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    given: Any,
    sent: str,
) -> None:
    answers.get(IMAGES_URL, json={'images': []})

    assert list(conn.ims.images(created_at=given)) == []

    assert answers.last_request.qs['created_at'] == [sent]


def test_a_day_ends_with_it(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        IMAGES_URL,
        json={
            'images': [
                {'id': 'a', 'created_at': '2026-02-01T00:00:00Z'},
                {'id': 'b', 'created_at': '2026-01-31T10:00:00Z'},
                {'id': 'c', 'created_at': '2026-01-31T00:00:00Z'},
            ]
        },
    )

    found = conn.ims.images(created_at=datetime.date(2026, 1, 31), max_items=1)

    assert [image.id for image in found] == ['b']


def test_an_ambiguous_name_is_told_with_the_ids(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(f'{IMAGES_URL}/golden', status_code=404)
    answers.get(
        IMAGES_URL,
        json={
            'images': [
                {'id': 'a', 'name': 'golden'},
                {'id': 'b', 'name': 'golden'},
            ]
        },
    )
    answers.get(f'{IMAGES_URL}?os_hidden=True', json={'images': []})

    with pytest.raises(sdk_exceptions.DuplicateResource, match=r'a, b$'):
        conn.ims.find_image('golden', ignore_missing=False)
