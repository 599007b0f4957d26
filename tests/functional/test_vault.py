# SPDX-License-Identifier: Apache-2.0
"""Vaults, the backups in them, and the full-server images of these."""

from typing import Any

import pytest
import requests

from ims_ext import exceptions

from .own_cloud import Cloud
from .own_cloud import refused
from .plain_http import Client
from .plain_http import code

UNKNOWN = '11111111-2222-3333-4444-555555555555'
SERVER = 'OS::Nova::Server'


@pytest.fixture
def client(cloud: Cloud) -> Client:
    """Give the user of ``cloud``, as one who speaks HTTP."""
    return Client(cloud.server, cloud.user)


def vault_code(answer: requests.Response, status: int = 400) -> str:
    """Return the service's code of a refusal."""
    assert answer.status_code == status, answer.text
    return str(answer.json()['error_code'])


def shown(client: Client, vault_id: str) -> dict[str, Any]:
    """Return a vault as it is shown."""
    answer = client.cbr('GET', f'/vaults/{vault_id}')
    assert answer.status_code == 200, answer.text
    vault: dict[str, Any] = answer.json()['vault']
    return vault


def add(
    client: Client, vault_id: str, resource_id: str, kind: str = SERVER
) -> requests.Response:
    """Have a server or volume belong to a vault."""
    resources = [{'id': resource_id, 'type': kind}]
    return client.cbr(
        'POST',
        f'/vaults/{vault_id}/addresources',
        json={'resources': resources},
    )


def back_up(
    client: Client, vault_id: str, **parameters: Any
) -> requests.Response:
    """Back up what belongs to a vault."""
    point = {'vault_id': vault_id, 'parameters': parameters}
    return client.cbr('POST', '/checkpoints', json={'checkpoint': point})


def backups(client: Client, vault_id: str) -> list[dict[str, Any]]:
    """Return the backups in a vault."""
    answer = client.cbr('GET', f'/backups?vault_id={vault_id}')
    found: list[dict[str, Any]] = answer.json()['backups']
    return found


# ====== VAULTS ======


def test_every_project_has_a_vault_with_a_backup(tenant: Client) -> None:
    (vault,) = tenant.cbr('GET', '/vaults').json()['vaults']

    assert (vault['name'], vault['billing']['size']) == ('servers', 1000)
    assert [each['name'] for each in vault['resources']] == ['web']
    assert vault['billing']['allocated'] == 140
    assert vault['billing']['used'] == 140 * 1024
    (backup,) = backups(tenant, vault['id'])
    assert (backup['name'], backup['resource_name']) == ('web-cbr', 'web')


def test_a_vault_is_made_changed_and_deleted(tenant: Client) -> None:
    vault_id = tenant.new_vault(size=100)
    change = {
        'name': 'other',
        'billing': {'size': 200},
        'auto_expand': True,
    }

    tenant.cbr('PUT', f'/vaults/{vault_id}', json={'vault': change})
    vault = shown(tenant, vault_id)
    deleted = tenant.cbr('DELETE', f'/vaults/{vault_id}')
    gone = tenant.cbr('GET', f'/vaults/{vault_id}')

    assert (vault['name'], vault['billing']['size']) == ('other', 200)
    assert vault['auto_expand'] is True
    assert deleted.status_code == 204
    assert vault_code(gone, 404) == 'BackupService.6105'


