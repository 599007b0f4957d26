# SPDX-License-Identifier: Apache-2.0
"""Creating images from objects in buckets: plain and quick import."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from ims_ext import exceptions
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import creation_body as _body
from ims_ext.extension import job as _job
from ims_ext.extension import job_effect
from ims_ext.reconcile import image as image_trace

#: What a quickly imported image can be for.
QUICK_IMPORT_TYPES = ('ECS', 'BMS', 'DataImage')
#: Operating systems that a data disk can be for.
DATA_DISK_OS_TYPES = ('Linux', 'Windows')


class ObjectImport(resource.JobRequest):
    """Parameters that all requests to make an image of an object have."""

    name = resource.Body('name')
    """1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``."""
    description = resource.Body('description')
    """Up to 1,024 characters without ``<``, ``>`` and line ends."""
    image_url = resource.Body('image_url')
    """The object with the disk, ``bucket:key``."""
    os_type = resource.Body('os_type')
    """The operating system's type: ``Linux`` or ``Windows``."""
    min_disk = resource.Body('min_disk', type=int)
    """GiB of the smallest disk that the image fits on."""
    tags = resource.Body('tags', type=list)
    """Tags as ``key.value``; these or ``image_tags``. *Type: list of str*"""
    image_tags = resource.Body('image_tags', type=list)
    """Tags as ``key`` and ``value``. *Type: list of dict*"""
    enterprise_project_id = resource.Body('enterprise_project_id')
    """ID of the enterprise project, ``0`` for the default one."""

    def trace(self) -> image_trace.ImageJobTrace:
        """Recognise the image by its name and object."""
        return image_trace.ImageJobTrace([_wanted(self.name, self.image_url)])

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the image."""
        return job_effect.of_images(job.image_ids, sdk.body_attributes(self))


class QuickImport(ObjectImport):
    """Quick import of an image: operation 9.

    ``POST /v2/cloudimages/quickimport/action``. The object has the disk in
    RAW or ZVHD2 format; ``min_disk`` is 1 to 1024.
    """

    base_path = '/v2/cloudimages/quickimport/action'
    purpose = "Importing the image"

    os_version = resource.Body('os_version')
    """Operating system with version; mandatory for system disks."""
    type = resource.Body('type')
    """``ECS`` or ``BMS`` for system disks, ``DataImage`` for data disks."""
    architecture = resource.Body('architecture')
    """``x86`` or ``arm``."""
    hw_firmware_type = resource.Body('hw_firmware_type')
    """``bios`` or ``uefi``."""
    license_type = resource.Body('license_type')
    """Who licenses the operating system (H), for example ``byol``."""


class ImageCreation(ObjectImport):
    """Creation of an image: operations 4 and 5.

    ``POST /v2/cloudimages/action``. ``min_disk`` is 1 to 1024, ``os_type``
    may also be ``Other``.
    """

    base_path = '/v2/cloudimages/action'
    purpose = "Creating the image"

    os_version = resource.Body('os_version')
    """Operating system with version; mandatory for ISO files and with
    ``is_quick_import``."""
    is_config = resource.Body('is_config', type=bool)
    """Whether the cloud configures the image for its servers. *Type: bool*"""
    is_config_init = resource.Body('is_config_init', type=bool)
    """Whether that has been done already (H, by example). *Type: bool*"""
    cmk_id = resource.Body('cmk_id')
    """ID of the key to encrypt the image with."""
    type = resource.Body('type')
    """``ECS``, ``BMS``, ``FusionCompute``, ``Ironic`` or ``IsoImage``."""
    max_ram = resource.Body('max_ram')
    """MiB of memory that a server from the image can have."""
    min_ram = resource.Body('min_ram')
    """MiB of memory that a server from the image needs; 0 for no limit."""
    data_images = resource.Body('data_images')
    """Up to three data disks, each with an object of its own. *Type: list of
    dict*"""
    is_quick_import = resource.Body('is_quick_import')
    """Whether to import quickly, as operation 9 does. *Type: bool*"""
    architecture = resource.Body('architecture')
    """``x86`` or ``arm`` (H)."""
    hw_firmware_type = resource.Body('hw_firmware_type')
    """``bios`` or ``uefi`` (F, O)."""

    def trace(self) -> image_trace.ImageJobTrace:
        """Recognise the images by their names and objects."""
        disks = [
            _wanted(disk.get('name'), disk.get('image_url'))
            for disk in self.data_images or ()
            # The cloud makes up names for the others.
            if disk.get('name')
        ]
        return image_trace.ImageJobTrace(
            [_wanted(self.name, self.image_url), *disks]
        )

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the image, and those of its data disks."""
        return job_effect.of_images(
            job.image_ids,
            sdk.body_attributes(self),
            *(self.data_images or ()),
        )


