# SPDX-License-Identifier: Apache-2.0
"""Servers made of images, and images made of such servers."""

import json
from typing import Any

from openstack import exceptions as sdk_exceptions
import pytest
import requests

from .eventually import settle
from .openstack_command import Run
from .own_cloud import Cloud
from .plain_http import Client

FLAVOR = 's3.medium.2'
OS_VERSION = 'CentOS 7.6 64bit'


def public_image(cloud: Cloud, name: str = OS_VERSION) -> Any:
    """Return a public image."""
    return next(cloud.conn.image.images(name=name))


def create(cloud: Cloud, **attributes: Any) -> Any:
    """Make a server of a public image."""
    if not {'image_id', 'block_device_mapping'} & set(attributes):
        attributes['image_id'] = public_image(cloud).id
    made = cloud.conn.compute.create_server(
        **{
            'name': 'made',
            'flavor_id': FLAVOR,
            'networks': 'none',
            **attributes,
        }
    )
    return cloud.conn.compute.get_server(made.id)


def volumes(cloud: Cloud, server: Any) -> list[Any]:
    """Return a server's volumes, the one that it boots from first."""
    return [
        cloud.conn.block_storage.get_volume(each.volume_id)
        for each in cloud.conn.compute.volume_attachments(server)
    ]


def detach(cloud: Cloud, server_id: str, volume_id: str) -> None:
    """Detach a volume from a server."""
    path = f'/servers/{server_id}/os-volume_attachments/{volume_id}'
    sdk_exceptions.raise_from_response(cloud.conn.compute.delete(path))


# ====== MAKING THEM ======


def test_a_server_runs_the_image_that_it_was_made_of(cloud: Cloud) -> None:
    server = create(cloud)

    assert (server.status, server.vm_state) == ('ACTIVE', 'active')
    assert server.image.id == public_image(cloud).id
    assert server.flavor.id == FLAVOR


def test_a_server_has_an_address_of_its_own(cloud: Cloud) -> None:
    # openstacksdk waits for one.
    one, two = create(cloud), create(cloud)

    (first,), (second,) = (each.addresses['private'] for each in (one, two))
    assert first['OS-EXT-IPS:type'] == 'fixed'
    assert first['addr'] != second['addr']


def test_a_server_has_a_disk_as_large_as_its_image_asks_for(
    cloud: Cloud,
) -> None:
    (disk,) = volumes(cloud, create(cloud))

    assert (disk.size, disk.status, disk.is_bootable) == (40, 'in-use', True)
    assert disk.volume_image_metadata['image_name'] == OS_VERSION
    assert disk.volume_image_metadata['__os_version'] == OS_VERSION
    assert disk.attachments[0]['device'] == '/dev/vda'


def test_a_server_is_built_before_it_runs(slow: Cloud) -> None:
    server = create(slow)
    compute = slow.conn.compute

    assert (server.status, server.task_state) == ('BUILD', 'spawning')
    with pytest.raises(sdk_exceptions.ConflictException):
        compute.stop_server(server)
    slow.server.clock.advance('1h')
    assert compute.get_server(server.id).status == 'ACTIVE'


def test_a_server_boots_from_a_larger_disk_and_has_others(
    cloud: Cloud,
) -> None:
    server = create(
        cloud,
        block_device_mapping=[
            {
                'boot_index': 0,
                'source_type': 'image',
                'destination_type': 'volume',
                'uuid': public_image(cloud).id,
                'volume_size': 60,
                'delete_on_termination': False,
            },
            {
                'source_type': 'blank',
                'destination_type': 'volume',
                'volume_size': 10,
                'delete_on_termination': True,
            },
            {
                'source_type': 'volume',
                'destination_type': 'volume',
                'uuid': cloud.volume_id('spare-data'),
            },
        ],
    )
    disks = volumes(cloud, server)

    assert [disk.size for disk in disks] == [60, 10, 10]
    assert server.image.id == public_image(cloud).id


def test_a_server_boots_from_a_volume_that_was_made_of_an_image(
    cloud: Cloud,
) -> None:
    volume = cloud.conn.block_storage.create_volume(
        name='root', size=50, image_id=public_image(cloud).id
    )
    mapping = {'boot_index': 0, 'source_type': 'volume', 'uuid': volume.id}

    server = create(cloud, block_device_mapping=[mapping])

    assert [disk.id for disk in volumes(cloud, server)] == [volume.id]
    assert server.image.id == public_image(cloud).id


def test_a_server_is_made_of_a_private_image(cloud: Cloud) -> None:
    """An image goes all the way round: server, image, server."""
    cloud.conn.compute.stop_server(create(cloud))
    job = cloud.conn.ims.create_image_from_server(
        cloud.server_id('made'), 'of-made', wait=True
    )
    image = cloud.image(job)
    assert image.os_version == OS_VERSION
    assert image.min_disk == 40

    again = create(cloud, name='again', image_id=image.id)

    assert again.image.id == image.id
    (disk,) = volumes(cloud, again)
    assert disk.volume_image_metadata['image_id'] == image.id


