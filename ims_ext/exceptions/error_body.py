# SPDX-License-Identifier: Apache-2.0
"""Reads error answers: code, message and request ID, in whatever shape.

The references show three shapes, the clouds and what stands in front of them
send many more: one object in another under any name, lists, names with and
without ``error``, in camel case or with underscores, or no JSON at all. So
what a name means decides, not where it stands.
"""

from collections.abc import Iterator, Mapping
import http
from typing import TYPE_CHECKING, Any

from ims_ext.exceptions import wording

if TYPE_CHECKING:
    import requests

# Names without case, "_" and "-"; the first that is there counts.
_CODES = ('errorcode', 'errcode', 'code')
_MESSAGES = (
    'errormsg',
    'errormessage',
    'errmsg',
    'message',
    'msg',
    'errordescription',
    'description',
    'failreason',
    'faultstring',
    'detail',
    'details',
    'reason',
    'error',
    'errors',
    'fault',
    'title',
)
_REQUEST_IDS = ('requestid', 'xrequestid')

#: Headers that name the request, the service's own before the gateway's.
_HEADERS = (
    'X-Openstack-Request-Id',
    'X-Compute-Request-Id',
    'X-Request-Id',
)

#: Objects within objects that are looked into.
_DEPTH = 5
#: Objects and lists of an answer that are looked into at all.
_MOST_PARTS = 100
#: Messages of one answer that are shown.
_MOST_MESSAGES = 3


def error_body(
    response: 'requests.Response',
) -> tuple[str | None, str | None]:
    """Return the code and the message of an error answer.

    :param response: The answer.
    :returns: ``None`` for what it does not tell.
    """
    body = _json(response)
    if body in (None, '', [], {}):
        is_json = body is not None or response.content.strip() == b'null'
        return None, None if is_json else wording.plain_text(response.content)
    levels = list(_levels(body))
    codes = (_code(level, response) for level in levels)
    code = next(filter(None, codes), None)
    messages = (_message(level) for level in levels)
    message = next(filter(None, messages), None)
    if message is None and code is None:
        message = wording.plain_text(response.content)
    return code, message


def request_id(response: 'requests.Response') -> str | None:
    """Return the ID by which the cloud's support finds a request.

    :param response: The answer.
    :returns: ``None`` where neither its headers nor its body has one.
    """
    for name in _HEADERS:
        told = response.headers.get(name)
        if told and told.strip():
            return str(told).strip()
    for level in _levels(_json(response)):
        for name in _REQUEST_IDS:
            found = level.get(name)
            if isinstance(found, str) and found.strip():
                return found.strip()
    return None


def phrase(response: 'requests.Response') -> str:
    """Return the words for a status, for an answer that has none.

    :param response: The answer.
    """
    if response.reason:
        return wording.in_one_line(response.reason)
    try:
        return http.HTTPStatus(response.status_code).phrase
    except ValueError:
        return "the response has no message"


def _json(response: 'requests.Response') -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _levels(body: Any) -> Iterator[Mapping[str, Any]]:
    """Give an answer's objects, outer ones first, under plain names."""
    parts: list[tuple[Any, int]] = [(body, 0)]
    for number, (part, depth) in enumerate(parts):
        if number == _MOST_PARTS:
            return
        if isinstance(part, dict):
            yield {_plain(name): value for name, value in part.items()}
            within = list(part.values())
        elif isinstance(part, list):
            texts = [each for each in part if isinstance(each, str)]
            yield {'errors': texts}
            within = part
        else:
            if not depth:
                yield {'message': part}
            continue
        if depth < _DEPTH:
            # Grows as it is gone through.
            parts.extend(
                (each, depth + 1)
                for each in within
                if isinstance(each, dict | list)
            )


def _plain(name: str) -> str:
    return name.replace('_', '').replace('-', '').casefold()


def _code(
    level: Mapping[str, Any], response: 'requests.Response'
) -> str | None:
    for name in _CODES:
        found = level.get(name)
        # Keystone, Glance and Nova put the HTTP status where the code would
        # be.
        if isinstance(found, str) and found.strip() not in (
            '',
            str(response.status_code),
        ):
            return wording.readable(found.strip(), 100)
    return None


def _message(level: Mapping[str, Any]) -> str | None:
    for name in _MESSAGES:
        found = level.get(name)
        texts = found if isinstance(found, list) else [found]
        words = [
            each
            for each in texts
            if isinstance(each, str) and not each.isspace() and each
        ]
        if words:
            return wording.in_one_line('; '.join(words[:_MOST_MESSAGES]))
        if name != 'message' or not isinstance(found, int | float):
            continue
        return wording.in_one_line(found)
    return None
