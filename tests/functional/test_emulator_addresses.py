# SPDX-License-Identifier: Apache-2.0
"""Each service is at the root of a port and of a host of its own."""

from collections.abc import Callable, Iterator
import contextlib
from pathlib import Path
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
import botocore.session
from openstack import connection
import pytest
import requests

from ims_ext.emulator.address import SERVICES
from ims_ext.emulator.address import AddressError
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.server import PortError

from .plain_http import Client

REGION = 'eu-emu-1'
#: A path of each service's own, and the status that it answers with.
OWN = {
    'identity': ('/v3/auth/projects', 200),
    'image': ('/v2/images', 200),
    'compute': ('/v2.1/servers', 200),
    'block-storage': ('/v3/volumes', 200),
    'key-management': ('/v1.0/kms/user-instances', 200),
    'backup': ('/v3/vaults', 200),
    'bucket': ('/images', 403),
}
HOSTS = {
    'identity': 'iam',
    'image': 'ims',
    'compute': 'ecs',
    'block-storage': 'evs',
    'key-management': 'kms',
    'backup': 'cbr',
    'bucket': 'obs',
}


def ask(
    url: str, client: Client, host: str | None = None
) -> requests.Response:
    """Send a GET with a token, to a name that may not resolve."""
    headers = {'X-Auth-Token': client.token}
    if host is not None:
        headers['Host'] = host
    return requests.get(url, headers=headers, timeout=30)


def catalog(client: Client) -> dict[str, str]:
    """Return the URL of each type of service."""
    url = client.root('identity')
    body = ask(f'{url}/v3/auth/catalog', client).json()
    return {
        each['type']: each['endpoints'][0]['url'] for each in body['catalog']
    }


@pytest.fixture
def server(quick_emulator: EmulatorServer) -> EmulatorServer:
    return quick_emulator


# ====== PORTS ======


@pytest.mark.parametrize('service', SERVICES)
def test_each_service_is_at_the_root_of_a_port_of_its_own(
    server: EmulatorServer, tenant: Client, service: str
) -> None:
    url = server.addresses.url(service)
    path, status = OWN[service]

    assert urlsplit(url).path == ''
    assert ask(url + path, tenant).status_code == status
    others = {server.addresses.url(each) for each in SERVICES} - {url}
    assert len(others) == len(SERVICES) - 1


def test_the_catalog_shows_ports(
    server: EmulatorServer, tenant: Client
) -> None:
    assert catalog(tenant) == {
        'identity': server.auth_url,
        'image': server.image_url,
        'compute': f'{server.compute_url}/v2.1/{tenant.project_id}',
        'volumev3': f'{server.block_storage_url}/v3/{tenant.project_id}',
        'object': server.bucket_url,
        'kms': f'{server.key_management_url}/v1.0/{tenant.project_id}',
        'cbr': f'{server.backup_url}/v3/{tenant.project_id}',
    }


@pytest.mark.parametrize('service', [n for n in SERVICES if n != 'bucket'])
@pytest.mark.parametrize('port', [n for n in SERVICES if n != 'bucket'])
def test_a_service_is_at_a_prefix_of_the_other_services_ports(
    server: EmulatorServer, tenant: Client, service: str, port: str
) -> None:
    path, status = OWN[service]
    url = f'{server.addresses.url(port)}/{service}{path}'

    assert ask(url, tenant).status_code == status


def test_a_bucket_may_be_called_like_a_service(
    server: EmulatorServer, importer: Client
) -> None:
    importer.s3.create_bucket(Bucket='identity')
    importer.s3.put_object(Bucket='identity', Key='v3', Body=b'content')

    found = importer.s3.get_object(Bucket='identity', Key='v3')

    assert found['Body'].read() == b'content'
    importer.s3.delete_object(Bucket='identity', Key='v3')
    importer.s3.delete_bucket(Bucket='identity')


@pytest.fixture
def ports() -> Callable[[int], int]:
    """Find the first of some ports that are free in a row."""

    def find(count: int) -> int:
        while True:
            with socket.create_server(('127.0.0.1', 0)) as first:
                port: int = first.getsockname()[1]
            try:
                for each in range(port + 1, port + count):
                    socket.create_server(('127.0.0.1', each)).close()
            except (OSError, OverflowError):
                continue
            return port

    return find


