# SPDX-License-Identifier: Apache-2.0
"""Answers take a bounded memory, and are not asked for twice for that."""

from collections.abc import Iterator
import gzip
import io
import json
import tracemalloc
from typing import Any
import zlib

from openstack import connection
import pytest

import ims_ext
from ims_ext import exceptions
from ims_ext.transport import bounded_body
from ims_ext.transport import retry

from . import socket_server
from .socket_server import SocketServer

MIB = 1024**2
#: Bytes that an answer beyond the bound takes at most, its copies included.
MEMORY = 3 * bounded_body.LARGEST


@pytest.fixture(scope='module')
def server() -> Iterator[SocketServer]:
    with socket_server.serving() as found:
        yield found


@pytest.fixture(scope='module')
def conn(server: SocketServer) -> Iterator[connection.Connection]:
    with connection.Connection(
        auth_type='admin_token',
        auth={'endpoint': server.url, 'token': 't'},
        ims_endpoint_override=server.url,
        region_name='eu-1',
    ) as found:
        ims_ext.load(found)
        found.ims.retry_policy = retry.Policy(
            first_pause=0.0, longest_pause=0.0
        )
        yield found


@pytest.fixture(autouse=True)
def afresh(server: SocketServer) -> None:
    server.arrived.clear()
    server.answer = socket_server.answer


def endless(block: bytes, status: int = 200, **headers: str) -> Any:
    """Return an answer that has no end."""

    def answer(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header('Content-Type', 'application/json')
        for name, value in headers.items():
            handler.send_header(name.replace('_', '-'), value)
        handler.send_header('Connection', 'close')
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(block)

    return answer


def endless_chunks(handler: Any) -> None:
    """Answer in chunks without end."""
    block = b'10000\r\n' + b' ' * 65536 + b'\r\n'
    endless(block, Transfer_Encoding='chunked')(handler)


def bomb(encoding: str) -> bytes:
    """Return half a gigabyte of blanks, and what ends them, packed."""
    window = {'gzip': 31, 'deflate': 15, 'raw': -15}[encoding]
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    blanks = b' ' * MIB
    packed = b''.join(packer.compress(blanks) for _ in range(512))
    return packed + packer.compress(b'{}') + packer.flush()


BOMB = bomb('gzip')
EMPTY_MEMBER = gzip.compress(b'')

LARGE = {
    'gzip': lambda handler: socket_server.answer(
        handler, BOMB, Content_Encoding='gzip'
    ),
    'x-gzip': lambda handler: socket_server.answer(
        handler, BOMB, Content_Encoding='X-GZip'
    ),
    'deflate': lambda handler: socket_server.answer(
        handler, bomb('deflate'), Content_Encoding='deflate'
    ),
    'raw deflate': lambda handler: socket_server.answer(
        handler, bomb('raw'), Content_Encoding='deflate'
    ),
    'gzip of gzip': lambda handler: socket_server.answer(
        handler, gzip.compress(BOMB), Content_Encoding='gzip, gzip'
    ),
    'members of gzip': lambda handler: socket_server.answer(
        handler, gzip.compress(b' ' * MIB) * 64, Content_Encoding='gzip'
    ),
    'endless': endless(b' ' * 65536),
    'endless chunks': endless_chunks,
    'endless nothing': endless(EMPTY_MEMBER * 1000, Content_Encoding='gzip'),
    'long': lambda handler: socket_server.answer(
        handler, b' ' * (bounded_body.LARGEST + 1)
    ),
    'endless refusal': endless(b'<html>' * 10000, 404),
    'endless fault': endless(b'<html>' * 10000, 503),
    'packed fault': lambda handler: socket_server.answer(
        handler, BOMB, 503, Content_Encoding='gzip'
    ),
    'endless redirect': endless(b' ' * 65536, 307, Location='/moved'),
}


@pytest.mark.parametrize('kind', LARGE)
@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_an_answer_without_bounds_takes_bounded_memory_once(
    server: SocketServer,
    conn: connection.Connection,
    kind: str,
    method: str,
) -> None:
    server.answer = LARGE[kind]
    tracemalloc.start()
    try:
        with pytest.raises(exceptions.LargeAnswerError, match='MiB'):
            conn.ims.request('/images/an-id', method)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < MEMORY
    assert len(server.arrived) == 1


def test_a_list_without_bounds_is_given_up(
    server: SocketServer, conn: connection.Connection
) -> None:
    server.answer = LARGE['gzip']

    with pytest.raises(exceptions.LargeAnswerError):
        list(conn.ims.images())

    assert len(server.arrived) == 1


@pytest.mark.parametrize('encoding', ['identity', 'gzip', 'deflate'])
def test_an_answer_up_to_the_bound_is_read(
    server: SocketServer, conn: connection.Connection, encoding: str
) -> None:
    value = {'name': 'x' * (bounded_body.LARGEST - 12)}
    body = json.dumps(value).encode()
    assert len(body) == bounded_body.LARGEST
    packed = {
        'identity': body,
        'gzip': gzip.compress(body),
        'deflate': zlib.compress(body),
    }[encoding]
    server.answer = lambda handler: socket_server.answer(
        handler, packed, Content_Encoding=encoding
    )

    assert conn.ims.get('/images/an-id').json() == value


@pytest.mark.parametrize(
    'packed',
    [b'no gzip at all', gzip.compress(b'{"a": 1}')[:14], BOMB[:99]],
    ids=['plain', 'cut', 'cut early'],
)
def test_an_answer_that_cannot_be_unpacked_is_asked_for_again(
    server: SocketServer, conn: connection.Connection, packed: bytes
) -> None:
    answers = [
        lambda handler: socket_server.answer(handler, b'{"id": "i"}'),
        lambda handler: socket_server.answer(
            handler, packed, Content_Encoding='gzip'
        ),
    ]
    server.answer = lambda handler: answers.pop()(handler)

    assert conn.ims.get('/images/an-id').json() == {'id': 'i'}


def test_an_images_data_have_no_bound_but_a_flat_memory(
    server: SocketServer, conn: connection.Connection
) -> None:
    size = 4 * bounded_body.LARGEST

    def data(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header('Content-Type', 'application/octet-stream')
        handler.send_header('Content-Length', str(size))
        handler.end_headers()
        for _ in range(size // MIB):
            handler.wfile.write(b'\0' * MIB)

    server.answer = data
    written = 0

    class Output(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any, /) -> int:
            nonlocal written
            written += len(data)
            return len(data)

    tracemalloc.start()
    try:
        response = conn.ims.get('/images/an-id/file', stream=True)
        output = Output()
        for block in response.iter_content(MIB):
            output.write(block)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert written == size
    assert peak < bounded_body.LARGEST
