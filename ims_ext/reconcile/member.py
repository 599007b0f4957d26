# SPDX-License-Identifier: Apache-2.0
"""Recognising what became of a batch of sharing (operation 24).

An image has a project as its member, or it has not: sharing it a second time
changes nothing. But the second job calls what is so already a failure, so
the images' members have the last word.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ims_ext import reconcile
from ims_ext import sdk
from ims_ext.extension import image_job
from ims_ext.extension import job as _job
from ims_ext.transport import decode


class MemberTrace(reconcile.Trace[_job.Job]):
    """Images that are shared with projects.

    :param images: IDs of the images.
    :param projects: IDs of the projects.
    """

    is_repeatable = True
    what = "the sharing of the images"

    def __init__(self, images: Sequence[str], projects: Sequence[str]) -> None:
        self._images = tuple(images)
        self._projects = tuple(projects)
        self.advice = '; '.join(
            f'openstack image member list {image_id}'
            for image_id in self._images[:3]
        ) + (' …' if len(self._images) > 3 else '')

    def find(self, proxy: Any, moment: reconcile.Moment) -> _job.Job | None:
        """Look whether all is as it was asked for."""
        if not all(self.is_so(proxy, image_id) for image_id in self._images):
            return None
        return image_job.ObservedJob.ended(
            self.what,
            {
                'results': [
                    {
                        'image_id': image_id,
                        'project_id': project_id,
                        'status': 'success',
                    }
                    for image_id in self._images
                    for project_id in self._projects
                ]
            },
            sdk.connection_of(proxy),
        )

    def taken(self, result: _job.Job, *, again: bool) -> _job.Job:
        """Let the members have the last word on a second job."""
        if not again:
            return result
        moment = reconcile.Moment()
        return image_job.ObservedJob.watching(
            self.what, lambda ims: self.find(ims, moment), result
        )

    def is_so(self, proxy: Any, image_id: str) -> bool:
        """Return whether an image has the members that were asked for."""
        found = self.members(proxy, image_id)
        return found is not None and self.is_met(found, self._projects)

    def is_met(
        self, members: Mapping[str, Any], projects: Sequence[str]
    ) -> bool:
        """Return whether an image's members are as they were asked for.

        :param members: Their answers, by the projects' IDs.
        :param projects: IDs of the projects that matter.
        """
        return set(projects) <= set(members)

    def members(self, proxy: Any, image_id: str) -> dict[str, Any] | None:
        """Return the projects that an image is shared with, and answers."""
        response = proxy.get(f'/images/{image_id}/members')
        if response.status_code in (403, 404):
            # Let the service refuse it in its own words.
            return None
        members = decode.read_list(
            response, "Looking for the image's members", 'members'
        )
        return {
            str(member.get('member_id')): member.get('status')
            for member in members
        }


class RemovalTrace(MemberTrace):
    """Images that are shared with projects no more."""

    what = "the end of the sharing of the images"

    def is_met(
        self, members: Mapping[str, Any], projects: Sequence[str]
    ) -> bool:
        """Return whether an image has none of the members any more."""
        return set(projects).isdisjoint(members)


class UpdateTrace(MemberTrace):
    """Images that a project has accepted or rejected.

    :param images: IDs of the images.
    :param project: ID of the project.
    :param status: Its answer.
    :param vault: ID of the vault that a backup is copied to, if one is.
    """

    what = "the answer to the images"

    def __init__(
        self,
        images: Sequence[str],
        project: str,
        status: str,
        vault: str | None,
    ) -> None:
        super().__init__(images, [project])
        self._status = status
        if vault:
            # The backup would be copied a second time.
            self.is_repeatable = False
            self.shows_late = True
            self.what = (
                f"the answer to the images, with a copy of the backup in the "
                f"vault {vault}"
            )

    def is_met(
        self, members: Mapping[str, Any], projects: Sequence[str]
    ) -> bool:
        """Return whether the project has given its answer."""
        return all(members.get(each) == self._status for each in projects)
