# SPDX-License-Identifier: Apache-2.0
"""Operation 10: servers and their backups become full-ECS images."""

import json
from typing import Any
import uuid

import pytest

from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Backup

from .openstack_command import Run
from .own_cloud import Cloud
from .own_cloud import own_cloud
from .own_cloud import refused
from .plain_http import Client

ACTION = '/v1/cloudimages/wholeimages/action'
UNKNOWN = '11111111-2222-3333-4444-555555555555'


def stored_backup(cloud: Cloud, name: str) -> Backup:
    backup = cloud.server._state.backups.get(
        cloud.backup(name).id, cloud.conn.current_project_id
    )
    assert backup is not None
    return backup


# ====== FROM SERVERS ======


@pytest.mark.parametrize('server', ['web', 'db'])
def test_a_server_becomes_a_full_ecs_image_running_or_not(
    cloud: Cloud, server: str
) -> None:
    job = cloud.conn.ims.create_whole_image(
        'golden', server=server, tags={'env': 'prod'}, wait=True
    )

    image = cloud.image(job)
    assert job.job_type == 'imsCreateWholeImageByInstanceJob'
    assert job.image_name == 'golden'
    assert image.status == 'active'
    assert image.is_whole_image is True
    assert image.min_disk == 40
    assert image.tags == ['env=prod']


@pytest.mark.parametrize(
    ('has_vault', 'kind'), [(False, 'CSBS'), (True, 'CBR')]
)
def test_a_backup_is_made_of_the_server_first(
    cloud: Cloud, has_vault: bool, kind: str
) -> None:
    vault_id = cloud.backup('web-cbr').container
    job = cloud.conn.ims.create_whole_image(
        'golden',
        server='web',
        wait=True,
        **({'vault_id': vault_id} if has_vault else {}),
    )

    backup = cloud.backup('golden')
    assert cloud.image(job).backup_id == backup.id
    assert backup.status == 'available'
    assert backup.size == 140
    assert stored_backup(cloud, 'golden').kind == kind


def test_a_busy_server_becomes_no_full_ecs_image(cloud: Cloud) -> None:
    with refused('IMG.0010'):
        cloud.conn.ims.create_whole_image('golden', server='batch')


def test_a_server_is_backed_up_once_at_a_time(slow: Cloud) -> None:
    slow.conn.ims.create_whole_image('first', server='web')

    with refused('IMG.0136'):
        slow.conn.ims.create_whole_image('second', server='web')


def test_a_broken_server_becomes_no_full_ecs_image(cloud: Cloud) -> None:
    state = cloud.server._state
    server = state.servers.get(
        cloud.server_id('web'), cloud.conn.current_project_id
    )
    assert server is not None
    server.status = 'ERROR'
    state.servers.save(server)

    with refused('IMG.0126'):
        cloud.conn.ims.create_whole_image('golden', server='web')


def test_a_full_ecs_image_that_fails_leaves_no_backup() -> None:
    with own_cloud(0.3) as cloud:
        job = cloud.conn.ims.create_whole_image('golden', server='web')
        image_id = cloud.conn.ims.get_job(job).image_id
        assert image_id is not None
        cloud.server._state.images.delete(image_id)

        with pytest.raises(exceptions.JobFailedError):
            cloud.conn.ims.wait_for_job(job, interval=0.1)

        assert not cloud.has_backup('golden')


# ====== FROM BACKUPS ======


@pytest.mark.parametrize(
    ('name', 'attrs'),
    [
        ('web-csbs', {}),
        ('web-csbs', {'whole_image_type': 'CSBS'}),
        ('web-cbr', {'whole_image_type': 'CBR'}),
    ],
)
def test_a_backup_becomes_a_full_ecs_image(
    cloud: Cloud, name: str, attrs: Any
) -> None:
    job = cloud.conn.ims.create_whole_image(
        'golden', backup=name, wait=True, **attrs
    )

    image = cloud.image(job)
    backup = cloud.backup(name)
    assert job.job_type == 'imsCreateWholeImageByBackupJob'
    assert image.is_whole_image is True
    assert image.backup_id == backup.id
    assert image.data_origin == f'server_backup,{backup.id}'
    assert image.os_version == 'CentOS 7.6 64bit'


@pytest.mark.parametrize(
    ('name', 'attrs', 'code'),
    [
        ('web-csbs', {}, 'IMG.0134'),
        ('web-cbr', {'whole_image_type': 'CBR'}, 'IMG.0029'),
    ],
)
def test_a_backup_is_good_for_one_image(
    cloud: Cloud, name: str, attrs: Any, code: str
) -> None:
    create = cloud.conn.ims.create_whole_image
    first = create('first', backup=name, wait=True, **attrs)
    with refused(code):
        create('second', backup=name, **attrs)

    cloud.conn.ims.delete_image(first.image_id)
    cloud.settle()

    assert create('second', backup=name, wait=True, **attrs).is_successful


