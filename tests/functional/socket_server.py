# SPDX-License-Identifier: Apache-2.0
"""A server on a socket that notes what arrives, and answers as it is told."""

from collections.abc import Callable, Iterator
import contextlib
import http.server
import threading
from typing import Any, NamedTuple


class Arrived(NamedTuple):
    """A request as it arrived.

    :ivar peer: Address and port that the connection came from.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]


#: Writes a whole answer to a request.
Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def answer(
    handler: http.server.BaseHTTPRequestHandler,
    body: bytes = b'{}',
    status: int = 200,
    **headers: str,
) -> None:
    """Write an answer of a known length.

    :param handler: The request.
    :param body: The answer's body.
    :param status: Its status.
    :param headers: Its headers, with underscores for hyphens.
    """
    handler.send_response(status)
    headers.setdefault('Content_Type', 'application/json')
    for name, value in headers.items():
        handler.send_header(name.replace('_', '-'), value)
    handler.send_header('Content-Length', str(len(body)))
    handler.end_headers()
    if handler.command != 'HEAD':
        handler.wfile.write(body)


class SocketServer:
    """Notes what arrives at an address of this machine.

    :ivar url: The server's URL.
    :ivar place: Host and port.
    :ivar arrived: What has arrived.
    :ivar answer: Answers a request.
    """

    def __init__(self, host: str) -> None:
        self.arrived: list[Arrived] = []
        self.answer: Answer = answer
        noting = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def handle_one_request(self) -> None:
                # A client that has enough goes away in the middle.
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()
                    return
                self.close_connection = True

            def _take(self) -> None:
                length = int(self.headers.get('Content-Length') or 0)
                noting.arrived.append(
                    Arrived(
                        self.command,
                        self.path,
                        dict(self.headers),
                        self.rfile.read(length),
                        self.client_address,
                    )
                )
                noting.answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = _take  # noqa: N815
            do_DELETE = do_HEAD = do_CONNECT = _take  # noqa: N815

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self.place = f'{host}:{self._server.server_port}'
        self.url = f'http://{self.place}'

    def __enter__(self) -> 'SocketServer':
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        ).start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def serving(host: str = '127.0.0.1') -> Iterator[SocketServer]:
    """Run a server.

    :param host: An address of this machine.
    """
    with SocketServer(host) as server:
        yield server
