# SPDX-License-Identifier: Apache-2.0
"""Where the references contradict themselves: sharing, sizes, states, ARM.

The numbers go on from those of the bounds.
"""

from collections.abc import Iterator
from pathlib import Path
import socket
from typing import Any
from urllib.parse import urlsplit

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext import objectstore

from ..functional.own_cloud import Cloud
from ..functional.own_cloud import own_cloud
from ..functional.own_cloud import refused
from .conftest import IMS_URL
from .prepared import IMAGES
from .prepared import let_image
from .prepared import make_image
from .prepared import sent

GIB = 2**30
UBUNTU = 'Ubuntu 18.04 server 64bit'
SAMPLE = 'images:disk.qcow2'
NOBODY = 'f' * 32


@pytest.fixture(scope='module')
def emulated(disks: dict[str, Path]) -> Iterator[Cloud]:
    """A cloud with a disk in the bucket ``images``."""
    with own_cloud(job_seconds=0.1) as running:
        objectstore.ObjectStore(running.conn).upload(
            disks['qcow2'], *SAMPLE.split(':')
        )
        yield running


def stored(emulated: Cloud, **attributes: Any) -> str:
    """Make an active image with attributes of the service's own."""
    image_id = make_image(emulated, name='stored')
    images = emulated.server._state.images
    image = images.get(image_id)
    assert image is not None
    image.attributes.update(attributes)
    images.save(image)
    return image_id


def sized(emulated: Cloud, size: int) -> str:
    """Make an active image whose file has a size, in bytes."""
    image_id = make_image(emulated)
    path = emulated.server._state.image_file(image_id)
    with path.open('r+b') as file:
        file.truncate(size)
    return image_id


def public(emulated: Cloud) -> str:
    """Return the ID of a public image, whose OS is charged for."""
    [image] = emulated.conn.ims.cloud_images(name=UBUNTU, image_type='gold')
    return str(image.id)


