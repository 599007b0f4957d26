# SPDX-License-Identifier: Apache-2.0
"""What happens at a board: told to those who follow, and kept."""

from collections.abc import Iterator, Mapping
import contextlib
import time
from typing import Any

from ims_ext.pipeline.board import data
from ims_ext.pipeline.board.redis_store import RedisStore
from ims_ext.pipeline.board.redis_store import as_text

#: Events that are kept for those who follow, and of each run.
_MOST_EVENTS, _MOST_OF_RUN = 20_000, 200_000
#: Seconds that runs are kept.
_RUNS = 30 * 24 * 3600


class Chronicle:
    """What happens at a board.

    :param store: Where it is kept.
    """

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def tell(self, event: Mapping[str, Any]) -> None:
        """Tell all who follow.

        :param event: What has happened.
        """
        content = data.write(event)
        self._store.ask(
            lambda: self._store.client.xadd(
                self._store.key('events'),
                {'event': content},
                maxlen=_MOST_EVENTS,
                approximate=True,
            )
        )

    def last(self) -> str:
        """Return the place after the last event."""
        found: Any = self._store.ask(
            lambda: self._store.client.xrevrange(
                self._store.key('events'), count=1
            )
        )
        return as_text(found[0][0]) if found else '0-0'

    def after(
        self, after: str, seconds: float
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give the events after a place, with their places.

        :param after: The place.
        :param seconds: How long to wait for the first.
        """
        key = self._store.key('events')
        found: Any = self._store.ask(
            lambda: self._store.client.xread(
                {key: after}, count=500, block=int(seconds * 1000)
            )
        )
        for _, entries in _pairs(found):
            for place, fields in entries:
                with contextlib.suppress(data.DataError):
                    event = data.read((fields or {}).get(b'event', b''))
                    data.check('event', event)
                    yield as_text(place), event
                    continue
                yield as_text(place), {}

    # ====== RUNS ======

    def keep(self, run: str, event: Mapping[str, Any]) -> None:
        """Keep an event of a run, for those who ask for its report.

        :param run: The run's ID.
        :param event: The event.
        """
        key = self._store.key('run', run)

        def asked() -> None:
            with self._store.client.pipeline(transaction=False) as many:
                many.rpush(key, data.write(event))
                many.ltrim(key, -_MOST_OF_RUN, -1)
                many.expire(key, _RUNS)
                many.zadd(self._store.key('runs'), {run: time.time()})
                many.execute()

        self._store.ask(asked)

    def runs(self) -> list[str]:
        """Return the IDs of the runs, the newest first."""
        key = self._store.key('runs')
        self._store.ask(
            lambda: self._store.client.zremrangebyscore(
                key, '-inf', time.time() - _RUNS
            )
        )
        found: Any = self._store.ask(
            lambda: self._store.client.zrange(key, 0, -1)
        )
        return sorted((as_text(each) for each in found), reverse=True)

    def events_of(self, run: str) -> list[dict[str, Any]]:
        """Return the events of a run.

        :param run: The run's ID.
        """
        key = self._store.key('run', run)
        found: Any = self._store.ask(
            lambda: self._store.client.lrange(key, 0, -1)
        )
        return [data.read(each) for each in found]


def _pairs(found: Any) -> list[Any]:
    """Return the answer to a reading of streams, whatever its form."""
    if isinstance(found, dict):
        # As RESP3 has it: lists of entries, in a list of one.
        return [(key, each[0]) for key, each in found.items()]
    return list(found or ())