def test_a_backup_is_taken_as_soon_as_its_image_is_being_made(
    slow: Cloud,
) -> None:
    slow.conn.ims.create_whole_image('first', backup='web-csbs')

    with refused('IMG.0134'):
        slow.conn.ims.create_whole_image('second', backup='web-csbs')


def test_the_backup_goes_with_its_image_where_asked_for(cloud: Cloud) -> None:
    job = cloud.conn.ims.create_whole_image(
        'golden', backup='web-csbs', wait=True
    )

    cloud.conn.ims.delete_image(job.image_id, delete_backup=True)
    cloud.settle()

    assert not cloud.has_backup('web-csbs')


@pytest.mark.parametrize(
    ('name', 'attrs'),
    [
        ('web-cbr', {}),
        ('web-cbr', {'whole_image_type': 'CSBS'}),
        ('web-csbs', {'whole_image_type': 'CBR'}),
    ],
)
def test_the_type_has_to_be_the_backups(
    cloud: Cloud, name: str, attrs: Any
) -> None:
    with refused('IMG.0198'):
        cloud.conn.ims.create_whole_image('golden', backup=name, **attrs)


def test_a_backup_has_to_be_available(cloud: Cloud) -> None:
    with refused('IMG.0132'):
        cloud.conn.ims.create_whole_image('golden', backup='db-csbs')

    backup = stored_backup(cloud, 'web-cbr')
    backup.status = 'error'
    cloud.server._state.backups.save(backup)
    with refused('IMG.0032'):
        cloud.conn.ims.create_whole_image(
            'golden', backup='web-cbr', whole_image_type='CBR'
        )


def test_another_projects_backup_does_not_exist(cloud: Cloud) -> None:
    backup_id = cloud.backup('web-csbs').id

    with refused('IMG.0127'):
        cloud.connect_other().ims.create_whole_image('a', backup=backup_id)


@pytest.mark.parametrize(
    ('body', 'code'),
    [
        ({}, 'IMG.0021'),
        ({'instance_id': UNKNOWN, 'backup_id': UNKNOWN}, 'IMG.0001'),
        ({'instance_id': UNKNOWN}, 'IMG.0005'),
        ({'instance_id': ''}, 'IMG.0012'),
        ({'instance_id': UNKNOWN, 'vault_id': 'mine'}, 'IMG.0184'),
        ({'backup_id': ''}, 'IMG.0019'),
        ({'backup_id': UNKNOWN}, 'IMG.0127'),
        ({'backup_id': [UNKNOWN]}, 'IMG.0127'),
        ({'backup_id': UNKNOWN, 'whole_image_type': 'CBR'}, 'IMG.0020'),
        ({'backup_id': UNKNOWN, 'whole_image_type': 'VBS'}, 'IMG.0001'),
        ({'backup_id': UNKNOWN, 'whole_image_type': ['CBR']}, 'IMG.0001'),
        ({'backup_id': UNKNOWN, 'name': 'a/b'}, 'IMG.0003'),
        ({'backup_id': UNKNOWN, 'name': None}, 'IMG.0013'),
    ],
)
def test_a_body_that_is_not_permitted_is_refused(
    cloud: Cloud, body: dict[str, Any], code: str
) -> None:
    assert cloud.post(ACTION, **{'name': 'golden', **body}) == code


def test_what_is_wrong_with_the_image_leaves_no_backup(cloud: Cloud) -> None:
    code = cloud.post(
        ACTION,
        name='golden',
        instance_id=cloud.server_id('web'),
        description='a<b',
    )

    assert code == 'IMG.0054'
    assert not cloud.has_backup('golden')


# ====== THE COMMAND ======


def test_the_command_makes_a_full_ecs_image_of_a_server(
    run: Run, emulator: EmulatorServer
) -> None:
    vault_id = Client(emulator).new_vault()
    name = f'whole-{uuid.uuid4().hex[:8]}'
    done = run(
        *('ims', 'image', 'create', '--server', 'db', '--whole'),
        *('--vault', vault_id, '--wait', '-f', 'json', name),
    )

    image = json.loads(done.stdout)
    assert image['name'] == name
    assert image['is_whole_image'] is True


def test_the_command_says_what_is_wrong_with_a_backup(run: Run) -> None:
    done = run(
        *('ims', 'image', 'create', '--backup', 'web-cbr', 'golden'),
    )

    assert done.returncode == 1
    assert 'IMG.0198' in done.stderr
