# SPDX-License-Identifier: Apache-2.0
"""Moving an existing image's data: in from a bucket, out to one, copying."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from ims_ext import exceptions
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import cloud_image as _cloud_image
from ims_ext.extension import job as _job
from ims_ext.extension import job_effect
from ims_ext.reconcile import image as image_trace
from ims_ext.reconcile import transfer as transfer_trace

#: Formats of exported files: the parameter's table names the first four, the
#: error catalogue ``raw`` too.
EXPORT_FORMATS = ('qcow2', 'vhd', 'zvhd', 'vmdk', 'raw')

#: What the error catalogue names as the service's default.
DEFAULT_EXPORT_FORMAT = 'vhd'


class Registration(resource.JobRequest):
    """Registration of an object as an image's data: operation 11.

    ``PUT /v1/cloudimages/{image_id}/upload``
    """

    base_path = '/v1/cloudimages/%(image_id)s/upload'

    method = 'PUT'
    purpose = "Registering the image"

    image_id = resource.URI('image_id')
    """The image, made before with ``create_image`` and without data."""
    image_url = resource.Body('image_url')
    """The object with the disk, ``bucket:key``."""

    def trace(self) -> transfer_trace.RegistrationTrace:
        """Recognise it by the image's status."""
        return transfer_trace.RegistrationTrace(
            str(self.image_id), str(self.image_url)
        )

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the image until it has its data."""
        return job_effect.of_images([str(self.image_id)])


class Export(resource.JobRequest):
    """Export of an image to a bucket: operation 12.

    ``POST /v1/cloudimages/{image_id}/file``
    """

    base_path = '/v1/cloudimages/%(image_id)s/file'
    purpose = "Exporting the image"

    image_id = resource.URI('image_id')
    """The image."""
    bucket_url = resource.Body('bucket_url')
    """The object to write, ``bucket:key``."""
    file_format = resource.Body('file_format')
    """``qcow2``, ``vhd``, ``zvhd``, ``vmdk`` or ``raw``; not with a quick
    export."""
    is_quick_export = resource.Body('is_quick_export', type=bool)
    """Whether to export without conversion. *Type: bool*"""

    def trace(self) -> transfer_trace.ExportTrace:
        """Recognise it by the object."""
        return transfer_trace.ExportTrace(
            str(self.image_id), str(self.bucket_url)
        )


class Copy(resource.JobRequest):
    """Copying of an image within the region: operation 13.

    ``POST /v1/cloudimages/{image_id}/copy``
    """

    base_path = '/v1/cloudimages/%(image_id)s/copy'
    purpose = "Copying the image"

    image_id = resource.URI('image_id')
    """The image to copy."""
    name = resource.Body('name')
    """The copy's name: 1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``.
    """
    description = resource.Body('description')
    """Up to 1,024 characters without ``<``, ``>`` and line ends."""
    cmk_id = resource.Body('cmk_id')
    """ID of the key to encrypt the copy with."""
    enterprise_project_id = resource.Body('enterprise_project_id')
    """ID of the copy's enterprise project, ``0`` for the default one."""

    def trace(self) -> image_trace.ImageJobTrace:
        """Recognise the copy by its name and the image."""
        return image_trace.ImageJobTrace(
            [image_trace.Wanted(self.name, (f'image,{self.image_id}',))]
        )

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the copy."""
        return job_effect.of_images(job.image_ids, sdk.body_attributes(self))


class RegionCopy(resource.JobRequest):
    """Copying of an image to another region: operation 14 (H).

    ``POST /v1/cloudimages/{image_id}/cross_region_copy``
    """

    base_path = '/v1/cloudimages/%(image_id)s/cross_region_copy'
    purpose = "Copying the image to another region"

    image_id = resource.URI('image_id')
    """The image to copy."""
    name = resource.Body('name')
    """The copy's name: 1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``.
    """
    description = resource.Body('description')
    """Up to 1,024 characters without ``<``, ``>`` and line ends."""
    region = resource.Body('region')
    """ID of the other region."""
    project_name = resource.Body('project_name')
    """Name of the project in the other region that is to have the copy."""
    agency_name = resource.Body('agency_name')
    """Name of the agency that lets the service act in both regions."""
    vault_id = resource.Body('vault_id')
    """ID of the other region's backup vault, for full-server images (H, not in
    the reference of 2022)."""

    def trace(self) -> transfer_trace.RegionCopyTrace:
        """Say where the copy would be: it cannot be seen from here."""
        return transfer_trace.RegionCopyTrace(
            self.name, self.region, self.project_name
        )


class CopyAttributes(TypedDict, total=False):
    """Attributes of the copy of an image."""

    #: Up to 1,024 characters without ``<``, ``>`` and line ends; the copy
    #: does not inherit the image's.
    description: str
    #: ID of the key to encrypt the copy with; without, it is not encrypted.
    cmk_id: str
    #: ID of the copy's enterprise project, ``0`` for the default one.
    enterprise_project_id: str


class RegionCopyAttributes(TypedDict, total=False):
    """Attributes of the copy of an image in another region."""

    #: Up to 1,024 characters without ``<``, ``>`` and line ends.
    description: str
    #: ID of the other region's backup vault, for full-server images.
    vault_id: str


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
            image_id=_cloud_image.image_id(image),
            image_url=validation.check_object_url(object_url),
        )
        return self._start_job(request, wait=wait, timeout=timeout)

    def export_image(
        self,
        image: _cloud_image.AnyImage,
        object_url: str,
        *,
        file_format: str | None = None,
        is_quick_export: bool = False,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
    ) -> _job.Job:
        """Write a private image to an object in a bucket (operation 12).

        ``POST /v1/cloudimages/{image_id}/file``; job type
        ``imsNativeExportImageJob``, with the sub-job
        ``imsQuickExportImageJob`` for a quick export. The bucket is in the
        image's region and of the standard storage class, and has no such
        object yet. Images above 128 GiB are exported quickly only, those of
        1 TiB and more not at all; nor are full-server images, ISO images,
        and those that derive from public images of Windows, SUSE, Red Hat,
        Ubuntu and Oracle Linux.

        :param image: The image or its ID.
        :param object_url: The object to write, ``bucket:key``.
        :param file_format: ``qcow2``, ``vhd``, ``zvhd``, ``vmdk`` or, where
            the cloud offers it, ``raw``. The parameter's table calls it
            mandatory, the error catalogue has ``vhd`` as the default: so
            ``vhd`` is sent where nothing is said, whatever the key's ending.
        :param is_quick_export: Whether to export without conversion, as
            ``zvhd2``; excludes ``file_format``.
        :param safe_mode: Whether to use H's safe mode (operation 29).
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for an address
            that is none, an unknown format, or a format for a quick export.
        :raises: :class:`~ims_ext.exceptions.NotExportableError` where the
            service does not export the image.
        :raises: :class:`~ims_ext.exceptions.BucketRefusedError` where it
            cannot use the bucket, or the object exists.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        request = Export.new(
            image_id=_cloud_image.image_id(image),
            bucket_url=validation.check_object_url(object_url),
            **_export_format(file_format, is_quick_export),
        )
        return self._start_job(
            request, safe_mode=safe_mode, wait=wait, timeout=timeout
        )

    def copy_image(
        self,
        image: _cloud_image.AnyImage,
        name: str,
        *,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[CopyAttributes],
    ) -> _job.Job:
        """Copy an image within the region (operation 13).

        ``POST /v1/cloudimages/{image_id}/copy``; job type
        ``imsCopyImageInRegionJob``. So an image becomes encrypted, or the
        copy of an encrypted one is not. Full-server images and ISO images
        cannot be copied, images shared by others only once accepted and not
        encrypted.

        :param image: The image or its ID.
        :param name: The copy's name, up to 128 characters.
        :param safe_mode: Whether to use H's safe mode (operation 29).
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`CopyAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.image_id`` tells the copy.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        request = Copy.new(
            image_id=_cloud_image.image_id(image),
            name=validation.check_name(name),
            **_checked(CopyAttributes, attrs),
        )
        return self._start_job(
            request, safe_mode=safe_mode, wait=wait, timeout=timeout
        )

    def copy_image_to_region(
        self,
        image: _cloud_image.AnyImage,
        name: str,
        region: str,
        project_name: str,
        agency_name: str,
        *,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[RegionCopyAttributes],
    ) -> _job.Job:
        """Copy a private image to another region (operation 14, H).

        ``POST /v1/cloudimages/{image_id}/cross_region_copy``. Encrypted
        images and ISO images cannot be copied so, nor images above 128 GiB,
        in some regions 300 GiB; five can be under way at a time. The other
        region has to be another one than this.

        :param image: The image or its ID.
        :param name: The copy's name, up to 128 characters.
        :param region: ID of the other region.
        :param project_name: Name of the project there that gets the copy.
        :param agency_name: Name of the agency that lets the image service
            act for the user in both regions.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`RegionCopyAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~ims_ext.exceptions.UnsupportedOperationError` where
            the cloud does not copy across regions.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        request = RegionCopy.new(
            image_id=_cloud_image.image_id(image),
            name=validation.check_name(name),
            region=_given('region', region),
            project_name=_given('project_name', project_name),
            agency_name=_given('agency_name', agency_name),
            **_checked(RegionCopyAttributes, attrs),
        )
        return self._start_job(request, wait=wait, timeout=timeout)


def _export_format(
    file_format: str | None, is_quick_export: bool
) -> dict[str, Any]:
    """Return the parameters that say how to write an exported image."""
    quick = validation.check_flag('is_quick_export', is_quick_export)
    if not quick:
        return {
            'file_format': validation.check_choice(
                'file_format',
                file_format or DEFAULT_EXPORT_FORMAT,
                EXPORT_FORMATS,
            ),
            'is_quick_export': quick,
        }
    if file_format:
        raise exceptions.ValidationError(
            f"A quick export has no file_format, it writes zvhd2; leave "
            f"{file_format!r} out, or is_quick_export"
        )
    return {'is_quick_export': quick}


def _checked(kind: type[Any], attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a copy, each one checked."""
    validation.check_known('attribute', attrs, kind.__annotations__)
    return {
        name: validation.check_description(value)
        if name == 'description'
        else validation.check_text(name, value)
        for name, value in attrs.items()
        if value is not None
    }


def _given(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise exceptions.ValidationError(f"The {name} is missing")
    return value
