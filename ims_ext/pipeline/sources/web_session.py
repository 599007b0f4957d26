# SPDX-License-Identifier: Apache-2.0
"""Requests to web servers that prove nothing, and words for their failures."""

import http.cookiejar
import logging
from typing import TYPE_CHECKING

import ims_ext
from ims_ext.exceptions import secret_text
from ims_ext.pipeline.sources import addresses
from ims_ext.pipeline.sources.errors import PlaceError

if TYPE_CHECKING:
    import requests


def length(response: 'requests.Response') -> int | None:
    """Return the bytes that an answer says its file has.

    :param response: The answer.
    """
    text = response.headers.get('Content-Length', '')
    return int(text) if text.isascii() and text.isdigit() else None


def refused(url: str, response: 'requests.Response') -> PlaceError:
    """Return what is to be told of an answer that is none.

    :param url: What was asked.
    :param response: The answer.
    """
    return PlaceError(
        f"{addresses.shown(url)}: the server answers "
        f"{response.status_code} {response.reason or ''}".rstrip()
    )


def words(error: Exception) -> str:
    """Return what has happened to a connection, in few words.

    :param error: What the requests library has raised.
    """
    import requests
    import urllib3

    found: BaseException | None = error
    while found is not None:
        if isinstance(
            found,
            requests.ConnectTimeout | urllib3.exceptions.ConnectTimeoutError,
        ):
            return "the server does not accept the connection"
        if isinstance(
            found,
            requests.ReadTimeout
            | urllib3.exceptions.ReadTimeoutError
            | TimeoutError,
        ):
            return "the server has stopped sending"
        if isinstance(found, urllib3.exceptions.NameResolutionError):
            return "there is no such host"
        if isinstance(found, urllib3.exceptions.IncompleteRead):
            return "the connection ended"
        if isinstance(found, ConnectionRefusedError):
            return "the server refuses the connection"
        if isinstance(found, requests.exceptions.SSLError):
            return f"TLS fails: {found}"
        reason = getattr(found, 'reason', None)
        inner = [
            each
            for each in (reason, *found.args, found.__cause__)
            if isinstance(each, BaseException) and each is not found
        ]
        found = inner[0] if inner else None
    return f"the connection failed: {type(error).__name__}"


class _NoAuth:
    """Proves nothing, and has the requests library look for no proof."""

    def __call__(
        self, r: 'requests.PreparedRequest'
    ) -> 'requests.PreparedRequest':
        r.headers.pop('Authorization', None)
        return r


class _SecretFilter(logging.Filter):
    """Keeps signatures of URLs out of what requests are logged as."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        hidden = secret_text.masked(message)
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True


def _hide_secrets() -> None:
    """Filter the log of all requests, once."""
    logger = logging.getLogger('urllib3.connectionpool')
    if not any(isinstance(each, _SecretFilter) for each in logger.filters):
        logger.addFilter(_SecretFilter())


def new_session() -> 'requests.Session':
    """Return a session that sends no cookie, and nothing of ``.netrc``."""
    import requests

    _hide_secrets()
    session = requests.Session()
    session.auth = _NoAuth()
    session.headers['User-Agent'] = f'ims-ext/{ims_ext.__version__}'
    session.cookies.set_policy(
        http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
    )
    return session
