# SPDX-License-Identifier: Apache-2.0
"""The emulator's servers and volumes, as clients of clouds see them."""

import json
from pathlib import Path
import subprocess
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext.emulator.server import EmulatorServer

from .openstack_command import Run
from .own_cloud import Cloud

UNKNOWN = '11111111-2222-3333-4444-555555555555'


def listed(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return a table's rows by name."""
    assert done.returncode == 0, done.stderr
    return {row['Name']: row for row in json.loads(done.stdout)}


# ====== SERVERS ======


def test_servers_are_listed_by_the_command(run: Run) -> None:
    servers = listed(run('server', 'list', '-f', 'json'))

    assert set(servers) == {'web', 'db', 'batch'}
    assert servers['db']['Status'] == 'ACTIVE'
    assert servers['batch']['Status'] == 'SHUTOFF'
    assert servers['db']['Image'] == 'Ubuntu 18.04 server 64bit'
    assert servers['db']['Flavor'] == 's3.medium.2'


def test_a_server_is_shown_by_the_command(run: Run) -> None:
    done = run('server', 'show', 'batch', '-f', 'json')

    server = json.loads(done.stdout)
    assert server['name'] == 'batch'
    assert server['OS-EXT-STS:task_state'] == 'powering-on'
    assert server['flavor'].startswith('s3.medium.2')
    assert server['image'].startswith('Ubuntu 18.04')


def test_a_server_is_stopped_and_started(cloud: Cloud) -> None:
    compute = cloud.conn.compute
    server_id = cloud.server_id('db')

    compute.stop_server(server_id)
    assert compute.get_server(server_id).status == 'SHUTOFF'
    compute.start_server(server_id)
    assert compute.get_server(server_id).status == 'ACTIVE'


@pytest.mark.parametrize('name', ['web', 'batch'])
def test_a_server_that_is_stopped_or_busy_cannot_be_stopped(
    cloud: Cloud, name: str
) -> None:
    with pytest.raises(sdk_exceptions.ConflictException):
        cloud.conn.compute.stop_server(cloud.server_id(name))


def test_other_actions_are_refused(cloud: Cloud) -> None:
    with pytest.raises(sdk_exceptions.BadRequestException, match='os-stop'):
        cloud.conn.compute.pause_server(cloud.server_id('db'))


def test_servers_are_listed_a_page_at_a_time(
    alice: connection.Connection,
) -> None:
    names = [server.name for server in alice.compute.servers(limit=2)]

    assert names == ['web', 'db', 'batch']


def test_servers_are_listed_by_status_and_part_of_the_name(
    alice: connection.Connection,
) -> None:
    stopped = alice.compute.servers(status='SHUTOFF')
    with_b = alice.compute.servers(name='b')
    both = alice.compute.servers(name='b', status='SHUTOFF')

    assert [server.name for server in stopped] == ['web', 'batch']
    assert [server.name for server in with_b] == ['web', 'db', 'batch']
    assert [server.name for server in both] == ['web', 'batch']


@pytest.mark.parametrize('query', [{'marker': UNKNOWN}, {'limit': 'all'}])
def test_a_page_that_cannot_be_is_refused(
    alice: connection.Connection, query: dict[str, str]
) -> None:
    with pytest.raises(sdk_exceptions.BadRequestException):
        list(alice.compute.servers(**query))


def test_a_servers_volumes_tell_where_they_are_attached(
    alice: connection.Connection,
) -> None:
    server = alice.compute.find_server('web', ignore_missing=False)
    attached = alice.compute.volume_attachments(server)

    assert [each.device for each in attached] == ['/dev/vda', '/dev/vdb']


def test_flavors_are_found(alice: connection.Connection) -> None:
    flavor = alice.compute.find_flavor('s3.large.2', ignore_missing=False)

    assert (flavor.vcpus, flavor.ram) == (2, 4096)
    with pytest.raises(sdk_exceptions.NotFoundException):
        alice.compute.find_flavor('s3.huge', ignore_missing=False)


def test_an_unknown_server_is_not_found(alice: connection.Connection) -> None:
    with pytest.raises(
        sdk_exceptions.NotFoundException, match='could not be found'
    ):
        alice.compute.get_server(UNKNOWN)


# ====== VOLUMES AND BACKUPS ======


def test_volumes_are_listed_by_the_command(run: Run) -> None:
    volumes = listed(run('volume', 'list', '--long', '-f', 'json'))

    assert volumes['web-data']['Size'] == 100
    assert volumes['web-data']['Attached to'][0]['device'] == '/dev/vdb'
    assert volumes['spare-data']['Attached to'] == []
    assert volumes['broken-data']['Status'] == 'error'
    assert volumes['web-system']['Bootable'] is True
    assert volumes['db-data']['Properties']['__system__encrypted'] == '1'


def test_a_volume_is_shown(alice: connection.Connection) -> None:
    found = alice.block_storage.find_volume('db-data', ignore_missing=False)
    volume = alice.block_storage.get_volume(found.id)

    assert volume.name == 'db-data'
    assert volume.is_encrypted is True
    assert volume.size == 200


def test_backups_are_listed_by_the_command(run: Run) -> None:
    backups = listed(run('volume', 'backup', 'list', '-f', 'json'))

    assert backups['web-csbs']['Description'].startswith('CSBS backup')
    assert backups['web-cbr']['Description'].startswith('CBR backup')
    assert backups['db-csbs']['Status'] == 'error'


def test_a_backup_is_shown(alice: connection.Connection) -> None:
    found = alice.block_storage.find_backup('web-cbr', ignore_missing=False)
    backup = alice.block_storage.get_backup(found.id)

    assert backup.size == 140
    assert backup.container


@pytest.mark.parametrize('kind', ['volume', 'backup'])
def test_an_unknown_volume_or_backup_is_not_found(
    alice: connection.Connection, kind: str
) -> None:
    get = getattr(alice.block_storage, f'get_{kind}')

    with pytest.raises(
        sdk_exceptions.NotFoundException, match='could not be found'
    ):
        get(UNKNOWN)


# ====== TENANTS ======


def test_every_project_has_its_own(
    alice: connection.Connection, bob: connection.Connection
) -> None:
    def ids(conn: connection.Connection) -> set[str]:
        return {
            each.id
            for listing in (
                conn.compute.servers(),
                conn.block_storage.volumes(),
                conn.block_storage.backups(),
            )
            for each in listing
        }

    assert ids(alice)
    assert ids(bob)
    assert not ids(alice) & ids(bob)


def test_another_projects_server_is_not_found(
    alice: connection.Connection, bob: connection.Connection
) -> None:
    server = alice.compute.find_server('web', ignore_missing=False)

    with pytest.raises(sdk_exceptions.NotFoundException):
        bob.compute.get_server(server.id)


def test_nobody_is_let_in_without_a_token(cloud: Cloud) -> None:
    answer = cloud.conn.session.get(
        f'{cloud.conn.compute.get_endpoint()}/servers',
        authenticated=False,
        raise_exc=False,
    )

    assert answer.status_code == 401


def test_what_was_seeded_is_still_there_after_a_restart(
    tmp_path: Path,
) -> None:
    ids = []
    for _ in range(2):
        with EmulatorServer(state_dir=tmp_path) as server:
            ids.append(Cloud(server).server_id('web'))

    assert ids[0] == ids[1]
