# SPDX-License-Identifier: Apache-2.0
"""The work of a whole Glance's imports: fetching, judging, taking in.

The data is judged as every disk image here is: what is imported as qcow2 has
to be that, whatever fetched it.
"""

from collections.abc import Callable
import dataclasses
import hashlib
from pathlib import Path
import shutil
from typing import Any, BinaryIO

from ims_ext.emulator import private_files
from ims_ext.emulator.work.web_source import WebFile
from ims_ext.emulator.work.web_source import WebSourceError
from ims_ext.emulator.work.web_source import WebSources

#: The largest file that is fetched, in bytes.
LIMIT = 128 * 1024**3
#: Bytes that fetching leaves free on the machine's disk.
RESERVE = 1024**3
#: Ends the names of files that are being fetched.
FETCHED = '.fetched'

_BLOCK = 1024**2
#: Formats that data is held against. Others are what the clouds convert to,
#: or none of a disk.
_JUDGED = frozenset({'raw', 'qcow2', 'iso', 'vmdk', 'vhdx', 'vdi', 'qcow'})
_NOT_JUDGED = frozenset({'ami', 'ari', 'aki', 'ploop', 'gpt'})


class ImportFailure(Exception):
    """The reason for which data does not become an image's."""


@dataclasses.dataclass
class Digests:
    """The digests of data, and its size in bytes.

    :ivar algorithm: The name of the second one.
    """

    algorithm: str
    size: int = 0

    def __post_init__(self) -> None:
        """Begin both."""
        # Glance's checksum, for clients that compare it; guards nothing.
        self._checksum = hashlib.md5(usedforsecurity=False)
        self._hash = hashlib.new(self.algorithm, usedforsecurity=False)

    def update(self, data: bytes) -> None:
        """Go on with some more data."""
        self._checksum.update(data)
        self._hash.update(data)
        self.size += len(data)

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of an image with this data."""
        return {
            'size': self.size,
            'checksum': self._checksum.hexdigest(),
            'os_hash_algo': self.algorithm,
            'os_hash_value': self._hash.hexdigest(),
            '__image_size': str(self.size),
        }


def digest(
    sources: WebSources,
    uri: str,
    algorithm: str,
    is_over: Callable[[], bool],
    target: BinaryIO | None = None,
) -> dict[str, Any]:
    """Read a file on a web server.

    :param algorithm: How ``os_hash_value`` is made.
    :param is_over: Returns whether to end early.
    :param target: Where to write the data, if anywhere.
    :returns: Attributes of the image that it is the data of.
    :raises: :class:`ImportFailure`
    """
    digests = Digests(algorithm)
    try:
        with sources.open(uri) as file:
            while data := _next(file, digests, is_over, target):
                digests.update(data)
                if target is not None:
                    target.write(data)
            if file.size not in (None, digests.size):
                raise ImportFailure("The server did not send all of it.")
    except WebSourceError as error:
        raise ImportFailure(str(error)) from error
    return digests.attributes()


def _next(
    file: WebFile,
    digests: Digests,
    is_over: Callable[[], bool],
    target: BinaryIO | None,
) -> bytes:
    if is_over():
        raise ImportFailure("The import was given up.")
    if digests.size > LIMIT:
        raise ImportFailure("The file is too large.")
    if target is not None:
        free = shutil.disk_usage(Path(str(target.name)).parent).free
        if free < RESERVE:
            raise ImportFailure("The emulator's disk is full.")
    return file.read(_BLOCK)


def fetch(
    sources: WebSources, uri: str, path: Path, is_over: Callable[[], bool]
) -> dict[str, Any]:
    """Copy a file on a web server; arguments and results are digest's.

    :param path: Where to.
    """
    with open(path, 'wb', opener=private_files.opener) as target:
        return digest(sources, uri, 'sha512', is_over, target)


def judge(path: Path, disk_format: str | None) -> dict[str, Any]:
    """Return the attributes that follow from what data is.

    :param path: The data.
    :param disk_format: What the image says it is.
    :raises: :class:`ImportFailure` for data that is something else, that is
        damaged, or that refers to other files.
    """
    from ims_ext import diskimage
    from ims_ext.exceptions import DiskImageError
    from ims_ext.local_file import LocalFile

    if disk_format in _NOT_JUDGED:
        return {}
    declared = disk_format if disk_format in _JUDGED else None
    try:
        with LocalFile(path) as file:
            found = diskimage.inspect_file(
                file, disk_format=declared, name="The data"
            )
    except DiskImageError as error:
        raise ImportFailure(str(error)) from error
    attributes: dict[str, Any] = {'virtual_size': found.virtual_size}
    if declared is None:
        attributes['disk_format'] = found.disk_format
    return attributes


def digest_of(path: Path) -> dict[str, Any]:
    """Return the attributes of an image whose data is in a file."""
    digests = Digests('sha512')
    with open(path, 'rb') as file:
        while data := file.read(_BLOCK):
            digests.update(data)
    return digests.attributes()
