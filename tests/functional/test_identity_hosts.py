# SPDX-License-Identifier: Apache-2.0
"""What opens the cloud stays with the identity service that it is for."""

from collections.abc import Iterator
import json
from typing import Any

from keystoneauth1 import fixture
from openstack import connection
import pytest

import ims_ext
from ims_ext import exceptions
from ims_ext.objectstore import access
from ims_ext.transport import retry

from . import socket_server
from .key_connection import connect_by_key
from .socket_server import SocketServer

ONCE = retry.Policy(retries=0, doubtful_retries=0)
KEYS = '/v3.0/OS-CREDENTIAL/securitytokens'
STRANGERS_KEY = {
    'credential': {
        'access': 'STRANGER',
        'secret': 'stranger',
        'securitytoken': 'stranger',
        'expires_at': '2099-01-01T00:00:00Z',
    }
}


class Identity:
    """An identity service, which may redirect one of its paths.

    :param server: Where it is.
    :ivar arrived: What has arrived there.
    """

    def __init__(self, server: SocketServer) -> None:
        self.url = server.url
        self.redirects: dict[str, str] = {}
        self.status = 307
        self.catalog = {'image': self.url, 'object': self.url}
        self.arrived = server.arrived
        server.answer = self.answer

    def answer(self, handler: Any) -> None:
        """Answer a request."""
        path = handler.path.partition('?')[0]
        if path in self.redirects:
            location = self.redirects[path]
            socket_server.answer(
                handler, status=self.status, Location=location
            )
        elif path == '/v3/auth/tokens':
            token = fixture.V3Token(project_id='p')
            for service_type, url in self.catalog.items():
                token.add_service(service_type).add_standard_endpoints(
                    public=url, region='eu-1'
                )
            socket_server.answer(
                handler,
                json.dumps(token).encode(),
                201,
                X_Subject_Token='a-token',
            )
        elif path == '/v3/auth/catalog':
            socket_server.answer(handler, b'{"catalog": []}')
        elif path.endswith(KEYS):
            socket_server.answer(handler, json.dumps(STRANGERS_KEY).encode())
        else:
            version = fixture.V3Discovery(f'{self.url}/v3')
            body = json.dumps({'version': version}).encode()
            socket_server.answer(handler, body)


@pytest.fixture
def other() -> Iterator[SocketServer]:
    with socket_server.serving('127.0.0.2') as server:
        server.answer = lambda handler: socket_server.answer(
            handler, json.dumps(STRANGERS_KEY).encode(), 201
        )
        yield server


@pytest.fixture
def identity() -> Iterator[Identity]:
    with socket_server.serving() as server:
        yield Identity(server)


@pytest.fixture
def by_password(identity: Identity) -> Iterator[connection.Connection]:
    with connection.Connection(
        auth_type='password',
        auth={
            'auth_url': f'{identity.url}/v3',
            'username': 'alice',
            'password': 'secret',
            'project_id': 'p',
            'user_domain_id': 'default',
        },
        region_name='eu-1',
    ) as conn:
        ims_ext.load(conn)
        conn.ims.retry_policy = ONCE
        yield conn


@pytest.fixture
def by_key(identity: Identity) -> Iterator[connection.Connection]:
    with connect_by_key(identity.url) as conn:
        ims_ext.load(conn)
        conn.ims.retry_policy = ONCE
        yield conn


def test_connections_are_kept(
    identity: Identity, by_password: connection.Connection
) -> None:
    by_password.ims.get('/images')
    by_password.ims.get_project_id()
    by_password.ims.get('/images')
    by_password.ims.get('/images')

    assert len({each.peer for each in identity.arrived}) == 1


@pytest.mark.parametrize('status', [301, 302, 303, 305, 307, 308])
def test_a_request_for_a_key_takes_no_token_to_another_host(
    identity: Identity,
    other: SocketServer,
    by_password: connection.Connection,
    status: int,
) -> None:
    identity.redirects[KEYS] = f'{other.url}{KEYS}'
    identity.status = status

    with pytest.raises(exceptions.BucketCredentialsError):
        access.find_credentials(by_password, ONCE)

    assert other.arrived == []


def test_a_request_for_a_key_follows_on_its_host(
    identity: Identity, by_password: connection.Connection
) -> None:
    identity.redirects[KEYS] = f'/moved{KEYS}'

    credentials = access.find_credentials(by_password, ONCE)

    assert credentials.get_frozen_credentials().access_key == 'STRANGER'


@pytest.mark.parametrize('status', [301, 302, 307, 308])
def test_a_password_is_taken_to_no_other_host(
    identity: Identity,
    other: SocketServer,
    by_password: connection.Connection,
    status: int,
) -> None:
    identity.redirects['/v3/auth/tokens'] = f'{other.url}/v3/auth/tokens'
    identity.status = status

    with pytest.raises(exceptions.RedirectRefusedError, match='auth_url'):
        by_password.ims.get('/images')

    assert other.arrived == []


@pytest.mark.parametrize('status', [301, 302, 307, 308])
def test_a_catalog_for_a_key_comes_from_no_other_host(
    identity: Identity,
    other: SocketServer,
    by_key: connection.Connection,
    status: int,
) -> None:
    identity.redirects['/v3/auth/catalog'] = f'{other.url}/v3/auth/catalog'
    identity.status = status

    with pytest.raises(exceptions.RedirectRefusedError, match='auth_url'):
        by_key.ims.get('/images')

    assert other.arrived == []


@pytest.mark.parametrize(
    'form',
    [
        'http://<other>\\@<cloud>/v2',
        'http://<other>\t@<cloud>/v2',
        'http://user@<other>/v2',
        'http://<other>:x@<cloud>',
        'ftp://<other>/v2',
        'http:///v2',
    ],
)
def test_a_catalog_with_odd_endpoints_is_not_believed(
    identity: Identity,
    other: SocketServer,
    by_password: connection.Connection,
    form: str,
) -> None:
    url = form.replace('<other>', other.url[7:]).replace(
        '<cloud>', identity.url[7:]
    )
    identity.catalog = {'image': url, 'object': url, 'identity': url}

    with pytest.raises(exceptions.EndpointNotFoundError):
        by_password.ims.get('/images')
    with pytest.raises(exceptions.ObjectStoreError):
        access.find_endpoint(by_password)
    with pytest.raises(exceptions.ObjectStoreError):
        access.find_credentials(by_password, ONCE)

    assert other.arrived == []
