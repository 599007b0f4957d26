# SPDX-License-Identifier: Apache-2.0
"""The emulator's refusals, and their shapes on the wire.

Handlers raise; :func:`render` is the one place where an exception becomes
an answer. Six shapes are documented, and clients must cope with all:

* the extension operations': ``{"error": {"message", "code"}}`` with codes
  like ``IMG.0027``; raise :class:`ImsError`;
* the gateway's: ``{"error_msg", "error_code"}`` with codes like
  ``APIGW.0301``; raise :class:`GatewayError`;
* Glance's: an HTML page;
* Keystone's: ``{"error": {"code": 404, "message", "title"}}``;
* Nova's and Cinder's: ``{"itemNotFound": {"code": 404, "message"}}``;
* the key management service's: ``{"error": {"error_code", "error_msg"}}``;
  raise :class:`KeyManagementError`;
* the backup service's, which is the gateway's; raise :class:`BackupError`.

Glance's, Keystone's and Nova's come from :class:`HttpError` and its
subclasses, which take the shape of the operation (:class:`Dialect`) that
raised them.
"""

from collections.abc import Iterable
import enum
import html
from http import HTTPStatus
import json
import logging
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from ims_ext.error_codes import catalogue

LOG = logging.getLogger(__name__)


class Dialect(enum.Enum):
    """The service whose error shape an operation uses."""

    EXTENSION = 'extension'
    GLANCE = 'glance'
    KEYSTONE = 'keystone'
    COMPUTE = 'compute'
    KEY_MANAGEMENT = 'key-management'
    BACKUP = 'backup'


class ServiceError(Exception):
    """A refusal with a status and a message.

    :ivar status: The HTTP status of the answer.
    :ivar message: What the client is told.
    """

    status: int = 500

    def __init__(self, message: str, status: int | None = None) -> None:
        self.message = message
        if status is not None:
            self.status = status
        super().__init__(message)


class ImsError(ServiceError):
    """A refusal with one of the service's own codes.

    :param code: A code of the catalogue, for example ``IMG.0027``.
    :param message: Words to use instead of the catalogue's.
    :param status: A status to use instead of the catalogue's.
    """

    status = 400

    def __init__(
        self,
        code: str,
        message: str | None = None,
        status: int | None = None,
    ) -> None:
        entry = catalogue.get(code)
        self.code = code
        super().__init__(
            message or (entry.meaning if entry else "The request is invalid."),
            status or (entry.status if entry else None),
        )


class GatewayError(ServiceError):
    """A refusal by the gateway in front of the service.

    :param code: The gateway's code, for example ``APIGW.0301``.
    """

    status = 401

    def __init__(
        self, code: str, message: str, status: int | None = None
    ) -> None:
        self.code = code
        super().__init__(message, status)


class KeyManagementError(ServiceError):
    """A refusal by the key management service.

    :param code: Its code, for example ``KMS.0205``.
    """

    status = 400

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class BackupError(ServiceError):
    """A refusal by the backup service.

    :param code: Its code, for example ``BackupService.6105``.
    """

    status = 400

    def __init__(
        self, code: str, message: str, status: int | None = None
    ) -> None:
        self.code = code
        super().__init__(message, status)


class HttpError(ServiceError):
    """A refusal that has nothing but a status and a message."""


class BadRequest(HttpError):
    """HTTP 400."""

    status = 400


class Unauthorized(HttpError):
    """HTTP 401."""

    status = 401


class Forbidden(HttpError):
    """HTTP 403."""

    status = 403


class NotFound(HttpError):
    """HTTP 404."""

    status = 404


class MethodNotAllowed(HttpError):
    """HTTP 405."""

    status = 405


class Conflict(HttpError):
    """HTTP 409."""

    status = 409


class TooLarge(HttpError):
    """HTTP 413."""

    status = 413


class UnsupportedMediaType(HttpError):
    """HTTP 415."""

    status = 415


