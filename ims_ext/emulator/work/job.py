# SPDX-License-Identifier: Apache-2.0
"""The work of a job: its interface, its progress, and its failure."""

import threading
from typing import Any, Protocol

from ims_ext.emulator.state import Job
from ims_ext.error_codes import catalogue


class JobFailure(Exception):
    """A failure that ends a job with the status FAIL.

    :param code: A code of the catalogue.
    :param reason: Words to use instead of the catalogue's.
    """

    def __init__(self, code: str, reason: str | None = None) -> None:
        self.code = code
        self.reason = reason or catalogue[code].meaning
        super().__init__(self.reason)


class Stopped(Exception):
    """The work is left: the emulator stops, or the job is to fail now.

    Where the emulator stops, the job goes on when it starts again.
    """


class Progress:
    """The progress of one job's work, and the sign to leave it.

    :param stopping: Set when the emulator stops.
    """

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._is_abandoned = False
        self.fraction = 0.0

    def abandon(self) -> None:
        """Have the work left, whose result nobody wants any more."""
        self._is_abandoned = True

    def report(self, fraction: float) -> None:
        """Say how much has been done.

        :param fraction: From 0 to 1.
        :raises: :class:`Stopped` where the work has to be left.
        """
        self.fraction = fraction
        if self._is_abandoned or self._stopping.is_set():
            raise Stopped


class Work(Protocol):
    """The work of jobs of one kind.

    All that it has to know is in the job's ``params``: after a restart it
    is carried out again from the beginning.
    """

    def carry_out(self, job: Job, progress: Progress) -> Any:
        """Do what takes time; changes no records.

        :returns: The result, a JSON value, that ``succeed`` gets.
        :raises: :class:`JobFailure`, :class:`Stopped`
        """

    def succeed(self, job: Job, result: Any) -> None:
        """Change the records, together with the job's, when it ends.

        :raises: :class:`JobFailure`
        """

    def fail(self, job: Job) -> None:
        """Change the records, together with the job's, when it fails."""
