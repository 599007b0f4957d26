# SPDX-License-Identifier: Apache-2.0
"""Images as the sources of servers and volumes."""

from typing import Any

from ims_ext import os_versions
from ims_ext.emulator.api.image_attributes import DEFAULT_OS_VERSION
from ims_ext.emulator.api.key import check_image_key
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import State

_GIB = 2**30

#: Attributes that a volume does not keep of its image.
_LEFT_OUT = frozenset(
    {
        '__description',
        '__image_location',
        'active_at',
        'enterprise_project_id',
        'os_hidden',
        'protected',
        'virtual_size',
    }
)


def source_image(state: State, image_id: Any, project_id: str) -> Image:
    """Return an image that a project may make servers and volumes of.

    :param image_id: What a client gave as the ID.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    image = (
        state.images.visible(image_id, project_id)
        if isinstance(image_id, str)
        else None
    )
    if image is None:
        raise BadRequest("Can not find requested image")
    if image.status != 'active':
        raise BadRequest(f"Image {image.id} is not active.")
    try:
        check_image_key(state, image)
    except ImsError as error:
        raise BadRequest(f"Image {image.id}: {error.message}") from error
    return image


def smallest_disk(image: Image) -> int:
    """Return how large a disk of an image has to be, in GiB."""
    data = image.get('virtual_size') or image.get('size') or 0
    return max(image.get('min_disk') or 0, -(-data // _GIB), 1)


def check_size(image: Image, size: int) -> None:
    """Refuse a disk that is too small for an image.

    :param size: GiB.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    smallest = smallest_disk(image)
    if size < smallest:
        raise BadRequest(
            f"Volume size {size}GB cannot be smaller than the {smallest}GB "
            f"that image {image.id} needs."
        )


def operating_system(image: Image) -> str | None:
    """Return the documented OS version of an image, ``None`` without one."""
    if image.get('virtual_env_type') == 'DataImage':
        return None
    known = os_versions.find(str(image.get('__os_version')))
    return known.version if known else DEFAULT_OS_VERSION


def image_metadata(image: Image) -> dict[str, str]:
    """Return what a volume keeps of the image that it was made of."""
    return {
        'image_id': image.id,
        'image_name': image.name or '',
        **{
            name: _text(value)
            for name, value in image.attributes.items()
            if value is not None and name not in _LEFT_OUT
        },
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
