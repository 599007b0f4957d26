# SPDX-License-Identifier: Apache-2.0
"""The origin that a URL leads to: scheme, host and port.

Python's parser and the HTTP library's differ on odd URLs. Here, and nowhere
else, a URL is taken as the HTTP library will request it, and only where both
agree.
"""

import re
from typing import TypeAlias
import urllib.parse

#: Scheme, host and port; the port is the scheme's own where none is named.
Origin: TypeAlias = tuple[str, str, int | None]

_DEFAULT_PORTS = {'http': 80, 'https': 443}

#: Host and port as services write them: a name or an address in ASCII.
_AUTHORITY = re.compile(
    r'([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])'
    r'(:[0-9]{0,5})?',
    re.ASCII,
)

#: What comes before host and port, if anything.
_BEFORE_AUTHORITY = re.compile(r'([A-Za-z][A-Za-z0-9+.-]*:)?//')


def of(url: str) -> Origin:
    """Return where a request for a URL is sent.

    :param url: The URL.
    :raises: :class:`ValueError` where it is none of HTTP, or one that
        parsers read in different ways.
    """
    # Not above: every openstack command imports this.
    import requests
    from urllib3 import exceptions
    from urllib3 import util

    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, None)
    # A user's name in the URL is read here, and may not be encodable.
    prepared.prepare_headers(None)
    prepared.prepare_auth(None, url)
    requested = str(prepared.url)
    parts = urllib.parse.urlsplit(requested)
    try:
        parsed = util.parse_url(requested)
    except exceptions.LocationParseError as error:
        raise ValueError(str(error)) from None
    found = _origin(parsed.scheme, parsed.host, parsed.port)
    if found != _origin(parts.scheme, parts.hostname, parts.port):
        raise ValueError(f"it is not clear where {url[:100]!r} leads")
    return found


def _origin(scheme: str | None, name: str | None, port: int | None) -> Origin:
    if scheme not in _DEFAULT_PORTS or not name:
        raise ValueError("it is no URL of HTTP")
    if port is None:
        port = _DEFAULT_PORTS[scheme]
    return scheme, name.strip('[]').lower(), port


def check_answered(url: str) -> None:
    """Refuse a URL, or a part of one, that no service answers with.

    Those are not sent anywhere that have backslashes, blanks or control
    characters in them, a user, or a host or port that is not plain ASCII.

    :param url: A URL of an answer: of a redirect, a link or the catalog.
    :raises: :class:`ValueError`
    """
    if any(
        each == '\\' or each.isspace() or not each.isprintable()
        for each in url
    ):
        raise ValueError("it has backslashes, blanks or control characters")
    begins = _BEFORE_AUTHORITY.match(url)
    if not begins:
        return
    authority = re.split('[/?#]', url[begins.end() :], maxsplit=1)[0]
    if not _AUTHORITY.fullmatch(authority):
        raise ValueError("its host is not written plainly")


def host(origin: Origin) -> str:
    """Return host and port as a URL has them.

    :param origin: Where it leads.
    """
    scheme, name, port = origin
    if ':' in name:
        name = f'[{name}]'
    return name if port == _DEFAULT_PORTS.get(scheme) else f'{name}:{port}'
