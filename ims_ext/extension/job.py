# SPDX-License-Identifier: Apache-2.0
"""Asynchronous jobs: what they tell, and waiting for their end."""

from collections.abc import Callable
import datetime
import logging
import time
from typing import Any, Self

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
from openstack import format as sdk_format

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext import resource

#: Seconds that waiting for a job lasts at most, unless told otherwise.
DEFAULT_TIMEOUT = 3600.0
#: Seconds between the first two looks at a job.
DEFAULT_INTERVAL = 1.0
#: Seconds between two looks at a job that takes long.
_LONGEST_INTERVAL = 15.0
_INTERVAL_GROWTH = 1.3
#: Looks in a row that may fail for a network's or server's bad minute.
_TOLERATED_FAILURES = 5
_PASSING_STATUSES = frozenset((429, 500, 502, 503, 504))

_SUCCESSES = frozenset(('success',))
# The table of states has FAIL, the prose and examples "failed" too.
_FAILURES = frozenset(('fail', 'failed'))

_logger = logging.getLogger(__name__)

#: Called with the job after each look at it.
JobProgress = Callable[['Job'], None]


class _Status(sdk_format.Formatter[resource.CaselessStr]):
    @classmethod
    def deserialize(cls, value: Any) -> resource.CaselessStr:
        return resource.CaselessStr(value)


class Job(resource.Resource):
    """Something that the cloud does in its own time.

    Operation 27: ``GET /v1/{project_id}/jobs/{job_id}``.
    """

    base_path = '/v1/%(project_id)s/jobs'

    allow_fetch = True

    #: The project that the job belongs to.
    project_id = resource.URI('project_id')

    #: The job's ID.
    id = resource.Body('job_id', alternate_id=True)
    #: What the job does, for example ``imsImportImageJob``. An open set:
    #: clouds add types, and some leave the prefix out.
    job_type = resource.Body('job_type')
    #: ``INIT``, ``RUNNING``, ``SUCCESS`` or ``FAIL``; compares without case.
    status = resource.Body('status', type=_Status)
    #: When the job began, as the cloud wrote it.
    begin_time = resource.Body('begin_time')
    #: When the job ended, as the cloud wrote it; empty until then.
    end_time = resource.Body('end_time')
    #: The service's code of what went wrong.
    error_code = resource.Body('error_code')
    #: The cloud's words for what went wrong.
    fail_reason = resource.Body('fail_reason')
    #: What depends on the job's type: the image's ID and name, the progress,
    #: sub-jobs, results. *Type: dict*
    entities = resource.Body('entities', type=dict)

    #: ``bucket:key`` of an object that was uploaded for this job and is in
    #: the bucket still; not sent by the cloud.
    left_object: str | None = None

    @property
    def begin_datetime(self) -> datetime.datetime | None:
        """``begin_time``, parsed, in UTC."""
        return resource.parse_time(self.begin_time)

    @property
    def end_datetime(self) -> datetime.datetime | None:
        """``end_time``, parsed, in UTC; ``None`` until the job has ended."""
        return resource.parse_time(self.end_time)

    @property
    def is_successful(self) -> bool:
        """Whether the job has ended, and well."""
        return str(self.status).casefold() in _SUCCESSES

    @property
    def is_failed(self) -> bool:
        """Whether the job has ended, and not well."""
        return str(self.status).casefold() in _FAILURES

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended."""
        return self.is_successful or self.is_failed

    def _entity(self, name: str) -> Any:
        return (self.entities or {}).get(name)

    @property
    def image_id(self) -> str | None:
        """The ID of the image that the job makes or changes."""
        found = self._entity('image_id')
        if not found:
            found = next((sub.image_id for sub in self.sub_jobs), None)
        return found or None

    @property
    def image_name(self) -> str | None:
        """The name of the image that the job makes or changes."""
        return self._entity('image_name') or None

    @property
    def progress(self) -> float | None:
        """How much of the job is done, from 0 to 1.

        ``None`` where the cloud does not tell it.
        """
        if self.is_successful:
            return 1.0
        try:
            return min(max(float(self._entity('process_percent')), 0.0), 1.0)
        except (TypeError, ValueError):
            return None

    @property
    def current_task(self) -> str | None:
        """The name of the step that the job is at."""
        return self._entity('current_task') or None

    @property
    def results(self) -> list[dict[str, Any]]:
        """A batch's results: ``image_id``, ``project_id``, ``status``."""
        found = self._entity('results')
        return found if isinstance(found, list) else []

    @property
    def sub_job_ids(self) -> list[str]:
        """The IDs of the jobs that this one consists of."""
        found = self._entity('sub_jobs_list')
        return found if isinstance(found, list) else []

    @property
    def sub_jobs(self) -> list[Self]:
        """The jobs that this one consists of, as far as the cloud tells."""
        found = self._entity('sub_jobs_result')
        if not isinstance(found, list):
            return []
        return [
            type(self).existing(project_id=self.project_id, **sub_job)
            for sub_job in found
            if isinstance(sub_job, dict)
        ]

    @property
    def failure(self) -> tuple[str | None, str | None]:
        """Code and reason of what went wrong, the sub-jobs' included."""
        code = self.error_code or self._entity('error_code')
        reason = self.fail_reason or self._entity('fail_reason')
        if not code and not reason:
            for sub_job in self.sub_jobs:
                code, reason = sub_job.failure
                if code or reason:
                    break
        return code or None, reason or None


