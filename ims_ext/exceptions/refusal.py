# SPDX-License-Identifier: Apache-2.0
"""The code and the words of a refusal, and what they come down to.

:mod:`ims_ext.exceptions` makes exceptions of it.
"""

import re
from typing import TYPE_CHECKING
import urllib.parse

from ims_ext.error_codes import catalogue
from ims_ext.exceptions import wording

if TYPE_CHECKING:
    import requests

_CLOUDS = {
    'F': "Flexible Engine",
    'O': "Open Telekom Cloud",
    'H': "Huawei Cloud",
}

#: Paths of operations that not all of the clouds document, and who does.
_PARTIAL_OPERATIONS = tuple(
    (re.compile(pattern), clouds)
    for pattern, clouds in (
        (r'/v1/cloudimages/dataimages/action$', 'OH'),
        (r'/v1/cloudimages/[^/]+/cross_region_copy$', 'H'),
        (r'/v1/cloudimages/os_version$', 'H'),
        (r'/v1/cloudimages/job/[^/]+$', 'H'),
        (r'/v1/[^/]+/cloudimages/[^/]+/(members|tags/delete)(/|$)', 'H'),
        (r'/v2\.1/cloudimages/', 'H'),
    )
)

#: The gateway's code for a path that it does not know.
_NO_SUCH_API = 'APIGW.0101'


def is_missing_operation(
    response: 'requests.Response', code: str | None
) -> bool:
    """Whether it is the operation that the cloud lacks, not an object.

    :param response: The answer.
    :param code: The code in it, if any.
    """
    if response.status_code == 405 or code == _NO_SUCH_API:
        return True
    return (
        response.status_code == 404
        and code is None
        and bool(_clouds(response))
    )


def _clouds(response: 'requests.Response') -> str:
    """Return who documents an operation, if not all of the clouds do."""
    path = urllib.parse.urlsplit(response.request.url or '').path
    for pattern, clouds in _PARTIAL_OPERATIONS:
        if pattern.search(str(path)):
            return clouds
    return ''


def missing_operation(response: 'requests.Response') -> str:
    """Say that the cloud lacks an operation, and which clouds have it.

    :param response: The answer.
    """
    path = urllib.parse.urlsplit(response.request.url or '').path
    names = [_CLOUDS[cloud] for cloud in _clouds(response) or _CLOUDS]
    return (
        f"This cloud's image service does not have {response.request.method} "
        f"{path!s}, which is documented for {' and '.join(names)}"
    )


def advice(code: str | None) -> str | None:
    """Return the catalogue's advice for a code, if there is any.

    :param code: The service's code, if known.
    """
    entry = catalogue.get(code) if code else None
    return entry.advice or None if entry else None


def sentence(
    what: str | None,
    code: str | None,
    reason: str | None,
    advice: str | None,
) -> str:
    """Join the known parts to ``What: CODE: reason. Advice.``

    :param what: What failed.
    :param code: The service's code.
    :param reason: The cloud's words.
    :param advice: What to do about it.
    """
    known = [part for part in (what, code, reason) if part]
    text = ': '.join(wording.readable(part).rstrip('. ') for part in known)
    return f'{text}. {advice}' if advice else text
