# SPDX-License-Identifier: Apache-2.0
"""How many do something at a time: uploads to a target."""

import contextlib
import threading
from typing import Protocol


class Gate(Protocol):
    """Lets so many in at a time."""

    def __call__(
        self, place: str, limit: int
    ) -> contextlib.AbstractContextManager[object]:
        """Return what is entered as soon as there is room.

        :param place: What has the room.
        :param limit: For how many.
        """


class Gates:
    """Lets so many threads of this process in at a time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._gates: dict[str, threading.Semaphore] = {}

    def __call__(
        self, place: str, limit: int
    ) -> contextlib.AbstractContextManager[object]:
        """Return what is entered as soon as there is room."""
        with self._guard:
            return self._gates.setdefault(place, threading.Semaphore(limit))
