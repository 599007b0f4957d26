# SPDX-License-Identifier: Apache-2.0
"""A byte range of a file as a request body that reports progress."""

from collections.abc import Iterator
import os
import threading
from typing import TYPE_CHECKING, Any

from ims_ext import local_file
from ims_ext.objectstore import checkpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Bytes that a reading gives at least. The HTTP library asks for 16 KiB at a
#: time, and would take a multiple of the processor's time so.
_CHUNK = 256 * 1024


class Stopped(BaseException):
    """The upload has ended, and this part of it has to.

    No ``Exception``: those that a body raises are taken for the network's,
    and the request is sent again.
    """


class Body:
    """A byte range of a file, which a request has as its body.

    :param file: The file.
    :param offset: Its first byte's.
    :param size: Its bytes.
    :param watch: Told what has been sent.
    :param stopping: Set when nothing is to be sent any more.
    """

    def __init__(
        self,
        file: local_file.LocalFile,
        offset: int,
        size: int,
        watch: checkpoint.Watch,
        stopping: threading.Event,
    ) -> None:
        self.is_counting = True
        self._file = file
        self._offset = offset
        self._size = size
        self._watch = watch
        self._stopping = stopping
        self._position = 0
        self._told = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read():
            yield data

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position; back to the start where it is sent again."""
        base = {
            os.SEEK_SET: 0,
            os.SEEK_CUR: self._position,
            os.SEEK_END: self._size,
        }[whence]
        self._position = base + offset
        self._tell()
        return self._position

    def read(self, size: int = _CHUNK) -> bytes:
        """Return the next bytes, usually more than asked for.

        :raises: :class:`Stopped`; also where whoever is told of it raises,
            as its cause.
        """
        if self._stopping.is_set():
            raise Stopped
        left = self._size - self._position
        wanted = min(max(size, _CHUNK), left)
        try:
            data = (
                self._file.read_at(self._offset + self._position, wanted)
                if wanted and size
                else b''
            )
        except (OSError, ValueError) as error:
            raise Stopped from error
        self._position += len(data)
        self._tell()
        return data

    def _tell(self) -> None:
        if not self.is_counting or self._position == self._told:
            return
        count, self._told = self._position - self._told, self._position
        try:
            self._watch.add(count)
        except BaseException as error:
            raise Stopped from error


def count_only_what_is_sent(client: 'S3Client') -> None:
    """Have bodies not count what is read of them for their signatures.

    :param client: The client that sends them.
    """
    events = client.meta.events
    name = 'request-created.s3'
    events.register_first(name, _begin_signing, 'ims-ext-signing')
    events.register_last(name, _end_signing, 'ims-ext-sending')


def _begin_signing(request: Any, **_: Any) -> None:
    if isinstance(request.body, Body):
        request.body.is_counting = False


def _end_signing(request: Any, **_: Any) -> None:
    if isinstance(request.body, Body):
        request.body.is_counting = True
