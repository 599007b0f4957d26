# SPDX-License-Identifier: Apache-2.0
"""Asynchronous jobs: what they tell, and waiting for their end."""

from collections.abc import Callable, Generator, Iterable, Iterator
import datetime
import logging
import math
import re
import time
from typing import Any, Self, cast

from openstack import exceptions as sdk_exceptions
from openstack import format as sdk_format
import requests

from ims_ext import exceptions
from ims_ext import lazy
from ims_ext import proxy
from ims_ext import reconcile
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import job_effect
from ims_ext.extension import job_image
from ims_ext.extension import job_search
from ims_ext.extension import job_watch
from ims_ext.transport import decode
from ims_ext.transport import request_check
from ims_ext.transport import session

_logger = logging.getLogger(__name__)

#: Seconds that waiting for a job lasts at most, unless told otherwise.
DEFAULT_TIMEOUT = 3600.0
#: Seconds between the first two looks at a job.
DEFAULT_INTERVAL = 1.0

_SUCCESSES = frozenset(('success',))
# The table of states has FAIL, the prose and examples "failed" too.
_FAILURES = frozenset(('fail', 'failed'))

#: The code of "The job does not exist", which comes with the status 400.
_NO_SUCH_JOB = 'IMG.0023'

#: Seconds beyond which nobody waits, and systems' clocks end: ten years.
_LONGEST_WAIT = 3.2e8

#: Jobs, their sub-jobs, and those of these: no cloud has more.
_GENERATIONS = 4

