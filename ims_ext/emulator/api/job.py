# SPDX-License-Identifier: Apache-2.0
"""Asynchronous jobs: carrying them out, and answering how far they are.

A job ends when its work is done, but not before its duration is over, so
that clients see it run. How far it is comes from the clock when somebody
asks: a waiting job costs a row and a place in a heap, and no thread.

A capability that has work for jobs names it in an attribute, and submits::

    class Api:
        def __init__(self, service: Service) -> None:
            self.works = {'import': ObjectImport(service)}

    with state.transaction():
        job = state.jobs.new(type, project_id, duration, {'work': 'import'})
    service.capability(job.Api).submit(job)
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
import datetime
import heapq
import logging
import math
import threading
from typing import Any, Protocol

from ims_ext.emulator.api import rules
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Job
from ims_ext.exceptions import catalogue

LOG = logging.getLogger(__name__)

#: How many jobs read their objects at the same time; others wait.
WORKERS = 4

#: Types whose documented ``entities`` have nothing but the image's ID.
_TERSE = frozenset({'imsNativeImportImageJob', 'imsNativeExportImageJob'})


class JobFailure(Exception):
    """What makes a job end in FAIL.

    :param code: A code of the catalogue.
    :param reason: Words to use instead of the catalogue's.
    """

    def __init__(self, code: str, reason: str | None = None) -> None:
        self.code = code
        self.reason = reason or catalogue[code].meaning
        super().__init__(self.reason)


class Stopped(Exception):
    """The emulator stops; the job goes on when it starts again."""


class Progress:
    """How far the work of one job is, and whether to go on with it.

    :param stopping: Set when the emulator stops.
    """

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self.fraction = 0.0

    def report(self, fraction: float) -> None:
        """Say how much has been done.

        :param fraction: From 0 to 1.
        :raises: :class:`Stopped` where the work has to be left.
        """
        self.fraction = fraction
        if self._stopping.is_set():
            raise Stopped


class Work(Protocol):
    """What jobs of one kind do.

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


