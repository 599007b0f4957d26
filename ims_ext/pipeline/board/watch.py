# SPDX-License-Identifier: Apache-2.0
"""Waiting for the cloud: one worker a place, handed over when it dies."""

from collections.abc import Callable
import contextlib
import dataclasses
import threading
import time

from openstack import exceptions as sdk_exceptions

from ims_ext.pipeline import carrying
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board import results
from ims_ext.pipeline.board.claims import Held
from ims_ext.pipeline.board.claims import Holdings
from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.board.errors import ClaimLostError
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.board.workshop import Workshop
from ims_ext.pipeline.steps.work import NotNowError
from ims_ext.pipeline.steps.work import Work
from ims_ext.pipeline.watching import WatchedImage
from ims_ext.pipeline.watching import WatchedJob
from ims_ext.pipeline.watching import Watcher

#: Seconds between two looks at what is to be waited for.
_PAUSE = 0.3
#: Seconds between two renewals of the room that imports have.
_RENEW = 30.0


class Watch:
    """Waits for the cloud at the places that this worker has a lease of.

    :param board: The board.
    :param holdings: What the worker holds.
    :param workshop: What it does tasks with.
    :param say: Is told in words what it does.
    """

    def __init__(
        self,
        board: Board,
        holdings: Holdings,
        workshop: Workshop,
        say: Callable[[str], None],
    ) -> None:
        self._board = board
        self._holdings = holdings
        self._workshop = workshop
        self._say = say
        self._watcher = Watcher()
        self._closed = threading.Event()
        self._guard = threading.Lock()
        self._leases: dict[str, Held] = {}
        self._watched: set[tuple[str, str]] = set()
        self._renewed: dict[tuple[str, str], float] = {}
        self._failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name='ims-watch', daemon=True
        )
        self._thread.start()

    def check(self) -> None:
        """Make sure that it goes on.

        :raises: What has ended it.
        """
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End; other workers go on."""
        self._closed.set()
        self._thread.join()
        self._watcher.close()

    def _run(self) -> None:
        while not self._closed.wait(_PAUSE):
            try:
                for place in self._board.waits.places():
                    if self._has_lease(place):
                        self._look(place)
            except BaseException as error:
                self._failure = error
                return

    def _has_lease(self, place: str) -> bool:
        held = self._leases.get(place)
        if held is not None and not held.is_lost:
            return True
        if held is not None:
            self._forget(place)
        # Who has fewest asks first.
        self._closed.wait(min(0.3, 0.1 * len(self._leases)))
        held = self._holdings.lease('watcher', place)
        if held is None:
            return False
        self._leases[place] = held
        return True

    def _forget(self, place: str) -> None:
        del self._leases[place]
        with self._guard:
            self._watched = {e for e in self._watched if e[0] != place}

    def _look(self, place: str) -> None:
        """Have what is new at a place waited for."""
        now = time.monotonic()
        waits = self._board.waits.at(place)
        if not waits:
            held = self._leases.pop(place)
            self._holdings.give_back(held)
            return
        for name, content in waits.items():
            key = place, name
            if now - self._renewed.get(key, -_RENEW) >= _RENEW:
                self._renewed[key] = now
                self._board.enter(
                    name, 1_000_000, results.ROOM, 'imports', place
                )
            with self._guard:
                if key in self._watched:
                    continue
                self._watched.add(key)
            threading.Thread(
                target=self._begin,
                args=(place, name, content, self._leases[place]),
                daemon=True,
            ).start()

    def _begin(
        self, place: str, name: str, content: bytes, lease: Held
    ) -> None:
        """Begin to wait for something."""
        try:
            wait = data.Wait.of(data.read(content))
        except data.DataError as error:
            self._say(f"what is waited for at {place} is nothing: {error}")
            self._board.waits.remove(place, name)
            return
        try:
            work = self._workshop.works(wait.task, lease.check)[0]
            work = dataclasses.replace(
                work, image_id=wait.image_id, object=wait.object
            )
            watched = _watched(work, wait, lease)
        except BaseException as error:
            self._end(place, name, wait, work=None, error=error)
            return

        def over(error: BaseException | None) -> None:
            if isinstance(error, ClaimLostError):
                return
            if isinstance(watched, _LeasedJob):
                carrying.tell_job(work, watched)
                if error is not None and watched.job.is_over:
                    work.tools.notes.settled(work.action.id)
            threading.Thread(
                target=self._finish,
                args=(place, name, wait, work, error, lease),
                daemon=True,
            ).start()

        self._watcher.watch(watched, over)

    def _finish(
        self,
        place: str,
        name: str,
        wait: data.Wait,
        work: Work,
        error: BaseException | None,
        lease: Held,
    ) -> None:
        """Carry out what follows the wait."""
        with contextlib.suppress(ClaimLostError, BoardError):
            lease.check()
            if error is None:
                try:
                    carrying.finish(work)
                except BoardError:
                    raise
                except BaseException as failure:
                    error = failure
            self._end(place, name, wait, work, error)

    def _end(
        self,
        place: str,
        name: str,
        wait: data.Wait,
        work: Work | None,
        error: BaseException | None,
    ) -> None:
        task = wait.task
        if error is None and work is not None:
            results.done(self._board, task, work)
        else:
            ids = [each.id for each, _ in task.actions]
            results.end(
                self._board, task, ids, error or NotNowError("it is gone")
            )
        self._board.waits.remove(place, name)
        self._board.leave(name, 'imports', place)
        with self._guard:
            self._watched.discard((place, name))


class _LeasedJob(WatchedJob):
    """A job that is looked at while the lease is ours."""

    lease: Held

    def look(self) -> float | None:
        """Look at the job."""
        _check(self.lease)
        return super().look()


class _LeasedImage(WatchedImage):
    """An image that is looked at while the lease is ours."""

    lease: Held

    def look(self) -> float | None:
        """Look at the image."""
        _check(self.lease)
        return super().look()


def _check(lease: Held) -> None:
    if lease.is_lost:
        raise ClaimLostError("another worker waits there by now")


def _watched(
    work: Work, wait: data.Wait, lease: Held
) -> _LeasedJob | _LeasedImage:
    """Return what a making waits for."""
    left = max(0.0, wait.ends - time.time())
    if wait.job_id is not None:
        conn = work.tools.clouds.target(wait.at)
        ims = getattr(conn, 'ims')  # noqa: B009
        try:
            job = _LeasedJob(ims, ims.get_job(wait.job_id), left)
        except sdk_exceptions.NotFoundException:
            # It is forgotten: the image decides.
            work.tools.notes.settled(work.action.id)
        else:
            job.lease = lease
            return job
    if wait.image_id is None:
        raise NotNowError("neither its job nor its image can be looked at")
    image = _LeasedImage(work.ims, wait.image_id, left)
    image.lease = lease
    return image
