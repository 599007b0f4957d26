# SPDX-License-Identifier: Apache-2.0
"""Locks on files, as the system has them."""

import errno
import os
import sys
import time

#: Where a file is locked on Windows, where what is locked cannot be read.
_FAR = 1 << 30
#: Seconds between two tries, where the system does not wait itself.
_LOOK = 0.05

if sys.platform == 'win32':
    import msvcrt

    def lock(descriptor: int, *, wait: bool = False) -> None:
        """Lock a file until :func:`unlock`, or until it is closed.

        :param descriptor: The file's.
        :param wait: Whether to wait for whoever has it.
        :raises: ``BlockingIOError`` where somebody else has it.
        """
        while True:
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if not wait:
                    raise BlockingIOError(
                        error.errno, error.strerror
                    ) from None
                time.sleep(_LOOK)
            else:
                return

    def unlock(descriptor: int) -> None:
        """Let others have a file."""
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    try:
        import fcntl
    except ImportError:
        fcntl = None  # type: ignore[assignment]

    def lock(descriptor: int, *, wait: bool = False) -> None:
        """Lock a file until :func:`unlock`, or until it is closed.

        :param descriptor: The file's.
        :param wait: Whether to wait for whoever has it.
        :raises: ``BlockingIOError`` where somebody else has it, ``OSError``
            with ``ENOLCK`` where the system has no locks.
        """
        if fcntl is None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

    def unlock(descriptor: int) -> None:
        """Let others have a file."""
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
