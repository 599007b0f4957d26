# SPDX-License-Identifier: Apache-2.0
"""Having actions carried out by the workers of a board."""

from collections.abc import Callable, Sequence
from concurrent import futures
import contextlib
import dataclasses
import datetime
import threading
import time

from ims_ext.pipeline.board import bundle
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board import disks
from ims_ext.pipeline.board import results
from ims_ext.pipeline.board import scripts
from ims_ext.pipeline.board import store
from ims_ext.pipeline.board import workshop
from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.board.errors import LeftError
from ims_ext.pipeline.carrying import Ended
from ims_ext.pipeline.carrying import Result
from ims_ext.pipeline.carrying import Threads
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.events import Tell
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.sources import Sources
from ims_ext.pipeline.steps.work import NotNowError
from ims_ext.pipeline.steps.work import Work

#: Tasks that are posted at a time, beside those that a target has room for.
_AHEAD = 16
#: Threads that put files of this machine into buckets.
_FILES = 4
#: Seconds between two looks at what has ended, at first and at most.
_SHORTEST, _LONGEST = 0.1, 1.0
#: Seconds until an item that nobody has is taken for lost, and between two
#: words on workers that are missing.
_LOST, _WORD = 15.0, 60.0
#: Seconds for which others know of a run that tells nothing any more, and
#: between two times that it tells.
_SEEN, _TELL = 30.0, 6.0


@dataclasses.dataclass
class _Outstanding:
    """Actions that are on the board."""

    task: data.Task
    tokens: dict[str, str]
    ended: Ended
    results: dict[str, Result] = dataclasses.field(default_factory=dict)
    sought_at: float = dataclasses.field(default_factory=time.monotonic)
    missing_since: float | None = None


