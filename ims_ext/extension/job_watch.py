# SPDX-License-Identifier: Apache-2.0
"""When to look at a running job next, and looking at many of them."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent import futures
import heapq
import itertools
import logging
import queue
import time
from typing import Generic, Protocol, TypeVar

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext import workers
from ims_ext.exceptions import job_failure
from ims_ext.extension import job_effect
from ims_ext.transport import failures
from ims_ext.transport import retry

#: Seconds between two looks at a job that takes long.
_LONGEST_PAUSE = 15.0
#: Seconds between two looks at a job whose end is expected any moment.
_SHORTEST_PAUSE = 0.3
_PAUSE_GROWTH = 1.3
#: How much of a job is done where that alone, without an earlier look to
#: compare with, tells something: progress comes in hundredths.
_TELLING_PROGRESS = 0.05

#: Looks at the same time, each on a connection of its own, where there are
#: many jobs. requests keeps no more connections than this open by default.
_CONNECTIONS = 10
#: Looks a second, at most, where there are many jobs.
_RATE = 36.0

#: Seconds before the end of a wait for many jobs when each is looked at for
#: the last time; a look at all of them takes its time in addition.
_LAST_LOOK = 1.0

_logger = logging.getLogger(__name__)


class RunningJob(exceptions.LookedAtJob, Protocol):
    """A :class:`~ims_ext.extension.job.Job`, as far as waiting looks at it."""

    @property
    def progress(self) -> float | None:
        """The share of the job that is done, from 0 to 1."""

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended."""

    @property
    def is_over(self) -> bool:
        """Whether waiting for the job is over, its effect included."""

    def stop_following(self) -> None:
        """Take the job's effect as it is."""


J = TypeVar('J', bound=RunningJob)

#: Gets a job as it is now.
GetJob = Callable[[J], J]


class WatchedJob(Generic[J]):
    """A job that is waited for.

    :param job: The job as far as it is known.
    :param pause: Seconds between the first two looks.
    :param policy: For how long looks may fail, all of them.
    :ivar job: The job as last seen.
    :ivar pause: Seconds until the next look.
    """

    def __init__(
        self,
        job: J,
        pause: float,
        policy: retry.Policy | None = None,
    ) -> None:
        self.job = job
        self._policy = (policy or retry.Policy()).for_jobs()
        self.pause = 0.0
        self._next_pause = pause
        self._longest = max(pause, _LONGEST_PAUSE)
        self._began = time.monotonic()
        self._failing: retry.Attempts | None = None
        self._first: tuple[float, float] | None = None
        self._last_done: float | None = None
        self._effect_pause = job_effect.FIRST_PAUSE

    def look(self, get: GetJob[J]) -> bool:
        """Look at the job, and set the pause until the next look.

        :param get: Gets the job as it is now, asking once: its thread and
            its share of the rate are for the other jobs until the next look.
        :returns: Whether there is something new to tell.
        :raises: What ``get`` raises, where asking again would not help or
            has not helped.
        """
        try:
            self.job = get(self.job)
        except (
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
        ) as error:
            self._go_on_after(error)
            return False
        self._failing = None
        self._set_pause()
        return True

    def _go_on_after(self, error: Exception) -> None:
        """Set the pause after a look that failed, or raise why it did."""
        failure = failures.in_error(error)
        if failure is None:
            raise error
        failing = self._failing or retry.Attempts(self._policy)
        self._failing = failing
        pause = failing.pause(failure)
        if pause is None:
            error.add_note(f"The job {self.job.label} was {failing}")
            raise error
        self.pause = pause
        _logger.info(
            "Cannot look at job %s: %s; again in %.1f seconds",
            self.job.label,
            failure.reason,
            pause,
        )

    def _set_pause(self) -> None:
        if self.job.is_finished:
            self.pause = self._effect_pause
            self._effect_pause = min(
                self.pause * job_effect.PAUSE_GROWTH, job_effect.LONGEST_PAUSE
            )
            return
        expected = self._expected_end()
        done = self.job.progress
        is_stuck = done is not None and done == self._last_done
        self._last_done = done
        if expected is None:
            self.pause = self._next_pause
            self._next_pause = min(self.pause * _PAUSE_GROWTH, self._longest)
        elif is_stuck:
            # It is not as fast as it was: what it promised is void.
            self.pause = min(self.pause * _PAUSE_GROWTH, self._longest)
        else:
            self.pause = min(max(expected, _SHORTEST_PAUSE), self._longest)

    def _expected_end(self) -> float | None:
        """Return the seconds until the end, as the progress promises it."""
        now, done = time.monotonic(), self.job.progress
        if done is None:
            return None
        if self._first is None:
            self._first = now, done
            if done < _TELLING_PROGRESS:
                return None
            # It began no later than the wait: so it cannot end earlier.
            soonest = (1.0 - done) * (now - self._began) / done
            return max(soonest, self._next_pause)
        began, done_then = self._first
        if done <= done_then or now <= began:
            return None
        return (1.0 - done) * (now - began) / (done - done_then)


