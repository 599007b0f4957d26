# SPDX-License-Identifier: Apache-2.0
"""Access keys instead of passwords, against a service that checks them."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from http.server import HTTPServer
import json
from pathlib import Path
import threading
import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
import uuid

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer as VendorSigner
from keystoneauth1 import exceptions as keystone_exceptions
from openstack import config
from openstack import connection
import pytest
import requests
import yaml

from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import access

from .eventually import settle
from .openstack_command import Run

Connect = Callable[..., connection.Connection]

LIMIT = 12 * 1024**2


@pytest.fixture(scope='module')
def signing_clouds(
    emulator: EmulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Give a clouds.yaml with ``alice-aksk`` and ``bob-aksk`` beside all."""
    path = tmp_path_factory.mktemp('clouds') / 'clouds.yaml'
    path.write_text(yaml.safe_dump(emulator.clouds(access_keys=True)), 'utf-8')
    return path


@pytest.fixture(scope='module')
def sign_in(signing_clouds: Path) -> Connect:
    """Give a function that connects with an access key.

    What it is given replaces parts of the cloud's ``auth``.
    """

    def connect_to(
        user: str = 'alice', others: dict[str, Any] | None = None, **auth: Any
    ) -> connection.Connection:
        entry = yaml.safe_load(signing_clouds.read_text('utf-8'))
        cloud = entry['clouds'][f'{user}-aksk']
        cloud['auth'] |= auth
        cloud |= others or {}
        configuration = config.OpenStackConfig(
            load_yaml_config=False, load_envvars=False
        )
        return connection.Connection(config=configuration.get_one(**cloud))

    return connect_to


@pytest.fixture
def conn(sign_in: Connect) -> Iterator[connection.Connection]:
    """Give a connection of Alice's whose requests are signed."""
    with sign_in() as connected:
        yield connected


@pytest.fixture
def environment(
    environment: dict[str, str], signing_clouds: Path
) -> dict[str, str]:
    """Give the environment of commands that know the access keys, too."""
    return {**environment, 'OS_CLIENT_CONFIG_FILE': str(signing_clouds)}


def watch(conn: connection.Connection) -> list[requests.PreparedRequest]:
    """Return a list that a connection's requests will be added to."""
    sent: list[requests.PreparedRequest] = []

    def keep(response: requests.Response, **_: Any) -> None:
        sent.append(response.request)

    conn.session.session.hooks['response'].append(keep)
    return sent


# ====== THE LIBRARY ======


def test_every_service_is_asked_with_signed_requests(
    conn: connection.Connection,
) -> None:
    sent = watch(conn)

    assert list(conn.ims.cloud_images())
    assert list(conn.image.images())
    assert list(conn.compute.servers())
    assert list(conn.block_storage.volumes())
    assert [each.name for each in conn.identity.projects()] == ['alpha']
    assert conn.current_project_id

    services = {urlsplit(str(each.url)).port for each in sent}
    assert len(services) == 4
    for request in sent:
        # Discovery is for everybody.
        if 'Authorization' in request.headers:
            assert request.headers['Authorization'].startswith(
                'SDK-HMAC-SHA256 Access='
            )
        assert 'X-Auth-Token' not in request.headers


def test_what_is_written_is_written_with_signed_requests(
    conn: connection.Connection, disks: dict[str, Path]
) -> None:
    name = f'signed {uuid.uuid4().hex[:8]} 中文'
    job = conn.ims.create_image_from_file(
        disks['qcow2'], name, bucket='images', wait=True, tags={'a': 'b c'}
    )
    image_id = str(job.image_id)

    found = list(conn.ims.cloud_images(name=name))
    conn.ims.update_image(image_id, min_ram=1024)
    data = conn.ims.download_image(image_id).content
    conn.ims.delete_image(image_id)

    assert [each.id for each in found] == [image_id]
    assert found[0].tag_map == {'a': 'b c'}
    assert data == disks['qcow2'].read_bytes()


# openstacksdk itself looks for the name in this way.
@pytest.mark.filterwarnings('ignore:The ignore_missing parameter')
def test_glance_takes_a_signed_upload(
    emulator: EmulatorServer, conn: connection.Connection
) -> None:
    image = conn.image.create_image(
        f'signed-{uuid.uuid4().hex[:8]}',
        data=b'\0' * 65536,
        disk_format='raw',
        container_format='bare',
    )

    settle(emulator)
    assert conn.image.get_image(image.id).size == 65536