class JobMixin(proxy.Proxy):
    """``conn.ims``: jobs."""

    def get_job(self, job: str | Job) -> Job:
        """Get a job (operation 27).

        :param job: The job or its ID.
        :returns: The :class:`Job` as it is now.
        :raises: :class:`~openstack.exceptions.NotFoundException` or
            :class:`~openstack.exceptions.BadRequestException` where the
            project has no such job.
        """
        if isinstance(job, Job):
            return job.fetch(
                self, error_message=f"Cannot look up the job {job.id}"
            )
        return self._get(
            Job, job, project_id=self.session.get_project_id(self.auth)
        )

    def _start_job(
        self,
        request: resource.JobRequest,
        *,
        wait: bool = False,
        timeout: float | None = None,
    ) -> Job:
        """Send the request of an operation that answers with a job.

        :param request: The operation's request: a resource with its path
            and method, and a ``job_id`` for the answer.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most; ``None`` for the default.
        :returns: The job, started, or finished with ``wait``.
        """
        prepared = request._prepare_request(
            requires_id=False, prepend_key=False
        )
        request._translate_response(
            self.request(prepared.url, request.method, json=prepared.body),
            error_message=f"{request.purpose} failed",
        )
        # One example has a blank before the ID.
        job_id = str(request.job_id or '').strip()
        if not job_id:
            raise exceptions.InvalidAnswerError(
                f"The cloud accepted {request.base_path} but named no job"
            )
        started = Job.new(
            id=job_id,
            project_id=self.session.get_project_id(self.auth),
            connection=self._get_connection(),
        )
        if not wait:
            return started
        return self.wait_for_job(started, timeout=timeout)

    def wait_for_job(
        self,
        job: str | Job,
        timeout: float | None = None,
        interval: float | None = None,
        progress: JobProgress | None = None,
    ) -> Job:
        """Wait for a job's end (operation 27, repeated).

        Looks that fail because the network or the server has a bad minute
        are repeated, a few in a row.

        :param job: The job or its ID.
        :param timeout: Seconds to wait at most; an hour by default.
        :param interval: Seconds between the first two looks, 1 by default;
            it grows to 15, or to what is given here if that is more.
        :param progress: Called with the job after each look at it.
        :returns: The :class:`Job`, ended well.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` where it ended
            in FAIL: with its code, reason, sub-jobs and the catalogue's
            advice.
        :raises: :class:`~ims_ext.exceptions.JobTimeoutError` where it has
            not ended in time; it goes on in the cloud.
        """
        pause = _positive('interval', interval, DEFAULT_INTERVAL)
        patience = _positive('timeout', timeout, DEFAULT_TIMEOUT)
        longest = max(pause, _LONGEST_INTERVAL)
        deadline = time.monotonic() + patience
        failures = 0
        current = job if isinstance(job, Job) else Job.new(id=job)
        while True:
            try:
                current = self.get_job(job)
                failures = 0
            except (
                sdk_exceptions.HttpException,
                ksa_exceptions.ConnectFailure,
                ksa_exceptions.ConnectTimeout,
                ksa_exceptions.UnknownConnectionError,
            ) as error:
                failures += 1
                if failures > _TOLERATED_FAILURES or not _passes(error):
                    raise
                _logger.info("Looking at job %s again: %s", job, error)
            else:
                if progress:
                    progress(current)
                if current.is_failed:
                    raise exceptions.JobFailedError(current)
                if current.is_successful:
                    return current
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise exceptions.JobTimeoutError(current, patience)
            time.sleep(min(pause, remaining))
            pause = min(pause * _INTERVAL_GROWTH, longest)


def _passes(error: Exception) -> bool:
    """Whether asking again may succeed."""
    if isinstance(error, sdk_exceptions.HttpException):
        return error.status_code in _PASSING_STATUSES
    return True


def _positive(name: str, value: float | None, default: float) -> float:
    if value is None:
        return default
    if value <= 0:
        raise exceptions.ValidationError(
            f"{name} is {value:g} seconds; it must be more than 0"
        )
    return float(value)
