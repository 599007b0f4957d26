# SPDX-License-Identifier: Apache-2.0
"""Tokens and signatures arrive at the service's host, and at no other."""

from collections.abc import Iterator
import contextlib
import json
from typing import Any

import hypothesis
from hypothesis import strategies as st
from openstack import connection
import pytest
import requests

import ims_ext
from ims_ext import exceptions
from ims_ext.auth import AccessKey
from ims_ext.auth import signer
from ims_ext.transport import origin
from ims_ext.transport import retry

from . import socket_server
from .key_connection import connect_by_key
from .socket_server import SocketServer

TOKEN = 'a-token-of-the-cloud'
PROOFS = ('X-Auth-Token', 'Authorization')

#: In URLs, they stand for the two places: the service's and another one.
CLOUD, OTHER = '<cloud>', '<other>'

#: Forms of URLs that parsers have been seen to read in different ways.
FORMS = (
    'http://<other>\\@<cloud>/v2/images',
    'http://<other>/\\@<cloud>/v2/images',
    'http://<other>#@<cloud>/v2/images',
    'http://<other>?@<cloud>/v2/images',
    'http://<other>;@<cloud>/v2/images',
    'http://<other>%5C@<cloud>/v2/images',
    'http://<cloud>@<other>/v2/images',
    'http://<cloud>%40<other>/v2/images',
    'http://<cloud>:x@<other>/v2/images',
    'http://<cloud>\\@<other>/v2/images',
    'http://<cloud>\t@<other>/v2/images',
    'http://<cloud> @<other>/v2/images',
    'http://<cloud>/@<other>/../../\\\\<other>/v2/images',
    'http://a@<other>@<cloud>/v2/images',
    'http://<other>\\.<cloud>/v2/images',
    'http://\u2028:x@<cloud>/v2/images',
    'http://\u2028:x@<other>/v2/images',
    'http:\\\\<other>/v2/images',
    'http:/\\<other>/v2/images',
    'http:///<other>/v2/images',
    'http:<other>/v2/images',
    'ht\ttp://<other>/v2/images',
    ' http://<other>/v2/images',
    '\x00http://<other>/v2/images',
    '//<other>/v2/images',
    '//<other>\\@<cloud>/v2/images',
    '///<other>/v2/images',
    '/\\<other>/v2/images',
    '\\\\<other>/v2/images',
    '/\t/<other>/v2/images',
    '@<other>/v2/images',
    ':80@<other>/v2/images',
    'http://<other>\uff0f@<cloud>/v2/images',
    'http://<other>\uff03@<cloud>/v2/images',
    'http://<other>\u3002@<cloud>/v2/images',
    'http://user:secret@<other>/v2/images',
    'http://[::ffff:127.0.0.2]@<cloud>/v2/images',
    'http://<other>:@<cloud>/v2/images',
)

PIECES = st.sampled_from(
    [
        *('http:', 'https:', '//', '/', '\\', '@', '#', '?', ':', ';', '.'),
        *('\t', ' ', '\r', '\x0b', '\x85', '\xa0', '\u2028', '\uff20'),
        *('%2f', '%5c', '%40', '%00', '[', ']', '..', 'u', '80', 'v2/images'),
        *(CLOUD, OTHER, CLOUD, OTHER),
    ]
)
URLS = st.one_of(
    st.lists(PIECES, max_size=9).map(''.join),
    st.lists(PIECES, max_size=8).map(lambda each: 'http://' + ''.join(each)),
)


class Clouds:
    """A service, another place, and a connection to the service.

    :ivar cloud: The service.
    :ivar other: The other place.
    """

    def __init__(
        self,
        cloud: SocketServer,
        other: SocketServer,
        conn: connection.Connection,
    ) -> None:
        self.cloud = cloud
        self.other = other
        self.conn = conn

    def url(self, form: str) -> str:
        """Return a URL with the two places in it."""
        return form.replace(CLOUD, self.cloud.place).replace(
            OTHER, self.other.place
        )

    def proofs(self) -> list[Any]:
        """Return what has arrived at the other place that opens the cloud."""
        return [
            each
            for each in self.other.arrived
            if any(name in each.headers for name in PROOFS)
        ]

    def redirect(self, url: str, status: int = 307) -> None:
        """Have the service redirect to a URL, once."""
        location = url.encode('utf-8').decode('latin-1')

        def first(handler: Any) -> None:
            self.cloud.answer = socket_server.answer
            handler.send_response_only(status)
            # As it is, unlike what send_header() makes of it.
            handler._headers_buffer.append(
                b'Location: ' + location.encode('latin-1') + b'\r\n'
            )
            handler.send_header('Content-Length', '0')
            handler.end_headers()

        self.cloud.answer = first


def connect_by_token(url: str) -> connection.Connection:
    """Return a connection that has a token, and needs no identity service."""
    return connection.Connection(
        auth_type='admin_token',
        auth={'endpoint': url, 'token': TOKEN},
        ims_endpoint_override=url,
        region_name='eu-1',
    )


