# SPDX-License-Identifier: Apache-2.0
"""What the emulator's log says of the requests of clients."""

from collections.abc import Iterator
import csv
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import boto3
from botocore.config import Config
import botocore.exceptions
from keystoneauth1 import session
import pytest
import requests

from ims_ext.auth import AccessKey
from ims_ext.emulator.control.documented import documented_routes
from ims_ext.emulator.control.request_log import RequestLog
from ims_ext.emulator.operation_name import NAMES
from ims_ext.emulator.request_record import RequestRecord
from ims_ext.emulator.server import EmulatorServer

from .openstack_command import PATIENCE
from .openstack_command import script
from .plain_http import Client

OPERATIONS = Path(__file__).parents[2] / 'doc/source/reference/operations.csv'


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator that only this module's tests ask something."""
    with EmulatorServer(job_seconds=0) as emulator:
        yield emulator


@pytest.fixture
def client(server: EmulatorServer) -> Client:
    """Give a user; nothing is in the log."""
    client = Client(server)
    server.requests.clear()
    return client


@pytest.fixture
def log(server: EmulatorServer, client: Client) -> RequestLog:
    """Give the log."""
    return server.requests


def last(log: RequestLog) -> RequestRecord:
    """Return the last request."""
    return list(log)[-1]


def test_a_request_is_known_by_its_documented_name(
    client: Client, log: RequestLog
) -> None:
    client.get('/v2/cloudimages', limit=5)

    record = last(log)
    assert record.service == 'image'
    assert record.operation == 'Querying Images'
    assert record.route == '/v2/cloudimages'
    assert (record.method, record.path) == ('GET', '/v2/cloudimages?limit=5')
    assert record.status == 200
    assert (record.user, record.project_id) == ('alice', client.project_id)
    assert record.address == '127.0.0.1'
    assert 'python-requests' in record.user_agent
    assert record.error_code is None


def test_each_documented_operation_has_a_name() -> None:
    with OPERATIONS.open(newline='', encoding='utf-8') as rows:
        documented = {row['Request'] for row in csv.DictReader(rows)}

    assert documented
    assert documented - NAMES['image'].keys() == set()


def test_each_name_is_of_an_operation() -> None:
    with EmulatorServer(glance='full') as server:
        routes = {
            f'{each.service} {each.method} {each.path}'
            for each in documented_routes(server.service.capabilities)
        }
    names = {
        f'{service} {route}'
        for service, routes_of in NAMES.items()
        for route in routes_of
    }
    assert names - routes == set()


def test_a_refusal_is_told_with_its_code(
    client: Client, log: RequestLog
) -> None:
    client.patch('00000000-0000-0000-0000-000000000000')

    record = last(log)
    assert record.operation == 'Updating an Image'
    assert record.status in (400, 404)
    assert str(record.error_code).startswith('IMG.')
    assert record.error


def test_each_answer_names_its_request(
    client: Client, log: RequestLog
) -> None:
    answer = client.get('/v2/images')
    assert answer.headers['X-Openstack-Request-Id'] == last(log).request_id

    client.put('key', b'data')
    answer = client.s3.head_object(Bucket='images', Key='key')
    told = answer['ResponseMetadata']['HTTPHeaders']['x-amz-request-id']
    assert told == last(log).request_id
    assert last(log).operation == 'HeadObject'


def test_a_path_without_an_operation_is_there_too(
    client: Client, log: RequestLog
) -> None:
    client.get('/v2/unheard/of')

    assert (last(log).status, last(log).operation) == (404, None)


def test_a_faults_work_is_marked(
    server: EmulatorServer, client: Client, log: RequestLog
) -> None:
    with server.faults.active('status=503,count=1'):
        client.get('/v2/images')

    record = last(log)
    assert (record.status, record.service) == (503, 'image')
    assert record.fault == 'status=503,count=1'


@pytest.mark.parametrize('where', ['before', 'after', 'middle'])
def test_a_cut_is_marked(
    server: EmulatorServer, client: Client, log: RequestLog, where: str
) -> None:
    with (
        server.faults.active(f'cut={where}'),
        pytest.raises(requests.RequestException),
    ):
        client.get('/v2/images').raise_for_status()

    (record,) = log
    log.wait(lambda: record.is_cut, PATIENCE)
    assert record.is_cut
    assert record.fault == f'cut={where}'


