# SPDX-License-Identifier: Apache-2.0
"""A disk image on standard input, as a file that has a path."""

from collections.abc import Iterator
import contextlib
import os
import shutil
import stat
import sys
import tempfile


def may_have_data() -> bool:
    """Whether standard input is a file or a pipe.

    It may also be closed, a terminal, or a device such as ``/dev/null``.
    """
    found = _status()
    return found is not None and _is_file_or_pipe(found[1].st_mode)


@contextlib.contextmanager
def path() -> Iterator[str | None]:
    """Give the path of the file that standard input is.

    What comes through a pipe is written to a temporary file first: its
    format is told from its content, before anything is sent.

    :returns: The path, or ``None`` where standard input has no data.
    """
    found = _status()
    if found is None or not _is_file_or_pipe(found[1].st_mode):
        yield None
        return
    number, status = found
    if stat.S_ISREG(status.st_mode):
        yield _path_of(number, status)
        return
    with tempfile.NamedTemporaryFile(prefix='ims-ext-') as file:
        with open(number, 'rb', closefd=False) as pipe:
            shutil.copyfileobj(pipe, file, 1024**2)
        file.flush()
        # Nothing came: as good as no standard input.
        yield file.name if file.tell() else None


def _status() -> tuple[int, os.stat_result] | None:
    try:
        number = sys.stdin.fileno()
        return number, os.fstat(number)
    except (AttributeError, OSError, ValueError):
        return None


def _is_file_or_pipe(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _path_of(number: int, status: os.stat_result) -> str:
    device = f'/dev/fd/{number}'
    # By its own name, an upload that was cut short is known again.
    real = os.path.realpath(device)
    with contextlib.suppress(OSError):
        if os.path.samestat(os.stat(real), status):
            return real
    return device
