# SPDX-License-Identifier: Apache-2.0
"""Carrying out single actions: here, by threads of this process."""

from collections.abc import Callable, Sequence
from concurrent import futures
import dataclasses
import datetime
import functools
import threading
from typing import Protocol, TypeAlias

from ims_ext.pipeline import engine
from ims_ext.pipeline import home
from ims_ext.pipeline import steps
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.steps.work import Work
from ims_ext.pipeline.watching import Watched
from ims_ext.pipeline.watching import WatchedImage
from ims_ext.pipeline.watching import WatchedJob
from ims_ext.pipeline.watching import Watcher

#: Flows at a time, whatever the number of targets.
_THREADS = 24


@dataclasses.dataclass(frozen=True)
class Result:
    """What has become of an action.

    :ivar error: What went wrong, if anything.
    :ivar image_id: The image, where it is known.
    """

    error: BaseException | None = None
    image_id: str | None = None


#: Is called once, from any thread, when actions have come to their end.
Ended: TypeAlias = Callable[[Result], None]


class Carrier(Protocol):
    """Carries out actions; on which machine, is its business."""

    @property
    def folder(self) -> str:
        """Where objects are in a pipeline's part of a bucket."""

    def is_alone(self) -> bool:
        """Whether nobody else is at work on what is in that folder."""

    def leave(self) -> None:
        """Let others know that there is nothing more to be carried out."""

    def most_making(self, work: Work) -> int:
        """Return how many images a target may be given to make at a time.

        :param work: An action that makes one there.
        """

    def carry(
        self, works: Sequence[Work], day: datetime.date, ended: Ended
    ) -> None:
        """Begin to carry out actions that share their requests.

        :param works: The actions.
        :param day: Today, by the cloud's time.
        :param ended: Is told what has become of them.
        """

    def stop(self) -> None:
        """Bring what has begun to an end that it can be gone on from."""

    def close(self) -> None:
        """End; nobody is told of what is not over."""


class Threads:
    """Carries out actions by threads of this process.

    :param patience: Seconds in which a job has to end.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._pool = futures.ThreadPoolExecutor(_THREADS, 'ims-flow')

    @functools.cached_property
    def _watcher(self) -> Watcher:
        return Watcher()

    @property
    def folder(self) -> str:
        """Where objects are in a pipeline's part of a bucket."""
        return home.machine()

    def is_alone(self) -> bool:
        """Whether nobody else is at work on what is in that folder."""
        # One run a manifest and machine goes on at a time.
        return True

    def leave(self) -> None:
        """Let others know that there is nothing more to be carried out."""

    def most_making(self, work: Work) -> int:
        """Return how many images a target may be given to make at a time."""
        return work.target.limits.imports

    def carry(
        self, works: Sequence[Work], day: datetime.date, ended: Ended
    ) -> None:
        """Begin to carry out actions that share their requests."""
        self._pool.submit(self._begin, list(works), day, ended)

    def stop(self) -> None:
        """Have all that has begun come to its end."""

    def close(self) -> None:
        """End; nobody is told of what is not over."""
        self._watcher.close()
        self._pool.shutdown(cancel_futures=True)

    def _begin(
        self, works: list[Work], day: datetime.date, ended: Ended
    ) -> None:
        try:
            begin(works, day)
        except BaseException as error:
            ended(Result(error))
            return
        work = works[0]
        watched = watched_of(work, self._patience)
        if watched is None:
            ended(Result(image_id=work.image_id))
            return

        def over(error: BaseException | None) -> None:
            if isinstance(watched, WatchedJob):
                tell_job(work, watched)
            if error is not None:
                ended(Result(error))
                return
            threading.Thread(
                target=self._finish, args=(work, ended), daemon=True
            ).start()

        self._watcher.watch(watched, over)

    def _finish(self, work: Work, ended: Ended) -> None:
        try:
            finish(work)
        except BaseException as error:
            ended(Result(error))
            return
        ended(Result(image_id=work.image_id))


# ====== WHAT ALL CARRIERS DO ======


def code_of(error: BaseException) -> str:
    """Return the cloud's code for what went wrong, or the error's name.

    :param error: What was raised.
    """
    code = getattr(error, 'code', None)
    return code if isinstance(code, str) and code else type(error).__name__


def begin(works: Sequence[Work], day: datetime.date) -> None:
    """Carry out a flow until the cloud's job begins, or to its end.

    :param works: The actions, which share their requests.
    :param day: Today, by the cloud's time.
    :raises: What a step raises.
    """
    work = works[0]
    try:
        flow = steps.before(list(works), day)
        engine.run(work.action.id, flow, work.tools.tell)
    finally:
        # What the cloud does now needs no room on this machine.
        for each in works:
            if each.disk is not None:
                each.disk.release()


def watched_of(work: Work, patience: float) -> Watched | None:
    """Return what an action waits for, once its flow has been carried out.

    :param work: The action.
    :param patience: Seconds in which a job has to end.
    """
    if work.action.kind is not Kind.MAKE:
        return None
    if work.job is not None:
        return WatchedJob(work.job_ims, work.job, patience)
    if work.image_id is not None:
        return WatchedImage(work.ims, work.image_id, patience)
    return None


def tell_job(work: Work, watched: WatchedJob) -> None:
    """Tell how an action's job has ended.

    :param work: The action.
    :param watched: The job.
    """
    job = watched.job
    work.tools.tell(
        'job.ended',
        id=work.action.id,
        job_id=job.id,
        image_id=job.image_id,
        status=job.status,
        code=job.error_code or None,
    )


def finish(work: Work) -> None:
    """Carry out the flow that follows a job.

    :param work: The action.
    :raises: What a step raises.
    """
    engine.run(work.action.id, steps.after(work), work.tools.tell)
    work.tools.notes.settled(work.action.id)
