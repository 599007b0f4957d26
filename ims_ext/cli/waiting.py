# SPDX-License-Identifier: Apache-2.0
"""Says of a command that waits for the cloud that it does so."""

from collections.abc import Iterator
import contextlib
import sys
import threading
from typing import TextIO
import weakref

from ims_ext import exceptions
from ims_ext.transport import failures
from ims_ext.transport import retry
from ims_ext.transport import silence

#: Seconds of waiting before anything is said of it.
_FIRST = 3.0
#: Seconds between two looks for a service that does not answer at all.
_LOOK = 0.5
#: Seconds until it is said again.
_AGAIN = 15.0


@contextlib.contextmanager
def telling(stream: TextIO | None = None) -> Iterator[None]:
    """Say on standard error what is asked again for long, whatever ``-v`` is.

    :param stream: In place of standard error.
    """
    teller = _Teller(stream)
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(_LOOK):
            teller.tell_silences()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        with retry.listening(teller.tell):
            yield
    finally:
        is_over.set()
        thread.join()


class _Teller:
    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        #: When each of the attempts is told of next, in its own seconds.
        self._due: weakref.WeakKeyDictionary[retry.Attempts, float] = (
            weakref.WeakKeyDictionary()
        )
        #: When each of the silences is told of next.
        self._next: weakref.WeakKeyDictionary[silence.Silence, float] = (
            weakref.WeakKeyDictionary()
        )

    def tell(
        self, attempts: retry.Attempts, failure: failures.Failure, pause: float
    ) -> None:
        until = attempts.seconds + pause
        if until < self._due.get(attempts, _FIRST):
            return
        self._due[attempts] = until + _AGAIN
        self._say(
            f"Still waiting for the cloud "
            f"({exceptions.readable(failure.reason, 200)}; {attempts}); "
            f"asking again in {pause:.0f} seconds, for "
            f"{attempts.left(failure):.0f} at most"
        )

    def tell_silences(self) -> None:
        """Tell of what has not answered for long."""
        for each in silence.now():
            if each.seconds < self._next.get(each, _FIRST):
                continue
            self._next[each] = each.seconds + _AGAIN
            limit = "" if each.limit is None else f"; {each.limit:.0f} at most"
            self._say(
                f"Waiting for {exceptions.readable(each.what, 200)}, which "
                f"has not answered for {each.seconds:.0f} seconds{limit}"
            )

    def _say(self, words: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(
                f"{words}; Ctrl-C ends it",
                file=self._stream or sys.stderr,
                flush=True,
            )
