# SPDX-License-Identifier: Apache-2.0
"""What a refusal of the cloud becomes."""

from collections.abc import Callable
import json
from typing import Any

from openstack import exceptions as sdk_exceptions
import pytest
import requests

from ims_ext import exceptions


def answer(
    status: int,
    body: Any,
    content_type: str = 'application/json',
    **headers: str,
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.reason = 'Because'
    response.headers['Content-Type'] = content_type
    response.headers.update(headers)
    text = body if isinstance(body, str) else json.dumps(body)
    response._content = text.encode()
    response.request = requests.Request(
        'GET', 'https://ims.example.com/v2/cloudimages'
    ).prepare()
    return response


def refusal(*args: Any, **kwargs: Any) -> exceptions.CloudImageHttpError:
    with pytest.raises(exceptions.CloudImageHttpError) as caught:
        exceptions.raise_from_response(answer(*args, **kwargs))
    return caught.value


def test_the_services_own_shape_gives_code_reason_and_advice() -> None:
    error = refusal(
        400, {'error': {'code': 'IMG.0015', 'message': 'Quota reached.'}}
    )

    assert error.code == 'IMG.0015'
    assert error.advice == exceptions.catalogue['IMG.0015'].advice
    assert 'IMG.0015: Quota reached' in str(error)
    assert error.advice in str(error)


def test_the_gateways_shape_gives_code_and_reason() -> None:
    error = refusal(
        401, {'error_code': 'APIGW.0301', 'error_msg': 'Wrong token.'}
    )

    assert error.code == 'APIGW.0301'
    assert 'Wrong token' in str(error)


def test_glances_page_gives_its_words_without_markup() -> None:
    error = refusal(
        404,
        '<html><head><title>404 Not Found</title></head>'
        '<body><h1>404 Not Found</h1>No image found<br /></body></html>',
        content_type='text/html; charset=UTF-8',
    )

    assert error.code is None
    assert '404 Not Found No image found' in str(error)
    assert '<' not in str(error)


def test_a_code_may_be_missing() -> None:
    error = refusal(400, {'error': {'message': 'No.'}})

    assert error.code is None
    assert error.advice is None


@pytest.mark.parametrize(
    'body', ['', '[]', '"x"', 'null', '{"error": null}', '{"error": "x"}', '{']
)
def test_no_body_is_too_strange(body: str) -> None:
    assert 'HTTP 500' in str(refusal(500, body))


@pytest.mark.parametrize(
    ('status', 'expected'),
    [
        (400, sdk_exceptions.BadRequestException),
        (403, sdk_exceptions.ForbiddenException),
        (404, sdk_exceptions.NotFoundException),
        (409, sdk_exceptions.ConflictException),
        (503, sdk_exceptions.HttpException),
    ],
)
def test_existing_except_clauses_keep_working(
    status: int, expected: type[Exception]
) -> None:
    error = refusal(status, {'error': {'message': 'No.'}})

    assert isinstance(error, expected)
    assert error.status_code == status


def test_the_request_id_is_told() -> None:
    error = refusal(500, '', **{'x-openstack-request-id': 'req-1'})

    assert error.request_id == 'req-1'
    assert 'req-1' in str(error)


def test_an_answer_below_400_raises_nothing() -> None:
    exceptions.raise_from_response(answer(204, ''))


def test_what_is_left_behind_is_noted_on_any_exception() -> None:
    def interrupted() -> None:
        with exceptions.leaving("a half-read book"):
            raise KeyboardInterrupt

    assert notes(interrupted) == ["Left behind: a half-read book"]


def notes(action: Callable[[], None]) -> list[str]:
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        action()
    return list(caught.value.__notes__)


def test_a_missing_extra_names_the_install_command() -> None:
    error = exceptions.MissingExtraError('obs', "Uploading to a bucket")

    assert "pip install 'ims-ext[obs]'" in str(error)
    assert isinstance(error, ImportError)
