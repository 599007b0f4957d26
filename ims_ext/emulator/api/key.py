# SPDX-License-Identifier: Apache-2.0
"""The keys of encrypted images: which can be used, and which are refused."""

from collections.abc import Iterable

from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import State

#: The attribute that has an encrypted image's key.
KEY = '__system__cmkid'


def check_key(state: State, key_id: str, project_id: str) -> None:
    """Refuse a key that nothing can be encrypted with.

    :raises: IMG.0095 for an unknown one, IMG.0097 for one that is disabled.
    """
    key = state.keys.get(key_id, project_id)
    if key is None:
        raise ImsError('IMG.0095')
    if not key.is_usable:
        raise ImsError('IMG.0097')


def check_keys(state: State, images: Iterable[Image]) -> None:
    """Refuse new images whose keys nothing can be encrypted with.

    :raises: As :func:`check_key`.
    """
    for image in images:
        if image.get(KEY):
            check_key(state, image.get(KEY), image.owner)


def check_image_key(state: State, image: Image) -> None:
    """Refuse an encrypted image that cannot be read.

    :raises: IMG.0101 where its key is gone, IMG.0102 where it is disabled.
    """
    key_id = image.get(KEY)
    if not key_id:
        return
    key = state.keys.get(key_id, image.owner)
    if key is None:
        raise ImsError('IMG.0101')
    if not key.is_usable:
        raise ImsError('IMG.0102')
