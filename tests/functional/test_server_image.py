# SPDX-License-Identifier: Apache-2.0
"""Operations 3, 6 and 7: servers and volumes become images."""

from collections.abc import Callable
import hashlib
import json
from pathlib import Path
import subprocess
from typing import Any
import uuid

from openstack import connection
import pytest

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.service import IMAGE_QUOTA
from ims_ext.emulator.state import Image

from .openstack_command import Run
from .own_cloud import Cloud
from .own_cloud import own_cloud
from .own_cloud import refused
from .plain_http import Client

ACTION = '/v2/cloudimages/action'
CENTOS = 'CentOS 7.6 64bit'
UBUNTU = 'Ubuntu 18.04 server 64bit'
UNKNOWN = '11111111-2222-3333-4444-555555555555'


# ====== SERVERS ======


def test_a_stopped_server_becomes_an_image(cloud: Cloud) -> None:
    job = cloud.conn.ims.create_image_from_server(
        'web', 'golden', tags={'env': 'prod'}, min_ram=1024, wait=True
    )

    image = cloud.image(job)
    server = cloud.conn.compute.find_server('web', ignore_missing=False)
    assert job.job_type == 'imsCreateImageByInstance'
    assert job.image_name == 'golden'
    assert image.status == 'active'
    assert image.os_version == CENTOS
    assert image.os_type == 'Linux'
    assert image.min_disk == 40
    assert image.min_ram == 1024
    assert image.tags == ['env=prod']
    assert image.image_type == 'private'
    assert image.data_origin == f'instance,{server.id}'
    assert image.original_image_id == server.image.id
    assert image.is_whole_image is None


def test_the_image_of_a_server_has_data_of_the_disks_size(
    cloud: Cloud, tmp_path: Path
) -> None:
    job = cloud.conn.ims.create_image_from_server('web', 'golden', wait=True)
    image = cloud.image(job)
    path = tmp_path / 'golden'

    cloud.conn.ims.download_image(job.image_id, output=str(path))

    found = diskimage.inspect(path)
    assert found.disk_format == image.disk_format == 'qcow2'
    assert found.virtual_size == 40 * 2**30
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False)
    assert image.checksum == digest.hexdigest()


def test_the_image_of_a_server_says_which_volume_it_was(
    cloud: Cloud, tmp_path: Path
) -> None:
    server = cloud.conn.compute.find_server('web', ignore_missing=False)
    volume = next(
        each
        for each in cloud.conn.block_storage.volumes()
        if any(
            one['server_id'] == server.id and one['device'] == '/dev/vda'
            for one in each.attachments
        )
    )
    ims = cloud.conn.ims
    path, raw = tmp_path / 'web.qcow2', tmp_path / 'web.raw'
    data = []
    for name in ('first', 'second'):
        job = ims.create_image_from_server('web', name, wait=True)
        ims.download_image(job.image_id, output=str(path))
        data.append(path.read_bytes())

    subprocess.run(['qemu-img', 'check', '-q', str(path)], check=True)
    command = ['qemu-img', 'dd', '-O', 'raw', f'if={path}', f'of={raw}']
    subprocess.run([*command, 'bs=512', 'count=2'], check=True)
    assert data[0] == data[1]
    assert raw.read_bytes()[510:512] == b'\x55\xaa'
    assert raw.read_bytes()[512:].rstrip(b'\0').decode() == (
        f'volume {volume.id}'
    )


def test_the_image_of_a_server_is_exported_as_a_valid_disk(
    cloud: Cloud, tmp_path: Path
) -> None:
    ims = cloud.conn.ims
    made = ims.create_image_from_server('web', 'golden', wait=True)
    store = Client(cloud.server, cloud.user).s3
    bucket = f'exports-{uuid.uuid4()}'
    store.create_bucket(Bucket=bucket)
    for disk_format in ('qcow2', 'vmdk'):
        ims.export_image(
            made.image_id,
            f'{bucket}:web.{disk_format}',
            file_format=disk_format,
            wait=True,
        )
        path = tmp_path / f'web.{disk_format}'
        store.download_file(bucket, path.name, str(path))
        told = subprocess.run(
            ['qemu-img', 'info', '--output=json', str(path)],
            check=True,
            capture_output=True,
        )
        info = json.loads(told.stdout)
        assert info['format'] == disk_format
        assert info['virtual-size'] == 40 * 2**30