class DataImageImport(ObjectImport):
    """Import of a data disk image: operation 8 (O, H).

    ``POST /v1/cloudimages/dataimages/action``. ``min_disk`` is at most 2048;
    ``os_type`` is ``Linux`` by default.
    """

    base_path = '/v1/cloudimages/dataimages/action'
    purpose = "Importing the data disk image"

    cmk_id = resource.Body('cmk_id')
    """ID of the key to encrypt the image with."""


#: The requests that import an object.
ImportRequest = ImageCreation | QuickImport | DataImageImport


class ObjectImportAttributes(_body.NewImageAttributes, total=False):
    """The attributes of an image that is made of an object."""

    #: ``Linux`` or ``Windows``; ``Linux`` is a data disk's default.
    os_type: str


class DataImageAttributes(ObjectImportAttributes, total=False):
    """The attributes of a data disk image that is imported."""

    #: ID of the key to encrypt the image with.
    cmk_id: str


class SystemImportAttributes(ObjectImportAttributes, total=False):
    """The attributes of an image with an operating system."""

    #: Operating system with version; mandatory for system disks.
    os_version: str
    #: ``ECS``, ``BMS``; ``DataImage`` for a data disk.
    type: str
    #: ``x86`` or ``arm``.
    architecture: str
    #: ``bios`` or ``uefi``.
    hw_firmware_type: str


class QuickImportAttributes(SystemImportAttributes, total=False):
    """The attributes of an image that is imported quickly."""

    #: Who licenses the operating system (H), for example ``byol``.
    license_type: str


class ImportAttributes(SystemImportAttributes, total=False):
    """The attributes of an image that is imported."""

    #: Whether the cloud configures the image for its servers.
    is_config: bool
    #: Whether that has been done already (H).
    is_config_init: bool
    #: ID of the key to encrypt the image with.
    cmk_id: str
    #: MiB of memory that a server from the image can have.
    max_ram: int
    #: MiB of memory that a server from the image needs.
    min_ram: int
    #: Up to three data disks: mappings with ``image_url``, ``min_disk``
    #: (GiB, to 2048), and, if wanted, ``name``, ``description``, ``tags`` or
    #: ``image_tags``, ``is_quick_import``.
    data_images: Iterable[Mapping[str, Any]]
    #: Whether to import quickly; needs ``os_version``.
    is_quick_import: bool