def test_nova_makes_an_image_of_a_stopped_server(cloud: Cloud) -> None:
    compute = cloud.conn.compute

    def make(name: str) -> str:
        server = compute.get_server(cloud.server_id(name))
        return str(server.create_image(compute, f'of-{name}'))

    image_id = make('web')

    settle(cloud.server)
    image = cloud.conn.ims.get_cloud_image(image_id)
    assert (image.name, image.min_disk) == ('of-web', 40)
    for name in ('db', 'batch'):
        with pytest.raises(sdk_exceptions.ConflictException):
            make(name)


def test_a_full_server_image_brings_all_disks(cloud: Cloud) -> None:
    job = cloud.conn.ims.create_whole_image(
        'whole', backup=cloud.backup('web-csbs').id, wait=True
    )

    server = create(cloud, image_id=job.image_id)

    assert sum(disk.size for disk in volumes(cloud, server)) == 140


def test_several_servers_are_made_at_once(cloud: Cloud) -> None:
    create(cloud, name='node', min_count=2, max_count=3)

    names = {server.name for server in cloud.conn.compute.servers()}
    assert {'node-1', 'node-2', 'node-3'} <= names


# ====== WHAT CANNOT BE MADE ======


@pytest.mark.parametrize(
    ('body', 'message'),
    [
        ({'name': None}, 'name'),
        ({'name': ''}, 'name'),
        ({'name': 5}, 'name'),
        ({'flavorRef': 's3.huge'}, 'flavorRef'),
        ({'flavorRef': None}, 'flavorRef'),
        ({'imageRef': None}, 'imageRef'),
        ({'imageRef': '11111111-2222-3333-4444-555555555555'}, 'find'),
        ({'imageRef': ['x']}, 'find'),
        ({'max_count': 1000}, 'servers'),
        ({'max_count': 'x'}, 'servers'),
        ({'metadata': {'a': 1}}, 'etadata'),
        ({'block_device_mapping_v2': 'x'}, 'list'),
        ({'block_device_mapping_v2': [{'boot_index': 'x'}]}, 'boot_index'),
        (
            {'block_device_mapping_v2': [{'boot_index': 0, 'uuid': 'x'}]},
            'volume x',
        ),
        (
            {
                'block_device_mapping_v2': [
                    {'boot_index': 0, 'source_type': 'tape'}
                ]
            },
            'image',
        ),
        (
            {
                'block_device_mapping_v2': [
                    {'source_type': 'blank', 'volume_size': 0}
                ]
            },
            'size',
        ),
    ],
    ids=repr,
)
def test_what_is_no_server_is_refused(
    tenant: Client, body: dict[str, Any], message: str
) -> None:
    good = {
        'name': 'made',
        'flavorRef': FLAVOR,
        'imageRef': tenant.images(name=OS_VERSION)[0]['id'],
    }
    answer = tenant.compute('POST', '/servers', json={'server': good | body})
    assert answer.status_code == 400, answer.text
    assert message in answer.json()['badRequest']['message']


def test_a_disk_has_room_for_its_image(cloud: Cloud) -> None:
    mapping = {
        'boot_index': 0,
        'source_type': 'image',
        'uuid': public_image(cloud).id,
        'volume_size': 39,
    }
    with pytest.raises(sdk_exceptions.BadRequestException, match='40'):
        create(cloud, block_device_mapping=[mapping])


def test_a_flavor_has_as_much_memory_as_the_image_asks_for(
    cloud: Cloud,
) -> None:
    cloud.conn.compute.stop_server(create(cloud))
    job = cloud.conn.ims.create_image_from_server(
        cloud.server_id('made'), 'large', min_ram=4096, wait=True
    )
    with pytest.raises(sdk_exceptions.BadRequestException, match='memory'):
        create(cloud, image_id=job.image_id)
    create(cloud, image_id=job.image_id, flavor_id='s3.large.2')


def test_a_server_does_not_boot_from_a_disk_without_a_system(
    cloud: Cloud,
) -> None:
    mapping = {
        'boot_index': 0,
        'source_type': 'volume',
        'uuid': cloud.volume_id('spare-data'),
    }
    with pytest.raises(sdk_exceptions.BadRequestException, match='boot'):
        create(cloud, block_device_mapping=[mapping])


def test_an_image_without_data_makes_no_server(tenant: Client) -> None:
    image_id = tenant.create_metadata(name='queued')
    body = {'name': 'made', 'flavorRef': FLAVOR, 'imageRef': image_id}
    answer = tenant.compute('POST', '/servers', json={'server': body})
    assert 'not active' in answer.json()['badRequest']['message']