class Api:
    """Operations 27 and 28, and the jobs behind them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._stopping = threading.Event()
        self._progress: dict[str, Progress] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._schedule = _Schedule(service, self._finish)

    @route('GET', '/v1/<project_id>/jobs/<job_id>')
    def show(self, request: Request, project_id: str, job_id: str) -> Answer:
        """Answer how far a job is."""
        rules.own_project(request, project_id)
        job, progress = self._find(project_id, job_id)
        answer = _representation(job)
        entities = answer['entities']
        if job.parent_id is None and job.type not in _TERSE:
            entities['process_percent'] = self._fraction(job, progress)
            entities['current_task'] = job.params.get('task', job.type)
        children = self.service.state.jobs.children(job_id)
        if children:
            entities['sub_jobs_result'] = [
                _representation(child) for child in children
            ]
            entities['sub_jobs_list'] = [child.id for child in children]
        return answer

    @route('GET', '/v1/cloudimages/job/<job_id>')
    def show_progress(self, request: Request, job_id: str) -> Answer:
        """Answer how far a job, or the job that it is a part of, is."""
        job, progress = self._find(request.project_id, job_id)
        whole = job
        if job.parent_id is not None:
            whole, progress = self._find(request.project_id, job.parent_id)
        answer = _representation(job)
        entities = answer['entities']
        entities['process_percent'] = self._fraction(whole, progress)
        entities['current_task'] = whole.params.get('task', whole.type)
        image = self.service.state.images.get(entities.get('image_id', ''))
        if image is not None:
            entities.setdefault('image_name', image.name)
        for child in self.service.state.jobs.children(job_id)[:1]:
            # All parts of a job are worked on at once.
            entities['subJobId'] = child.id
        return answer

    def _find(
        self, project_id: str, job_id: str
    ) -> tuple[Job, Progress | None]:
        """Return a job of a project, and how far its work is.

        :raises: IMG.0023
        """
        # Before the job: once a job has ended there is none any more.
        progress = self._progress.get(job_id)
        job = self.service.state.jobs.get(job_id)
        if job is None or job.project_id != project_id:
            raise ImsError('IMG.0023', "The job does not exist.")
        return job, progress

    def start(self) -> None:
        """Begin to work, also on what an earlier process left undone."""
        self._stopping.clear()
        self._pool = ThreadPoolExecutor(WORKERS, 'ims-job')
        self._schedule.start()
        for job in self.service.state.jobs.unfinished():
            if job.parent_id is not None:
                continue
            if 'outcome' in job.params:
                self._schedule.add(job)
            else:
                self.submit(job)

    def stop(self) -> None:
        """Leave all work, to be taken up again by :meth:`start`."""
        self._stopping.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
        self._schedule.stop()

    def submit(self, job: Job) -> None:
        """Have a job carried out that has been kept."""
        pool = self._pool
        if pool is not None and not self._stopping.is_set():
            self._progress[job.id] = Progress(self._stopping)
            pool.submit(self._run, job.id)

    def _run(self, job_id: str) -> None:
        try:
            self._carry_out(job_id)
        except Stopped:
            pass
        except Exception:
            LOG.exception("Job %s could not be carried out", job_id)

    def _carry_out(self, job_id: str) -> None:
        progress = self._progress[job_id]
        progress.report(0)
        job = self._set_running(job_id)
        outcome: dict[str, Any]
        try:
            if _misbehaves(job, progress):
                return
            result = self._work(job).carry_out(job, progress)
            outcome = {'result': result}
        except Stopped:
            raise
        except JobFailure as error:
            outcome = {'code': error.code, 'reason': error.reason}
        except Exception as error:
            outcome = _unexpected(job, error)
        job.params['outcome'] = outcome
        self.service.state.jobs.save(job)
        self._schedule.add(job)

    def _set_running(self, job_id: str) -> Job:
        jobs = self.service.state.jobs
        with self.service.state.transaction():
            job = jobs.get(job_id)
            if job is None:
                raise LookupError(job_id)
            fault = self.service.faults.job() if job.status == 'INIT' else None
            if fault is not None:
                job.params['fault'] = fault.value, fault.code
            for each in (job, *jobs.children(job_id)):
                each.status = 'RUNNING'
                jobs.save(each)
        return job

    def _work(self, job: Job) -> Work:
        for capability in self.service.capabilities:
            works: Mapping[str, Work] = getattr(capability, 'works', {})
            if job.params['work'] in works:
                return works[job.params['work']]
        raise LookupError(job.params['work'])

    def _finish(self, job_id: str) -> None:
        job = self.service.state.jobs.get(job_id)
        if job is None or job.is_finished:
            return
        self._end_with(job)
        self._progress.pop(job_id, None)

    def _end_with(self, job: Job) -> None:
        outcome = job.params['outcome']
        if 'result' in outcome:
            try:
                with self.service.state.transaction():
                    self._work(job).succeed(job, outcome['result'])
                    self._end(job, 'SUCCESS')
                return
            except JobFailure as error:
                outcome = {'code': error.code, 'reason': error.reason}
            except Exception as error:
                outcome = _unexpected(job, error)
        with self.service.state.transaction():
            self._work(job).fail(job)
            self._end(job, 'FAIL', outcome['code'], outcome['reason'])

    def _end(
        self,
        job: Job,
        status: str,
        code: str | None = None,
        reason: str | None = None,
    ) -> None:
        jobs = self.service.state.jobs
        now = self.service.clock()
        for each in (job, *jobs.children(job.id)):
            each.status = status
            each.end_time = now
            each.error_code = code
            each.fail_reason = reason
            jobs.save(each)

    def _fraction(self, job: Job, progress: Progress | None) -> float:
        """Return how far a job is, from 0 to 1, in steps of a hundredth.

        A job that failed stays where it was; only success is 1.
        """
        if job.status == 'SUCCESS':
            return 1.0
        if 'outcome' in job.params:
            worked = 1.0
        else:
            worked = progress.fraction if progress else 0.0
        until = job.end_time or self.service.clock()
        waited = (
            (until - job.begin_time) / job.duration if job.duration else 1.0
        )
        return math.floor(100 * max(0.0, min(waited, worked, 0.99))) / 100


class _Schedule:
    """One thread that ends jobs when their time has come.

    :param finish: Called with the ID of the job.
    """

    def __init__(self, service: Service, finish: Any) -> None:
        self._service = service
        self._finish = finish
        self._changed = threading.Condition()
        self._heap: list[tuple[float, str]] = []
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to end jobs."""
        self._thread = threading.Thread(
            target=self._run, name='ims-job-end', daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End no job any more, and forget all that wait."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._heap.clear()
            self._changed.notify()
        if thread is not None:
            thread.join()

    def add(self, job: Job) -> None:
        """Have a job ended when its duration is over."""
        with self._changed:
            heapq.heappush(self._heap, (job.begin_time + job.duration, job.id))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._thread is not threading.current_thread():
                    return
                job_id = self._next_due()
                if job_id is None:
                    continue
            try:
                self._finish(job_id)
            except Exception:
                LOG.exception("Job %s could not be ended", job_id)

    def _next_due(self) -> str | None:
        """Return a job whose time has come, or ``None`` after a while."""
        if not self._heap:
            self._changed.wait()
            return None
        missing = self._heap[0][0] - self._service.clock()
        if missing > 0:
            self._changed.wait(missing)
            return None
        return heapq.heappop(self._heap)[1]


def _misbehaves(job: Job, progress: Progress) -> bool:
    """Let a job go wrong that a fault befell; return whether it hangs.

    :raises: :class:`JobFailure`
    """
    how, code = job.params.get('fault', (None, None))
    if how == 'fail':
        raise JobFailure(code or 'IMG.0061')
    if how == 'hang':
        progress.fraction = 0.5
        return True
    return False


def _unexpected(job: Job, error: Exception) -> dict[str, str]:
    LOG.error("Job %s (%s) broke", job.id, job.type, exc_info=error)
    return {'code': 'IMG.0061', 'reason': catalogue['IMG.0061'].meaning}


def _representation(job: Job) -> dict[str, Any]:
    return {
        'status': job.status,
        'entities': dict(job.entities),
        'job_id': job.id,
        'job_type': job.type,
        'begin_time': _time(job.begin_time),
        'end_time': _time(job.end_time),
        'error_code': job.error_code,
        'fail_reason': job.fail_reason,
    }


def _time(seconds: float | None) -> str | None:
    """Return ``2024-11-06T06:19:43.195Z``."""
    if seconds is None:
        return None
    when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return when.isoformat(timespec='milliseconds').replace('+00:00', 'Z')
