# SPDX-License-Identifier: Apache-2.0
"""A web server of a test's own files, with the faults that it names."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
from http import server
import threading
from typing import Any


@dataclasses.dataclass
class File:
    """A file of the server, and what is wrong with it.

    :ivar content: Its bytes.
    :ivar status: What is answered instead, if anything.
    :ivar cut_after: Bytes after which an answer ends, one number an answer.
    :ivar etag: Its ETag.
    :ivar has_ranges: Whether parts of it can be asked for.
    :ivar location: Where it leads.
    :ivar stalls: Whether answers stop in their middle, and hang.
    :ivar on_answer: Called before each answer.
    """

    content: bytes = b''
    status: int = 200
    cut_after: list[int] = dataclasses.field(default_factory=list)
    etag: str | None = '"1"'
    has_ranges: bool = True
    has_length: bool = True
    location: str | None = None
    stalls: bool = False
    on_answer: Callable[['File'], object] = lambda file: None


class WebServer:
    """The server.

    :ivar files: Its files, by their paths.
    :ivar requests: What was asked: method, path, headers.
    """

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.ended = threading.Event()
        self._server = server.ThreadingHTTPServer(
            ('127.0.0.1', 0), self._handler()
        )
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The server's root."""
        return f'http://127.0.0.1:{self._server.server_port}'

    def asked(self, path: str) -> list[dict[str, str]]:
        """Return the headers of the requests for a file."""
        return [headers for _, each, headers in self.requests if each == path]

    @contextlib.contextmanager
    def running(self) -> Iterator['WebServer']:
        """Serve meanwhile."""
        thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[server.BaseHTTPRequestHandler]:
        site = self

        class Handler(server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def end_headers(self) -> None:
                self.send_header('Connection', 'close')
                super().end_headers()

            def do_GET(self) -> None:
                site._answer(self)

            def do_HEAD(self) -> None:
                site._answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler

    def _answer(self, handler: server.BaseHTTPRequestHandler) -> None:
        headers = dict(handler.headers.items())
        self.requests.append((handler.command, handler.path, headers))
        file = self.files.get(handler.path, File(status=404))
        file.on_answer(file)
        if file.location is not None:
            handler.send_response(302)
            handler.send_header('Location', file.location)
            handler.send_header('Content-Length', '0')
            handler.end_headers()
            return
        if file.status != 200:
            handler.send_response(file.status)
            handler.send_header('Content-Length', '0')
            handler.end_headers()
            return
        start = _start(file, headers)
        body = file.content[start:]
        if start:
            size = len(file.content)
            handler.send_response(206)
            handler.send_header(
                'Content-Range', f'bytes {start}-{size - 1}/{size}'
            )
        else:
            handler.send_response(200)
        if file.etag:
            handler.send_header('ETag', file.etag)
        if file.has_length:
            handler.send_header('Content-Length', str(len(body)))
        handler.end_headers()
        if handler.command == 'HEAD':
            return
        with contextlib.suppress(OSError):
            if file.stalls:
                handler.wfile.write(body[: len(body) // 2])
                handler.wfile.flush()
                self.ended.wait(30)
                return
            if file.cut_after:
                body = body[: file.cut_after.pop(0)]
            handler.wfile.write(body)


def _start(file: File, headers: dict[str, str]) -> int:
    wanted = headers.get('Range', '')
    if not file.has_ranges or not wanted.startswith('bytes='):
        return 0
    if headers.get('If-Range') != file.etag:
        return 0
    return int(wanted.removeprefix('bytes=').removesuffix('-'))
