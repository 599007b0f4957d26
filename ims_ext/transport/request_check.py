# SPDX-License-Identifier: Apache-2.0
"""Refuses requests that would say something else than what was meant.

Checks of single parameters come before. This is what holds for every
request, whoever makes it: a path with something in it that ends the path, or
leads elsewhere, reaches another operation than the one that was called.
"""

from collections.abc import Mapping
import datetime
import math
from typing import Any
import urllib.parse
import uuid

from ims_ext import exceptions

#: Methods whose URLs may come from the cloud, parameters and all.
_READING = ('GET', 'HEAD')
_LEADING_ELSEWHERE = ('.', '..')
#: What else is sent: in parameters all of it, times and UUIDs in bodies too.
_PLAIN = (bool, datetime.date, float, int, type(None), uuid.UUID)
#: Lists within lists, at most: no request has more.
_DEEPEST = 50


def check_request(method: str, url: str, kwargs: Mapping[str, Any]) -> None:
    """Refuse a request that cannot be sent as it is meant.

    :param method: The HTTP method.
    :param url: A path, or a whole URL.
    :param kwargs: What else there is: ``params`` and ``json`` are looked at.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    _check_text(url)
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        raise exceptions.ValidationError(f"{url!a} is no URL") from None
    if method not in _READING and (parts.query or '?' in url or '#' in url):
        raise exceptions.ValidationError(
            f"An ID or a tag with '?' or '#' in it cannot be part of a path: "
            f"{url!r}"
        )
    segments = urllib.parse.unquote(str(parts.path)).split('/')
    if any(segment in _LEADING_ELSEWHERE for segment in segments):
        raise exceptions.ValidationError(
            f"'.' and '..' are no IDs, and lead elsewhere in a path: {url!r}"
        )
    _check_value(kwargs.get('params'))
    _check_value(kwargs.get('json'))


def check_id(found: Any, given: Any, what: str) -> str:
    """Return an ID, if it is one that can be part of a path.

    :param found: What has been found in the place of the ID.
    :param given: What it has been found in, for the message.
    :param what: What it is the ID of, with its article: ``a job``.
    :raises: :class:`~ims_ext.exceptions.ValidationError` where there is
        none, or one that leads elsewhere.
    """
    if not isinstance(found, str) or not found.strip():
        raise exceptions.ValidationError(
            f"{what.capitalize()}'s ID is missing; {given!r} is none"
        )
    if leads_elsewhere(found):
        noun = what.partition(' ')[2]
        raise exceptions.ValidationError(
            f"{found!r} is no {noun}'s ID: it cannot be part of a path"
        )
    return found


def leads_elsewhere(text: str) -> bool:
    """Whether a text would be more or less than itself in a path.

    :param text: A text in the place of an ID.
    """
    return text in _LEADING_ELSEWHERE or any(
        each in '/?#%\\' or not each.isprintable() for each in text
    )


def _check_value(value: Any, depth: int = 0) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise exceptions.ValidationError(
            f"{value!r} is no number that can be sent"
        )
    elif depth > _DEEPEST:
        raise exceptions.ValidationError(
            f"A value that is nested more than {_DEEPEST} levels deep cannot "
            f"be sent"
        )
    elif isinstance(value, Mapping):
        for name, item in value.items():
            _check_value(name, depth + 1)
            _check_value(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(item, depth + 1)
    elif not isinstance(value, _PLAIN):
        raise exceptions.ValidationError(
            f"{value!r} is of a kind that cannot be sent"
        )


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise exceptions.ValidationError(
            f"What cannot be written in UTF-8 cannot be sent; there is half "
            f"a character in {text!r}"
        ) from None
