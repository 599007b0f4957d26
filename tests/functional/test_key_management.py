# SPDX-License-Identifier: Apache-2.0
"""The keys of encrypted images and volumes, and the service that has them."""

from typing import Any

from openstack import exceptions as sdk_exceptions
import pytest
import requests

from ims_ext.emulator.server import EmulatorServer

from .own_cloud import Cloud
from .plain_http import Client
from .plain_http import code
from .plain_http import disk

UNKNOWN = '11111111-2222-3333-4444-555555555555'
DAY = 86400


def key_code(answer: requests.Response) -> str:
    """Return the service's code of a refusal."""
    assert answer.status_code == 400, answer.text
    return str(answer.json()['error']['error_code'])


def described(client: Client, key_id: str) -> dict[str, Any]:
    """Return a key as it is shown."""
    answer = client.kms('describe-key', key_id=key_id)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()['key_info']
    return found


# ====== THE SERVICE ======


def test_a_key_is_made_and_shown(tenant: Client) -> None:
    made = tenant.kms(
        'create-key', key_alias='images', key_description='for images'
    ).json()['key_info']
    key = described(tenant, made['key_id'])

    assert made['domain_id'] == 'default'
    assert (key['key_alias'], key['key_state']) == ('images', '2')
    assert key['key_description'] == 'for images'
    assert int(key['creation_date']) > 1_600_000_000_000


def test_keys_are_listed_a_page_at_a_time(tenant: Client) -> None:
    """Every project has one to begin with."""
    made = [tenant.new_key() for _ in range(2)]

    first = tenant.kms('list-keys', limit='2').json()
    rest = tenant.kms('list-keys', marker=first['next_marker']).json()

    assert first['key_details'][0]['key_alias'] == 'disks'
    assert (first['truncated'], rest['truncated']) == ('true', 'false')
    assert [*first['keys'], *rest['keys']][1:] == made
    assert tenant.kms('list-keys', marker=made[0]).json()['keys'] == [made[1]]


def test_keys_are_listed_by_their_state(tenant: Client) -> None:
    key_id = tenant.new_key()
    tenant.kms('disable-key', key_id=key_id)

    assert tenant.kms('list-keys', key_state='3').json()['keys'] == [key_id]
    assert key_id not in tenant.kms('list-keys', key_state='2').json()['keys']


def test_a_key_is_switched_off_and_on(tenant: Client) -> None:
    key_id = tenant.new_key()

    off = tenant.kms('disable-key', key_id=key_id).json()['key_info']
    on = tenant.kms('enable-key', key_id=key_id).json()['key_info']

    assert (off['key_state'], on['key_state']) == ('3', '2')


def test_a_key_is_described_otherwise(tenant: Client) -> None:
    key_id = tenant.new_key()
    tenant.kms('update-key-alias', key_id=key_id, key_alias='renamed')
    tenant.kms('update-key-description', key_id=key_id, key_description='x')
    key = described(tenant, key_id)
    assert (key['key_alias'], key['key_description']) == ('renamed', 'x')


def test_a_key_is_deleted_after_some_days() -> None:
    with EmulatorServer(job_seconds=0) as server:
        client = Client(server)
        key_id = client.new_key()
        done = client.kms(
            'schedule-key-deletion', key_id=key_id, pending_days='7'
        ).json()
        assert done == {'key_id': key_id, 'key_state': '4'}
        again = client.kms('enable-key', key_id=key_id)
        assert key_code(again) == 'KMS.0210'

        server.clock.advance(7 * DAY - 60)
        # A token lives for a day.
        client = Client(server)
        assert described(client, key_id)['key_state'] == '4'
        server.clock.advance(60)
        gone = client.kms('describe-key', key_id=key_id)
        assert key_code(gone) == 'KMS.0205'


def test_a_key_that_was_to_be_deleted_is_kept(tenant: Client) -> None:
    key_id = tenant.new_key()
    tenant.kms('schedule-key-deletion', key_id=key_id, pending_days='7')
    kept = tenant.kms('cancel-key-deletion', key_id=key_id).json()
    assert kept == {'key_id': key_id, 'key_state': '3'}


