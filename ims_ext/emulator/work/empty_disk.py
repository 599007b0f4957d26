# SPDX-License-Identifier: Apache-2.0
"""Disks without anything to boot from, as disk images."""

from pathlib import Path
import struct

from ims_ext.emulator import private_files

_CLUSTER_BITS = 16
_CLUSTER = 1 << _CLUSTER_BITS
_GIB = 1 << 30
#: Bytes of the disk that one entry of the first-level table stands for.
_PER_ENTRY = _CLUSTER * (_CLUSTER // 8)


#: Marks a cluster in a table that nothing else refers to.
_OWN = 1 << 63
_SECTOR = 512
#: Where a disk's only partition begins, in sectors.
_FIRST = 2048
_LINUX = 0x83


def write_empty_disk(path: Path, size: int = 1) -> None:
    """Write an empty disk in qcow2 format, 256 KiB of file.

    It is valid, but nothing boots from it.

    :param path: The file to write.
    :param size: GiB of the disk, at most 4096.
    """
    _write(path, size, [])


def write_labelled_disk(path: Path, size: int, label: str) -> None:
    """Write a disk with a partition and a label, 384 KiB of file.

    It has a partition table, and the label in the sector behind it; the
    partition is empty, and nothing boots from it. The same arguments give the
    same bytes.

    :param path: The file to write.
    :param size: GiB of the disk, at most 4096.
    :param label: A text of 512 bytes at most.
    """
    sectors = min(size * _GIB // _SECTOR, 2**32) - _FIRST
    partition = struct.pack(
        '<B3sB3sII', 0, bytes(3), _LINUX, bytes(3), _FIRST, sectors
    )
    table = bytes(446) + partition.ljust(64, b'\0') + b'\x55\xaa'
    content = table + label.encode()[:_SECTOR]
    _write(path, size, [struct.pack('>Q', 5 * _CLUSTER | _OWN), content])


def _write(path: Path, size: int, data: list[bytes]) -> None:
    """Write a disk in qcow2 format.

    :param data: Its second-level table and its first cluster; none where it
        is empty.
    """
    refcount_table, refcount_block, l1_table, l2_table = (
        number * _CLUSTER for number in (1, 2, 3, 4)
    )
    # The header of version 2: no feature bits, 16 bits a reference count.
    header = struct.pack(
        '>4sIQIIQIIQQIIQ',
        b'QFI\xfb',
        2,
        0,
        0,
        _CLUSTER_BITS,
        size * _GIB,
        0,
        size * _GIB // _PER_ENTRY,
        l1_table,
        refcount_table,
        1,
        0,
        0,
    )
    # All clusters of the file are in use, each once.
    used = 4 + len(data)
    clusters = (
        header,
        struct.pack('>Q', refcount_block),
        struct.pack(f'>{used}H', *[1] * used),
        struct.pack('>Q', l2_table | _OWN) if data else b'',
        *data,
    )
    with open(path, 'wb', opener=private_files.opener) as file:
        for cluster in clusters:
            file.write(cluster.ljust(_CLUSTER, b'\0'))
