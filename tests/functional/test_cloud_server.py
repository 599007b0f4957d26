# SPDX-License-Identifier: Apache-2.0
"""Servers by the clouds' own operations, as the vendor's SDK calls them."""

from typing import Any

import pytest
import requests

from .own_cloud import Cloud
from .plain_http import Client

OS_VERSION = 'CentOS 7.6 64bit'
UNKNOWN = '11111111-2222-3333-4444-555555555555'


@pytest.fixture
def client(cloud: Cloud) -> Client:
    """Give the user of ``cloud``, as one who speaks HTTP."""
    return Client(cloud.server, cloud.user)


def create(client: Client, **body: Any) -> requests.Response:
    """Make servers of a public image; anything given replaces a good value."""
    good = {
        'name': 'made',
        'imageRef': client.images(name=OS_VERSION)[0]['id'],
        'flavorRef': 's3.medium.2',
        'vpcid': UNKNOWN,
        'nics': [{'subnet_id': UNKNOWN}],
        'root_volume': {'volumetype': 'SSD', 'size': 50},
    }
    return client.ecs('POST', '/cloudservers', json={'server': good | body})


def ended(client: Client, answer: requests.Response) -> dict[str, Any]:
    """Return the job that an answer names."""
    assert answer.status_code == 200, answer.text
    job = client.ecs('GET', f'/jobs/{answer.json()["job_id"]}')
    found: dict[str, Any] = job.json()
    assert found['status'] == 'SUCCESS'
    return found


def test_servers_are_made(cloud: Cloud, client: Client) -> None:
    data = [{'volumetype': 'SSD', 'size': 10}]
    answer = create(client, count=2, data_volumes=data)
    job = ended(client, answer)

    made = answer.json()['serverIds']
    assert job['job_type'] == 'createServer'
    assert [
        each['entities']['server_id'] for each in job['entities']['sub_jobs']
    ] == made
    server = cloud.conn.compute.get_server(made[0])
    assert (server.name, server.status) == ('made-1', 'ACTIVE')
    disks = cloud.conn.compute.volume_attachments(server)
    assert [each.device for each in disks] == ['/dev/vda', '/dev/vdb']


def test_servers_are_stopped_for_an_image_and_started(
    cloud: Cloud, client: Client
) -> None:
    server_id = cloud.server_id('db')
    servers = {'servers': [{'id': server_id}]}
    path = '/cloudservers/action'

    stop = {'os-stop': {'type': 'SOFT', **servers}}
    ended(client, client.ecs('POST', path, json=stop))
    cloud.conn.ims.create_image_from_server(server_id, 'of-db', wait=True)
    job = ended(client, client.ecs('POST', path, json={'os-start': servers}))

    assert job['job_type'] == 'startServer'
    assert cloud.conn.compute.get_server(server_id).status == 'ACTIVE'


def test_servers_are_deleted_with_all_their_disks(
    cloud: Cloud, client: Client
) -> None:
    body = {'servers': [{'id': cloud.server_id('web')}], 'delete_volume': True}
    ended(client, client.ecs('POST', '/cloudservers/delete', json=body))

    servers = {each.name for each in cloud.conn.compute.servers()}
    volumes = {each.name for each in cloud.conn.block_storage.volumes()}
    assert 'web' not in servers
    assert not {'web-system', 'web-data'} & volumes


@pytest.mark.parametrize(
    ('path', 'body', 'status'),
    [
        ('/cloudservers', {'server': {}}, 400),
        ('/cloudservers', {'server': {'data_volumes': 'x'}}, 400),
        ('/cloudservers/action', {'pause': {}}, 400),
        ('/cloudservers/action', {'os-stop': {}}, 400),
        ('/cloudservers/action', {'os-stop': {'servers': ['x']}}, 400),
        (
            '/cloudservers/action',
            {'os-stop': {'servers': [{'id': UNKNOWN}]}},
            404,
        ),
        ('/cloudservers/delete', {}, 400),
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused(
    tenant: Client, path: str, body: dict[str, Any], status: int
) -> None:
    assert tenant.ecs('POST', path, json=body).status_code == status


def test_nothing_is_stopped_where_one_cannot_be(
    cloud: Cloud, client: Client
) -> None:
    names = ('db', 'web')
    servers = [{'id': cloud.server_id(name)} for name in names]
    answer = client.ecs(
        'POST', '/cloudservers/action', json={'os-stop': {'servers': servers}}
    )
    assert answer.status_code == 409
    server = cloud.conn.compute.get_server(cloud.server_id('db'))
    assert server.status == 'ACTIVE'


def test_other_jobs_are_not_shown_there(
    tenant: Client, neighbour: Client
) -> None:
    job_id = create(tenant).json()['job_id']
    assert tenant.ecs('GET', f'/jobs/{UNKNOWN}').status_code == 404
    assert neighbour.ecs('GET', f'/jobs/{job_id}').status_code == 404
