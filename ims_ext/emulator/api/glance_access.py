# SPDX-License-Identifier: Apache-2.0
"""Who may do what in a whole Glance, where administrators may do more."""

from ims_ext.emulator.api import native
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Request
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import State

#: The visibilities that images are given, by who gives them.
OF_TENANTS = ('private', 'shared', 'community')
OF_ADMINISTRATORS = (*OF_TENANTS, 'public')


def visibilities(request: Request) -> tuple[str, ...]:
    """Return the visibilities that the caller may give an image."""
    return OF_ADMINISTRATORS if request.caller.is_admin else OF_TENANTS


def visible_image(state: State, request: Request, image_id: str) -> Image:
    """Return an image that the caller may see.

    :raises: :class:`~ims_ext.emulator.errors.NotFound` for all others.
    """
    if not request.caller.is_admin:
        return native.visible_image(state, image_id, request.project_id)
    image = state.images.get(image_id)
    if image is None:
        raise NotFound(f"No image found with ID {image_id}")
    return image


def own_image(state: State, request: Request, image_id: str) -> Image:
    """Return an image that the caller may change.

    :raises: :class:`~ims_ext.emulator.errors.NotFound` for one that they may
        not even see, ``Forbidden`` for one that they may see.
    """
    if request.caller.is_admin:
        return visible_image(state, request, image_id)
    return native.own_image(state, image_id, request.project_id)


def check_administrator(request: Request) -> None:
    """Refuse callers who are no administrators.

    :raises: :class:`~ims_ext.emulator.errors.Forbidden`
    """
    if not request.caller.is_admin:
        raise Forbidden(
            "You are not authorized to complete this action: it is an "
            "administrator's."
        )
