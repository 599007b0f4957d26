# SPDX-License-Identifier: Apache-2.0
"""The one judgement of an image's content, on every route.

It is made by the rules of the program that will open the image. A file is a
raw disk, an optical disc or a fixed VHD only where qemu's own probing finds
nothing else in it.
"""

from collections.abc import Callable
import pathlib
import struct
from typing import NamedTuple

from ims_ext import exceptions
from ims_ext.diskimage import foreign
from ims_ext.diskimage import iso
from ims_ext.diskimage import partition
from ims_ext.diskimage import probe
from ims_ext.diskimage import qcow2
from ims_ext.diskimage import vdi
from ims_ext.diskimage import vhd
from ims_ext.diskimage import vhdx
from ims_ext.diskimage import vmdk
from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader

# The cloud's own formats, which only it can look into. The layout of neither
# is published: either may begin like the VHD they come from.
_OPAQUE = ('zvhd', 'zvhd2')
_OPAQUE_LOOKALIKES = ('raw', 'vpc')

#: Formats that this package takes for an import from a bucket.
IMPORT_FORMATS = (
    *('qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'raw', 'iso'),
    *_OPAQUE,
)

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
#: Suffixes of what is none of them, with what it is.
_OTHER_SUFFIXES = {
    f'.{each}': each
    for each in (
        # Other disk images, and what has them in it.
        *('qed', 'qcow', 'dmg', 'ova', 'ovf', 'hdd', 'hds', 'luks', 'vhdset'),
        *('wim', 'esd', 'swm', 'box', 'vmx', 'vbox', 'avhd', 'avhdx', 'pvm'),
        *('nrg', 'mdf', 'mds', 'cue', 'ccd', 'toast', 'squashfs', 'mrimg'),
        # Compressed.
        *('gz', 'xz', 'zst', 'zstd', 'bz2', 'lz4', 'lzma', 'lz', 'lzo', 'z'),
        *('br', 'sz'),
        # Archives.
        *('zip', 'zipx', '7z', 'tar', 'rar', 'cab', 'arj', 'lha', 'lzh'),
        *('tgz', 'txz', 'tbz', 'tbz2', 'tlz', 'tzst', 'cpio', 'ar', 'xar'),
        *('rpm', 'deb', 'pkg', 'jar', 'apk', 'msi'),
    )
}
# Used for raw disks and for others as well: good only where the content
# decides nothing.
_PERHAPS_RAW = ('.img', '.bin', '.dd', '.disk')

#: By the name of qemu's driver.
_JUDGES: dict[str, tuple[str, Callable[[Reader], int]]] = {
    'qcow2': ('qcow2', qcow2.judge),
    'vmdk': ('vmdk', vmdk.judge),
    'vpc': ('vhd', vhd.judge),
    'vhdx': ('vhdx', vhdx.judge),
    'vdi': ('vdi', vdi.judge),
}
_REFUSED = {
    'luks': (
        "it is encrypted (LUKS), and the cloud would have no key for it; "
        "take one that is not"
    ),
    'qed': (
        "qed images are not taken, since no cloud reads them; convert it "
        "with {}, where you trust it"
    ),
    'qcow': (
        "this is qcow version 1, which no cloud reads; convert it with {}, "
        "where you trust it"
    ),
}


class Found(NamedTuple):
    """The judgement of a disk image.

    :ivar disk_format: One of :data:`IMPORT_FORMATS`.
    :ivar virtual_size: Bytes of the disk in it; ``None`` where only the
        cloud can tell.
    """

    disk_format: str
    virtual_size: int | None


def judge(reader: Reader, declared: str | None) -> Found:
    """Decide what an image is, and that it can become one.

    :param reader: The image.
    :param declared: What it is said to be, if anything.
    :raises: :class:`~ims_ext.exceptions.DiskImageError`
    """
    expected = _expected_format(reader, declared)
    if reader.size == 0:
        raise reader.error("the file is empty")
    driver = probe.probe(reader.head, reader.name)
    other = foreign.find(reader)
    # What begins as an image is judged as one; but a VDI begins with a text.
    if other and (driver == 'vdi' or driver not in {*_JUDGES, *_REFUSED}):
        raise foreign.refusal(reader, other)
    if expected in _OPAQUE:
        if driver in _OPAQUE_LOOKALIKES:
            return Found(expected, None)
        raise _mismatch(reader, expected, driver, declared)
    try:
        if driver == 'raw':
            found = _judge_unmarked(reader, expected, declared)
        else:
            found = _judge_marked(reader, driver)
    except struct.error as error:
        # A part of a header that is not where, or what, it has to be.
        raise reader.damaged("a part is missing") from error
    if expected not in (None, found.disk_format):
        raise _mismatch(reader, expected, found.disk_format, declared)
    if not found.virtual_size or found.virtual_size >= 2**63:
        raise reader.error(
            f"it is a {found.disk_format} image of a disk without a size"
        )
    return found


def check_key(disk_format: str, key: str) -> str | None:
    """Return the format that an object's key contradicts the content with.

    :param disk_format: What the content is.
    :param key: The object's key.
    :returns: What its suffix says instead; ``None`` where it agrees, or says
        nothing.
    """
    suffix = pathlib.PurePosixPath(key).suffix.lower()
    said = _FORMAT_BY_SUFFIX.get(suffix) or _OTHER_SUFFIXES.get(suffix)
    return None if said == disk_format else said


def _expected_format(reader: Reader, declared: str | None) -> str | None:
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


def _judge_marked(reader: Reader, driver: str) -> Found:
    """Judge an image that begins as one of its format."""
    if driver in _REFUSED:
        conversion = reader.conversion(f'-f {driver} -O qcow2')
        raise reader.error(_REFUSED[driver].replace('{}', conversion))
    if driver in foreign.BY_DRIVER:
        raise foreign.refusal(reader, foreign.BY_DRIVER[driver])
    name, judge_format = _JUDGES[driver]
    others = []
    if iso.is_iso(reader):
        others.append('iso')
    if partition.has_boot_signature(reader):
        others.append('raw')
    if others and driver != 'vmdk':
        raise _ambiguous(reader, [name, *others])
    size = judge_format(reader)
    if others:
        raise _ambiguous(reader, [name, *others])
    return Found(name, size)


def _judge_unmarked(
    reader: Reader, expected: str | None, declared: str | None
) -> Found:
    """Judge an image that qemu would take for a raw disk."""
    has_table = partition.has_table(reader)
    is_iso, is_vhd = iso.is_iso(reader), vhd.has_footer(reader)
    if is_iso and is_vhd and expected not in ('iso', 'vhd'):
        raise _ambiguous(reader, ['iso', 'vhd'])
    if is_vhd and expected != 'iso':
        return Found('vhd', vhd.judge(reader))
    if is_iso and (expected != 'raw' or not has_table or declared is None):
        return Found('iso', iso.judge(reader))
    other = None if has_table else foreign.find_without_disk(reader)
    if other:
        raise foreign.refusal(reader, other)
    if (
        has_table
        or expected == 'raw'
        or (expected is None and reader.name.lower().endswith(_PERHAPS_RAW))
    ):
        if reader.size % SECTOR:
            raise _incomplete(reader)
        return Found('raw', reader.size)
    raise _unknown(reader, expected, declared)


def _incomplete(reader: Reader) -> exceptions.DiskImageError:
    return reader.error(
        f"a raw disk consists of sectors of {SECTOR} bytes, and its "
        f"{reader.size} bytes are not a multiple of that; it is cut off, or "
        f"not a raw disk"
    )


def _ambiguous(
    reader: Reader, names: list[str]
) -> exceptions.UnsafeDiskImageError:
    return reader.unsafe(
        f"it can be read as {' and as '.join(sorted(names))} at once"
    )


def _mismatch(
    reader: Reader,
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
    reader: Reader, expected: str | None, declared: str | None
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