#: The version that a path begins with.
_VERSION = re.compile(r'^/v[0-9.]+/')

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

    project_id: str | None = resource.URI('project_id')
    """The project that the job belongs to."""

    id: str = resource.Body('job_id', alternate_id=True)
    """The job's ID."""
    job_type: str | None = resource.Body('job_type')
    """What the job does, for example ``imsImportImageJob``. An open set:
    clouds add types, and some leave the prefix out."""
    status: resource.CaselessStr | None = resource.Body('status', type=_Status)
    """``INIT``, ``RUNNING``, ``SUCCESS`` or ``FAIL``; compares without case.
    """
    begin_time: str | None = resource.Body('begin_time')
    """When the job began, as the cloud wrote it."""
    end_time: str | None = resource.Body('end_time')
    """When the job ended, as the cloud wrote it; empty until then."""
    error_code: str | None = resource.Body('error_code')
    """The service's code of what went wrong."""
    fail_reason: str | None = resource.Body('fail_reason')
    """The cloud's words for what went wrong."""
    entities: dict[str, Any] | None = resource.Body('entities', type=dict)
    """What depends on the job's type: the image's ID and name, the progress,
    sub-jobs, results. *Type: dict*"""

    #: ``bucket:key`` of an object that was uploaded for this job and is in
    #: the bucket still; not sent by the cloud.
    left_object: str | None = None

    #: The request that has started the job, where that is known.
    _request: job_image.Request | None = None
    #: What the job has brought about, once it has ended well.
    _following: job_effect.Following | None = None
    #: The name of its image, as far as any look at it has told it.
    _told_name: str | None = None
    #: Images that the job has made and does not tell.
    _found_ids: tuple[str, ...] = ()

    @property
    def begin_datetime(self) -> datetime.datetime | None:
        """``begin_time``, parsed, in UTC."""
        return resource.parse_time(self.begin_time)

    @property
    def end_datetime(self) -> datetime.datetime | None:
        """``end_time``, parsed, in UTC; ``None`` until the job has ended."""
        return resource.parse_time(self.end_time)

    @property
    def label(self) -> str:
        """The job's name in messages: its ID, or the image it works on."""
        return str(self.id)

    @property
    def key(self) -> str:
        """The key that tells the job from others.

        :raises: :class:`~ims_ext.exceptions.ValidationError` without an ID.
        """
        return job_id(self)

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

    @property
    def is_over(self) -> bool:
        """Whether waiting for the job is over.

        It has ended, and, if well, its effect was seen, or looked for in
        vain.
        """
        return self.is_finished and (
            self._following is None or self._following.is_over
        )

    @property
    def _entities(self) -> dict[str, Any]:
        return self.entities or {}

    def _entity(self, name: str) -> Any:
        return self._entities.get(name)

    def _entity_text(self, name: str) -> str | None:
        return _text(self._entity(name))

    def _family(self) -> Iterator['Job']:
        """Give the job, its sub-jobs, and theirs, as far as makes sense."""
        generation: list[Job] = [self]
        for _ in range(_GENERATIONS):
            yield from generation
            generation = [sub for job in generation for sub in job.sub_jobs]

    @property
    def image_ids(self) -> list[str]:
        """The IDs of the images that the job makes or changes.

        Its own, then those of its sub-jobs. Of a job that was started and
        waited for by the same program, they are known when it has ended well
        even where the cloud does not tell them.
        """
        told = [
            image_id
            for job in self._family()
            for image_id in job_image.told(job._entities)
        ]
        return job_image.distinct(told or self._found_ids)

    @property
    def image_id(self) -> str | Any:
        """The ID of the image that the job makes or changes; the first.

        ``None`` until it is known: the annotation leaves that out, as most
        programs look at it after the wait, when it is.
        """
        return next(iter(self.image_ids), None)

    @property
    def image_name(self) -> str | None:
        """The name of the image that the job makes or changes."""
        return self._entity_text('image_name')

    @property
    def progress(self) -> float | None:
        """The share of the job that is done, from 0 to 1.

        ``None`` where the cloud does not tell it.
        """
        if self.is_successful:
            return 1.0
        told = self._entity('process_percent')
        is_percentage = isinstance(told, str) and told.strip().endswith('%')
        try:
            share = float(told.strip().rstrip('%') if is_percentage else told)
        except (TypeError, ValueError, OverflowError):
            return None
        if math.isnan(share):
            return None
        if is_percentage or share > 1:
            # Documented is 0.45, but the name says percent: 45 is the same.
            share /= 100
        return min(max(share, 0.0), 1.0)

    @property
    def current_task(self) -> str | None:
        """The name of the step that the job is at."""
        return self._entity_text('current_task')

    @property
    def results(self) -> list[dict[str, Any]]:
        """A batch's results: ``image_id``, ``project_id``, ``status``."""
        found = self._entity('results')
        items = found if isinstance(found, list) else []
        return [item for item in items if isinstance(item, dict)]

    @property
    def sub_job_ids(self) -> list[str]:
        """The IDs of the jobs that this one consists of."""
        found = self._entity('sub_jobs_list')
        items = found if isinstance(found, list) else []
        return [item for item in items if isinstance(item, str)]

    @property
    def sub_jobs(self) -> list[Self]:
        """The jobs that this one consists of, as far as the cloud tells."""
        found = self._entity('sub_jobs_result')
        if not isinstance(found, list):
            return []
        builder = lazy.Builder(type(self))
        return [
            builder.defer({**sub_job, 'project_id': self.project_id})
            for sub_job in found
            if isinstance(sub_job, dict)
        ]

    @property
    def failure(self) -> tuple[str | None, str | None]:
        """Code and reason of what went wrong, the sub-jobs' included."""
        for job in self._family():
            code = _text(job.error_code) or job._entity_text('error_code')
            reason = _text(job.fail_reason) or job._entity_text('fail_reason')
            if code or reason:
                return code, reason
        return None, None

    def look(self, ims: 'JobMixin') -> 'Job':
        """Return the job as it is now.

        :param ims: ``conn.ims``.
        """
        wanted = self.key
        job = Job.new(
            id=wanted,
            project_id=ims.get_project_id(),
            connection=sdk.connection_of(ims),
        )
        return job.fetch(ims, error_message=f"Cannot look up the job {wanted}")

    def find_images(self, ims: 'JobMixin') -> None:
        """Find the images that the job has made, where it does not tell them.

        :param ims: ``conn.ims``.
        """
        if not self.is_successful or self.image_ids:
            return
        if self._request is not None:
            self._found_ids = tuple(self._request.find(ims, self.label))
        elif job_effect.makes_images(self.job_type):
            told = job_search.Ended(
                self.label,
                str(self.job_type),
                self._told_name,
                self.begin_datetime,
                self.end_datetime,
            )
            self._found_ids = tuple(job_search.find(ims, told))

    def follow(self, ims: 'JobMixin') -> None:
        """Look at what a job that has ended well has brought about.

        :param ims: ``conn.ims``.
        """
        try:
            if self._following is None:
                self.find_images(ims)
                self._following = job_effect.Following(
                    self.label,
                    self._request.effects(self)
                    if self._request
                    else job_effect.of_type(self.job_type, self.image_ids),
                )
            self._following.look(ims)
        except Exception as error:
            # Whatever looking comes to, the job has ended well.
            _logger.warning(
                "The job %s has ended well, but what it has brought about "
                "cannot be looked at: %s",
                self.label,
                error,
            )
            self._following = job_effect.Following(self.label, ())

    def stop_following(self) -> None:
        """Take the job's effect as it is, and say what was not seen."""
        if self._following is not None:
            self._following.give_up()

    def started_by(self, request: job_image.Request | None) -> None:
        """Note which request has started the job.

        :param request: The request.
        """
        self._request = request


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
        known = job if isinstance(job, Job) else self._job(job_id(job))
        return self._looked_at(known, self)

    def _start_job(
        self,
        request: resource.JobRequest,
        *,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
    ) -> Job:
        """Send the request of an operation that answers with a job.

        :param request: The operation's request: a resource with its path
            and method, and a ``job_id`` for the answer.
        :param safe_mode: Whether to send it to H's safe mode (operation 29):
            the same path and body, under ``/v2.1``.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most; ``None`` for the default.
        :returns: The job, started, or finished with ``wait``.
        """
        check_seconds('timeout', timeout, DEFAULT_TIMEOUT)
        prepared = sdk.prepared(request, requires_id=False, prepend_key=False)
        url = prepared.url
        if safe_mode:
            url = _VERSION.sub('/v2.1/', url, count=1)
        # Made before: it takes a token, and where there is none when the
        # answer is there, the job's ID would be lost.
        job = self._job()

        def send() -> Job:
            response = self.request(
                url, request.method, json=prepared.body, repeatable=False
            )
            job.id = _started_id(response, request)
            dict.update(job, job.to_dict())
            return job

        trace: reconcile.Trace[Job] | None = request.trace()
        sent = job_image.Request(
            request.effects,
            reconcile.Moment(),
            trace if trace and trace.makes_images else None,
        )
        started = reconcile.make_once(self, trace, send) if trace else send()
        started.started_by(sent)
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
        are followed by others; ten minutes without any answer end the wait.

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
        patience = check_seconds('timeout', timeout, DEFAULT_TIMEOUT)
        [watch] = self._watches([job], interval)
        try:
            self._wait(watch, patience, progress)
        except (
            sdk_exceptions.BadRequestException,
            sdk_exceptions.NotFoundException,
        ):
            raise  # there is no such job
        except BaseException as error:
            job_watch.note_left([watch], error)
            raise
        if watch.job.is_failed:
            raise exceptions.JobFailedError(watch.job)
        return watch.job

    def _wait(
        self,
        watch: job_watch.WatchedJob[Job],
        patience: float,
        progress: JobProgress | None,
    ) -> None:
        """Look at a job until it has ended."""
        deadline = time.monotonic() + patience
        while True:
            if watch.look(self._look_once) and progress:
                progress(watch.job)
            if watch.job.is_over:
                return
            remaining = deadline - time.monotonic()
            if remaining <= 0 and watch.job.is_finished:
                watch.job.stop_following()
                return
            if remaining <= 0:
                raise exceptions.JobTimeoutError([watch.job], patience)
            time.sleep(min(watch.pause, remaining))

    def wait_for_jobs(
        self,
        jobs: str | Job | Iterable[str | Job],
        timeout: float | None = None,
        interval: float | None = None,
        progress: JobProgress | None = None,
    ) -> Generator[Job, None, None]:
        """Wait for the ends of many jobs (operation 27, repeated).

        A handful of connections is used, and no more than 36 requests a
        second are sent. The generator can be left at any time.

        :param jobs: The jobs or their IDs.
        :param timeout: Seconds to wait for all of them at most; an hour by
            default.
        :param interval: Seconds between the first two looks at each, 1 by
            default; where jobs tell their progress, that decides when to
            look next.
        :param progress: Called with a job after each look at it.
        :returns: A generator of :class:`Job`, each when it has ended, well
            or not: see ``job.is_failed`` and ``job.failure``.
        :raises: :class:`~ims_ext.exceptions.JobTimeoutError` with the jobs
            that have not ended in time; they go on in the cloud.
        """
        patience = check_seconds('timeout', timeout, DEFAULT_TIMEOUT)
        if isinstance(jobs, str | resource.Resource):
            jobs = cast(list[str | Job], [jobs])
        watches = self._watches(jobs, interval)
        return self._finished(watches, patience, progress)

    def _finished(
        self,
        watches: list[job_watch.WatchedJob[Job]],
        patience: float,
        progress: JobProgress | None,
    ) -> Generator[Job, None, None]:
        looks = job_watch.look_at_all(watches, self._look_once, patience)
        try:
            for watch in looks:
                if progress:
                    progress(watch.job)
                if watch.job.is_over:
                    yield watch.job
        except BaseException as error:
            job_watch.note_left(watches, error)
            raise
        finally:
            looks.close()

    def _watches(
        self, jobs: Iterable[str | Job], interval: float | None
    ) -> list[job_watch.WatchedJob[Job]]:
        """Return what is needed to wait for jobs, each once."""
        pause = check_seconds('interval', interval, DEFAULT_INTERVAL)
        known: dict[str, Job] = {}
        for job in validation.check_several('jobs', jobs):
            found = job if isinstance(job, Job) else self._job(job_id(job))
            known.setdefault(found.key, found)
        return [
            job_watch.WatchedJob(job, pause, self.retry_policy)
            for job in known.values()
        ]

    def _look_once(self, job: Job) -> Job:
        """Return a job as it is now, without asking again."""
        now = job
        if not (job.is_finished and job._following):
            once = session.RetrySession(self, self.retry_policy.once())
            try:
                now = self._looked_at(job, cast(JobMixin, once))
            except sdk_exceptions.HttpException as error:
                if not (_is_unknown(error) and _is_new(job)):
                    raise
        if now.is_successful:
            now.follow(self)
        return now

    def _looked_at(self, job: Job, ims: 'JobMixin') -> Job:
        """Return a job as it is now, with what is known of its request."""
        now = job.look(ims)
        now.started_by(job._request)
        now._told_name = now.image_name or job._told_name
        return now

    def _job(self, job_id: str | None = None) -> Job:
        return Job.new(
            id=job_id,
            project_id=self.get_project_id(),
            connection=self._get_connection(),
        )


