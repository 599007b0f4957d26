# SPDX-License-Identifier: Apache-2.0
"""Bucket requests arrive at the endpoint, or at nobody."""

from collections.abc import Callable, Iterator
import contextlib
import socket
from typing import Any

from botocore import exceptions as botocore_exceptions
from openstack import connection
import pytest

import ims_ext
from ims_ext import exceptions
from ims_ext.objectstore import ObjectStore
from ims_ext.objectstore import access
from ims_ext.transport import retry

from . import socket_server
from .socket_server import SocketServer

ONCE = retry.Policy(retries=0, doubtful_retries=0)

#: Names that are, or look like, something else than a bucket at AWS.
NAMES = (
    'images--op-s3',
    'test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3',
    'test-accessp-e0b1d075431d83bebde8xz5w8ijx1qzlbp3ebeta0--op-s3',
    'images--x-s3',
    'images--usw2-az1--x-s3',
    'images--usw2-az1--xa-s3',
    'images--ol-s3',
    'images-s3alias',
    'mfzwi23gnjvgw.mrap',
    'a.b.c',
    'images.s3.amazonaws.com',
    '169.254.169.254',
    's3.amazonaws.com',
    'arn:aws:s3:us-east-1:123456789012:accesspoint/images',
    'arn:aws:s3::123456789012:accesspoint:mfzwi23gnjvgw.mrap',
    'arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-1/accesspoint/a',
    'arn:aws:s3-object-lambda:us-east-1:123456789012:accesspoint/a',
    'arn:aws:s3express:us-east-1:123456789012:bucket/images--use1-az1--x-s3',
)


