# SPDX-License-Identifier: Apache-2.0
"""One run a manifest and machine, and whose it is."""

import contextlib
import dataclasses
import datetime
import errno
import getpass
import json
import logging
import os
from pathlib import Path
import socket
import sys
import threading
import time
from typing import Any, Self

from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext.pipeline import file_locks

_logger = logging.getLogger(__name__)

#: Bytes of a lock's file that are read.
_LONGEST = 4096
#: Seconds in which the holder writes down who it is.
_PATIENCE = 0.5

#: Errors of file systems that have no locks.
_NO_LOCKS = frozenset(
    (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
)


@dataclasses.dataclass(frozen=True)
class Holder:
    """The run that holds a lock.

    :ivar user: Whose it is.
    :ivar host: The machine.
    :ivar pid: Its process.
    :ivar since: When it began, in UTC, in ISO 8601.
    :ivar run: Its ID.
    """

    user: str = '?'
    host: str = '?'
    pid: int = 0
    since: str = '?'
    run: str = '?'

    def __str__(self) -> str:
        return exceptions.readable(
            f"run {self.run} of {self.user} on {self.host} "
            f"(process {self.pid}, since {self.since})",
            300,
        )


class RunLockedError(sdk_exceptions.SDKException):
    """Another run of the manifest goes on.

    :ivar holder: The run, as far as it is known.
    """

    def __init__(self, holder: Holder) -> None:
        super().__init__(
            f"{holder} is at work on this manifest; wait for its end, or stop "
            "it, and run this again"
        )
        self.holder = holder


class RunLock:
    """The lock of a manifest, held as long as the ``with`` block goes on.

    It ends with its process, however that ends.

    :param path: The lock's file.
    :param run: The run's ID.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._guard = threading.Lock()
        self._is_locked = False
        now = datetime.datetime.now(datetime.UTC)
        self.holder = Holder(
            _user(),
            socket.gethostname(),
            os.getpid(),
            f'{now:%Y-%m-%dT%H:%M:%SZ}',
            run,
        )

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock.

        :raises: :class:`RunLockedError` where another run holds it;
            :class:`OSError` where the file cannot be made.
        """
        while True:
            descriptor = _open(self._path)
            try:
                if self._lock(descriptor):
                    self._descriptor = descriptor
                    return
            except BaseException:
                os.close(descriptor)
                raise
            # The last holder has removed the file meanwhile.
            os.close(descriptor)

    def check(self) -> None:
        """Make sure that the lock is held; take it anew if its file is gone.

        :raises: :class:`RunLockedError` where another run has it now.
        """
        with self._guard:
            descriptor = self._descriptor
            if descriptor is None:
                raise RunLockedError(Holder())
            if not self._is_locked or _is_current(descriptor, self._path):
                return
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.acquire()
            os.close(descriptor)

    def release(self) -> None:
        """Let others have the lock."""
        with self._guard:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is None:
                return
            if sys.platform != 'win32':
                # While it is locked, so that it is nobody else's.
                with contextlib.suppress(OSError):
                    if _is_current(descriptor, self._path):
                        self._path.unlink()
            with contextlib.suppress(OSError):
                # Processes that were forked meanwhile have it open as well.
                file_locks.unlock(descriptor)
            os.close(descriptor)

    def _lock(self, descriptor: int) -> bool:
        """Lock the file; return whether it is still the one of that name."""
        try:
            file_locks.lock(descriptor)
            self._is_locked = True
        except BlockingIOError:
            raise RunLockedError(_read_holder(descriptor)) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _logger.warning(
                "%s cannot be locked (%s): nothing keeps two runs of the "
                "manifest apart",
                self._path,
                error.strerror,
            )
        if self._is_locked and not _is_current(descriptor, self._path):
            return False
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        text = json.dumps(dataclasses.asdict(self.holder))
        # Who has it is a courtesy: a full disk does not end the run.
        with contextlib.suppress(OSError):
            os.write(descriptor, f'{text}\n'.encode())
        return True


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT
    for each in ('O_CLOEXEC', 'O_NOFOLLOW', 'O_NOINHERIT'):
        flags |= getattr(os, each, 0)
    return os.open(path, flags, 0o600)


def _is_current(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _read_holder(descriptor: int) -> Holder:
    """Return who holds a lock; it may be about to write it down."""
    end = time.monotonic() + _PATIENCE
    while True:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            return _holder(json.loads(os.read(descriptor, _LONGEST)))
        except (OSError, ValueError, TypeError, LookupError):
            if time.monotonic() > end:
                return Holder()
            time.sleep(0.02)


def _holder(told: Any) -> Holder:
    if not isinstance(told, dict):
        raise TypeError("no holder")
    return Holder(
        str(told['user']),
        str(told['host']),
        int(told['pid']),
        str(told['since']),
        str(told['run']),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f'user {os.getuid()}' if hasattr(os, 'getuid') else '?'
