# SPDX-License-Identifier: Apache-2.0
"""Threads that neither an interruption nor a process's end waits for.

Those of :mod:`concurrent.futures` are waited for, by a process that ends
too: for minutes, where a server has stalled.
"""

from collections.abc import Callable
from concurrent import futures
import contextvars
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
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        #: Functions that are being called, or are to be.
        self._pending = 0
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
        for _ in self._threads:
            self._work.put(None)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the threads have ended, after the ``with`` statement.

        :param timeout: Seconds to wait for each at most.
        """
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout)

    def submit(
        self, function: Callable[..., T], *args: Any
    ) -> futures.Future[T]:
        """Have a function called, in the caller's context.

        It is called at once where no thread can be had: there are too many,
        or the interpreter is ending.

        :param function: The function.
        :param args: What it is called with.
        :returns: What it will have returned.
        """
        future: futures.Future[T] = futures.Future()
        context = contextvars.copy_context()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = context.run(function, *args)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            self._pending += 1
            wanted = min(self._pending, self._count)
        self._work.put(call)
        if len(self._threads) < wanted:
            self._start_thread()
        if not self._threads:
            self._work.put(None)
            self._run()
        return future

    def _start_thread(self) -> None:
        thread = threading.Thread(
            target=self._run,
            name=f'{self._name}-{len(self._threads) + 1}',
            daemon=True,
        )
        # Known before it starts: it may cause an interruption of that.
        self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.remove(thread)

    def _run(self) -> None:
        while (call := self._work.get()) is not None:
            call()
            with self._lock:
                self._pending -= 1
