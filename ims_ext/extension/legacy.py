# SPDX-License-Identifier: Apache-2.0
"""Operations that the clouds have abandoned, and that still work."""

from collections.abc import Generator, Mapping
import datetime
from typing import Any, Unpack
import warnings

from openstack import exceptions as sdk_exceptions
from openstack import warnings as sdk_warnings

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import cloud_image as _cloud_image
from ims_ext.extension import query as _query

#: What the names of the headers that describe an image begin with.
_HEADER = 'x-image-meta-'
_PROPERTY = 'property-'


class LegacyImage(resource.Resource):
    """An image as Glance's first API shows it.

    ``GET /v1.1/images/detail`` and ``HEAD /v1/images/{image_id}``, both
    abandoned: :class:`~openstack.image.v2.image.Image` and
    :class:`~ims_ext.extension.cloud_image.CloudImage` replace it.
    """

    base_path = '/v1.1/images/detail'
    resources_key = 'images'

    allow_fetch = True
    allow_list = True

    getter = 'get_legacy_image'

    _query_mapping = resource.QueryParameters(
        'name',
        'container_format',
        'disk_format',
        'status',
        'size_min',
        'size_max',
        changes_since='changes-since',
        include_pagination_defaults=False,
    )

    id: str = resource.Body('id')
    """The image's ID."""
    status: str | None = resource.Body('status')
    """``queued``, ``saving``, ``active``, ``killed`` or ``deleted``."""
    virtual_size: int | None = resource.Body(
        'virtual_size', type=resource.FlexibleInt
    )
    """Size of the disk in bytes. *Type: int*"""
    name: str = resource.Body('name')
    """The image's name."""
    is_deleted: bool | None = resource.Body(
        'deleted', type=resource.FlexibleBool
    )
    """Whether the image has been deleted. *Type: bool*"""
    container_format: str | None = resource.Body('container_format')
    """``bare``."""
    created_at: str | None = resource.Body('created_at')
    """When the image was created, as the cloud wrote it (UTC)."""
    disk_format: str | None = resource.Body('disk_format')
    """``zvhd2``, ``zvhd``, ``vhd``, ``raw``, ``qcow2`` or ``iso``."""
    updated_at: str | None = resource.Body('updated_at')
    """When the image was last changed, as the cloud wrote it (UTC)."""
    properties: dict[str, Any] | None = resource.Body('properties')
    """The image's further attributes. *Type: dict*"""
    owner: str | None = resource.Body('owner')
    """ID of the project that the image belongs to."""
    is_protected: bool | None = resource.Body(
        'protected', type=resource.FlexibleBool
    )
    """Whether the image is protected from deletion. *Type: bool*"""
    min_ram: int | None = resource.Body('min_ram', type=resource.FlexibleInt)
    """MiB of memory that a server from the image needs. *Type: int*"""
    checksum: str | None = resource.Body('checksum')
    """MD5 of the image's data, once there is any."""
    min_disk: int | None = resource.Body('min_disk', type=resource.FlexibleInt)
    """GiB of the smallest disk that the image fits on. *Type: int*"""
    is_public: bool | None = resource.Body(
        'is_public', type=resource.FlexibleBool
    )
    """Whether everybody can use the image. *Type: bool*"""
    deleted_at: str | None = resource.Body('deleted_at')
    """When the image was deleted, as the cloud wrote it (UTC)."""
    size: int | None = resource.Body('size', type=resource.FlexibleInt)
    """Size of the image's data in bytes, once there is any. *Type: int*"""

    @property
    def created_datetime(self) -> datetime.datetime | None:
        """``created_at``, parsed, in UTC."""
        return resource.parse_time(self.created_at)

    @property
    def updated_datetime(self) -> datetime.datetime | None:
        """``updated_at``, parsed, in UTC."""
        return resource.parse_time(self.updated_at)

    @property
    def deleted_datetime(self) -> datetime.datetime | None:
        """``deleted_at``, parsed, in UTC."""
        return resource.parse_time(self.deleted_at)