def connect_with_override(url: str) -> connection.Connection:
    """Return a connection whose requests are signed."""
    return connect_by_key(url, ims_endpoint_override=url)


@pytest.fixture(
    scope='module',
    params=[connect_by_token, connect_with_override],
    ids=['token', 'access key'],
)
def clouds(request: pytest.FixtureRequest) -> Iterator[Clouds]:
    with (
        socket_server.serving() as cloud,
        socket_server.serving('127.0.0.2') as other,
        request.param(cloud.url) as conn,
    ):
        ims_ext.load(conn)
        conn.ims.retry_policy = retry.Policy(
            retries=0, doubtful_retries=0, silence=5.0
        )
        yield Clouds(cloud, other, conn)


@pytest.fixture(autouse=True)
def afresh(clouds: Clouds) -> None:
    """Forget what has arrived."""
    clouds.other.arrived.clear()
    clouds.cloud.arrived.clear()
    clouds.cloud.answer = socket_server.answer


def test_the_service_gets_what_opens_it(clouds: Clouds) -> None:
    clouds.conn.ims.get('/images')

    assert any(name in clouds.cloud.arrived[0].headers for name in PROOFS)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('status', [302, 308])
def test_a_redirect_takes_no_proof_to_another_host(
    clouds: Clouds, form: str, status: int
) -> None:
    clouds.redirect(clouds.url(form), status)

    with contextlib.suppress(
        exceptions.RedirectRefusedError, exceptions.InvalidAnswerError
    ):
        clouds.conn.ims.get('/images')

    assert clouds.other.arrived == []


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('path', ['/v2/images', '/v2/cloudimages'])
def test_a_list_goes_on_at_no_other_host(
    clouds: Clouds, form: str, path: str
) -> None:
    page = {'images': [{'id': 'i1'}], 'next': clouds.url(form)}
    pages = [json.dumps(page).encode()]
    clouds.cloud.answer = lambda handler: socket_server.answer(
        handler, pages.pop() if pages else b'{"images": []}'
    )
    ims = clouds.conn.ims
    listed = ims.images() if path == '/v2/images' else ims.cloud_images()

    with contextlib.suppress(
        exceptions.RedirectRefusedError, exceptions.InvalidAnswerError
    ):
        list(listed)

    assert clouds.other.arrived == []


@pytest.mark.parametrize('form', FORMS)
def test_a_whole_url_takes_no_proof_to_another_host(
    clouds: Clouds, form: str
) -> None:
    with contextlib.suppress(
        exceptions.RedirectRefusedError, exceptions.ValidationError
    ):
        clouds.conn.ims.get(clouds.url(form))

    assert clouds.other.arrived == []


@hypothesis.given(form=URLS)
@hypothesis.settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_no_redirect_to_any_url_takes_a_proof_to_another_host(
    clouds: Clouds, form: str
) -> None:
    hypothesis.assume('\r' not in form)
    clouds.redirect(clouds.url(form))

    with contextlib.suppress(
        exceptions.RedirectRefusedError, exceptions.InvalidAnswerError
    ):
        clouds.conn.ims.get('/images')

    assert clouds.other.arrived == []


@hypothesis.given(form=URLS)
@hypothesis.settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_no_next_page_is_at_another_host(clouds: Clouds, form: str) -> None:
    page = {'images': [{'id': 'i1'}], 'next': clouds.url(form)}
    pages = [json.dumps(page).encode()]
    clouds.cloud.answer = lambda handler: socket_server.answer(
        handler, pages.pop() if pages else b'{"images": []}'
    )

    with contextlib.suppress(
        exceptions.RedirectRefusedError, exceptions.InvalidAnswerError
    ):
        list(clouds.conn.ims.images())

    assert clouds.other.arrived == []


@hypothesis.given(form=URLS)
@hypothesis.settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_a_url_leads_to_where_the_http_library_connects(
    clouds: Clouds, form: str
) -> None:
    url = clouds.url(form)
    try:
        found = origin.of(url)
    except ValueError:
        return

    with requests.Session() as session:
        request = session.prepare_request(requests.Request('GET', url))
        adapter: Any = session.get_adapter(request.url)
        pool = adapter.get_connection_with_tls_context(request, verify=True)

    assert found == (pool.scheme, pool.host.strip('[]').lower(), pool.port)


def test_a_signature_is_refused_for_a_url_that_leads_nowhere() -> None:
    key = AccessKey('http://iam.example.com/v3', 'AK', 'SK', project_id='p')
    request = requests.Request('GET', 'http://one.example.com/').prepare()
    request.url = 'http://one.example.com:two/'

    with pytest.raises(exceptions.UnsignableRequestError, match='one host'):
        key.sign(request, signer.Unsigned(key))
