# SPDX-License-Identifier: Apache-2.0
"""When a list has ended, and how large a page a cloud can deliver."""

import dataclasses
import threading
from typing import Any
import weakref

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext.transport import failures
from ims_ext.transport import retry

#: Items that the clouds document as a page. One that has as many, but less
#: than was asked for, may have been cut to what the cloud has at most.
DOCUMENTED_SIZE = 500

#: The smallest page that is asked for where the cloud cannot deliver larger
#: ones.
SMALLEST = 50

#: Bytes from which a short page may be one that was cut for its size: one
#: gateway does that at 250 KB.
_LARGE_BODY = 200_000

#: Sizes that a cloud may have set as a page's: such numbers, and powers of 2.
_ROUND = (10, 25)

#: Names of what tells how many items a list has in all.
_TOTALS = ('total', 'total_count', 'totalCount')

#: Statuses that may come of an answer's size.
_STATUSES = (413, 500, 502, 504)


class ListEnd:
    """Whether the pages of a list are all there, as they come."""

    def __init__(self) -> None:
        self._previous = 0
        self._proven = 0

    def is_reached(
        self, count: int, asked: int, *, size: int = 0, has_more: bool = False
    ) -> bool:
        """Whether a page that does not say so is the last one.

        A short page is not, where a page as short had another one after it,
        nor where its number of items or its size look like a limit of the
        cloud's.

        :param count: How many items the page has.
        :param asked: How many it was asked for.
        :param size: Bytes of the answer.
        :param has_more: Whether a total says that there are more.
        """
        previous, self._previous = self._previous, count
        if not count:
            return True
        self._proven = max(self._proven, previous)
        if has_more or not is_short(count, asked):
            return False
        if size >= _LARGE_BODY:
            return False
        if self._proven:
            return count < self._proven
        return not _is_round(count)


def is_short(count: int, asked: int) -> bool:
    """Whether a page has less than any cloud's own limit would leave it.

    :param count: How many items the page has.
    :param asked: How many it was asked for.
    """
    return count < min(asked, DOCUMENTED_SIZE)


def _is_round(count: int) -> bool:
    """Whether a number is one that people choose as a limit."""
    return count >= min(_ROUND) and (
        any(count % each == 0 for each in _ROUND) or count & (count - 1) == 0
    )


def has_more(body: Any, taken: int) -> bool:
    """Whether an answer says that its list has more than was taken of it.

    :param body: The answer's JSON.
    :param taken: How many items were taken, the answer's included.
    """
    if not isinstance(body, dict):
        return False
    for name in _TOTALS:
        total = body.get(name)
        if isinstance(total, str) and total.isdecimal():
            total = int(total)
        if isinstance(total, int) and total > taken:
            return True
    return False


# ====== PAGES THAT ARE TOO LARGE ======


class _Sizes:
    """Sizes of pages that clouds have turned out to deliver at most."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._sizes: weakref.WeakKeyDictionary[connection.Connection, int] = (
            weakref.WeakKeyDictionary()
        )

    def bounded(self, conn: connection.Connection | None, size: int) -> int:
        """Return how many items to ask for.

        :param conn: The connection.
        :param size: How many would be asked for.
        """
        with self._guard:
            return min(self._sizes.get(conn, size), size) if conn else size

    def remember(self, conn: connection.Connection | None, size: int) -> None:
        """Ask for no larger pages on a connection any more.

        :param conn: The connection.
        :param size: How many items it has just delivered.
        """
        if conn is not None:
            with self._guard:
                self._sizes[conn] = size


SIZES = _Sizes()


def smaller(size: int) -> int:
    """Return the size to ask for where a page of a size cannot be had.

    :param size: How many items were asked for.
    """
    half = size // 2
    return half if half >= 2 * SMALLEST else SMALLEST


def may_be_too_large(error: Exception) -> bool:
    """Whether a failure may come of the size of the page.

    :param error: What asking for it raised.
    """
    if isinstance(error, exceptions.LargeAnswerError):
        # Larger than any page of any size.
        return False
    if isinstance(error, exceptions.PagingError):
        return False
    if isinstance(error, exceptions.InvalidAnswerError):
        return True
    if isinstance(error, sdk_exceptions.HttpException):
        return error.status_code in _STATUSES
    if isinstance(error, ksa_exceptions.ConnectionError):
        failure = failures.in_error(error)
        return failure is not None and not failure.is_undone
    return False


def passes(error: Exception) -> bool:
    """Whether a failure has nothing to do with a page's size, and may pass.

    :param error: What asking for it raised.
    """
    return not may_be_too_large(error) and (
        failures.in_error(error) is not None
    )


def first_policy(policy: retry.Policy) -> retry.Policy:
    """Return the policy for a page that may be had in a smaller size.

    :param policy: The policy otherwise.
    """
    return dataclasses.replace(
        policy,
        doubtful_retries=min(policy.doubtful_retries, 2),
        connect_retries=min(policy.most('connection'), 4),
        status_retries=min(policy.most('status'), 4),
    )
