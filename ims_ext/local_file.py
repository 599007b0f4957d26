# SPDX-License-Identifier: Apache-2.0
"""A disk image's file, opened once: what is judged is what is sent."""

from bisect import bisect_left
import dataclasses
import functools
import hashlib
import operator
import os
import stat
import threading
from typing import Self

from ims_ext import exceptions
from ims_ext.closing import Closing


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """The marks of a file that change when it does.

    :ivar size: Its bytes.
    :ivar modified: When it was written to, in nanoseconds; whoever writes
        can set that back.
    :ivar device: Where it is.
    :ivar inode: Which one it is there.
    :ivar changed: When it, or what is known of it, was changed, in
        nanoseconds; nobody can set that back.
    """

    size: int
    modified: int
    device: int
    inode: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """Return what there is to a file's status."""
        return cls(
            found.st_size,
            found.st_mtime_ns,
            found.st_dev,
            found.st_ino,
            found.st_ctime_ns,
        )

    def is_of_same(self, other: 'Fingerprint') -> bool:
        """Whether a file seems to be the same as at another time.

        The same file may be on a device of another number when the machine
        has been started again.

        :param other: What there was to the file then.
        """
        return self == dataclasses.replace(other, device=self.device)


class _Judged:
    """The regions of a file that a judgement rests on, as digests."""

    #: No region is longer (bytes).
    LONGEST = 64 * 1024

    def __init__(self) -> None:
        self._digests: dict[tuple[int, int], bytes] = {}
        self._sorted: list[tuple[int, int]] | None = None
        self._lock = threading.Lock()

    def note(self, offset: int, data: bytes) -> bool:
        """Remember a region; whether it is as it was if it is known."""
        for start in range(0, len(data), self.LONGEST):
            part = data[start : start + self.LONGEST]
            region = offset + start, len(part)
            digest = hashlib.sha256(part).digest()
            if self._digests.setdefault(region, digest) != digest:
                return False
        self._sorted = None
        return True

    def overlapping(self, offset: int, length: int) -> list[tuple[int, int]]:
        """Return the offsets and lengths of regions, those in a part."""
        with self._lock:
            if self._sorted is None:
                self._sorted = sorted(self._digests)
        first = bisect_left(self._sorted, (offset - self.LONGEST, 0))
        last = bisect_left(self._sorted, (offset + length, 0))
        return [
            region
            for region in self._sorted[first:last]
            if sum(region) > offset
        ]

    def is_of(self, region: tuple[int, int], data: bytes) -> bool:
        """Whether a region has the bytes that it had."""
        return self._digests[region] == hashlib.sha256(data).digest()

    def digest(self) -> str:
        """Return what tells all of it from others."""
        whole = hashlib.sha256()
        for region in sorted(self._digests):
            whole.update(repr(region).encode() + self._digests[region])
        return whole.hexdigest()


#: Held while a descriptor is somewhere else, where no call reads at a place.
_elsewhere = threading.Lock()


def open_flags(*names: str) -> int:
    """Return flags for ``os.open``, those that this system has.

    :param names: The flags' names. Text is nowhere translated.
    """
    return functools.reduce(
        operator.or_,
        (getattr(os, name, 0) for name in (*names, 'O_BINARY')),
    )


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """Return some of a file; can be called by several threads at once.

    :param descriptor: The file's.
    :param length: How many bytes at most.
    :param offset: The first byte's.
    """
    if hasattr(os, 'pread'):
        return os.pread(descriptor, length, offset)
    with _elsewhere:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)


class LocalFile(Closing):
    """A file that is read through one descriptor, from the look to the end.

    A name may stand for another file a moment later; a descriptor does not.
    And what has been judged of it is compared with what is read of it later.
    Use it in a ``with`` statement.

    :param path: The file.
    :raises: :class:`~ims_ext.exceptions.DiskImageError` where it is none, or
        cannot be read.
    :ivar path: What it was called.
    :ivar fingerprint: How it was when it was opened.
    """

    def __init__(self, path: 'str | os.PathLike[str]') -> None:
        try:
            self.path = os.fsdecode(path)
        except TypeError:
            raise exceptions.DiskImageError(
                f"{path!r} is no file's path"
            ) from None
        try:
            # Opening a pipe would wait for its writer, opening a device may
            # move things.
            self._check_regular(os.stat(path).st_mode)
            descriptor = os.open(
                path, open_flags('O_RDONLY', 'O_NONBLOCK', 'O_CLOEXEC')
            )
            # Knows when it is closed, which a number does not.
            self._file = open(  # noqa: SIM115
                descriptor, 'rb', buffering=0
            )
            found = os.fstat(descriptor)
        except FileNotFoundError as error:
            raise exceptions.DiskImageError(
                f"{self.path}: there is no file"
            ) from error
        except (OSError, ValueError) as error:
            if isinstance(error, exceptions.ValidationError):
                raise
            reason = getattr(error, 'strerror', None) or error
            raise exceptions.DiskImageError(
                f"{self.path}: the file cannot be read: {reason}"
            ) from error
        self._check_regular(found.st_mode)
        self.fingerprint = Fingerprint.of(found)
        self._judged = _Judged()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def size(self) -> int:
        """Its bytes, when it was opened."""
        return self.fingerprint.size

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def judged_at(self, offset: int, length: int) -> bytes:
        """Return some of it for a judgement, which will rest on it.

        :param offset: The first byte's.
        :param length: How many bytes at most.
        :raises: :class:`~ims_ext.exceptions.DiskImageError` where a look at
            the same bytes before has found others.
        """
        data = read_at(self._file.fileno(), length, offset)
        if not self._judged.note(offset, data):
            raise self._changed()
        return data

    @property
    def judged(self) -> str:
        """A digest of all that the judgement rests on."""
        return self._judged.digest()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return some of it; can be called by several threads at once.

        :param offset: The first byte's.
        :param length: How many bytes at most.
        :raises: ``OSError`` where the file has become shorter,
            :class:`~ims_ext.exceptions.DiskImageError` where bytes that the
            judgement rests on are others than they were.
        """
        regions = self._judged.overlapping(offset, length)
        # Regions as a whole: a part of one has no digest.
        start = min([offset, *(each for each, _ in regions)])
        end = max([offset + length, *(sum(each) for each in regions)])
        data = read_at(self._file.fileno(), end - start, start)
        for region in regions:
            at = region[0] - start
            if not self._judged.is_of(region, data[at : at + region[1]]):
                raise self._changed()
        data = data[offset - start : offset - start + length]
        if not data and length and offset < self.size:
            # Whoever waits for the bytes would wait in vain.
            raise OSError("the file has become shorter")
        return data

    @property
    def is_unchanged(self) -> bool:
        """Whether file and name are still what they were."""
        try:
            now = os.fstat(self._file.fileno()), os.stat(self.path)
        except OSError:
            return False
        return all(Fingerprint.of(each) == self.fingerprint for each in now)

    def _changed(self) -> exceptions.DiskImageError:
        return exceptions.DiskImageError(
            f"{self.path} has changed since it was looked into: upload it "
            f"again when nothing writes to it"
        )

    def _check_regular(self, mode: int) -> None:
        if stat.S_ISDIR(mode):
            raise exceptions.DiskImageError(
                f"{self.path}: this is a directory; name the disk image's file"
            )
        if not stat.S_ISREG(mode):
            raise exceptions.DiskImageError(
                f"{self.path}: this is no regular file (but a pipe, socket or "
                f"device); copy its content into one"
            )