def _started_id(
    response: requests.Response, request: resource.JobRequest
) -> str:
    """Return the ID of the job that a request has started."""
    found = decode.read(response, f"{request.purpose} failed")
    named = found.get('job_id') if isinstance(found, dict) else None
    # One example has a blank before the ID.
    started = named.strip() if isinstance(named, str) else ''
    if not started or request_check.leads_elsewhere(started):
        raise exceptions.InvalidAnswerError(
            f"{request.purpose} failed: the cloud accepted "
            f"{request.base_path} but named no job"
        )
    return started


def _text(value: Any) -> str | None:
    return value if value and isinstance(value, str) else None


def look_once(ims: JobMixin, job: Job) -> Job:
    """Return a job as it is now, its effect followed, without asking again.

    :param ims: ``conn.ims`` of the project that has it.
    :param job: The job as far as it is known.
    """
    return ims._look_once(job)


def _is_unknown(error: sdk_exceptions.HttpException) -> bool:
    """Whether the cloud says that there is no such job."""
    if isinstance(error, sdk_exceptions.NotFoundException):
        return True
    return getattr(error, 'code', None) == _NO_SUCH_JOB


def _is_new(job: Job) -> bool:
    """Whether a job is so new that the cloud may not show it yet."""
    return job._request is not None and job._request.is_new


def job_id(job: Any) -> str:
    """Return a job's ID.

    :param job: The job or its ID.
    :raises: :class:`~ims_ext.exceptions.ValidationError` where it has none.
    """
    return request_check.check_id(sdk.id_of(job), job, 'a job')


def check_seconds(name: str, value: Any, default: float) -> float:
    """Return a number of seconds above 0.

    :param name: The parameter's name.
    :param value: The number, ``None`` for the default.
    :param default: The default.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    if value is None:
        return default
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise exceptions.ValidationError(
            f"{name} is {value!r}; it must be a number of seconds above 0"
        )
    return min(seconds, _LONGEST_WAIT)
