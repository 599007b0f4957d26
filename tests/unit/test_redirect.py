# SPDX-License-Identifier: Apache-2.0
"""Tokens stay with the host that they are for."""

import re
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.transport import redirect

from .conftest import IMS_URL

QUOTA = f'{IMS_URL}/v1/cloudimages/quota'
BODY = {'quotas': {'resources': []}}
ELSEWHERE = (
    'https://evil.example.net/v2/images',
    'https://ims.example.com.evil.net/',
    'https://ims.example.com:8443/',
    'http://ims.example.com/v1/cloudimages/quota',
    '//evil.example.net/v2/images',
    'https://ims.example.com@evil.example.net/',
    'ftp://ims.example.com/',
    'https://ims.example.com:99999999/',
)
SAME = (f'{IMS_URL}/moved', 'https://IMS.example.com:443/moved', '/moved')


def moved(location: str, status: int = 307) -> dict[str, Any]:
    """Return an answer that says to go elsewhere."""
    return {'status_code': status, 'headers': {'Location': location}}


@pytest.mark.parametrize('location', ELSEWHERE)
@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_a_token_does_not_follow_to_another_host(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    location: str,
    status: int,
) -> None:
    answers.get(QUOTA, **moved(location, status))

    with pytest.raises(exceptions.RedirectRefusedError) as caught:
        conn.ims.get('/v1/cloudimages/quota')

    assert isinstance(caught.value, sdk_exceptions.SDKException)
    assert answers.last_request.url == QUOTA


def test_the_other_host_is_named_and_its_path(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, **moved('https://u:p@evil.example.net/a?secret=1'))

    with pytest.raises(exceptions.RedirectRefusedError) as caught:
        conn.ims.get('/v1/cloudimages/quota')

    assert 'https://evil.example.net/a;' in str(caught.value)
    assert 'set ims_endpoint_override' in str(caught.value)
    assert 'secret' not in str(caught.value)


@pytest.mark.parametrize('location', SAME)
@pytest.mark.parametrize('status', [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    location: str,
    status: int,
) -> None:
    answers.get(QUOTA, **moved(location, status))
    answers.get(
        re.compile(r'^https://ims.example.com(:443)?/moved$'), json=BODY
    )

    response = conn.ims.get('/v1/cloudimages/quota', params={'a': 'b'})

    assert response.json() == BODY
    assert [each.status_code for each in response.history] == [status]
    assert answers.last_request.query == ''


def test_a_redirect_may_lead_to_encryption(
    answers: requests_mock.Mocker, connect: Any
) -> None:
    conn = connect({'image': 'http://ims.example.com'})
    answers.get(
        'http://ims.example.com/v1/cloudimages/quota', **moved(f'{QUOTA}')
    )
    answers.get(QUOTA, json=BODY)

    assert conn.ims.get('/v1/cloudimages/quota').json() == BODY


@pytest.mark.parametrize('status', [307, 308])
def test_a_request_that_creates_is_sent_where_it_belongs(
    conn: connection.Connection, answers: requests_mock.Mocker, status: int
) -> None:
    answers.post(QUOTA, **moved('/moved', status))
    answers.post(f'{IMS_URL}/moved', json={})

    conn.ims.post('/v1/cloudimages/quota', json={'name': 'golden'})

    assert answers.last_request.json() == {'name': 'golden'}


@pytest.mark.parametrize('status', [301, 302, 303])
def test_a_request_that_may_have_created_is_not_sent_again(
    conn: connection.Connection, answers: requests_mock.Mocker, status: int
) -> None:
    answers.post(QUOTA, **moved('/moved', status))

    with pytest.raises(exceptions.RedirectRefusedError, match=f'{status}'):
        conn.ims.post('/v1/cloudimages/quota', json={})

    assert answers.last_request.url == QUOTA


def test_redirects_do_not_go_round_for_ever(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, **moved(QUOTA))

    response = conn.ims.get('/v1/cloudimages/quota')

    assert response.status_code == 307
    assert len(response.history) == redirect.MOST


def test_a_redirect_to_what_is_no_url_is_an_answer_that_cannot_be_read(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, **moved('https://['))

    with pytest.raises(exceptions.InvalidAnswerError, match='quota'):
        conn.ims.get('/v1/cloudimages/quota')


@pytest.mark.parametrize('location', ['', None])
def test_a_redirect_to_nowhere_is_the_answer(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    location: str | None,
) -> None:
    headers = {} if location is None else {'Location': location}
    answers.get(QUOTA, status_code=302, headers=headers)

    assert conn.ims.get('/v1/cloudimages/quota').status_code == 302


def test_a_choice_of_versions_is_not_a_redirect(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        f'{IMS_URL}/',
        status_code=300,
        json={'versions': []},
        headers={'Location': 'https://evil.example.net/'},
    )

    assert list(conn.ims.api_versions()) == []


@pytest.mark.parametrize('url', ELSEWHERE)
def test_a_whole_url_is_the_services_own(
    conn: connection.Connection, answers: requests_mock.Mocker, url: str
) -> None:
    with pytest.raises(exceptions.RedirectRefusedError):
        conn.ims.get(url)

    assert not any('evil' in each.url for each in answers.request_history)


def test_a_whole_url_on_the_services_host_is_asked_for(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, json=BODY)

    assert conn.ims.get(QUOTA).json() == BODY


def test_the_next_page_is_on_the_same_host(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        f'{IMS_URL}/v2/images',
        json={
            'images': [{'id': 'i1'}],
            'next': 'https://evil.example.net/v2/images?marker=i1',
        },
    )

    with pytest.raises(sdk_exceptions.SDKException):
        list(conn.ims.images())

    assert not any('evil' in each.url for each in answers.request_history)
