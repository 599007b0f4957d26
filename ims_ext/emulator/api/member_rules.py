# SPDX-License-Identifier: Apache-2.0
"""Which images may be shared, whichever operation shares them."""

from ims_ext.emulator.api.cloud_image import own_image
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import State
from ims_ext.emulator.work.image_export import is_whole


def check_shareable(state: State, image: Image) -> None:
    """Refuse an image that its owner may not share.

    :raises: IMG.0089 for a public one, IMG.0098 for an encrypted one,
        IMG.0135 for a full-ECS image, unless it comes from CBR.
    """
    if image.visibility == 'public':
        raise ImsError('IMG.0089')
    if image.get('__system__cmkid'):
        raise ImsError('IMG.0098')
    if is_whole(image) and not _is_from_cbr(state, image):
        raise ImsError('IMG.0135')


def shareable_image(state: State, image_id: str, project_id: str) -> Image:
    """Return an image that a project may share.

    :raises: IMG.0089 for a public one, whoever owns it; IMG.0027 and
        IMG.0047 for another's; what :func:`check_shareable` raises.
    """
    image = state.images.visible(image_id, project_id)
    if image is None or image.visibility != 'public':
        image = own_image(state, image_id, project_id)
    check_shareable(state, image)
    return image


def _is_from_cbr(state: State, image: Image) -> bool:
    # O, H: the other backup service's cannot be shared.
    backup = state.backups.get(image.get('__backup_id') or '', image.owner)
    return backup is not None and backup.kind == 'CBR'
