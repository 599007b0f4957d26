# SPDX-License-Identifier: Apache-2.0
"""A VDI's own judgement: complete, in order, and in one file."""

import struct

from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader

_VERSION = 0x00010001
_BLOCK = 2**20
_DYNAMIC, _STATIC = 1, 2
# qemu's: as many entries as fit into 2 GiB.
_MOST_BLOCKS = (2**31 - SECTOR) // 4


def judge(reader: Reader) -> int:
    """Return the size of the disk in a VDI.

    :param reader: The image.
    :returns: Bytes.
    :raises: :class:`~ims_ext.exceptions.UnsafeDiskImageError` where it is
        one link of a chain of files;
        :class:`~ims_ext.exceptions.DiskImageError` where it cannot be opened.
    """
    header = reader.header(SECTOR, 'vdi')
    version, _, kind = struct.unpack('<III', header[68:80])
    # What it is linked to and derives from: no UUIDs in a complete image.
    if kind not in (_DYNAMIC, _STATIC) or any(header[424:456]):
        raise reader.unsafe("this VDI holds the differences to another file")
    map_offset, data_offset = struct.unpack('<II', header[340:348])
    sector, _, size = struct.unpack('<IIQ', header[360:376])
    block, extra, blocks, used = struct.unpack('<IIII', header[376:392])
    if version != _VERSION:
        raise reader.error(f"it is a VDI of version {version:#x}, not 1.1")
    if (sector, block) != (SECTOR, _BLOCK):
        raise reader.damaged(f"it gives blocks of {block} bytes")
    if map_offset % SECTOR or data_offset % SECTOR:
        raise reader.damaged("a part begins within a sector")
    if blocks > _MOST_BLOCKS or size > blocks * block:
        raise reader.damaged("its table has not the size of its disk")
    ends = [map_offset + blocks * 4]
    if used:
        ends.append(data_offset + (used - 1) * (block + extra) + 1)
    if max(ends) > reader.size:
        raise reader.cut_off()
    return -(-int(size) // SECTOR) * SECTOR