def test_vaults_are_listed_by_name_and_kind_in_pages(tenant: Client) -> None:
    disk = tenant.new_vault(kind='disk')
    name = shown(tenant, disk)['name']

    def ids(query: str) -> list[str]:
        listed = tenant.cbr('GET', f'/vaults?{query}').json()['vaults']
        return [vault['id'] for vault in listed]

    assert ids('object_type=disk') == ids(f'name={name}') == [disk]
    assert ids('limit=1&offset=1') == [disk]
    assert ids('status=frozen') == []


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        ({'billing': None}, '400'),
        ({'name': 'a b'}, '400'),
        ({'name': None}, '400'),
        ({'description': 5}, '400'),
        ({'tags': [{'key': 'a'}]}, '400'),
        ({'auto_expand': 'yes'}, '400'),
        ({'billing': {'size': 10, 'object_type': 'turbo'}}, '400'),
        (
            {'billing': {'size': 0, 'object_type': 'server'}},
            'BackupService.6101',
        ),
        (
            {'resources': [{'id': UNKNOWN, 'type': SERVER}]},
            'BackupService.6110',
        ),
        (
            {'resources': [{'id': UNKNOWN, 'type': 'OS::Cinder::Volume'}]},
            'BackupService.6102',
        ),
    ],
    ids=repr,
)
def test_what_is_no_vault_is_refused(
    tenant: Client, change: dict[str, Any], expected: str
) -> None:
    good = {'name': 'v', 'billing': {'size': 10, 'object_type': 'server'}}
    answer = tenant.cbr('POST', '/vaults', json={'vault': good | change})
    assert vault_code(answer) == expected


def test_a_server_belongs_to_one_vault_at_most(
    cloud: Cloud, client: Client
) -> None:
    first, second = client.new_vault(), client.new_vault()
    server_id = cloud.server_id('db')

    assert add(client, first, server_id).ok
    twice = add(client, first, server_id)
    other = add(client, second, server_id)
    assert vault_code(twice) == 'BackupService.6104'
    assert vault_code(other) == 'BackupService.6103'

    path = f'/vaults/{first}/removeresources'
    client.cbr('POST', path, json={'resource_ids': [server_id]})
    assert add(client, second, server_id).ok


def test_nobody_sees_anothers_vault(tenant: Client, neighbour: Client) -> None:
    answer = neighbour.cbr('GET', f'/vaults/{tenant.new_vault()}')
    assert vault_code(answer, 404) == 'BackupService.6105'


# ====== BACKUPS ======


def test_what_belongs_to_a_vault_is_backed_up(
    cloud: Cloud, client: Client
) -> None:
    vault_id = client.new_vault()
    add(client, vault_id, cloud.server_id('db'))

    point = back_up(client, vault_id, name='nightly').json()['checkpoint']
    (backup,) = backups(client, vault_id)

    assert backup['name'] == 'nightly'
    assert (backup['status'], backup['resource_size']) == ('available', 240)
    assert backup['checkpoint_id'] == point['id']
    again = client.cbr('GET', f'/checkpoints/{point["id"]}').json()
    assert again['checkpoint']['status'] == 'available'
    assert shown(client, vault_id)['billing']['used'] == 240 * 1024


def test_a_backup_takes_a_while(slow: Cloud) -> None:
    client = Client(slow.server, slow.user)
    vault_id = client.new_vault()
    add(client, vault_id, slow.server_id('db'))
    back_up(client, vault_id)

    (backup,) = backups(client, vault_id)

    assert backup['status'] == 'protecting'
    with refused('IMG.0032'):
        slow.conn.ims.create_whole_image(
            'early', backup=backup['id'], whole_image_type='CBR'
        )


def test_a_full_vault_takes_no_backup(cloud: Cloud, client: Client) -> None:
    vault_id = client.new_vault(size=239)
    add(client, vault_id, cloud.server_id('db'))

    assert vault_code(back_up(client, vault_id)) == 'BackupService.6107'
    grow = {'vault': {'auto_expand': True}}
    client.cbr('PUT', f'/vaults/{vault_id}', json=grow)
    assert back_up(client, vault_id).ok


def test_nothing_is_backed_up_where_nothing_is(tenant: Client) -> None:
    empty = back_up(tenant, tenant.new_vault())
    other = back_up(tenant, tenant.new_vault(), resources=[UNKNOWN])
    none = back_up(tenant, UNKNOWN)

    assert vault_code(empty) == 'BackupService.0001'
    assert vault_code(other) == 'BackupService.6109'
    assert vault_code(none, 404) == 'BackupService.6105'


