# SPDX-License-Identifier: Apache-2.0
"""Time that passes at once in an emulator, as its clients see it."""

from collections.abc import Iterator
import datetime
from pathlib import Path
import time

import pytest
import requests

from ims_ext.emulator.server import EmulatorServer

from .own_cloud import Cloud
from .own_cloud import own_cloud
from .plain_http import Client
from .plain_http import disk


@pytest.fixture
def slow_cloud() -> Iterator[Cloud]:
    """Give an emulator of the test's own, whose jobs last for an hour."""
    with own_cloud(job_seconds=3600) as cloud:
        yield cloud


@pytest.fixture
def server(slow_cloud: Cloud) -> EmulatorServer:
    return slow_cloud.server


def test_a_token_ends(server: EmulatorServer) -> None:
    client = Client(server)
    server.clock.advance('23h')
    assert client.get('/v2/images').status_code == 200

    server.clock.advance('2h')

    assert client.get('/v2/images').status_code == 401
    assert Client(server).get('/v2/images').status_code == 200


def test_a_connection_gets_another_token(slow_cloud: Cloud) -> None:
    list(slow_cloud.conn.ims.images())
    slow_cloud.server.clock.advance('3d')

    assert list(slow_cloud.conn.ims.images())


def test_a_temporary_access_key_ends(slow_cloud: Cloud) -> None:
    client = Client(slow_cloud.server)
    answer = client._session.post(
        f'{slow_cloud.server.auth_url}/../v3.0/OS-CREDENTIAL/securitytokens',
        timeout=60,
        json={
            'auth': {
                'identity': {
                    'methods': ['token'],
                    'token': {'id': client.token, 'duration_seconds': 900},
                }
            }
        },
    )
    key = answer.json()['credential']
    state = slow_cloud.server._state
    assert state.access_keys.get(key['access']) is not None

    slow_cloud.server.clock.advance('15m')

    assert state.access_keys.get(key['access']) is None


def test_a_job_ends(server: EmulatorServer, tmp_path: Path) -> None:
    client = Client(server)
    client.put('disk.qcow2', disk(tmp_path, 'qcow2'))
    started = client.create().json()['job_id']
    assert client.job(started)['status'] != 'SUCCESS'

    server.clock.advance('1h')

    job = client.end(started)
    assert job['status'] == 'SUCCESS'


@pytest.mark.parametrize('advance', ['2h', '40d'])
def test_requests_signed_by_the_machines_clock_stay_valid(
    slow_cloud: Cloud, advance: str
) -> None:
    slow_cloud.server.clock.advance(advance)
    client = Client(slow_cloud.server)

    client.put('key', b'data')

    assert client.s3.list_objects_v2(Bucket='images')['KeyCount'] == 1
    signing = slow_cloud.connect('alice-aksk')
    assert list(signing.ims.images())


def test_a_signed_url_ends(server: EmulatorServer) -> None:
    client = Client(server)
    client.put('key', b'data')
    signed = client.s3.generate_presigned_url(
        'get_object', {'Bucket': 'images', 'Key': 'key'}, ExpiresIn=3600
    )
    assert requests.get(signed, timeout=60).content == b'data'
    # Signatures have whole seconds.
    server.clock.machine = lambda: time.time() + 2

    server.clock.advance('61m')

    answer = requests.get(signed, timeout=60)
    assert answer.status_code == 403
    assert 'expired' in answer.text


def test_what_is_made_later_is_younger(server: EmulatorServer) -> None:
    client = Client(server)
    client.put('old', b'data')
    first = client.create_metadata(name='old')
    server.clock.advance('20h')
    second = client.create_metadata(name='new')
    client.put('new', b'data')

    made = {
        image_id: datetime.datetime.fromisoformat(
            client.get(f'/v2/images/{image_id}').json()['created_at']
        )
        for image_id in (first, second)
    }
    changed = {
        each['Key']: each['LastModified']
        for each in client.s3.list_objects_v2(Bucket='images')['Contents']
    }

    day = datetime.timedelta(hours=20)
    assert made[second] - made[first] >= day
    assert changed['new'] - changed['old'] >= day
