# SPDX-License-Identifier: Apache-2.0
"""Temporary files: in a folder of their own, bounded, and never left."""

from collections.abc import Callable, Iterator
import contextlib
import os
from pathlib import Path
import shutil
import tempfile
import threading
from typing import BinaryIO
import weakref

from ims_ext.pipeline import file_locks
from ims_ext.pipeline.manifest import units
from ims_ext.pipeline.sources.errors import SpaceError

#: What is left free on the disk (bytes), unless less is there anyway.
RESERVE = 2 * 1024**3
_SHARE = 0.1

_PREFIX = 'run-'
_LOCK = 'lock'
#: Bytes that are written, or left out where all of them are zero.
_BLOCK = 64 * 1024
_ZEROS = bytes(_BLOCK)
#: Seconds after which whoever waits for space looks again.
_LOOK = 1.0


class Workspace:
    """A folder of temporary files of one run.

    It is removed by :meth:`close`, at the program's end at the latest; what
    a killed run has left, by the next one that has the same parent.

    :param parent: The folder that it is made in.
    :param space: Bytes that the files have at most; by default what the disk
        has, less a reserve.
    :ivar space: Bytes that the files have at most.
    :ivar folder: The folder.
    """

    def __init__(self, parent: Path, space: int | None = None) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _exclusively(parent):
            _remove_leftovers(parent)
            self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock_file = _marked(self.folder / _LOCK)
        self.space = _free(parent) if space is None else space
        self._used = 0
        self._waiting = 0
        self._change = threading.Condition()
        self._finalizer = weakref.finalize(
            self, _remove, self.folder, self._lock_file, os.getpid()
        )
        #: Called where there is no room: frees what nobody needs; says
        #: whether it has freed anything.
        self.make_room: Callable[[], bool] = lambda: False
        #: Says how many of the others may yet free something.
        self.others: Callable[[], int] = lambda: 0

    def close(self) -> None:
        """Remove the folder, and all that is in it."""
        self._finalizer()

    def new_file(self, suffix: str = '') -> Path:
        """Return the path of a new, empty file.

        :param suffix: What its name ends with.
        """
        descriptor, path = tempfile.mkstemp(suffix, '', self.folder)
        os.close(descriptor)
        return Path(path)

    def take(self, count: int) -> None:
        """Take room for some bytes, once there is.

        :param count: The bytes.
        :raises: :class:`.errors.SpaceError` where there will not be any.
        """
        while True:
            with self._change:
                if self._used + count <= self.space:
                    self._used += count
                    return
            if self.make_room():
                continue
            with self._change:
                if self._used + count <= self.space:
                    continue
                if self._waiting >= self.others():
                    raise SpaceError(
                        f"the {units.shown_size(self.space)} of temporary "
                        f"space in {self.folder.parent} are not enough: free "
                        f"some, or name another folder"
                    )
                self._waiting += 1
                try:
                    self._change.wait(_LOOK)
                finally:
                    self._waiting -= 1

    def give(self, count: int) -> None:
        """Give room back.

        :param count: The bytes.
        """
        with self._change:
            self._used -= count
            self._change.notify_all()

    def wake(self) -> None:
        """Have those that wait for room look again."""
        with self._change:
            self._change.notify_all()


class Output:
    """A file that is written; blocks of zeros are left out of it.

    :param workspace: Where it is.
    :param most: Bytes that it may have.
    :ivar path: The file.
    :ivar size: Its bytes.
    :ivar stored: Bytes of it that the disk keeps.
    """

    def __init__(self, workspace: Workspace, most: int) -> None:
        self._workspace = workspace
        self._most = most
        self.path = workspace.new_file()
        self._file: BinaryIO = self.path.open('wb')
        self.size = self.stored = 0

    def begin(self) -> None:
        """Forget what has been written."""
        self._file.seek(0)
        self._file.truncate()
        self._workspace.give(self.stored)
        self.size = self.stored = 0

    def write(self, data: bytes) -> None:
        """Add some bytes.

        :param data: The bytes.
        :raises: :class:`.errors.SpaceError`
        """
        if self.size + len(data) > self._most:
            raise SpaceError(
                f"there are more than the permitted "
                f"{units.shown_size(self._most)}"
            )
        for start in range(0, len(data), _BLOCK):
            block = data[start : start + _BLOCK]
            if block == _ZEROS[: len(block)]:
                self._file.seek(len(block), os.SEEK_CUR)
            else:
                self._workspace.take(len(block))
                self.stored += len(block)
                self._file.write(block)
        self.size += len(data)

    def finish(self) -> None:
        """Complete the file."""
        self._file.truncate(self.size)
        self._file.close()

    def discard(self) -> None:
        """Remove the file."""
        self._file.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        self._workspace.give(self.stored)
        self.stored = 0


def remove_leftovers(parent: Path) -> None:
    """Remove the temporary files that killed runs have left.

    :param parent: The folder that workspaces are made in.
    """
    if parent.is_dir():
        with _exclusively(parent):
            _remove_leftovers(parent)


def _free(folder: Path) -> int:
    free = shutil.disk_usage(folder).free
    return max(0, free - min(RESERVE, int(free * _SHARE)))


def _locked(path: Path) -> BinaryIO:
    """Return a file whose lock is ours until it is closed."""
    file = path.open('ab')
    try:
        file_locks.lock(file.fileno())
    except OSError:
        file.close()
        raise
    return file


def _marked(path: Path) -> BinaryIO:
    """Return a new file, locked where the file system has locks."""
    try:
        return _locked(path)
    except BlockingIOError:
        raise
    except OSError:
        # Nobody can lock it either: leftovers stay where they are.
        return path.open('ab')


@contextlib.contextmanager
def _exclusively(parent: Path) -> Iterator[None]:
    """Let no other run look for leftovers meanwhile."""
    with (parent / _LOCK).open('ab') as file:
        with contextlib.suppress(OSError):
            file_locks.lock(file.fileno(), wait=True)
        yield


def _remove_leftovers(parent: Path) -> None:
    for each in parent.glob(f'{_PREFIX}*'):
        if each.is_symlink() or not each.is_dir():
            continue
        try:
            lock = _locked(each / _LOCK)
        except OSError:
            # Somebody's who is at work, or not ours to look into.
            continue
        with lock:
            shutil.rmtree(each, ignore_errors=True)


def _remove(folder: Path, lock: BinaryIO, process: int) -> None:
    lock.close()
    # A fork's end is not the run's.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
