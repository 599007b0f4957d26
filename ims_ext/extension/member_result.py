# SPDX-License-Identifier: Apache-2.0
"""The result of a batch of sharing, for every image and project."""

from collections.abc import Iterable
from typing import NamedTuple

from ims_ext import resource
from ims_ext.extension import job as _job


class MemberResult(NamedTuple):
    """The result for one image and one project of a batch.

    :param image_id: ID of the image.
    :param project_id: ID of the project.
    :param status: ``success`` or ``fail``, as the cloud wrote it; the job's
        own status where the cloud says nothing of this pair.
    """

    image_id: str
    project_id: str
    status: resource.CaselessStr

    @property
    def is_successful(self) -> bool:
        """Whether it went well."""
        return self.status == 'success'


def read(
    job: _job.Job, images: Iterable[str], projects: Iterable[str]
) -> list[MemberResult]:
    """Return what became of every image and project of a batch.

    Clouds leave parts out: O names no projects, and lists nothing at all
    where sharing was ended well.

    :param job: The job, ended.
    :param images: IDs of the images that it was for.
    :param projects: IDs of the projects that it was for.
    :returns: A :class:`MemberResult` for each image and project.
    """
    wanted = list(projects)
    return [
        MemberResult(image_id, project_id, _status(job, image_id, project_id))
        for image_id in images
        for project_id in wanted
    ]


def _status(
    job: _job.Job, image_id: str, project_id: str
) -> resource.CaselessStr:
    found = [
        resource.CaselessStr(entry.get('status'))
        for entry in job.results
        if (entry.get('image_id') or image_id) == image_id
        and (entry.get('project_id') or project_id) == project_id
    ]
    bad = [status for status in found if status != 'success']
    return (bad or found or [resource.CaselessStr(job.status)])[0]
