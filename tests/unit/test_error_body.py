# SPDX-License-Identifier: Apache-2.0
"""Error answers in the shapes that clouds and gateways send."""

import itertools
import json
from typing import Any

from openstack import exceptions as sdk_exceptions
import pytest
import requests

from ims_ext import exceptions

CODE, WORDS = 'IMG.0144', "The image is in use"

_CODE_NAMES = ('error_code', 'errorCode', 'code', 'ErrorCode', 'err_code')
_MESSAGE_NAMES = (
    'error_msg',
    'errorMsg',
    'error_message',
    'message',
    'Message',
    'errMsg',
)
_AROUND = (None, 'error', 'badRequest', 'itemNotFound', 'forbidden', 'fault')

#: Every pair of names, bare, in one object and in a list.
SHAPES = [
    body
    for code, message, around in itertools.product(
        _CODE_NAMES, _MESSAGE_NAMES, _AROUND
    )
    for inner in ({code: CODE, message: WORDS},)
    for body in (
        {around: inner} if around else inner,
        {'errors': [inner], 'request_id': 'r'},
    )
]


def answer(
    body: Any = b'', headers: dict[str, str] | None = None, status: int = 409
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = (
        body if isinstance(body, bytes) else json.dumps(body).encode()
    )
    response.headers.update(headers or {})
    response.request = requests.Request(
        'GET', 'https://ims.example/v2/images'
    ).prepare()
    response.url = response.request.url or ''
    return response


def refused(
    body: Any = b'', headers: dict[str, str] | None = None, status: int = 409
) -> exceptions.CloudImageHttpError:
    with pytest.raises(exceptions.CloudImageHttpError) as caught:
        exceptions.raise_from_response(answer(body, headers, status), "No")
    return caught.value


def test_code_and_message_are_found_under_each_name_and_object() -> None:
    unread = [
        body
        for body in SHAPES
        if exceptions.error_body(answer(body)) != (CODE, WORDS)
    ]

    assert unread == []


@pytest.mark.parametrize(
    ('body', 'words'),
    [
        ({'badRequest': {'message': WORDS, 'code': 409}}, WORDS),
        ({'conflict': {'message': WORDS, 'code': '409'}}, WORDS),
        ({'errors': [WORDS, "and more"]}, f"{WORDS}; and more"),
        ([WORDS], WORDS),
        ({'error': WORDS}, WORDS),
        ({'error': 'Conflict', 'message': WORDS}, WORDS),
        ({'error': 'conflict', 'error_description': WORDS}, WORDS),
        ({'detail': {'faultstring': WORDS}}, WORDS),
        ({'a': {'b': {'c': {'message': WORDS}}}}, WORDS),
        (WORDS, WORDS),
        (WORDS.encode(), WORDS),
        (f'<html><body><h1>{WORDS}</h1></body></html>'.encode(), WORDS),
    ],
    ids=str,
)
def test_without_a_code_the_message_is_told(body: Any, words: str) -> None:
    assert exceptions.error_body(answer(body)) == (None, words)


@pytest.mark.parametrize('status', [400, 403, 404, 409, 413, 418, 500, 599])
@pytest.mark.parametrize(
    'body',
    [
        b'',
        b' \n',
        b'null',
        {},
        [],
        '',
        {'error': {}},
        {'error': {'message': '', 'code': None}},
        {'error_msg': ' '},
        {'errors': []},
        {'request_id': 'r'},
        b'\xff\xfe\x00',
        b'{"error": {"message": ',
    ],
    ids=str,
)
def test_a_message_is_never_empty(body: Any, status: int) -> None:
    error = refused(body, status=status)

    reason = str(error).partition('No: ')[2].partition(' (HTTP')[0]
    assert reason.strip()


@pytest.mark.parametrize(
    ('body', 'headers'),
    [
        (b'', {'X-Request-Id': 'r-1'}),
        (b'', {'X-Openstack-Request-Id': 'r-1'}),
        (b'', {'X-Compute-Request-Id': 'r-1'}),
        (b'', {'X-Openstack-Request-Id': 'r-1', 'X-Request-Id': 'other'}),
        ({'request_id': 'r-1'}, {}),
        ({'requestId': 'r-1', 'error_msg': 'x'}, {}),
        ({'error': {'request_id': 'r-1', 'message': 'x'}}, {}),
        ({'errors': [{'RequestId': 'r-1'}]}, {}),
        ({'request_id': 'other'}, {'X-Request-Id': 'r-1'}),
    ],
    ids=str,
)
def test_the_requests_id_is_told_wherever_it_stands(
    body: Any, headers: dict[str, str]
) -> None:
    error = refused(body, headers)

    assert error.request_id == 'r-1'
    assert "request ID r-1" in str(error)


def test_an_encoded_message_is_not_shown() -> None:
    error = refused(
        {
            'error_code': 'APIGW.0802',
            'error_msg': "The action is not permitted",
            'encoded_authorization_message': 'XYZZY' * 50,
        },
        status=403,
    )

    assert error.code == 'APIGW.0802'
    assert isinstance(error, sdk_exceptions.ForbiddenException)
    assert 'XYZZY' not in str(error)


def test_an_answer_of_any_depth_ends() -> None:
    deep: Any = WORDS
    for _ in range(500):
        deep = {'error': [deep, deep]} if isinstance(deep, str) else [deep]

    assert refused(deep).status_code == 409
