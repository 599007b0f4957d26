# SPDX-License-Identifier: Apache-2.0
"""Asking a bucket again after bad minutes, for longer than botocore does.

botocore sends a request four times within a few seconds. A bucket that is
overloaded, or a network that is away, takes longer than that.
"""

from collections.abc import Callable
import random
import time
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError
from botocore.parsers import ResponseParserError

#: Seconds between attempts at a request, each of botocore's four.
PAUSES: tuple[float, ...] = (2, 4, 8, 15, 30)
#: Seconds that a store may ask for before the next one.
_LONGEST_PAUSE = 120.0
_PASSING_STATUSES = frozenset((408, 429, 500, 502, 503, 504))

#: What botocore raises where there was no answer of use.
_NO_ANSWER = (BotoConnectionError, HTTPClientError, ResponseParserError)

T = TypeVar('T')


def persist(
    send: Callable[[], T],
    pause: Callable[[float], Any] = time.sleep,
    *,
    is_reachable: bool = True,
) -> T:
    """Send a request, again and again if need be, but not for ever.

    :param send: Sends it.
    :param pause: Waits some seconds before the next attempt.
    :param is_reachable: Whether the store has been reached before; an error
        in the configuration need not be waited for.
    :returns: What ``send`` returns.
    :raises: what ``send`` has raised at last.
    """
    pauses = iter(PAUSES)
    while True:
        try:
            return send()
        except (ClientError, *_NO_ANSWER) as error:
            seconds = next(pauses, None)
            if seconds is None or not _passes(error, is_reachable):
                raise
            pause(_delay(error, seconds))


def _passes(error: Exception, is_reachable: bool) -> bool:
    """Whether asking again may succeed."""
    if isinstance(error, ClientError):
        metadata = error.response.get('ResponseMetadata', {})
        return metadata.get('HTTPStatusCode') in _PASSING_STATUSES
    return is_reachable or not isinstance(error, BotoConnectionError)


def _delay(error: Exception, seconds: float) -> float:
    """Return the seconds before the next attempt."""
    asked = 0.0
    if isinstance(error, ClientError):
        metadata = error.response.get('ResponseMetadata', {})
        headers = metadata.get('HTTPHeaders', {})
        try:
            asked = float(headers.get('retry-after', 0))
        except ValueError:
            # A date, which no object store sends.
            asked = 0.0
    # Many clients that failed together should not come back together.
    jittered = seconds * random.uniform(0.5, 1.0)  # noqa: S311
    return max(jittered, min(asked, _LONGEST_PAUSE))
