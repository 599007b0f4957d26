# SPDX-License-Identifier: Apache-2.0
"""Users' own properties, whatever they are called."""

from collections.abc import Iterator
from typing import Any
import uuid

from openstack import connection
from openstack.image.v2 import image as native_image
import pytest

from ims_ext.emulator.server import EmulatorServer

from .eventually import settle

#: Names that are parameters or attributes somewhere on the way, too.
NAMES = (
    'os_version',
    'os_type',
    'os_distro',
    'platform',
    'image_type',
    'description',
    'image',
    'attributes',
    'others',
    'kind',
    'state',
)


@pytest.fixture
def image(
    emulator: EmulatorServer, alice: connection.Connection
) -> Iterator[native_image.Image]:
    """An active image of Alice's with such properties."""
    made = alice.image.create_image(
        f'named-{uuid.uuid4().hex[:8]}',
        data=b'data',
        disk_format='raw',
        container_format='bare',
        allow_duplicates=True,
        validate_checksum=False,
        properties={name: f'my {name}' for name in NAMES},
    )
    settle(emulator)
    yield made
    alice.image.delete_image(made)


def own(image: Any) -> dict[str, Any]:
    return {name: image.properties.get(name) for name in NAMES}


def test_they_are_there_beside_the_clouds_attributes(
    alice: connection.Connection, image: native_image.Image
) -> None:
    shown = alice.ims.get_cloud_image(image.id)

    assert own(shown) == {name: f'my {name}' for name in NAMES}
    assert shown.os_version == 'Other Linux(64 bit)'
    assert shown.os_type == 'Linux'
    assert shown.platform == 'Other'
    assert shown.image_type == 'private'


def test_they_are_changed_and_removed(
    alice: connection.Connection, image: native_image.Image
) -> None:
    changed = alice.ims.update_cloud_image(
        image.id,
        properties={**dict.fromkeys(NAMES, 'new'), 'platform': None},
    )

    assert own(changed) == {**dict.fromkeys(NAMES, 'new'), 'platform': None}
    assert changed.platform == 'Other'
    assert own(alice.ims.get_cloud_image(image.id)) == own(changed)


def test_the_older_patch_changes_them(
    alice: connection.Connection, image: native_image.Image
) -> None:
    alice.ims.update_image_v20(image.id, os_version='new', platform='new')

    shown = alice.ims.get_cloud_image(image.id)
    assert shown.properties['os_version'] == 'new'
    assert shown.properties['platform'] == 'new'
    assert shown.os_version == 'Other Linux(64 bit)'


def test_they_find_the_image(
    alice: connection.Connection, image: native_image.Image
) -> None:
    found = alice.ims.cloud_images(properties={'os_version': 'my os_version'})

    assert image.id in [each.id for each in found]


def test_a_hidden_image_is_found_by_its_id(
    alice: connection.Connection, image: native_image.Image
) -> None:
    alice.image.update_image(image.id, is_hidden=True)

    assert alice.ims.get_cloud_image(image.id).name == image.name
    found = alice.ims.find_cloud_image(image.id, ignore_missing=False)
    assert found.os_type == 'Linux'
    assert found.properties['os_type'] == 'my os_type'


@pytest.mark.parametrize(
    ('filters', 'is_found'),
    [
        ({'size_min': 4, 'size_max': 4}, True),
        ({'size_min': 5}, False),
        ({'size_max': 3}, False),
        ({'agents': 'hss'}, True),
        ({'agents': 'ces,hss'}, True),
        ({'agents': 'xyz'}, False),
        ({'architecture': 'aarch64'}, True),
        ({'architecture': 'x86_64'}, False),
        ({'hw_disk_bus': 'scsi'}, True),
        ({'hw_disk_bus': 'ide'}, False),
        ({'__of_tomorrow': 'yes'}, True),
        ({'__of_tomorrow': 'no'}, False),
        ({'os_version': 'Other Linux(64 bit)'}, True),
        ({'os_version': 'Ubuntu 18.04 server 64bit'}, False),
    ],
    ids=str,
)
def test_what_no_reference_names_finds_images(
    alice: connection.Connection,
    attributed: native_image.Image,
    filters: dict[str, Any],
    is_found: bool,
) -> None:
    found = [each.id for each in alice.ims.cloud_images(**filters)]

    assert (attributed.id in found) == is_found


@pytest.fixture(scope='module')
def attributed(
    emulator: EmulatorServer, alice: connection.Connection
) -> Iterator[native_image.Image]:
    """An image of Alice's with attributes that no reference names."""
    made = alice.image.create_image(
        f'attributed-{uuid.uuid4().hex[:8]}',
        data=b'data',
        disk_format='raw',
        container_format='bare',
        allow_duplicates=True,
        validate_checksum=False,
        properties={
            '__support_agent_list': 'hss,ces',
            '__of_tomorrow': 'yes',
            'architecture': 'aarch64',
            'hw_disk_bus': 'scsi',
        },
    )
    settle(emulator)
    yield made
    alice.image.delete_image(made)
