# SPDX-License-Identifier: Apache-2.0
"""Addresses on the web: which may be asked, and how they are shown."""

import ipaddress
import urllib.parse

from ims_ext.pipeline.sources.errors import PlaceError
from ims_ext.transport import origin


def shown(url: str) -> str:
    """Return a URL for messages, without what may be secret in it.

    :param url: The URL; a user and a query are left out.
    """
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    host = parts.netloc.rpartition('@')[2]
    return f'{parts.scheme}://{host}{parts.path}'


def check(url: str) -> None:
    """Refuse an address that nothing is sent to.

    :param url: What a manifest names.
    :raises: :class:`.errors.PlaceError`
    """
    try:
        parts = urllib.parse.urlsplit(url)
        if parts.username is not None or parts.password is not None:
            raise PlaceError(
                f"{shown(url)} has a user in it: whatever has to be proven "
                f"to a server does not belong into a manifest; take a place "
                f"that needs none, or a bucket"
            )
        origin.of(url)
    except ValueError as error:
        raise PlaceError(f"{shown(url)} cannot be asked: {error}") from error


def redirected(url: str, location: str) -> str:
    """Return where a server's answer leads.

    :param url: What was asked.
    :param location: What the answer names.
    :raises: :class:`.errors.PlaceError` for an address without TLS after
        one with it, one of this machine or its link after one elsewhere,
        and those that :func:`check` refuses.
    """
    try:
        origin.check_answered(location)
        following = urllib.parse.urljoin(url, location)
        check(following)
        old, new = origin.of(url), origin.of(following)
    except ValueError as error:
        raise PlaceError(
            f"{shown(url)} leads to an address that cannot be asked: {error}"
        ) from error
    if old[0] == 'https' and new[0] != 'https':
        raise PlaceError(
            f"{shown(url)} leads away from TLS, to {shown(following)}"
        )
    if _is_near(new[1]) and not _is_near(old[1]):
        raise PlaceError(
            f"{shown(url)} leads to this machine's own {shown(following)}"
        )
    return following


def _is_near(host: str) -> bool:
    """Whether a host is this machine, or only seen from its own link."""
    name = host.rstrip('.')
    if name == 'localhost' or name.endswith('.localhost'):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        # Numbers in other forms are read as addresses, too.
        return name.replace('.', '').isdigit() or name.startswith('0x')
    mapped = getattr(address, 'ipv4_mapped', None)
    address = mapped or address
    return (
        address.is_loopback or address.is_link_local or address.is_unspecified
    )
