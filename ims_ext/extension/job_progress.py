# SPDX-License-Identifier: Apache-2.0
"""The progress of a job, which one of the clouds tells by itself."""

from ims_ext import resource
from ims_ext.extension import job as _job


class TrackedJob(_job.Job):
    """A job with its progress and the sub-job that is at work.

    Operation 28 (H): ``GET /v1/cloudimages/job/{job_id}``. It can be given
    wherever a method of ``conn.ims`` takes a job.
    """

    base_path = '/v1/cloudimages/job'

    id: str = resource.Body('job_id', alternate_id=True)
    """The job's ID. Here again, since openstacksdk looks for what stands in
    for an ID in the class itself only."""

    @property
    def sub_job_id(self) -> str | None:
        """The ID of the sub-job that is at work, where there is one."""
        return self._entity_text('subJobId')


class JobProgressMixin(_job.JobMixin):
    """``conn.ims``: the progress of jobs."""

    def get_job_progress(self, job: str | _job.Job) -> TrackedJob:
        """Get a job's progress (operation 28, H).

        ``GET /v1/cloudimages/job/{job_id}``. The other clouds tell the
        progress of some jobs in operation 27, see :meth:`get_job`.

        :param job: The job or its ID.
        :returns: The :class:`TrackedJob` as it is now: ``progress`` from 0
            to 1, ``current_task``, ``sub_job_id``, and what every job tells.
        :raises: :class:`~ims_ext.exceptions.UnsupportedOperationError` where
            the cloud does not have the operation.
        :raises: :class:`~openstack.exceptions.BadRequestException` where the
            project has no such job.
        """
        job_id = _job.job_id(job)
        found: TrackedJob = TrackedJob.new(
            id=job_id, connection=self._connection_with_project()
        ).fetch(
            self,
            error_message=f"Cannot look up the progress of the job {job_id}",
        )
        return found