class LegacyMixin(proxy.Proxy):
    """``conn.ims``: what the clouds have abandoned.

    Each method says with a
    :class:`~openstack.warnings.LegacyAPIWarning` what replaces it.
    """

    def legacy_images(
        self, **query: Unpack[_query.LegacyImageFilters]
    ) -> Generator[LegacyImage, None, None]:
        """List images with Glance's first API (abandoned).

        ``GET /v1.1/images/detail``; use ``images`` or ``cloud_images``.

        :param query: ``name``, ``container_format``, ``disk_format``,
            ``status``, ``size_min`` and ``size_max`` (bytes),
            ``changes_since`` (ISO 8601: images changed then or later).
        :returns: A generator of :class:`LegacyImage`, as many as the cloud
            lists at once: no further page is documented.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a filter
            that does not exist.
        """
        _warn('legacy_images', 'images')
        mapping = sdk.query_names(LegacyImage)
        validation.check_known('filter', query, {*mapping})
        images: Generator[LegacyImage, None, None] = self._list(
            LegacyImage,
            paginated=False,
            **{
                name: value.isoformat()
                if isinstance(value, datetime.datetime)
                else value
                for name, value in query.items()
            },
        )
        return images

    def get_legacy_image(self, image: _cloud_image.AnyImage) -> LegacyImage:
        """Get an image with Glance's first API (abandoned).

        ``HEAD /v1/images/{image_id}``, whose answer is in its headers; use
        ``get_image`` or ``get_cloud_image``.

        :param image: The image or its ID.
        :returns: The :class:`LegacyImage`.
        :raises: :class:`~openstack.exceptions.NotFoundException` where the
            project sees no such image.
        """
        _warn('get_legacy_image', 'get_image')
        image_id = _cloud_image.image_id(image)
        response = self.head(f'/v1/images/{image_id}')
        exceptions.raise_from_response(
            response, f"Cannot look up the image {image_id}"
        )
        return LegacyImage.existing(
            connection=self._get_connection(),
            **{'id': image_id, **_attributes(response.headers)},
        )

    def delete_legacy_image(
        self, image: _cloud_image.AnyImage, ignore_missing: bool = True
    ) -> None:
        """Delete an image with Glance's first API (abandoned).

        ``DELETE /v1.1/images/{image_id}``; use ``delete_image``.

        :param image: The image or its ID.
        :param ignore_missing: Whether it is no error that there is no such
            image.
        :raises: :class:`~openstack.exceptions.NotFoundException` where there
            is none and ``ignore_missing`` is ``False``.
        """
        _warn('delete_legacy_image', 'delete_image')
        image_id = _cloud_image.image_id(image)
        try:
            exceptions.raise_from_response(
                self.delete(f'/v1.1/images/{image_id}'),
                f"Cannot delete the image {image_id}",
            )
        except sdk_exceptions.NotFoundException:
            if not ignore_missing:
                raise


def _warn(method: str, replacement: str) -> None:
    warnings.warn(
        f"The clouds have abandoned the operation behind {method}: use "
        f"{replacement}",
        sdk_warnings.LegacyAPIWarning,
        stacklevel=3,
    )


def _attributes(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return an image's attributes under the service's names."""
    attributes: dict[str, Any] = {}
    properties: dict[str, str] = {}
    for header, value in headers.items():
        name = header.lower()
        if not name.startswith(_HEADER):
            continue
        name = name.removeprefix(_HEADER)
        # HTTP's headers are read as Latin-1; these are written as UTF-8.
        text = value.encode('latin-1', 'replace').decode('utf-8', 'replace')
        if name.startswith(_PROPERTY):
            properties[name.removeprefix(_PROPERTY)] = text
        else:
            attributes[name] = text
    return {**attributes, 'properties': properties}
