# SPDX-License-Identifier: Apache-2.0
"""Files on web servers, fetched without becoming anybody's proxy.

Whoever may use the emulator says which address it asks. So it asks hosts on
the internet only, at the usual ports, unless whoever runs it has named
others; it connects to the address that was checked, and looks at each
redirect as it did at the first address.
"""

from collections.abc import Iterable, Iterator
import contextlib
import dataclasses
import http.client
import ipaddress
import re
import socket
import ssl
import time
from typing import TypeAlias
from urllib.parse import SplitResult
from urllib.parse import urljoin
from urllib.parse import urlsplit

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: The usual port of each scheme.
_PORTS = {'http': 80, 'https': 443}
#: For how long a server may be silent, and take altogether, in seconds.
_SILENCE = 30.0
_LONGEST = 3600.0
_REDIRECTS = 5
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
#: IPv4 addresses in an IPv6 network, by a translating router.
_NAT64 = ipaddress.IPv6Network('64:ff9b::/96')
_HOST = re.compile(r'(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+)(?::([0-9]{1,5}))?')


class WebSourceError(Exception):
    """A file that cannot be fetched."""


class FilteredError(WebSourceError):
    """An address that nobody may have fetched."""


def check_host(text: str) -> str:
    """Return a host, alone or with a port, that is to be permitted.

    :raises: :class:`ValueError` for what is none.
    """
    _host(text)
    return text


def _host(text: str) -> tuple[str, int | None]:
    found = _HOST.fullmatch(text)
    if found is None or int(found[2] or 1) not in range(1, 65536):
        raise ValueError(f"{text!r} is no host, and no host with a port")
    return _normal(found[1]), int(found[2]) if found[2] else None


def _normal(host: str) -> str:
    return host.strip('[]').rstrip('.').lower()


@dataclasses.dataclass(frozen=True)
class _Target:
    """A place to connect to.

    :ivar address: The IP address that was checked.
    """

    parts: SplitResult
    host: str
    port: int
    address: str

    @property
    def path(self) -> str:
        query = f'?{self.parts.query}' if self.parts.query else ''
        return (self.parts.path or '/') + query


class WebFile:
    """A file that is being fetched.

    :ivar size: Its bytes; ``None`` where the server does not tell.
    """

    def __init__(
        self, response: http.client.HTTPResponse, deadline: float
    ) -> None:
        self._response = response
        self._deadline = deadline
        self.size = response.length

    def read(self, size: int) -> bytes:
        """Return some next bytes, at most so many; none at the end.

        :raises: :class:`WebSourceError`
        """
        if time.monotonic() > self._deadline:
            raise WebSourceError("The server takes too long.")
        try:
            # Not read(): it would wait for all of them.
            return self._response.read1(size)
        except (OSError, http.client.HTTPException) as error:
            raise WebSourceError(
                f"The server does not send all of it: {_reason(error)}"
            ) from error


class WebSources:
    """The files that may be fetched.

    :param hosts: Hosts to permit wherever they are, each alone or with a
        port.
    """

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = {_host(each) for each in hosts}

    def check(self, uri: object) -> None:
        """Refuse an address that nobody may have fetched.

        :raises: :class:`FilteredError`
        """
        self._target(uri)

    def size(self, uri: str) -> int | None:
        """Ask for a file's size in bytes, and for no more.

        :raises: :class:`WebSourceError`
        """
        with self._asked('HEAD', uri) as response:
            return response.length or _length(response)

    @contextlib.contextmanager
    def open(self, uri: str) -> Iterator[WebFile]:
        """Begin to fetch a file.

        :raises: :class:`WebSourceError`
        """
        deadline = time.monotonic() + _LONGEST
        with self._asked('GET', uri) as response:
            yield WebFile(response, deadline)

    @contextlib.contextmanager
    def _asked(
        self, method: str, uri: str
    ) -> Iterator[http.client.HTTPResponse]:
        for _ in range(_REDIRECTS + 1):
            target = self._target(uri)
            with contextlib.closing(_connection(target)) as connection:
                response = _ask(connection, method, target)
                if response.status == 200:
                    yield response
                    return
                location = response.getheader('Location')
                if response.status not in _REDIRECTING or not location:
                    raise WebSourceError(
                        f"The server answers {response.status} "
                        f"{response.reason}."
                    )
            following = urljoin(uri, location)
            if uri.startswith('https:') and following.startswith('http:'):
                raise FilteredError("The server redirects away from TLS.")
            uri = following
        raise WebSourceError("The server redirects too often.")

    def _target(self, uri: object) -> _Target:
        """Return where a URI leads, if it may.

        :raises: :class:`FilteredError`
        """
        if not isinstance(uri, str):
            raise FilteredError("The URI is no string.")
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError as error:
            raise FilteredError(f"{uri!r} is no URI.") from error
        if parts.scheme not in _PORTS:
            raise FilteredError("Only http and https are permitted.")
        if not parts.hostname or parts.username or parts.password:
            raise FilteredError(f"{uri!r} names no host, or a user.")
        if re.search(r'[\x00-\x20\x7f]', uri) or not uri.isascii():
            raise FilteredError("The URI has characters that are not ASCII.")
        host = _normal(parts.hostname)
        usual = _PORTS[parts.scheme]
        port = usual if port is None else port
        permitted = not self._hosts.isdisjoint({(host, None), (host, port)})
        if not permitted and port not in _PORTS.values():
            raise FilteredError(f"Port {port} is not permitted.")
        for address in _addresses(host, port):
            if permitted or _is_on_the_internet(address):
                return _Target(parts, host, port, str(address))
        raise FilteredError(f"{host} is not on the internet.")


def _addresses(host: str, port: int) -> list[_Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FilteredError(f"There is no host {host}.") from error
    texts = dict.fromkeys(str(each[4][0]).partition('%')[0] for each in found)
    return [ipaddress.ip_address(text) for text in texts]


def _is_on_the_internet(address: _Address) -> bool:
    reached = list(_embedded(address)) or [address]
    return all(each.is_global and not each.is_multicast for each in reached)


def _embedded(address: _Address) -> Iterator[_Address]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if not isinstance(address, ipaddress.IPv6Address):
        return
    for each in (address.ipv4_mapped, address.sixtofour):
        if each is not None:
            yield each
    yield from address.teredo or ()
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _connection(target: _Target) -> http.client.HTTPConnection:
    if target.parts.scheme == 'https':
        return _PinnedTls(target)
    return _Pinned(target)


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was checked, whatever its name is."""

    def __init__(self, target: _Target) -> None:
        super().__init__(target.host, target.port, timeout=_SILENCE)
        self._target = target

    def connect(self) -> None:
        self.sock = socket.create_connection(
            (self._target.address, self._target.port), _SILENCE
        )


class _PinnedTls(_Pinned):
    """The same with TLS, whose certificate has the host's name."""

    default_port = 443

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(
            self.sock, server_hostname=self._target.host
        )


def _ask(
    connection: http.client.HTTPConnection, method: str, target: _Target
) -> http.client.HTTPResponse:
    try:
        connection.request(
            method,
            target.path,
            headers={'Accept': '*/*', 'User-Agent': 'ims-emulator'},
        )
        return connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WebSourceError(
            f"The server cannot be asked: {_reason(error)}"
        ) from error


def _length(response: http.client.HTTPResponse) -> int | None:
    # What a response to HEAD has is no length of its own.
    text = response.getheader('Content-Length') or ''
    return int(text) if text.isascii() and text.isdigit() else None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
