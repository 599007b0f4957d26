# SPDX-License-Identifier: Apache-2.0
"""Asynchronous jobs: their status and their results."""

import datetime
from typing import Any

from ims_ext.emulator.api import rules
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Job
from ims_ext.emulator.work.job_runner import JobRunner

#: What jobs tell of an image.
_TOLD = ('image_id', 'image_name')

#: Types whose documented ``entities`` have nothing but the image's ID.
_TERSE = frozenset({'imsNativeImportImageJob', 'imsNativeExportImageJob'})


class JobsApi:
    """Operation 27."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @route('GET', '/v1/<project_id>/jobs/<job_id>')
    def show(self, request: Request, project_id: str, job_id: str) -> Answer:
        """Show a job, with its sub-jobs."""
        rules.own_project(request, project_id)
        job, fraction = find_job(self.service, project_id, job_id)
        answer = representation(job)
        entities = answer['entities']
        if job.parent_id is None and job.type not in _TERSE:
            if self.service.settings.profile.tells_progress:
                entities['process_percent'] = fraction
            entities['current_task'] = job.params.get('task', job.type)
        if _is_untold(job):
            for name in _TOLD:
                entities.pop(name, None)
        children = self.service.state.jobs.children(job_id)
        if children and not _is_untold(job):
            entities['sub_jobs_result'] = [
                representation(child) for child in children
            ]
            entities['sub_jobs_list'] = [child.id for child in children]
        return answer


def _is_untold(job: Job) -> bool:
    """Whether a job does not tell its images, as a fault has it."""
    how, _ = job.params.get('fault', (None, None))
    return bool(how == 'untold')


def find_job(
    service: Service, project_id: str, job_id: str
) -> tuple[Job, float]:
    """Return a job of a project, and the fraction of it that is done.

    :raises: IMG.0023
    """
    runner = service.capability(JobRunner)
    # Before the job: once a job has ended there is none any more.
    progress = runner.progress(job_id)
    job = service.state.jobs.get(job_id)
    delay = service.settings.delays.job
    if (
        job is None
        or job.project_id != project_id
        or service.clock() < job.begin_time + delay
    ):
        raise ImsError('IMG.0023', "The job does not exist.")
    return job, runner.fraction(job, progress)


def representation(job: Job) -> dict[str, Any]:
    """Return a job as the wire has it."""
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
