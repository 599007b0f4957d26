# SPDX-License-Identifier: Apache-2.0
"""What a local file is: format, virtual size, safe or not; and its route.

Nothing here opens a file that an image refers to, and nothing reads all of
a file: a large one takes no longer than a small one.
"""

import dataclasses
import enum
import os
import pathlib
from typing import Any

from ims_ext import exceptions
from ims_ext import local_file
from ims_ext import validation
from ims_ext.diskimage import formats
from ims_ext.diskimage import tables

GIB = 2**30

#: Native upload: the file has to be smaller (bytes).
NATIVE_LIMIT = 2 * GIB
#: Plain import from a bucket: the file has to be smaller (bytes).
IMPORT_LIMIT = 128 * GIB
#: Quick import from a bucket: the largest file (bytes).
QUICK_IMPORT_LIMIT = 1024 * GIB
#: The largest ``min_disk`` of a system disk image, and of a data disk image
#: (GiB).
MAX_SYSTEM_DISK = 1024
MAX_DATA_DISK = 2048

# The cloud's own formats, which only it can look into. The layout of neither
# is published: either may begin like the VHD they come from, or by chance
# like a partition table.
_OPAQUE = ('zvhd', 'zvhd2')
_OPAQUE_LOOKALIKES = {'vhd', 'gpt'}

