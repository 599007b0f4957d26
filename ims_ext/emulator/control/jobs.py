# SPDX-License-Identifier: Apache-2.0
"""The jobs of an emulator, seen and steered by whoever runs it."""

from collections.abc import Callable, Iterable
import dataclasses
from typing import Any

from ims_ext.emulator.request_record import iso
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Job
from ims_ext.emulator.work.job_runner import JobRunner
from ims_ext.error_codes import catalogue

#: The code that jobs fail with, unless told otherwise.
FAILURE = 'IMG.0061'


@dataclasses.dataclass(frozen=True)
class JobView:
    """A job, as it was when it was looked at.

    :ivar id: Its ID.
    :ivar type: Its type: ``imsImportImageJob``.
    :ivar operation: The documented name of the operation that started it,
        where a request did.
    :ivar status: ``INIT``, ``RUNNING``, ``SUCCESS`` or ``FAIL``.
    :ivar project_id: Whose job it is.
    :ivar progress: From 0 to 1.
    :ivar is_held: Whether it will not end before it is released.
    :ivar begin_time: Seconds since 1970, as the others.
    :ivar due_time: The earliest time that it ends.
    :ivar end_time: ``None`` for a job that runs.
    :ivar error_code: What it has failed with.
    :ivar fail_reason: The same in words.
    :ivar image_id: The image that it is about, where it is known.
    """

    id: str
    type: str
    operation: str | None
    status: str
    project_id: str
    progress: float
    is_held: bool
    begin_time: float
    due_time: float
    end_time: float | None
    error_code: str | None
    fail_reason: str | None
    image_id: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object, times as texts."""
        value = dataclasses.asdict(self)
        for name in ('begin_time', 'due_time', 'end_time'):
            if value[name] is not None:
                value[name] = iso(value[name])
        return value


class Jobs:
    """The jobs of all projects; sub-jobs share their jobs' fate.

    ::

        server.jobs.hold('imsExportImageJob')
        job = conn.ims.export_image(image, 'bucket:key', file_format='qcow2')
        ...
        server.jobs.fail(job.id, code='IMG.0162')

    What a method is about is a job's ID, or the jobs of an operation: their
    type, with or without ``ims`` and ``Job`` around it, or a part of the
    operation's documented name, in any case.

    :param service: Gives the context of the capabilities.
    """

    def __init__(self, service: Callable[[], Service]) -> None:
        self._service = service
        self._held: list[str] = []

    @property
    def held(self) -> tuple[str, ...]:
        """The operations whose jobs do not end, those to come included."""
        return tuple(self._held)

    def select(
        self,
        about: str | None = None,
        *,
        status: str | None = None,
        project_id: str | None = None,
        limit: int | None = None,
    ) -> list[JobView]:
        """Return jobs, the newest first.

        :param about: A job's ID or an operation; all jobs where not given.
        :param status: ``INIT``, ``RUNNING``, ``SUCCESS`` or ``FAIL``.
        :param project_id: Whose jobs.
        :param limit: How many at most.
        """
        found = []
        for job in self._service().state.jobs.newest():
            if (
                status not in (None, job.status)
                or project_id not in (None, job.project_id)
                or (about is not None and not _is_about(job, about))
            ):
                continue
            found.append(self._view(job))
            if limit is not None and len(found) >= limit:
                break
        return found

    def get(self, job_id: str) -> JobView:
        """Return a job.

        :param job_id: Its ID.
        :raises: :class:`LookupError`
        """
        job = self._service().state.jobs.get(job_id)
        if job is None:
            raise LookupError(f"There is no job {job_id}")
        return self._view(job)

    def finish(self, about: str | None = None) -> list[JobView]:
        """Have jobs end at once, held ones too; return them as they are then.

        What they do is done: one whose object is no image fails.

        :param about: A job's ID or an operation; all jobs where not given.
        :raises: :class:`LookupError` for an ID that no job has that runs.
        """
        return self._each(about, self._runner.finish_now, ends=True)

    def fail(
        self,
        about: str | None = None,
        code: str = FAILURE,
        reason: str | None = None,
    ) -> list[JobView]:
        """Have jobs fail at once; return them as they are then.

        :param about: A job's ID or an operation; all jobs where not given.
        :param code: What they fail with.
        :param reason: The same in words; what the code means, where not
            given.
        :raises: :class:`LookupError` for an ID that no job has that runs.
        """
        entry = catalogue.get(code)
        known = entry.meaning if entry else f"The job failed with {code}."
        return self._each(
            about,
            lambda job_id: self._runner.fail_now(
                job_id, code, reason or known
            ),
            ends=True,
        )

    def hold(self, about: str) -> list[JobView]:
        """Let jobs run on until they are released; return them.

        :param about: A job's ID, or an operation: then jobs of it that are
            yet to come are held, too.
        :raises: :class:`LookupError` for an ID that no job has that runs.
        """
        if _is_id(about):
            return self._each(about, self._runner.hold)
        if about not in self._held:
            self._held.append(about)
        self._runner.holds = self._is_held
        return self._views(self._running(about))

    def release(self, about: str | None = None) -> list[JobView]:
        """Let jobs end that were held; return them.

        Those whose time has come end at once.

        :param about: As in :meth:`hold`; all jobs and operations where not
            given.
        :raises: :class:`LookupError` for an ID that no job has that runs.
        """
        if about is None:
            self._held.clear()
        elif about in self._held:
            self._held.remove(about)
        return self._each(about, self._runner.release)

    def release_all(self) -> None:
        """Hold nothing any more that is yet to come."""
        self._held.clear()

    @property
    def _runner(self) -> JobRunner:
        return self._service().capability(JobRunner)

    def _is_held(self, job: Job) -> bool:
        return any(_is_about(job, each) for each in self._held)

    def _running(self, about: str | None) -> list[str]:
        jobs = self._service().state.jobs.unfinished()
        found = [
            job.id
            for job in jobs
            if job.parent_id is None
            and (about is None or _is_about(job, about))
        ]
        if not found and about is not None and _is_id(about):
            raise LookupError(f"There is no job {about} that runs")
        return found

    def _each(
        self,
        about: str | None,
        action: Callable[[str], None],
        ends: bool = False,
    ) -> list[JobView]:
        """Do something to jobs; return them as they are then.

        :param ends: Whether they end by it.
        """
        runner = self._runner
        changed = []
        for job_id in self._running(about):
            try:
                action(job_id)
            except ValueError:
                # It has ended by itself meanwhile.
                continue
            changed.append(job_id)
        if ends:
            runner.wait(changed)
        else:
            runner.catch_up()
        return self._views(changed)

    def _views(self, job_ids: Iterable[str]) -> list[JobView]:
        return [self.get(job_id) for job_id in job_ids]

    def _view(self, job: Job) -> JobView:
        runner = self._runner
        return JobView(
            id=job.id,
            type=job.type,
            operation=job.params.get('operation'),
            status=job.status,
            project_id=job.project_id,
            progress=runner.fraction(job, runner.progress(job.id)),
            is_held=not job.is_finished and runner.is_held(job),
            begin_time=job.begin_time,
            due_time=job.begin_time + job.duration,
            end_time=job.end_time,
            error_code=job.error_code,
            fail_reason=job.fail_reason,
            image_id=(
                job.entities.get('image_id') or job.params.get('image_id')
            ),
        )


def _is_id(about: str) -> bool:
    return len(about) == 32 and all(c in '0123456789abcdef' for c in about)


def _is_about(job: Job, about: str) -> bool:
    if about == job.id:
        return True
    wanted = about.casefold()
    if not wanted or _is_id(about):
        return False
    kind = job.type.casefold()
    bare = kind.removeprefix('ims').removesuffix('job')
    operation = str(job.params.get('operation') or '').casefold()
    return wanted in (kind, bare) or wanted in operation
