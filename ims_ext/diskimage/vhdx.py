# SPDX-License-Identifier: Apache-2.0
"""A VHDX's own judgement: complete, in order, and in one file."""

from bisect import bisect_left
import struct
from typing import NamedTuple

from ims_ext.diskimage import reader as _reader
from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader

_KIB, _MIB = 2**10, 2**20
_HEADERS = (64 * _KIB, 128 * _KIB)
_REGIONS = 192 * _KIB
_MOST_ENTRIES = 2047
# As a disk of 2 TiB has in blocks of 1 MiB, and a bit.
_TABLE_LIMIT = 20 * _MIB
_LOG_LIMIT = 64 * _MIB
_LOG_SECTOR = 4096

# GUIDs as they are stored.
_BLOCKS = bytes.fromhex('6677c22d23f600429d64115e9bfd4a08')
_METADATA = bytes.fromhex('06a27c8b90479a4bb8fe575f050f886e')
_PARAMETERS = bytes.fromhex('3767a1ca36fa434db3b633f0aa44e76b')
_SIZE = bytes.fromhex('2442a52f1bcd7648b2115dbed83bf4b8')
_PAGE83 = bytes.fromhex('ab12cabee6b2234593efc309e000c746')
_LOGICAL = bytes.fromhex('1dbf41816fa90947ba47f233a8faab5f')
_PHYSICAL = bytes.fromhex('c748a3cd5d4471449cc9e9885251c556')
_PARENT = bytes.fromhex('2d5fd3a80bb34d45abf7d3d84834ab0c')
_ITEMS = (_PARAMETERS, _SIZE, _PAGE83, _LOGICAL, _PHYSICAL, _PARENT)

_HAS_PARENT = 2
_PRESENT, _PARTLY_PRESENT = 6, 7

#: The rest of an entry is a state.
_START = ~(_MIB - 1)


class _Region(NamedTuple):
    """A part of the file.

    :ivar start: Its first byte.
    :ivar length: Its bytes.
    """

    start: int
    length: int


def judge(reader: Reader) -> int:
    """Return the size of the disk in a VHDX.

    :param reader: The image.
    :returns: Bytes.
    :raises: :class:`~ims_ext.exceptions.UnsafeDiskImageError` where it is
        one link of a chain of files;
        :class:`~ims_ext.exceptions.DiskImageError` where it cannot be
        opened, or has to be repaired first.
    """
    reader.header(8, 'vhdx')
    header = _current_header(reader)
    log = _log(reader, header)
    regions, blocks, metadata = _regions(reader, log)
    block_size, size = _parameters(reader, metadata)
    _check_blocks(reader, regions, blocks, block_size, size)
    return size // SECTOR * SECTOR


def _current_header(reader: Reader) -> bytes:
    """Return that header of two which is in force."""
    valid = []
    for offset in _HEADERS:
        header = reader.at(offset, 4 * _KIB)
        if (
            header.startswith(b'head')
            and header[66:68] == b'\1\0'
            and _is_intact(header)
        ):
            valid.append(header)
    if not valid:
        raise reader.damaged("neither of its two headers is in order")
    numbers = [struct.unpack('<Q', header[8:16])[0] for header in valid]
    if len(set(numbers)) < len(valid) and valid[0][:80] != valid[1][:80]:
        raise reader.damaged("its two headers contradict each other")
    return valid[numbers.index(max(numbers))]


def _log(reader: Reader, header: bytes) -> _Region:
    """Return where the log is; it has to be empty."""
    guid = header[48:64]
    version, _, length, offset = struct.unpack('<HHIQ', header[64:80])
    if version or offset < _MIB or offset % _MIB:
        raise reader.damaged("its log is")
    log = _Region(offset, length)
    if not any(guid) or not length:
        return log
    if length % _MIB or length > _LOG_LIMIT:
        raise reader.damaged("its log is")
    for piece in reader.pieces(offset, length):
        for start in range(0, len(piece), _LOG_SECTOR):
            entry = piece[start : start + 64]
            if entry.startswith(b'loge') and entry[32:48] == guid:
                raise reader.error(
                    f"it was not closed properly, and what its log holds is "
                    f"missing from its disk; repair it with 'qemu-img check "
                    f"-r all {reader.argument}', or, where that finds "
                    f"nothing to repair, convert it with "
                    f"{reader.conversion('-O vhdx', 'converted.vhdx')}"
                )
    return log


def _entries(
    reader: Reader, table: bytes, count: int, start: int
) -> list[tuple[bytes, bytes]]:
    """Return GUIDs and the rest of the entries of a table."""
    if count > _MOST_ENTRIES:
        raise reader.damaged("its tables are too large")
    return [
        (table[at : at + 16], table[at + 16 : at + 32])
        for at in range(start, start + count * 32, 32)
    ]


