# SPDX-License-Identifier: Apache-2.0
"""Redirects and links: tokens are for one host, and for no other."""

import urllib.parse

import requests

from ims_ext import exceptions
from ims_ext.transport import origin

#: Redirects that are followed one after the other.
MOST = 5

#: What says: the same request, at that place.
_SAME_REQUEST = frozenset((307, 308))
#: What says: what you want to see is at that place.
_LOOK_THERE = frozenset((301, 302, 303))
_READING = frozenset(('GET', 'HEAD'))

_ADVICE = (
    "if the service has moved there, set {} in the cloud's configuration to "
    "its URL"
)
#: The setting that says where the image service is.
_SETTING = 'ims_endpoint_override'


def is_whole(url: str) -> bool:
    """Return whether a URL names a host, rather than a path only.

    :param url: The URL; whatever cannot be read is taken for whole.
    """
    try:
        return bool(urllib.parse.urlsplit(url).netloc)
    except ValueError:
        return True


def path(url: str) -> str:
    """Return a URL's path, for messages.

    :param url: The URL.
    """
    try:
        return urllib.parse.urlsplit(url).path
    except ValueError:
        return url[:100]


def check_url(url: str, root: str) -> None:
    """Refuse a URL that is not the service's.

    :param url: A whole URL, a listing's next page for example.
    :param root: The service's root.
    :raises: :class:`~ims_ext.exceptions.RedirectRefusedError`
    """
    try:
        origin.check_answered(url)
        may_go = _may_go(root, url)
    except ValueError:
        may_go = False
    if not may_go:
        raise exceptions.RedirectRefusedError(
            f"{shown(url)} is not at {shown(root)}, where the image service "
            f"is; nothing has been sent, since the token is not for others; "
            f"{_ADVICE.format(_SETTING)}"
        )


def check_endpoint(url: str) -> None:
    """Refuse an endpoint of the catalog that is no plain URL of HTTP.

    :param url: The endpoint.
    :raises: :class:`~ims_ext.exceptions.EndpointNotFoundError`
    """
    try:
        origin.check_answered(url)
        origin.of(url)
    except ValueError as error:
        raise exceptions.EndpointNotFoundError(
            f"The catalog's endpoint of the image service is no URL of HTTP: "
            f"{url[:200]!a} ({error}); set ims_endpoint_override in the "
            f"cloud's configuration to its URL"
        ) from None


def target(
    response: requests.Response,
    method: str,
    is_repeatable: bool,
    setting: str = _SETTING,
) -> str | None:
    """Return where an answer says to go.

    :param response: The answer.
    :param method: The request's method.
    :param is_repeatable: Whether the request may be sent twice.
    :param setting: The setting that says where the service is.
    :returns: A URL on the same host, or ``None`` where the answer is no
        redirect, or names no place.
    :raises: :class:`~ims_ext.exceptions.RedirectRefusedError` for one to
        another host, and for one that may have come after the request was
        carried out.
    :raises: :class:`~ims_ext.exceptions.InvalidAnswerError` for one to what
        is no URL.
    """
    status = response.status_code
    location = response.headers.get('Location')
    if status not in _SAME_REQUEST | _LOOK_THERE or not location:
        return None
    try:
        url = urllib.parse.urljoin(response.url, location)
    except ValueError:
        raise exceptions.InvalidAnswerError(
            f"{shown(response.url)} redirects to what is no URL: "
            f"{location[:100]!a}"
        ) from None
    try:
        origin.check_answered(location)
        may_go = _may_go(response.url, url)
    except ValueError:
        may_go = False
    if not may_go:
        raise exceptions.RedirectRefusedError(
            f"{shown(response.url)} redirects to {shown(url)}; that has "
            f"not been followed, since the token is not for others; "
            f"{_ADVICE.format(setting)}"
        )
    if (
        status in _LOOK_THERE
        and method not in _READING
        and not (is_repeatable and status != 303)
    ):
        # Web pages answer so after they have done what was asked.
        raise exceptions.RedirectRefusedError(
            f"{shown(response.url)} redirects {method} to {shown(url)} with "
            f"HTTP {status}, which does not say whether it has been carried "
            f"out; it has not been sent again"
        )
    return url


def _may_go(here: str, there: str) -> bool:
    """Whether a token sent to one URL may be sent to another one."""
    first, second = origin.of(here), origin.of(there)
    if first == second:
        return True
    # The same host, encrypted.
    host = first[1]
    return first == ('http', host, 80) and second == ('https', host, 443)


def shown(url: str) -> str:
    """Return what may be shown of a URL: no user, no query.

    :param url: The URL.
    """
    try:
        there = origin.of(url)
    except ValueError:
        return ascii(url.partition('?')[0][:100])
    text = f'{there[0]}://{origin.host(there)}{path(url)}'
    return ascii(text[:300])[1:-1]