class CreationMixin(_job.JobMixin):
    """``conn.ims``: creating images."""

    def create_image_from_object(
        self,
        object_url: str,
        name: str,
        min_disk: int,
        *,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[ImportAttributes],
    ) -> _job.Job:
        """Create an image from an object in a bucket (operations 4 and 5).

        ``POST /v2/cloudimages/action``; job type ``imsImportImageJob``. The
        object may be of any documented format and smaller than 128 GiB; an
        ISO file takes ``type='IsoImage'`` and ``os_version``.

        :param object_url: The object, ``bucket:key``.
        :param name: The image's name, up to 128 characters.
        :param min_disk: GiB of the smallest disk that the image fits on, 1
            to 1024.
        :param safe_mode: Whether to use H's safe mode (operation 29): the
            same request, under ``/v2.1``.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`ImportAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.image_id`` tells the image.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        body = import_body(ImageCreation, object_url, name, min_disk, attrs)
        return self._start_job(
            ImageCreation.new(**body),
            safe_mode=safe_mode,
            wait=wait,
            timeout=timeout,
        )

    def quick_import_image(
        self,
        object_url: str,
        name: str,
        min_disk: int,
        *,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[QuickImportAttributes],
    ) -> _job.Job:
        """Create an image from a big object in a bucket (operation 9).

        ``POST /v2/cloudimages/quickimport/action``; job type
        ``imsImportImageJob`` with the sub-job ``imsImportBigFileImageJob``.
        The object is in RAW or ZVHD2 format, up to 1 TiB, and prepared as
        the cloud's guide says.

        :param object_url: The object, ``bucket:key``.
        :param name: The image's name, up to 128 characters.
        :param min_disk: GiB of the smallest disk that the image fits on, 1
            to 1024.
        :param safe_mode: Whether to use H's safe mode (operation 29): the
            same request, under ``/v2.1``.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`QuickImportAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        body = import_body(QuickImport, object_url, name, min_disk, attrs)
        return self._start_job(
            QuickImport.new(**body),
            safe_mode=safe_mode,
            wait=wait,
            timeout=timeout,
        )

    def create_data_image_from_object(
        self,
        object_url: str,
        name: str,
        min_disk: int,
        *,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[DataImageAttributes],
    ) -> _job.Job:
        """Create a data disk image from an object in a bucket (operation 8).

        ``POST /v1/cloudimages/dataimages/action`` (O, H); job type
        ``imsImportDataImageJob``. F documents the quick import of data disks
        only: :meth:`quick_import_image` with ``type='DataImage'``.

        :param object_url: The object, ``bucket:key``.
        :param name: The image's name, up to 128 characters.
        :param min_disk: GiB of the smallest disk that the image fits on, to
            2048; from 40 on O and H, from 1 on F, which the cloud decides.
        :param safe_mode: Whether to use H's safe mode (operation 29): the
            same request, under ``/v2.1``.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`DataImageAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.image_id`` tells the image.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        body = import_body(DataImageImport, object_url, name, min_disk, attrs)
        return self._start_job(
            DataImageImport.new(**body),
            safe_mode=safe_mode,
            wait=wait,
            timeout=timeout,
        )


_ATTRIBUTES: dict[type[ImportRequest], Any] = {
    ImageCreation: ImportAttributes,
    QuickImport: QuickImportAttributes,
    DataImageImport: DataImageAttributes,
}


def import_body(
    request: type[ImportRequest],
    object_url: str,
    name: str,
    min_disk: Any,
    attrs: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the parameters of an import, each one checked.

    :param request: Which operation's they are.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    is_plain = request is ImageCreation
    body = _body.checked_body(
        {
            'name': validation.check_name(name),
            'image_url': validation.check_object_url(object_url),
            'min_disk': validation.check_min_disk(
                min_disk,
                validation.DATA_DISK_SIZES
                if request is DataImageImport
                else validation.SYSTEM_DISK_SIZES,
            ),
        },
        attrs,
        _ATTRIBUTES[request].__optional_keys__,
        types=validation.IMAGE_TYPES if is_plain else QUICK_IMPORT_TYPES,
        os_types=validation.OS_TYPES if is_plain else DATA_DISK_OS_TYPES,
    )
    if request is not DataImageImport:
        _check_os_version(body, quick=not is_plain)
    return body


def _wanted(name: Any, image_url: Any) -> image_trace.Wanted:
    return image_trace.Wanted(str(name), (f'file,{image_url}',))


def _check_os_version(body: Mapping[str, Any], *, quick: bool) -> None:
    """Refuse an import that needs an ``os_version`` and has none."""
    kind = body.get('type')
    if body.get('os_version'):
        return
    if kind == 'IsoImage':
        raise exceptions.ValidationError(
            "An image from an ISO file needs an os_version"
        )
    if body.get('is_quick_import') or (quick and kind != 'DataImage'):
        raise exceptions.ValidationError(
            "The quick import of a system disk needs an os_version"
        )