def test_anothers_image_makes_no_server(
    tenant: Client, neighbour: Client
) -> None:
    image_id = neighbour.active_image(name='theirs')
    body = {'name': 'made', 'flavorRef': FLAVOR, 'imageRef': image_id}
    answer = tenant.compute('POST', '/servers', json={'server': body})
    assert answer.status_code == 400


# ====== CHANGING AND DELETING THEM ======


def test_a_server_takes_its_own_disks_with_it(cloud: Cloud) -> None:
    spare = cloud.volume('spare-data')
    server = create(cloud)
    (system,) = volumes(cloud, server)
    cloud.conn.compute.create_volume_attachment(server, spare.id)

    cloud.conn.compute.delete_server(server)

    assert 'made' not in {each.name for each in cloud.conn.compute.servers()}
    left = {each.id for each in cloud.conn.block_storage.volumes()}
    assert system.id not in left
    assert cloud.volume('spare-data').status == 'available'


def test_a_server_whose_image_is_made_is_not_deleted(slow: Cloud) -> None:
    slow.conn.ims.create_data_images_from_volumes(
        [{'name': 'data', 'volume_id': slow.volume_id('web-data')}]
    )
    with pytest.raises(sdk_exceptions.ConflictException, match='uploading'):
        slow.conn.compute.delete_server(slow.server_id('web'))


def test_a_volume_is_attached_and_detached(cloud: Cloud) -> None:
    compute = cloud.conn.compute
    server, spare = cloud.server_id('web'), cloud.volume_id('spare-data')

    made = compute.create_volume_attachment(server, spare)
    assert made.device == '/dev/vdc'
    assert cloud.volume('spare-data').status == 'in-use'
    with pytest.raises(sdk_exceptions.BadRequestException):
        compute.create_volume_attachment(server, spare)

    detach(cloud, server, spare)
    assert cloud.volume('spare-data').attachments == []


def test_the_disk_that_a_server_runs_from_is_not_detached(
    cloud: Cloud,
) -> None:
    with pytest.raises(sdk_exceptions.BadRequestException, match='system'):
        detach(cloud, cloud.server_id('db'), cloud.volume_id('db-system'))


@pytest.mark.parametrize('kind', ['server', 'volume'])
def test_names_and_metadata_are_changed(cloud: Cloud, kind: str) -> None:
    if kind == 'server':
        proxy, record = cloud.conn.compute, create(cloud)
    else:
        proxy, record = cloud.conn.block_storage, cloud.volume('spare-data')
    get, update, say, unsay = (
        getattr(proxy, name.format(kind))
        for name in (
            'get_{}',
            'update_{}',
            'set_{}_metadata',
            'delete_{}_metadata',
        )
    )

    update(record, name='other')
    say(record, a='1', b='2')
    unsay(record, ['a'])

    found = get(record.id)
    assert (found.name, found.metadata) == ('other', {'b': '2'})


def test_a_server_is_rebooted(cloud: Cloud) -> None:
    server_id = cloud.server_id('db')
    cloud.conn.compute.reboot_server(server_id, 'SOFT')
    assert cloud.conn.compute.get_server(server_id).status == 'ACTIVE'


# ====== BY THE COMMAND ======


def test_the_command_makes_shows_and_deletes_a_server(
    run: Run, name: str
) -> None:
    made = run(
        'server',
        'create',
        '--image',
        OS_VERSION,
        '--flavor',
        FLAVOR,
        '--boot-from-volume',
        '50',
        '--property',
        'a=b',
        name,
        '-f',
        'json',
    )
    try:
        assert made.returncode == 0, made.stderr
        shown = json.loads(run('server', 'show', name, '-f', 'json').stdout)
        assert shown['image'].startswith(OS_VERSION)
        assert shown['properties'] == {'a': 'b'}
    finally:
        done = run('server', 'delete', name)
    assert done.returncode == 0, done.stderr


def test_zones_and_limits_can_be_looked_up(cloud: Cloud) -> None:
    zones = list(cloud.conn.compute.availability_zones())
    limits = cloud.conn.compute.get_limits()

    assert [zone.name for zone in zones] == ['eu-emu-1a']
    assert limits.absolute.instances_used == 3
    assert list(cloud.conn.compute.keypairs()) == []


def test_nothing_is_kept_of_a_server_that_could_not_be_made(
    tenant: Client,
) -> None:
    def made() -> list[Any]:
        found: list[Any] = tenant.compute('GET', '/servers').json()['servers']
        return found

    before = made()
    mapping = [{'source_type': 'volume', 'uuid': 'unknown'}]
    body = {
        'name': 'made',
        'flavorRef': FLAVOR,
        'imageRef': tenant.images(name=OS_VERSION)[0]['id'],
        'block_device_mapping_v2': mapping,
    }
    answer: requests.Response = tenant.compute(
        'POST', '/servers', json={'server': body}
    )
    assert answer.status_code == 400
    assert made() == before
