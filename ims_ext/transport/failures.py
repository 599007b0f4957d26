# SPDX-License-Identifier: Apache-2.0
"""Failures that may pass: statuses, connections and answers, in one list."""

from collections.abc import Iterator
import dataclasses
import http.client
import ssl
from typing import Any, Literal
import urllib.parse

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
import requests
import urllib3

from ims_ext import exceptions

#: Statuses of a server or gateway that may answer well in a moment.
PASSING_STATUSES = frozenset((408, 429, 500, 502, 503, 504))

#: Those of them that say that nothing has been done.
_UNDONE_STATUSES = frozenset((429, 503))

Kind = Literal['connection', 'status', 'doubtful']


@dataclasses.dataclass(frozen=True)
class Failure:
    """Something that may pass.

    :ivar kind: What the number of retries depends on.
    :ivar reason: What went wrong, in words.
    :ivar retry_after: Seconds that the cloud asks for, or ``None``.
    :ivar is_undone: Whether it is known that the request had no effect.
    :ivar is_final: Whether it is not to be asked again, for another reason.
    :ivar is_strange: Whether no connection came about to a host that has
        never answered this process: it may not be there at all.
    """

    kind: Kind
    reason: str
    retry_after: float | None = None
    is_undone: bool = False
    is_final: bool = False
    is_strange: bool = False


#: Hosts that have answered this process, with their ports.
_reached: set[str] = set()


def note_answer(url: str | None) -> None:
    """Note that a host is there.

    :param url: What has been answered.
    """
    if url:
        parts = urllib.parse.urlsplit(url)
        _reached.add(_place(parts.hostname, parts.port, parts.scheme))


def _place(host: str | None, port: int | None, scheme: str = '') -> str:
    port = port or (443 if scheme == 'https' else 80)
    return f'{(host or "").strip("[]")}:{port}'


