# SPDX-License-Identifier: Apache-2.0
"""The bytes of objects: files, whose names no client has a say in."""

from collections.abc import Callable, Iterable, Iterator
import dataclasses
import hashlib
import io
import os
from pathlib import Path
import shutil
import threading
from typing import TYPE_CHECKING, BinaryIO

from ims_ext.emulator import private_files
from ims_ext.emulator.bucket.spool import BodyBuffer
from ims_ext.emulator.bucket.spool import NamelessFile
from ims_ext.emulator.state.ids import file_name

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


@dataclasses.dataclass(frozen=True)
class Blob:
    """The bytes of an object: one file, or one for each of its parts.

    Parts stay the files they are: to copy them into one would take minutes
    for a large object, while its uploader waits for the response.

    :ivar segments: The files, in order.
    :ivar etag: Its entity tag, without quotes.
    """

    segments: tuple[Segment, ...]
    etag: str

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(segment.size for segment in self.segments)

    @property
    def files(self) -> list[tuple[str, int]]:
        """Names and sizes in bytes of its files."""
        return [(s.path.name, s.size) for s in self.segments]

    def pieces(self, start: int, end: int) -> Iterator[tuple[Path, int, int]]:
        """Yield file, offset and length of what makes up a range."""
        position = 0
        for segment in self.segments:
            low = max(start - position, 0)
            high = min(end - position, segment.size)
            if low < high:
                yield segment.path, low, high - low
            position += segment.size


class Reader(io.RawIOBase):
    """A range of a blob as a file.

    Closing it lets go of the blob's files.

    :param blob: The blob.
    :param start: The first byte.
    :param end: The byte after the last one.
    :param release: Called once, when it is closed.
    """

    def __init__(
        self,
        blob: Blob,
        start: int,
        end: int,
        release: Callable[[Blob], None],
    ) -> None:
        self._blob = blob
        self._start = start
        self._end = end
        self._release = release
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
            self._release(self._blob)
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
        self._lock = threading.Lock()
        #: How many readers a file has, and which ones are to go after them.
        self._readers: dict[str, int] = {}
        self._doomed: set[str] = set()
        private_files.make_directory(path)
        private_files.take_files(path)

    def write(self, chunks: Iterable[bytes]) -> Blob:
        """Write a new file; its etag is the MD5 of its bytes.

        :param chunks: Its bytes.
        """
        md5 = hashlib.md5(usedforsecurity=False)
        size = 0
        path = self._path / file_name()
        with open(path, 'xb', opener=private_files.opener) as file:
            try:
                for chunk in chunks:
                    md5.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return Blob((Segment(path, size),), md5.hexdigest())

    def body_buffer(self) -> BodyBuffer | None:
        """Return what keeps a body in a file that can be a new blob's.

        :returns: ``None`` where the system has no such files.
        """
        try:
            return BodyBuffer(self._path)
        except OSError:
            return None

    def take(self, file: NamelessFile, chunks: Iterable[bytes]) -> Blob:
        """Have a file that is written already for a new one.

        :param file: The file.
        :param chunks: Its bytes, all of them.
        """
        md5 = hashlib.md5(usedforsecurity=False)
        size = 0
        for chunk in chunks:
            md5.update(chunk)
            size += len(chunk)
        path = self._path / file_name()
        try:
            file.give_name(path)
        except OSError:
            # It is of another file system, or there is no /proc.
            self._copy(file, path)
        return Blob((Segment(path, size),), md5.hexdigest())

    def _copy(self, file: NamelessFile, path: Path) -> None:
        file.seek(0)
        with open(path, 'xb', opener=private_files.opener) as copy:
            try:
                shutil.copyfileobj(file, copy, CHUNK)
            except BaseException:
                path.unlink(missing_ok=True)
                raise

    def get(self, files: Iterable[tuple[str, int]], etag: str) -> Blob:
        """Return a blob that was written before.

        :param files: Names and sizes of its files.
        :param etag: Its etag.
        """
        return Blob(
            tuple(Segment(self._path / name, size) for name, size in files),
            etag,
        )

    def open(
        self, blob: Blob, start: int = 0, end: int | None = None
    ) -> Reader:
        """Open a range of a blob; its files stay until that is closed.

        :param blob: A blob that has not been deleted yet.
        :param start: The first byte.
        :param end: The byte after the last one; ``None`` for the blob's end.
        """
        with self._lock:
            for name, _ in blob.files:
                self._readers[name] = self._readers.get(name, 0) + 1
        return Reader(
            blob, start, blob.size if end is None else end, self._release
        )

    def delete(self, blob: Blob) -> None:
        """Delete a blob's files as soon as nobody reads them."""
        with self._lock:
            for name, _ in blob.files:
                if name in self._readers:
                    self._doomed.add(name)
                else:
                    (self._path / name).unlink(missing_ok=True)

    def _release(self, blob: Blob) -> None:
        with self._lock:
            for name, _ in blob.files:
                self._readers[name] -= 1
                if not self._readers[name]:
                    del self._readers[name]
                    if name in self._doomed:
                        self._doomed.discard(name)
                        (self._path / name).unlink(missing_ok=True)

    def sizes(self) -> dict[str, int]:
        """Return the sizes in bytes of all files there are, by name."""
        with os.scandir(self._path) as entries:
            return {entry.name: entry.stat().st_size for entry in entries}

    def remove(self, names: Iterable[str]) -> None:
        """Delete files that no blob has."""
        for name in names:
            (self._path / name).unlink(missing_ok=True)
