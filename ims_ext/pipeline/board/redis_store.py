# SPDX-License-Identifier: Apache-2.0
"""Redis as a board uses it: keys, what is held, and room for so many."""

from collections.abc import Callable
import time
from typing import Any, TypeVar

from ims_ext.closing import Closing
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board import scripts
from ims_ext.pipeline.board.address import Address
from ims_ext.pipeline.board.line import Line

T = TypeVar('T')

#: Seconds that what is put there is kept.
WEEK = 7 * 24 * 3600
#: Bytes of what is read in one piece.
_LONGEST = 16 * 1024**2


class RedisStore(Closing):
    """What is in a Redis, for all threads of a process.

    Each method asks again while it does not answer.

    :param address: Where it is.
    :param say: Is told in words while it does not answer.
    :ivar address: Where it is.
    :ivar client: The connection; see :meth:`ask`.
    """

    def __init__(
        self,
        address: Address,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.address = address
        self._line = Line(address, say)
        self.client = self._line.client
        self._keep = self.client.register_script(scripts.KEEP)
        self._enter = self.client.register_script(scripts.ENTER)
        self._reserve = self.client.register_script(scripts.RESERVE)

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def ask(self, question: Callable[[], T]) -> T:
        """Return what the board answers, asking until it does.

        :param question: Asks; it may be called several times.
        """
        return self._line.ask(question)

    def key(self, *parts: str) -> str:
        """Return the name of a key.

        :param parts: What it is about.
        """
        return ':'.join((self.address.prefix, *parts))

    def get(self, *parts: str) -> bytes | None:
        """Return the content of a key.

        :param parts: The key.
        """
        found: Any = self.ask(lambda: self.client.get(self.key(*parts)))
        if found is not None and len(found) > _LONGEST:
            raise data.DataError("it is too long")
        return found  # type: ignore[no-any-return]

    def put(self, content: bytes, *parts: str) -> None:
        """Keep the content of a key, for a week.

        :param content: The content.
        :param parts: The key.
        """
        key = self.key(*parts)
        self.ask(lambda: self.client.set(key, content, ex=WEEK))

    def drop(self, *parts: str) -> None:
        """Forget a key.

        :param parts: The key.
        """
        self.ask(lambda: self.client.delete(self.key(*parts)))

    # ====== WHO MAY DO WHAT ======

    def hold(self, who: str, seconds: float, *parts: str) -> bool:
        """Take something that one alone may have, or renew it.

        :param who: Who takes it.
        :param seconds: For how long.
        :param parts: What it is.
        :returns: Whether it is ours.
        """
        return bool(
            self.ask(
                lambda: self._keep(
                    keys=[self.key(*parts)], args=[who, int(seconds * 1000)]
                )
            )
        )

    def release(self, who: str, *parts: str) -> None:
        """Give something back that one alone may have.

        :param who: Who gives it.
        :param parts: What it is.
        """
        self.ask(lambda: self._keep(keys=[self.key(*parts)], args=[who, 0]))

    def enter(self, who: str, limit: int, seconds: float, *parts: str) -> bool:
        """Take room that so many have at a time, or renew it.

        :param who: Who takes it.
        :param limit: How many have room.
        :param seconds: For how long.
        :param parts: What the room is for.
        :returns: Whether there was room.
        """
        return bool(
            self.ask(
                lambda: self._enter(
                    keys=[self.key(*parts)],
                    args=[who, limit, int(seconds * 1000)],
                )
            )
        )

    def leave(self, who: str, *parts: str) -> None:
        """Give room back.

        :param who: Who gives it.
        :param parts: What the room is for.
        """
        self.ask(lambda: self.client.zrem(self.key(*parts), who))

    def reserve(self, place: str, rate: float, burst: float) -> float:
        """Reserve a request's time; return the seconds until then.

        :param place: Where the request goes.
        :param rate: Requests a second.
        :param burst: Seconds whose requests may go at once.
        """
        micro: Any = self._reserve(
            keys=[self.key('pace', place)],
            args=[int(1e6 / rate), int(burst * 1e6)],
        )
        return float(micro) / 1e6

    def count(self, *parts: str) -> int:
        """Return how many have room.

        :param parts: What the room is for.
        """
        key = self.key(*parts)
        now = time.time() * 1000
        found: Any = self.ask(lambda: self.client.zcount(key, now, '+inf'))
        return int(found)


def as_text(found: Any) -> str:
    """Return what Redis has told as text.

    :param found: What it has told.
    """
    if isinstance(found, bytes):
        return found.decode('utf-8', 'replace')
    return str(found or '')
