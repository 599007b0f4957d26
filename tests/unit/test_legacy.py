# SPDX-License-Identifier: Apache-2.0
"""Abandoned operations: still sent as documented, with a warning."""

from collections.abc import Callable
import datetime
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack import warnings as sdk_warnings
import pytest
import requests_mock

from ims_ext import exceptions

from .conftest import IMS_URL

IMAGE_ID = '3c3d1d01-b48a-4639-8a88-08be3b9b5d78'
LIST = f'{IMS_URL}/v1.1/images/detail'
ONE = f'{IMS_URL}/v1/images/{IMAGE_ID}'
DELETED = f'{IMS_URL}/v1.1/images/{IMAGE_ID}'

LISTED = {
    'id': IMAGE_ID,
    'name': 'cirros',
    'status': 'active',
    'deleted': False,
    'deleted_at': None,
    'container_format': 'bare',
    'disk_format': 'qcow2',
    'created_at': '2016-05-22T06:04:20.425843',
    'updated_at': '2016-05-22T06:04:22.719791',
    'min_disk': 1,
    'min_ram': 2,
    'protected': False,
    'is_public': True,
    'checksum': '64d7c1cd2b6f60c92c14662941cb7913',
    'owner': '23f4cb75768d4febb39542ef6fe169f3',
    'virtual_size': None,
    'size': 13167616,
    'properties': {'__os_type': 'Linux'},
}


@pytest.mark.parametrize(
    'call',
    [
        lambda ims: list(ims.legacy_images()),
        lambda ims: ims.get_legacy_image(IMAGE_ID),
        lambda ims: ims.delete_legacy_image(IMAGE_ID),
    ],
)
def test_whoever_calls_them_is_told_what_replaces_them(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    call: Callable[[Any], Any],
) -> None:
    answers.get(LIST, json={'images': []})
    answers.head(ONE)
    answers.delete(DELETED)

    with pytest.warns(sdk_warnings.LegacyAPIWarning, match='use') as caught:
        call(conn.ims)

    # The warning points at the caller's line.
    warned = [
        each.filename
        for each in caught
        if each.category is sdk_warnings.LegacyAPIWarning
    ]
    assert warned == [__file__]


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.parametrize(
    ('query', 'sent'),
    [
        ({}, {}),
        ({'disk_format': 'qcow2'}, {'disk_format': ['qcow2']}),
        (
            {'size_min': 1, 'size_max': 2},
            {'size_min': ['1'], 'size_max': ['2']},
        ),
        (
            {'changes_since': datetime.datetime(2026, 1, 31)},
            {'changes-since': ['2026-01-31t00:00:00']},
        ),
    ],
)
def test_images_are_listed_by_the_documented_filters(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    query: dict[str, Any],
    sent: dict[str, list[str]],
) -> None:
    answers.get(LIST, json={'images': [LISTED]})

    [found] = conn.ims.legacy_images(**query)

    assert answers.last_request.qs == sent
    assert found.id == IMAGE_ID


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_an_image_is_read_whether_from_a_list_or_from_headers(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST, json={'images': [LISTED]})
    answers.head(
        ONE,
        headers={
            f'X-Image-Meta-{name.capitalize()}': str(value)
            for name, value in LISTED.items()
            if value is not None and name != 'properties'
        }
        | {'X-Image-Meta-Property-__os_type': 'Linux', 'Etag': 'abc'},
    )

    [listed] = conn.ims.legacy_images()
    got = conn.ims.get_legacy_image(IMAGE_ID)

    for found in (listed, got):
        assert found.id == IMAGE_ID
        assert found.name == 'cirros'
        assert found.status == 'active'
        assert found.is_deleted is False
        assert found.deleted_at is None
        assert found.container_format == 'bare'
        assert found.disk_format == 'qcow2'
        assert found.created_datetime.year == 2016
        assert found.updated_datetime.microsecond == 719791
        assert found.min_disk == 1
        assert found.min_ram == 2
        assert found.is_protected is False
        assert found.is_public is True
        assert found.checksum == LISTED['checksum']
        assert found.owner == LISTED['owner']
        assert found.size == 13167616
        assert found.virtual_size is None
        assert found.properties == {'__os_type': 'Linux'}


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_a_name_in_a_header_is_utf_8(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    name = '镜像'
    answers.head(
        ONE,
        headers={'X-Image-Meta-Name': name.encode().decode('latin-1')},
    )

    assert conn.ims.get_legacy_image(IMAGE_ID).name == name


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_a_filter_that_is_none_is_refused_unsent(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    with pytest.raises(exceptions.ValidationError, match='colour'):
        conn.ims.legacy_images(colour='red')


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_an_image_that_is_not_there_is_an_error_only_if_wanted(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.delete(DELETED, status_code=404)
    answers.head(ONE, status_code=404)

    conn.ims.delete_legacy_image(IMAGE_ID)
    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.delete_legacy_image(IMAGE_ID, ignore_missing=False)
    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.get_legacy_image(IMAGE_ID)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.parametrize('call', ['get_legacy_image', 'delete_legacy_image'])
def test_nothing_is_asked_of_all_images(
    conn: connection.Connection, answers: requests_mock.Mocker, call: str
) -> None:
    with pytest.raises(exceptions.ValidationError):
        getattr(conn.ims, call)('')
