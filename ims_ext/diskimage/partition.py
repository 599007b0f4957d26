# SPDX-License-Identifier: Apache-2.0
"""The partition tables of raw disks: what tells them from any other file."""

import struct

from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader

_BOOT_SIGNATURE = b'\x55\xaa'
_BSD = b'\x57\x45\x56\x82'


def has_boot_signature(reader: Reader) -> bool:
    """Whether the first sector ends as one that a PC starts from.

    :param reader: The file.
    """
    return reader.head[510:] == _BOOT_SIGNATURE


def has_table(reader: Reader) -> bool:
    """Whether a disk has a partition table.

    Known are those of PCs (MBR, also hybrid ones), GPT, and those of
    Apple, BSD, Sun, SGI and Amiga.

    :param reader: The file.
    """
    start = reader.padded(0, 16 * SECTOR)
    return (
        _is_mbr(start)
        or _is_gpt(start)
        or _is_apple(start)
        or _is_sun(start)
        or start.startswith(b'\x0b\xe5\xa9\x41')
        or any(start[at : at + 4] == _BSD for at in (64, SECTOR))
        or any(
            start[at : at + 8] == b'RDSK\0\0\0\x40'
            for at in range(0, len(start), SECTOR)
        )
    )


def _is_fat(head: bytes) -> bool:
    """Whether a file system fills all of the disk; its start looks alike."""
    return head[16] == 2 and head[21] == 0xF8


def _is_mbr(start: bytes) -> bool:
    if start[510:512] != _BOOT_SIGNATURE or _is_fat(start):
        return False
    entries = [
        struct.unpack('<B3xB3xII', start[at : at + 16])
        for at in range(446, 510, 16)
    ]
    return all(flag in (0, 0x80) for flag, *_ in entries) and any(
        kind for _, kind, _, _ in entries
    )


def _is_gpt(start: bytes) -> bool:
    for size in (SECTOR, 4096):
        header = start[size : size + 92]
        length, _, _, location = struct.unpack('<IIIQ', header[12:32])
        if (
            header.startswith(b'EFI PART')
            and location == 1
            and 92 <= length <= size
        ):
            return True
    return False


def _is_apple(start: bytes) -> bool:
    for size in (SECTOR, 2048, 4096):
        entry = start[size : size + 12]
        count, first = struct.unpack('>II', entry[4:12])
        if entry[:2] == b'PM' and 0 < count < 256 and first:
            return True
    return False


def _is_sun(start: bytes) -> bool:
    if start[508:510] != b'\xda\xbe':
        return False
    checksum = 0
    for (word,) in struct.iter_unpack('>H', start[:SECTOR]):
        checksum ^= word
    return checksum == 0
