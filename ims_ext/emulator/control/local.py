# SPDX-License-Identifier: Apache-2.0
"""Requests that come from this machine, and are meant for it.

A web page from elsewhere may have its own name led to this machine, so that
the browser takes the emulator for the page's server; or send requests from
a browser on this machine to the emulator.
"""

from collections.abc import Callable, Iterable
import functools
import ipaddress
import re
from typing import TypeAlias
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

#: Answers a request with a refusal, for the reason given.
Refuse: TypeAlias = Callable[
    [str, WSGIEnvironment, StartResponse], Iterable[bytes]
]

_HOST = re.compile(
    r'(?:\[(?P<ip>[0-9a-f:.]+)\]|(?P<name>[^\s:/@\[\]]+))(:\d*)?'
)
_ORIGIN = re.compile(r'https?://(?P<host>.*)')


class LocalOnly:
    """An application that answers nobody who calls it by a foreign name.

    :param application: What answers all other requests.
    :param refuse: Answers with a refusal.
    :param is_own: Whether a Host header is a name that was given to what
        answers.
    """

    def __init__(
        self,
        application: WSGIApplication,
        refuse: Refuse,
        is_own: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._application = application
        self._refuse = refuse
        self._is_own = is_own

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request."""
        reason = foreign(environ, self._is_own)
        if reason is not None:
            return self._refuse(reason, environ, start_response)
        return self._application(environ, start_response)


def foreign(
    environ: WSGIEnvironment,
    is_own: Callable[[str], bool] = lambda _: False,
) -> str | None:
    """Return why a request is not meant for this machine, or ``None``.

    :param environ: The request.
    :param is_own: Whether a Host header is a name that was given to what
        answers.
    """
    host = environ.get('HTTP_HOST', '')
    if not is_local_host(host) and not is_own(host):
        return (
            "The Host header must be localhost, a name below it, or an "
            "address of loopback."
        )
    origin = environ.get('HTTP_ORIGIN')
    if origin is not None:
        found = _ORIGIN.fullmatch(origin)
        if found is None or not is_local_host(found['host']):
            return "Web pages from elsewhere are not answered."
    return None


@functools.lru_cache(maxsize=64)
def is_local_host(host: str) -> bool:
    """Whether a Host header names this machine, with or without a port."""
    found = _HOST.fullmatch(host.lower())
    if found is None:
        return False
    name = found['ip'] or found['name'].removesuffix('.')
    return (
        name == 'localhost' or name.endswith('.localhost') or is_loopback(name)
    )


@functools.lru_cache(maxsize=64)
def is_loopback(text: str) -> bool:
    """Whether a text is an address that leads to this machine only."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    # Where both kinds of address are listened on, the older is in the newer.
    mapped = getattr(address, 'ipv4_mapped', None)
    return (mapped or address).is_loopback
