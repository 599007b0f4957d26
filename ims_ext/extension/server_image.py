# SPDX-License-Identifier: Apache-2.0
"""Creating images from servers and from their disks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from ims_ext import exceptions
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import creation_body as _body
from ims_ext.extension import image_source as _source
from ims_ext.extension import job as _job
from ims_ext.extension import job_effect
from ims_ext.reconcile import image as image_trace

#: What an image of a volume can be for.
VOLUME_IMAGE_TYPES = ('ECS', 'BMS', 'FusionCompute', 'Ironic')

_DATA_VOLUME_ATTRIBUTES = (
    'description',
    'image_tags',
    'name',
    'tags',
    'volume_id',
)


class ServerImage(resource.JobRequest):
    """Creation of an image from a server's system disk: operation 3.

    ``POST /v2/cloudimages/action``
    """

    base_path = '/v2/cloudimages/action'
    purpose = "Creating the image from the server"

    name = resource.Body('name')
    """1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``."""
    description = resource.Body('description')
    """Up to 1,024 characters without ``<``, ``>`` and line ends."""
    instance_id = resource.Body('instance_id')
    """ID of the server."""
    tags = resource.Body('tags', type=list)
    """Tags as ``key.value``; these or ``image_tags``. *Type: list of str*"""
    image_tags = resource.Body('image_tags', type=list)
    """Tags as ``key`` and ``value``. *Type: list of dict*"""
    enterprise_project_id = resource.Body('enterprise_project_id')
    """ID of the enterprise project, ``0`` for the default one (O, H)."""
    max_ram = resource.Body('max_ram', type=int)
    """MiB of memory that a server from the image can have."""
    min_ram = resource.Body('min_ram', type=int)
    """MiB of memory that a server from the image needs; 0 for no limit."""

    def trace(self) -> image_trace.ImageJobTrace:
        """Recognise the image by its name and server."""
        origin = f'instance,{self.instance_id}'
        return image_trace.ImageJobTrace(
            [image_trace.Wanted(self.name, (origin,))]
        )

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the image."""
        return job_effect.of_images(job.image_ids, sdk.body_attributes(self))


class VolumeImage(resource.JobRequest):
    """Creation of a system disk image from a data disk: operation 6.

    ``POST /v2/cloudimages/action`` (O, H; F has an example of it)
    """

    base_path = '/v2/cloudimages/action'
    purpose = "Creating the image from the volume"

    name = resource.Body('name')
    """1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``."""
    volume_id = resource.Body('volume_id')
    """ID of the data disk."""
    os_version = resource.Body('os_version')
    """Operating system with version; counts where the cloud finds none on the
    disk."""
    type = resource.Body('type')
    """``ECS``, ``BMS``, ``FusionCompute`` or ``Ironic``."""
    description = resource.Body('description')
    """Up to 1,024 characters without ``<``, ``>`` and line ends."""
    min_ram = resource.Body('min_ram', type=int)
    """MiB of memory that a server from the image needs; 0 for no limit."""
    max_ram = resource.Body('max_ram', type=int)
    """MiB of memory that a server from the image can have."""
    tags = resource.Body('tags', type=list)
    """Tags as ``key.value``; these or ``image_tags``. *Type: list of str*"""
    image_tags = resource.Body('image_tags', type=list)
    """Tags as ``key`` and ``value``. *Type: list of dict*"""
    enterprise_project_id = resource.Body('enterprise_project_id')
    """ID of the enterprise project, ``0`` for the default one."""

    def trace(self) -> image_trace.ImageJobTrace:
        """Recognise the image by its name and volume."""
        origin = f'volume,{self.volume_id}'
        return image_trace.ImageJobTrace(
            [image_trace.Wanted(self.name, (origin,))]
        )

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the image."""
        return job_effect.of_images(job.image_ids, sdk.body_attributes(self))


class DataVolumeImages(resource.JobRequest):
    """Creation of data disk images from data disks: operation 7.

    ``POST /v2/cloudimages/action``
    """

    base_path = '/v2/cloudimages/action'
    purpose = "Creating the data disk images"

    data_images = resource.Body('data_images', type=list)
    """The data disks with their images' names: ``name``, ``volume_id``,
    ``description``, ``tags`` or ``image_tags``. *Type: list of dict*"""

    def trace(self) -> image_trace.ImageJobTrace:
        """Recognise the images by their names and volumes."""
        return image_trace.ImageJobTrace(
            image_trace.Wanted(disk['name'], (f'volume,{disk["volume_id"]}',))
            for disk in self.data_images
        )

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the images."""
        return job_effect.of_images(job.image_ids, *self.data_images)


