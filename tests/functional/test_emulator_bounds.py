# SPDX-License-Identifier: Apache-2.0
"""What clients cannot make the emulator do: read too much, leave its files."""

from collections.abc import Iterator
import http.client
import os
import pathlib
import re
import socket
from urllib.parse import quote
from urllib.parse import urlsplit

import pytest

from ims_ext.emulator.control import fault as fault_control
from ims_ext.emulator.http import JSON_LIMIT
from ims_ext.emulator.profile import ALL_CLOUDS
from ims_ext.emulator.server import EmulatorServer

from .plain_http import Client

#: Names of files that are the emulator's own choice.
OWN_NAME = re.compile('[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')

STRANGE_NAMES = [
    '../../etc/passwd',
    '..',
    '.',
    '/etc/passwd',
    '//etc/passwd',
    'images/../../../escaped',
    '..\\..\\escaped',
    'C:\\escaped',
    '%2e%2e/%2e%2e/escaped',
    '..%2f..%2fescaped',
    'state.sqlite',
    '../state.sqlite',
    'nul\0byte',
    'new\nline',
    '\udce4\udcff',
    'ü' * 500,
    'x' * 1000,
    'x' * 5000,
]


@pytest.fixture(scope='module')
def directory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Give a directory, in which the state is one among others."""
    return tmp_path_factory.mktemp('bounds')


@pytest.fixture(scope='module')
def server(directory: pathlib.Path) -> Iterator[EmulatorServer]:
    """Give an emulator that keeps its state."""
    with EmulatorServer(
        state_dir=directory / 'state', job_seconds=0
    ) as emulator:
        yield emulator


@pytest.fixture(scope='module')
def client(server: EmulatorServer) -> Client:
    """Give a user who has a token already."""
    return Client(server)


def send(url: str, head: str) -> bytes:
    """Send the head of a request by hand; return how the answer begins."""
    parts = urlsplit(url)
    with socket.create_connection(
        (parts.hostname or '', parts.port or 0), 10
    ) as peer:
        peer.sendall(f'{head}\r\nHost: {parts.netloc}\r\n\r\n'.encode())
        return peer.recv(100)


def request(
    server_url: str, method: str, target: str, **headers: str
) -> tuple[int, bytes]:
    """Send a request whose target nobody tidies up."""
    connection = http.client.HTTPConnection(
        urlsplit(server_url).netloc, timeout=30
    )
    try:
        connection.putrequest(method, target, skip_host='Host' in headers)
        for name, value in headers.items():
            connection.putheader(name.replace('_', '-'), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def files(directory: pathlib.Path) -> set[str]:
    """Return the paths of all files, the emulator's data apart."""
    found = set()
    for path in directory.rglob('*'):
        relative = path.relative_to(directory)
        inside = relative.parts[:2] in (
            ('state', 'images'),
            ('state', 'objects'),
        )
        if not inside or not OWN_NAME.fullmatch(path.name):
            found.add(str(relative))
    return found


# ====== HOW MUCH IS READ ======


@pytest.mark.parametrize('url', ['image_url', 'bucket_url'])
def test_headers_have_a_limit(server: EmulatorServer, url: str) -> None:
    answer = send(
        getattr(server, url), f'GET / HTTP/1.1\r\nX-Long: {"x" * 2**18}'
    )
    assert b' 431 ' in answer


@pytest.mark.parametrize(
    ('url', 'limit'),
    [
        ('image_url', ALL_CLOUDS.upload_limit + 16 * 1024**2),
        ('bucket_url', 5 * 1024**3 + 16 * 1024**2),
    ],
)
@pytest.mark.parametrize('target', ['/', '/image/v2/images/1/file'])
def test_bodies_have_a_limit(
    server: EmulatorServer, url: str, limit: int, target: str
) -> None:
    answer = send(
        getattr(server, url),
        f'PUT {target} HTTP/1.1\r\nContent-Length: {limit}',
    )
    assert b' 413 ' in answer