@pytest.mark.parametrize(
    ('action', 'body', 'expected'),
    [
        ('create-key', {}, 'KMS.1101'),
        ('create-key', {'key_alias': 'a b'}, 'KMS.1101'),
        ('create-key', {'key_alias': 'ims/default'}, 'KMS.1101'),
        ('create-key', {'key_alias': 'disks'}, 'KMS.1104'),
        (
            'create-key',
            {'key_alias': 'a', 'key_description': 'x' * 256},
            'KMS.0308',
        ),
        ('list-keys', {'limit': '0'}, 'KMS.0308'),
        ('list-keys', {'marker': 'x'}, 'KMS.0308'),
        ('describe-key', {}, 'KMS.0204'),
        ('describe-key', {'key_id': UNKNOWN}, 'KMS.0205'),
        ('enable-key', {'key_id': 5}, 'KMS.0205'),
        ('schedule-key-deletion', {'pending_days': '6'}, 'KMS.0308'),
        ('cancel-key-deletion', {'key_id': UNKNOWN}, 'KMS.0205'),
    ],
    ids=repr,
)
def test_what_cannot_be_done_is_refused(
    tenant: Client, action: str, body: dict[str, Any], expected: str
) -> None:
    assert key_code(tenant.kms(action, **body)) == expected


def test_what_is_not_there_is_not_found(tenant: Client) -> None:
    answer = tenant.kms('encrypt-data')
    assert answer.status_code == 404
    assert answer.json()['error']['error_code'] == 'KMS.0201'


def test_projects_have_keys_of_their_own(
    tenant: Client, neighbour: Client
) -> None:
    key_id = tenant.new_key()
    answer = neighbour.kms('describe-key', key_id=key_id)
    assert key_code(answer) == 'KMS.0205'


# ====== IMAGES ======


def test_an_image_is_encrypted_with_a_key_of_the_project(
    importer: Client, neighbour: Client, tmp_path: Any
) -> None:
    importer.put('disk.qcow2', disk(tmp_path, 'qcow2'))
    key_id = importer.new_key()

    assert importer.create(cmk_id=key_id).status_code == 200
    for unknown in (UNKNOWN, neighbour.new_key()):
        assert code(importer.create(cmk_id=unknown)) == 'IMG.0095'


@pytest.mark.parametrize(
    'action',
    [
        ('disable-key', {}),
        ('schedule-key-deletion', {'pending_days': '7'}),
    ],
    ids=lambda action: action[0],
)
def test_no_image_is_encrypted_with_a_key_out_of_use(
    importer: Client, action: tuple[str, dict[str, str]]
) -> None:
    key_id = importer.new_key()
    importer.kms(action[0], key_id=key_id, **action[1])
    assert code(importer.create(cmk_id=key_id)) == 'IMG.0097'


def test_a_copy_needs_the_keys_of_both(
    importer: Client, tmp_path: Any
) -> None:
    importer.put('disk.qcow2', disk(tmp_path, 'qcow2'))
    first, second = importer.new_key(), importer.new_key()
    job = importer.finish(importer.create(cmk_id=first))
    path = f'/v1/cloudimages/{job["entities"]["image_id"]}/copy'

    def copy(**body: str) -> requests.Response:
        return importer.request('POST', path, json={'name': 'copy', **body})

    assert copy(cmk_id=second).status_code == 200
    assert code(copy(cmk_id=UNKNOWN)) == 'IMG.0095'
    importer.kms('disable-key', key_id=second)
    assert code(copy(cmk_id=second)) == 'IMG.0097'
    importer.kms('disable-key', key_id=first)
    assert code(copy()) == 'IMG.0102'


def test_a_copy_needs_the_key_that_the_image_had(tenant: Client) -> None:
    image_id = tenant.active_image(name='old', __system__cmkid=UNKNOWN)
    path = f'/v1/cloudimages/{image_id}/copy'
    answer = tenant.request('POST', path, json={'name': 'copy'})
    assert code(answer) == 'IMG.0101'


# ====== SERVERS AND VOLUMES ======


def test_a_volume_is_encrypted_with_a_key_of_the_project(
    cloud: Cloud,
) -> None:
    client = Client(cloud.server, cloud.user)
    key_id = client.new_key()
    metadata = {'__system__encrypted': '1', '__system__cmkid': key_id}

    volume = cloud.conn.block_storage.create_volume(
        name='secret', size=10, metadata=metadata
    )

    assert volume.is_encrypted
    assert volume.metadata == metadata
    with pytest.raises(sdk_exceptions.BadRequestException, match='key'):
        cloud.conn.block_storage.create_volume(
            size=10, metadata={**metadata, '__system__cmkid': UNKNOWN}
        )


def test_an_encrypted_disk_gives_an_encrypted_image_while_its_key_is_on(
    cloud: Cloud,
) -> None:
    client = Client(cloud.server, cloud.user)
    (key_id,) = client.kms('list-keys').json()['keys']
    data = {'name': 'secret', 'volume_id': cloud.volume_id('db-data')}

    job = cloud.conn.ims.create_data_images_from_volumes([data], wait=True)
    (image_id,) = job.image_ids
    assert cloud.conn.ims.get_cloud_image(image_id).cmk_id == key_id

    client.kms('disable-key', key_id=key_id)
    refused = cloud.post('/v2/cloudimages/action', data_images=[data])
    assert refused == 'IMG.0097'