class Posting:
    """Has actions carried out by the workers of a board.

    :param board: The board.
    :param pipeline: The manifest's name.
    :param run: The run's ID.
    :param sources: Fetches disk images from this machine's files.
    :param clouds: The connections.
    :param tell: Takes the events, those of the workers included.
    :param patience: Seconds in which a job has to end.
    :param who: What this machine's runs of the manifest are told from those
        of others by; one goes on at a time.
    """

    def __init__(
        self,
        board: store.Board,
        pipeline: str,
        run: str,
        sources: Sources,
        clouds: Clouds,
        tell: Tell,
        patience: float,
        who: str,
    ) -> None:
        self._board = board
        self._who = who
        self._pipeline = pipeline
        self._run = run
        self._sources = sources
        self._clouds = clouds
        self._tell = tell
        self._patience = patience
        self._own = Threads(patience)
        self._pool = futures.ThreadPoolExecutor(_FILES, 'ims-post')
        self._guard = threading.Lock()
        self._outstanding: list[_Outstanding] = []
        self._stopping = threading.Event()
        self._closed = threading.Event()
        self._failure: BaseException | None = None
        self._file_guards: dict[str, threading.Lock] = {}
        self._last = board.chronicle.last()
        self._has_left = False
        self._enter()
        self._threads = [
            threading.Thread(target=self._guarded, args=(each,), daemon=True)
            for each in (self._follow, self._listen)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def folder(self) -> str:
        """Where objects are in a pipeline's part of a bucket."""
        return workshop.FOLDER

    def is_alone(self) -> bool:
        """Whether nobody else is at work on the pipeline."""
        others = self._board.count('applying', self._pipeline)
        own = 0 if self._has_left else 1
        return others <= own and not self._board.items.in_flight(
            self._pipeline
        )

    def leave(self) -> None:
        """Let others know that there is nothing more to be carried out."""
        self._has_left = True
        self._board.leave(self._who, 'applying', self._pipeline)

    def most_making(self, work: Work) -> int:
        """Return how many images a target may be given to make at a time."""
        return work.target.limits.imports + _AHEAD

    def stop(self) -> None:
        """Wait for nothing any more: the workers go on."""
        self._stopping.set()

    def close(self) -> None:
        """End; nobody is told of what is not over."""
        self._closed.set()
        self._pool.shutdown(cancel_futures=True)
        for thread in self._threads:
            thread.join()
        self._own.close()
        with contextlib.suppress(BoardError):
            self.leave()

    def carry(
        self, works: Sequence[Work], day: datetime.date, ended: Ended
    ) -> None:
        """Post actions that share their requests."""
        self._pool.submit(self._post, list(works), day, ended)

    # ====== POSTING ======

    def _post(
        self, works: list[Work], day: datetime.date, ended: Ended
    ) -> None:
        try:
            task = self._task(works, day)
            if task is None:
                self._own.carry(works, day, ended)
                return
            tokens = self._board.items.begin(task, time.time())
            if any(tokens[each.id] == own for each, own in task.actions):
                self._board.items.post(task)
            with self._guard:
                self._outstanding.append(_Outstanding(task, tokens, ended))
        except BaseException as error:
            ended(Result(error))

    def _task(self, works: list[Work], day: datetime.date) -> data.Task | None:
        """Return what is posted; ``None`` for what is this machine's alone."""
        work = works[0]
        tools = work.tools
        source = self._source(work)
        if source is not None and bundle.is_elsewhere(work.declared):
            hub = workshop.hub_for(tools.manifest, work.action.item.target)
            if hub is None:
                return None
            self._share(work, source, hub)
        images = {each.action.item.image for each in works}
        content = bundle.made(
            tools.manifest,
            [e for e in tools.manifest.images.values() if e.name in images],
            [
                (each.action.item.image, each.version)
                for each in works
                if each.version is not None
            ],
        )
        lock = self._sources.lock
        actions = []
        for each in works:
            action = each.action
            which = action.item.image, action.item.version
            locked = lock.digests.get(which) if lock is not None else None
            if locked is not None:
                details = {**action.details, 'locked': locked}
                action = dataclasses.replace(action, details=details)
            actions.append((action, store.new_token()))
        return data.Task(
            tools.manifest.name,
            self._run,
            self._board.keep_bundle(content),
            day.isoformat(),
            self._patience,
            work.target.place,
            source,
            tuple(actions),
        )

    def _source(self, work: Work) -> str | None:
        if work.action.kind is not Kind.MAKE or work.version is None:
            return None
        return disks.source_of(work.version, work.image, self._run)

    def _share(self, work: Work, source: str, hub: str) -> None:
        """Put a file of this machine where workers have it from."""
        with self._guard:
            guard = self._file_guards.setdefault(source, threading.Lock())
        shared = disks.BoardDisks(
            self._board,
            work.tools.manifest,
            self._clouds,
            self._sources,
            work.tools.object_folder,
            source,
            hub,
        )
        with guard:
            if not shared.has(work.image):
                disk = self._sources.disk(work.image, work.declared)
                shared.share(work.image, disk)

    # ====== FOLLOWING ======

    def _guarded(self, loop: Callable[[], None]) -> None:
        """Follow the board; what ends that ends all that is waited for."""
        try:
            loop()
        except BaseException as error:
            self._failure = error
            while not self._closed.wait(_SHORTEST):
                self._end_all(error)

    def _end_all(self, error: BaseException) -> None:
        with self._guard:
            found, self._outstanding = self._outstanding, []
        for each in found:
            each.ended(Result(error))

    def _follow(self) -> None:
        """Tell what has ended."""
        pause = _SHORTEST
        word = time.monotonic()
        while not self._closed.wait(pause):
            if self._stopping.is_set():
                self._end_all(LeftError("left to the workers"))
                continue
            if time.monotonic() - word > _TELL:
                word = time.monotonic()
                self._enter()
                if self._outstanding and not self._board.workers():
                    self._say_alone()
                    word += _WORD
            with self._guard:
                found = list(self._outstanding)
            if not found:
                pause = _SHORTEST
                continue
            over = self._over(found)
            gone = {id(each) for each in over}
            with self._guard:
                self._outstanding = [
                    each for each in self._outstanding if id(each) not in gone
                ]
            for each in over:
                each.ended(_together(each))
            pause = _SHORTEST if over else min(pause * 1.3, _LONGEST)

    def _enter(self) -> None:
        """Have others know that this run goes on."""
        if self._has_left:
            return
        self._board.enter(
            self._who, 1_000_000, _SEEN, 'applying', self._pipeline
        )

    def _say_alone(self) -> None:
        self._tell(
            'note',
            id=None,
            message="no worker is at the board; start one: openstack ims "
            f"pipeline worker --board {self._board.address}",
        )

    def _over(self, outstanding: list[_Outstanding]) -> list[_Outstanding]:
        """Return the tasks all of whose actions have ended."""
        wanted = [
            action
            for each in outstanding
            for action in each.tokens
            if action not in each.results
        ]
        found = self._board.items.get(self._pipeline, wanted)
        over = []
        for posted in outstanding:
            now = time.monotonic()
            is_sought = now - posted.sought_at > _LOST / 5
            if is_sought:
                posted.sought_at = now
            for action in posted.tokens:
                if action in posted.results:
                    continue
                result = results.read(found[action])
                if result is not None:
                    posted.results[action] = result
                elif is_sought and self._is_lost(posted, found[action]):
                    posted.results[action] = Result(
                        NotNowError("the board knows nothing of it any more")
                    )
            if len(posted.results) == len(posted.tokens):
                over.append(posted)
        return over

    def _is_lost(self, posted: _Outstanding, item: dict[str, str]) -> bool:
        """Whether an item in flight is nowhere: Redis has lost it."""
        if item.get('state') in scripts.IN_FLIGHT and self._is_there(
            posted, item
        ):
            posted.missing_since = None
            return False
        now = time.monotonic()
        if posted.missing_since is None:
            posted.missing_since = now
        if now - posted.missing_since < _LOST:
            return False
        if item:
            # Whoever posts it next is to begin anew.
            self._board.items.write(
                posted.task.pipeline,
                item.get('id', ''),
                item.get('token', ''),
                state='postponed',
                reason="its task has been lost",
            )
        return True

    def _is_there(self, posted: _Outstanding, item: dict[str, str]) -> bool:
        if item.get('state') == 'waiting':
            return self._board.waits.has(posted.task)
        job = item.get('job') or item.get('posting')
        # Without one, it is about to be posted, or whoever was has gone.
        return job is not None and self._board.ask(
            lambda: self._board.jobs.has(job)
        )

    def _listen(self) -> None:
        """Tell what workers tell."""
        while not self._closed.is_set():
            for place, event in self._board.chronicle.after(self._last, 1.0):
                self._last = place
                if event:
                    self._hear(event)

    def _hear(self, event: dict[str, object]) -> None:
        fields = dict(event['fields'])  # type: ignore[call-overload]
        with self._guard:
            ours = {
                action
                for each in self._outstanding
                if each.task.pipeline == event['pipeline']
                for action in each.tokens
            }
        which = fields.get('id')
        # What is told of sources is told once for all items.
        is_shared = which is None or str(which).startswith('source:')
        if which in ours or (
            is_shared and event['pipeline'] == self._pipeline
        ):
            with contextlib.suppress(TypeError):
                self._tell(str(event['kind']), **fields)


def _together(posted: _Outstanding) -> Result:
    """Return what has become of actions that shared their requests."""
    for each in posted.results.values():
        if each.error is not None:
            return each
    return next(iter(posted.results.values()))
