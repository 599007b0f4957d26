# SPDX-License-Identifier: Apache-2.0
"""The items of a board: posted, taken, and how far they are."""

from collections.abc import Iterable, Iterator, Mapping
import functools
import time
from typing import Any

from ims_ext.pipeline.board import data
from ims_ext.pipeline.board import scripts
from ims_ext.pipeline.board.redis_store import WEEK
from ims_ext.pipeline.board.redis_store import RedisStore
from ims_ext.pipeline.board.redis_store import as_text
from ims_ext.pipeline.engine.jobboard import JobBoard

#: Items that are asked for at once.
_AT_ONCE = 500


class Items:
    """The items of a board.

    :param store: Where they are.
    :param jobs: What workers claim from.
    """

    def __init__(self, store: RedisStore, jobs: JobBoard) -> None:
        self._store = store
        self._jobs = jobs
        client = store.client
        self._begin = client.register_script(scripts.BEGIN)
        self._take = client.register_script(scripts.TAKE)
        self._write = client.register_script(scripts.WRITE)

    def begin(self, task: data.Task, now: float) -> dict[str, str]:
        """Have the items of a task in flight, unless they are.

        :param task: The task.
        :param now: When, in seconds since 1970.
        :returns: The token that is in force, by the action's ID.
        """
        found = {}
        for action, token in task.actions:
            item = self._item(task.pipeline, action.id)
            fields = {
                'pipeline': task.pipeline,
                'id': action.id,
                'action': str(action.kind),
                'image': action.item.image,
                'version': action.item.version,
                'target': action.item.target,
                'run': task.run,
                'since': f'{now:.3f}',
            }
            given = [
                token,
                *(each for pair in fields.items() for each in pair),
            ]
            found[action.id] = as_text(
                self._store.ask(
                    lambda item=item, given=given: self._begin(  # type: ignore[misc]
                        keys=[item], args=given
                    )
                )
            )
            self._store.ask(
                lambda item=item: self._store.client.zadd(  # type: ignore[misc]
                    self._store.key('items'), {item: now}
                )
            )
        return found

    def post(self, task: data.Task) -> None:
        """Post a task, whose items are in flight.

        :param task: The task.
        """
        job_id = self._store.ask(
            lambda: self._jobs.post(task.name, task.as_json())
        )
        for action, token in task.actions:
            self.write(task.pipeline, action.id, token, posting=job_id)

    def take(
        self, task: data.Task, job_id: str, worker: str, now: float
    ) -> frozenset[str]:
        """Take a task's items for a job; return the actions that are ours.

        :param task: The task.
        :param job_id: The job that was claimed.
        :param worker: Who has claimed it.
        :param now: When, in seconds since 1970.
        """
        return frozenset(
            action.id
            for action, token in task.actions
            if self._store.ask(
                lambda action=action, token=token: self._take(  # type: ignore[misc]
                    keys=[self._item(task.pipeline, action.id)],
                    args=[token, job_id, worker, f'{now:.3f}'],
                )
            )
        )

    def write(
        self, pipeline: str, action: str, token: str, **fields: str
    ) -> bool:
        """Write down how far an item is; say whether it is ours to say.

        :param pipeline: The manifest's name.
        :param action: The action's ID.
        :param token: What it was posted under.
        :param fields: What to write: ``state``, ``reason``.
        """
        item = self._item(pipeline, action)
        given = [token, *_flat(fields)]
        done = self._store.ask(lambda: self._write(keys=[item], args=given))
        if fields.get('state', 'posted') not in scripts.IN_FLIGHT:
            self._store.ask(lambda: self._store.client.expire(item, WEEK))
        return bool(done)

    def get(
        self, pipeline: str, actions: Iterable[str]
    ) -> dict[str, dict[str, str]]:
        """Return what is known of items, by the actions' IDs.

        :param pipeline: The manifest's name.
        :param actions: The actions' IDs.
        """
        wanted = list(actions)
        return dict(
            zip(
                wanted,
                self._hashes([self._item(pipeline, e) for e in wanted]),
                strict=True,
            )
        )

    def all(self) -> list[dict[str, str]]:
        """Return what is known of all items, the latest first."""
        return list(self._all())

    def in_flight(self, pipeline: str) -> int:
        """Return how many items of a pipeline somebody is at work on.

        :param pipeline: The manifest's name.
        """
        return sum(
            each.get('pipeline') == pipeline
            and each.get('state') in scripts.IN_FLIGHT
            for each in self._all()
        )

    def _all(self) -> Iterator[dict[str, str]]:
        """Give what is known of all items, some of them at a time."""
        key = self._store.key('items')
        self._store.ask(
            lambda: self._store.client.zremrangebyscore(
                key, '-inf', time.time() - WEEK
            )
        )
        names: list[Any] = self._store.ask(
            lambda: self._store.client.zrevrange(key, 0, -1)
        )
        return (each for each in self._hashes(map(as_text, names)) if each)

    def _hashes(self, names: Iterable[str]) -> Iterator[dict[str, str]]:
        wanted = list(names)

        def asked(some: list[str]) -> list[Any]:
            with self._store.client.pipeline(transaction=False) as many:
                for each in some:
                    many.hgetall(each)
                return many.execute()

        for begin in range(0, len(wanted), _AT_ONCE):
            some = wanted[begin : begin + _AT_ONCE]
            for each in self._store.ask(functools.partial(asked, some)):
                yield {
                    as_text(key): as_text(value) for key, value in each.items()
                }

    def _item(self, pipeline: str, action: str) -> str:
        return self._store.key('item', pipeline, action)


def _flat(fields: Mapping[str, str]) -> Iterator[str]:
    for pair in fields.items():
        yield from pair