def test_a_running_server_has_to_be_stopped_first(cloud: Cloud) -> None:
    create = cloud.conn.ims.create_image_from_server

    with refused('IMG.0008'):
        create('db', 'golden')
    cloud.conn.compute.stop_server(cloud.server_id('db'))

    assert create('db', 'golden', wait=True).is_successful


def test_a_busy_server_becomes_no_image(cloud: Cloud) -> None:
    with refused('IMG.0010'):
        cloud.conn.ims.create_image_from_server('batch', 'golden')


def test_a_server_is_busy_while_its_image_is_made(slow: Cloud) -> None:
    slow.conn.ims.create_image_from_server('web', 'first')

    with refused('IMG.0010'):
        slow.conn.ims.create_image_from_server('web', 'second')

    server = slow.conn.compute.get_server(slow.server_id('web'))
    assert server.task_state == 'image_uploading'


def test_a_server_is_free_when_its_image_is_made(cloud: Cloud) -> None:
    create = cloud.conn.ims.create_image_from_server
    create('web', 'first', wait=True)

    assert create('web', 'second', wait=True).is_successful


def test_the_image_of_a_server_needs_a_name_of_its_own(cloud: Cloud) -> None:
    create = cloud.conn.ims.create_image_from_server
    create('web', 'golden', wait=True)

    with refused('IMG.0009'):
        create('web', 'golden')


def test_another_projects_name_is_free(cloud: Cloud) -> None:
    cloud.conn.ims.create_image_from_server('web', 'golden', wait=True)
    bob = cloud.connect_other()

    job = bob.ims.create_image_from_server('web', 'golden', wait=True)

    assert job.is_successful


def test_another_projects_server_does_not_exist(cloud: Cloud) -> None:
    server_id = cloud.server_id('web')

    with refused('IMG.0005'):
        cloud.connect_other().ims.create_image_from_server(server_id, 'golden')


@pytest.mark.parametrize(
    ('body', 'code'),
    [
        ({'instance_id': UNKNOWN}, 'IMG.0005'),
        ({'instance_id': ['web']}, 'IMG.0005'),
        ({'instance_id': ''}, 'IMG.0012'),
        ({'instance_id': None}, 'IMG.0012'),
        ({'instance_id': UNKNOWN, 'name': 'a/b'}, 'IMG.0003'),
        ({'instance_id': UNKNOWN, 'name': ''}, 'IMG.0013'),
        ({'instance_id': UNKNOWN, 'tags': ['a=b.c']}, 'IMG.0115'),
        ({'instance_id': UNKNOWN, 'volume_id': UNKNOWN}, 'IMG.0001'),
        ({'instance_id': UNKNOWN, 'data_images': []}, 'IMG.0001'),
        ({'volume_id': UNKNOWN}, 'IMG.0056'),
        ({'volume_id': UNKNOWN, 'os_version': 'BeOS'}, 'IMG.0056'),
        ({'volume_id': UNKNOWN, 'os_version': UBUNTU}, 'IMG.0120'),
        ({'volume_id': 7, 'os_version': UBUNTU}, 'IMG.0120'),
        (
            {'volume_id': UNKNOWN, 'os_version': UBUNTU, 'type': 'IsoImage'},
            'IMG.0024',
        ),
        ({'data_images': []}, 'IMG.0001'),
        ({'data_images': [{'name': 'a'}]}, 'IMG.0120'),
        ({'data_images': [{'volume_id': UNKNOWN}]}, 'IMG.0120'),
        ({'data_images': 'a'}, 'IMG.0001'),
    ],
)
def test_a_body_that_is_not_permitted_is_refused(
    cloud: Cloud, body: dict[str, Any], code: str
) -> None:
    good: dict[str, Any] = {'name': 'golden'}

    assert cloud.post(ACTION, **{**good, **body}) == code


def test_a_server_without_free_system_disk_becomes_no_image(
    cloud: Cloud,
) -> None:
    state = cloud.server._state
    volume = state.volumes.get(
        cloud.volume_id('web-system'), cloud.conn.current_project_id
    )
    assert volume is not None
    volume.status = 'error'
    state.volumes.save(volume)
    with refused('IMG.0110'):
        cloud.conn.ims.create_image_from_server('web', 'golden')

    state.volumes.delete(volume.id)
    with refused('IMG.0119'):
        cloud.conn.ims.create_image_from_server('web', 'golden')


