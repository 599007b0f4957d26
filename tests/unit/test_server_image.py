# SPDX-License-Identifier: Apache-2.0
"""Images from servers and volumes: what is sent, and what is not."""

from collections.abc import Callable
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack.block_storage.v3 import volume as _volume
from openstack.compute.v2 import server as _server
import pytest
import requests_mock

from ims_ext import exceptions

IMS = 'https://ims.example.com'
ACTION = f'{IMS}/v2/cloudimages/action'
SAFE_ACTION = f'{IMS}/v2.1/cloudimages/action'
COMPUTE = 'https://ecs.example.com/v2.1'
VOLUMES = 'https://evs.example.com/v3'

SERVER = '877a2cda-ba63-4e1e-b95f-e67e48b6129a'
VOLUME = 'c5dfbd0c-bf0a-4798-a453-61dc6b54aa30'
CENTOS = 'CentOS 7.0 64bit'


@pytest.fixture
def cloud(answers: requests_mock.Mocker) -> requests_mock.Mocker:
    """A cloud that starts every job that it is asked for."""
    answers.post(ACTION, json={'job_id': 'j1'})
    answers.post(SAFE_ACTION, json={'job_id': 'j1'})
    return answers


@pytest.fixture
def whole_conn(
    connect: Callable[..., connection.Connection],
    cloud: requests_mock.Mocker,
) -> connection.Connection:
    """A connection to a cloud that has servers and volumes too."""
    for url, version in ((COMPUTE, '2.1'), (VOLUMES, '3.0')):
        document = {
            'id': f'v{version}',
            'status': 'CURRENT',
            'version': version,
            'min_version': version,
            'links': [{'rel': 'self', 'href': url}],
        }
        for address in (url, f'{url}/'):
            cloud.get(
                address, json={'version': document, 'versions': [document]}
            )
    return connect({'image': IMS, 'compute': COMPUTE, 'volumev3': VOLUMES})


# ====== SERVERS ======


@pytest.mark.parametrize(
    ('attrs', 'sent'),
    [
        ({}, {}),
        ({'description': 'as built'}, {'description': 'as built'}),
        ({'tags': ['aaa.111']}, {'tags': ['aaa.111']}),
        (
            {'tags': {'env': 'prod'}},
            {'image_tags': [{'key': 'env', 'value': 'prod'}]},
        ),
        (
            {'min_ram': '1024', 'max_ram': 2048},
            {'min_ram': 1024, 'max_ram': 2048},
        ),
        ({'enterprise_project_id': 0}, {'enterprise_project_id': '0'}),
    ],
)
def test_an_image_of_a_server_is_asked_for_as_documented(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    attrs: Any,
    sent: dict[str, Any],
) -> None:
    job = conn.ims.create_image_from_server(SERVER, 'golden', **attrs)

    assert cloud.last_request.url == ACTION
    assert cloud.last_request.json() == {
        'name': 'golden',
        'instance_id': SERVER,
        **sent,
    }
    assert job.id == 'j1'


