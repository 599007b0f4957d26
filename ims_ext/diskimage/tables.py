# SPDX-License-Identifier: Apache-2.0
"""What a disk image's own tables say: the size of its disk, and its length.

oslo.utils reads the headers. What is added here is what it leaves out:
whether the file is as long as its tables say, and references to other files
in the formats that it calls safe.
"""

from collections.abc import Callable
import struct
from typing import Any

from ims_ext.diskimage.formats import SECTOR
from ims_ext.diskimage.formats import Reader

_TABLE_LIMIT = 32 * 2**20
# As a disk of 4 TiB has in the usual form; each is read.
_MOST_GRAIN_TABLES = 2**17
_VHD_FIXED, _VHD_DYNAMIC = 2, 3
# The rest of an entry are flags.
_QCOW2_OFFSET = 0x00FFFFFFFFFFFE00
# GUIDs as they are stored: the item that names a VHDX's parent, and the
# region with its block table.
_VHDX_PARENT = bytes.fromhex('2d5fd3a80bb34d45abf7d3d84834ab0c')
_VHDX_BLOCKS = bytes.fromhex('6677c22d23f600429d64115e9bfd4a08')
_VHDX_IN_FILE = (6, 7)


def virtual_size(reader: Reader, name: str, inspector: Any) -> int:
    """Return the size of the disk that an image holds.

    :param reader: The image.
    :param name: The format, one that has a virtual size.
    :param inspector: What :func:`recognize` returned for it; may be
        ``None`` for ``raw`` and ``vhd``.
    :returns: Bytes.
    :raises: :class:`~ims_ext.exceptions.DiskImageError` where the file is
        shorter than its own tables say, or has an impossible size;
        :class:`~ims_ext.exceptions.UnsafeDiskImageError` where it is one
        link of a chain of files.
    """
    try:
        size = _SIZES[name](reader, inspector)
    except (KeyError, struct.error) as error:
        # A part of a header that is not where, or what, it has to be.
        raise reader.error(f"its {name} header is damaged") from error
    if size <= 0:
        raise reader.error(f"it is a {name} image of a disk without a size")
    return size


