# SPDX-License-Identifier: Apache-2.0
"""An image that is there already, in the place of one more."""

from collections.abc import Iterable
import dataclasses
from typing import Any

from ims_ext import sdk
from ims_ext.extension import image_job
from ims_ext.extension import tag_rules

_ACTIVE = 'active'
#: Statuses of images that are being made.
_ARRIVING = frozenset({'creating', 'importing', 'saving'})
#: A job's image may have this status; without a job, it may stay so for ever.
_QUEUED = 'queued'


@dataclasses.dataclass(frozen=True)
class Existing:
    """The image of the project's own that does in the place of another.

    :ivar name: Its name.
    :ivar tags: Tags that it has, perhaps among others.
    :ivar has_job: Whether a job makes it.
    """

    name: str
    tags: Iterable[tag_rules.Tag]
    has_job: bool

    def find(self, proxy: Any) -> image_job.ImageJob | None:
        """Return what has made the image, or is making it, if anything.

        :param proxy: ``conn.ims``.
        """
        found = [
            image
            for image in proxy.cloud_images(
                owner=proxy.get_project_id(), name=self.name
            )
            if self._is_it(image)
        ]
        if not found:
            return None
        image = next(
            (each for each in found if each.status == _ACTIVE), found[0]
        )
        return image_job.ImageJob.of(
            {'id': image.id, 'name': image.name, 'status': image.status},
            connection=sdk.connection_of(proxy),
        )

    def _is_it(self, image: Any) -> bool:
        status = str(image.status)
        return (
            status == _ACTIVE
            or status in _ARRIVING
            or (status == _QUEUED and self.has_job)
        ) and set(self.tags) <= set(image.tag_map.items())
