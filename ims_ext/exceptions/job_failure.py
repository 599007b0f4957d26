# SPDX-License-Identifier: Apache-2.0
"""Jobs that failed, or have not ended in time."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from openstack import exceptions as sdk_exceptions

from ims_ext.exceptions import refusal
from ims_ext.exceptions.rebuilt import Rebuilt

#: Jobs that a message names at most.
_MOST_NAMED = 10


class LookedAtJob(Protocol):
    """A :class:`~ims_ext.extension.job.Job`, as far as messages tell it."""

    @property
    def id(self) -> Any:
        """Its ID, if it has one."""

    @property
    def label(self) -> str:
        """Its ID, or what it works on."""

    @property
    def job_type(self) -> Any:
        """The type of the job."""

    @property
    def status(self) -> Any:
        """The status of the job."""

    @property
    def failure(self) -> tuple[str | None, str | None]:
        """Code and reason of what went wrong."""


class JobFailedError(Rebuilt, sdk_exceptions.ResourceFailure):
    """A job that ended in FAIL.

    :ivar job: The :class:`~ims_ext.extension.job.Job` as last seen, sub-jobs
        included.
    :ivar code: The job's error code, or ``None``.
    :ivar reason: The cloud's words for what went wrong, or ``None``.
    :ivar advice: The catalogue's advice for the code, or ``None``.
    """

    # By the name that everybody catches it by.
    __module__ = 'ims_ext.exceptions'

    def __init__(self, job: LookedAtJob) -> None:
        # To callers, it is all of the job.
        self.job: Any = job
        self._arguments = (job,)
        code, reason = job.failure
        self.code = code
        self.reason = reason
        self.advice = refusal.advice(code)
        super().__init__(
            refusal.sentence(
                f"Job {job.label} ({job.job_type or 'unknown type'}) failed",
                code,
                reason,
                self.advice,
            )
        )


class JobTimeoutError(Rebuilt, sdk_exceptions.ResourceTimeout):
    """Jobs that were still running when the caller's time was up.

    :ivar jobs: The :class:`~ims_ext.extension.job.Job` objects as last seen;
        they go on in the cloud.
    """

    # By the name that everybody catches it by.
    __module__ = 'ims_ext.exceptions'

    def __init__(self, jobs: Sequence[LookedAtJob], timeout: float) -> None:
        self.jobs: list[Any] = list(jobs)
        self._arguments = (self.jobs, timeout)
        several = len(self.jobs) > 1
        states = ', '.join(
            f"{job.label} ({job.status or 'not seen yet'})"
            for job in self.jobs
        )
        super().__init__(
            f"After {timeout:g} seconds, {len(self.jobs)} jobs have not "
            f"ended: {states}; they go on in the cloud{_to_go_on(jobs)}"
            if several
            else f"After {timeout:g} seconds, the job {states} has not "
            f"ended; it goes on in the cloud{_to_go_on(jobs)}"
        )


def left_behind(jobs: Sequence[LookedAtJob]) -> str:
    """Return what is said of jobs that nobody waits for any more.

    :param jobs: The jobs, of which there is one at least.
    """
    several = len(jobs) > 1
    more = len(jobs) - _MOST_NAMED
    return (
        f"Left behind: the job{'s' * several} "
        f"{', '.join(job.label for job in jobs[:_MOST_NAMED])}"
        + f" and {more} more" * (more > 0)
        + f", which {'go' if several else 'goes'} on in the cloud"
        + _to_go_on(jobs)
    )


def _to_go_on(jobs: Iterable[LookedAtJob]) -> str:
    """Return how to go on waiting, for jobs that have an ID."""
    ids = [str(job.id) for job in jobs if job.id]
    if not ids or len(ids) > _MOST_NAMED:
        return ''
    return f"; 'openstack ims job wait {' '.join(ids)}' goes on waiting"