def test_the_ports_follow_the_first_one(ports: Callable[[int], int]) -> None:
    first = ports(len(SERVICES))

    with EmulatorServer(port=first) as server:
        found = [urlsplit(server.addresses.url(n)).port for n in SERVICES]

    assert found == list(range(first, first + len(SERVICES)))


def test_a_service_can_have_another_port(ports: Callable[[int], int]) -> None:
    port = ports(1)

    with EmulatorServer(ports={'identity': port}) as server:
        assert server.auth_url == f'http://127.0.0.1:{port}/v3'


def test_a_port_that_follows_gives_way_to_another_program(
    ports: Callable[[int], int], caplog: pytest.LogCaptureFixture
) -> None:
    first = ports(len(SERVICES))
    with (
        socket.create_server(('127.0.0.1', first + 2)),
        EmulatorServer(port=first) as server,
    ):
        assert requests.get(server.auth_url, timeout=30).status_code == 200
        assert str(urlsplit(server.auth_url).port) in caplog.text


@pytest.fixture
def ipv6() -> None:
    """See that the machine has the newer loopback."""
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("There is no ::1 here")


@pytest.mark.usefixtures('ipv6')
@pytest.mark.parametrize('service', SERVICES)
def test_both_loopbacks_are_answered(
    server: EmulatorServer, tenant: Client, service: str
) -> None:
    path, status = OWN[service]
    url = server.addresses.url(service).replace('127.0.0.1', '[::1]')

    assert ask(url + path, tenant).status_code == status


@pytest.mark.usefixtures('ipv6')
def test_a_port_of_the_other_loopback_may_be_taken(
    ports: Callable[[int], int],
) -> None:
    port = ports(len(SERVICES))
    with (
        socket.create_server(('::1', port), family=socket.AF_INET6),
        EmulatorServer(port=port) as server,
    ):
        assert requests.get(server.image_url, timeout=30).status_code == 300


@pytest.mark.parametrize('service', ['image', 'identity'])
def test_a_port_that_was_asked_for_gives_way_to_nobody(service: str) -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        arguments: dict[str, Any] = {'ports': {service: port}}

        with pytest.raises(PortError):
            EmulatorServer(**arguments).start()


# ====== NAMES ======


@pytest.mark.parametrize('port', SERVICES)
@pytest.mark.parametrize('service', SERVICES)
def test_every_port_answers_to_every_service_s_name(
    server: EmulatorServer, tenant: Client, service: str, port: str
) -> None:
    path, status = OWN[service]
    url = server.addresses.url(port) + path
    host = f'{HOSTS[service]}.{REGION}.localhost'

    assert ask(url, tenant, host).status_code == status
    assert ask(url, tenant, f'{host.upper()}.:80').status_code == status


@pytest.mark.parametrize(
    'host', ['obs.eu-emu-1.localhost', 'obs.localhost', 'localhost']
)
def test_a_bucket_stands_before_the_object_store_s_name(
    server: EmulatorServer, importer: Client, host: str
) -> None:
    importer.put('key', b'content')
    signed = importer.s3.generate_presigned_url(
        'get_object', {'Bucket': 'images', 'Key': 'key'}
    )
    # Only one who signs for the name itself is answered.
    answer = requests.get(
        signed.replace('/images/key', '/key'),
        headers={'Host': f'images.{host}'},
        timeout=30,
    )

    assert 'SignatureDoesNotMatch' in answer.text


@pytest.mark.parametrize(
    ('host', 'path'),
    [
        (None, '/images/key'),
        ('images.obs.eu-emu-1.localhost', '/key'),
        ('images.localhost', '/key'),
    ],
)
def test_faults_know_the_bucket_wherever_it_is_named(
    server: EmulatorServer, tenant: Client, host: str | None, path: str
) -> None:
    fault = 'status=507,on=bucket,path=/images/key'
    with server.faults.active(fault) as faults:
        answer = ask(server.bucket_url + path, tenant, host)
        ask(server.bucket_url + '/other/key', tenant)

        assert answer.status_code == 507
        assert faults.injected == 1


