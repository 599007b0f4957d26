# SPDX-License-Identifier: Apache-2.0
"""Deleting an image: looked at once more before it is gone for good."""

from ims_ext.pipeline import asking
from ims_ext.pipeline import identity
from ims_ext.pipeline.engine import Step
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.seen import ACCEPTED
from ims_ext.pipeline.steps.work import Work


class NeededError(Exception):
    """An image that has come into use since its deletion was planned."""


class Delete(Step):
    """The deletion of an image that nobody needs."""

    name = 'delete'

    def __init__(self, work: Work) -> None:
        self._work = work

    def look(self) -> bool:
        """Whether it is gone.

        :raises: :class:`NeededError` where it is not, and must not be.
        """
        work = self._work
        seen = work.seen()
        if seen is None:
            return True
        if seen.tags.get(identity.PIPELINE_TAG) != work.tools.manifest.name:
            raise NeededError("it has no tag of this pipeline any more")
        if seen.is_protected:
            raise NeededError("it is protected by now")
        is_broken = bool(work.action.details.get('broken'))
        if not is_broken and work.action.item.image in (
            work.tools.manifest.images
        ):
            never = work.image.retention.never
            if model.SHARED in never:
                self._check_members()
            if model.IN_USE in never:
                self._check_servers()
        return False

    def _check_members(self) -> None:
        for each in self._work.ims.members(self._work.image_id):
            if str(each.status) == ACCEPTED:
                raise NeededError(f"{each.member_id} has accepted it by now")

    def _check_servers(self) -> None:
        for server in asking.servers(
            self._work.conn, image=self._work.image_id
        ):
            if server.image and server.image.get('id') == self._work.image_id:
                raise NeededError(f"the server {server.name} uses it by now")

    def do(self) -> None:
        """Delete it."""
        work = self._work
        work.tools.check_lock()
        work.ims.delete_image(work.image_id, ignore_missing=True)
