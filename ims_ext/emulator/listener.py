# SPDX-License-Identifier: Apache-2.0
"""The ports that a WSGI application answers at, by waitress."""

from collections.abc import Callable, Sequence
import logging
import socket
import ssl
import threading
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import create_server
from waitress.server import BaseWSGIServer
from waitress.wasyncore import close_all

from ims_ext.emulator.connection import CONNECTIONS
from ims_ext.emulator.connection import Admission
from ims_ext.emulator.connection import channel_class
from ims_ext.emulator.doorway import gather
from ims_ext.emulator.tls_connection import secured

LOG = logging.getLogger(__name__)

#: waitress reads 8 KiB at once by default, too little for gigabytes.
_BLOCK = 256 * 1024
_THREADS = 16
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


def bind_twin(listening: socket.socket) -> socket.socket | None:
    """Return a socket that has the same port of the other loopback.

    Names below ``localhost`` are found as ``::1`` first, and not every client
    tries ``127.0.0.1`` then.

    :param listening: A socket that has a port of ``127.0.0.1``.
    :returns: ``None`` where there is no such address, or the port is taken.
    """
    try:
        return bind('::1', port_of(listening))
    except PortError:
        return None


def bind_or_any(
    host: str, port: int, service: str, is_demanded: bool
) -> socket.socket:
    """Return a socket that has a port, or any other where it is taken.

    :param service: What the port is for.
    :param is_demanded: Whether it has to be that one.
    :raises: :class:`PortError`
    """
    try:
        return bind(host, port)
    except PortError as error:
        if is_demanded:
            raise
        bound = bind(host, 0)
        LOG.warning("%s; %s has port %d", error, service, port_of(bound))
        return bound


def reached_by(host: str) -> str:
    """Return the address that clients of this machine reach a host by."""
    # What listens everywhere is reached on loopback, among others.
    return {'0.0.0.0': '127.0.0.1', '::': '::1'}.get(host, host)  # noqa: S104


def url(host: str, port: int, scheme: str = 'http') -> str:
    """Return the URL of a port of this machine."""
    name = f'[{host}]' if ':' in host else host
    return f'{scheme}://{name}:{port}'


def port_of(listening: socket.socket) -> int:
    """Return the port that a socket has."""
    return int(listening.getsockname()[1])


def serve(
    listening: Sequence[socket.socket],
    application: WSGIApplication,
    admission: Admission,
    context: ssl.SSLContext | None = None,
) -> Callable[[], None]:
    """Answer requests in threads; return what ends that.

    :param listening: The ports.
    :param admission: What is taken in of bodies. Of a body of a stranger's
        no more than :data:`~ims_ext.emulator.connection.STRANGERS_BODY` is
        kept.
    :param context: Has a certificate, for TLS.
    """
    connections: dict[int, Any] = {}
    server = create_server(
        application,
        map=connections,
        sockets=list(listening),
        threads=_THREADS,
        # Never reached: connection.py makes room before. It counts what
        # listens, too, and what wakes that.
        connection_limit=CONNECTIONS + 100 + 2 * len(listening),
        recv_bytes=_BLOCK,
        asyncore_use_poll=True,
        ident='ims-emulator',
        url_scheme='http' if context is None else 'https',
    )
    ports = [
        each
        for each in connections.values()
        if isinstance(each, BaseWSGIServer)
    ]
    for port in ports:
        channel = channel_class(admission, port.effective_port)
        port.channel_class = secured(channel, context) if context else channel
        # They are bounded together.
        port.active_channels = ports[0].active_channels
    wake = gather(ports, connections)
    thread = threading.Thread(
        target=server.run, name='ims-emulator-http', daemon=True
    )
    thread.start()

    def stop() -> None:
        server.task_dispatcher.shutdown(timeout=_STOP_SECONDS)
        is_woken = threading.Event()

        def close() -> None:
            # What wakes is closed, too: it has to have done so. Something
            # else may have woken the thread before.
            is_woken.wait(_STOP_SECONDS)
            close_all(connections)

        # Only the thread that waits on the sockets may close them.
        wake(close)
        is_woken.set()
        thread.join(_STOP_SECONDS)

    return stop