@pytest.fixture(scope='module')
def named() -> Iterator[EmulatorServer]:
    with EmulatorServer(domain='cloud.test') as server:
        yield server


def test_the_catalog_shows_names_where_there_is_a_domain(
    named: EmulatorServer,
) -> None:
    auth = urlsplit(named.auth_url)

    assert auth.hostname == 'iam.eu-emu-1.cloud.test'
    assert urlsplit(named.image_url).hostname == 'ims.eu-emu-1.cloud.test'
    assert urlsplit(named.bucket_url).hostname == 'obs.eu-emu-1.cloud.test'
    entry = named.clouds()['clouds']['alice']
    assert entry['auth']['auth_url'] == named.auth_url


def ask_named(server: EmulatorServer, host: str) -> int:
    """Ask for the root of a host that may not resolve; return the status."""
    port = urlsplit(server.image_url).port
    return requests.get(
        f'http://127.0.0.1:{port}/', headers={'Host': host}, timeout=30
    ).status_code


@pytest.mark.parametrize(
    ('host', 'status'),
    [
        ('ims.eu-emu-1.cloud.test', 300),
        ('IAM.eu-emu-1.cloud.test:1', 300),
        ('iam.cloud.test', 300),
        ('ecs.eu-emu-1.localhost', 200),
        ('obs.eu-emu-1.cloud.test', 403),
        ('a.bucket.obs.eu-emu-1.cloud.test', 403),
        ('cloud.test', 403),
        ('www.cloud.test', 403),
        ('ims.eu-emu-2.cloud.test', 403),
        ('x.ims.eu-emu-1.cloud.test', 403),
        ('ims.eu-emu-1.cloud.test.attacker.example', 403),
    ],
)
def test_only_the_services_names_in_a_domain_are_answered(
    named: EmulatorServer, host: str, status: int
) -> None:
    assert ask_named(named, host) == status


# ====== PROJECT IDS ======


@pytest.mark.parametrize(
    'path',
    [
        '/v2.1/{}/servers',
        '/v2.1/{}/servers/detail',
        '/v2.1/{}/flavors/s3.medium.2',
        '/v2.1/servers',
    ],
)
def test_compute_takes_the_project_s_id_in_paths(
    server: EmulatorServer, tenant: Client, path: str
) -> None:
    url = server.compute_url + path.format(tenant.project_id)

    assert ask(url, tenant).status_code == 200


@pytest.mark.parametrize(
    'path', ['/v3/{}/volumes', '/v3/{}/backups/detail', '/v3/volumes']
)
def test_block_storage_takes_the_project_s_id_in_paths(
    server: EmulatorServer, tenant: Client, path: str
) -> None:
    url = server.block_storage_url + path.format(tenant.project_id)

    assert ask(url, tenant).status_code == 200


def test_a_path_with_another_project_s_id_is_refused(
    server: EmulatorServer, tenant: Client, neighbour: Client
) -> None:
    for root, kind in (
        (f'{server.compute_url}/v2.1', 'servers'),
        (f'{server.block_storage_url}/v3', 'volumes'),
    ):
        answer = ask(f'{root}/{neighbour.project_id}/{kind}', tenant)

        assert answer.status_code == 400
        assert (
            'Malformed request URL' in answer.json()['badRequest']['message']
        )


def test_a_catalog_without_a_project_has_no_project_s_endpoints(
    server: EmulatorServer,
) -> None:
    entry = server.clouds()['clouds']['alice']['auth']
    user = {
        'name': entry['username'],
        'password': entry['password'],
        'domain': {'id': 'default'},
    }
    body = {
        'identity': {'methods': ['password'], 'password': {'user': user}},
        'scope': {'domain': {'id': 'default'}},
    }
    token = requests.post(
        f'{server.auth_url}/auth/tokens', json={'auth': body}, timeout=30
    ).json()['token']

    assert {each['type'] for each in token['catalog']} == {
        'identity',
        'image',
        'object',
    }


def test_openstacksdk_finds_servers_and_volumes(
    server: EmulatorServer,
) -> None:
    entry = server.clouds()['clouds']['alice']
    with connection.Connection(**entry) as conn:
        names = {each.name for each in conn.compute.servers()}
        volumes = {each.name for each in conn.block_storage.volumes()}

    assert 'web' in names
    assert 'spare-data' in volumes


