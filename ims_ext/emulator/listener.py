# SPDX-License-Identifier: Apache-2.0
"""A port that a WSGI application answers at, by waitress."""

from collections.abc import Callable
import re
import socket
import threading
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from waitress import create_server
from waitress.channel import HTTPChannel
from waitress.task import WSGITask
from waitress.wasyncore import close_all

#: waitress reads 8 KiB at once by default, too little for gigabytes.
_BLOCK = 256 * 1024
_THREADS = 8
_CONNECTIONS = 1000
_STOP_SECONDS = 5

_BUCKET_HEADER = re.compile(rb'^X-(?:Amz|Obs)-[^:]*', re.MULTILINE)


class PortError(Exception):
    """A port that cannot be listened on, with the reason."""


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that has a port.

    :raises: :class:`PortError`
    """
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restarted emulator gets its port back at once.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, 'strerror', None) or str(error)
        raise PortError(
            f"Cannot listen on {host}, port {port}: {reason}"
        ) from error
    return listening


def url(host: str, listening: socket.socket) -> str:
    """Return the URL under which clients of this machine reach a port."""
    # What listens everywhere is reached on loopback, among others.
    name = {'0.0.0.0': '127.0.0.1', '::': '::1'}.get(host, host)  # noqa: S104
    port = listening.getsockname()[1]
    return (
        f'http://[{name}]:{port}' if ':' in name else f'http://{name}:{port}'
    )


class _Task(WSGITask):  # type: ignore[misc]
    """The answer to a request, which can be cut in its first line."""

    def get_environment(self) -> WSGIEnvironment:
        """Return the request, with the connection that it came by."""
        environ: WSGIEnvironment = super().get_environment()
        environ['ims_ext.channel'] = self.channel
        return environ

    def build_response_header(self) -> bytes:
        """Return the header, object stores' own names in lower case.

        waitress capitalizes names, and clients tell users the names of an
        object's metadata as they receive them.
        """
        header: bytes = super().build_response_header()
        return _BUCKET_HEADER.sub(lambda found: found[0].lower(), header)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that answers empty bodies which ask before they come.

    boto3 sends ``Expect: 100-continue`` with every object, empty ones too;
    waitress forgets then that such a request is complete, and waits for ever.
    """

    task_class = _Task

    def send_continue(self) -> None:
        """Tell the client to go on."""
        completed = self.request.completed
        super().send_continue()
        self.request.completed = completed


def serve(
    listening: socket.socket, application: WSGIApplication, body_limit: int
) -> Callable[[], None]:
    """Answer requests in threads; return what ends that."""
    connections: dict[int, Any] = {}
    server = create_server(
        application,
        map=connections,
        sockets=[listening],
        threads=_THREADS,
        connection_limit=_CONNECTIONS,
        max_request_body_size=body_limit,
        recv_bytes=_BLOCK,
        asyncore_use_poll=True,
        ident='ims-emulator',
    )
    server.channel_class = _Channel
    thread = threading.Thread(
        target=server.run, name='ims-emulator-http', daemon=True
    )
    thread.start()

    def stop() -> None:
        server.task_dispatcher.shutdown(timeout=_STOP_SECONDS)
        # Only the thread that waits on the sockets may close them.
        server.trigger.pull_trigger(lambda: close_all(connections))
        thread.join(_STOP_SECONDS)

    return stop
