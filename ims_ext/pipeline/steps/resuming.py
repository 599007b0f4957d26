# SPDX-License-Identifier: Apache-2.0
"""Jobs that were started before, gone on with: none is started twice."""

from collections.abc import Iterator
from typing import Any

from openstack import exceptions as sdk_exceptions

from ims_ext.pipeline.engine import Step
from ims_ext.pipeline.steps.work import NotNowError
from ims_ext.pipeline.steps.work import Work


class Resume(Step):
    """The job that makes an image which is on its way already."""

    name = 'resume'

    def __init__(self, work: Work) -> None:
        self._work = work

    def look(self) -> bool:
        """Whether there is nothing to go on with but the image itself."""
        return self._work.tools.notes.job_of(self._work.action.id) is None

    def do(self) -> None:
        """Have the job waited for.

        :raises: :class:`.work.NotNowError` where it is none any more, and
            the image does not tell whose it is.
        """
        work = self._work
        if not resume(work) and work.action.is_unknown:
            work.tools.notes.settled(work.action.id)
            raise NotNowError("its job cannot be looked at any more")


def resume(work: Work) -> bool:
    """Have an action's job waited for that was started before.

    :param work: The action.
    :returns: Whether there is such a job: one that goes on, or has ended
        well.
    """
    notes = work.tools.notes
    job_id = notes.job_of(work.action.id)
    if job_id is None:
        return False
    for ims in _places(work):
        try:
            job = ims.get_job(job_id)
        except sdk_exceptions.HttpException as error:
            if error.status_code not in (400, 404):
                raise
            continue
        if job.is_failed:
            break
        work.job, work.job_ims = job, ims
        work.tools.tell(
            'job.started',
            id=work.action.id,
            job_id=job_id,
            image_id=job.image_id,
        )
        return True
    else:
        # It is forgotten, or not shown yet: the image decides.
        return False
    notes.settled(work.action.id)
    return False


def _places(work: Work) -> Iterator[Any]:
    """Give the image services that may have a job: copies' is the origin's."""
    yield work.ims
    if work.target.copy_from is not None:
        origin: Any = work.tools.clouds.target(work.target.copy_from)
        yield origin.ims
