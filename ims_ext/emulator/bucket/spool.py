# SPDX-License-Identifier: Apache-2.0
"""The bodies of large requests, in files that can become those of objects.

Such a file has no name until it is an object's: nothing is left of it when
the client leaves, or the process is killed.
"""

import io
import os
from pathlib import Path
from typing import TypeAlias

_Bytes: TypeAlias = bytes | bytearray | memoryview


class NamelessFile(io.BufferedRandom):
    """A file without a name.

    :param directory: The directory that it may get a name in.
    :raises: :class:`OSError` where there are no such files.
    """

    def __init__(self, directory: Path) -> None:
        kind = getattr(os, 'O_TMPFILE', None)
        if kind is None:
            raise OSError("files without names are unknown")
        flags = kind | os.O_RDWR | os.O_CLOEXEC
        super().__init__(io.FileIO(os.open(directory, flags, 0o600), 'r+'))

    def give_name(self, path: Path) -> None:
        """Have the file found by a name.

        :raises: :class:`OSError` where there is a file of that name, or
            the system cannot do it.
        """
        self.flush()
        # Python follows the link only where a directory is given, which an
        # absolute path makes nothing of.
        os.link(
            f'/proc/self/fd/{self.fileno()}',
            path,
            src_dir_fd=self.fileno(),
            follow_symlinks=True,
        )


class BodyBuffer:
    """The body of a request on its way, as waitress keeps it.

    :param directory: The directory of the objects' files.
    :raises: :class:`OSError` where there are no files without names.
    """

    def __init__(self, directory: Path) -> None:
        self._file = NamelessFile(directory)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, data: _Bytes) -> None:
        """Keep data."""
        self._file.write(data)
        self._size += len(data)

    def getfile(self) -> NamelessFile:
        """Return the body, to be read from its beginning."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Forget it."""
        self._file.close()
