# SPDX-License-Identifier: Apache-2.0
"""The main job as a demonstration, and a disk image for it."""

from pathlib import Path
import struct

from ims_ext.emulator.seed import FIRST_BUCKET

_CLUSTER_BITS = 16
_CLUSTER = 1 << _CLUSTER_BITS
_GIB = 1 << 30
#: Bytes of the disk that one entry of the first-level table stands for.
_PER_ENTRY = _CLUSTER * (_CLUSTER // 8)


def command(path: Path) -> list[str]:
    """Return the arguments of ``openstack`` that make a file an image.

    :param path: The disk image.
    """
    return [
        *('ims', 'image', 'create', '--file', str(path)),
        *('--bucket', FIRST_BUCKET, '--tag', 'env=demo'),
        *('--os-version', 'Ubuntu 18.04 server 64bit', '--wait', 'golden'),
    ]


def write_sample(path: Path, size: int = 1) -> None:
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
    path.write_bytes(
        b''.join(cluster.ljust(_CLUSTER, b'\0') for cluster in clusters)
    )
