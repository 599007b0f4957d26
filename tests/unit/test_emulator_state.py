# SPDX-License-Identifier: Apache-2.0
"""What the emulator keeps, when keeping it does not go well."""

import pathlib

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import State


class Killed(Exception):
    """Stands for the end of the process."""


def stored_image(state: State) -> Image:
    """Return an image that has data."""
    image = state.images.add(
        Image.new(owner='alpha', name='kept', attributes={})
    )
    state.image_file(image.id).write_bytes(b'data')
    return image


def delete_and_die(state: State, image: Image) -> None:
    """Delete an image, without living to keep that."""
    with state.transaction():
        state.images.delete(image.id)
        raise Killed


def test_an_image_whose_deletion_is_not_kept_has_its_data(
    tmp_path: pathlib.Path,
) -> None:
    state = State(tmp_path)
    image = stored_image(state)
    with pytest.raises(Killed):
        delete_and_die(state, image)
    assert state.images.get(image.id) is not None
    assert state.image_file(image.id).read_bytes() == b'data'


def test_an_image_s_data_goes_with_it(tmp_path: pathlib.Path) -> None:
    state = State(tmp_path)
    image = stored_image(state)
    with state.transaction():
        state.images.delete(image.id)
    assert not state.image_file(image.id).exists()


def test_data_whose_image_is_gone_is_cleared_away_at_the_start(
    tmp_path: pathlib.Path,
) -> None:
    state = State(tmp_path)
    left = state.image_file('11111111-2222-3333-4444-555555555555')
    left.write_bytes(b'data')
    kept = state.image_file(stored_image(state).id)
    state.close()
    with EmulatorServer(state_dir=tmp_path):
        assert (left.exists(), kept.exists()) == (False, True)
