# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with the emulator on purpose, as clients meet it."""

from collections.abc import Iterator
import contextlib
import http.client
import pathlib
import socket
import time
from typing import Any
from urllib.parse import urlsplit
import uuid

from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionClosedError
import pytest
import requests

from ims_ext.emulator.server import EmulatorServer

from .plain_http import Client

#: More than the emulator answers at the same time when nobody waits.
MANY = 20


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator whose jobs are short."""
    with EmulatorServer(job_seconds=0.05) as emulator:
        yield emulator


@pytest.fixture(scope='module')
def client(server: EmulatorServer) -> Client:
    """Give a user who has a token already."""
    return Client(server)


def fresh() -> str:
    """Return a name that no image has."""
    return f'faulty-{uuid.uuid4().hex}'


def named(client: Client, name: str) -> list[dict[str, Any]]:
    """Return the images of a name."""
    images: list[dict[str, Any]] = client.get('/v2/images', name=name).json()[
        'images'
    ]
    return images


def create(client: Client, name: str) -> requests.Response:
    """Ask for an image that is nothing but a record."""
    return client.request('POST', '/v2/images', json={'name': name})


def raw(url: str, method: str = 'GET', path: str = '') -> bytes:
    """Send a request by hand; return all bytes that come back."""
    parts = urlsplit(url)
    with socket.create_connection(
        (parts.hostname or '', parts.port or 0), 10
    ) as peer:
        peer.sendall(
            f'{method} {parts.path}{path} HTTP/1.1\r\n'
            f'Host: {parts.netloc}\r\n\r\n'.encode()
        )
        received = b''
        with contextlib.suppress(ConnectionResetError):
            while chunk := peer.recv(65536):
                received += chunk
    return received


# ====== STATUSES ======


@pytest.mark.parametrize('status', [429, 500, 502, 503, 504])
def test_a_refusal_has_the_status_asked_for(
    server: EmulatorServer, client: Client, status: int
) -> None:
    with server.faults.active(f'status={status}'):
        answer = client.get('/v2/cloudimages')
    assert answer.status_code == status


@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        ('status=429', {'error_code': 'APIGW.0308'}),
        ('status=503', {'error_code': 'APIGW.0202'}),
        ('status=503,code=APIGW.0101', {'error_code': 'APIGW.0101'}),
    ],
)
def test_the_gateway_refuses_in_its_own_words(
    server: EmulatorServer,
    client: Client,
    fault: str,
    expected: dict[str, str],
) -> None:
    with server.faults.active(fault):
        answer = client.get('/v2/cloudimages').json()
    assert expected.items() <= answer.items()


@pytest.mark.parametrize(
    ('url', 'expected'),
    [
        ('image_url', {'message', 'code'}),
        ('auth_url', {'code', 'message', 'title'}),
    ],
)
def test_an_internal_error_has_the_shape_of_the_service(
    server: EmulatorServer, url: str, expected: set[str]
) -> None:
    with server.faults.active('status=500'):
        answer = requests.get(getattr(server, url), timeout=60)
    assert answer.json()['error'].keys() == expected


def test_a_refusal_says_when_to_come_back(
    server: EmulatorServer, client: Client
) -> None:
    with server.faults.active('status=429,retry-after=3'):
        answer = client.get('/v2/cloudimages')
    assert answer.headers['Retry-After'] == '3'


@pytest.mark.parametrize(('effect', 'images'), [('before', 0), ('after', 1)])
def test_a_refusal_comes_before_or_after_the_effect(
    server: EmulatorServer, client: Client, effect: str, images: int
) -> None:
    name = fresh()
    with server.faults.active(f'status=502,effect={effect}'):
        assert create(client, name).status_code == 502
    assert len(named(client, name)) == images


def test_only_the_requests_named_are_refused(
    server: EmulatorServer, client: Client
) -> None:
    with server.faults.active(
        'status=503,on=image,method=GET,path=/v1/cloudimages/*'
    ):
        others = client.get('/v2/cloudimages').status_code
        met = client.get('/v1/cloudimages/quota').status_code
    assert (others, met) == (200, 503)


def test_the_same_requests_meet_the_same_faults_again(
    server: EmulatorServer, client: Client
) -> None:
    def met(seed: int) -> list[int]:
        with server.faults.active('status=503,rate=0.5', seed=seed):
            return [
                client.get('/v1/cloudimages/quota').status_code
                for _ in range(20)
            ]

    first = met(7)
    assert (met(7) == first, met(8) == first) == (True, False)


# ====== CUTS ======


@pytest.mark.parametrize('where', ['before', 'after'])
def test_a_cut_connection_ends_without_a_byte(
    server: EmulatorServer, where: str
) -> None:
    with server.faults.active(f'cut={where}'):
        assert raw(server.image_url, path='/') == b''


@pytest.mark.parametrize(('where', 'images'), [('before', 0), ('after', 1)])
def test_a_cut_comes_before_or_after_the_effect(
    server: EmulatorServer, client: Client, where: str, images: int
) -> None:
    name = fresh()
    with (
        server.faults.active(f'cut={where}'),
        pytest.raises(requests.ConnectionError),
    ):
        create(client, name)
    assert len(named(client, name)) == images


def test_a_cut_in_the_middle_breaks_a_promise(server: EmulatorServer) -> None:
    with server.faults.active('cut=middle'):
        headers, _, body = raw(server.image_url, path='/').partition(
            b'\r\n\r\n'
        )
    promised = int(headers.lower().split(b'content-length: ')[1].split()[0])
    assert 0 < len(body) < promised


def test_a_cut_in_the_middle_comes_after_the_effect(
    server: EmulatorServer, client: Client
) -> None:
    name = fresh()
    with (
        server.faults.active('cut=middle'),
        pytest.raises(requests.RequestException),
    ):
        create(client, name)
    assert len(named(client, name)) == 1


def test_an_answer_without_a_body_is_cut_in_its_first_line(
    server: EmulatorServer, client: Client
) -> None:
    image_id = client.create_metadata(name=fresh())
    with (
        server.faults.active('cut=middle'),
        pytest.raises(requests.ConnectionError),
    ):
        client.request('DELETE', f'/v2/images/{image_id}')
    assert client.get(f'/v2/images/{image_id}').status_code == 404


def test_a_large_download_is_cut_after_half_of_it(
    server: EmulatorServer, client: Client
) -> None:
    client.put('large', bytes(4 * 1024**2))
    with server.faults.active('cut=middle'):
        stream = client.s3.get_object(Bucket='images', Key='large')['Body']
        with pytest.raises(Exception, match='2097152') as caught:
            stream.read()
    assert 'Incomplete' in repr(caught.value)


# ====== DAMAGED BODIES ======


def test_a_truncated_body_has_the_length_that_it_promises(
    server: EmulatorServer, client: Client
) -> None:
    whole = client.get('/v2/schemas/image')
    with server.faults.active('body=truncated'):
        answer = client.get('/v2/schemas/image')
    assert answer.content == whole.content[: len(whole.content) // 2]


@pytest.mark.parametrize('how', ['truncated', 'garbage', 'html', 'empty'])
def test_a_damaged_body_is_not_json(
    server: EmulatorServer, client: Client, how: str
) -> None:
    with (
        server.faults.active(f'body={how}'),
        pytest.raises(requests.JSONDecodeError),
    ):
        client.get('/v2/cloudimages').json()


@pytest.mark.parametrize(
    ('fault', 'status'),
    [
        ('body=html', 200),
        ('status=502,body=html', 502),
        ('status=200,body=html', 200),
    ],
)
def test_a_page_comes_with_either_status(
    server: EmulatorServer, client: Client, fault: str, status: int
) -> None:
    with server.faults.active(fault):
        answer = client.get('/v2/cloudimages')
    assert (answer.status_code, answer.headers['Content-Type'][:9]) == (
        status,
        'text/html',
    )


def test_an_answer_whose_body_is_damaged_had_its_effect(
    server: EmulatorServer, client: Client
) -> None:
    name = fresh()
    with server.faults.active('body=garbage'):
        assert create(client, name).status_code == 201
    assert len(named(client, name)) == 1


def test_what_has_no_body_is_not_counted_as_damaged(
    server: EmulatorServer, client: Client
) -> None:
    image_id = client.create_metadata(name=fresh())
    with server.faults.active('body=garbage') as faults:
        answer = client.request('DELETE', f'/v2/images/{image_id}')
    assert (answer.status_code, faults.injected) == (204, 0)


# ====== DELAYS ======


@pytest.mark.parametrize('effect', ['before', 'after'])
def test_a_slow_answer_is_the_right_one(
    server: EmulatorServer, client: Client, effect: str
) -> None:
    with server.faults.active(f'slow=0.01,effect={effect}') as faults:
        answer = client.get('/v2/cloudimages')
    assert (answer.status_code, faults.injected) == (200, 1)


def test_slow_answers_do_not_keep_others_waiting() -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            EmulatorServer(faults=['slow=3600,path=/v2/images'])
        )
        parts = urlsplit(server.image_url)
        for _ in range(MANY):
            waiting = http.client.HTTPConnection(parts.netloc, timeout=60)
            stack.callback(waiting.close)
            waiting.request('GET', f'{parts.path}/v2/images')
        while server.faults.injected < MANY:
            time.sleep(0.01)
        answer = requests.get(f'{server.image_url}/', timeout=60)
    assert answer.status_code == 300


# ====== TOKENS AND JOBS ======


def test_a_token_ends_before_its_time(server: EmulatorServer) -> None:
    with server.faults.active('token-seconds=0.05'):
        client = Client(server)
    time.sleep(0.1)
    assert client.get('/v2/cloudimages').status_code == 401


def test_a_failing_job_names_its_code(
    server: EmulatorServer, client: Client
) -> None:
    client.put('disk.qcow2', b'data')
    with server.faults.active('job=fail,code=IMG.0022,count=1'):
        job = client.finish(client.create(name=fresh()))
    assert (job['status'], job['error_code']) == ('FAIL', 'IMG.0022')


def test_a_hanging_job_hangs_after_a_restart(tmp_path: pathlib.Path) -> None:
    with EmulatorServer(
        state_dir=tmp_path, job_seconds=0, faults=['job=hang,count=1']
    ) as server:
        client = Client(server)
        client.put('disk.qcow2', b'data')
        hanging = client.create(name='first').json()['job_id']
        client.finish(client.create(name='second'))
    with EmulatorServer(state_dir=tmp_path, job_seconds=0) as server:
        client = Client(server)
        client.finish(client.create(name='third'))
        assert client.job(hanging)['status'] == 'RUNNING'


# ====== BUCKETS ======


@pytest.mark.parametrize(
    ('fault', 'code'),
    [
        ('status=503,on=bucket', 'ServiceUnavailable'),
        ('status=503,on=bucket,code=SlowDown', 'SlowDown'),
        ('status=500,on=bucket', 'InternalError'),
    ],
)
def test_a_bucket_refuses_parts_in_its_own_words(
    server: EmulatorServer, client: Client, fault: str, code: str
) -> None:
    target = {'Bucket': 'images', 'Key': 'parts'}
    upload = client.s3.create_multipart_upload(**target)['UploadId']
    part = {**target, 'UploadId': upload, 'Body': b'part'}
    with server.faults.active(f'{fault},query=*partNumber=2*'):
        client.s3.upload_part(**part, PartNumber=1)
        with pytest.raises(ClientError) as caught:
            client.s3.upload_part(**part, PartNumber=2)
    client.s3.abort_multipart_upload(**target, UploadId=upload)
    assert caught.value.response['Error']['Code'] == code


def test_a_bucket_that_cuts_the_connection_has_the_object(
    server: EmulatorServer, client: Client
) -> None:
    # The client would try again five times.
    with (
        server.faults.active('cut=after,on=bucket,method=PUT'),
        pytest.raises(ConnectionClosedError),
    ):
        client.s3.put_object(Bucket='images', Key='cut', Body=b'whole')
    kept = client.s3.get_object(Bucket='images', Key='cut')['Body'].read()
    assert kept == b'whole'