def _regions(
    reader: Reader, log: _Region
) -> tuple[list[_Region], _Region, _Region]:
    """Return all regions, and those of the blocks and the metadata."""
    table = reader.at(_REGIONS, 64 * _KIB)
    if not table.startswith(b'regi') or not _is_intact(table):
        raise reader.damaged("its table of regions is")
    (count,) = struct.unpack('<I', table[8:12])
    regions = [log]
    known: dict[bytes, _Region] = {}
    for guid, entry in _entries(reader, table, count, 16):
        offset, length, required = struct.unpack('<QII', entry)
        region = _Region(offset, length)
        regions.append(region)
        if guid not in (_BLOCKS, _METADATA):
            if required & 1:
                raise reader.error("it needs a region that is not known")
            continue
        if guid in known:
            raise reader.damaged("it has a region twice")
        if offset + length > reader.size:
            raise reader.cut_off()
        known[guid] = region
    if len(known) < 2:
        raise reader.damaged("it lacks a region")
    regions.sort()
    end = 0
    for region in regions:
        if region.start < end:
            raise reader.damaged("its regions overlap")
        end = max(end, region.start + region.length)
    return regions, known[_BLOCKS], known[_METADATA]


def _parameters(reader: Reader, metadata: _Region) -> tuple[int, int]:
    """Return the size of a block, and of the disk."""
    table = reader.padded(metadata.start, 64 * _KIB)
    (count,) = struct.unpack('<H', table[10:12])
    if not table.startswith(b'metadata'):
        raise reader.damaged("its metadata are missing")
    items: dict[bytes, int] = {}
    for guid, entry in _entries(reader, table, count, 32):
        offset, _, flags, _ = struct.unpack('<IIII', entry)
        if guid in _ITEMS:
            if guid in items:
                raise reader.damaged("its metadata have an item twice")
            items[guid] = metadata.start + offset
        elif flags & 4:
            raise reader.error("it needs metadata that are not known")
    if _PARENT in items:
        raise reader.unsafe("this VHDX holds the differences to another file")
    if len(items) < len(_ITEMS) - 1:
        raise reader.damaged("its metadata lack an item")
    block, flags = struct.unpack('<II', reader.at(items[_PARAMETERS], 8))
    if flags & _HAS_PARENT:
        raise reader.unsafe("this VHDX holds the differences to another file")
    (size,) = struct.unpack('<Q', reader.at(items[_SIZE], 8))
    (sector,) = struct.unpack('<I', reader.at(items[_LOGICAL], 4))
    reader.at(items[_PHYSICAL], 4)
    if not _MIB <= block <= 256 * _MIB or block & (block - 1):
        raise reader.damaged(f"it gives blocks of {block} bytes")
    if sector != SECTOR:
        raise reader.error(
            f"its disk has sectors of {sector} bytes, and images have some "
            f"of {SECTOR}"
        )
    return block, size


def _check_blocks(
    reader: Reader,
    regions: list[_Region],
    table: _Region,
    block: int,
    size: int,
) -> None:
    """Find all blocks in the file, and none in its tables."""
    blocks = -(-size // block)
    per_bitmap = 2**23 * SECTOR // block
    entries = blocks + max(blocks - 1, 0) // per_bitmap
    if entries * 8 > min(table.length, _TABLE_LIMIT):
        raise reader.damaged("its table has not the size of its disk")
    left, end = entries, 0
    for piece in reader.pieces(table.start, entries * 8):
        found = _reader.little_endian(piece, 8)
        left -= len(found)
        if any(entry & 7 == _PARTLY_PRESENT for entry in found):
            raise reader.unsafe(
                "this VHDX holds the differences to another file"
            )
        starts = [entry & _START for entry in found if entry & 7 == _PRESENT]
        if not left and found[-1] & 7 == _PRESENT and blocks == entries:
            # Of the disk's last block only a part may be in the file.
            end = max(end, starts[-1] + size - (blocks - 1) * block)
            _check_overlaps(reader, regions, [starts.pop()], block)
        if starts:
            starts.sort()
            end = max(end, starts[-1] + block)
            _check_overlaps(reader, regions, starts, block)
    if end > reader.size:
        raise reader.cut_off()


def _check_overlaps(
    reader: Reader, regions: list[_Region], starts: list[int], block: int
) -> None:
    for region in regions:
        before = bisect_left(starts, region.start + region.length)
        if before and starts[before - 1] + block > region.start:
            raise reader.damaged("its blocks and its tables overlap")


# ====== CHECKSUMS ======


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def crc32c(part: bytes) -> int:
    """Return the checksum of a part, as its second word has to have it.

    :param part: The part; what its second word is does not count.
    """
    crc, table = 0xFFFFFFFF, _CRC
    for byte in part[:4] + bytes(4) + part[8:]:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _is_intact(part: bytes) -> bool:
    return crc32c(part) == int.from_bytes(part[4:8], 'little')
