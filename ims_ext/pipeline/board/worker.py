# SPDX-License-Identifier: Apache-2.0
"""A worker: claims what is on the board, and does it."""

from collections.abc import Callable
from concurrent import futures
import datetime
import getpass
import os
import random
import secrets
import socket
import threading
import time

import ims_ext
from ims_ext import exceptions
from ims_ext.pipeline import carrying
from ims_ext.pipeline import engine
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board import results
from ims_ext.pipeline.board.claims import Held
from ims_ext.pipeline.board.claims import Holdings
from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.board.errors import BusyError
from ims_ext.pipeline.board.errors import ClaimLostError
from ims_ext.pipeline.board.errors import FullError
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.board.watch import Watch
from ims_ext.pipeline.board.workshop import Workshop
from ims_ext.pipeline.clouds import Connect
from ims_ext.pipeline.engine.jobboard import Posted
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.steps.work import Work

#: Tasks at a time, and seconds until others may have those of a worker that
#: tells nothing any more.
THREADS, EXPIRY = 8, 30.0

#: Seconds between two looks at the board, while there is nothing to do.
_SHORTEST, _LONGEST = 0.1, 1.0
#: Seconds until what another worker is at is tried again, and until it is
#: tried whether there is room where there was none, beside when some is left.
_COOLING, _FULL = 0.7, 5.0


