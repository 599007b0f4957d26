# SPDX-License-Identifier: Apache-2.0
"""The gate that requests go through, shut while what is behind it changes."""

from collections.abc import Callable, Iterable, Iterator
import contextlib
import threading
from typing import Any, Protocol
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator.connection import Admission

#: The longest that those are waited for who are being answered, in seconds.
PATIENCE = 30.0


class Behind(Protocol):
    """What is behind the gate."""

    @property
    def application(self) -> WSGIApplication:
        """What answers requests."""

    @property
    def admission(self) -> Admission:
        """What is taken in of them."""


class Gate:
    """An application, and an admission, that can be exchanged.

    :param behind: Gives what is behind it now.
    """

    def __init__(self, behind: Callable[[], Behind]) -> None:
        self._behind = behind
        self._changed = threading.Condition()
        self._is_shut = False
        self._inside = 0

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request, once the gate is open."""
        with self._changed:
            if self._is_shut:
                self._changed.wait_for(lambda: not self._is_shut)
            self._inside += 1
        try:
            return self._behind().application(environ, start_response)
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            # Only who has shut it waits for that.
            if self._is_shut:
                self._changed.notify_all()

    def body_limit(self, environ: WSGIEnvironment) -> int:
        """Return how many bytes a body may have."""
        return self._behind().admission.body_limit(environ)

    def body_buffer(self, environ: WSGIEnvironment) -> Any:
        """Return what keeps a body; ``None`` for what waitress has."""
        return self._behind().admission.body_buffer(environ)

    def is_known(self, environ: WSGIEnvironment) -> bool:
        """Whether a request is somebody's."""
        with self._changed:
            # Nobody is known while it is shut: connections are not to wait.
            if self._is_shut:
                return False
            self._inside += 1
        try:
            return self._behind().admission.is_known(environ)
        finally:
            self._leave()

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Let nobody through for the length of a block.

        It begins when those have been answered that went through before, or
        after :data:`PATIENCE`.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_shut)
            self._is_shut = True
            self._changed.wait_for(lambda: not self._inside, PATIENCE)
        try:
            yield
        finally:
            with self._changed:
                self._is_shut = False
                self._changed.notify_all()