# ====== THE CLOUDS' OWN WAYS ======


def test_the_project_of_a_region_is_found_by_the_region_s_name(
    server: EmulatorServer, tenant: Client
) -> None:
    url = f'{server.auth_url}/projects'
    found = ask(f'{url}?name={REGION}', tenant).json()['projects']

    assert [each['id'] for each in found] == [tenant.project_id]
    names = [each['name'] for each in ask(url, tenant).json()['projects']]
    assert REGION not in names


def test_a_token_can_be_for_the_project_of_a_region(
    server: EmulatorServer,
) -> None:
    entry = server.clouds()['clouds']['alice']
    entry['auth']['project_name'] = REGION
    with connection.Connection(**entry) as conn:
        assert conn.current_project_id == server.project_id('alice')


@pytest.mark.parametrize(
    ('service', 'path', 'key'),
    [
        ('compute', '/v1/{}/cloudservers/detail', 'servers'),
        ('block-storage', '/v2/{}/cloudvolumes/detail', 'volumes'),
    ],
)
def test_servers_and_volumes_are_listed_in_numbered_pages(
    server: EmulatorServer, tenant: Client, service: str, path: str, key: str
) -> None:
    url = server.addresses.url(service) + path.format(tenant.project_id)
    first = 1 if key == 'servers' else 0
    step = 1 if key == 'servers' else 2
    whole = ask(url, tenant).json()

    pages = [
        ask(f'{url}?limit=2&offset={first + number * step}', tenant).json()
        for number in range(3)
    ]

    found = [each['id'] for page in pages for each in page[key]]
    assert found == [each['id'] for each in whole[key]][:6]
    assert {page['count'] for page in pages} == {whole['count']}
    [one] = ask(f'{url}?limit=1', tenant).json()[key]
    shown = ask(f'{url.removesuffix("detail")}{one["id"]}', tenant).json()
    assert shown[key.removesuffix('s')]['name'] == one['name']
    assert ask(f'{url}?offset=x', tenant).status_code == 400


# ====== ANOTHER ADDRESS ======


@pytest.mark.parametrize(
    ('public_url', 'image', 'bucket'),
    [
        (
            'https://ci.example:8443/',
            'https://ci.example:8443/image',
            'https://ci.example:8443',
        ),
        (
            'https://{service}.{region}.ci.example',
            'https://ims.eu-emu-1.ci.example',
            'https://obs.eu-emu-1.ci.example',
        ),
        (
            'http://emulator:{port}',
            'http://emulator:{0}',
            'http://emulator:{1}',
        ),
    ],
)
def test_clients_are_told_the_public_url(
    ports: Callable[[int], int], public_url: str, image: str, bucket: str
) -> None:
    first = ports(len(SERVICES))
    with EmulatorServer(port=first, public_url=public_url) as server:
        expected = [each.format(first, first + 1) for each in (image, bucket)]

        assert [server.image_url, server.bucket_url] == expected
        versions = requests.get(
            f'http://127.0.0.1:{first}/versions', timeout=30
        ).json()['versions']
        link = versions[0]['links'][0]['href']
        assert link == f'{expected[0]}/v2/'


@pytest.mark.parametrize(
    'url',
    [
        'ci.example',
        'ftp://ci.example',
        'https://',
        'https://ci.example:port',
        'https://ci.example/cloud',
        'https://ci.example?x',
        'https://user@ci.example',
        'https://{region}.ci.example',
        'https://{host}.ci.example',
    ],
)
def test_a_public_url_that_clients_could_not_use_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        EmulatorServer(public_url=url)


class Forwarder:
    """A port that leads to another one, as that of a container does."""

    def __init__(self) -> None:
        self.listening = socket.create_server(('127.0.0.1', 0))
        self.port: int = self.listening.getsockname()[1]
        self.to: tuple[str, int] | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            assert self.to is not None
            server = socket.create_connection(self.to)
            for pair in ((client, server), (server, client)):
                threading.Thread(
                    target=self._pass_on, args=pair, daemon=True
                ).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    forwarder = Forwarder()
    yield forwarder
    # Waking up whoever accepts.
    forwarder.listening.shutdown(socket.SHUT_RDWR)
    forwarder.listening.close()


