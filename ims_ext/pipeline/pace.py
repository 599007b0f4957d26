# SPDX-License-Identifier: Apache-2.0
"""How many requests a second a target gets."""

import abc
import contextlib
import threading
import time

from ims_ext.pipeline.manifest import model

#: Seconds whose requests may go at once after a pause.
BURST = 1.0


class Pace(contextlib.AbstractContextManager[None]):
    """Has requests wait: each is sent within a ``with`` block."""

    def __enter__(self) -> None:
        pause = self.reserve()
        if pause > 0:
            time.sleep(pause)

    def __exit__(self, *_exception: object) -> None:
        return None

    @abc.abstractmethod
    def reserve(self) -> float:
        """Reserve a request's time; return the seconds until then."""


class OwnPace(Pace):
    """The requests of this process.

    :param rate: Requests a second at most.
    """

    def __init__(self, rate: float) -> None:
        self._step = 1 / rate
        self._guard = threading.Lock()
        self._next = 0.0

    def reserve(self) -> float:
        """Reserve a request's time; return the seconds until then."""
        with self._guard:
            now = time.monotonic()
            # What was not used for a while is lost, but for a second's.
            self._next = max(self._next, now - BURST) + self._step
            return self._next - now


class Paces:
    """The paces of targets: one a place, whatever it is called."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._paces: dict[str, Pace] = {}

    def __call__(self, target: model.Target) -> Pace:
        """Return a target's pace.

        :param target: The target.
        """
        with self._guard:
            found = self._paces.get(target.place)
            if found is None:
                found = self._paces[target.place] = self.made(target)
            return found

    def made(self, target: model.Target) -> Pace:
        """Return a new pace for a target.

        :param target: The target.
        """
        return OwnPace(target.limits.requests_per_second)
