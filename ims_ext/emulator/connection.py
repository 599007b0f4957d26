# SPDX-License-Identifier: Apache-2.0
"""The connections of a port, and their bounds.

Nobody can keep others out: where there are too many connections, one goes
that has no request under way. Who sends no complete head of a request in
time is cut off, and what a stranger sends is not kept.
"""

import collections
from collections.abc import Iterator
import contextlib
import copy
import io
import re
import time
from typing import Any, Protocol
from wsgiref.types import WSGIEnvironment

from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask

from ims_ext.emulator import errors
from ims_ext.emulator.request_record import ENDED

#: How many connections there are at the same time, to all ports.
CONNECTIONS = 400
#: Seconds for the head of a request: from the beginning of the connection,
#: or from its first byte where there was a request before.
HEAD_SECONDS = 20.0
#: Bytes of a body that are kept of a stranger's request; in memory.
STRANGERS_BODY = 256 * 1024

_BUCKET_HEADER = re.compile(rb'^X-(?:Amz|Obs)-[^:]*', re.MULTILINE)


class Admission(Protocol):
    """What is taken in of bodies, decided by requests without them."""

    def body_limit(self, environ: WSGIEnvironment, /) -> int:
        """Return how many bytes a body may have."""

    def is_known(self, environ: WSGIEnvironment, /) -> bool:
        """Whether a request is somebody's."""

    def body_buffer(self, environ: WSGIEnvironment, /) -> Any:
        """Return what keeps a body; ``None`` for what waitress has."""


def channel_class(admission: Admission, port: int) -> 'type[Channel]':
    """Return the class of a port's connections.

    :param admission: What is taken in of bodies.
    :param port: The port.
    """
    names = {'admission': admission, 'port': str(port)}
    parser = type('Parser', (Parser,), names)
    return type('Channel', (Channel,), {'parser_class': parser})


class Task(WSGITask):  # type: ignore[misc]
    """The answer to a request, which can be cut in its first line."""

    def get_environment(self) -> WSGIEnvironment:
        """Return the request, with the connection that it came by."""
        environ: WSGIEnvironment = super().get_environment()
        environ['ims_ext.channel'] = self.channel
        return environ

    def service(self) -> None:
        """Answer, and tell who records it when the answer has been sent."""
        is_cut = True
        try:
            super().service()
            is_cut = False
        finally:
            end = (self.environ or {}).get(ENDED)
            if end is not None:
                end(is_cut)

    def write(self, data: bytes) -> None:
        """Send a part of the body, the first one together with the header.

        Who is cut off has then all of a small answer, or nothing.
        """
        if self.wrote_header:
            super().write(data)
            return
        with self.channel.sending_together():
            super().write(data)

    def build_response_header(self) -> bytes:
        """Return the header, object stores' own names in lower case.

        waitress capitalizes names, and clients tell users the names of an
        object's metadata as they receive them.
        """
        header: bytes = super().build_response_header()
        return _BUCKET_HEADER.sub(lambda found: found[0].lower(), header)


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request on its way, whose body is kept where it is somebody's."""

    admission: Admission
    port: str
    adj: Any
    expect_continue: bool

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head, and decide about the body."""
        super().parse_header(header_plus)
        receiver = self.body_rcv
        if receiver is None:
            return
        if not self.chunked and self.content_length <= STRANGERS_BODY:
            return
        environ = self._environ()
        self.adj = copy.copy(self.adj)
        self.adj.max_request_body_size = self.admission.body_limit(environ)
        if not self.admission.is_known(environ):
            receiver.buf = StrangersBody()
            # Who asks before sending a body is spared it.
            if self.expect_continue and not self.chunked:
                self.expect_continue = False
                self.headers['CONNECTION'] = 'close'
                self.completed = True
            return
        buffer = self.admission.body_buffer(environ)
        if buffer is not None:
            receiver.buf = buffer

    def _environ(self) -> WSGIEnvironment:
        """Return what of the request signatures and tokens are about."""
        environ: WSGIEnvironment = {
            'REQUEST_METHOD': self.command.upper(),
            'SCRIPT_NAME': '',
            'PATH_INFO': self.path,
            'QUERY_STRING': self.query,
            'REQUEST_URI': self.request_uri,
            'SERVER_PORT': self.port,
            'wsgi.url_scheme': 'http',
            'wsgi.input': io.BytesIO(),
        }
        for name, value in self.headers.items():
            plain = name in ('CONTENT_TYPE', 'CONTENT_LENGTH')
            environ[name if plain else f'HTTP_{name}'] = value
        return environ


class StrangersBody(OverflowableBuffer):  # type: ignore[misc]
    """The body of a stranger's request, of which only the size is kept.

    It is read nevertheless: clients hear why they are refused when they
    have sent it all.
    """

    def __init__(self) -> None:
        super().__init__(STRANGERS_BODY)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        """Forget data."""
        self._size += len(data)

    def getfile(self) -> 'Unread':
        """Return what stands for the body."""
        return Unread()


class Unread(io.RawIOBase):
    """A body that was not kept."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Refuse the request.

        :raises: :class:`~ims_ext.emulator.errors.TooLarge`
        """
        raise errors.TooLarge("The request body is too large.")


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection, in one of whose requests the client may be late."""

    task_class = Task

    def __init__(self, server: Any, *others: Any, **named: Any) -> None:
        self._head_since: float | None = time.monotonic()
        self._held: list[bytes] | None = None
        super().__init__(server, *others, **named)
        _make_room(server.active_channels.values())

    def send_continue(self) -> None:
        """Tell the client to go on.

        boto3 sends ``Expect: 100-continue`` with every object, empty ones
        too; waitress forgets then that such a request is complete, and
        waits for ever.
        """
        completed = self.request.completed
        super().send_continue()
        self.request.completed = completed

    @contextlib.contextmanager
    def sending_together(self) -> Iterator[None]:
        """Send at once what is written in a block."""
        self._held = []
        try:
            yield
            data = b''.join(self._held)
        finally:
            self._held = None
        self.write_soon(data)

    def write_soon(self, data: Any) -> int:
        """Send data, or a file."""
        if self._held is None:
            return int(super().write_soon(data))
        self._held.append(data)
        return len(data)

    def received(self, data: bytes) -> bool:
        """Take in data."""
        is_taken = bool(super().received(data))
        request = self.request
        if request is None or request.headers_finished:
            self._head_since = None
        elif self._head_since is None:
            self._head_since = time.monotonic()
        return is_taken

    def readable(self) -> bool:
        """Whether to wait for data; cuts the connection of who is late."""
        begun = self._head_since
        if begun is not None and time.monotonic() - begun > HEAD_SECONDS:
            self.will_close = True
        return bool(super().readable())

    @property
    def is_idle(self) -> bool:
        """Whether no request is complete on it that is not answered."""
        return not (self.requests or self.total_outbufs_len or self.will_close)


def _make_room(channels: Any) -> None:
    """Cut a connection where there are too many.

    It is one of the client that has the most, and the one of these that has
    been silent for longest.
    """
    living = [each for each in channels if not each.will_close]
    if len(living) <= CONNECTIONS:
        return
    idle = [each for each in living if each.is_idle]
    clients = collections.Counter(each.addr[0] for each in living)
    if idle:
        victim = max(
            idle, key=lambda each: (clients[each.addr[0]], -each.last_activity)
        )
        victim.will_close = True