def test_no_more_images_are_made_of_servers_than_a_project_may_own(
    cloud: Cloud,
) -> None:
    for number in range(IMAGE_QUOTA):
        cloud.server._state.images.add(
            Image.new(cloud.conn.current_project_id, f'image {number}')
        )

    with refused('IMG.0015'):
        cloud.conn.ims.create_image_from_server('web', 'golden')


# ====== VOLUMES ======


def test_a_free_volume_becomes_a_system_image(cloud: Cloud) -> None:
    job = cloud.conn.ims.create_image_from_volume(
        'spare-data', 'golden', CENTOS, type='BMS', wait=True
    )

    image = cloud.image(job)
    assert job.job_type == 'imsVolumeCreateImageJob'
    assert image.os_version == CENTOS
    assert image.min_disk == 10
    assert image.virtual_env_type == 'Ironic'


def test_the_system_on_a_volume_counts_more_than_what_is_said(
    cloud: Cloud,
) -> None:
    job = cloud.conn.ims.create_image_from_volume(
        'rescued-system', 'golden', CENTOS, wait=True
    )

    assert cloud.image(job).os_version == UBUNTU


def test_the_image_of_an_encrypted_volume_is_encrypted(cloud: Cloud) -> None:
    volume = cloud.volume('db-data')

    job = cloud.conn.ims.create_image_from_volume(
        volume, 'golden', CENTOS, wait=True
    )

    key = volume.metadata['__system__cmkid']
    assert cloud.image(job).cmk_id == key


def test_an_encrypted_volume_is_not_for_bare_metal(cloud: Cloud) -> None:
    with refused('IMG.0118'):
        cloud.conn.ims.create_image_from_volume(
            'db-data', 'golden', CENTOS, type='BMS'
        )


def test_a_system_disk_is_no_data_disk(cloud: Cloud) -> None:
    with refused('IMG.0120'):
        cloud.conn.ims.create_image_from_volume('web-system', 'a', CENTOS)
    with refused('IMG.0120'):
        cloud.conn.ims.create_data_images_from_volumes(
            [{'name': 'a', 'volume_id': 'web-system'}]
        )


def test_a_broken_volume_becomes_no_image(cloud: Cloud) -> None:
    with refused('IMG.0022'):
        cloud.conn.ims.create_image_from_volume('broken-data', 'a', CENTOS)


def test_a_volume_is_busy_while_it_is_copied(slow: Cloud) -> None:
    slow.conn.ims.create_image_from_volume('spare-data', 'first', CENTOS)

    with refused('IMG.0022'):
        slow.conn.ims.create_image_from_volume('spare-data', 'b', CENTOS)

    volume = slow.volume('spare-data')
    assert volume.status == 'uploading'


@pytest.mark.parametrize(
    ('name', 'status'), [('spare-data', 'available'), ('web-data', 'in-use')]
)
def test_a_volume_is_as_before_when_it_has_been_copied(
    cloud: Cloud, name: str, status: str
) -> None:
    cloud.conn.ims.create_image_from_volume(name, 'a', CENTOS, wait=True)

    assert cloud.volume(name).status == status


def test_a_large_volume_becomes_no_system_image(cloud: Cloud) -> None:
    state = cloud.server._state
    volume = state.volumes.get(
        cloud.volume_id('spare-data'), cloud.conn.current_project_id
    )
    assert volume is not None
    volume.size = 1025
    state.volumes.save(volume)

    with refused('IMG.0111'):
        cloud.conn.ims.create_image_from_volume(volume.id, 'a', CENTOS)


def test_data_disks_become_data_images_each_with_a_sub_job(
    cloud: Cloud,
) -> None:
    job = cloud.conn.ims.create_data_images_from_volumes(
        [
            {'name': 'first', 'volume_id': 'web-data', 'tags': {'a': '1'}},
            {'name': 'second', 'volume_id': 'spare-data'},
        ],
        wait=True,
    )

    first, second = [cloud.image(sub_job) for sub_job in job.sub_jobs]
    assert job.job_type == 'imsVolumesToSysDataImagesJob'
    assert {sub_job.job_type for sub_job in job.sub_jobs} == {
        'imsCopyVolumeToImageJob'
    }
    assert [first.name, second.name] == ['first', 'second']
    assert {first.virtual_env_type, second.virtual_env_type} == {'DataImage'}
    assert [first.min_disk, second.min_disk] == [100, 10]
    assert first.tags == ['a=1']
    assert first.os_version is None


