# SPDX-License-Identifier: Apache-2.0
"""A disk image's file, opened once: what is looked at is what is sent."""

import dataclasses
import os
import stat
from types import TracebackType
from typing import Self

from ims_ext import exceptions


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """What changes when a file does.

    :ivar size: Its bytes.
    :ivar modified: When it was written to, in nanoseconds.
    :ivar device: Where it is.
    :ivar inode: Which one it is there.
    """

    size: int
    modified: int
    device: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """Return what there is to a file's status."""
        return cls(
            found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino
        )

    def is_of_same(self, other: 'Fingerprint') -> bool:
        """Whether a file seems to be the same as at another time.

        The same file may be on a device of another number when the machine
        has been started again.

        :param other: What there was to the file then.
        """
        return self == dataclasses.replace(other, device=self.device)


class LocalFile:
    """A file that is read through one descriptor, from the look to the end.

    A name may stand for another file a moment later; a descriptor does not.
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
                path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

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

    def read_at(self, offset: int, length: int) -> bytes:
        """Return some of it; can be called by several threads at once.

        :param offset: The first byte's.
        :param length: How many bytes at most.
        :raises: ``OSError`` where the file has become shorter.
        """
        data = os.pread(self._file.fileno(), length, offset)
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