def test_a_backup_with_an_image_is_not_deleted(
    cloud: Cloud, client: Client
) -> None:
    backup_id = cloud.backup('web-cbr').id
    cloud.conn.ims.create_whole_image(
        'whole', backup=backup_id, whole_image_type='CBR', wait=True
    )
    answer = client.cbr('DELETE', f'/backups/{backup_id}')
    assert vault_code(answer) == 'BackupService.6202'


def test_a_vault_takes_its_backups_with_it(
    cloud: Cloud, client: Client
) -> None:
    vault_id = cloud.backup('web-cbr').container
    client.cbr('DELETE', f'/vaults/{vault_id}')
    assert client.cbr('GET', '/backups').json() == {'backups': [], 'count': 0}


# ====== FULL-SERVER IMAGES ======


def test_a_server_is_backed_up_into_its_vault(
    cloud: Cloud, client: Client
) -> None:
    vault_id = client.new_vault()
    job = cloud.conn.ims.create_whole_image(
        'whole', server='db', vault_id=vault_id, wait=True
    )
    (backup,) = backups(client, vault_id)

    assert cloud.image(job).backup_id == backup['id']
    assert [each['name'] for each in shown(client, vault_id)['resources']] == [
        'db'
    ]


def test_a_backup_by_cbr_needs_a_vault(cloud: Cloud) -> None:
    body = {
        'name': 'whole',
        'instance_id': cloud.server_id('db'),
        'whole_image_type': 'CBR',
    }
    path = '/v1/cloudimages/wholeimages/action'
    assert cloud.post(path, **body) == 'IMG.0184'
    assert cloud.post(path, **body, vault_id=UNKNOWN) == 'IMG.0184'


@pytest.mark.parametrize(
    ('server', 'vault', 'expected'),
    [
        ('db', {'kind': 'disk'}, 'IMG.0193'),
        ('db', {'size': 100}, 'IMG.0182'),
        ('web', {}, 'IMG.0183'),
    ],
)
def test_a_vault_that_does_not_take_the_server_is_refused(
    cloud: Cloud,
    client: Client,
    server: str,
    vault: dict[str, Any],
    expected: str,
) -> None:
    with refused(expected):
        cloud.conn.ims.create_whole_image(
            'whole', server=server, vault_id=client.new_vault(**vault)
        )


@pytest.mark.parametrize('is_native', [True, False])
def test_a_shared_full_server_image_is_accepted_into_a_vault(
    cloud: Cloud, neighbour: Client, is_native: bool
) -> None:
    backup_id = cloud.backup('web-cbr').id
    image_id = cloud.conn.ims.create_whole_image(
        'whole', backup=backup_id, whole_image_type='CBR', wait=True
    ).image_id
    cloud.conn.image.add_member(image_id, member_id=neighbour.project_id)
    cloud.settle()

    def accept(**vault: str) -> requests.Response:
        if is_native:
            path = f'/v2/images/{image_id}/members/{neighbour.project_id}'
            return neighbour.request(
                'PUT', path, json={'status': 'accepted', **vault}
            )
        body = {
            'images': [image_id],
            'project_id': neighbour.project_id,
            'status': 'accepted',
        }
        return neighbour.request(
            'PUT', '/v1/cloudimages/members', json={**body, **vault}
        )

    assert code(accept()) == 'IMG.0184'
    assert code(accept(vault_id=UNKNOWN)) == 'IMG.0184'
    small = neighbour.new_vault(size=100)
    assert code(accept(vault_id=small)) == 'IMG.0182'
    assert accept(vault_id=neighbour.new_vault()).status_code == 200


def test_the_library_says_that_the_vault_is_wrong(cloud: Cloud) -> None:
    with pytest.raises(exceptions.BadRequestError, match='vault'):
        cloud.conn.ims.create_whole_image(
            'whole', server='db', vault_id=UNKNOWN
        )
