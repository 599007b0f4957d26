# SPDX-License-Identifier: Apache-2.0
"""Threads that neither an interruption nor a process's end waits for.

Those of :mod:`concurrent.futures` are waited for, by a process that ends
too: for minutes, where a server has stalled.
"""

from collections.abc import Callable
from concurrent import futures
import queue
import threading
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar('T')


class Workers:
    """Threads that do what is submitted, in that order.

    Use it in a ``with`` statement: at its end, they end when they have done
    what they are at; nobody waits for that.

    :param count: How many at most.
    :param name: What they are called.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._started = 0
        self._work: queue.SimpleQueue[Callable[[], None] | None] = (
            queue.SimpleQueue()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for _ in range(self._started):
            self._work.put(None)

    def submit(
        self, function: Callable[..., T], *args: Any
    ) -> futures.Future[T]:
        """Have a function called.

        :param function: The function.
        :param args: What it is called with.
        :returns: What it will have returned.
        """
        future: futures.Future[T] = futures.Future()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = function(*args)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self._work.put(call)
        if self._started < self._count:
            self._started += 1
            threading.Thread(
                target=self._run,
                name=f'{self._name}-{self._started}',
                daemon=True,
            ).start()
        return future

    def _run(self) -> None:
        while (call := self._work.get()) is not None:
            call()