class Sockets:
    """Notes the addresses that are looked up and connected to.

    :ivar asked: Hosts and ports.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: set[str] = set()
        look_up = socket.getaddrinfo

        def noting(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            self.asked.add(f'{host}:{port}')
            # No name leads out of this machine.
            here = host if str(host).startswith('127.') else '127.0.0.1'
            return look_up(here, port, *args, **kwargs)

        patch.setattr(socket, 'getaddrinfo', noting)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Sockets:
    return Sockets(monkeypatch)


@pytest.fixture
def server() -> Iterator[SocketServer]:
    with socket_server.serving() as found:
        yield found


Connect = Callable[..., connection.Connection]


@pytest.fixture
def connect(server: SocketServer) -> Iterator[Connect]:
    with contextlib.ExitStack() as stack:

        def make(**settings: Any) -> connection.Connection:
            port = server.place.partition(':')[2]
            settings.setdefault(
                'obs_endpoint_override', f'http://obs.example.com:{port}'
            )
            conn = stack.enter_context(
                connection.Connection(
                    auth_type='admin_token',
                    auth={'endpoint': server.url, 'token': 't'},
                    ims_endpoint_override=server.url,
                    region_name='eu-1',
                    ak='AK',
                    sk='SK',
                    **settings,
                )
            )
            ims_ext.load(conn)
            conn.ims.retry_policy = ONCE
            return conn

        yield make


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('style', ['path', 'virtual'])
@pytest.mark.parametrize(
    'call',
    [
        lambda client, name: client.head_bucket(Bucket=name),
        lambda client, name: client.put_object(
            Bucket=name, Key='k', Body=b'secret'
        ),
        lambda client, name: client.list_objects_v2(Bucket=name),
    ],
    ids=['head', 'put', 'list'],
)
def test_no_bucket_name_leads_away_from_the_endpoint(
    connect: Connect, sockets: Sockets, name: str, style: str, call: Any
) -> None:
    client = access.make_client(connect(obs_addressing_style=style))

    with contextlib.suppress(
        exceptions.ObjectStoreError,
        botocore_exceptions.BotoCoreError,
        botocore_exceptions.ClientError,
    ):
        call(client, name)

    hosts = {each.rpartition(':')[0] for each in sockets.asked}
    assert {
        each
        for each in hosts
        if each != 'obs.example.com' and not each.endswith('.obs.example.com')
    } == set()


def test_a_name_that_leads_away_is_refused_in_words(connect: Connect) -> None:
    store = ObjectStore(connect(obs_addressing_style='virtual'), ONCE)

    with pytest.raises(exceptions.ObjectStoreError, match='name another'):
        store.check_bucket(
            'test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3'
        )


@pytest.mark.parametrize(
    'variables',
    [
        {'AWS_DEFAULTS_MODE': 'auto'},
        {'AWS_ENDPOINT_URL': 'http://aws.example.net'},
        {'AWS_ENDPOINT_URL_S3': 'http://aws.example.net'},
        {'AWS_USE_FIPS_ENDPOINT': 'true', 'AWS_USE_DUALSTACK_ENDPOINT': '1'},
        {'AWS_CSM_ENABLED': 'true', 'AWS_CSM_HOST': 'csm.example.net'},
        {'AWS_PROFILE': 'other', 'AWS_REGION': 'eu-west-1'},
        {'AWS_S3_USE_ARN_REGION': 'true'},
        {'AWS_CONTAINER_CREDENTIALS_FULL_URI': 'http://aws.example.net/'},
    ],
    ids=lambda each: next(iter(each)),
)
def test_nothing_that_is_set_up_for_aws_counts(
    connect: Connect,
    server: SocketServer,
    sockets: Sockets,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    access.make_client(connect()).head_bucket(Bucket='images')

    assert {each.rpartition(':')[0] for each in sockets.asked} == {
        'images.obs.example.com'
    }


def test_a_store_that_names_another_region_is_not_followed(
    connect: Connect, server: SocketServer, sockets: Sockets
) -> None:
    server.answer = lambda handler: socket_server.answer(
        handler,
        b'<Error><Code>PermanentRedirect</Code><Endpoint>images.evil.example'
        b'.net</Endpoint><Region>evil.example.net/#</Region></Error>',
        301,
        Location='http://evil.example.net/',
        x_amz_bucket_region='evil.example.net/#',
    )
    client = access.make_client(connect())

    with contextlib.suppress(
        exceptions.ObjectStoreError,
        botocore_exceptions.BotoCoreError,
        botocore_exceptions.ClientError,
    ):
        client.list_objects(Bucket='images')

    assert {each.rpartition(':')[0] for each in sockets.asked} == {
        'images.obs.example.com'
    }


@pytest.mark.parametrize('status', [301, 302, 307, 308, 400])
def test_a_store_that_redirects_is_asked_once(
    connect: Connect, server: SocketServer, status: int
) -> None:
    server.answer = lambda handler: socket_server.answer(
        handler, b'', status, Location='/', x_amz_bucket_region='eu-2'
    )
    client = access.make_client(connect(obs_endpoint_override=server.url))

    with pytest.raises(botocore_exceptions.ClientError):
        client.head_bucket(Bucket='images')

    assert len(server.arrived) == 1


# ====== ANSWERS HAVE A SIZE ======


@pytest.mark.parametrize('status', [200, 404])
def test_an_endless_answer_of_a_store_is_given_up(
    connect: Connect, server: SocketServer, status: int
) -> None:
    def endless(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header('Connection', 'close')
        handler.end_headers()
        while True:
            handler.wfile.write(b'<a/>' * 16384)

    server.answer = endless
    conn = connect(obs_endpoint_override=server.url)
    client = access.make_client(conn)

    with pytest.raises(exceptions.ObjectStoreError, match='16 MiB'):
        client.list_objects(Bucket='images')

    assert len(server.arrived) == 1


# ====== PROXIES ======


@pytest.fixture
def proxy() -> Iterator[SocketServer]:
    """A proxy, which answers by itself."""
    with socket_server.serving('127.0.0.3') as found:
        yield found


PLACES = ('http://obs.example.com', 'http://10.1.2.3', 'http://127.0.0.1')


@pytest.mark.parametrize(
    'variables',
    [
        {'http_proxy': '<proxy>'},
        {'HTTP_PROXY': '<proxy>'},
        {'all_proxy': '<proxy>'},
        {'ALL_PROXY': '<proxy>'},
        {'https_proxy': '<proxy>'},
        {'ALL_PROXY': '<proxy>', 'no_proxy': 'obs.example.com'},
        {'ALL_PROXY': '<proxy>', 'no_proxy': '.example.com'},
        {'ALL_PROXY': '<proxy>', 'NO_PROXY': '10.0.0.0/8'},
        {'http_proxy': '<proxy>', 'no_proxy': '10.1.2.0/24,example.com'},
        {'http_proxy': '<proxy>', 'no_proxy': '10.1.2.3'},
        {'http_proxy': '<proxy>', 'no_proxy': '*'},
        {'http_proxy': '<proxy>', 'no_proxy': '127.0.0.1'},
        {'http_proxy': '<bare>'},
    ],
    ids=str,
)
@pytest.mark.parametrize('place', PLACES)
@pytest.mark.parametrize('style', ['path', 'virtual'])
def test_both_services_take_the_same_proxy(
    connect: Connect,
    server: SocketServer,
    proxy: SocketServer,
    sockets: Sockets,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    place: str,
    style: str,
) -> None:
    for name in ('http', 'https', 'all', 'no'):
        monkeypatch.delenv(f'{name}_proxy', raising=False)
        monkeypatch.delenv(f'{name}_proxy'.upper(), raising=False)
    for name, value in variables.items():
        value = value.replace('<proxy>', proxy.url)
        monkeypatch.setenv(name, value.replace('<bare>', proxy.place))
    if place != PLACES[0]:
        style = 'path'
    url = f'{place}:{server.place.partition(":")[2]}'
    requested = url.replace('//', '//images.') if style == 'virtual' else url
    conn = connect(obs_endpoint_override=url, obs_addressing_style=style)

    conn.session.get(requested, authenticated=False)
    by_image_service = len(proxy.arrived)
    access.make_client(conn).head_bucket(Bucket='images')

    assert len(proxy.arrived) == 2 * by_image_service
    assert len(server.arrived) == 2 - 2 * by_image_service
