# SPDX-License-Identifier: Apache-2.0
"""One file on its way into a bucket: how far it has come, how to go on."""

from collections.abc import Callable
import dataclasses
import math
import threading
from typing import TypeAlias

#: Called with the bytes done and the bytes in all.
ByteProgress: TypeAlias = Callable[[int, int], object]

_MIB = 1024**2
#: Bytes of a part, unless the file would have too many then.
PART_SIZE = 16 * _MIB
#: Parts that an upload has at most; the store allows 10,000.
_MAX_PARTS = 9_000


def part_size(size: int) -> int:
    """Return the size of the parts that a file is uploaded in, in bytes.

    :param size: The file's size in bytes.
    """
    return max(PART_SIZE, math.ceil(size / _MAX_PARTS / _MIB) * _MIB)


@dataclasses.dataclass
class Checkpoint:
    """The state of an upload, as needed to go on with it later.

    :ivar size: The file's bytes.
    :ivar part_size: A part's bytes; a file under that is sent in one piece.
    :ivar is_own_key: Whether nobody else can have chosen the object's key.
    :ivar is_begun: Whether a request that leaves something may have been
        sent.
    :ivar upload_id: The ID of the upload in parts, once it is known.
    :ivar etag: What the object will be known by, once all has been sent.
    :ivar is_complete: Whether the object is there.
    :ivar save: Called where that has changed, before anything depends on it.
    """

    size: int
    part_size: int
    is_own_key: bool = False
    is_begun: bool = False
    upload_id: str | None = None
    etag: str | None = None
    is_complete: bool = False
    save: Callable[[], object] = dataclasses.field(
        default=lambda: None, repr=False, compare=False
    )

    @classmethod
    def new(cls, size: int, *, is_own_key: bool = False) -> 'Checkpoint':
        """Return that of an upload which has not begun.

        :param size: The file's bytes.
        :param is_own_key: Whether nobody else can have chosen the key.
        """
        return cls(size, part_size(size), is_own_key)

    def begin_again(self) -> None:
        """Note that what there was is gone."""
        self.is_complete = False
        self.upload_id = self.etag = None
        self.save()


class Watch:
    """The progress of an upload, for whoever wants to know.

    :param bucket: The bucket's name.
    :param key: The object's key.
    :param size: The file's bytes.
    :param progress: Who wants to know.
    """

    def __init__(
        self,
        bucket: str,
        key: str,
        size: int,
        progress: ByteProgress | None,
    ) -> None:
        self.bucket = bucket
        self.key = key
        self.size = size
        self._progress = progress
        self._lock = threading.Lock()
        self._done = 0
        self._reported = -1

    @property
    def sent(self) -> str:
        """The share that has been sent, in words for a message."""
        return f" after {self._done} of {self.size} bytes"

    def add(self, count: int) -> None:
        """Note that bytes were sent; less than none where it was in vain."""
        with self._lock:
            self._done += count
            self._report(self._done)

    def finish(self) -> None:
        """Report the end, where it has not been."""
        with self._lock:
            self._report(self.size)

    def _report(self, done: int) -> None:
        if self._progress is not None and done > self._reported:
            self._reported = done
            self._progress(done, self.size)
