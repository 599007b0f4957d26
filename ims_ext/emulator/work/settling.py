# SPDX-License-Identifier: Apache-2.0
"""Effects that come later than the answer, as with the real services."""

from collections.abc import Callable
import dataclasses
import logging
import threading

LOG = logging.getLogger(__name__)

#: Seconds that a delay may have at most.
LONGEST = 86400.0


@dataclasses.dataclass(frozen=True)
class Delays:
    """Seconds from an answer to what it has acknowledged.

    :ivar upload: Until an image that got its data is active: for half of
        them it is ``queued``, then ``saving``.
    :ivar delete: Until a deleted image is not shown and listed any more.
    """

    upload: float = 0.0
    delete: float = 0.0

    @classmethod
    def parse(cls, text: str) -> dict[str, float]:
        """Read ``upload=0.5,delete=2``.

        :raises: :class:`ValueError` with what is wrong.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        found: dict[str, float] = {}
        for pair in text.split(','):
            name, _, value = pair.partition('=')
            if name not in names:
                raise ValueError(
                    f"{name!r} cannot be delayed; {' and '.join(names)} can"
                )
            try:
                seconds = float(value)
            except ValueError:
                seconds = -1.0
            if not 0 <= seconds <= LONGEST:
                raise ValueError(
                    f"{name} is delayed by 0 to {LONGEST:.0f} seconds, not "
                    f"by {value!r}"
                )
            found[name] = seconds
        return found


class Settling:
    """What has been acknowledged, and takes effect later."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._timers: dict[threading.Timer, Callable[[], None]] = {}

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, or at once.

        :param seconds: When; 0 for at once.
        :param action: What is done.
        """
        if not seconds:
            action()
            return
        timer = threading.Timer(seconds, lambda: self._run(timer))
        timer.daemon = True
        with self._guard:
            self._timers[timer] = action
        timer.start()

    def _run(self, timer: threading.Timer) -> None:
        # Each is done once: by its timer, or at the end.
        with self._guard:
            action = self._timers.pop(timer, None)
        if action is None:
            return
        try:
            action()
        except Exception:
            LOG.exception("An effect did not come")

    def stop(self) -> None:
        """Do now what would have been done later."""
        with self._guard:
            timers = list(self._timers)
        for timer in timers:
            timer.cancel()
            self._run(timer)
