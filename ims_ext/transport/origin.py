# SPDX-License-Identifier: Apache-2.0
"""Where a URL leads: scheme, host and port, which credentials are for."""

from typing import TypeAlias
import urllib.parse

#: Scheme, host and port; the port is the scheme's own where none is named.
Origin: TypeAlias = tuple[str, str, int | None]

_DEFAULT_PORTS = {'http': 80, 'https': 443}


def of(url: str) -> Origin:
    """Return where a URL leads.

    :param url: The URL.
    :raises: :class:`ValueError` where it is none.
    """
    parts = urllib.parse.urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or '', port


def host(origin: Origin) -> str:
    """Return host and port as a URL has them.

    :param origin: Where it leads.
    """
    scheme, name, port = origin
    if ':' in name:
        name = f'[{name}]'
    return name if port == _DEFAULT_PORTS.get(scheme) else f'{name}:{port}'
