# SPDX-License-Identifier: Apache-2.0
"""Responses and exceptions without what proves who asked."""

from collections.abc import Iterator
import contextlib
import re
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

#: Headers whose values are good for getting in.
SECRET_HEADERS = (
    'Authorization',
    'Cookie',
    'Proxy-Authorization',
    'Set-Cookie',
    'X-Amz-Security-Token',
    'X-Auth-Token',
    'X-Security-Token',
    'X-Service-Token',
    'X-Subject-Token',
)

#: Paths of requests whose bodies are good for getting in, too.
_SECRET_BODIES = re.compile(r'/(auth/|OS-|oauth|oidc|ec2tokens)', re.I)

#: Packages in whose frames headers and bodies are kept as local variables.
_PACKAGES = frozenset(
    (
        *('botocore', 'http', 'ims_ext', 'keystoneauth1', 'openstack'),
        *('requests', 'socket', 'ssl', 'urllib3'),
    )
)

#: Exceptions of a chain that are looked at; no chain is as long.
_MOST_CAUSES = 50


def without_secrets(response: 'requests.Response') -> 'requests.Response':
    """Return a copy of a response, and of its request, without secrets.

    :param response: The response; it stays as it is.
    """
    clean = object.__new__(type(response))
    vars(clean).update(vars(response))
    clean.headers = _clean_headers(response.headers)
    clean.history = [without_secrets(each) for each in response.history]
    if response.request is not None:
        clean.request = response.request.copy()
        # What was to be done with the answer has been done.
        clean.request.hooks = {'response': []}
        _mask_request(clean.request)
    return clean


def mask(response: 'requests.Response') -> None:
    """Take the secrets out of a response, and of its request.

    :param response: The response, which is changed.
    """
    for each in (response, *response.history):
        each.headers = _clean_headers(each.headers)
        if each.request is not None:
            _mask_request(each.request)


@contextlib.contextmanager
def clean_errors() -> Iterator[None]:
    """Take the secrets out of exceptions that leave the block.

    See :func:`clean_error`.
    """
    try:
        yield
    except BaseException as error:
        clean_error(error)
        raise


def clean_error(error: BaseException) -> None:
    """Take the secrets out of an exception, and of what it was made of.

    Responses and requests that it has lose them, and frames of its traceback
    that are left lose their local variables, where the code is this
    package's or that of the libraries which send requests.

    :param error: The exception, which is changed.
    """
    found: list[BaseException] = [error]
    for each in found:  # grows as it is gone through
        if len(found) < _MOST_CAUSES:
            found += [new for new in _made_of(each) if new not in found]
        _clear_frames(each.__traceback__)
        attributes = {**getattr(each, 'kwargs', {}), **vars(each)}
        response: Any = attributes.get('response')
        request: Any = attributes.get('request')
        if isinstance(response, dict):
            # botocore's.
            _mask_metadata(response.get('ResponseMetadata'))
        elif hasattr(response, 'history') and hasattr(response, 'headers'):
            mask(response)
        if hasattr(request, 'headers'):
            _mask_request(request)


def _made_of(error: BaseException) -> list[BaseException]:
    inner = (
        error.__cause__,
        error.__context__,
        getattr(error, 'reason', None),
        *error.args,
    )
    return [each for each in inner if isinstance(each, BaseException)]


def _clear_frames(traceback: TracebackType | None) -> None:
    while traceback is not None:
        frame = traceback.tb_frame
        package = str(frame.f_globals.get('__name__')).partition('.')[0]
        if package in _PACKAGES:
            with contextlib.suppress(RuntimeError):  # it is still running
                frame.clear()
        traceback = traceback.tb_next


def _mask_metadata(metadata: Any) -> None:
    headers = metadata.get('HTTPHeaders') if metadata else None
    if isinstance(headers, dict):
        for name in {each.lower() for each in SECRET_HEADERS} & headers.keys():
            headers[name] = '***'


def _mask_request(request: Any) -> None:
    if request.headers is not None:
        request.headers = _clean_headers(request.headers)
    if request.body and _SECRET_BODIES.search(str(request.url)):
        request.body = '***'


def _clean_headers(headers: Any) -> Any:
    clean = headers.copy()
    for name in SECRET_HEADERS:
        if name in clean:
            clean[name] = '***'
    return clean
