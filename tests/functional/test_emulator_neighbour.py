# SPDX-License-Identifier: Apache-2.0
"""The emulator on a machine with web pages, other users, and strangers."""

from collections.abc import Callable, Iterator
import contextlib
import http.client
import os
import resource
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
import pytest
import requests

from ims_ext.emulator import connection
from ims_ext.emulator.server import EmulatorServer

from .plain_http import Client

MIB = 1024**2


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer(job_seconds=0) as running:
        yield running


@pytest.fixture(scope='module')
def client(server: EmulatorServer) -> Client:
    return Client(server)


# ====== WEB PAGES ======

FOREIGN_HOSTS = [
    'attacker.example',
    'attacker.example:9292',
    '127.0.0.1.attacker.example',
    'localhost.attacker.example',
    'notlocalhost',
    'images.localhost.attacker.example',
    'attacker.example@127.0.0.1',
    '127.0.0.1@attacker.example',
    '127.0.0.1, attacker.example',
    '0.0.0.0',
    '192.0.2.1:9292',
    '[2001:db8::1]',
    '[::ffff:192.0.2.1]:9292',
    '[127.0.0.1',
    '',
]
LOCAL_HOSTS = [
    '127.0.0.1',
    '127.0.0.1:1',
    '127.1.2.3:9292',
    'localhost',
    'LOCALHOST:9292',
    'localhost.:9292',
    'images.localhost:9293',
    'a.b.localhost',
    '[::1]:9292',
    '[::ffff:127.0.0.1]',
]
PORTS = ['image_url', 'auth_url', 'bucket_url']