def test_a_refused_signature_comes_with_what_should_be_signed(
    server: EmulatorServer, log: RequestLog
) -> None:
    entry = server.clouds(access_keys=True)['clouds']['alice']
    key = AccessKey(
        server.auth_url,
        entry['ak'],
        'wrong',
        project_id=server.project_id('alice'),
    )
    answer = session.Session(auth=key).get(
        f'{server.image_url}/v2/images', raise_exc=False
    )
    assert answer.status_code == 401

    signed = last(log).signed
    assert signed is not None
    assert str(signed.canonical_request).startswith('GET\n/v2/images/\n')
    assert signed.string_to_sign.startswith('SDK-HMAC-SHA256\n')


@pytest.mark.parametrize('version', ['s3v4', 's3'])
def test_a_refused_bucket_signature_comes_with_what_should_be_signed(
    server: EmulatorServer, log: RequestLog, version: str
) -> None:
    entry = server.clouds(access_keys=True)['clouds']['alice']
    s3 = boto3.client(
        's3',
        endpoint_url=server.bucket_url,
        region_name='eu-emu-1',
        aws_access_key_id=entry['ak'],
        aws_secret_access_key='wrong',
        config=Config(
            s3={'addressing_style': 'path'}, signature_version=version
        ),
    )
    with pytest.raises(botocore.exceptions.ClientError):
        s3.list_objects_v2(Bucket='images')

    record = last(log)
    assert record.operation == 'ListObjectsV2'
    assert record.error_code == 'SignatureDoesNotMatch'
    assert record.signed is not None
    if version == 's3v4':
        canonical = str(record.signed.canonical_request)
        assert canonical.startswith('GET\n/images\n')
        assert record.signed.string_to_sign.startswith('AWS4-HMAC-SHA256\n')
    else:
        assert record.signed.string_to_sign.startswith('GET\n')


def test_nothing_that_is_good_for_getting_in_is_in_the_log(
    server: EmulatorServer, client: Client, log: RequestLog
) -> None:
    other = Client(server)
    client.put('key', b'data')
    client.get('/v2/cloudimages')
    entry = server.clouds(access_keys=True)['clouds']['alice']

    text = json.dumps([each.as_dict() for each in log])

    for secret in (entry['auth']['password'], entry['sk'], other.token):
        assert secret not in text
    assert 'X-Amz-Signature=***' in text


def test_requests_are_asked_for_and_forgotten(
    server: EmulatorServer, client: Client, log: RequestLog
) -> None:
    client.get('/v2/images')
    client.get('/v2/images/none')
    url = f'{server.control_url}/_emulator/requests'

    def ask(**query: Any) -> list[dict[str, Any]]:
        answer = requests.get(url, params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()['requests']
        return found

    assert [each['status'] for each in ask()] == [200, 404]
    assert [each['status'] for each in ask(status='4xx')] == [404]
    assert [each['status'] for each in ask(operation='Details')] == [404]
    assert ask(service='identity') == []
    assert [each['status'] for each in ask(limit=1)] == [404]
    assert ask(limit=0) == []
    assert len(ask(since=ask()[0]['time'])) == 2
    assert (
        requests.get(url, params={'who': 'me'}, timeout=60).status_code == 400
    )
    assert requests.delete(url, timeout=60).status_code == 204
    assert ask() == []


def test_a_client_that_has_its_answer_is_in_the_log(
    client: Client, log: RequestLog
) -> None:
    for _ in range(50):
        client.get('/v2/cloudimages', limit=1)
        assert last(log).status == 200
        log.clear()


@pytest.mark.parametrize('form', ['text', 'json'])
def test_the_command_writes_a_line_a_request(form: str) -> None:
    ask = (
        'import os, urllib.request, yaml;'
        'clouds = yaml.safe_load(open(os.environ["OS_CLIENT_CONFIG_FILE"]));'
        'url = clouds["clouds"]["emulator"]["auth"]["auth_url"];'
        'urllib.request.urlopen(url)'
    )
    options = ['--log'] if form == 'text' else ['--log', 'json']
    done = subprocess.run(
        [
            script('ims-emulator'),
            'exec',
            *options,
            '--',
            sys.executable,
            '-c',
            ask,
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    (written,) = done.stderr.splitlines()
    if form == 'json':
        assert json.loads(written)['operation'] == 'Show API v3 details'
    else:
        assert 'GET /v3' in written
        assert '(Show API v3 details)' in written