def look_at_all(
    watches: Iterable[WatchedJob[J]], get: GetJob[J], timeout: float
) -> Generator[WatchedJob[J], None, None]:
    """Look at many jobs until all have ended, fairly and not too often.

    :param watches: The jobs.
    :param get: Gets a job as it is now; called by several threads.
    :param timeout: Seconds to wait at most.
    :returns: A generator of watches, one after each look that told
        something.
    :raises: :class:`~ims_ext.exceptions.JobTimeoutError` with the jobs that
        have not ended in time, and what :meth:`WatchedJob.look` raises.
    """
    deadline = time.monotonic() + timeout
    order = itertools.count()
    # The one that has been due for longest comes first.
    waiting = [(0.0, next(order), watch) for watch in watches]
    last = deadline - _LAST_LOOK - len(waiting) / _RATE
    next_slot = 0.0
    with workers.Workers(_CONNECTIONS, 'ims-job') as pool:
        looks = _Looks(pool, get)
        while waiting or looks.jobs:
            now = time.monotonic()
            is_over = now >= deadline
            wake = deadline
            may_look = len(looks.jobs) < _CONNECTIONS and not is_over
            if waiting and may_look:
                wake = max(waiting[0][0], next_slot)
                if wake <= now:
                    looks.begin(heapq.heappop(waiting)[-1])
                    next_slot = now + 1 / _RATE
                    continue
            looked = looks.next(max(min(wake, deadline) - now, 0.0))
            if looked is None and is_over:
                left = [watch for _, _, watch in waiting]
                yield from _ended_in_time([*left, *looks.jobs], timeout)
                return
            if looked is None:
                continue
            watch, has_news = looked
            if has_news:
                yield watch
            if not watch.job.is_over:
                now = time.monotonic()
                due = now + watch.pause
                if has_news and now < last < due:
                    due = last
                heapq.heappush(waiting, (due, next(order), watch))


def _ended_in_time(
    watches: Iterable[WatchedJob[J]], timeout: float
) -> Iterator[WatchedJob[J]]:
    """Give the jobs that have ended but for their effect, and no others.

    :raises: :class:`~ims_ext.exceptions.JobTimeoutError` with those.
    """
    running = []
    for watch in watches:
        if watch.job.is_finished:
            watch.job.stop_following()
            yield watch
        else:
            running.append(watch.job)
    if running:
        raise exceptions.JobTimeoutError(running, timeout)


def note_left(watches: Iterable[WatchedJob[J]], error: BaseException) -> None:
    """Say of what ends a wait early which jobs go on.

    :param watches: The jobs that were waited for.
    :param error: What ends the wait.
    """
    left = [watch.job for watch in watches if not watch.job.is_finished]
    if left and not isinstance(error, GeneratorExit):
        error.add_note(job_failure.left_behind(left))


class _Looks(Generic[J]):
    """Looks at jobs that are under way.

    :param pool: The threads for them.
    :param get: Gets a job as it is now.
    :ivar jobs: The jobs that are being looked at.
    """

    def __init__(self, pool: workers.Workers, get: GetJob[J]) -> None:
        self.jobs: set[WatchedJob[J]] = set()
        self._pool = pool
        self._get = get
        self._done: queue.SimpleQueue[
            tuple[WatchedJob[J], futures.Future[bool]]
        ] = queue.SimpleQueue()

    def begin(self, watched: WatchedJob[J]) -> None:
        """Have a job looked at."""
        self.jobs.add(watched)
        look = self._pool.submit(watched.look, self._get)
        look.add_done_callback(lambda done: self._done.put((watched, done)))

    def next(self, timeout: float) -> tuple[WatchedJob[J], bool] | None:
        """Return a job that was looked at, and whether there is news.

        :param timeout: Seconds to wait for it.
        :returns: ``None`` where no look ends in time.
        :raises: What the look raised.
        """
        try:
            watched, look = self._done.get(timeout=timeout)
        except queue.Empty:
            return None
        self.jobs.remove(watched)
        return watched, look.result()