# 21: the number of members that an image may have is another in each cloud,
# and some images have none.
def test_no_more_members_are_sent_than_any_cloud_permits(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.post(f'{IMS_URL}/v1/cloudimages/members', json={'job_id': 'j1'})
    projects = [f'{number:032x}' for number in range(257)]

    conn.ims.add_image_members('i1', projects[:256])
    assert sent(cloud)['projects'] == projects[:256]
    with pytest.raises(exceptions.ValidationError, match='257'):
        conn.ims.add_image_members('i1', projects)


def test_the_emulators_images_have_128_members(emulated: Cloud) -> None:
    ims, image_id = emulated.conn.ims, make_image(emulated)
    beta = emulated.connect('bob').current_project_id
    path = f'/v2/images/{image_id}/members'

    statuses = [
        ims.post(path, json={'member': f'{number:032x}'}).status_code
        for number in range(129)
    ]

    assert statuses == [200] * 128 + [413]
    with pytest.raises(exceptions.JobFailedError) as caught:
        ims.add_image_members(image_id, beta, wait=True)
    assert caught.value.code == 'IMG.0088'


@pytest.mark.parametrize(
    ('attributes', 'code'),
    [
        ({'__system__cmkid': 'k1'}, 'IMG.0098'),
        ({'__whole_image': 'true'}, 'IMG.0135'),
        ({}, 'IMG.0076'),
    ],
)
def test_some_images_are_not_shared_and_none_with_oneself(
    emulated: Cloud, attributes: dict[str, str], code: str
) -> None:
    image_id = stored(emulated, **attributes)
    project = NOBODY if attributes else emulated.conn.current_project_id

    with pytest.raises(exceptions.NotShareableError) as caught:
        emulated.conn.ims.add_image_members(image_id, project)

    assert caught.value.code == code


# 22: sizes are binary, and some bounds belong to what they bound.
@pytest.mark.parametrize(
    ('disk_format', 'size', 'route'),
    [
        ('qcow2', 2 * GIB - 1, diskimage.Route.NATIVE),
        ('qcow2', 2 * GIB, None),
        ('qcow2', 128 * GIB - 1, diskimage.Route.IMPORT),
        ('qcow2', 128 * GIB, None),
        ('raw', 128 * GIB, diskimage.Route.QUICK_IMPORT),
        ('zvhd2', 1024 * GIB, diskimage.Route.QUICK_IMPORT),
        ('raw', 1024 * GIB + 1, None),
    ],
)
def test_a_file_takes_the_way_that_is_open_to_its_size(
    disk_format: str, size: int, route: diskimage.Route | None
) -> None:
    image = diskimage.DiskImage('disk', disk_format, size, size)
    has_bucket = size > 2 * GIB

    if route is None:
        with pytest.raises(exceptions.DiskImageError, match='GiB'):
            diskimage.choose_route(image, has_bucket=has_bucket)
    else:
        assert diskimage.choose_route(image, has_bucket=has_bucket) is route


@pytest.mark.parametrize(
    ('size', 'quick'), [(128 * GIB + 1, False), (1024 * GIB, True)]
)
def test_the_emulator_exports_no_larger_images(
    emulated: Cloud, size: int, quick: bool
) -> None:
    with pytest.raises(exceptions.NotExportableError) as caught:
        emulated.conn.ims.export_image(
            sized(emulated, size), 'images:22', is_quick_export=quick
        )

    assert caught.value.code == 'IMG.0160'


def test_the_emulator_takes_no_larger_upload(emulated: Cloud) -> None:
    image = emulated.conn.ims.create_image_metadata('a')
    url = urlsplit(emulated.conn.ims.root_url())
    head = (
        f'PUT {url.path}/v2/images/{image.id}/file HTTP/1.1',
        f'Host: {url.netloc}',
        f'X-Auth-Token: {emulated.conn.auth_token}',
        'Content-Type: application/octet-stream',
        # What is a little larger only is read first.
        f'Content-Length: {2 * GIB + GIB // 32}',
    )

    with socket.create_connection((url.hostname, url.port)) as client:
        client.settimeout(30)
        client.sendall('\r\n'.join((*head, '', '')).encode())
        answer = client.recv(100)

    assert b' 413 ' in answer


def test_the_emulator_takes_no_larger_body(emulated: Cloud) -> None:
    def status(size: int) -> int:
        answer = emulated.conn.ims.post(
            '/v2/cloudimages/action',
            data=b'{"name": 1}'.ljust(size),
            headers={'Content-Type': 'application/json'},
        )
        return int(answer.status_code)

    assert status(12 * 1024**2) == 400
    assert status(12 * 1024**2 + 1) == 413


# 23: what state and kind an image has to be of is said in many places.
def test_the_emulator_changes_active_images_only(emulated: Cloud) -> None:
    queued = emulated.conn.ims.create_image_metadata('queued')

    with refused('IMG.0046'):
        emulated.conn.ims.update_cloud_image(queued.id, description='d')


def test_the_emulator_deletes_no_protected_image(emulated: Cloud) -> None:
    image_id = make_image(emulated, protected=True)

    with pytest.raises(sdk_exceptions.ForbiddenException):
        emulated.conn.ims.delete_image(image_id)

    assert emulated.conn.ims.get_image(image_id).id == image_id


@pytest.mark.parametrize(
    ('attributes', 'export', 'copy'),
    [
        ({'__whole_image': 'true'}, 'IMG.0128', 'IMG.0130'),
        ({'virtual_env_type': 'IsoImage'}, 'IMG.0167', 'IMG.0167'),
        ({'__account_code': 'charged'}, 'IMG.0079', None),
    ],
)
def test_the_emulator_exports_and_copies_not_every_image(
    emulated: Cloud,
    attributes: dict[str, str],
    export: str,
    copy: str | None,
) -> None:
    image_id = stored(emulated, **attributes)

    with refused(export):
        emulated.conn.ims.export_image(image_id, 'images:23')
    if copy is None:
        assert emulated.conn.ims.copy_image(image_id, 'copy', wait=True)
    else:
        with refused(copy):
            emulated.conn.ims.copy_image(image_id, 'copy')


def test_the_emulator_exports_no_public_image(emulated: Cloud) -> None:
    with pytest.raises(exceptions.NotExportableError) as caught:
        emulated.conn.ims.export_image(public(emulated), 'images:23')

    assert caught.value.code == 'IMG.0077'


def test_the_emulator_makes_one_image_of_a_backup(emulated: Cloud) -> None:
    ims = emulated.conn.ims
    ims.create_whole_image('first', backup='web-csbs', wait=True)

    with pytest.raises(exceptions.BackupUsedError):
        ims.create_whole_image('second', backup='web-csbs')


# 24: firmware for ARM is uefi, whatever is not said.
def test_no_bios_is_asked_for_on_arm(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.post(f'{IMAGES}/action', json={'job_id': 'j1'})
    create = conn.ims.create_image_from_object

    create(SAMPLE, 'a', 40, architecture='arm', hw_firmware_type='uefi')
    assert sent(cloud)['hw_firmware_type'] == 'uefi'
    create(SAMPLE, 'a', 40, architecture='arm')
    assert 'hw_firmware_type' not in sent(cloud)
    with pytest.raises(exceptions.ValidationError, match='UEFI'):
        create(SAMPLE, 'a', 40, architecture='arm', hw_firmware_type='bios')


def test_the_emulators_arm_images_boot_with_uefi(emulated: Cloud) -> None:
    job = emulated.conn.ims.create_image_from_object(
        *(SAMPLE, 'arm', 40), architecture='arm', wait=True
    )
    bios = {'architecture': 'arm', 'hw_firmware_type': 'bios'}
    body = {'name': 'a', 'min_disk': 40, 'image_url': SAMPLE, **bios}

    assert emulated.image(job).hw_firmware_type == 'uefi'
    assert emulated.post('/v2/cloudimages/action', **body) == 'IMG.0141'


# 25: without a word on it, only registered images are listed.
def test_nothing_is_said_of_registration_unless_asked_for(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.get(IMAGES, json={'images': []})
    queries = []
    for filters in ({}, {'is_registered': False}, {'__isregistered': True}):
        assert list(conn.ims.cloud_images(**filters)) == []
        assert cloud.last_request is not None
        queries.append(cloud.last_request.qs.get('__isregistered'))

    assert queries == [None, ['false'], ['true']]


def test_the_emulator_lists_registered_images_by_default(
    emulated: Cloud,
) -> None:
    image_id = stored(emulated, __isregistered='false')

    def listed(**filters: bool) -> bool:
        images = emulated.conn.ims.cloud_images(id=image_id, **filters)
        return [image.id for image in images] == [image_id]

    assert not listed()
    assert not listed(is_registered=True)
    assert listed(is_registered=False)


# 26: one cloud names hw_firmware_uefi what the others name
# hw_firmware_type.
@pytest.mark.parametrize('written', ['true', True])
def test_both_names_of_the_firmware_are_read(
    conn: connection.Connection, cloud: requests_mock.Mocker, written: Any
) -> None:
    older = let_image(conn, cloud, hw_firmware_uefi=written)
    newer = let_image(conn, cloud, hw_firmware_type='uefi')

    assert older.is_firmware_uefi is True
    assert older.hw_firmware_type is None
    assert newer.hw_firmware_type == 'uefi'
    assert not older.properties
