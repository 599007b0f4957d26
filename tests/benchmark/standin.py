# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server that is never what a benchmark waits for.

It answers prepared bytes, swallows uploads without looking at them, and
counts what it is asked. What it answers is in :mod:`.standin_cloud`.
"""

import asyncio
import collections
from collections.abc import Callable, Mapping
import dataclasses
import json
import time
from typing import Any, cast
from urllib.parse import parse_qsl
from urllib.parse import urlsplit

#: Bytes that are read from a connection at once.
_BLOCK = 256 * 1024

#: Paths of requests that are about the benchmark and not counted.
CONTROL = '/benchmark/'


@dataclasses.dataclass
class Request:
    """A request.

    :ivar body: What came with it; empty for ``PUT``, whose body is only
        counted.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes = b''


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a request is answered.

    :ivar delay: Seconds to wait before it is sent.
    """

    status: int = 200
    body: bytes = b''
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    delay: float = 0.0

    @classmethod
    def of(
        cls,
        content: Any,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> 'Answer':
        """Return an answer with JSON content."""
        return cls(
            status,
            json.dumps(content).encode(),
            {'Content-Type': 'application/json', **(headers or {})},
        )


class Counts:
    """What has been asked since the last reset."""

    def __init__(self) -> None:
        self.open: set[object] = set()
        self.reset()

    def reset(self) -> None:
        """Forget everything but the connections that are open."""
        self._requests = 0
        self._bytes = 0
        self._connections = 0
        self._most_a_second = 0
        self._last_second: collections.deque[float] = collections.deque()

    def request(self, connection: object) -> None:
        """Count a request."""
        now = time.monotonic()
        self._requests += 1
        recent = self._last_second
        recent.append(now)
        while recent[0] <= now - 1:
            recent.popleft()
        self._most_a_second = max(self._most_a_second, len(recent))
        self.open.add(connection)
        self._connections = max(self._connections, len(self.open))

    def received(self, count: int) -> None:
        """Count bytes of a body."""
        self._bytes += count

    def all(self) -> dict[str, int]:
        """Return the counts by name."""
        return {
            'requests': self._requests,
            'received': self._bytes,
            'connections': self._connections,
            'most_a_second': self._most_a_second,
        }


class Connection(asyncio.BufferedProtocol):
    """A connection: one request after the other.

    :param answer: Answers a request.
    :param counts: What to count in.
    """

    def __init__(
        self, answer: Callable[[Request], Answer], counts: Counts
    ) -> None:
        self._answer = answer
        self._counts = counts
        self._buffer = memoryview(bytearray(_BLOCK))
        self._head = bytearray()
        self._body = bytearray()
        self._request: Request | None = None
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note where answers go."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that this connection is not open any more."""
        self._counts.open.discard(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived."""
        data = self._buffer[:nbytes]
        if self._request is None:
            self._head += data
            end = self._head.find(b'\r\n\r\n')
            if end < 0:
                return
            self._begin(bytes(self._head[:end]))
            data = memoryview(bytes(self._head[end + 4 :]))
            self._head.clear()
        self._take(data)

    def _begin(self, head: bytes) -> None:
        first, *lines = head.decode('latin-1').split('\r\n')
        method, target, _ = first.split(' ')
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(':') for line in lines)
        }
        split = urlsplit(target)
        self._request = Request(
            method, split.path, dict(parse_qsl(split.query)), headers
        )
        self._left = int(headers.get('content-length', 0))
        self._body.clear()
        if not split.path.startswith(CONTROL):
            self._counts.request(self)
        if headers.get('expect', '').lower() == '100-continue':
            self._transport.write(b'HTTP/1.1 100 Continue\r\n\r\n')

    def _take(self, data: memoryview) -> None:
        request = cast(Request, self._request)
        taken = min(len(data), self._left)
        self._left -= taken
        self._counts.received(taken)
        if request.method != 'PUT':
            self._body += data[:taken]
        if self._left:
            return
        request.body = bytes(self._body)
        self._request = None
        answer = self._answer(request)
        sent = _serialize(answer, with_body=request.method != 'HEAD')
        if answer.delay:
            loop = asyncio.get_running_loop()
            loop.call_later(answer.delay, self._transport.write, sent)
        else:
            self._transport.write(sent)


def _serialize(answer: Answer, with_body: bool) -> bytes:
    lines = [f'HTTP/1.1 {answer.status} Benchmark']
    headers = {'Content-Length': str(len(answer.body)), **answer.headers}
    lines += [f'{name}: {value}' for name, value in headers.items()]
    head = '\r\n'.join([*lines, '', '']).encode('latin-1')
    return head + answer.body if with_body else head


async def serve(
    make: Callable[[str, Counts], Callable[[Request], Answer]],
    ready: Callable[[str], None],
) -> None:
    """Answer requests on a free port of loopback, until cancelled.

    :param make: Given the server's URL and its counts, returns what answers.
    :param ready: Called with the URL.
    """
    counts = Counts()
    answers: list[Callable[[Request], Answer]] = []
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(answers[0], counts), '127.0.0.1', 0
    )
    url = f'http://127.0.0.1:{server.sockets[0].getsockname()[1]}'
    answers.append(make(url, counts))
    ready(url)
    await server.serve_forever()
