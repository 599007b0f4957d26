# SPDX-License-Identifier: Apache-2.0
"""Connections that are encrypted, without anybody waiting for a handshake.

The thread that accepts connections reads from all of them. Handshakes go on
as their parts arrive, like requests do, so that clients who are slow or
silent keep nobody waiting.
"""

from collections.abc import Callable
import contextlib
import socket
import ssl
import threading
import time
from typing import Any

from ims_ext.emulator.connection import Channel

#: Bytes that are encrypted at once; four records.
_BLOCK = 64 * 1024
_NOT_YET = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
_PLAIN = b'This port speaks HTTPS.\n'
_TO_PLAIN = (
    b'HTTP/1.1 400 Bad Request\r\n'
    b'Connection: close\r\n'
    b'Content-Type: text/plain\r\n'
    b'Content-Length: %d\r\n\r\n%s' % (len(_PLAIN), _PLAIN)
)


def secured(
    channel: type[Channel], context: ssl.SSLContext
) -> Callable[..., Channel | None]:
    """Return what makes the encrypted connections of a port.

    :param channel: The class of its connections.
    :param context: Has the certificate.
    """
    secure = type('SecureChannel', (SecureChannel, channel), {})

    def connect(
        server: Any, accepted: socket.socket, *others: Any, **named: Any
    ) -> Channel | None:
        try:
            wrapped = context.wrap_socket(
                accepted, server_side=True, do_handshake_on_connect=False
            )
        except OSError:
            # Who has left already; an error here would end the port.
            accepted.close()
            return None
        made: Channel = secure(server, wrapped, *others, **named)
        return made

    return connect


class SecureChannel(Channel):
    """An encrypted connection.

    The thread of the connections reads, those of the requests write, and a
    connection's encryption stands one of them at a time.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._one_at_a_time = threading.Lock()
        super().__init__(*arguments, **named)

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Encrypt and send data; return how much of it was taken."""
        with self._one_at_a_time:
            try:
                return int(self.socket.send(data[:_BLOCK]))
            except _NOT_YET:
                return 0
            except OSError:
                self.will_close = True
        if do_close:
            self.handle_close()
        return 0

    def handle_read(self) -> None:
        """Take in what has arrived: of the handshake, or of requests."""
        data = self._receive()
        if data:
            self.last_activity = time.time()
            self.received(data)
        elif data is not None:
            self.handle_close()

    def _receive(self) -> bytes | None:
        """Return what has arrived, nothing at the end, ``None`` for later."""
        parts: list[bytes] = []
        size = 0
        with self._one_at_a_time:
            while size < self.adj.recv_bytes:
                try:
                    # Whole records: nobody would be told of what is left of
                    # one that has been decrypted.
                    part = self.socket.recv(_BLOCK)
                except _NOT_YET:
                    return b''.join(parts) or None
                except OSError as error:
                    self._tell_plain(error)
                    break
                if not part:
                    break
                parts.append(part)
                size += len(part)
        return b''.join(parts)

    def _tell_plain(self, error: OSError) -> None:
        """Answer who has not begun to encrypt."""
        if getattr(error, 'reason', None) == 'HTTP_REQUEST':
            with contextlib.suppress(OSError):
                socket.socket.send(self.socket, _TO_PLAIN)