def test_a_server_is_taken_as_an_object(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.create_image_from_server(_server.Server(id=SERVER), 'golden')

    assert cloud.last_request.json()['instance_id'] == SERVER


def test_a_server_is_looked_up_by_its_name(
    whole_conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.get(f'{COMPUTE}/servers/web', status_code=404)
    cloud.get(
        f'{COMPUTE}/servers/detail?name=web',
        json={'servers': [{'id': SERVER, 'name': 'web'}]},
    )

    whole_conn.ims.create_image_from_server('web', 'golden')

    assert cloud.last_request.json()['instance_id'] == SERVER


def test_a_server_that_is_not_there_is_named(
    whole_conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.get(f'{COMPUTE}/servers/web', status_code=404)
    cloud.get(f'{COMPUTE}/servers/detail?name=web', json={'servers': []})

    with pytest.raises(sdk_exceptions.NotFoundException, match='web'):
        whole_conn.ims.create_image_from_server('web', 'golden')


def test_a_name_without_a_compute_service_is_refused_with_the_way_out(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    with pytest.raises(
        exceptions.EndpointNotFoundError, match=r'web.*compute.*give its ID'
    ):
        conn.ims.create_image_from_server('web', 'golden')


@pytest.mark.parametrize(
    ('server', 'name', 'attrs'),
    [
        ('', 'golden', {}),
        (None, 'golden', {}),
        (7, 'golden', {}),
        (SERVER, 'a/b', {}),
        (SERVER, '', {}),
        (SERVER, 'golden', {'description': 'a<b'}),
        (SERVER, 'golden', {'tags': {'a=b': 'c'}}),
        (SERVER, 'golden', {'min_ram': 4096, 'max_ram': 2048}),
        (SERVER, 'golden', {'os_version': CENTOS}),
        (SERVER, 'golden', {'instance_id': SERVER}),
        (SERVER, 'golden', {'type': 'ECS'}),
    ],
)
def test_what_is_not_permitted_for_a_server_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    server: Any,
    name: str,
    attrs: Any,
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.create_image_from_server(server, name, **attrs)

    assert cloud.call_count == 0


# ====== VOLUMES ======


def test_a_system_image_of_a_volume_is_asked_for_as_documented(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.create_image_from_volume(
        _volume.Volume(id=VOLUME),
        'golden',
        CENTOS,
        type='bms',
        min_ram=1024,
        description='rescued',
    )

    assert cloud.last_request.url == ACTION
    assert cloud.last_request.json() == {
        'name': 'golden',
        'volume_id': VOLUME,
        'os_version': CENTOS,
        'type': 'BMS',
        'min_ram': 1024,
        'description': 'rescued',
    }


def test_a_volume_is_looked_up_by_its_name(
    whole_conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.get(f'{VOLUMES}/volumes/data', status_code=404)
    cloud.get(
        f'{VOLUMES}/volumes/detail',
        json={'volumes': [{'id': VOLUME, 'name': 'data'}]},
    )

    whole_conn.ims.create_image_from_volume('data', 'golden', CENTOS)

    assert cloud.last_request.json()['volume_id'] == VOLUME


def test_a_name_without_block_storage_is_refused_with_the_way_out(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    with pytest.raises(
        exceptions.EndpointNotFoundError, match=r'data.*block storage'
    ):
        conn.ims.create_image_from_volume('data', 'golden', CENTOS)


@pytest.mark.parametrize(
    ('os_version', 'attrs'),
    [
        ('', {}),
        (None, {}),
        (CENTOS, {'type': 'IsoImage'}),
        (CENTOS, {'type': 'DataImage'}),
        (CENTOS, {'min_disk': 40}),
        (CENTOS, {'min_ram': -1}),
    ],
)
def test_what_is_not_permitted_for_a_volume_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    os_version: Any,
    attrs: Any,
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.create_image_from_volume(
            VOLUME, 'golden', os_version, **attrs
        )

    assert cloud.call_count == 0


def test_data_images_of_volumes_are_one_request(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.create_data_images_from_volumes(
        [
            {'name': 'a', 'volume_id': VOLUME, 'tags': {'disk': '1'}},
            {
                'name': 'b',
                'volume_id': _volume.Volume(id=SERVER),
                'description': 'second',
                'tags': ['disk.2'],
            },
        ]
    )

    assert cloud.last_request.json() == {
        'data_images': [
            {
                'name': 'a',
                'volume_id': VOLUME,
                'image_tags': [{'key': 'disk', 'value': '1'}],
            },
            {
                'name': 'b',
                'volume_id': SERVER,
                'description': 'second',
                'tags': ['disk.2'],
            },
        ]
    }


@pytest.mark.parametrize(
    'image',
    [
        {'volume_id': VOLUME},
        {'name': 'a'},
        {'name': 'a/b', 'volume_id': VOLUME},
        {'name': 'a', 'volume_id': VOLUME, 'description': 'a\nb'},
        {'name': 'a', 'volume_id': VOLUME, 'min_disk': 40},
        {'name': 'a', 'volume_id': VOLUME, 'tags': {'a=b': 'c'}},
    ],
)
def test_a_data_image_that_is_not_permitted_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    image: dict[str, Any],
) -> None:
    good = {'name': 'good', 'volume_id': VOLUME}

    with pytest.raises(exceptions.ValidationError):
        conn.ims.create_data_images_from_volumes([good, image])

    assert cloud.call_count == 0


def test_no_data_images_are_refused_unsent(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    with pytest.raises(exceptions.ValidationError, match='No data disks'):
        conn.ims.create_data_images_from_volumes([])

    assert cloud.call_count == 0


# ====== SAFE MODE ======


@pytest.mark.parametrize(
    'create',
    [
        lambda ims, **mode: ims.create_image_from_server(SERVER, 'a', **mode),
        lambda ims, **mode: ims.create_image_from_volume(
            VOLUME, 'a', CENTOS, **mode
        ),
        lambda ims, **mode: ims.create_data_images_from_volumes(
            [{'name': 'a', 'volume_id': VOLUME}], **mode
        ),
    ],
)
def test_the_safe_mode_is_the_same_request_under_another_version(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    create: Callable[..., Any],
) -> None:
    create(conn.ims)
    plain = cloud.last_request
    create(conn.ims, safe_mode=True)

    assert plain.url == ACTION
    assert cloud.last_request.url == SAFE_ACTION
    assert cloud.last_request.json() == plain.json()