def test_data_disks_of_different_servers_are_not_copied_together(
    cloud: Cloud,
) -> None:
    with refused('IMG.0140'):
        cloud.conn.ims.create_data_images_from_volumes(
            [
                {'name': 'first', 'volume_id': 'web-data'},
                {'name': 'second', 'volume_id': 'db-data'},
            ]
        )

    assert cloud.conn.ims.find_image('first') is None
    volume = cloud.volume('web-data')
    assert volume.status == 'in-use'


def test_a_data_disk_is_not_copied_twice_in_one_request(cloud: Cloud) -> None:
    with refused('IMG.0022'):
        cloud.conn.ims.create_data_images_from_volumes(
            [
                {'name': 'first', 'volume_id': 'spare-data'},
                {'name': 'second', 'volume_id': 'spare-data'},
            ]
        )


def test_an_image_deleted_in_the_meantime_leaves_nothing_busy() -> None:
    with own_cloud(0.3) as running:
        job = running.conn.ims.create_image_from_server('web', 'golden')
        image_id = running.conn.ims.get_job(job).image_id
        assert image_id is not None
        running.server._state.images.delete(image_id)

        with pytest.raises(exceptions.JobFailedError) as caught:
            running.conn.ims.wait_for_job(job, interval=0.1)

        server = running.conn.compute.find_server('web', ignore_missing=False)
        assert caught.value.code == 'IMG.0027'
        assert server.task_state is None


def test_a_restart_ends_the_job_that_was_left(tmp_path: Path) -> None:
    with EmulatorServer(state_dir=tmp_path, job_seconds=0.5) as first:
        job = Cloud(first).conn.ims.create_image_from_server('web', 'golden')
    with EmulatorServer(state_dir=tmp_path, job_seconds=0.5) as second:
        again = Cloud(second)
        done = again.conn.ims.wait_for_job(job.id, interval=0.1)
        server = again.conn.compute.find_server('web', ignore_missing=False)

    assert done.is_successful
    assert server.task_state is None


@pytest.mark.parametrize(
    'create',
    [
        lambda ims: ims.create_image_from_server(
            'web', 'golden', safe_mode=True, wait=True
        ),
        lambda ims: ims.create_image_from_volume(
            'spare-data', 'golden', CENTOS, safe_mode=True, wait=True
        ),
    ],
)
def test_the_safe_mode_does_the_same(
    cloud: Cloud, create: Callable[[Any], Any]
) -> None:
    assert cloud.image(create(cloud.conn.ims)).status == 'active'


# ====== THE COMMAND ======


def test_the_command_shows_the_image_of_a_server(run: Run) -> None:
    name = f'golden-{uuid.uuid4().hex[:8]}'
    done = run(
        *('ims', 'image', 'create', '--server', 'web', '--tag', 'env=prod'),
        *('--wait', '-f', 'json', name),
    )

    image = json.loads(done.stdout)
    assert done.returncode == 0
    assert image['name'] == name
    assert image['status'] == 'active'
    assert image['tags'] == ['env=prod']


def test_the_command_shows_the_images_of_several_volumes(
    run: Run, alice: connection.Connection
) -> None:
    name = f'data-{uuid.uuid4().hex[:8]}'
    done = run(
        *('ims', 'image', 'create', '--data-disk', '--volume', 'web-data'),
        *('--volume', 'spare-data', '--wait', '-f', 'json', name),
    )

    shown = json.loads(done.stdout)
    images = [
        alice.ims.get_cloud_image(image['id']) for image in shown['images']
    ]
    assert [image.name for image in images] == [f'{name}-1', f'{name}-2']
    assert {image.status for image in images} == {'active'}


def test_the_command_says_what_the_cloud_refuses(run: Run) -> None:
    done = run('ims', 'image', 'create', '--server', 'db', 'golden')

    assert done.returncode == 1
    assert done.stdout == ''
    assert 'IMG.0008' in done.stderr
    assert 'Traceback' not in done.stderr
