# SPDX-License-Identifier: Apache-2.0
"""What a refusal of the cloud becomes."""

from collections.abc import Callable
import json
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests
import requests_mock

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


@pytest.mark.parametrize(
    ('code', 'expected'),
    [
        ('IMG.0015', exceptions.QuotaExceededError),
        ('IMG.0009', exceptions.NameTakenError),
        ('IMG.0028', exceptions.ImageProtectedError),
        ('IMG.0056', exceptions.InvalidOsVersionError),
        ('IMG.0069', exceptions.BucketRefusedError),
        ('IMG.0076', exceptions.NotShareableError),
        ('IMG.0115', exceptions.InvalidTagError),
        ('IMG.0128', exceptions.NotExportableError),
        ('IMG.0134', exceptions.BackupUsedError),
    ],
)
def test_the_most_telling_codes_are_classes_of_their_own(
    code: str, expected: type[Exception]
) -> None:
    error = refusal(400, {'error': {'code': code, 'message': 'No.'}})

    assert type(error) is expected
    assert isinstance(error, sdk_exceptions.BadRequestException)


def test_a_telling_code_with_another_status_keeps_the_statuss_class() -> None:
    error = refusal(403, {'error': {'code': 'IMG.0015', 'message': 'No.'}})

    assert isinstance(error, sdk_exceptions.ForbiddenException)
    assert error.code == 'IMG.0015'


@pytest.mark.parametrize(
    ('status', 'body', 'path', 'clouds'),
    [
        (404, '', '/v1/cloudimages/os_version', 'Huawei Cloud'),
        (405, '', '/v2/cloudimages', 'Flexible Engine'),
        (
            404,
            {'error_code': 'APIGW.0101', 'error_msg': 'No such API'},
            '/v1/cloudimages/quota',
            'Open Telekom Cloud',
        ),
        (404, '', '/v2.1/cloudimages/action', 'Huawei Cloud'),
        (404, '', '/v1/cloudimages/i1/cross_region_copy', 'Huawei Cloud'),
        (404, '', '/v1/p1/cloudimages/i1/members/p2', 'Huawei Cloud'),
    ],
)
def test_an_operation_that_the_cloud_lacks_is_named_with_who_has_it(
    status: int, body: Any, path: str, clouds: str
) -> None:
    response = answer(status, body)
    response.request.url = f'https://ims.example.com{path}'

    with pytest.raises(exceptions.UnsupportedOperationError) as caught:
        exceptions.raise_from_response(response)

    assert path in str(caught.value)
    assert clouds in str(caught.value)
    assert isinstance(caught.value, sdk_exceptions.NotSupported)


def test_a_missing_object_is_not_a_missing_operation() -> None:
    coded = {'error': {'code': 'IMG.0144', 'message': 'No such image.'}}
    response = answer(404, coded)
    response.request.url = 'https://ims.example.com/v1/cloudimages/job/j1'

    with pytest.raises(sdk_exceptions.NotFoundException):
        exceptions.raise_from_response(response)


def test_inherited_operations_tell_the_code_too(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.delete(
        'https://ims.example.com/v2/images/i1',
        status_code=400,
        json={'error': {'code': 'IMG.0028', 'message': 'Protected.'}},
    )

    with pytest.raises(exceptions.ImageProtectedError) as caught:
        conn.ims.delete_image('i1')

    assert caught.value.advice


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
