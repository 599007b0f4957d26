# SPDX-License-Identifier: Apache-2.0
"""What a worker has: claims, leases and room, renewed while it has them."""

from collections.abc import Callable, Iterator
import contextlib
import threading

from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.board.errors import ClaimLostError
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.engine.jobboard import Posted

#: Seconds between two looks for room.
_PAUSE = 0.3


class Held:
    """Something that is held until it is given back, or lost.

    :param renew: Renews it; says whether it is ours still.
    :param release: Gives it back.
    """

    def __init__(
        self, renew: Callable[[], bool], release: Callable[[], None]
    ) -> None:
        self._renew = renew
        self._release = release
        self._guard = threading.Lock()
        self.is_lost = False

    def check(self) -> None:
        """Make sure that it is ours, and renew it.

        :raises: :class:`.errors.ClaimLostError`
        """
        with self._guard:
            if not self.is_lost and not self._renew():
                self.is_lost = True
            if self.is_lost:
                raise ClaimLostError("another worker has it by now")

    def release(self) -> None:
        """Give it back."""
        with self._guard:
            if not self.is_lost:
                self._release()
            self.is_lost = True


class Holdings:
    """All that a worker holds, renewed by a thread.

    :param board: The board.
    :param who: The worker.
    :param expiry: Seconds until others may have what is not renewed.
    """

    def __init__(self, board: Board, who: str, expiry: float) -> None:
        self.board = board
        self.who = who
        self.expiry = expiry
        self._guard = threading.Lock()
        self._held: set[Held] = set()
        self._rooms: dict[str, Callable[[], bool]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name='ims-renew', daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Renew nothing any more, and give all back."""
        self._closed.set()
        self._thread.join()
        for each in list(self._held):
            with contextlib.suppress(BoardError):
                each.release()

    def claim(self, job: Posted) -> Held | None:
        """Claim a job; return the claim if it is ours now.

        :param job: The job.
        """
        board, who, expiry = self.board, self.who, self.expiry
        # The answer to a claim of ours may have been lost.
        if not board.ask(
            lambda: board.jobs.claim(job, who, expiry)
        ) and not board.ask(lambda: board.jobs.is_owner(job, who)):
            return None
        return self._add(
            lambda: board.ask(lambda: board.jobs.renew(job, who, expiry)),
            lambda: board.ask(lambda: board.jobs.abandon(job, who)),
        )

    def lease(self, *parts: str) -> Held | None:
        """Take what one alone may have; return it if it is ours now.

        :param parts: What it is.
        """

        def renew() -> bool:
            return self.board.hold(self.who, self.expiry, *parts)

        if not renew():
            return None
        return self._add(renew, lambda: self.board.release(self.who, *parts))

    def enter(self, name: str, limit: int, seconds: float, place: str) -> bool:
        """Have room for one more image that is made at a place.

        :param name: What is made.
        :param limit: How many are made there at a time.
        :param seconds: How long the room is kept for what waits.
        :param place: The place.
        :returns: Whether there is room.
        """

        def renew() -> bool:
            return self.board.enter(name, limit, seconds, 'imports', place)

        if not renew():
            return False
        with self._guard:
            self._rooms[name] = renew
        return True

    def leave(self, name: str, place: str, is_waiting: bool) -> None:
        """Renew the room for an image no more.

        :param name: What is made.
        :param place: The place.
        :param is_waiting: Whether its room is needed still.
        """
        with self._guard:
            found = self._rooms.pop(name, None)
        if found is not None and not is_waiting:
            self.board.leave(name, 'imports', place)

    @contextlib.contextmanager
    def room(self, place: str, limit: int) -> Iterator[None]:
        """Enter when there is room: a :class:`~ims_ext.pipeline.gates.Gate`.

        :param place: What has the room.
        :param limit: For how many.
        """
        who = f'{self.who}/{threading.get_ident()}'

        def renew() -> bool:
            return self.board.enter(who, limit, self.expiry, 'uploads', place)

        while not renew():
            if self._closed.wait(_PAUSE):
                raise ClaimLostError("this worker ends")
        held = self._add(
            renew, lambda: self.board.leave(who, 'uploads', place)
        )
        try:
            yield
        finally:
            self.give_back(held)

    def give_back(self, held: Held) -> None:
        """Give something back.

        :param held: What is held.
        """
        with self._guard:
            self._held.discard(held)
        held.release()

    def forget(self, held: Held) -> None:
        """Renew something no more: it has gone.

        :param held: What was held.
        """
        with self._guard:
            self._held.discard(held)

    def _add(
        self, renew: Callable[[], bool], release: Callable[[], None]
    ) -> Held:
        held = Held(renew, release)
        with self._guard:
            self._held.add(held)
        return held

    def _run(self) -> None:
        while not self._closed.wait(self.expiry / 4):
            # Where the board is lost, whoever needs it will say so.
            with contextlib.suppress(BoardError):
                self._renew()

    def _renew(self) -> None:
        with self._guard:
            held, rooms = list(self._held), list(self._rooms.values())
        for each in held:
            try:
                each.check()
            except ClaimLostError:
                self.forget(each)
        for renew in rooms:
            renew()
