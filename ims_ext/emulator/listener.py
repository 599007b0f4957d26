# SPDX-License-Identifier: Apache-2.0
"""A port that a WSGI application answers at, by waitress."""

from collections.abc import Callable
import socket
import threading
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import create_server
from waitress.wasyncore import close_all

from ims_ext.emulator.connection import CONNECTIONS
from ims_ext.emulator.connection import IsKnown
from ims_ext.emulator.connection import channel_class

#: waitress reads 8 KiB at once by default, too little for gigabytes.
_BLOCK = 256 * 1024
_THREADS = 8
_STOP_SECONDS = 5


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


def serve(
    listening: socket.socket,
    application: WSGIApplication,
    body_limit: int,
    is_known: IsKnown = lambda _: True,
) -> Callable[[], None]:
    """Answer requests in threads; return what ends that.

    :param body_limit: Bytes that a body may have.
    :param is_known: Whether a request, of which there is but the head, is
        somebody's. Of the body of a stranger's request no more than
        :data:`~ims_ext.emulator.connection.STRANGERS_BODY` is kept.
    """
    connections: dict[int, Any] = {}
    server = create_server(
        application,
        map=connections,
        sockets=[listening],
        threads=_THREADS,
        # Never reached: connection.py makes room before.
        connection_limit=CONNECTIONS + 100,
        max_request_body_size=body_limit,
        recv_bytes=_BLOCK,
        asyncore_use_poll=True,
        ident='ims-emulator',
    )
    server.channel_class = channel_class(is_known)
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
