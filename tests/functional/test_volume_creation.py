# SPDX-License-Identifier: Apache-2.0
"""Volumes made of images, of volumes, and of nothing."""

import json
from typing import Any

from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext.emulator.server import EmulatorServer

from .openstack_command import Run
from .own_cloud import Cloud
from .plain_http import Client

OS_VERSION = 'Ubuntu 18.04 server 64bit'


def create(cloud: Cloud, **attributes: Any) -> Any:
    """Make a volume."""
    made = cloud.conn.block_storage.create_volume(
        **{'name': 'made', 'size': 40, **attributes}
    )
    return cloud.conn.block_storage.get_volume(made.id)


def public_image(cloud: Cloud) -> Any:
    """Return a public image."""
    return next(cloud.conn.image.images(name=OS_VERSION))


def test_a_volume_knows_the_image_that_it_was_made_of(cloud: Cloud) -> None:
    image = public_image(cloud)
    volume = create(cloud, image_id=image.id)
    known = volume.volume_image_metadata

    assert (volume.status, volume.is_bootable) == ('available', True)
    assert known['image_id'] == image.id
    assert (known['min_disk'], known['__os_version']) == ('40', OS_VERSION)
    assert all(isinstance(each, str) for each in known.values())


def test_a_volume_takes_a_while(slow: Cloud) -> None:
    volume = create(slow)
    block_storage = slow.conn.block_storage

    assert volume.status == 'creating'
    with pytest.raises(sdk_exceptions.BadRequestException):
        block_storage.delete_volume(volume)
    slow.server.clock.advance('1h')
    assert block_storage.get_volume(volume.id).status == 'available'


def test_an_image_is_made_of_such_a_volume(cloud: Cloud) -> None:
    volume = create(cloud, image_id=public_image(cloud).id, size=50)
    job = cloud.conn.ims.create_image_from_volume(
        volume.id, 'of-volume', OS_VERSION, wait=True
    )
    image = cloud.image(job)
    assert (image.min_disk, image.os_version) == (50, OS_VERSION)


def test_a_volume_is_a_copy_of_another(cloud: Cloud) -> None:
    source = create(cloud, image_id=public_image(cloud).id)
    copy = create(cloud, name='copy', source_volume_id=source.id, size=None)

    assert copy.size == 40
    assert copy.volume_image_metadata == source.volume_image_metadata
    with pytest.raises(sdk_exceptions.BadRequestException):
        create(cloud, source_volume_id=source.id, size=39)


@pytest.mark.parametrize(
    'volume',
    [
        {},
        {'size': 0},
        {'size': 'x'},
        {'size': True},
        {'size': 32769},
        {'size': 10, 'name': 5},
        {'size': 10, 'metadata': ['x']},
        {'size': 10, 'description': 5},
        {'size': 10, 'imageRef': 'unknown'},
        {'size': 10, 'metadata': {'__system__encrypted': '1'}},
    ],
    ids=repr,
)
def test_what_is_no_volume_is_refused(
    tenant: Client, volume: dict[str, Any]
) -> None:
    answer = tenant.block_storage('POST', '/volumes', json={'volume': volume})
    assert answer.status_code == 400, answer.text
    assert answer.json()['badRequest']['message']


@pytest.mark.parametrize('source', ['source_volid', 'snapshot_id'])
def test_an_unknown_source_is_not_found(tenant: Client, source: str) -> None:
    volume = {'size': 10, source: 'unknown'}
    answer = tenant.block_storage('POST', '/volumes', json={'volume': volume})
    assert answer.status_code == 404


def test_a_volume_has_room_for_its_image(cloud: Cloud) -> None:
    with pytest.raises(sdk_exceptions.BadRequestException, match='40'):
        create(cloud, image_id=public_image(cloud).id, size=39)


def test_a_volume_that_a_server_uses_is_not_deleted(cloud: Cloud) -> None:
    volume_id = cloud.volume_id('web-data')
    with pytest.raises(sdk_exceptions.BadRequestException, match='in-use'):
        cloud.conn.block_storage.delete_volume(volume_id)

    free = cloud.volume_id('spare-data')
    cloud.conn.block_storage.delete_volume(free)
    assert free not in {each.id for each in cloud.conn.block_storage.volumes()}


def test_a_volume_is_enlarged(cloud: Cloud) -> None:
    volume = cloud.volume('spare-data')
    cloud.conn.block_storage.extend_volume(volume, 20)
    assert cloud.volume('spare-data').size == 20
    with pytest.raises(sdk_exceptions.BadRequestException, match='greater'):
        cloud.conn.block_storage.extend_volume(volume, 20)


def test_types_zones_and_limits_can_be_looked_up(cloud: Cloud) -> None:
    block_storage = cloud.conn.block_storage

    assert [each.name for each in block_storage.types()] == ['SSD']
    assert block_storage.find_type('SSD', ignore_missing=False).is_public
    zones = list(block_storage.availability_zones())
    assert [each.name for each in zones] == ['eu-emu-1a']
    assert block_storage.get_limits().absolute.total_volumes_used == 8
    assert list(block_storage.snapshots()) == []


def test_the_command_makes_a_volume_of_an_image(
    run: Run, name: str, emulator: EmulatorServer
) -> None:
    made = run(
        'volume',
        'create',
        '--image',
        OS_VERSION,
        '--size',
        '40',
        name,
        '-f',
        'json',
    )
    assert made.returncode == 0, made.stderr
    try:
        shown = json.loads(run('volume', 'show', name, '-f', 'json').stdout)
        assert shown['volume_image_metadata']['image_name'] == OS_VERSION
    finally:
        emulator.clock.advance(1)
        done = run('volume', 'delete', name)
    assert done.returncode == 0, done.stderr