def _ask(url: str, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    peer = http.client.HTTPConnection(str(parts.hostname), parts.port)
    with contextlib.closing(peer):
        peer.putrequest('GET', parts.path or '/', skip_host='Host' in headers)
        for name, value in headers.items():
            peer.putheader(name, value)
        peer.endheaders()
        return peer.getresponse().status


@pytest.mark.parametrize('port', PORTS)
@pytest.mark.parametrize('host', FOREIGN_HOSTS)
def test_nobody_is_answered_under_a_foreign_name(
    server: EmulatorServer, client: Client, port: str, host: str
) -> None:
    headers = {'Host': host, 'X-Auth-Token': client.token}

    assert _ask(getattr(server, port), headers) == 403


@pytest.mark.parametrize('port', ['image_url', 'auth_url'])
@pytest.mark.parametrize('host', LOCAL_HOSTS)
def test_every_name_of_this_machine_is_answered(
    server: EmulatorServer, port: str, host: str
) -> None:
    assert _ask(getattr(server, port), {'Host': host}) < 400


@pytest.mark.parametrize('port', PORTS)
@pytest.mark.parametrize(
    'origin',
    [
        'http://attacker.example',
        'https://127.0.0.1.attacker.example:9292',
        'null',
        'file://',
        'http://127.0.0.1@attacker.example',
        'chrome-extension://localhost',
    ],
)
def test_no_page_from_elsewhere_is_answered(
    server: EmulatorServer, client: Client, port: str, origin: str
) -> None:
    headers = {'Origin': origin, 'X-Auth-Token': client.token}

    assert _ask(getattr(server, port), headers) == 403


@pytest.mark.parametrize(
    'origin', ['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:1']
)
def test_a_page_of_this_machine_is_answered(
    server: EmulatorServer, origin: str
) -> None:
    assert _ask(server.auth_url, {'Origin': origin}) < 400


@pytest.mark.parametrize(
    'host', ['127.0.0.1', 'localhost', 'images.localhost']
)
def test_a_signed_url_opens_under_every_name(
    server: EmulatorServer, client: Client, host: str
) -> None:
    client.put('named', b'content')
    port = urlsplit(server.bucket_url).port
    entry = server.clouds(access_keys=True)['clouds']['alice']
    s3 = boto3.client(
        's3',
        endpoint_url=f'http://{host.removeprefix("images.")}:{port}',
        region_name='eu-emu-1',
        aws_access_key_id=entry['ak'],
        aws_secret_access_key=entry['sk'],
        config=Config(
            s3={
                'addressing_style': (
                    'virtual' if host.startswith('images') else 'path'
                )
            }
        ),
    )
    signed = s3.generate_presigned_url(
        'get_object', {'Bucket': 'images', 'Key': 'named'}
    )
    assert urlsplit(signed).hostname == host
    # Not every machine resolves names below localhost.
    answer = requests.get(
        signed.replace(f'//{host}:', '//127.0.0.1:'),
        headers={'Host': f'{host}:{port}'},
        timeout=10,
    )

    assert answer.content == b'content'


def test_an_emulator_for_other_machines_is_answered_under_any_name() -> None:
    with EmulatorServer(host='0.0.0.0') as everywhere:
        for port in ('image_url', 'auth_url'):
            headers = {'Host': 'build-7.example:9292'}
            assert _ask(getattr(everywhere, port), headers) < 400


# ====== CONNECTIONS ======


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let the process have as many files open as a crowd takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _crowd(
    stack: contextlib.ExitStack, url: str, said: bytes, size: int = 1100
) -> list[socket.socket]:
    """Open connections on which nothing is asked for."""
    parts = urlsplit(url)
    peers = []
    for _ in range(size):
        peer = socket.create_connection(
            (parts.hostname, parts.port),
            timeout=10,
            # A neighbour's, not the user's own.
            source_address=('127.0.0.2', 0),
        )
        stack.enter_context(peer)
        peer.sendall(said)
        peers.append(peer)
    return peers


@pytest.mark.usefixtures('many_files')
@pytest.mark.parametrize(
    'said',
    [
        b'',
        b'GET / HTTP/1.1\r\nHost: local',
        b'POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: localhost\r\n'
        b'Content-Length: 1000\r\n\r\n{',
    ],
    ids=['silent', 'half a head', 'half a body'],
)
@pytest.mark.parametrize('port', ['auth_url', 'bucket_url'])
def test_idle_connections_keep_nobody_out(
    server: EmulatorServer, port: str, said: bytes
) -> None:
    url = getattr(server, port)
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(requests.Session())
        assert own.get(url, timeout=10).status_code in (200, 403)
        _crowd(stack, url, said)

        # Somebody new, and somebody whose connection was there before.
        assert requests.get(url, timeout=10).status_code in (200, 403)
        assert own.get(url, timeout=10).status_code in (200, 403)


@pytest.mark.parametrize(
    'said',
    [b'', b'GET / HTTP/1.1\r\nHost: local', b'\r\n'],
    ids=['silent', 'half a head', 'a blank line'],
)
def test_who_sends_no_request_is_cut_off(
    server: EmulatorServer, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, 'HEAD_SECONDS', 0.2)
    parts = urlsplit(server.auth_url)
    with socket.create_connection(
        (parts.hostname, parts.port), timeout=30
    ) as peer:
        peer.sendall(said)

        assert peer.recv(1) == b''


def test_who_sends_a_head_in_drops_is_cut_off(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, 'HEAD_SECONDS', 0.5)
    parts = urlsplit(server.auth_url)
    with socket.create_connection(
        (parts.hostname, parts.port), timeout=30
    ) as peer:
        peer.sendall(b'GET / HTTP/1.1\r\n')

        assert _is_cut_off(peer)


def _is_cut_off(peer: socket.socket) -> bool:
    for _ in range(1000):
        try:
            peer.sendall(b'X: y\r\n')
        except OSError:
            return True
        time.sleep(0.05)
    return False


# ====== BODIES OF STRANGERS ======


class _TemporaryFiles:
    """The bytes that this process has in files without a name, at most."""

    def __init__(self) -> None:
        self.most = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> '_TemporaryFiles':
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self.most = max(self.most, self._now())

    def _now(self) -> int:
        found = 0
        for number in os.listdir('/proc/self/fd'):
            with contextlib.suppress(OSError):
                path = f'/proc/self/fd/{number}'
                if os.readlink(path).endswith('(deleted)'):
                    found += os.stat(path).st_size
        return found


def _pieces(chunk: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield chunk


Send = Callable[[EmulatorServer, Any], requests.Response]


def _image(headers: dict[str, str]) -> Send:
    return lambda server, data: requests.put(
        f'{server.image_url}/v2/images/x/file',
        data=data,
        headers={'Content-Type': 'application/octet-stream', **headers},
        timeout=60,
    )


def _object(query: str, headers: dict[str, str]) -> Send:
    return lambda server, data: requests.put(
        f'{server.bucket_url}/images/key{query}',
        data=data,
        headers=headers,
        timeout=60,
    )


STRANGERS: dict[str, Send] = {
    'image, no token': _image({}),
    'image, wrong token': _image({'X-Auth-Token': 'wrong'}),
    'image, unknown key': _image(
        {
            'Authorization': 'SDK-HMAC-SHA256 Access=UNKNOWN, '
            'SignedHeaders=host, Signature=00',
            'X-Sdk-Date': '20300131T235959Z',
        }
    ),
    'object, not signed': _object('', {}),
    'object, unknown key': _object(
        '?AWSAccessKeyId=UNKNOWN&Signature=x&Expires=99999999999', {}
    ),
    'object, malformed': _object('', {'Authorization': 'AWS nothing'}),
    'token': lambda server, data: requests.post(
        f'{server.auth_url}/auth/tokens', data=data, timeout=60
    ),
    'nothing there': lambda server, data: requests.put(
        f'{server.image_url}/no/such/place', data=data, timeout=60
    ),
}


@pytest.mark.parametrize('chunked', [False, True])
@pytest.mark.parametrize('who', STRANGERS)
def test_a_stranger_s_upload_is_refused_and_not_kept(
    server: EmulatorServer, who: str, chunked: bool
) -> None:
    data: Any = b'x' * (64 * MIB)
    if chunked:
        data = _pieces(b'x' * MIB, 64)

    with _TemporaryFiles() as files:
        answer = STRANGERS[who](server, data)

    assert answer.status_code in (400, 401, 403, 404, 413)
    assert files.most < MIB


def test_a_stranger_who_asks_first_is_refused_at_once(
    server: EmulatorServer,
) -> None:
    parts = urlsplit(server.bucket_url)
    with socket.create_connection(
        (parts.hostname, parts.port), timeout=30
    ) as peer:
        peer.sendall(
            b'PUT /images/key HTTP/1.1\r\nHost: localhost\r\n'
            b'Content-Length: 1073741824\r\nExpect: 100-continue\r\n\r\n'
        )
        answer = b''
        while data := peer.recv(65536):
            answer += data

    assert answer.startswith(b'HTTP/1.1 403 ')


def test_a_user_s_upload_is_kept(
    server: EmulatorServer, client: Client
) -> None:
    data = os.urandom(8 * MIB)

    for body in (data, _pieces(data, 1)):
        image_id = client.create_metadata(name='uploaded')
        client.request(
            'PUT',
            f'/v2/images/{image_id}/file',
            data=body,
            headers={'Content-Type': 'application/octet-stream'},
        ).raise_for_status()
        assert client.get(f'/v2/images/{image_id}/file').content == data
