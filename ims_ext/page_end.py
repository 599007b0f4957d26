# SPDX-License-Identifier: Apache-2.0
"""When a list has ended, and how large a page a cloud can deliver."""

from collections.abc import Callable, Mapping
import dataclasses
import logging
import re
import threading
import time
from typing import Any, TypeVar
import weakref

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext import sdk
from ims_ext.transport import failures
from ims_ext.transport import retry

_logger = logging.getLogger(__name__)

T = TypeVar('T')

#: Items that the clouds document as a page. One that has as many, but less
#: than was asked for, may have been cut to what the cloud has at most.
DOCUMENTED_SIZE = 500

#: The smallest page that is asked for where the cloud cannot deliver larger
#: ones.
SMALLEST = 50

#: Items of one name, at least, that may be a page and not all: no cloud has
#: pages as small as that.
_FEW = 10

#: Names of what tells how many items a list has in all.
_TOTALS = ('total', 'total_count', 'totalCount')

#: Statuses that may come of an answer's size.
_STATUSES = (413, 500, 502, 504)

#: Refusals of a page that there may not be.
REFUSALS = (400, 404, 410)


# ====== THE LAST PAGE ======

# Clouds have pages that are shorter than asked for, of whatever size, and
# other ones after them. So one that is short ends a list only where the cloud
# or the question shows that there is no more; otherwise one more is asked
# for, as openstacksdk does with a limit, and the one without items is the end.


def is_last(
    count: int,
    asked: int,
    *,
    taken: int,
    body: Any = None,
    query: Mapping[str, Any] | None = None,
    has_been_full: bool = False,
) -> bool:
    """Whether a page without a link to the next one is shown to be the last.

    It is where it is empty, where a total says that all was taken, where the
    list has links (to its first page, as Glance's have) and none goes on
    from here, and, of a short page, where a page before had as many as were
    asked for, and where images were asked for by ID, or by a name that a few
    have.

    :param count: How many items the page has.
    :param asked: How many it was asked for.
    :param taken: How many items all pages have had so far.
    :param body: The answer's JSON.
    :param query: The list's filters.
    :param has_been_full: Whether a page has had as many as were asked for.
    """
    if not count:
        return True
    told = total(body)
    if told is not None and told != count:
        # One that is just the page's may be that of the page.
        return told <= taken
    if not is_short(count, asked):
        return False
    has_links = isinstance(body, dict) and body.get('first')
    if told is not None or has_links or has_been_full:
        return True
    given = query or {}
    return 'id' in given or ('name' in given and count < _FEW)


def is_short(count: int, asked: int) -> bool:
    """Whether a page has less than any cloud's own limit would leave it.

    :param count: How many items the page has.
    :param asked: How many it was asked for.
    """
    return count < min(asked, DOCUMENTED_SIZE)


def total(body: Any) -> int | None:
    """Return how many items a list has in all, if an answer says so.

    :param body: The answer's JSON.
    """
    for name in _TOTALS if isinstance(body, dict) else ():
        told = body.get(name)
        # What has more digits is no number of anything.
        if isinstance(told, str) and re.fullmatch('[0-9]{1,18}', told):
            told = int(told)
        if isinstance(told, int) and not isinstance(told, bool):
            return told
    return None


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


class Delivery:
    """Pages of a size that the cloud can deliver.

    :param session: The proxy that requests are sent by.
    :param size: Items that a page is asked for.
    :param what: What is listed, for the log.
    :param is_own: Whether the size is ours: one that the caller has chosen is
        left as it is.
    :ivar size: Items that a page is asked for now.
    """

    def __init__(
        self, session: Any, size: int, what: str, *, is_own: bool = True
    ) -> None:
        self._session = session
        self._what = what
        self._is_own = is_own
        self.size = size
        if is_own:
            self.size = SIZES.bounded(sdk.connection_of(session), size)

    def fetch(self, send: Callable[..., T]) -> T:
        """Fetch a page, smaller ones where the cloud cannot deliver it.

        :param send: Called with the size and options of the request; sends
            it, and raises what a refusal means.
        :returns: What it returns.
        :raises: What it raises, where no smaller page helps.
        """
        is_smaller = False
        while True:
            may_shrink = self._is_own and self.size > SMALLEST
            try:
                fetched = self._fetch_once(send, may_shrink)
            except Exception as error:
                if not may_shrink or not may_be_too_large(error):
                    raise
                self.size = smaller(self.size)
                is_smaller = True
                _logger.info(
                    "A page of %s cannot be had (%s); asking for %s items",
                    self._what,
                    error,
                    self.size,
                )
                continue
            if is_smaller:
                SIZES.remember(sdk.connection_of(self._session), self.size)
            return fetched

    def _fetch_once(self, send: Callable[..., T], may_shrink: bool) -> T:
        policy = getattr(self._session, 'retry_policy', None)
        if not may_shrink or policy is None:
            return send(self.size)
        policy = policy.configured(self._session)
        began = time.monotonic()
        try:
            return send(self.size, retry_policy=first_policy(policy))
        except Exception as error:
            patience = policy.patience - (time.monotonic() - began)
            if not passes(error) or patience <= 0:
                raise
            # It is not the page's size: be as patient as with all else. Of
            # the patience with a host that is not there half is over.
            return send(
                self.size,
                retry_policy=dataclasses.replace(
                    policy,
                    patience=patience,
                    strange_patience=policy.strange_patience / 2,
                ),
            )
