# SPDX-License-Identifier: Apache-2.0
"""The outcome of a request that was sent again after a lost answer.

A deletion that was carried out, and is sent again because its answer was
lost, is refused: there is nothing left to delete. So is a patch that removes
an attribute. Neither is a failure.
"""

from collections.abc import Callable, Iterable
import io
import re
from typing import Any
import urllib.parse

from openstack import exceptions as sdk_exceptions
import requests

from ims_ext import exceptions

#: An image, under either of the paths that it is patched at.
_IMAGE_PATH = re.compile(r'/(?:images|cloudimages)/([^/]+)$')

#: What a patch is refused with whose attributes are gone.
_PATCH_REFUSALS = frozenset((400, 409))

_OPERATIONS = ('add', 'replace', 'remove')

Get = Callable[[str], requests.Response]


def outcome(
    response: requests.Response, patch: Any, get: Get
) -> requests.Response:
    """Return the answer that a request would have had, had it not got lost.

    :param response: The answer to the request when it was sent again.
    :param patch: The body, of a ``PATCH``.
    :param get: Gets a path of Glance's API.
    :returns: The same answer, unless it is known that the request has been
        carried out before.
    """
    method = response.request.method
    if method == 'DELETE' and response.status_code == 404:
        return _deleted(response)
    if method == 'PATCH' and response.status_code in _PATCH_REFUSALS:
        return _patched(response, patch, get)
    return response


def _deleted(response: requests.Response) -> requests.Response:
    try:
        exceptions.raise_from_response(response)
    except exceptions.UnsupportedOperationError:
        return response  # it is the operation that is not there
    except sdk_exceptions.HttpException:
        pass
    done = requests.Response()
    done.status_code = 204
    done.url = response.url
    done.request = response.request
    done.history = [*response.history, response]
    done.raw = io.BytesIO()
    return done


def _patched(
    response: requests.Response, patch: Any, get: Get
) -> requests.Response:
    path = urllib.parse.urlsplit(response.url).path
    found = _IMAGE_PATH.search(str(path))
    if not found or not isinstance(patch, list):
        return response
    image = get(f'/images/{found[1]}')
    if image.status_code != 200:
        return response
    try:
        is_done = has_effect(patch, image.json())
    except ValueError:
        is_done = False
    return image if is_done else response


def has_effect(patch: Iterable[Any], image: Any) -> bool:
    """Return whether an image is as a patch makes it.

    :param patch: Of either of Glance's kinds.
    :param image: The image as it was answered.
    """
    if not isinstance(image, dict):
        return False
    for change in patch:
        operation = change.get('op')
        path = change.get('path')
        for name in _OPERATIONS if operation is None else ():
            if name in change:
                operation, path = name, change[name]
        if operation not in _OPERATIONS or not isinstance(path, str):
            return False
        name = path[1:].replace('~1', '/').replace('~0', '~')
        if operation == 'remove':
            if image.get(name) is not None:
                return False
        elif _comparable(image.get(name)) != _comparable(change.get('value')):
            return False
    return True


def _comparable(value: Any) -> Any:
    """Return a value such that it compares as the service's does.

    It answers with numbers and truth values that were sent as strings, and
    with tags in any order.
    """
    if isinstance(value, list):
        return sorted(map(str, value))
    return str(value).lower()
