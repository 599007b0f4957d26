# SPDX-License-Identifier: Apache-2.0
"""Members of images, followed until they are as a batch was to make them."""

from collections.abc import Sequence
import dataclasses
from typing import Any

from ims_ext.extension import job as _job
from ims_ext.extension import member_result
from ims_ext.reconcile import member as member_trace


@dataclasses.dataclass(frozen=True)
class MemberEffect:
    """The members of an image, as they were to become.

    :ivar trace: How they are recognised.
    :ivar image_id: ID of the image.
    :ivar projects: IDs of the projects for which it went well.
    """

    trace: member_trace.MemberTrace
    image_id: str
    projects: Sequence[str]

    def missing(self, ims: Any) -> str | None:
        """Look at the image's members."""
        members = self.trace.members(ims, self.image_id)
        if members is None or self.trace.is_met(members, self.projects):
            # Who may not look at them has the job's word.
            return None
        return (
            f"{self.trace.what} is not to be seen among the members of the "
            f"image {self.image_id}"
        )


def of_batch(
    job: _job.Job,
    trace: member_trace.MemberTrace,
    images: Sequence[str],
    projects: Sequence[str],
) -> list[MemberEffect]:
    """Return the effects of a batch, for what went well of it.

    :param job: The job, ended.
    :param trace: How the members are recognised.
    :param images: IDs of the images that it was for.
    :param projects: IDs of the projects that it was for.
    """
    done: dict[str, list[str]] = {}
    for each in member_result.read(job, images, projects):
        if each.is_successful:
            done.setdefault(each.image_id, []).append(each.project_id)
    return [
        MemberEffect(trace, image_id, tuple(theirs))
        for image_id, theirs in done.items()
    ]
