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

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
import logging
import math
import threading
from typing import Any

from ims_ext.emulator import request_record
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
#: The longest that somebody waits for a job's work whom it keeps from ending.
WORK_SECONDS = 30.0


class JobRunner:
    """The runner of the jobs of all capabilities."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._stopping = threading.Event()
        self._progress: dict[str, Progress] = {}
        #: Jobs whose work is being done; changed in transactions only.
        self._at_work: set[str] = set()
        self._ended = threading.Condition()
        #: Decides of each job whether it has to wait before it ends.
        self.holds: Callable[[Job], bool] = lambda job: False
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
        record = request_record.current.get()
        if record is not None and record.operation is not None:
            job.params['operation'] = record.operation
            self.service.state.jobs.save(job)
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
        with self.service.state.transaction():
            progress = self._progress.get(job_id)
            job = self._set_running(job_id)
            if progress is None or job is None:
                return
            self._at_work.add(job_id)
        outcome = None
        try:
            progress.report(0)
            outcome = self._outcome(job, progress)
        finally:
            with self.service.state.transaction():
                self._at_work.discard(job_id)
                decided = self._keep_outcome(job_id, outcome)
            if decided is not None:
                self._schedule.add(decided)

    def _outcome(self, job: Job, progress: Progress) -> dict[str, Any] | None:
        """Do a job's work; return how it ends, ``None`` where it hangs."""
        try:
            if _misbehaves(job, progress):
                return None
            return {'result': self._work(job).carry_out(job, progress)}
        except Stopped:
            raise
        except JobFailure as error:
            return {'code': error.code, 'reason': error.reason}
        except Exception as error:
            return _unexpected(job, error)

    def _keep_outcome(
        self, job_id: str, outcome: dict[str, Any] | None
    ) -> Job | None:
        """Keep how a job ends, unless that has been decided meanwhile.

        :returns: The job, where it is known how it ends.
        """
        job = self.service.state.jobs.get(job_id)
        if job is None or job.is_finished:
            return None
        if 'outcome' not in job.params:
            if outcome is None:
                return None
            job.params['outcome'] = outcome
            self.service.state.jobs.save(job)
        return job

    def _set_running(self, job_id: str) -> Job | None:
        """Begin with a job; return it, unless it is known how it ends."""
        jobs = self.service.state.jobs
        job = jobs.get(job_id)
        if job is None or job.is_finished or 'outcome' in job.params:
            return None
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
        with self.service.state.transaction():
            job = self.service.state.jobs.get(job_id)
            if job is None or job.is_finished or self.is_held(job):
                return
        self._end_with(job)
        self._progress.pop(job_id, None)
        # Outside of any transaction: who waits looks at the records.
        with self._ended:
            self._ended.notify_all()

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

    # ====== STEERED ======

    def finish_now(self, job_id: str) -> None:
        """Have a job end at once, or as soon as its work is done.

        One that hangs is worked on.
        """
        state = self.service.state
        with state.transaction():
            job = self._unfinished(job_id)
            hangs = job.params.pop('fault', None) is not None
            self._make_due(job)
        if 'outcome' in job.params:
            self._schedule.add(job)
        elif hangs:
            self.submit(job)

    def fail_now(self, job_id: str, code: str, reason: str) -> None:
        """Have a job fail at once, whatever its work has come to.

        :param code: What it fails with.
        :param reason: The same in words.
        """
        with self.service.state.transaction():
            job = self._unfinished(job_id)
            job.params['outcome'] = {'code': code, 'reason': reason}
            self._make_due(job)
            progress = self._progress.get(job_id)
            if progress is not None:
                progress.abandon()
            is_at_work = job_id in self._at_work
        if not is_at_work:
            self._schedule.add(job)

    def hold(self, job_id: str) -> None:
        """Let a job run on until it is released."""
        with self.service.state.transaction():
            job = self._unfinished(job_id)
            job.params['is_held'] = True
            self.service.state.jobs.save(job)

    def release(self, job_id: str) -> None:
        """Let a job end that has been held, when its time has come."""
        with self.service.state.transaction():
            job = self._unfinished(job_id)
            job.params.pop('is_held', None)
            self.service.state.jobs.save(job)
        if 'outcome' in job.params:
            self._schedule.add(job)

    def is_held(self, job: Job) -> bool:
        """Whether a job has to wait for its release."""
        return not job.params.get('is_due') and (
            bool(job.params.get('is_held')) or self.holds(job)
        )

    def wait(self, job_ids: Collection[str]) -> None:
        """Wait until jobs have ended, :data:`WORK_SECONDS` at most."""
        jobs = self.service.state.jobs

        def have_ended() -> bool:
            found = (jobs.get(job_id) for job_id in job_ids)
            return all(job is None or job.is_finished for job in found)

        with self._ended:
            self._ended.wait_for(have_ended, WORK_SECONDS)

    def catch_up(self) -> None:
        """Wait until all jobs have ended that are due by now."""
        self._schedule.catch_up()

    def _unfinished(self, job_id: str) -> Job:
        job = self.service.state.jobs.get(job_id)
        if job is None or job.parent_id is not None:
            raise LookupError(job_id)
        if job.is_finished:
            raise ValueError(f"The job {job_id} has ended")
        return job

    def _make_due(self, job: Job) -> None:
        """Have a job's time come now; keep all changes made to it."""
        job.params.pop('is_held', None)
        elapsed = self.service.clock() - job.begin_time
        job.duration = max(0.0, min(job.duration, elapsed))
        # The rule that held it does not hold it any more.
        job.params['is_due'] = True
        self.service.state.jobs.save(job)

    # ====== SEEN ======

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
