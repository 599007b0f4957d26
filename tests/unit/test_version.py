# SPDX-License-Identifier: Apache-2.0
"""Versions of the API, which the cloud tells with status 300."""

from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext import exceptions

from .conftest import IMS_URL


def version(name: str, status: str = 'SUPPORTED') -> dict[str, Any]:
    """Return a version as the cloud tells it."""
    link = {'href': f'{IMS_URL}/{name[:2]}/', 'rel': 'self'}
    return {'id': name, 'status': status, 'links': [link]}


def test_all_versions_are_asked_for_at_the_root(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    listed = [version('v2.2', 'CURRENT'), version('v1.0', 'DEPRECATED')]
    answers.get(f'{IMS_URL}/', status_code=300, json={'versions': listed})

    found = list(conn.ims.api_versions())

    assert [each.id for each in found] == ['v2.2', 'v1.0']
    assert [each.status for each in found] == ['CURRENT', 'DEPRECATED']
    assert found[0].url == f'{IMS_URL}/v2/'
    assert found[0].links == listed[0]['links']


@pytest.mark.parametrize('given', ['v2.0', '2.0', '/v2.0/'])
def test_one_version_is_asked_for_below_the_root(
    conn: connection.Connection, answers: requests_mock.Mocker, given: str
) -> None:
    answers.get(
        f'{IMS_URL}/v2.0',
        status_code=300,
        json={'versions': [version('v2.0')]},
    )

    assert conn.ims.get_api_version(given).id == 'v2.0'


def test_of_several_versions_the_one_that_was_meant_is_returned(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    listed = [version('v2.2'), version('v2.0')]
    for path in ('v2', 'v2.0'):
        answers.get(
            f'{IMS_URL}/{path}', status_code=300, json={'versions': listed}
        )

    assert conn.ims.get_api_version('v2').id == 'v2.2'
    assert conn.ims.get_api_version('v2.0').id == 'v2.0'


def test_a_version_that_is_not_there_is_not_found(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(f'{IMS_URL}/v9', status_code=404)
    answers.get(f'{IMS_URL}/v8', status_code=300, json={'versions': []})

    for name in ('v9', 'v8'):
        with pytest.raises(sdk_exceptions.NotFoundException):
            conn.ims.get_api_version(name)


def test_a_version_is_not_another_that_the_cloud_lists_instead(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    listed = [version('v2.15'), version('v2.0')]
    answers.get(f'{IMS_URL}/v7', status_code=300, json={'versions': listed})

    with pytest.raises(sdk_exceptions.NotFoundException, match='v7'):
        conn.ims.get_api_version('v7')


@pytest.mark.parametrize('answer', ['', '[]', '{}', '{"versions": 1}'])
def test_an_answer_without_versions_is_said_to_be_wrong(
    conn: connection.Connection, answers: requests_mock.Mocker, answer: str
) -> None:
    answers.get(f'{IMS_URL}/', text=answer)

    with pytest.raises(exceptions.InvalidAnswerError, match=r'versions|read'):
        list(conn.ims.api_versions())
