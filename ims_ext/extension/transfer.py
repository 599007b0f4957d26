# SPDX-License-Identifier: Apache-2.0
"""Moving an existing image's data: registering it from a bucket."""

from openstack.image.v2 import image as _image

from ims_ext import resource
from ims_ext import validation
from ims_ext.extension import cloud_image as _cloud_image
from ims_ext.extension import job as _job


class Registration(resource.JobRequest):
    """Registration of an object as an image's data: operation 11.

    ``PUT /v1/cloudimages/{image_id}/upload``
    """

    base_path = '/v1/cloudimages/%(image_id)s/upload'

    method = 'PUT'
    purpose = "Registering the image"

    #: The image, made before with ``create_image`` and without data.
    image_id = resource.URI('image_id')
    #: The object with the disk, ``bucket:key``.
    image_url = resource.Body('image_url')


class TransferMixin(_job.JobMixin):
    """``conn.ims``: moving images' data."""

    def register_image(
        self,
        image: _cloud_image.AnyImage,
        object_url: str,
        *,
        wait: bool = False,
        timeout: float | None = None,
    ) -> _job.Job:
        """Make an object the data of an image that has none (operation 11).

        ``PUT /v1/cloudimages/{image_id}/upload``; job type
        ``imsNativeImportImageJob``.

        :param image: The image or its ID: made with ``create_image``, its
            status is ``queued``.
        :param object_url: The object, ``bucket:key``.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for an address
            that is none.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        request = Registration.new(
            image_id=_image.Image._get_id(image),
            image_url=validation.check_object_url(object_url),
        )
        return self._start_job(request, wait=wait, timeout=timeout)
