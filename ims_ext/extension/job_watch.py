# SPDX-License-Identifier: Apache-2.0
"""When to look at a running job next, and looking at many of them."""

from collections.abc import Callable, Generator, Iterable
from concurrent import futures
import heapq
import itertools
import logging
import queue
import time
from typing import TYPE_CHECKING

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions

if TYPE_CHECKING:
    from ims_ext.extension import job as _job

#: Seconds between two looks at a job that takes long.
_LONGEST_PAUSE = 15.0
#: Seconds between two looks at a job whose end is expected any moment.
_SHORTEST_PAUSE = 0.3
_PAUSE_GROWTH = 1.3
#: Looks in a row that may fail for a network's or server's bad minute.
_TOLERATED_FAILURES = 5
_PASSING_STATUSES = frozenset((429, 500, 502, 503, 504))

#: Looks at the same time, each on a connection of its own, where there are
#: many jobs. requests keeps no more connections than this open by default.
_CONNECTIONS = 10
#: Looks a second, at most, where there are many jobs.
_RATE = 30.0

_logger = logging.getLogger(__name__)

GetJob = Callable[['_job.Job'], '_job.Job']


class Watch:
    """A job that is waited for.

    :param job: The job as far as it is known.
    :param pause: Seconds between the first two looks.
    :ivar job: The job as last seen.
    :ivar pause: Seconds until the next look.
    """

    def __init__(self, job: '_job.Job', pause: float) -> None:
        self.job = job
        self.pause = 0.0
        self._next_pause = pause
        self._longest = max(pause, _LONGEST_PAUSE)
        self._failures = 0
        self._first: tuple[float, float] | None = None

    def look(self, get: GetJob) -> bool:
        """Look at the job, and set the pause until the next look.

        :param get: Gets the job as it is now.
        :returns: Whether there is something new to tell.
        :raises: What ``get`` raises, where asking again would not help or
            has not helped.
        """
        try:
            self.job = get(self.job)
        except (
            sdk_exceptions.HttpException,
            ksa_exceptions.ConnectFailure,
            ksa_exceptions.ConnectTimeout,
            ksa_exceptions.UnknownConnectionError,
        ) as error:
            self._failures += 1
            if self._failures > _TOLERATED_FAILURES or not _passes(error):
                raise
            _logger.info("Looking at job %s again: %s", self.job.id, error)
            self._slow_down()
            return False
        self._failures = 0
        expected = self._expected_end()
        if expected is None:
            self._slow_down()
        else:
            self.pause = min(max(expected, _SHORTEST_PAUSE), self._longest)
        return True

    def _slow_down(self) -> None:
        self.pause = self._next_pause
        self._next_pause = min(self.pause * _PAUSE_GROWTH, self._longest)

    def _expected_end(self) -> float | None:
        """Return the seconds until the end, as the progress promises it."""
        now, done = time.monotonic(), self.job.progress
        if done is None:
            return None
        if self._first is None:
            self._first = now, done
            return None
        began, done_then = self._first
        if done <= done_then or now <= began:
            return None
        return (1.0 - done) * (now - began) / (done - done_then)


def look_at_all(
    watches: Iterable[Watch], get: GetJob, timeout: float
) -> Generator[Watch, None, None]:
    """Look at many jobs until all have ended, fairly and not too often.

    :param watches: The jobs.
    :param get: Gets a job as it is now; called by several threads.
    :param timeout: Seconds to wait at most.
    :returns: A generator of watches, one after each look that told
        something.
    :raises: :class:`~ims_ext.exceptions.JobTimeoutError` with the jobs that
        have not ended in time, and what :meth:`Watch.look` raises.
    """
    deadline = time.monotonic() + timeout
    order = itertools.count()
    waiting = [(0.0, next(order), watch) for watch in watches]
    looking: dict[futures.Future[bool], Watch] = {}
    looked: queue.SimpleQueue[futures.Future[bool]] = queue.SimpleQueue()
    next_slot = 0.0
    pool = futures.ThreadPoolExecutor(_CONNECTIONS, 'ims-job')
    try:
        while waiting or looking:
            now = time.monotonic()
            if now >= deadline:
                left = [watch for _, _, watch in waiting] + [*looking.values()]
                raise exceptions.JobTimeoutError(
                    [watch.job for watch in left], timeout
                )
            wake = deadline
            if waiting and len(looking) < _CONNECTIONS:
                wake = max(waiting[0][0], next_slot)
                if wake <= now:
                    _, _, watch = heapq.heappop(waiting)
                    future = pool.submit(watch.look, get)
                    looking[future] = watch
                    future.add_done_callback(looked.put)
                    next_slot = now + 1 / _RATE
                    continue
            try:
                future = looked.get(timeout=min(wake, deadline) - now)
            except queue.Empty:
                continue
            watch = looking.pop(future)
            if future.result():
                yield watch
            if not watch.job.is_finished:
                due = time.monotonic() + watch.pause
                heapq.heappush(waiting, (due, next(order), watch))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _passes(error: Exception) -> bool:
    """Whether asking again may succeed."""
    if isinstance(error, sdk_exceptions.HttpException):
        return error.status_code in _PASSING_STATUSES
    return True
