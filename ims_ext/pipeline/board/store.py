# SPDX-License-Identifier: Apache-2.0
"""The board: what workers and those who apply tell each other in Redis."""

from collections.abc import Callable, Mapping
import contextlib
import json
import secrets
from typing import Any

import ims_ext
from ims_ext import exceptions
from ims_ext.pipeline.board import bundle
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board.address import Address
from ims_ext.pipeline.board.chronicle import Chronicle
from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.board.items import Items
from ims_ext.pipeline.board.redis_store import RedisStore
from ims_ext.pipeline.board.redis_store import as_text
from ims_ext.pipeline.board.waits import Waits
from ims_ext.pipeline.engine import jobboard

#: Seconds that what is known of images is kept.
_BUNDLES = 14 * 24 * 3600


class Board(RedisStore):
    """A board, for all threads of a process.

    :param address: Where it is.
    :param say: Is told in words while it does not answer.
    :ivar jobs: What is to be claimed.
    :ivar items: How far the items are.
    :ivar waits: What is waited for.
    :ivar chronicle: What happens.
    :raises: :class:`.errors.BoardError` where it cannot be used, or is used
        by another version.
    """

    def __init__(
        self,
        address: Address,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        super().__init__(address, say)
        self.jobs = jobboard.JobBoard(
            self.client, self.key('jobs'), data.queue_of
        )
        self.items = Items(self, self.jobs)
        self.waits = Waits(self)
        self.chronicle = Chronicle(self)
        try:
            self.ask(self._check_version)
        except BaseException:
            self.close()
            raise

    # ====== VERSIONS ======

    def _check_version(self) -> None:
        key = self.key('version')
        ours = f'{data.VERSION} {ims_ext.__version__}'
        self.client.set(key, ours, nx=True)
        theirs = as_text(self.client.get(key))
        if theirs == ours:
            return
        if self._workers() or self.client.hlen(self.key('jobs', 'listings')):
            found = exceptions.readable(theirs.partition(' ')[2], 40)
            raise BoardError(
                f"the board {self.address} is used by ims-ext {found}, and "
                f"this is ims-ext {ims_ext.__version__}: install the same "
                "version on all machines, or let its workers end first"
            )
        self.client.set(key, ours)

    # ====== BUNDLES ======

    def keep_bundle(self, content: bytes) -> str:
        """Keep a bundle; return its digest.

        :param content: The bundle.
        """
        digest = bundle.digest(content)
        key = self.key('bundle', digest)
        self.ask(lambda: self.client.set(key, content, ex=_BUNDLES))
        return digest

    def bundle(self, digest: str) -> bytes:
        """Return a bundle.

        :param digest: Its digest.
        :raises: :class:`.data.DataError` where there is none.
        """
        found = self.get('bundle', digest)
        if found is None or bundle.digest(found) != digest:
            raise data.DataError(f"there is no bundle {digest}")
        return found

    # ====== WORKERS ======

    def appear(
        self, worker: str, seconds: float, told: Mapping[str, str]
    ) -> None:
        """Have a worker seen by others.

        :param worker: Its name.
        :param seconds: For how long.
        :param told: What is told of it.
        """
        key = self.key('worker', worker)

        def asked() -> None:
            with self.client.pipeline() as many:
                many.set(key, json.dumps(dict(told)), px=int(seconds * 1000))
                many.sadd(self.key('workers'), worker)
                many.execute()

        self.ask(asked)

    def vanish(self, worker: str) -> None:
        """Have a worker seen no more.

        :param worker: Its name.
        """

        def asked() -> None:
            self.client.delete(self.key('worker', worker))
            self.client.srem(self.key('workers'), worker)

        self.ask(asked)

    def workers(self) -> list[dict[str, str]]:
        """Return what is told of the workers that are there."""
        return self.ask(self._workers)

    def _workers(self) -> list[dict[str, str]]:
        names: Any = self.client.smembers(self.key('workers'))
        found = []
        for each in sorted(as_text(name) for name in names):
            content: Any = self.client.get(self.key('worker', each))
            if content is None:
                self.client.srem(self.key('workers'), each)
                continue
            with contextlib.suppress(data.DataError):
                told = data.read(content)
                if isinstance(told, dict):
                    found.append(
                        {str(k): str(v) for k, v in told.items()}
                        | {'worker': each}
                    )
        return found


def new_token() -> str:
    """Return what an item is posted under."""
    return secrets.token_hex(8)