@pytest.mark.parametrize('cloud', ['alice', 'alice-aksk'])
def test_clients_work_by_the_public_url(
    forwarder: Forwarder, disks: dict[str, Path], cloud: str
) -> None:
    public_url = f'http://localhost:{forwarder.port}'
    with EmulatorServer(public_url=public_url, job_seconds=0) as server:
        forwarder.to = ('127.0.0.1', server.addresses.ports['image'])
        entry = server.clouds(access_keys=True)['clouds'][cloud]
        with connection.Connection(**entry) as conn:
            job = conn.ims.create_image_from_file(disks['qcow2'], 'public')

            assert conn.ims.get_image(job.image_id).status == 'active'
            assert list(conn.compute.servers())
            assert conn.session.get_endpoint(service_type='image').startswith(
                public_url
            )


@pytest.mark.parametrize(
    ('public_url', 'host', 'path', 'status'),
    [
        ('https://ci.example', 'ci.example', '/identity/v3', 200),
        ('https://ci.example:8443', 'CI.example:8443', '/versions', 200),
        ('https://ci.example', 'images.ci.example', '/identity/v3', 200),
        ('https://192.0.2.1', '192.0.2.1', '/versions', 200),
        ('http://[2001:db8::1]:80', '[2001:db8::1]:80', '/versions', 200),
        ('https://{service}.ci.example', 'iam.ci.example', '/v3', 200),
        ('https://{service}.ci.example', 'ecs.ci.example', '/v2.1', 200),
        ('https://{service}.ci.example', 'obs.ci.example', '/v3', 403),
        ('https://{service}.ci.example', 'x.obs.ci.example', '/v3', 403),
        ('https://{service}-{region}.ci.example', 'ims.ci.example', '/', 403),
        ('https://ci.example', 'evil.example', '/versions', 403),
        ('https://ci.example', 'ci.example.evil.example', '/versions', 403),
        ('https://ci.example', 'evilci.example', '/versions', 403),
    ],
)
def test_the_public_hosts_are_answered(
    public_url: str, host: str, path: str, status: int
) -> None:
    with EmulatorServer(public_url=public_url) as server:
        port = server.addresses.ports['image']
        answer = requests.get(
            f'http://127.0.0.1:{port}{path}',
            headers={'Host': host},
            timeout=30,
        )

    assert answer.status_code == status


@pytest.mark.parametrize(
    'host', ['images.obs.ci.example', 'images.obs.eu-emu-1.localhost']
)
def test_a_bucket_stands_before_a_public_name(host: str) -> None:
    url = 'http://{service}.ci.example'
    with EmulatorServer(public_url=url) as server:
        client = botocore.session.get_session().create_client(
            's3',
            endpoint_url=f'http://{host.removeprefix("images.")}',
            region_name=REGION,
            aws_access_key_id='unknown',
            aws_secret_access_key='unknown',
            config=Config(s3={'addressing_style': 'virtual'}),
        )
        signed = client.generate_presigned_url(
            'get_object', {'Bucket': 'images', 'Key': 'key'}
        )
        port = server.addresses.ports['image']
        answer = requests.get(
            signed.replace(f'http://{host}', f'http://127.0.0.1:{port}'),
            headers={'Host': host},
            timeout=30,
        )

    assert '<Code>InvalidAccessKeyId</Code>' in answer.text


@pytest.mark.parametrize('bucket', ['images', 'identity'])
def test_one_port_is_enough_for_everything(
    server: EmulatorServer, importer: Client, bucket: str
) -> None:
    """As where one public URL leads to one port."""
    importer.s3.create_bucket(Bucket=bucket)
    which = {'Bucket': bucket, 'Key': 'key'}
    importer.s3.put_object(**which, Body=b'content')
    signed = importer.s3.generate_presigned_url('get_object', which)
    netloc = urlsplit(server.bucket_url).netloc
    port = urlsplit(server.image_url).netloc
    answer = requests.get(
        signed.replace(netloc, port), headers={'Host': netloc}, timeout=30
    )
    importer.s3.delete_object(**which)

    assert answer.content == b'content'
    if bucket != 'images':
        importer.s3.delete_bucket(Bucket=bucket)
