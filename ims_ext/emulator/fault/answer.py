# SPDX-License-Identifier: Apache-2.0
"""The answers of faults: refusals in the services' words, damaged bodies."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
import json
from typing import Any
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment

from werkzeug.wrappers import Response

from ims_ext.emulator import errors
from ims_ext.emulator.bucket import errors as s3_errors
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.fault import SHAPES
from ims_ext.emulator.fault import Fault

_PAGE = """\
<!DOCTYPE html>
<html>
<head><title>{title}</title></head>
<body>
<center><h1>{title}</h1></center>
<hr><center>gateway</center>
</body>
</html>
"""
_GARBAGE = b'\x00\xff\xfe{{"images": [\x80\x81, }}] \xc3\x28'

#: What gateways in front of the services refuse, and their codes for it.
_GATEWAY_CODES = {
    429: 'APIGW.0308',
    502: 'APIGW.0202',
    503: 'APIGW.0202',
    504: 'APIGW.0201',
}
_BUCKET_CODES = {
    429: 'TooManyRequests',
    500: 'InternalError',
    503: 'ServiceUnavailable',
}
_DIALECTS = {
    'identity': Dialect.KEYSTONE,
    'image': Dialect.EXTENSION,
    'compute': Dialect.COMPUTE,
    'block-storage': Dialect.COMPUTE,
    'key-management': Dialect.KEY_MANAGEMENT,
    'backup': Dialect.BACKUP,
}


def refuse(
    fault: Fault,
    service: str,
    environ: WSGIEnvironment,
    start_response: StartResponse,
) -> Iterable[bytes]:
    """Refuse a request in the words of the service that it is for.

    :param fault: One with a status.
    :param service: One of :data:`~ims_ext.emulator.fault.SERVICES`.
    """
    assert fault.status is not None  # noqa: S101
    start = _with_retry_after(fault, start_response)
    if fault.body in SHAPES:
        return _shaped(fault, fault.body)(environ, start)
    if fault.body is not None:
        return _damaged(fault.status, fault.body)(environ, start)
    if service == 'bucket':
        code = fault.code or _BUCKET_CODES.get(fault.status, 'InternalError')
        error = s3_errors.S3Error(code, _message(fault.status), fault.status)
        return s3_errors.answer(error, environ, start)
    dialect = _DIALECTS.get(service, Dialect.KEYSTONE)
    return errors.render(_error(fault), dialect)(environ, start)


def _with_retry_after(
    fault: Fault, start_response: StartResponse
) -> StartResponse:
    if fault.retry_after is None:
        return start_response
    header = 'Retry-After', str(fault.retry_after)

    def start(
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,
    ) -> Callable[[bytes], object]:
        return start_response(status, [*headers, header], exc_info)

    return start


def damage(body: bytes, how: str, status: int) -> bytes:
    """Return what is sent in place of a body.

    :param how: ``truncated``, ``garbage``, ``html`` or ``empty``.
    :param status: The status that a page is about.
    """
    if how == 'truncated':
        return body[: len(body) // 2]
    if how == 'garbage':
        return _GARBAGE
    if how == 'html':
        return _PAGE.format(title=f'{status} {_phrase(status)}').encode()
    return b''


def _damaged(status: int, how: str) -> Response:
    body = damage(b'{"error": {"message": "", "code": ""}}', how, status)
    kind = 'text/html' if how == 'html' else 'application/json'
    return Response(body, status=status, content_type=kind)


def _shaped(fault: Fault, shape: str) -> Response:
    """Return a refusal in a shape that some gateway or service has."""
    status = fault.status or 500
    code, message = fault.code or str(status), _message(status)
    if shape == 'text':
        return Response(message, status=status, content_type='text/plain')
    bodies: dict[str, dict[str, Any]] = {
        'wrapped': {'badRequest': {'code': code, 'message': message}},
        'flat': {'errorCode': code, 'errorMsg': message},
        'listed': {'errors': [{'code': code, 'message': message}]},
    }
    return Response(
        json.dumps(bodies[shape]),
        status=status,
        content_type='application/json',
    )


def _error(fault: Fault) -> errors.ServiceError:
    status = fault.status or 500
    code = fault.code or _GATEWAY_CODES.get(status)
    if code is not None and code.startswith('IMG.'):
        return errors.ImsError(code, _message(status), status)
    if code is not None:
        return errors.GatewayError(code, _message(status), status)
    return errors.HttpError(_message(status), status)


def _message(status: int) -> str:
    return f"A fault was asked for: {_phrase(status)}."


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return 'Error'
