# SPDX-License-Identifier: Apache-2.0
"""What is waited for, by the place where the cloud is at it."""

from typing import Any

from ims_ext.pipeline.board import data
from ims_ext.pipeline.board.redis_store import RedisStore
from ims_ext.pipeline.board.redis_store import as_text


class Waits:
    """What is waited for.

    :param store: Where that is.
    """

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def add(self, wait: data.Wait) -> None:
        """Have a making waited for by the watcher of its place.

        :param wait: What is waited for.
        """
        task = wait.task
        content = data.write(wait.as_json())

        def asked() -> None:
            with self._store.client.pipeline() as many:
                many.hset(
                    self._store.key('waiting', task.place),
                    f'{task.pipeline}:{task.name}',
                    content,
                )
                many.sadd(self._store.key('places'), task.place)
                many.execute()

        self._store.ask(asked)

    def places(self) -> list[str]:
        """Return the places where something is waited for."""
        found: Any = self._store.ask(
            lambda: self._store.client.smembers(self._store.key('places'))
        )
        return sorted(as_text(each) for each in found)

    def at(self, place: str) -> dict[str, bytes]:
        """Return what is waited for at a place, by its names.

        :param place: The place.
        """
        key = self._store.key('waiting', place)
        found: Any = self._store.ask(lambda: self._store.client.hgetall(key))
        if not found:
            self._store.ask(
                lambda: self._store.client.srem(
                    self._store.key('places'), place
                )
            )
            if self._store.ask(lambda: self._store.client.exists(key)):
                # Something has come between the two.
                self._store.ask(
                    lambda: self._store.client.sadd(
                        self._store.key('places'), place
                    )
                )
        return {as_text(name): content for name, content in found.items()}

    def has(self, task: data.Task) -> bool:
        """Whether a task is waited for.

        :param task: The task.
        """
        return bool(
            self._store.ask(
                lambda: self._store.client.hexists(
                    self._store.key('waiting', task.place),
                    f'{task.pipeline}:{task.name}',
                )
            )
        )

    def remove(self, place: str, name: str) -> None:
        """Wait for something no more.

        :param place: The place.
        :param name: Its name there.
        """
        self._store.ask(
            lambda: self._store.client.hdel(
                self._store.key('waiting', place), name
            )
        )
