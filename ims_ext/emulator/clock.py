# SPDX-License-Identifier: Apache-2.0
"""The emulator's time: the machine's, and by how much it was advanced.

All that the emulator does by time goes by one :class:`Clock`, so that a day
can pass at once: tokens and keys end, jobs too, ages grow, and effects that
are to come later are due.

Clients keep the machine's time, and sign and date their requests by it.
"""

from collections.abc import Callable
import re
import threading
import time

#: The longest that a clock is advanced at once, in seconds: 10 years.
LONGEST = 10 * 366 * 86400.0
#: The latest time, in seconds since 1970, that a clock can be advanced to:
#: the year 2200.
LATEST = 7258118400.0

_UNITS = {'d': 86400, 'h': 3600, 'm': 60, 's': 1}
_NUMBER = r'\d{1,12}(?:\.\d{1,9})?'
_DURATION = re.compile(rf'(?:{_NUMBER}[dhms])+')
_PART = re.compile(rf'({_NUMBER})([dhms])')


def duration(value: float | str) -> float:
    """Return how many seconds a duration has.

    :param value: Seconds, or a text: ``90``, ``90s``, ``15m``, ``2h``,
        ``1d``, ``1h30m``.
    :raises: :class:`ValueError` with what a duration may be.
    """
    seconds: float | None = None
    if isinstance(value, str):
        text = value.strip().lower()
        if re.fullmatch(_NUMBER, text):
            seconds = float(text)
        elif _DURATION.fullmatch(text):
            seconds = sum(
                float(number) * _UNITS[unit]
                for number, unit in _PART.findall(text)
            )
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    # What is no number is not within any bounds either.
    if seconds is None or not 0 <= seconds <= LONGEST:
        raise ValueError(
            "A duration is a number of seconds, or a text like 90s, 15m, 2h, "
            f"1d or 1h30m, up to ten years, not {value!r}"
        )
    return seconds


class Clock:
    """A clock that goes with the machine's, and can be advanced.

    Called, it gives the time in seconds since 1970.

    :param machine: Gives the machine's time, in seconds since 1970.
    """

    def __init__(self, machine: Callable[[], float] = time.time) -> None:
        self.machine = machine
        self._lock = threading.Lock()
        self._advanced = 0.0
        #: The machine's time of each advance, and the sum until then.
        self._history: list[tuple[float, float]] = []
        self._listeners: list[Callable[[], None]] = []

    def __call__(self) -> float:
        """Return the emulator's time, in seconds since 1970."""
        return self.machine() + self._advanced

    @property
    def advanced(self) -> float:
        """The seconds that it is ahead of the machine's clock."""
        return self._advanced

    def advance(self, by: float | str) -> float:
        """Let time pass at once; return the new time in seconds since 1970.

        What is due by then has happened when this returns, except for work
        that takes its own time: a job still has to read its object.

        :param by: A duration, as of :func:`duration`.
        :raises: :class:`ValueError` for one that is none, or that leads
            beyond the year 2200.
        """
        seconds = duration(by)
        with self._lock:
            machine = self.machine()
            if machine + self._advanced + seconds > LATEST:
                raise ValueError("The clock ends with the year 2199")
            self._history.append((machine, self._advanced))
            self._advanced += seconds
        self._tell()
        return self()

    def set_advanced(self, seconds: float) -> None:
        """Be this far ahead of the machine's clock, as if ever since.

        :param seconds: How far; 0 for the machine's time.
        """
        with self._lock:
            self._advanced = seconds
            self._history.clear()
        self._tell()

    def as_of(self, machine: float) -> float:
        """Return what it showed at a moment that a client names.

        :param machine: The moment by the machine's clock, in seconds since
            1970; one that is to come is taken as if nobody advances it.
        """
        with self._lock:
            for moment, advanced in self._history:
                # Clients name whole seconds: one in which it was advanced
                # counts as after that.
                if machine < int(moment):
                    return machine + advanced
            return machine + self._advanced

    def skew(self, moment: float) -> float:
        """Return how far off a client's time is, in seconds.

        A client goes by the machine's clock, or has learnt ours.

        :param moment: The client's time, in seconds since 1970.
        """
        now = self.machine()
        return min(abs(now - moment), abs(now + self._advanced - moment))

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have a function called after each advance.

        :param listener: Takes nothing; returns when what is due has
            happened. Whoever advances the clock waits for it.
        :returns: Ends that.
        """
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return end

    def _tell(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for each in listeners:
            each()
