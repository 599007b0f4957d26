# SPDX-License-Identifier: Apache-2.0
"""Says of a command that asks again and again that it does so."""

from collections.abc import Iterator
import contextlib
import sys
from typing import TextIO
import weakref

from ims_ext import exceptions
from ims_ext.transport import failures
from ims_ext.transport import retry

#: Seconds of asking again before anything is said of it.
_FIRST = 3.0
#: Seconds until it is said again.
_AGAIN = 15.0


@contextlib.contextmanager
def telling(stream: TextIO | None = None) -> Iterator[None]:
    """Say on standard error what is asked again for long, whatever ``-v`` is.

    :param stream: In place of standard error.
    """
    with retry.listening(_Teller(stream).tell):
        yield


class _Teller:
    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        #: When each of the attempts is told of next, in its own seconds.
        self._due: weakref.WeakKeyDictionary[retry.Attempts, float] = (
            weakref.WeakKeyDictionary()
        )

    def tell(
        self, attempts: retry.Attempts, failure: failures.Failure, pause: float
    ) -> None:
        until = attempts.seconds + pause
        if until < self._due.get(attempts, _FIRST):
            return
        self._due[attempts] = until + _AGAIN
        with contextlib.suppress(OSError, ValueError):
            print(
                f"Still waiting for the cloud "
                f"({exceptions.readable(failure.reason, 200)}; {attempts}); "
                f"asking again in {pause:.0f} seconds, for "
                f"{attempts.left(failure):.0f} at most; Ctrl-C ends it",
                file=self._stream or sys.stderr,
                flush=True,
            )
