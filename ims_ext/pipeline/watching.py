# SPDX-License-Identifier: Apache-2.0
"""Waiting for the cloud: all jobs of a run, by a handful of threads."""

from collections.abc import Callable
from concurrent import futures
import heapq
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext.extension import job as _job
from ims_ext.extension import job_watch

if TYPE_CHECKING:
    from ims_ext.extension.job import Job

#: Threads that look, for all targets together.
_THREADS = 12
#: Looks a second at one target, at most.
_RATE = 36.0
#: Seconds between the first two looks at a job, and at an image.
_FIRST_PAUSE = 1.0
_IMAGE_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.3, 1.5, 15.0
#: Looks in a row that an image may be missing: it is shown a moment later.
_MISSING = 8

#: Called when the wait is over, with what has gone wrong, if anything.
Ended = Callable[[BaseException | None], None]


class Watched(Protocol):
    """Something that is waited for.

    :ivar place: Whom the looks go to; those of one place share a rate.
    """

    place: int

    def look(self) -> float | None:
        """Look at it.

        :returns: Seconds until the next look, ``None`` where it is over.
        :raises: What ends the wait.
        """


class WatchedJob:
    """A job that is waited for, its effect included.

    :param ims: ``conn.ims`` of the project that has the job.
    :param job: The job.
    :param patience: Seconds in which it has to end.
    """

    def __init__(self, ims: Any, job: 'Job', patience: float) -> None:
        self.place = id(ims)
        self._ims = ims
        self._watch = job_watch.WatchedJob(job, _FIRST_PAUSE, ims.retry_policy)
        self._patience = patience
        self._ends = time.monotonic() + patience

    @property
    def job(self) -> 'Job':
        """The job as it was last seen."""
        return self._watch.job

    def look(self) -> float | None:
        """Look at the job."""
        self._watch.look(lambda job: _job.look_once(self._ims, job))
        if self.job.is_over:
            if self.job.is_failed:
                raise exceptions.JobFailedError(self.job)
            return None
        if time.monotonic() >= self._ends and not self.job.is_finished:
            raise exceptions.JobTimeoutError([self.job], self._patience)
        return self._watch.pause


class WatchedImage:
    """An image that is waited for until it can be used.

    :param ims: ``conn.ims`` of its project.
    :param image_id: The image.
    :param patience: Seconds in which it has to be active.
    """

    def __init__(self, ims: Any, image_id: str, patience: float) -> None:
        self.place = id(ims)
        self._ims = ims
        self._image_id = image_id
        self._pause = _IMAGE_PAUSE
        self._missing = 0
        self._patience = patience
        self._ends = time.monotonic() + patience

    def look(self) -> float | None:
        """Look at the image."""
        found = list(self._ims.cloud_images(id=self._image_id))
        status = str(found[0].status).lower() if found else ''
        if status == 'active':
            return None
        self._missing = 0 if found else self._missing + 1
        if self._missing > _MISSING:
            raise sdk_exceptions.ResourceFailure(
                f"the image {self._image_id} is not there any more"
            )
        if status in ('killed', 'error', 'deleted'):
            raise sdk_exceptions.ResourceFailure(
                f"the image {self._image_id} is {status}: its data could not "
                "be taken"
            )
        if time.monotonic() >= self._ends:
            raise sdk_exceptions.ResourceTimeout(
                f"the image {self._image_id} is still {status or 'missing'} "
                f"after {self._patience:.0f} s"
            )
        pause = self._pause
        self._pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        return pause


class Watcher:
    """Looks at what is waited for, each thing now and then, until its end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Watched, Ended]] = []
        self._order = itertools.count()
        self._next_slot: dict[int, float] = {}
        self._is_closed = False
        self._pool = futures.ThreadPoolExecutor(_THREADS, 'ims-look')
        self._thread = threading.Thread(
            target=self._run, name='ims-watcher', daemon=True
        )
        self._thread.start()

    def watch(self, watched: Watched, ended: Ended) -> None:
        """Look at something until it is over.

        :param watched: What is waited for.
        :param ended: Called once, by one of the watcher's threads.
        """
        self._put(watched, ended, 0.0)

    def close(self) -> None:
        """End; nobody is told of what is not over."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def _put(self, watched: Watched, ended: Ended, pause: float) -> None:
        with self._changed:
            due = time.monotonic() + pause
            entry = (due, next(self._order), watched, ended)
            heapq.heappush(self._waiting, entry)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._is_closed:
                    return
                if not self._waiting:
                    self._changed.wait()
                    continue
                now = time.monotonic()
                due, _, watched, ended = self._waiting[0]
                if due > now:
                    self._changed.wait(due - now)
                    continue
                heapq.heappop(self._waiting)
                slot = self._next_slot.get(watched.place, 0.0)
                if slot > now:
                    entry = (slot, next(self._order), watched, ended)
                    heapq.heappush(self._waiting, entry)
                    continue
                self._next_slot[watched.place] = now + 1 / _RATE
                self._pool.submit(self._look, watched, ended)

    def _look(self, watched: Watched, ended: Ended) -> None:
        try:
            pause = watched.look()
        except BaseException as error:
            ended(error)
            return
        if pause is None:
            ended(None)
        elif not self._is_closed:
            self._put(watched, ended, pause)
