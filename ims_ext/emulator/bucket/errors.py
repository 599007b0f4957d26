# SPDX-License-Identifier: Apache-2.0
"""Refusals of the object store, and how they look on the wire."""

import base64
from collections.abc import Iterable
import hashlib
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from ims_ext.emulator.bucket import dialect


class S3Error(Exception):
    """A refusal with one of the error codes that OBS and S3 share.

    :param code: For example ``NoSuchBucket``.
    :param message: For the client to read.
    :param status: The HTTP status of the response.
    :param endpoint: Where to send the request instead.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        endpoint: str | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.endpoint = endpoint
        super().__init__(f'{code}: {message}')


def access_denied(message: str = "Access Denied") -> S3Error:
    """Return the refusal for what belongs to another project."""
    return S3Error('AccessDenied', message, 403)


def elsewhere(region: str, url: str) -> S3Error:
    """Return the refusal of a bucket that is in another region.

    :param region: The bucket's region.
    :param url: The object store's URL there.
    """
    return S3Error(
        'PermanentRedirect',
        f"The bucket is in the region {region}; send requests to {url}.",
        301,
        url,
    )


def bucket_taken() -> S3Error:
    """Return the refusal of a name that another project's bucket has."""
    return S3Error(
        'BucketAlreadyExists',
        "The bucket's name is taken; names are shared by all projects.",
        409,
    )


def no_such_bucket() -> S3Error:
    """Return the refusal for a bucket that does not exist."""
    return S3Error('NoSuchBucket', "The bucket does not exist.", 404)


def no_such_key() -> S3Error:
    """Return the refusal for an object that does not exist."""
    return S3Error('NoSuchKey', "The object does not exist.", 404)


def no_such_upload() -> S3Error:
    """Return the refusal for an upload in parts that does not exist."""
    return S3Error('NoSuchUpload', "The upload does not exist.", 404)


def invalid_argument(message: str) -> S3Error:
    """Return the refusal of a parameter's or a header's value."""
    return S3Error('InvalidArgument', message)


def malformed_xml() -> S3Error:
    """Return the refusal of a document that is not as expected."""
    return S3Error('MalformedXML', "The request's XML is not as expected.")


def not_implemented(names: Iterable[str]) -> S3Error:
    """Return the refusal of what this service does not do."""
    return S3Error(
        'NotImplemented',
        f"The emulator does not implement {', '.join(names)}.",
        501,
    )


#: Where the WSGI environment has the identifier of its request.
REQUEST_ID = 'ims_ext.request_id'
#: The identifier of requests that do not get as far as having one.
_NO_ID = '0' * 32


def identify(response: Response, prefix: str, environ: WSGIEnvironment) -> str:
    """Give a response the identifiers that the clouds put on each.

    :param response: The response.
    :param prefix: How the protocol's own headers begin.
    :param environ: The request.
    :returns: The request's identifier.
    """
    request_id = str(environ.get(REQUEST_ID, _NO_ID)).upper()
    response.headers[f'{prefix}request-id'] = request_id
    response.headers[f'{prefix}id-2'] = base64.b64encode(
        hashlib.sha256(request_id.encode()).digest()[:24]
    ).decode()
    return request_id


def answer(
    error: S3Error, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer a request with a refusal, as the XML that clients expect."""
    params = dict(
        parse_qsl(environ.get('QUERY_STRING', ''), keep_blank_values=True)
    )
    prefix = dialect.spoken(
        environ.get('HTTP_AUTHORIZATION', ''),
        params,
        [n[5:].replace('_', '-').lower() for n in environ if n[:5] == 'HTTP_'],
    ).prefix
    response = Response(status=error.status, content_type='application/xml')
    request_id = identify(response, prefix, environ)
    endpoint = ''
    if error.endpoint is not None:
        endpoint = f'<Endpoint>{escape(error.endpoint)}</Endpoint>'
    if environ['REQUEST_METHOD'] != 'HEAD' and error.status != 304:
        response.data = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            f'<Error><Code>{escape(error.code)}</Code>'
            f'<Message>{escape(error.message)}</Message>{endpoint}'
            f'<Resource>{escape(environ.get("PATH_INFO", ""))}</Resource>'
            f'<RequestId>{request_id}</RequestId>'
            f'<HostId>{response.headers[f"{prefix}id-2"]}</HostId></Error>'
        ).encode('utf-8', 'replace')
    return response(environ, start_response)


def forbid(
    reason: str, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer a request with a refusal that is about no bucket."""
    return answer(access_denied(reason), environ, start_response)
