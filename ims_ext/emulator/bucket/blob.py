# SPDX-License-Identifier: Apache-2.0
"""The bytes of objects, in files that are named by nobody's input."""

from collections.abc import Iterable, Iterator
import contextlib
import dataclasses
import hashlib
import io
import os
from pathlib import Path
import threading
from typing import TYPE_CHECKING, BinaryIO
import uuid

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: How many bytes are in memory at a time.
CHUNK = 1024**2


@dataclasses.dataclass(frozen=True)
class Segment:
    """A complete file.

    :ivar path: The file.
    :ivar size: Its size in bytes.
    """

    path: Path
    size: int


class Blob:
    """The bytes of an object: one file, or one for each of its parts.

    Parts stay the files they are: to copy them into one would take minutes
    for a large object, while its uploader waits for the answer.

    :param segments: The files, in order.
    :param etag: What S3 calls it by, without quotes.
    :ivar size: Bytes in all.
    """

    def __init__(self, segments: Iterable[Segment], etag: str) -> None:
        self.segments = tuple(segments)
        self.etag = etag
        self.size = sum(segment.size for segment in self.segments)
        self._lock = threading.Lock()
        self._readers = 0
        self._doomed = False

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        # moto takes what is false for "no body", which an empty file is not.
        return True

    def view(self) -> 'View':
        """Return its bytes.

        :raises FileNotFoundError: when it has been deleted meanwhile.
        """
        self.acquire()
        return View(self, 0, self.size)

    def open(self) -> io.BufferedReader:
        """Open it for ``read`` and ``seek``.

        :raises FileNotFoundError: when it has been deleted meanwhile.
        """
        self.acquire()
        return io.BufferedReader(Reader(self, 0, self.size), CHUNK)

    def delete(self) -> None:
        """Delete its files as soon as nobody reads them."""
        with self._lock:
            self._doomed = True
            if not self._readers:
                self._unlink()

    def acquire(self) -> None:
        """Keep the files until :meth:`release`.

        :raises FileNotFoundError: when they have been deleted.
        """
        with self._lock:
            if self._doomed:
                raise FileNotFoundError("The object has been deleted")
            self._readers += 1

    def release(self) -> None:
        """Stop reading."""
        with self._lock:
            self._readers -= 1
            if self._doomed and not self._readers:
                self._unlink()

    def _unlink(self) -> None:
        for segment in self.segments:
            segment.path.unlink(missing_ok=True)

    def pieces(self, start: int, end: int) -> Iterator[tuple[Path, int, int]]:
        """Yield file, offset and length of what makes up a range."""
        position = 0
        for segment in self.segments:
            low = max(start - position, 0)
            high = min(end - position, segment.size)
            if low < high:
                yield segment.path, low, high - low
            position += segment.size


class View:
    """A range of a blob, which moto handles as if it were bytes.

    Iterating gives chunks. The files stay until it is closed or forgotten.
    """

    def __init__(self, blob: Blob, start: int, end: int) -> None:
        """Take over one of the blob's readers."""
        self._blob = blob
        self._start = start
        self._end = end
        self._closed = False

    def __len__(self) -> int:
        return self._end - self._start

    def __getitem__(self, index: slice) -> 'View':
        start, end, _ = index.indices(len(self))
        self._blob.acquire()
        return View(
            self._blob, self._start + start, self._start + max(start, end)
        )

    def __iter__(self) -> Iterator[bytes]:
        for path, offset, left in self._blob.pieces(self._start, self._end):
            with path.open('rb') as file:
                file.seek(offset)
                while left:
                    chunk = file.read(min(CHUNK, left))
                    if not chunk:
                        raise EOFError("An object's file has been shortened")
                    left -= len(chunk)
                    yield chunk

    def file(self) -> 'Reader':
        """Turn into a file, which has the view's place as a reader."""
        self._closed = True
        return Reader(self._blob, self._start, self._end)

    def close(self) -> None:
        """Let go of the files."""
        if not self._closed:
            self._closed = True
            self._blob.release()

    def __del__(self) -> None:
        self.close()


class Reader(io.RawIOBase):
    """A range of a blob as a file."""

    def __init__(self, blob: Blob, start: int, end: int) -> None:
        """Take over one of the blob's readers."""
        self._blob = blob
        self._start = start
        self._end = end
        self._position = 0
        self._file: BinaryIO | None = None
        self._path: Path | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {
            os.SEEK_SET: 0,
            os.SEEK_CUR: self._position,
            os.SEEK_END: self._end - self._start,
        }[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: 'WriteableBuffer') -> int:
        start = self._start + self._position
        piece = next(self._blob.pieces(start, self._end), None)
        if piece is None:
            return 0
        path, offset, length = piece
        if self._file is None or path != self._path:
            self._close_file()
            self._file, self._path = path.open('rb'), path
        self._file.seek(offset)
        target = memoryview(buffer).cast('B')
        chunk = self._file.read(min(length, len(target)))
        if not chunk:
            raise EOFError("An object's file has been shortened")
        target[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._close_file()
            self._blob.release()
        super().close()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class BlobDirectory:
    """The directory that the files are in.

    :param path: The directory; it is made where it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, chunks: Iterable[bytes]) -> Blob:
        """Write a new file; its etag is the MD5 of its bytes.

        :param chunks: Its bytes.
        """
        md5 = hashlib.md5(usedforsecurity=False)
        size = 0
        with self._new_file() as file:
            for chunk in chunks:
                md5.update(chunk)
                size += len(chunk)
                file.write(chunk)
        return Blob([Segment(Path(file.name), size)], md5.hexdigest())

    @contextlib.contextmanager
    def _new_file(self) -> Iterator[BinaryIO]:
        path = self._path / uuid.uuid4().hex
        with path.open('xb') as file:
            try:
                yield file
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def get(self, files: Iterable[tuple[str, int]], etag: str) -> Blob | None:
        """Return what was written in an earlier life.

        :param files: Names and sizes of the files, as the journal has them.
        :param etag: The etag without quotes.
        :returns: ``None`` where a file is not there or not of that size.
        """
        segments = [Segment(self._path / name, size) for name, size in files]
        try:
            whole = all(s.path.stat().st_size == s.size for s in segments)
        except FileNotFoundError:
            return None
        return Blob(segments, etag) if whole else None

    def delete_others(self, names: set[str]) -> None:
        """Delete what an earlier life left unfinished.

        :param names: The files to keep.
        """
        with os.scandir(self._path) as entries:
            for entry in entries:
                if entry.name not in names:
                    os.unlink(entry.path)