class FailedResponseError(Exception):
    """An answer that may be a better one when the request is repeated.

    It is between an attempt and :func:`run`; callers never see it.
    """

    def __init__(self, response: requests.Response, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.response = response
        self.failure = failure


def in_answer(response: requests.Response) -> Failure | None:
    """Return the failure that an answer's status stands for.

    :param response: The answer.
    :returns: ``None`` for a status that asking again would not change.
    """
    return in_status(response.status_code, response.headers.get('Retry-After'))


def in_status(status: int, retry_after: str | None = None) -> Failure | None:
    """Return the failure that a status stands for.

    :param status: The HTTP status.
    :param retry_after: The ``Retry-After`` of the answer, if it has one: a
        number of seconds or a date.
    :returns: ``None`` for a status that asking again would not change.
    """
    if status not in PASSING_STATUSES:
        return None
    return Failure(
        'doubtful' if status == 500 else 'status',
        f'HTTP {status}',
        _seconds(retry_after),
        is_undone=status in _UNDONE_STATUSES,
    )


def good(response: requests.Response) -> requests.Response:
    """Return an answer, unless asking again may give a better one.

    :param response: The answer.
    :raises: :class:`FailedResponseError`, to be told by :func:`in_error`.
    """
    failure = in_answer(response)
    if failure is not None:
        raise FailedResponseError(response, failure)
    return response


def _seconds(retry_after: str | None) -> float | None:
    """Return for how many seconds an answer asks to stay away."""
    if not retry_after:
        return None
    try:
        return max(float(urllib3.Retry().parse_retry_after(retry_after)), 0.0)
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None


def in_error(error: BaseException) -> Failure | None:
    """Return the failure that an exception stands for.

    :param error: What keystoneauth, openstacksdk or this package raised.
    :returns: ``None`` for what asking again would not change.
    """
    if isinstance(error, FailedResponseError):
        return error.failure
    if isinstance(error, exceptions.LargeAnswerError):
        return None
    if isinstance(
        error, exceptions.InvalidAnswerError | ksa_exceptions.InvalidResponse
    ):
        return Failure('doubtful', 'an answer that cannot be read')
    if isinstance(error, ksa_exceptions.DiscoveryFailure):
        # The identity service's: why it says nothing of its versions.
        return in_error(error.__context__ or exceptions.InvalidAnswerError())
    if isinstance(error, ksa_exceptions.HttpError):
        # The identity service's: the image service's are answers.
        response = error.response
        status: int | None = error.http_status
    elif isinstance(error, sdk_exceptions.HttpException):
        response, status = error.response, error.status_code
    else:
        return _in_connection(error)
    if response is not None:
        return in_answer(response)
    failure = in_status(status or 0)
    # Whose it is is not known.
    return failure and dataclasses.replace(failure, is_undone=False)


def is_unsent(error: BaseException) -> bool:
    """Whether a request was never sent: there was no token to send it with.

    :param error: What :class:`~ims_ext.transport.exchange.Exchange` raised;
        it has been patient already.
    """
    return getattr(error, 'is_unsent', False)


def _in_connection(error: BaseException) -> Failure | None:
    if not isinstance(error, ksa_exceptions.ConnectionError):
        return None
    causes = list(_causes(error))
    if isinstance(error, ksa_exceptions.UnknownConnectionError):
        passes = any(isinstance(each, _CUTS) for each in causes)
    elif isinstance(error, ksa_exceptions.SSLError):
        # A cut, rather than a certificate that nobody vouches for.
        passes = any(isinstance(each, _TLS_CUTS) for each in causes)
    else:
        passes = True
    if not passes:
        return None
    return Failure(
        'connection',
        in_words(error),
        is_undone=is_unsent(error)
        or any(isinstance(each, _UNCONNECTED) for each in causes),
        is_strange=any(_is_strange(each) for each in causes),
    )


def in_words(error: BaseException) -> str:
    """Return why there was no connection, in a few words.

    :param error: What keystoneauth raised.
    """
    for each in _causes(error):
        if not isinstance(each, urllib3.exceptions.NewConnectionError):
            continue
        connection: Any = getattr(each, 'conn', None)
        host = getattr(connection, 'host', None)
        if host is None:
            continue
        if isinstance(each, urllib3.exceptions.NameResolutionError):
            return f"the host name {host} is not known"
        cause = str(each).rpartition(': ')[2]
        return f"{host}:{connection.port} cannot be connected to: {cause}"
    causes = list(_causes(error))
    if any(isinstance(e, http.client.RemoteDisconnected) for e in causes):
        url = getattr(getattr(causes[0], 'request', None), 'url', None)
        if url:
            host = urllib.parse.urlsplit(url).netloc.rpartition('@')[2]
            return f"{host} closed the connection without an answer"
    return str(error) or type(error).__name__


def _is_strange(error: BaseException) -> bool:
    """Whether a host was not connected to that has never answered."""
    if not isinstance(error, urllib3.exceptions.NewConnectionError):
        return False
    connection: Any = getattr(error, 'conn', None)
    host = getattr(connection, 'host', None)
    port = getattr(connection, 'port', None)
    return _place(host, port) not in _reached


#: Connections that end in the middle of an answer.
_CUTS = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.Timeout,
)
_TLS_CUTS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)
#: Connections that never were.
_UNCONNECTED = (
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give the exceptions that one of keystoneauth's was made of."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ksa_exceptions.ConnectionError):
        # Ours, which was made of keystoneauth's.
        cause = cause.__cause__ or cause.__context__
    # What was being handled when the request was made is not of interest.
    if not isinstance(cause, requests.exceptions.RequestException):
        return
    found: list[BaseException] = [cause]
    for each in found:  # grows as it is gone through
        found.extend(new for new in _wrapped(each) if new not in found)
    yield from found


def _wrapped(error: BaseException) -> list[BaseException]:
    inner = (*error.args, getattr(error, 'reason', None))
    return [each for each in inner if isinstance(each, BaseException)]
