# SPDX-License-Identifier: Apache-2.0
"""The route of a disk image's file to an image, and the disk it needs."""

import enum

from ims_ext import exceptions
from ims_ext import validation
from ims_ext.diskimage.image import GIB
from ims_ext.diskimage.image import DiskImage

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
#: The ``min_disk`` of a data disk image where nothing else is said: the
#: smallest that all of the clouds document (GiB).
DEFAULT_DATA_DISK = 40
#: Formats that image metadata may have, and so a native upload.
NATIVE_FORMATS = ('qcow2', 'vhd', 'raw', 'iso', 'zvhd', 'zvhd2')
#: Formats that a quick import takes.
QUICK_FORMATS = ('raw', 'zvhd2')


class Route(enum.Enum):
    """The route of a file to an image."""

    #: Image metadata, then the file itself, to the image service.
    NATIVE = 'native'
    #: A bucket, then an import.
    IMPORT = 'import'
    #: A bucket, then a quick import.
    QUICK_IMPORT = 'quick import'


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
        size, rounded up, and for a data disk
        :data:`DEFAULT_DATA_DISK` at least.
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
        return max(needed, DEFAULT_DATA_DISK) if data_disk else needed
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
