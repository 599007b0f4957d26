# SPDX-License-Identifier: Apache-2.0
"""The images that a project may change."""

from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import State


def own_image(state: State, image_id: str, project_id: str) -> Image:
    """Return an image that a project owns.

    :raises: IMG.0027 for one that it may not even see, IMG.0047 for one
        that it may see.
    """
    image = state.images.visible(image_id, project_id, at_once=True)
    if image is None:
        raise ImsError('IMG.0027')
    if image.owner != project_id:
        raise ImsError('IMG.0047')
    return image
