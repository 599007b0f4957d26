# SPDX-License-Identifier: Apache-2.0
"""The runner of asynchronous jobs.

A job ends when its work is done, but not before its duration is over, so
that clients see it run. Its progress comes from the clock when somebody
asks: a waiting job costs a row and a place in a heap, and no thread.

A capability that has work for jobs names it in an attribute, and submits::

    class ImportsApi:
        def __init__(self, service: Service) -> None:
            self.works = {'import': ObjectImport(service)}

    with state.transaction():
        job = state.jobs.new(type, project_id, duration, {'work': 'import'})
    service.capability(JobRunner).submit(job)
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
import logging
import math
import threading
from typing import Any

from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Job
from ims_ext.emulator.work.job import JobFailure
from ims_ext.emulator.work.job import Progress
from ims_ext.emulator.work.job import Stopped
from ims_ext.emulator.work.job import Work
from ims_ext.emulator.work.job_schedule import JobSchedule
from ims_ext.error_codes import catalogue

LOG = logging.getLogger(__name__)

#: How many jobs read their objects at the same time; others wait.
WORKERS = 4


class JobRunner:
    """The runner of the jobs of all capabilities."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._stopping = threading.Event()
        self._progress: dict[str, Progress] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._schedule = JobSchedule(service.clock, self._finish)

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

    def progress(self, job_id: str) -> Progress | None:
        """Return the progress of a job's work, ``None`` where it has ended."""
        return self._progress.get(job_id)

    def fraction(self, job: Job, progress: Progress | None) -> float:
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
