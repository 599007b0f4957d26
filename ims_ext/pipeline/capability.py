# SPDX-License-Identifier: Apache-2.0
"""``conn.ims``: images that a pipeline has made, by what they say of it."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from ims_ext import exceptions
from ims_ext.extension import cloud_image
from ims_ext.pipeline import identity

if TYPE_CHECKING:
    from ims_ext.extension.cloud_image import CloudImage

#: Whose images are looked at: the project's own, and those shared with it.
_TYPES = ('private', 'shared')


class PipelineMixin(cloud_image.CloudImageMixin):
    """``conn.ims``: images of pipelines, for those who use them.

    They are recognised by the end of their descriptions, which whoever an
    image is shared with sees as well.
    """

    def pipeline_images(
        self,
        pipeline: str | None = None,
        image: str | None = None,
        *,
        version: str | None = None,
        channel: str | None = None,
    ) -> Generator['CloudImage', None, None]:
        """List images that pipelines have made, or that were adopted.

        Those of the connection's own project come first, then those that are
        shared with it.

        :param pipeline: The manifest's name; by default any.
        :param image: The image's name in the manifest; by default any.
        :param version: The version's name; by default any.
        :param channel: A channel that is at the image; by default any or
            none.
        :returns: A generator of
            :class:`~ims_ext.extension.cloud_image.CloudImage`;
            :func:`ims_ext.pipeline.identity.read` tells what its description
            says.
        """
        for image_type in _TYPES:
            for each in self.cloud_images(image_type=image_type):
                _, words = identity.read(each.description)
                if words is None:
                    continue
                told = words.identity
                if (
                    pipeline in (None, told.pipeline)
                    and image in (None, told.image)
                    and version in (None, told.version)
                    and (channel is None or channel in words.channels)
                ):
                    yield each

    def find_pipeline_image(
        self,
        pipeline: str,
        image: str,
        channel: str,
        ignore_missing: bool = True,
    ) -> 'CloudImage | None':
        """Find the image that a channel of a pipeline is at.

        ::

            image = conn.ims.find_pipeline_image('platform', 'debian', 'prod')
            conn.compute.create_server(image_id=image.id, ...)

        :param pipeline: The manifest's name.
        :param image: The image's name in the manifest.
        :param channel: The channel's name.
        :param ignore_missing: Whether ``None`` is returned where there is
            none; otherwise it is an error.
        :returns: The :class:`~ims_ext.extension.cloud_image.CloudImage`; the
            newest where the channel is just being moved.
        :raises: :class:`~openstack.exceptions.NotFoundException` where there
            is none and *ignore_missing* is false.
        """
        found = [
            each
            for each in self.pipeline_images(pipeline, image, channel=channel)
            if str(each.status).lower() == 'active'
        ]
        if found:
            return max(found, key=lambda each: str(each.created_at))
        if ignore_missing:
            return None
        raise exceptions.NotFoundError(
            f"The channel {channel} of {image} in the pipeline {pipeline} is "
            "at no image here"
        )