#: Extension codes for refusals that were raised without one.
_CODE_BY_STATUS: dict[int, str] = {
    400: 'IMG.0001',
    403: 'IMG.0026',
    404: 'IMG.0027',
}


#: What Nova and Cinder call their refusals.
_COMPUTE_FAULTS: dict[int, str] = {
    400: 'badRequest',
    403: 'forbidden',
    404: 'itemNotFound',
    405: 'badMethod',
    409: 'conflictingRequest',
}

#: The key management service's codes, likewise.
_KEY_CODES: dict[int, str] = {
    400: 'KMS.0202',
    403: 'KMS.0401',
    404: 'KMS.0201',
    405: 'KMS.0201',
    413: 'KMS.0203',
}


def render(error: Exception, dialect: Dialect, flat: bool = False) -> Response:
    """Return the answer that an exception stands for.

    An exception that nobody meant to raise is logged with its traceback, and
    the client gets a 500 that says nothing about it.

    :param error: What a handler raised.
    :param dialect: The shape for errors that have none of their own.
    :param flat: Whether the extension operations' errors have the gateway's
        shape.
    """
    if isinstance(error, HTTPException):
        error = HttpError(error.description or error.name, error.code or 500)
    if not isinstance(error, ServiceError):
        LOG.error("The emulator failed on a request", exc_info=error)
        return _extension(
            500, "Internal error of the emulator.", 'IMG.0061', flat
        )
    if isinstance(error, ImsError):
        return _extension(error.status, error.message, error.code, flat)
    if isinstance(error, GatewayError | BackupError):
        return _extension(error.status, error.message, error.code, True)
    if isinstance(error, KeyManagementError):
        return _key_management(error.status, error.message, error.code)
    if dialect is Dialect.EXTENSION:
        return _extension(
            error.status,
            error.message,
            _CODE_BY_STATUS.get(error.status, 'IMG.0061'),
            flat,
        )
    if dialect is Dialect.GLANCE:
        return _glance(error.status, error.message)
    # Who calls without a token is refused before it comes to Nova.
    if dialect is Dialect.COMPUTE and error.status != 401:
        name = _COMPUTE_FAULTS.get(error.status, 'computeFault')
        body = {name: {'code': error.status, 'message': error.message}}
        return _json(error.status, body)
    if dialect is Dialect.KEY_MANAGEMENT and error.status in _KEY_CODES:
        code = _KEY_CODES[error.status]
        return _key_management(error.status, error.message, code)
    if dialect is Dialect.BACKUP and error.status != 401:
        return _extension(error.status, error.message, str(error.status), True)
    return _keystone(error.status, error.message)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return 'Error'


def _json(status: int, body: object) -> Response:
    return Response(
        json.dumps(body), status=status, content_type='application/json'
    )


def _key_management(status: int, message: str, code: str) -> Response:
    error = {'error_code': code, 'error_msg': message}
    return _json(status, {'error': error})


def _extension(status: int, message: str, code: str, flat: bool) -> Response:
    if flat:
        return _json(status, {'error_msg': message, 'error_code': code})
    return _json(status, {'error': {'message': message, 'code': code}})


def _keystone(status: int, message: str) -> Response:
    response = _json(
        status,
        {
            'error': {
                'code': status,
                'message': message,
                'title': _title(status),
            }
        },
    )
    if status == 401:
        response.headers['WWW-Authenticate'] = 'Keystone uri="/v3"'
    return response


def _glance(status: int, message: str) -> Response:
    title = f'{status} {_title(status)}'
    text = html.escape(message, quote=False)
    page = (
        f'<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n'
        f'  <h1>{title}</h1>\n  {text}<br /><br />\n\n\n'
        ' </body>\n</html>'
    )
    return Response(
        page, status=status, content_type='text/html; charset=UTF-8'
    )


def forbid(
    reason: str, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer a request with a refusal that is no service's own."""
    response = render(Forbidden(reason), Dialect.KEYSTONE)
    return response(environ, start_response)
