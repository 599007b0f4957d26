# SPDX-License-Identifier: Apache-2.0
"""Whether a fetched file is a disk image that the manifest permits."""

import operator
import os
from pathlib import Path

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext import local_file
from ims_ext.diskimage import qemu_img
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.manifest import units
from ims_ext.pipeline.sources.errors import SourceError
from ims_ext.pipeline.sources.space import Workspace

#: Bytes that formats need beside the disk's own.
_OVERHEAD = 64 * 1024**2

_COMPARISONS = {
    '<=': operator.le,
    '>=': operator.ge,
    '<': operator.lt,
    '>': operator.gt,
}


def judge(path: Path, name: str) -> diskimage.DiskImage:
    """Return what a fetched file is.

    :param path: The file.
    :param name: What it was called where it was fetched: its suffix counts.
    :raises: :class:`.errors.SourceError` where it is no disk image, or
        refers to other files.
    """
    try:
        with local_file.LocalFile(path) as file:
            return diskimage.inspect_file(file, name=name)
    except exceptions.DiskImageError as error:
        raise SourceError(_without(str(error), path, name)) from error


def check(image: model.Image, disk: diskimage.DiskImage) -> None:
    """Refuse a disk image that does not fulfil the manifest's checks.

    :param image: The image in the manifest.
    :param disk: What its content says.
    :raises: :class:`.errors.SourceError`
    """
    for each in image.checks:
        # A file's format and its safety have been judged in any case.
        if each.subject not in ('virtual_size', 'size'):
            continue
        found: int | None = getattr(disk, each.subject)
        if found is None:
            raise SourceError(
                f"{disk.name}: only the cloud knows how large the disk in a "
                f"{disk.disk_format} is, so {each} cannot be checked"
            )
        if not _COMPARISONS[each.comparison](found, each.bytes):
            raise SourceError(
                f"{disk.name}: {each.subject} is "
                f"{units.shown_size(found)} ({found} bytes); the manifest "
                f"wants {each.comparison} {units.shown_size(each.bytes)}"
            )


def virtual_size(image: model.Image, disk: diskimage.DiskImage) -> int:
    """Return the size of the disk in an image, in bytes.

    :param image: The image in the manifest: its ``min_disk`` counts where
        only the cloud could tell.
    :param disk: What the image's content says.
    :raises: :class:`.errors.SourceError` where nobody says it.
    """
    if disk.virtual_size is not None:
        return disk.virtual_size
    named = image.attributes.get('min_disk')
    if named is None:
        raise SourceError(
            f"{disk.name}: only the cloud knows how large the disk in a "
            f"{disk.disk_format} is: set min_disk (GiB) in the manifest"
        )
    return int(named) * diskimage.GIB


def convert(
    disk: diskimage.DiskImage,
    path: Path,
    wanted: str,
    workspace: Workspace,
) -> tuple[Path, diskimage.DiskImage]:
    """Convert a disk image, unless it has the wanted format.

    :param disk: What its content says.
    :param path: Its file, which stays.
    :param wanted: The format.
    :param workspace: Where the new file is put; room for it is taken.
    :returns: The file and what its content says: the same ones where there
        was nothing to do.
    :raises: :class:`.errors.SourceError`
    """
    if disk.disk_format == wanted:
        return path, disk
    if wanted not in qemu_img.FORMATS:
        raise SourceError(f"{disk.name}: nothing here writes {wanted}")
    if not qemu_img.can_read(disk.disk_format) or disk.virtual_size is None:
        raise SourceError(
            f"{disk.name}: a {disk.disk_format} cannot be converted to "
            f"{wanted}: set convert: none for it"
        )
    target = workspace.new_file(f'.{wanted}')
    # What is in the image is not known, so room is needed for all of it.
    room = _most(disk)
    workspace.take(room)
    taken = 0
    try:
        with path.open('rb') as source:
            qemu_img.convert(
                source,
                disk.disk_format,
                target,
                wanted,
                qemu_img.Limits(output=_OVERHEAD + 2 * disk.virtual_size),
            )
        made = judge(target, f'{disk.name}.{wanted}')
        taken = stored(target)
        return target, made
    except qemu_img.MissingError as error:
        raise SourceError(
            f"{disk.name} is to be converted to {wanted}, and this machine "
            f"has no qemu-img: install Debian's qemu-utils, or set convert: "
            f"none"
        ) from error
    except (qemu_img.QemuImgError, OSError) as error:
        raise SourceError(
            f"{disk.name} cannot be converted to {wanted}: "
            f"{_without(str(error), target, disk.name)}"
        ) from error
    finally:
        if not taken:
            target.unlink(missing_ok=True)
        workspace.give(room - taken)


def _most(disk: diskimage.DiskImage) -> int:
    """Return the bytes that a converted image needs at most, roughly.

    A format without compression has no more data than its disk, and a
    compressed one is seldom smaller than a fifth of them.
    """
    return min(disk.virtual_size or 0, 5 * disk.size) + _OVERHEAD


def stored(path: Path) -> int:
    """Return the bytes that the disk keeps for a file.

    :param path: The file.
    """
    return os.stat(path).st_blocks * 512


def _without(message: str, path: Path, name: str) -> str:
    """Return a message with a file's name in place of the temporary one."""
    return message.replace(str(path), name)