#: Formats that this package takes for an import from a bucket.
IMPORT_FORMATS = (
    *('qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'raw', 'iso'),
    *_OPAQUE,
)
#: Formats that image metadata may have, and so a native upload.
NATIVE_FORMATS = ('qcow2', 'vhd', 'raw', 'iso', 'zvhd', 'zvhd2')
#: Formats that a quick import takes.
QUICK_FORMATS = ('raw', 'zvhd2')

_ALIASES = {'vpc': 'vhd'}
_FORMAT_BY_SUFFIX = {
    '.qcow2': 'qcow2',
    '.vmdk': 'vmdk',
    '.vhd': 'vhd',
    '.vpc': 'vhd',
    '.vhdx': 'vhdx',
    '.vdi': 'vdi',
    '.iso': 'iso',
    '.raw': 'raw',
    '.zvhd': 'zvhd',
    '.zvhd2': 'zvhd2',
}
# Used for raw disks and for others as well: good only where the content
# decides nothing.
_PERHAPS_RAW = ('.img', '.bin', '.dd', '.disk')


@dataclasses.dataclass(frozen=True)
class DiskImage:
    """A disk image as its content describes it.

    :param name: What messages call it: the path, or an object's name.
    :param disk_format: One of :data:`IMPORT_FORMATS`.
    :param size: The file's length in bytes.
    :param virtual_size: The size of the disk in it, in bytes; ``None`` for
        zvhd and zvhd2, which only the cloud can look into.
    :param path: The file; ``None`` for a stream.
    """

    name: str
    disk_format: str
    size: int
    virtual_size: int | None
    path: pathlib.Path | None = None

    @property
    def min_disk(self) -> int | None:
        """The smallest disk that holds it, in GiB; ``None`` if unknown."""
        if self.virtual_size is None:
            return None
        return max(1, -(-self.virtual_size // GIB))


class Route(enum.Enum):
    """How a file becomes an image."""

    #: Image metadata, then the file itself, to the image service.
    NATIVE = 'native'
    #: A bucket, then an import.
    IMPORT = 'import'
    #: A bucket, then a quick import.
    QUICK_IMPORT = 'quick import'


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
        where it refers to other files,
        :class:`~ims_ext.exceptions.MissingExtraError` without oslo.utils.
    """
    with local_file.LocalFile(path) as file:
        return inspect_file(file, disk_format=disk_format)


def inspect_file(
    file: local_file.LocalFile, *, disk_format: str | None = None
) -> DiskImage:
    """Look into a local file that has been opened.

    What is read from it later is what was looked at, whatever its name has
    come to stand for meanwhile.

    :param file: The file.
    :param disk_format: As for :func:`inspect`.
    :returns: What it is.
    :raises: As :func:`inspect`.
    """
    try:
        with open(file.fileno(), 'rb', buffering=0, closefd=False) as stream:
            stream.seek(0)
            reader = formats.Reader(
                stream, file.size, file.path, seekable=True
            )
            image = _inspect(reader, disk_format)
    except OSError as error:
        raise exceptions.DiskImageError(
            f"{file.path}: the file cannot be read: {error.strerror or error}"
        ) from error
    return dataclasses.replace(image, path=pathlib.Path(file.path))


def inspect_stream(
    stream: formats.Readable,
    size: int,
    name: str,
    *,
    disk_format: str | None = None,
) -> DiskImage:
    """Look into an image that comes as a stream, an object in a bucket say.

    Only ``stream.read(n)`` is called, and no more than needed is read:
    usually the first MiB, but all of it where the last bytes settle the
    format (vhd, some vmdk, raw).

    :param stream: Where the bytes come from, the first one first.
    :param size: How many there are.
    :param name: What messages call it; its suffix counts, as a file's does.
    :param disk_format: As for :func:`inspect`.
    :returns: What it is.
    :raises: As :func:`inspect`.
    """
    reader = formats.Reader(stream, size, name, seekable=False)
    return _inspect(reader, disk_format)


def choose_route(
    image: DiskImage, *, has_bucket: bool, quick: bool | None = None
) -> Route:
    """Decide how a file becomes an image.

    :param image: The file.
    :param has_bucket: Whether a bucket was named for it.
    :param quick: Whether a quick import was asked for; ``None`` where that
        was left open: then it is chosen where the size requires it.
    :returns: The way.
    :raises: :class:`~ims_ext.exceptions.DiskImageError` where there is
        none, with what to change.
    """
    if not has_bucket:
        _check_native(image, quick)
        return Route.NATIVE
    is_small = image.size < IMPORT_LIMIT
    if is_small and not quick:
        return Route.IMPORT
    if image.disk_format not in QUICK_FORMATS:
        raise _error(
            image,
            f"quick import takes {' and '.join(QUICK_FORMATS)}, plain import "
            f"files under {_gib(IMPORT_LIMIT)}; this is {image.disk_format} "
            f"of {_gib(image.size)}: "
            + ("use plain import" if is_small else "convert it to raw first"),
        )
    if quick is False:
        raise _error(
            image,
            f"plain import takes files under {_gib(IMPORT_LIMIT)}, this one "
            f"has {_gib(image.size)}; permit quick import",
        )
    if image.size > QUICK_IMPORT_LIMIT:
        raise _error(
            image,
            f"quick import takes files up to {_gib(QUICK_IMPORT_LIMIT)}, "
            f"this one has {_gib(image.size)}; make the disk smaller",
        )
    return Route.QUICK_IMPORT


def check_min_disk(
    image: DiskImage, min_disk: int | None, *, data_disk: bool = False
) -> int:
    """Decide on an image's smallest disk.

    :param image: The file.
    :param min_disk: What was asked for, in GiB; ``None`` takes the virtual
        size, rounded up.
    :param data_disk: Whether it becomes a data disk image, which may be
        larger.
    :returns: GiB.
    :raises: :class:`~ims_ext.exceptions.DiskImageError` where it is smaller
        than the virtual size, out of the permitted range, or unknown.
    """
    kind, largest = 'system', MAX_SYSTEM_DISK
    if data_disk:
        kind, largest = 'data', MAX_DATA_DISK
    needed = image.min_disk
    if needed is not None and needed > largest:
        raise _error(
            image,
            f"it holds a disk of {needed} GiB, and a {kind} disk image has "
            f"at most {largest}; make the disk smaller",
        )
    if min_disk is None:
        if needed is None:
            raise _error(
                image,
                f"nobody but the cloud can tell the disk's size in a "
                f"{image.disk_format} image; say min_disk, in GiB",
            )
        return needed
    min_disk = validation.check_number('min_disk', min_disk, 'GiB')
    if not 1 <= min_disk <= largest:
        raise _error(
            image,
            f"a {kind} disk image's min_disk is from 1 to {largest} GiB, "
            f"not {min_disk}",
        )
    if needed is not None and min_disk < needed:
        raise _error(
            image,
            f"a min_disk of {min_disk} GiB is too small for the disk in it; "
            f"it takes {needed}",
        )
    return min_disk


def _inspect(reader: formats.Reader, declared: str | None) -> DiskImage:
    expected = _expected_format(reader, declared)
    if reader.size == 0:
        raise reader.error("the file is empty")
    with formats.quiet():
        matches = formats.recognize(reader)
        virtual_size = None
        if expected in _OPAQUE:
            found = expected
            others = matches.keys() - _OPAQUE_LOOKALIKES
            if others:
                raise _mismatch(reader, expected, min(others), declared)
        else:
            found, inspector = _settle(reader, matches, expected, declared)
            virtual_size = tables.virtual_size(reader, found, inspector)
    return DiskImage(
        name=reader.name,
        disk_format=found,
        size=reader.size,
        virtual_size=virtual_size,
    )


def _expected_format(
    reader: formats.Reader, declared: str | None
) -> str | None:
    """Return what the image should be by declaration, else by name."""
    if declared is None:
        suffix = pathlib.PurePath(reader.name).suffix.lower()
        return _FORMAT_BY_SUFFIX.get(suffix)
    name = declared.lower()
    name = _ALIASES.get(name, name)
    if name not in (*IMPORT_FORMATS, 'qed', 'qcow'):
        raise reader.error(
            f"there is no disk format {declared!r}; it is one of "
            f"{', '.join(IMPORT_FORMATS)}"
        )
    return name


def _settle(
    reader: formats.Reader,
    matches: dict[str, Any],
    expected: str | None,
    declared: str | None,
) -> tuple[str, Any]:
    """Agree on one format, and find it safe."""
    partitions = matches.pop('gpt', None)
    if len(matches) > 1 or (partitions and matches.keys() - {'iso'}):
        names = sorted([*matches, *(['raw'] if partitions else [])])
        raise reader.unsafe(
            f"it can be read as {' and as '.join(names)} at once"
        )
    if 'luks' in matches:
        raise reader.error(
            "it is encrypted (LUKS), and the cloud would have no key for it; "
            "take one that is not"
        )
    for name, inspector in matches.items():
        formats.check_safety(reader, name, inspector)
        if expected not in (None, name):
            raise _mismatch(reader, expected, name, declared)
        return name, inspector
    if formats.is_fixed_vhd(reader):
        found = 'vhd'
    elif (
        (partitions and formats.has_partition_table(partitions))
        or expected == 'raw'
        or (expected is None and reader.name.lower().endswith(_PERHAPS_RAW))
    ):
        found = 'raw'
    else:
        raise _unknown(reader, expected, declared)
    if expected not in (None, found):
        raise _mismatch(reader, expected, found, declared)
    return found, None


def _mismatch(
    reader: formats.Reader,
    expected: str | None,
    found: str,
    declared: str | None,
) -> exceptions.DiskImageError:
    return reader.error(
        f"{_origin(declared)} {expected}, but its content is {found}; it may "
        f"be cut off, or the wrong file; where {found} is right, say "
        f"disk_format={found!r}"
    )


def _unknown(
    reader: formats.Reader, expected: str | None, declared: str | None
) -> exceptions.DiskImageError:
    if expected is None:
        return reader.error(
            f"unknown format; known are {', '.join(IMPORT_FORMATS)}; if it "
            f"really is a raw disk without partitions say disk_format='raw', "
            f"and likewise for zvhd and zvhd2"
        )
    return reader.error(
        f"{_origin(declared)} {expected}, but its content is not; it may be "
        f"cut off, or something else altogether"
    )


def _origin(declared: str | None) -> str:
    return "its name says" if declared is None else "it is said to be"


def _check_native(image: DiskImage, quick: bool | None) -> None:
    if quick:
        raise _error(image, "quick import needs a bucket; name one")
    if image.disk_format not in NATIVE_FORMATS:
        raise _error(
            image,
            f"without a bucket the cloud takes {', '.join(NATIVE_FORMATS)}, "
            f"not {image.disk_format}; name a bucket to import it from",
        )
    if image.size >= NATIVE_LIMIT:
        raise _error(
            image,
            f"without a bucket the cloud takes files under "
            f"{_gib(NATIVE_LIMIT)}, this one has {_gib(image.size)}; name a "
            f"bucket to import it from",
        )


def _gib(size: int) -> str:
    return f'{size / GIB:.4g} GiB'


def _error(image: DiskImage, sentence: str) -> exceptions.DiskImageError:
    return exceptions.DiskImageError(f"{image.name}: {sentence}")
