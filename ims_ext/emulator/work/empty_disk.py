# SPDX-License-Identifier: Apache-2.0
"""An empty disk as a disk image."""

from pathlib import Path
import struct

from ims_ext.emulator import private_files

_CLUSTER_BITS = 16
_CLUSTER = 1 << _CLUSTER_BITS
_GIB = 1 << 30
#: Bytes of the disk that one entry of the first-level table stands for.
_PER_ENTRY = _CLUSTER * (_CLUSTER // 8)


def write_empty_disk(path: Path, size: int = 1) -> None:
    """Write an empty disk in qcow2 format, 256 KiB of file.

    It is valid, but nothing boots from it.

    :param path: The file to write.
    :param size: GiB of the disk, at most 4096.
    """
    refcount_table, refcount_block, l1_table = (
        number * _CLUSTER for number in (1, 2, 3)
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
    clusters = (
        header,
        struct.pack('>Q', refcount_block),
        # Four clusters are in use, each once.
        struct.pack('>4H', 1, 1, 1, 1),
        b'',
    )
    with open(path, 'wb', opener=private_files.opener) as file:
        for cluster in clusters:
            file.write(cluster.ljust(_CLUSTER, b'\0'))