@pytest.mark.parametrize(
    ('method', 'target'),
    [
        ('POST', '/identity/v3/auth/tokens'),
        ('POST', '/identity/v3.0/OS-CREDENTIAL/securitytokens'),
        ('POST', '/image/v2/images'),
        ('POST', '/image/v2/cloudimages/action'),
        ('POST', '/image/v1/cloudimages/members'),
        ('POST', '/image/v2/{project}/images/resource_instances/action'),
        ('POST', '/compute/v2.1/servers/{unknown}/action'),
        ('PUT', fault_control.PATH),
    ],
)
def test_json_has_a_limit(
    server: EmulatorServer, client: Client, method: str, target: str
) -> None:
    target = target.format(project=client.project_id, unknown='1' * 32)
    connection = http.client.HTTPConnection(
        urlsplit(server.image_url).netloc, timeout=30
    )
    connection.request(
        method,
        target,
        bytes(JSON_LIMIT + 1),
        {'X-Auth-Token': client.token, 'Content-Type': 'application/json'},
    )
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 413


# ====== WHERE FILES ARE ======


@pytest.mark.parametrize('name', STRANGE_NAMES)
def test_an_image_s_id_is_no_path(
    server: EmulatorServer,
    client: Client,
    directory: pathlib.Path,
    name: str,
) -> None:
    before = files(directory)
    target = quote(name, safe='/\\%', errors='surrogateescape')
    statuses = {
        request(
            server.image_url,
            method,
            f'/image/v2/images/{target}/file',
            X_Auth_Token=client.token,
            Content_Type='application/octet-stream',
            Content_Length='0',
        )[0]
        for method in ('GET', 'PUT')
    }
    assert statuses <= {400, 404, 405}
    assert files(directory) == before


@pytest.mark.parametrize('name', STRANGE_NAMES[:-4])
def test_an_image_s_id_is_not_chosen_as_a_path(
    client: Client, name: str
) -> None:
    answer = client.request('POST', '/v2/images', json={'id': name})
    assert answer.status_code == 400


@pytest.mark.parametrize('name', STRANGE_NAMES)
def test_an_object_s_key_is_no_path(
    server: EmulatorServer,
    client: Client,
    directory: pathlib.Path,
    name: str,
) -> None:
    before = files(directory)
    key = quote(name, safe='/\\%', errors='surrogateescape')
    url = urlsplit(
        client.s3.generate_presigned_url(
            'put_object', Params={'Bucket': 'images', 'Key': 'placeholder'}
        )
    )
    for target in (
        url._replace(scheme='', netloc='', path=f'/images/{key}').geturl(),
        f'/{key}?{url.query}',
    ):
        status, _ = request(
            server.bucket_url, 'PUT', target, Content_Length='0'
        )
        assert status in (400, 403, 404, 405)
    assert files(directory) == before


@pytest.mark.parametrize('name', STRANGE_NAMES[:12])
def test_an_object_with_a_key_like_a_path_is_an_object(
    client: Client, directory: pathlib.Path, name: str
) -> None:
    before = files(directory)
    client.s3.put_object(Bucket='images', Key=name, Body=name.encode())
    stored = client.s3.get_object(Bucket='images', Key=name)['Body'].read()
    assert stored == name.encode()
    assert files(directory) == before


@pytest.mark.parametrize('name', ['../../etc/passwd', '/etc/passwd', '..'])
def test_an_import_reads_objects_and_no_files(
    client: Client, name: str
) -> None:
    started = client.create(name='stolen', image_url=f'images:{name}-absent')
    if started.status_code == 200:
        assert client.finish(started)['status'] == 'FAIL'
    else:
        assert started.status_code == 400


def test_an_export_writes_objects_and_no_files(
    client: Client, directory: pathlib.Path
) -> None:
    image_id = client.active_image(name='exported')
    before = files(directory)
    for url in ('images:../../escaped', 'images:/escaped', '../..:escaped'):
        started = client.request(
            'POST',
            f'/v1/cloudimages/{image_id}/file',
            json={'bucket_url': url, 'file_format': 'qcow2'},
        )
        if started.status_code == 200:
            client.finish(started)
    assert files(directory) == before
    assert not os.path.lexists(directory.parent / 'escaped')
