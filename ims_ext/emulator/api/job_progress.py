# SPDX-License-Identifier: Apache-2.0
"""The progress of a job, which one of the clouds has an operation for."""

from ims_ext.emulator.api.job import find_job
from ims_ext.emulator.api.job import representation
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service


class JobProgressApi:
    """Operation 28."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @route('GET', '/v1/cloudimages/job/<job_id>')
    def show(self, request: Request, job_id: str) -> Answer:
        """Show the progress of a job, or of the job that it is a part of."""
        project_id = request.project_id
        state = self.service.state
        job, fraction = find_job(self.service, project_id, job_id)
        whole = job
        if job.parent_id is not None:
            whole, fraction = find_job(self.service, project_id, job.parent_id)
        answer = representation(job)
        entities = answer['entities']
        entities['process_percent'] = fraction
        entities['current_task'] = whole.params.get('task', whole.type)
        image = state.images.get(entities.get('image_id', ''))
        if image is not None:
            entities.setdefault('image_name', image.name)
        for child in state.jobs.children(job_id)[:1]:
            # All parts of a job are worked on at once.
            entities['subJobId'] = child.id
        return answer
