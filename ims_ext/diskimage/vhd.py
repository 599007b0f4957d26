# SPDX-License-Identifier: Apache-2.0
"""A VHD's own judgement: complete, in order, and in one file."""

import struct

from ims_ext.diskimage import reader as _reader
from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader

_COOKIE = b'conectix'
_FIXED, _DYNAMIC = 2, 3
_UNUSED = 0xFFFFFFFF
_TABLE_LIMIT = 16 * 2**20
# qemu's: 2040 GiB, and the geometry that stands for "larger".
_MOST_SECTORS = 0xFF000000
_LARGEST_GEOMETRY = 65_535 * 16 * 255
# Programs whose images are as large as they say, and not as their geometry
# does; the last one is Azure's, which qemu knows since version 10.
_BY_SIZE = (b'win ', b'qem2', b'd2v ', b'CTXS', b'tap', b'wa\0\0')


def has_footer(reader: Reader) -> bool:
    """Whether an image ends in a VHD footer: a fixed one has no header.

    :param reader: The image.
    """
    return _footer(reader).startswith(_COOKIE)


def judge(reader: Reader) -> int:
    """Return the size of the disk in a VHD.

    :param reader: The image; it has a header or a footer.
    :returns: Bytes.
    :raises: :class:`~ims_ext.exceptions.UnsafeDiskImageError` where it is
        one link of a chain of files;
        :class:`~ims_ext.exceptions.DiskImageError` where it cannot be opened.
    """
    is_dynamic = reader.head.startswith(_COOKIE)
    footer = reader.head if is_dynamic else _footer(reader)
    if is_dynamic:
        reader.header(SECTOR, 'vhd')
    kind = _kind(footer)
    if kind not in (_FIXED, _DYNAMIC):
        raise reader.unsafe("this VHD holds the differences to another file")
    if is_dynamic != (kind == _DYNAMIC):
        raise reader.damaged("its beginning and its end contradict each other")
    if not _is_intact(footer):
        raise reader.damaged("its checksum is wrong")
    sectors = _sectors(footer)
    if sectors > _MOST_SECTORS:
        raise reader.damaged("its disk is larger than 2040 GiB")
    if is_dynamic:
        _check_blocks(reader, footer, sectors)
        copy = _footer(reader)
        # Other programs than qemu read this one.
        if copy.startswith(_COOKIE) and copy[16:64] != footer[16:64]:
            raise reader.unsafe(
                "header and footer of this VHD contradict each other"
            )
    elif sectors * SECTOR + SECTOR > reader.padded_size:
        raise reader.cut_off()
    return sectors * SECTOR


def _footer(reader: Reader) -> bytes:
    """Return the last sector; old programs leave its last byte out."""
    if reader.size < SECTOR:
        return b''
    return reader.padded(reader.padded_size - SECTOR, SECTOR)


def _kind(footer: bytes) -> int:
    return int.from_bytes(footer[60:64], 'big')


def _is_intact(footer: bytes) -> bool:
    (checksum,) = struct.unpack('>I', footer[64:68])
    return bool(~(sum(footer) - sum(footer[64:68])) & 0xFFFFFFFF == checksum)


def _sectors(footer: bytes) -> int:
    """Return the size of the disk, by qemu's rules."""
    (size, cylinders, heads, sectors) = struct.unpack('>QHBB', footer[48:60])
    geometry: int = cylinders * heads * sectors
    if footer[28:32].startswith(_BY_SIZE) or geometry == _LARGEST_GEOMETRY:
        return int(size) // SECTOR
    return geometry


def _check_blocks(reader: Reader, footer: bytes, sectors: int) -> None:
    (offset,) = struct.unpack('>Q', footer[16:24])
    header = reader.at(offset, 1024)
    if not header.startswith(b'cxsparse'):
        raise reader.damaged("a part is missing")
    # The parent's UUID, its name, and where it is.
    if any(header[40:56]) or any(header[64:768]):
        raise reader.unsafe("this VHD has a parent file")
    table, _, entries, block = struct.unpack('>QIII', header[16:36])
    if block < SECTOR or block & (block - 1):
        raise reader.damaged(f"it gives blocks of {block} bytes")
    if entries * block < sectors * SECTOR or entries * 4 > _TABLE_LIMIT:
        raise reader.damaged("its table has not the size of its disk")
    end = -(-(table + entries * 4) // SECTOR) * SECTOR
    bitmap = -(-(block // (8 * SECTOR)) // SECTOR) * SECTOR
    for piece in reader.pieces(table, entries * 4):
        found = _reader.little_endian(piece, 4)
        found.byteswap()
        last = max((each for each in found if each != _UNUSED), default=None)
        if last is not None:
            end = max(end, last * SECTOR + bitmap + block)
    if end > reader.padded_size:
        raise reader.cut_off()