def _qcow2_size(reader: Reader, inspector: Any) -> int:
    (
        cluster_bits,
        size,
        encryption,
        l1_entries,
        l1_offset,
        refcount_offset,
        refcount_clusters,
    ) = struct.unpack('>IQIIQQI', reader.head[20:60])
    if encryption:
        raise reader.error(
            "it is encrypted, and the cloud would have no key for it; "
            "convert it to an image that is not"
        )
    if not 9 <= cluster_bits <= 21:
        raise reader.error(
            f"its header is damaged, it gives clusters of 2^{cluster_bits} "
            f"bytes"
        )
    cluster = 1 << cluster_bits
    per_l1_entry = cluster * (cluster // 8)
    if l1_entries * per_l1_entry < size:
        raise reader.error(
            f"its header is damaged, {l1_entries} tables cannot address "
            f"{size} bytes"
        )
    if max(l1_entries * 8, refcount_clusters * cluster) > _TABLE_LIMIT:
        raise reader.error("its header is damaged, its tables are too large")
    # In the order of a new image, for streams.
    _check_refcounts(
        reader, cluster, refcount_offset, refcount_clusters * cluster
    )
    l1_table = reader.at(l1_offset, l1_entries * 8) or b''
    for (entry,) in struct.iter_unpack('>Q', l1_table):
        if (entry & _QCOW2_OFFSET) >= reader.size:
            raise reader.cut_off()
    return int(size)


def _check_refcounts(
    reader: Reader, cluster: int, offset: int, length: int
) -> None:
    """Find the last cluster in use: the file has to reach it."""
    table = reader.at(offset, min(length, max(reader.size - offset, 8)))
    if table is None:
        return
    blocks = [block for (block,) in struct.iter_unpack('>Q', _whole(table, 8))]
    last = max((i for i, block in enumerate(blocks) if block), default=None)
    if last is None:
        raise reader.cut_off()
    version, order = struct.unpack('>I', reader.head[4:8])[0], 4
    if version >= 3:
        (order,) = struct.unpack('>I', reader.head[96:100])
    if order > 6:
        raise reader.error("its header is damaged, its reference counts are")
    start = blocks[last] & ~0x1FF
    block = reader.at(start, min(cluster, max(reader.size - start, 1)))
    if block is None:
        return
    used = len(block.rstrip(b'\0'))
    if used:
        entry = (used - 1) * 8 >> order
        first_entry = last * (cluster * 8 >> order)
        if (first_entry + entry) * cluster >= reader.size:
            raise reader.cut_off()


def _whole(table: bytes, entry_size: int) -> bytes:
    return table[: len(table) // entry_size * entry_size]


def _vmdk_size(reader: Reader, inspector: Any) -> int:
    if not reader.head.startswith(b'KDMV'):
        raise reader.unsafe("this VMDK only describes data in other files")
    extents = []
    for line in (inspector.desc_text or '').splitlines():
        words = line.split()
        if words and words[0] in ('rw', 'rdonly', 'noaccess'):
            extents.append(words[2] if len(words) > 2 else '')
        if line.strip().startswith('parentfilenamehint'):
            raise reader.unsafe("this VMDK has a parent file")
    if extents != ['sparse']:
        raise reader.unsafe("this VMDK has data in other files")
    header = bytes(reader.head[:SECTOR])
    if inspector.has_region('footer'):
        header = bytes(inspector.region('footer').data[SECTOR : 2 * SECTOR])
    capacity, grain = struct.unpack('<QQ', header[12:28])
    entries_per_table, _, directory = struct.unpack('<IQQ', header[44:64])
    covered = grain * entries_per_table
    if not covered:
        raise reader.error("its header is damaged, it has no grain tables")
    entries = -(-capacity // covered)
    if entries * 4 > _TABLE_LIMIT:
        raise reader.error("its header is damaged, its tables are too large")
    directory_entries = reader.at(directory * SECTOR, entries * 4) or b''
    tables = {
        table for (table,) in struct.iter_unpack('<I', directory_entries)
    }
    if len(tables) > _MOST_GRAIN_TABLES:
        raise reader.error("its header is damaged, its tables are too large")
    _check_grains(reader, sorted(tables), min(entries_per_table, 4096))
    return int(capacity) * SECTOR


def _check_grains(reader: Reader, tables: list[int], entries: int) -> None:
    """Find the last grain in use: the file has to reach it."""
    for sector in tables:
        if sector:
            table = reader.at(sector * SECTOR, entries * 4)
            if table and max(struct.unpack(f'<{entries}I', table)) * (
                SECTOR
            ) >= (reader.size):
                raise reader.cut_off()


def _vhd_size(reader: Reader, inspector: Any) -> int:
    footers = []
    table_end = 0
    # The tail comes last: a stream cannot go back from there.
    if reader.head.startswith(b'conectix'):
        footers.append(bytes(reader.head[:SECTOR]))
        (offset,) = struct.unpack('>Q', reader.head[16:24])
        (kind,) = struct.unpack('>I', reader.head[60:64])
        if kind == _VHD_DYNAMIC:
            header = reader.at(offset, 64) or b''
            if not header.startswith(b'cxsparse'):
                raise reader.error("its header is damaged, a part is missing")
            table, _, entries = struct.unpack('>QII', header[16:32])
            table_end = table + entries * 4
    footers.append(reader.tail(SECTOR))
    if not footers[-1].startswith(b'conectix') or table_end > reader.size:
        raise reader.cut_off()
    sizes, kinds = set(), set()
    for footer in footers:
        sizes.add(struct.unpack('>Q', footer[48:56])[0])
        kinds.add(struct.unpack('>I', footer[60:64])[0])
    if not kinds <= {_VHD_FIXED, _VHD_DYNAMIC}:
        raise reader.unsafe("this VHD holds the differences to another file")
    if kinds == {_VHD_FIXED} and max(sizes) + SECTOR > reader.size:
        raise reader.cut_off()
    return int(max(sizes))


def _vhdx_size(reader: Reader, inspector: Any) -> int:
    if _VHDX_PARENT in inspector.region('metadata').data:
        raise reader.unsafe("this VHDX holds the differences to another file")
    regions = bytes(inspector.region('header').data)
    (count,) = struct.unpack('<I', regions[8:12])
    for i in range(count):
        guid, offset, length = struct.unpack(
            '<16sQI', regions[16 + i * 32 : 44 + i * 32]
        )
        if offset + length > reader.size:
            raise reader.cut_off()
        if guid == _VHDX_BLOCKS:
            blocks = reader.at(offset, min(length, _TABLE_LIMIT)) or b''
            for (entry,) in struct.iter_unpack('<Q', _whole(blocks, 8)):
                in_file = entry & 7 in _VHDX_IN_FILE
                if in_file and entry >> 20 << 20 >= reader.size:
                    raise reader.cut_off()
    return int(inspector.virtual_size)


def _vdi_size(reader: Reader, inspector: Any) -> int:
    header = reader.head
    (kind,) = struct.unpack('<I', header[76:80])
    # What it is linked to and derives from: no UUIDs in a complete image.
    if kind not in (1, 2) or any(header[424:456]):
        raise reader.unsafe("this VDI holds the differences to another file")
    map_offset, data_offset = struct.unpack('<II', header[340:348])
    block, extra, blocks, used = struct.unpack('<IIII', header[376:392])
    ends = [map_offset + blocks * 4]
    if used:
        ends.append(data_offset + (used - 1) * (block + extra) + 1)
    if max(ends) > reader.size:
        raise reader.cut_off()
    return int(inspector.virtual_size)


def _iso_size(reader: Reader, inspector: Any) -> int:
    if inspector.virtual_size > reader.size:
        raise reader.cut_off()
    # Boot partitions may come behind the volume.
    return reader.size


def _raw_size(reader: Reader, inspector: Any) -> int:
    if reader.size % SECTOR:
        raise reader.error(
            f"a raw disk consists of sectors of {SECTOR} bytes, and its "
            f"{reader.size} bytes are not a multiple of that; it is cut off, "
            f"or not a raw disk"
        )
    return reader.size


_SIZES: dict[str, Callable[[Reader, Any], int]] = {
    'qcow2': _qcow2_size,
    'vmdk': _vmdk_size,
    'vhd': _vhd_size,
    'vhdx': _vhdx_size,
    'vdi': _vdi_size,
    'iso': _iso_size,
    'raw': _raw_size,
}