class VolumeImageAttributes(_body.ServerImageAttributes, total=False):
    """Attributes of a system disk image from a data disk."""

    #: ``ECS``, which is the default, ``BMS``, ``FusionCompute``, ``Ironic``.
    type: str


class ServerImageMixin(_source.SourceMixin):
    """``conn.ims``: creating images from servers and volumes."""

    def create_image_from_server(
        self,
        server: _source.Source,
        name: str,
        *,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[_body.ServerImageAttributes],
    ) -> _job.Job:
        """Create an image from a server's system disk (operation 3).

        ``POST /v2/cloudimages/action``; job type
        ``imsCreateImageByInstance``. The server has to be stopped.

        :param server: The server, its ID, or its name.
        :param name: The image's name, up to 128 characters.
        :param safe_mode: Whether to use H's safe mode (operation 29): the
            same request, under ``/v2.1``.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See
            :class:`~ims_ext.extension.creation_body.ServerImageAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.image_id`` tells the image.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~openstack.exceptions.NotFoundException` where no
            server has the name, and
            :class:`~ims_ext.exceptions.EndpointNotFoundError` where there is
            no compute service to ask.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        body = _body.checked_body(
            {'name': validation.check_name(name)},
            attrs,
            _body.ServerImageAttributes.__optional_keys__,
        )
        body['instance_id'] = self._server_id(server)
        return self._start_job(
            ServerImage.new(**body),
            safe_mode=safe_mode,
            wait=wait,
            timeout=timeout,
        )

    def create_image_from_volume(
        self,
        volume: _source.Source,
        name: str,
        os_version: str,
        *,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[VolumeImageAttributes],
    ) -> _job.Job:
        """Create a system disk image from a data disk (operation 6).

        ``POST /v2/cloudimages/action``; job type
        ``imsVolumeCreateImageJob``. The disk has to hold an operating
        system, prepared as the cloud's guide says: the cloud does not check
        that.

        :param volume: The volume, its ID, or its name.
        :param name: The image's name, up to 128 characters.
        :param os_version: The operating system with its version, for where
            the cloud finds none on the disk.
        :param safe_mode: Whether to use H's safe mode (operation 29): the
            same request, under ``/v2.1``.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`VolumeImageAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.image_id`` tells the image.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~openstack.exceptions.NotFoundException` where no
            volume has the name, and
            :class:`~ims_ext.exceptions.EndpointNotFoundError` where there is
            no block storage service to ask.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        if not os_version:
            raise exceptions.ValidationError(
                "An image from a volume needs an os_version"
            )
        body = _body.checked_body(
            {
                'name': validation.check_name(name),
                'os_version': validation.check_os_version(os_version),
            },
            attrs,
            VolumeImageAttributes.__optional_keys__,
            types=VOLUME_IMAGE_TYPES,
        )
        body['volume_id'] = self._volume_id(volume)
        return self._start_job(
            VolumeImage.new(**body),
            safe_mode=safe_mode,
            wait=wait,
            timeout=timeout,
        )

    def create_data_images_from_volumes(
        self,
        data_images: Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
    ) -> _job.Job:
        """Create data disk images from a server's data disks (operation 7).

        ``POST /v2/cloudimages/action``; job type
        ``imsVolumesToSysDataImagesJob`` with a sub-job
        ``imsCopyVolumeToImageJob`` for each disk. They are one request,
        however many: no limit is documented.

        :param data_images: A mapping for each disk, or for the only one:
            ``name`` (the image's, up to 128 characters), ``volume_id`` (the
            volume, its ID, or its name), and, if wanted, ``description`` and
            ``tags`` or ``image_tags``.
        :param safe_mode: Whether to use H's safe mode (operation 29): the
            same request, under ``/v2.1``.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.sub_jobs`` tell the images.
        :raises: As :meth:`create_image_from_volume`.
        """
        if isinstance(data_images, Mapping):
            data_images = [data_images]
        # All are checked before the first one is looked up.
        checked = [
            _data_volume(validation.check_mapping('A data disk', image))
            for image in validation.check_several('data_images', data_images)
        ]
        if not checked:
            raise exceptions.ValidationError("No data disks were given")
        for image in checked:
            image['volume_id'] = self._volume_id(image['volume_id'])
        return self._start_job(
            DataVolumeImages.new(data_images=checked),
            safe_mode=safe_mode,
            wait=wait,
            timeout=timeout,
        )


def _data_volume(image: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in image.items() if value is not None}
    validation.check_known(
        "attribute of a data disk", given, _DATA_VOLUME_ATTRIBUTES
    )
    # Mandatory here, unlike where a data disk comes with a system disk.
    given.setdefault('name', None)
    return {
        'volume_id': given.get('volume_id'),
        **_body.described(given, "The data disk image"),
    }
