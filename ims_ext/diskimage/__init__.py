# SPDX-License-Identifier: Apache-2.0
"""The format, virtual size and safety of a local file; and its route.

A file is judged by the rules of the program that will open it, which is
qemu's nearly everywhere. Nothing here opens a file that an image refers to,
and nothing reads all of a file: a large one takes no longer than a small
one, and a malicious one no longer than two seconds.
"""

import contextlib
import dataclasses
import os
import pathlib

from ims_ext import exceptions
from ims_ext import local_file
from ims_ext.diskimage import judgement
from ims_ext.diskimage.image import GIB
from ims_ext.diskimage.image import DiskImage
from ims_ext.diskimage.judgement import IMPORT_FORMATS
from ims_ext.diskimage.judgement import check_key
from ims_ext.diskimage.reader import Readable
from ims_ext.diskimage.reader import ReadAt
from ims_ext.diskimage.reader import Reader
from ims_ext.diskimage.reader import Spool
from ims_ext.diskimage.route import DEFAULT_DATA_DISK
from ims_ext.diskimage.route import IMPORT_LIMIT
from ims_ext.diskimage.route import MAX_DATA_DISK
from ims_ext.diskimage.route import MAX_SYSTEM_DISK
from ims_ext.diskimage.route import NATIVE_FORMATS
from ims_ext.diskimage.route import NATIVE_LIMIT
from ims_ext.diskimage.route import QUICK_FORMATS
from ims_ext.diskimage.route import QUICK_IMPORT_LIMIT
from ims_ext.diskimage.route import Route
from ims_ext.diskimage.route import check_min_disk
from ims_ext.diskimage.route import choose_route

__all__ = [
    'DEFAULT_DATA_DISK',
    'GIB',
    'IMPORT_FORMATS',
    'IMPORT_LIMIT',
    'MAX_DATA_DISK',
    'MAX_SYSTEM_DISK',
    'NATIVE_FORMATS',
    'NATIVE_LIMIT',
    'QUICK_FORMATS',
    'QUICK_IMPORT_LIMIT',
    'DiskImage',
    'Readable',
    'Route',
    'check_key',
    'check_min_disk',
    'choose_route',
    'inspect',
    'inspect_at',
    'inspect_file',
    'inspect_stream',
]


def inspect(
    path: str | os.PathLike[str], *, disk_format: str | None = None
) -> DiskImage:
    """Look into a local file.

    :param path: The file.
    :param disk_format: What it is said to be. Needed for zvhd and zvhd2
        whose name does not say so, and for raw disks with neither a
        partition table nor a telling name; otherwise it is checked.
    :returns: What it is.
    :raises: :class:`~ims_ext.exceptions.DiskImageError` where it cannot
        become an image, :class:`~ims_ext.exceptions.UnsafeDiskImageError`
        where it refers to other files.
    """
    with local_file.LocalFile(path) as file:
        return inspect_file(file, disk_format=disk_format)


def inspect_file(
    file: local_file.LocalFile,
    *,
    disk_format: str | None = None,
    name: str | None = None,
) -> DiskImage:
    """Look into a local file that has been opened.

    The bytes that the judgement rests on are remembered: where the file is
    read later and they have become others, reading them fails.

    :param file: The file.
    :param disk_format: As for :func:`inspect`.
    :param name: What messages call it, and whose suffix counts; the file's
        own by default.
    :returns: What it is.
    :raises: As :func:`inspect`.
    """
    try:
        image = inspect_at(
            file.judged_at,
            file.size,
            file.path if name is None else name,
            disk_format=disk_format,
        )
    except OSError as error:
        raise exceptions.DiskImageError(
            f"{file.path}: the file cannot be read: {error.strerror or error}"
        ) from error
    return dataclasses.replace(image, path=pathlib.Path(file.path))


def inspect_stream(
    stream: Readable,
    size: int,
    name: str,
    *,
    disk_format: str | None = None,
) -> DiskImage:
    """Look into an image that comes as a stream, an object in a bucket say.

    Only ``stream.read(n)`` is called, and no more than needed is read:
    usually the first MiB, but all of it where the last bytes settle the
    format (vhd, some vmdk, raw). What has been read is kept in a temporary
    file meanwhile.

    :param stream: The bytes, the first one first.
    :param size: How many there are.
    :param name: What messages call it; its suffix counts, as a file's does.
    :param disk_format: As for :func:`inspect`.
    :returns: What it is.
    :raises: As :func:`inspect`.
    """
    with contextlib.closing(Spool(stream)) as spool:
        return inspect_at(spool.read_at, size, name, disk_format=disk_format)


def inspect_at(
    read_at: ReadAt, size: int, name: str, *, disk_format: str | None = None
) -> DiskImage:
    """Look into an image whose bytes can be read from any offset on.

    :param read_at: Called with an offset and a length in bytes; returns
        them, and fewer at the end only.
    :param size: How many bytes there are.
    :param name: What messages call it; its suffix counts, as a file's does.
    :param disk_format: As for :func:`inspect`.
    :returns: What it is.
    :raises: As :func:`inspect`.
    """
    found = judgement.judge(Reader(read_at, size, name), disk_format)
    return DiskImage(
        name=name,
        disk_format=found.disk_format,
        size=size,
        virtual_size=found.virtual_size,
    )
