# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody would write: none breaks or betrays anything.

Whatever is sent: no operation breaks, refusals have a documented shape, and
nobody reads or changes what is another project's.
"""

from collections.abc import Iterator
import dataclasses
import http.client
import json
import logging
import os
from typing import Any
from urllib.parse import urlsplit
import uuid

import hypothesis
import pytest
import requests

from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.server import EmulatorServer

from . import fuzzed_requests
from .fuzzed_requests import KINDS
from .fuzzed_requests import OPERATIONS
from .fuzzed_requests import Operation
from .fuzzed_requests import Sent
from .plain_http import Client

#: How many times as many requests are tried as in every run of the tests,
#: and others.
_PATIENCE = int(os.environ.get('IMS_EXT_FUZZ', '1'))

#: Requests to each operation.
EXAMPLES = 20 * _PATIENCE


@dataclasses.dataclass
class Owner:
    """A user, and what the user's project has.

    :ivar things: An ID or name a kind; others know them.
    :ivar secrets: Words that others do not know, and must not learn.
    """

    client: Client
    things: dict[str, str]
    secrets: list[str]

    def view(self) -> Any:
        """Return all that another project might have changed."""
        image = f'/v2/images/{self.things["image"]}'
        return [
            self.client.get(image).json(),
            self.client.get(f'{image}/members').json(),
            self.client.get(f'{image}/file').content,
            self.client.get('/v2/images', visibility='private').json(),
        ]


class _Errors(logging.Handler):
    """Notes what breaks, also in threads that answer nobody."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note one message, with its traceback."""
        self.messages.append(logging.Formatter().format(record))


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """Give what the emulator logs as its own error."""
    handler = _Errors()
    logger = logging.getLogger('ims_ext.emulator')
    logger.addHandler(handler)
    yield handler.messages
    logger.removeHandler(handler)


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator in which jobs take no time."""
    with EmulatorServer(job_seconds=0, image_quota=10**6) as emulator:
        Client(emulator).put('disk.qcow2', b'data')
        yield emulator


@pytest.fixture(scope='module')
def bob(server: EmulatorServer) -> Owner:
    """Give the other user."""
    return _owner(server, 'bob')


@pytest.fixture
def alice(server: EmulatorServer, bob: Owner) -> Owner:
    """Give the user that sends the requests, with something new to lose."""
    owner = _owner(server, 'alice')
    owner.client.share(owner.things['image'], bob.client)
    return owner


@pytest.fixture(scope='module')
def eve(server: EmulatorServer) -> Client:
    """Give a user in alice's project who asks for what is bob's."""
    return Client(server)


@pytest.fixture
def connection(
    server: EmulatorServer,
) -> Iterator[http.client.HTTPConnection]:
    """Give a connection that tidies nothing up."""
    made = http.client.HTTPConnection(
        urlsplit(server.image_url).netloc, timeout=30
    )
    yield made
    made.close()


def _owner(server: EmulatorServer, name: str) -> Owner:
    client = Client(server, name)
    words = [f'{name}-{uuid.uuid4().hex}' for _ in range(4)]
    image_id = client.active_image(
        name=words[0], tags=[words[1]], __description=words[2]
    )
    job = client.finish(
        client.request(
            'POST',
            f'/v1/cloudimages/{image_id}/copy',
            json={'name': words[3]},
        )
    )
    root = server.image_url
    headers = {'X-Auth-Token': client.token}

    def ask(path: str, **more: str) -> Any:
        return requests.get(
            root + path, headers={**headers, **more}, timeout=60
        ).json()

    token = ask(
        f'/{IDENTITY}/v3/auth/tokens', **{'X-Subject-Token': client.token}
    )
    servers = ask(f'/{COMPUTE}/v2.1/servers')['servers']
    volumes = ask(f'/{BLOCK_STORAGE}/v3/volumes')['volumes']
    backups = ask(f'/{BLOCK_STORAGE}/v3/backups')['backups']
    things = {
        'image': image_id,
        'job': job['job_id'],
        'project': client.project_id,
        'user': token['token']['user']['id'],
        'server': servers[0]['id'],
        'volume': volumes[0]['id'],
        'backup': backups[0]['id'],
        'tag': 'fuzzed',
        'url': 'images:disk.qcow2',
    }
    secrets = [*words, job['entities']['image_id'], client.token]
    for others in (servers[1:], volumes[1:], backups[1:]):
        secrets += [each['id'] for each in others]
    return Owner(client, things, secrets)


def ask(
    connection: http.client.HTTPConnection, sent: Sent
) -> tuple[http.client.HTTPResponse, bytes]:
    """Send a request; return the answer."""
    connection.request(sent.method, sent.target, sent.body, sent.headers)
    response = connection.getresponse()
    return response, response.read()


def check(
    sent: Sent,
    response: http.client.HTTPResponse,
    body: bytes,
    secrets: list[str],
) -> None:
    """Hold an answer against what all answers have to be."""
    assert response.status < 500, body
    if response.status >= 400 and sent.method != 'HEAD':
        assert has_documented_shape(response, body), body
    read = body + str(response.headers).encode()
    assert [each for each in secrets if each.encode() in read] == []


def has_documented_shape(
    response: http.client.HTTPResponse, body: bytes
) -> bool:
    """Return whether a refusal looks like one."""
    content_type = response.headers.get('Content-Type', '')
    if content_type.startswith('text/html'):
        return b'<html>' in body and str(response.status).encode() in body
    shapes = (
        {'error_msg', 'error_code'},
        {'message', 'code'},
        {'code', 'message', 'title'},
    )
    value = json.loads(body)
    if len(value) == 1:
        (value,) = value.values()
    return value.keys() in shapes and all(
        isinstance(each, (str, int)) for each in value.values()
    )


@pytest.mark.parametrize('operation', OPERATIONS, ids=str)
def test_no_request_breaks_an_operation_or_reaches_another_project(
    operation: Operation,
    alice: Owner,
    bob: Owner,
    connection: http.client.HTTPConnection,
    errors: list[str],
) -> None:
    before = bob.view()
    owners = [alice.things, alice.things, bob.things]

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=_PATIENCE == 1,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        fuzzed_requests.requests_to(operation, alice.client.token, owners)
    )
    def meet(sent: Sent) -> None:
        check(sent, *ask(connection, sent), bob.secrets)

    meet()
    assert bob.view() == before
    assert errors == []


@pytest.mark.parametrize('operation', OPERATIONS, ids=str)
def test_documented_requests_do_not_reach_another_project(
    operation: Operation,
    eve: Client,
    bob: Owner,
    connection: http.client.HTTPConnection,
) -> None:
    before = bob.view()

    def his(name: str, documented: str = '') -> str:
        return bob.things.get(KINDS.get(name, ''), documented or 'unknown')

    def his_but_the_project(name: str) -> str:
        return eve.project_id if name == 'project_id' else his(name)

    bodies = fuzzed_requests.documented_bodies().get(operation, [None])
    for path in (operation.path(his), operation.path(his_but_the_project)):
        for documented in bodies:
            body = fuzzed_requests.filled(documented, his)
            sent = Sent(
                operation.method,
                path,
                {
                    'X-Auth-Token': eve.token,
                    'X-Subject-Token': bob.client.token,
                    'Content-Type': 'application/json',
                },
                b'' if body is None else json.dumps(body).encode(),
            )
            response, answered = ask(connection, sent)
            check(sent, response, answered, bob.secrets)
            if b'"job_id"' in answered and operation.method != 'GET':
                eve.end(json.loads(answered)['job_id'])
    assert bob.view() == before
