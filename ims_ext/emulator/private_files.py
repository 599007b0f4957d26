# SPDX-License-Identifier: Apache-2.0
"""Files and directories that only their owner reads, and no link leads to.

Whoever can write to a directory that is shared, ``/tmp`` for example, could
have left a link under a name that the emulator is about to use: it would
empty the file that the link leads to, or show it to its clients.
"""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import stat


class StateError(Exception):
    """A state directory that cannot be used, with the reason."""


class NotPrivateError(StateError):
    """A file or directory that is another's, or no file or directory.

    :param path: The path.
    :param reason: The rest of a sentence that begins with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"The state cannot be used: {path} {reason}")


def opener(path: str, flags: int) -> int:
    """Open a file for :func:`open`, made for its owner only, by no link.

    :raises: :class:`OSError` where the path is a symbolic link.
    """
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def make_directory(path: Path) -> None:
    """Make a directory, or take an own one away from all others.

    :raises: :class:`NotPrivateError`, :class:`OSError`
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        _take(path, stat.S_ISDIR, 'directory', 0o700)


def make_file(path: Path) -> None:
    """Make an empty file, or take an own one, unchanged, from all others.

    :raises: :class:`NotPrivateError`, :class:`OSError`
    """
    try:
        os.close(opener(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        take_file(path)


def take_file(path: Path) -> None:
    """Take an own file away from all others; no harm without one.

    :raises: :class:`NotPrivateError`, :class:`OSError`
    """
    _take(path, stat.S_ISREG, 'file', 0o600)


def make_database(path: Path) -> None:
    """Make a file for SQLite, or take an own one, as :func:`make_file`.

    The files that SQLite has beside it are made with the same mode.

    :raises: :class:`NotPrivateError`, :class:`OSError`
    """
    for suffix in ('-wal', '-shm', '-journal'):
        take_file(path.with_name(path.name + suffix))
    make_file(path)


def take_files(directory: Path) -> None:
    """Take all files in an own directory away from all others.

    :raises: :class:`NotPrivateError` where there is anything but files.
    """
    for path in _entries(directory):
        take_file(path)


def _entries(directory: Path) -> Iterator[Path]:
    with os.scandir(directory) as entries:
        for entry in entries:
            yield Path(entry.path)


def _take(
    path: Path, is_kind: Callable[[int], bool], name: str, mode: int
) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found.st_mode):
        raise NotPrivateError(path, "is a symbolic link")
    if not is_kind(found.st_mode):
        raise NotPrivateError(path, f"is no {name}")
    if found.st_uid != os.geteuid():
        raise NotPrivateError(path, "belongs to another user")
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)
