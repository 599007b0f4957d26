# SPDX-License-Identifier: Apache-2.0
"""Where a board is: ``redis://[user[:password]@]host[:port][/number]``."""

from collections.abc import Mapping
import dataclasses
import ipaddress
import os
from pathlib import Path
import re
from typing import Any
import urllib.parse

from ims_ext import exceptions

#: The variables of the environment that name a board and its password.
BOARD, PASSWORD = 'IMS_EXT_BOARD', 'IMS_EXT_BOARD_PASSWORD'

_SCHEMES = ('redis', 'rediss', 'unix')
_OPTIONS = ('prefix', 'ca')
_PREFIX = 'ims-ext'
#: Seconds in which a connection is made, and an answer comes.
_CONNECT, _ANSWER = 3.0, 5.0


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a board is.

    :ivar host: The machine; empty for a socket's file.
    :ivar port: The port.
    :ivar path: The socket's file, if it is one.
    :ivar number: The number of the database.
    :ivar username: Who logs in, if anybody.
    :ivar password: The password, if there is one.
    :ivar is_tls: Whether TLS is spoken, and certificates verified.
    :ivar ca: The file with the authority's certificate; by default those
        that the system trusts.
    :ivar prefix: What the names of all keys begin with.
    """

    host: str
    port: int = 6379
    path: str | None = None
    number: int = 0
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    is_tls: bool = False
    ca: str | None = None
    prefix: str = _PREFIX

    def __str__(self) -> str:
        if self.path is not None:
            return f'unix://{self.path}?prefix={self.prefix}'
        host = f'[{self.host}]' if ':' in self.host else self.host
        scheme = 'rediss' if self.is_tls else 'redis'
        text = f'{scheme}://{host}:{self.port}/{self.number}'
        return (
            text if self.prefix == _PREFIX else f'{text}?prefix={self.prefix}'
        )

    @property
    def is_open(self) -> bool:
        """Whether it is reached over a network, and not encrypted."""
        if self.path is not None or self.is_tls or self.host == 'localhost':
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True

    def options(self) -> dict[str, Any]:
        """Return what redis-py makes a connection of."""
        options: dict[str, Any] = {
            'db': self.number,
            'username': self.username,
            'password': self.password,
            'socket_connect_timeout': _CONNECT,
            'socket_timeout': _ANSWER,
            'health_check_interval': 30,
        }
        if self.path is not None:
            return {**options, 'unix_socket_path': self.path}
        options |= {'host': self.host, 'port': self.port}
        if self.is_tls:
            options |= {'ssl': True, 'ssl_cert_reqs': 'required'}
            if self.ca:
                options['ssl_ca_certs'] = self.ca
        return options


def parse(text: str, environment: Mapping[str, str] = os.environ) -> Address:
    """Return the address that a text stands for.

    The password may be in the variable ``IMS_EXT_BOARD_PASSWORD`` in place
    of the text, which other processes of the machine may see.

    :param text: ``redis://host:6379/0``, ``rediss://…`` for TLS, or
        ``unix:///file``; ``?prefix=NAME`` for boards apart in one database,
        ``&ca=FILE`` for an authority of one's own.
    :param environment: The environment.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port or 6379
    except ValueError:
        raise _error("its host or port is none") from None
    if parts.scheme not in _SCHEMES:
        raise _error("it begins with redis://, rediss:// or unix://")
    options = dict(urllib.parse.parse_qsl(parts.query))
    if unknown := sorted(set(options) - set(_OPTIONS)):
        raise _error(
            f"it knows no option {unknown[0]}; there are {', '.join(_OPTIONS)}"
        )
    prefix = options.get('prefix', _PREFIX)
    if not re.fullmatch('[A-Za-z0-9._-]{1,64}', prefix):
        raise _error("a prefix is of letters, digits, . _ and -")
    ca = options.get('ca')
    if ca is not None and not Path(ca).is_file():
        raise _error(f"there is no file {ca}")
    found: dict[str, Any] = {
        'username': _unquoted(parts.username),
        'password': environment.get(PASSWORD) or _unquoted(parts.password),
        'ca': ca,
        'prefix': prefix,
    }
    if parts.scheme == 'unix':
        if parts.netloc or not parts.path:
            raise _error("a socket is named as unix:///path/of/the/socket")
        return Address('', path=urllib.parse.unquote(parts.path), **found)
    number = parts.path.strip('/') or '0'
    if not number.isdecimal() or int(number) > 1_000_000:
        raise _error(f"the database's number is none: {number}")
    if not parts.hostname:
        raise _error("it names no host")
    return Address(
        parts.hostname,
        port,
        number=int(number),
        is_tls=parts.scheme == 'rediss',
        **found,
    )


def _unquoted(text: str | None) -> str | None:
    return None if text is None else urllib.parse.unquote(text)


def _error(problem: str) -> Exception:
    return exceptions.ValidationError(
        f"the board's address cannot be used: {problem}; "
        "redis://127.0.0.1:6379/0 is one"
    )