class Worker:
    """A worker: claims what is on the board, and does it until it is stopped.

    ::

        with Board(parse('redis://127.0.0.1:6379/0')) as board:
            Worker(board).run()

    :param board: The board.
    :param threads: Tasks at a time.
    :param expiry: Seconds until others may have its tasks when it tells
        nothing any more.
    :param connect: Makes connections.
    :param say: Is told in words what it does.
    :ivar name: What it is called on the board.
    """

    def __init__(
        self,
        board: Board,
        *,
        threads: int = THREADS,
        expiry: float = EXPIRY,
        connect: Connect = ims_ext.connect,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        engine.load()
        self._board = board
        self._threads = threads
        self._expiry = expiry
        self._connect = connect
        self._say = say
        self.name = f'{socket.gethostname()}-{secrets.token_hex(4)}'
        self._since = time.time()
        self._draining = threading.Event()
        self._guard = threading.Lock()
        self._running: dict[str, data.Task] = {}

    def stop(self) -> None:
        """Claim nothing any more; what runs comes to its end."""
        self._draining.set()

    def run(self) -> None:
        """Work until it is stopped.

        :raises: :class:`.errors.BoardError` where the board is lost.
        """
        holdings = Holdings(self._board, self.name, self._expiry)
        workshop = Workshop(self._board, holdings, self._connect, self._say)
        watch = Watch(self._board, holdings, workshop, self._say)
        pool = futures.ThreadPoolExecutor(self._threads, 'ims-task')
        try:
            self._work(holdings, workshop, watch, pool)
        finally:
            pool.shutdown(cancel_futures=True)
            watch.close()
            workshop.close()
            holdings.close()
            self._board.vanish(self.name)

    def _work(
        self,
        holdings: Holdings,
        workshop: Workshop,
        watch: Watch,
        pool: futures.Executor,
    ) -> None:
        pause = _SHORTEST
        shown = 0.0
        while not self._draining.is_set() or self._count():
            now = time.monotonic()
            if now - shown > min(2.0, self._expiry / 4):
                self._appear()
                shown = now
            watch.check()
            has_begun = False
            if not self._draining.is_set():
                for job in self._candidates():
                    if self._count() >= self._threads:
                        break
                    held = holdings.claim(job)
                    if held is None:
                        continue
                    has_begun = True
                    self._begin(job, held, holdings, workshop, pool)
            pause = _SHORTEST if has_begun else min(pause * 1.5, _LONGEST)
            # What has ended makes room at once.
            self._draining.wait(pause)
            if self._draining.is_set():
                time.sleep(_SHORTEST)

    def _count(self) -> int:
        with self._guard:
            return len(self._running)

    def _appear(self) -> None:
        with self._guard:
            doing = [each.name for each in self._running.values()]
        self._board.appear(
            self.name,
            max(10.0, self._expiry),
            {
                'host': socket.gethostname(),
                'user': _user(),
                'process': str(os.getpid()),
                'version': ims_ext.__version__,
                'since': f'{self._since:.0f}',
                'threads': str(self._threads),
                'state': 'draining' if self._draining.is_set() else 'working',
                'doing': ' '.join(doing[: self._threads]),
            },
        )

    # ====== CLAIMING ======

    def _candidates(self) -> list[Posted]:
        """Return what may be claimed: fair between places, then by age."""
        if self._count() >= self._threads:
            return []
        jobs = self._board.jobs
        # Others look at the same moment: not all begin with the same.
        most = 2 * self._threads
        queues = self._board.ask(lambda: jobs.queues(most))
        free = {}
        for each in queues:
            keys = list(each.free)
            random.shuffle(keys)
            free[each.name] = keys
        at_work = {each.name: each.busy for each in queues}
        wanted: list[bytes] = []
        while len(wanted) < most:
            places = [name for name, keys in free.items() if keys]
            if not places:
                break
            place = min(places, key=lambda each: at_work[each])
            wanted.append(free[place].pop(0))
            at_work[place] += 1
        return self._board.ask(lambda: jobs.read(wanted))

    def _begin(
        self,
        job: Posted,
        held: Held,
        holdings: Holdings,
        workshop: Workshop,
        pool: futures.Executor,
    ) -> None:
        try:
            task = data.Task.of(job.details)
        except data.DataError as error:
            self._say(f"a task on the board is none: {error}")
            self._consume(job, held, holdings)
            return
        taken = self._board.items.take(task, job.id, self.name, time.time())
        if not taken:
            # It is done, or somebody else's: it was posted twice.
            self._consume(job, held, holdings)
            return
        with self._guard:
            self._running[job.id] = task

        def do() -> None:
            try:
                self._do(job, task, taken, held, holdings, workshop)
            except BoardError as error:
                self._say(str(error))
            finally:
                with self._guard:
                    self._running.pop(job.id, None)

        pool.submit(do)

    def _consume(self, job: Posted, held: Held, holdings: Holdings) -> None:
        self._board.ask(lambda: self._board.jobs.consume(job, self.name))
        holdings.forget(held)

    # ====== DOING ======

    def _do(
        self,
        job: Posted,
        task: data.Task,
        taken: frozenset[str],
        held: Held,
        holdings: Holdings,
        workshop: Workshop,
    ) -> None:
        """Carry out a task; whatever comes of it is on the board then."""
        works: list[Work] = []
        try:
            works = [
                each
                for each in workshop.works(task, held.check)
                if each.action.id in taken
            ]
            _enter(holdings, task, works[0])
            carrying.begin(works, datetime.date.fromisoformat(task.day))
            held.check()
        except ClaimLostError:
            self._say(f"{task.name} is another worker's by now")
            holdings.leave(results.name_of(task), task.place, True)
            holdings.forget(held)
            return
        except FullError:
            self._await_room(job, task, works[0])
            results.put_back(self._board, task, taken)
            holdings.give_back(held)
            return
        except BusyError:
            holdings.leave(results.name_of(task), task.place, False)
            results.put_back(self._board, task, taken)
            holdings.give_back(held)
            jobs = self._board.jobs
            self._board.ask(lambda: jobs.put_off(job, _COOLING))
            return
        except BoardError as error:
            if not isinstance(error, data.DataError):
                # It expires, and somebody goes on with it.
                raise
            results.end(self._board, task, taken, error)
        except BaseException as error:
            results.end(self._board, task, taken, error)
            self._say(f"{task.name}: {results.reason_of(error)}")
        else:
            self._go_on(task, works)
        is_waiting = self._board.waits.has(task)
        holdings.leave(results.name_of(task), task.place, is_waiting)
        self._consume(job, held, holdings)

    def _await_room(self, job: Posted, task: data.Task, work: Work) -> None:
        """Have nobody try what there is no room for."""
        jobs, room = self._board.jobs, self._board.key('imports', task.place)
        limit = work.target.limits.imports
        self._board.ask(lambda: jobs.await_room(job.queue, room, limit, _FULL))

    def _go_on(self, task: data.Task, works: list[Work]) -> None:
        """Have the cloud waited for, or the actions ended."""
        work = works[0]
        is_begun = work.job is not None or work.image_id is not None
        if work.action.kind is not Kind.MAKE or not is_begun:
            for each in works:
                results.done(self._board, task, each)
            return
        token = task.actions[0][1]
        at = work.action.item.target
        if work.job_ims is not None and work.job_ims is not work.ims:
            at = str(work.action.details.get('from') or work.target.copy_from)
        self._board.items.write(
            task.pipeline, work.action.id, token, state='waiting'
        )
        self._board.waits.add(
            data.Wait(
                task,
                work.image_id,
                work.job.id if work.job is not None else None,
                at,
                work.object,
                time.time() + task.patience,
            )
        )


def _enter(holdings: Holdings, task: data.Task, work: Work) -> None:
    """Have room for one more image that is made at a target.

    :raises: :class:`.errors.FullError` where there is none now.
    """
    limit = work.target.limits.imports
    if work.action.kind is Kind.MAKE and not holdings.enter(
        results.name_of(task), limit, results.ROOM, task.place
    ):
        raise FullError("there is no room for one more")


def _user() -> str:
    try:
        return exceptions.readable(getpass.getuser(), 100)
    except (OSError, KeyError, ImportError):
        return '?'
