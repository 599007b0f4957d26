# SPDX-License-Identifier: Apache-2.0
"""Operation 8: an object in a bucket becomes a data disk image."""

import json
from pathlib import Path
from typing import Any
import uuid

from openstack import connection
import pytest

from ims_ext import exceptions
from ims_ext import objectstore
from ims_ext.emulator.server import EmulatorServer

from .openstack_command import Run
from .own_cloud import refused
from .plain_http import Client


@pytest.fixture
def name() -> str:
    """A name that no other test's image or object has."""
    return f'data-{uuid.uuid4().hex[:8]}'


@pytest.fixture
def object_url(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> str:
    """An object of Alice's with a disk of 1 GiB."""
    objectstore.ObjectStore(alice).upload(
        disks['qcow2'], 'images', f'{name}.qcow2'
    )
    return f'images:{name}.qcow2'


@pytest.mark.parametrize('safe_mode', [False, True])
def test_an_object_becomes_a_data_disk_image(
    emulator: EmulatorServer,
    alice: connection.Connection,
    object_url: str,
    name: str,
    safe_mode: bool,
) -> None:
    key_id = Client(emulator).new_key()
    job = alice.ims.create_data_image_from_object(
        object_url,
        name,
        2048,
        os_type='Windows',
        cmk_id=key_id,
        tags={'disk': 'data'},
        safe_mode=safe_mode,
        wait=True,
    )

    image = alice.ims.get_cloud_image(job.image_id)
    assert job.job_type == 'imsImportDataImageJob'
    assert job.sub_jobs == []
    assert image.status == 'active'
    assert image.virtual_env_type == 'DataImage'
    assert image.min_disk == 2048
    assert image.os_type == 'Windows'
    assert image.os_version is None
    assert image.cmk_id == key_id
    assert image.tags == ['disk=data']


def test_a_data_disk_is_for_linux_unless_said_otherwise(
    alice: connection.Connection, object_url: str, name: str
) -> None:
    job = alice.ims.create_data_image_from_object(
        object_url, name, 40, wait=True
    )

    assert alice.ims.get_cloud_image(job.image_id).os_type == 'Linux'


@pytest.mark.parametrize(
    ('change', 'code'),
    [
        ({'min_disk': 39}, 'IMG.0055'),
        ({'min_disk': 2049}, 'IMG.0055'),
        ({'min_disk': None}, 'IMG.0055'),
        ({'os_type': 'Other'}, 'IMG.0122'),
        ({'cmk_id': 'mine'}, 'IMG.0095'),
        ({'image_url': 'images:missing.qcow2'}, 'IMG.0057'),
        ({'image_url': None}, 'IMG.0017'),
        ({'name': 'a/b'}, 'IMG.0003'),
        ({'description': 'a<b'}, 'IMG.0054'),
    ],
)
def test_what_is_not_permitted_is_refused_with_its_code(
    alice: connection.Connection,
    object_url: str,
    change: dict[str, Any],
    code: str,
) -> None:
    body = {'name': 'data', 'image_url': object_url, 'min_disk': 40, **change}

    with refused(code):
        exceptions.raise_from_response(
            alice.ims.post('/v1/cloudimages/dataimages/action', json=body)
        )


def test_a_file_becomes_a_data_disk_image(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    job = alice.ims.create_image_from_file(
        disks['vmdk'],
        name,
        bucket='images',
        type='DataImage',
        min_disk=2000,
        wait=True,
    )

    image = alice.ims.get_cloud_image(job.image_id)
    assert job.job_type == 'imsImportDataImageJob'
    assert job.left_object is None
    assert image.virtual_env_type == 'DataImage'
    assert image.min_disk == 2000


def test_a_file_larger_than_a_system_disk_needs_the_type(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    with pytest.raises(exceptions.DiskImageError, match='2000'):
        alice.ims.create_image_from_file(
            disks['qcow2'], name, bucket='images', min_disk=2000
        )


def test_a_file_imported_quickly_stays_a_quick_import(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    job = alice.ims.create_image_from_file(
        disks['raw'],
        name,
        bucket='images',
        disk_format='raw',
        type='DataImage',
        quick=True,
        wait=True,
    )

    assert [sub_job.job_type for sub_job in job.sub_jobs] == [
        'imsImportBigFileImageJob'
    ]
    image = alice.ims.get_cloud_image(job.image_id)
    assert image.virtual_env_type == 'DataImage'


def test_without_a_bucket_there_is_no_safe_mode(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    with pytest.raises(exceptions.ValidationError, match='bucket'):
        alice.ims.create_image_from_file(disks['qcow2'], name, safe_mode=True)

    assert alice.ims.find_image(name) is None


def test_the_command_makes_a_data_disk_image_of_a_file(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--data-disk', '--min-disk', '40'),
        *('--safe-mode', '--wait', '-f', 'json', name),
    )

    image = json.loads(done.stdout)
    assert image['virtual_env_type'] == 'DataImage'
    assert image['status'] == 'active'


def test_the_command_makes_a_data_disk_image_of_an_object(
    run: Run, object_url: str, name: str
) -> None:
    done = run(
        *('ims', 'image', 'create', '--object', object_url, '--data-disk'),
        *('--min-disk', '40', '--wait', '-f', 'json', name),
    )

    assert json.loads(done.stdout)['virtual_env_type'] == 'DataImage'
