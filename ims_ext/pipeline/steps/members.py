# SPDX-License-Identifier: Apache-2.0
"""Sharing images, and answering for those they are shared with."""

from ims_ext.pipeline.engine import Step
from ims_ext.pipeline.seen import ACCEPTED
from ims_ext.pipeline.steps.work import Work


class Share(Step):
    """The members of images, led to what the manifest names.

    :param works: Actions of one target that have the same members to come
        and to go: one request is for all of them.
    """

    name = 'share'

    def __init__(self, works: list[Work]) -> None:
        self._works = works
        self._add: dict[str, list[str]] = {}
        self._remove: dict[str, list[str]] = {}

    def look(self) -> bool:
        """Whether all of them are so already."""
        self._add, self._remove = {}, {}
        for work in self._works:
            members = {
                str(e.member_id) for e in work.ims.members(work.image_id)
            }
            image_id = str(work.image_id)
            details = work.action.details
            add = [each for each in details['add'] if each not in members]
            remove = [each for each in details['remove'] if each in members]
            if add:
                self._add[image_id] = add
            if remove:
                self._remove[image_id] = remove
        return not self._add and not self._remove

    def do(self) -> None:
        """Send as few requests as possible, and wait for their jobs."""
        ims = self._works[0].ims
        for images, projects in _together(self._add):
            ims.add_image_members(images, projects, wait=True)
        for images, projects in _together(self._remove):
            ims.remove_image_members(images, projects, wait=True)


class Accept(Step):
    """The answer of a project that an image is shared with."""

    name = 'accept'

    def __init__(self, work: Work, project_id: str, project: str) -> None:
        self._work = work
        self._project_id = project_id
        self._project = project

    def look(self) -> bool:
        """Whether it has been given, whatever it is."""
        members = self._work.ims.members(self._work.image_id)
        status = {str(each.member_id): str(each.status) for each in members}
        return status.get(self._project_id) in (ACCEPTED, 'rejected')

    def do(self) -> None:
        """Accept the image."""
        work = self._work
        acceptor = work.tools.manifest.accept[self._project]
        conn = work.tools.clouds.acceptor(
            self._project, work.action.item.target
        )
        extra = {'vault': acceptor.vault} if acceptor.vault else {}
        ims = getattr(conn, 'ims')  # noqa: B009
        ims.update_image_members(
            [work.image_id], self._project_id, ACCEPTED, wait=True, **extra
        )


def _together(
    wanted: dict[str, list[str]],
) -> list[tuple[list[str], list[str]]]:
    """Return the images that have the same projects, with these."""
    found: dict[tuple[str, ...], list[str]] = {}
    for image_id, projects in wanted.items():
        found.setdefault(tuple(sorted(projects)), []).append(image_id)
    return [(images, list(projects)) for projects, images in found.items()]
