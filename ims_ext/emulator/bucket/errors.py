# SPDX-License-Identifier: Apache-2.0
"""Refusals of the bucket side, and how they look on the wire."""

from collections.abc import Iterable
import uuid
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment
from xml.etree import ElementTree

from werkzeug.wrappers import Response


class S3Error(Exception):
    """A refusal with one of S3's error codes.

    :param code: For example ``NoSuchBucket``.
    :param message: What the client is told.
    :param status: The HTTP status of the answer.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code = code
        self.message = message
        self.status = status
        super().__init__(f'{code}: {message}')


def access_denied(message: str = "Access Denied") -> S3Error:
    """Return the refusal for what belongs to another project."""
    return S3Error('AccessDenied', message, 403)


def bucket_taken() -> S3Error:
    """Return the refusal of a name that another project's bucket has."""
    return S3Error(
        'BucketAlreadyExists',
        "The bucket's name is taken; names are shared by all projects.",
        409,
    )


def answer(
    error: S3Error,
    environ: WSGIEnvironment,
    start_response: StartResponse,
) -> Iterable[bytes]:
    """Answer a request with a refusal, as the XML that S3 clients expect."""
    root = ElementTree.Element('Error')
    for name, text in (
        ('Code', error.code),
        ('Message', error.message),
        ('RequestId', uuid.uuid4().hex),
    ):
        ElementTree.SubElement(root, name).text = text
    response = Response(
        ElementTree.tostring(root, 'utf-8', xml_declaration=True),
        status=error.status,
        content_type='application/xml',
    )
    return response(environ, start_response)
