# SPDX-License-Identifier: Apache-2.0
"""One file on its way into a bucket: its parts, and how far it has come."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import math
import os
import stat
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

from ims_ext import exceptions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Called with the bytes done and the bytes in all.
ByteProgress: TypeAlias = Callable[[int, int], object]

_MIB = 1024**2
#: Bytes of a part, unless the file would have too many then.
PART_SIZE = 16 * _MIB
#: Parts that an upload has at most; the store allows 10,000.
_MAX_PARTS = 9_000


class Watch:
    """How far an upload has come.

    :ivar upload_id: The ID of an upload in parts, once there is one.
    :ivar completed: Whether the object is there.
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
        self.upload_id: str | None = None
        self.completed = False
        self._progress = progress
        self._lock = threading.Lock()
        self._done = 0
        self._reported = -1

    @property
    def sent(self) -> str:
        """How much has been sent, in words for a message."""
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

    @contextlib.contextmanager
    def listening(self, client: 'S3Client') -> Iterator[None]:
        """Note what becomes of the upload, while the block runs."""
        events = client.meta.events
        handlers: dict[str, Callable[..., None]] = {
            'provide-client-params.s3': self._on_request,
            'after-call.s3': self._on_answer,
        }
        for name, handler in handlers.items():
            events.register(name, handler)
        try:
            yield
        finally:
            for name, handler in handlers.items():
                events.unregister(name, handler)

    def _on_request(
        self, params: dict[str, Any], context: dict[str, Any], **_: Any
    ) -> None:
        # Another thread may be uploading with the same client.
        if (params.get('Bucket'), params.get('Key')) == (
            self.bucket,
            self.key,
        ):
            context['ims_ext_upload'] = self

    def _on_answer(
        self,
        model: Any,
        parsed: dict[str, Any],
        context: dict[str, Any],
        **_: Any,
    ) -> None:
        if context.get('ims_ext_upload') is not self or 'Error' in parsed:
            return
        if model.name == 'CreateMultipartUpload':
            self.upload_id = parsed.get('UploadId')
        elif model.name in ('CompleteMultipartUpload', 'PutObject'):
            self.completed = True


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """What changes when a file does."""

    size: int
    modified: int
    inode: int

    @classmethod
    def of(cls, path: 'str | os.PathLike[str]') -> 'Fingerprint':
        try:
            found = os.stat(path)
        except OSError as error:
            raise exceptions.ValidationError(
                f"Cannot read {os.fspath(path)}: {error.strerror}"
            ) from error
        if not stat.S_ISREG(found.st_mode):
            raise exceptions.ValidationError(
                f"{os.fspath(path)} is not a file"
            )
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


def part_size(size: int) -> int:
    """Return the size of the parts that a file is uploaded in, in bytes.

    :param size: The file's size in bytes.
    """
    return max(PART_SIZE, math.ceil(size / _MAX_PARTS / _MIB) * _MIB)