def test_an_upload_over_12_mib_is_refused_before_it_is_sent(
    conn: connection.Connection, tmp_path: Path
) -> None:
    path = tmp_path / 'disk.raw'
    with path.open('wb') as file:
        file.truncate(LIMIT + 1)
    image = conn.image.create_image(
        f'signed-{uuid.uuid4().hex[:8]}',
        disk_format='raw',
        container_format='bare',
        allow_duplicates=True,
    )
    sent = watch(conn)

    with (
        path.open('rb') as file,
        pytest.raises(exceptions.UnsignableRequestError, match='bucket'),
    ):
        conn.ims.put(
            f'/images/{image.id}/file',
            data=file,
            headers={'Content-Type': 'application/octet-stream'},
        )

    assert sent == []


def test_the_key_that_signs_opens_the_buckets(
    sign_in: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('OS_ACCESS_KEY', 'another')
    monkeypatch.setenv('OS_SECRET_KEY', 'another')
    with sign_in() as conn:
        key = access.find_credentials(conn)

        assert key.access_key == conn.config.config['auth']['access_key']


def test_a_key_of_their_own_opens_the_buckets(sign_in: Connect) -> None:
    own = {'ak': 'OWN', 'sk': 'own'}
    with sign_in(others=own, security_token='of the other key') as conn:
        key = access.find_credentials(conn)

    assert (key.access_key, key.secret_key, key.token) == ('OWN', 'own', None)


# ====== WHO AND WHERE ======


def test_a_project_can_be_given_by_its_id(sign_in: Connect) -> None:
    with sign_in() as by_name:
        project_id = by_name.current_project_id
    with sign_in(project_name=None, project_id=project_id) as conn:
        sent = watch(conn)

        assert list(conn.ims.cloud_images())
        assert conn.current_project_id == project_id

    assert not any('/projects' in str(each.url) for each in sent)


def test_a_project_that_is_not_there_is_named_with_those_that_are(
    sign_in: Connect,
) -> None:
    with (
        sign_in(project_name='gamma') as conn,
        pytest.raises(
            keystone_exceptions.AuthorizationFailure, match=r"'gamma'.*alpha"
        ),
    ):
        conn.ims.image_quotas()


def test_a_project_of_somebody_else_is_refused(
    sign_in: Connect, bob: connection.Connection
) -> None:
    with (
        sign_in(project_name=None, project_id=bob.current_project_id) as conn,
        pytest.raises(keystone_exceptions.Forbidden, match=r'APIGW\.0302'),
    ):
        conn.ims.image_quotas()


def test_endpoints_of_the_configuration_need_no_catalog(
    sign_in: Connect, emulator: EmulatorServer
) -> None:
    others = {'ims_endpoint_override': emulator.image_url}
    with sign_in(others=others) as conn:
        sent = watch(conn)

        assert list(conn.ims.cloud_images())

    assert not any('catalog' in str(each.url) for each in sent)


def test_connections_with_different_keys_do_not_mix(sign_in: Connect) -> None:
    projects: dict[str, set[str | None]] = {'alice': set(), 'bob': set()}

    def work(user: str, conn: connection.Connection) -> None:
        for _ in range(5):
            response = conn.ims.get('/v1/cloudimages/quota')
            assert response.status_code == 200
            projects[user].add(response.request.headers['X-Project-Id'])

    with sign_in('alice') as alice, sign_in('bob') as bob:
        threads = [
            threading.Thread(target=work, args=each)
            for each in [('alice', alice), ('bob', bob)] * 3
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert projects == {
            'alice': {alice.current_project_id},
            'bob': {bob.current_project_id},
        }


def test_a_temporary_key_counts_with_its_security_token(
    sign_in: Connect, alice: connection.Connection
) -> None:
    key = access.find_credentials(alice)
    auth = {'access_key': key.access_key, 'secret_key': key.secret_key}
    with sign_in(**auth, security_token=key.token) as conn:
        assert list(conn.ims.cloud_images())
        assert conn.ims.put('/nothing').status_code == 404
        assert access.find_credentials(conn).token == key.token
    with (
        sign_in(**auth) as conn,
        pytest.raises(keystone_exceptions.Unauthorized, match='token'),
    ):
        conn.ims.image_quotas()


# ====== WHAT IS REFUSED ======


@pytest.mark.parametrize(
    ('wrong', 'words'),
    [
        ({'secret_key': 'wrong'}, 'verify aksk signature fail'),
        ({'access_key': 'NOBODY'}, 'ak not exist'),
        ({'security_token': 'wrong'}, 'security token'),
    ],
)
def test_a_wrong_key_is_refused_in_the_gateways_words(
    sign_in: Connect, wrong: dict[str, str], words: str
) -> None:
    with (
        sign_in(**wrong) as conn,
        pytest.raises(keystone_exceptions.Unauthorized) as caught,
    ):
        conn.ims.image_quotas()

    assert 'APIGW.0301' in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize('minutes', [-16, 16])
def test_a_clock_that_is_wrong_is_reported_as_such(
    sign_in: Connect, emulator: EmulatorServer, minutes: int
) -> None:
    # Other tests have advanced the emulator's: a client may know that.
    nearest = emulator.clock() if minutes > 0 else time.time()
    wrong = nearest + minutes * 60
    expected = wrong - emulator.clock()
    with sign_in() as conn:
        conn.session.auth.clock = lambda: wrong
        with pytest.raises(exceptions.ClockSkewError) as caught:
            conn.ims.image_quotas()

    assert caught.value.local is not None
    assert caught.value.server is not None
    difference = caught.value.local - caught.value.server
    assert abs(difference.total_seconds() - expected) < 60


@pytest.mark.parametrize('minutes', [-13, 13])
def test_a_clock_may_be_somewhat_wrong(sign_in: Connect, minutes: int) -> None:
    with sign_in() as conn:
        conn.session.auth.clock = lambda: time.time() + minutes * 60

        assert conn.ims.image_quotas()


@pytest.fixture
def signed(conn: connection.Connection) -> requests.PreparedRequest:
    """Give a signed request that the service has accepted."""
    sent = watch(conn)
    conn.ims.put(
        '/v1/cloudimages/members', params={'limit': 1}, json={'images': ['a']}
    )
    request = sent[-1].copy()
    # The clock of what watches answers is not the matter here.
    request.hooks = {'response': []}
    return request


def send(request: requests.PreparedRequest) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.send(request, timeout=30)


def test_a_signed_request_can_be_sent_by_anybody(
    signed: requests.PreparedRequest,
) -> None:
    assert send(signed).json()['error']['code'].startswith('IMG.')


@pytest.mark.parametrize(
    ('header', 'value'),
    [
        ('Host', 'elsewhere.localhost'),
        ('X-Sdk-Date', '20300317T174640Z'),
        ('X-Project-Id', 'another'),
        ('Content-Type', 'text/plain'),
        ('X-Security-Token', 'added'),
        ('Authorization', 'SDK-HMAC-SHA256 unsigned'),
        ('Authorization', 'SDK-HMAC-SHA256'),
    ],
)
def test_a_request_whose_headers_were_changed_is_refused(
    signed: requests.PreparedRequest, header: str, value: str
) -> None:
    signed.headers[header] = value

    response = send(signed)

    assert response.status_code == 401
    assert response.json()['error_code'] == 'APIGW.0301'


@pytest.mark.parametrize('change', ['method', 'path', 'query', 'body'])
def test_a_request_that_was_changed_is_refused(
    signed: requests.PreparedRequest, change: str
) -> None:
    url = str(signed.url)
    if change == 'method':
        signed.method = 'POST'
    elif change == 'path':
        signed.url = url.replace('/members', '/tags')
    elif change == 'query':
        signed.url = url.replace('limit=1', 'limit=2')
    else:
        signed.body = bytes(signed.body or b'').replace(b'"a"', b'"b"')

    response = send(signed)

    assert response.status_code == 401
    assert response.json()['error_code'] == 'APIGW.0301'


def test_the_service_refuses_signed_bodies_over_12_mib(
    signed: requests.PreparedRequest,
) -> None:
    signed.body = bytes(LIMIT + 1)
    signed.headers['Content-Length'] = str(LIMIT + 1)

    response = send(signed)

    assert response.status_code == 413
    assert response.json()['error_code'] == 'APIGW.0201'


@pytest.mark.parametrize(
    ('method', 'path', 'query', 'body', 'content_type', 'status'),
    [
        ('GET', '/image/v1/cloudimages/quota', [], None, None, 200),
        ('GET', '/image/v2/cloudimages', [('limit', 1)], None, None, 200),
        (
            'GET',
            '/image/v2/cloudimages',
            [('name', 'a b+c=ä~'), ('limit', ''), ('name', 'B')],
            None,
            None,
            400,
        ),
        (
            'PUT',
            '/image/v1/cloudimages/tags',
            [],
            '{"name": "ä中"}',
            'application/json',
            400,
        ),
        # Its body it does not sign, and says so.
        ('PUT', '/image/v2/images/x/file', [], b'12', 'text/plain', 415),
        ('GET', '/identity/v3/auth/domains', [], None, None, 200),
    ],
)
def test_what_the_vendors_own_signer_signs_is_accepted(
    emulator: EmulatorServer,
    method: str,
    path: str,
    query: list[tuple[str, Any]],
    body: Any,
    content_type: str | None,
    status: int,
) -> None:
    auth = emulator.clouds(True)['clouds']['alice-aksk']['auth']
    host = urlsplit(emulator.auth_url).netloc
    request = SdkRequest(
        method=method,
        schema='http',
        host=host,
        resource_path=path,
        query_params=query,
        header_params={'Content-Type': content_type} if content_type else {},
        body=body,
    )
    key = SimpleNamespace(ak=auth['access_key'], sk=auth['secret_key'])
    VendorSigner(key).sign(request)

    response = requests.request(
        request.method,
        request.url,
        headers=request.header_params,
        data=request.body,
        timeout=30,
    )

    assert 'APIGW' not in response.text
    assert response.status_code == status


# ====== REDIRECTS ======


class Elsewhere(BaseHTTPRequestHandler):
    """A server that is not of the cloud, and remembers what it is sent."""

    seen: list[dict[str, str]]
    location: str | None = None

    def do_GET(self) -> None:
        type(self).seen.append(dict(self.headers))
        self.send_response(302 if self.location else 200)
        if self.location:
            self.send_header('Location', self.location)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def elsewhere() -> Iterator[Callable[[str | None], Any]]:
    """Give a function that starts such a server."""
    servers = []

    def start(location: str | None) -> Any:
        handler = type('_', (Elsewhere,), {'seen': [], 'location': location})
        server = HTTPServer(('127.0.0.1', 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return handler, f'http://127.0.0.1:{server.server_port}/x'

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_redirect_to_another_host_takes_no_credentials_along(
    conn: connection.Connection, elsewhere: Callable[[str | None], Any]
) -> None:
    target, target_url = elsewhere(None)
    _, first_url = elsewhere(target_url)

    assert conn.session.get(first_url).status_code == 200

    names = {name.lower() for name in target.seen[0]}
    assert not names & {
        'authorization',
        'x-auth-token',
        'x-project-id',
        'x-sdk-date',
        'x-security-token',
    }


# ====== THE COMMANDS ======


def test_commands_list_with_an_access_key(run: Run) -> None:
    for command in (['ims', 'image', 'list'], ['image', 'list']):
        done = run(*command, '-f', 'json', cloud='alice-aksk')

        assert done.stderr == ''
        assert 'CentOS 7.6 64bit' in done.stdout


def test_a_command_makes_an_image_with_an_access_key(
    run: Run, disks: dict[str, Path]
) -> None:
    name = f'signed-{uuid.uuid4().hex[:8]}'
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--wait', '-f', 'json', name),
        cloud='alice-aksk',
    )

    assert done.returncode == 0
    assert json.loads(done.stdout)['status'] == 'active'


def test_an_access_key_can_come_from_the_environment(
    run: Run, emulator: EmulatorServer, environment: dict[str, str]
) -> None:
    entry = emulator.clouds(access_keys=True)['clouds']['alice-aksk']
    auth = entry['auth']
    environment.pop('OS_CLIENT_CONFIG_FILE')

    done = run(
        *('ims', 'image', 'list', '-f', 'value'),
        cloud='',
        OS_AUTH_TYPE='v3aksk',
        OS_AUTH_URL=auth['auth_url'],
        OS_ACCESS_KEY=auth['access_key'],
        OS_SECRET_KEY=auth['secret_key'],
        OS_PROJECT_NAME=auth['project_name'],
        OS_REGION_NAME=entry['region_name'],
        OS_USERNAME='alice',
        OS_USER_DOMAIN_NAME='Default',
    )

    assert 'CentOS 7.6 64bit' in done.stdout


def test_a_key_for_buckets_alone_does_not_disturb_passwords(
    run: Run, emulator: EmulatorServer, environment: dict[str, str]
) -> None:
    entry = emulator.clouds(access_keys=True)['clouds']['alice']
    environment.pop('OS_CLIENT_CONFIG_FILE')

    done = run(
        *('ims', 'image', 'list', '-f', 'value'),
        cloud='',
        OS_IDENTITY_API_VERSION='3',
        OS_AUTH_URL=entry['auth']['auth_url'],
        OS_USERNAME='alice',
        OS_PASSWORD=entry['auth']['password'],
        OS_PROJECT_NAME='alpha',
        OS_USER_DOMAIN_ID='default',
        OS_PROJECT_DOMAIN_ID='default',
        OS_ACCESS_KEY=entry['ak'],
        OS_SECRET_KEY=entry['sk'],
    )

    assert 'CentOS 7.6 64bit' in done.stdout


def test_a_command_with_a_wrong_key_says_what_is_wrong(run: Run) -> None:
    done = run('ims', 'image', 'list', cloud='alice-aksk', OS_SECRET_KEY='x')

    assert done.returncode == 1
    assert 'verify aksk signature fail' in done.stderr
    assert 'Traceback' not in done.stderr
