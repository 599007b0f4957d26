# SPDX-License-Identifier: Apache-2.0
"""Answers without what proves who asked: fit to be kept or handed on."""

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

#: Headers whose values are good for getting in.
SECRET_HEADERS = (
    'Authorization',
    'Cookie',
    'Set-Cookie',
    'X-Auth-Token',
    'X-Security-Token',
    'X-Service-Token',
    'X-Subject-Token',
)


def without_secrets(response: 'requests.Response') -> 'requests.Response':
    """Return a copy of an answer, and of its request, without secrets.

    :param response: The answer; it stays as it is.
    """
    clean = copy.copy(response)
    clean.headers = _clean_headers(response.headers)
    clean.history = [without_secrets(each) for each in response.history]
    if response.request is not None:
        clean.request = response.request.copy()
        clean.request.headers = _clean_headers(response.request.headers)
        # What was to be done with the answer has been done.
        clean.request.hooks = {'response': []}
    return clean


def _clean_headers(headers: Any) -> Any:
    clean = headers.copy()
    for name in SECRET_HEADERS:
        if name in clean:
            clean[name] = '***'
    return clean
