# SPDX-License-Identifier: Apache-2.0
"""A forked process has connections of its own."""

from collections.abc import Callable, Iterator
import json
import multiprocessing
import os
import time
from typing import Any

from openstack import connection
import pytest

import ims_ext
from ims_ext.objectstore import ObjectStore

from . import socket_server
from .socket_server import SocketServer

pytestmark = [
    pytest.mark.skipif(not hasattr(os, 'fork'), reason="there is no fork"),
    # Python warns of forks of a process with threads, which the server has.
    pytest.mark.filterwarnings('ignore:.*fork:DeprecationWarning'),
]

PROCESSES = 4
REQUESTS = 25


@pytest.fixture
def server() -> Iterator[SocketServer]:
    """A server that answers with what it was asked for, after a moment."""

    def answer(handler: Any) -> None:
        time.sleep(0.002)
        socket_server.answer(
            handler, json.dumps({'id': handler.path}).encode()
        )

    with socket_server.serving() as found:
        found.answer = answer
        yield found


@pytest.fixture
def conn(server: SocketServer) -> Iterator[connection.Connection]:
    with connection.Connection(
        auth_type='admin_token',
        auth={'endpoint': server.url, 'token': 't'},
        ims_endpoint_override=server.url,
        obs_endpoint_override=server.url,
        region_name='eu-1',
        ak='AK',
        sk='SK',
    ) as found:
        ims_ext.load(found)
        yield found


def in_child(do: Callable[[], Any]) -> Callable[[], Any]:
    """Fork, and return what waits for the child's result."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            result = json.dumps(do())
        except BaseException as error:
            result = json.dumps(f'{type(error).__name__}: {error}')
        os.write(writing, result.encode())
        os._exit(0)
    os.close(writing)

    def wait() -> Any:
        with open(reading) as file:
            text = file.read()
        os.waitpid(child, 0)
        return json.loads(text)

    return wait


def wrong_answers(conn: connection.Connection, name: str) -> list[str]:
    """Ask for images, and return those that were another's."""
    asked = [f'/images/{name}-{number}' for number in range(REQUESTS)]
    return [
        f'{path}: {found}'
        for path in asked
        for found in [conn.ims.get(path).json()['id']]
        if found != f'/v2{path}'
    ]


def test_no_process_gets_anothers_image(
    conn: connection.Connection, server: SocketServer
) -> None:
    assert wrong_answers(conn, 'before') == []

    children = [
        in_child(lambda name=f'child{number}': wrong_answers(conn, name))
        for number in range(PROCESSES)
    ]
    wrong = wrong_answers(conn, 'parent')

    assert wrong == []
    assert [wait() for wait in children] == [[]] * PROCESSES


def test_a_child_opens_a_connection_of_its_own(
    conn: connection.Connection, server: SocketServer
) -> None:
    conn.ims.get('/images/parent')
    in_child(lambda: conn.ims.get('/images/child').status_code)()
    conn.ims.get('/images/parent')

    before, child, after = (each.peer for each in server.arrived)
    assert child != before
    assert after == before


def test_a_childs_child_does_too(
    conn: connection.Connection, server: SocketServer
) -> None:
    def ask() -> Any:
        conn.ims.get('/images/child')
        return in_child(lambda: conn.ims.get('/images/grandchild').json())()

    conn.ims.get('/images/parent')

    assert in_child(ask)() == {'id': '/v2/images/grandchild'}
    assert len({each.peer for each in server.arrived}) == 3


def test_a_store_in_a_child_opens_connections_of_its_own(
    conn: connection.Connection, server: SocketServer
) -> None:
    store = ObjectStore(conn)
    store.check_bucket('images')
    in_child(lambda: store.check_bucket('images'))()
    store.check_bucket('images')

    before, child, after = (each.peer for each in server.arrived)
    assert child != before
    assert after == before


_shared: list[connection.Connection] = []


def _ask_shared(name: str) -> list[str]:
    return wrong_answers(_shared[0], name)


def test_a_pool_of_processes_gets_no_others_images(
    conn: connection.Connection,
) -> None:
    wrong_answers(conn, 'before')
    _shared[:] = [conn]
    names = [f'task{number}' for number in range(2 * PROCESSES)]

    with multiprocessing.get_context('fork').Pool(PROCESSES) as pool:
        wrong = pool.map(_ask_shared, names)

    assert wrong == [[]] * len(names)
