# SPDX-License-Identifier: Apache-2.0
"""A qcow2 image's own judgement: complete, in order, and in one file."""

import struct

from ims_ext.diskimage import reader as _reader
from ims_ext.diskimage.reader import CHUNK
from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader

# qemu's own bounds.
_L1_LIMIT = 32 * 2**20
_REFCOUNT_LIMIT = 8 * 2**20
_MOST_SNAPSHOTS = 65_536
# Of those it permits, a number that is looked at soon.
_MOST_EXTENSIONS = 64
_MOST_LOOKED_AT = 4096

# The rest of an entry are flags.
_OFFSET = 0x00FFFFFFFFFFFE00
_DIRTY, _CORRUPT, _DATA_FILE, _COMPRESSION, _EXTENDED_L2 = 1, 2, 4, 8, 16
_KNOWN = _DIRTY | _CORRUPT | _DATA_FILE | _COMPRESSION | _EXTENDED_L2
# Bits of a cluster of 32 subclusters, each of which is a sector or more.
_LEAST_EXTENDED_BITS = 14
_EXTENSION_END, _EXTENSION_DATA_FILE = 0, 0x44415441
_EXTENSION_CRYPTO, _EXTENSION_BITMAPS = 0x0537BE77, 0x23852875


def judge(reader: Reader) -> int:
    """Return the size of the disk in a qcow2 image.

    :param reader: The image.
    :returns: Bytes.
    :raises: :class:`~ims_ext.exceptions.UnsafeDiskImageError` where its data
        is, or may be, in another file as well;
        :class:`~ims_ext.exceptions.DiskImageError` where it cannot be opened.
    """
    (version,) = struct.unpack('>I', reader.head[4:8])
    if version > 3:
        raise reader.error(
            f"it is qcow version {version}, and 2 and 3 are known; convert "
            f"it with {reader.conversion('-O qcow2 -o compat=1.1')}"
        )
    # Version 2 has no feature bits: other things are at their place.
    header = reader.header(72 if version == 2 else 104, 'qcow2')
    if any(header[8:16]):
        raise reader.unsafe("it has a backing file")
    features = _features(reader, header)
    (encryption,) = struct.unpack('>I', header[32:36])
    if encryption:
        raise reader.error(
            "it is encrypted, and the cloud would have no key for it; "
            "convert it to an image that is not"
        )
    (cluster_bits, size) = struct.unpack('>IQ', header[20:32])
    if not 9 <= cluster_bits <= 21:
        raise reader.damaged(f"it gives clusters of 2^{cluster_bits} bytes")
    is_extended = bool(features & _EXTENDED_L2)
    if is_extended and cluster_bits < _LEAST_EXTENDED_BITS:
        raise reader.damaged(
            f"it gives clusters of 2^{cluster_bits} bytes, too small for its "
            f"extended entries"
        )
    length, order = (72, 4) if version == 2 else _late_fields(reader, header)
    if length > 1 << cluster_bits:
        raise reader.damaged("it is longer than a cluster")
    _check_extensions(reader, length, 1 << cluster_bits, version)
    # In the order of a new image, for streams.
    _check_refcounts(
        reader, header, 1 << cluster_bits, order, bool(features & _DIRTY)
    )
    entry = 16 if is_extended else 8
    _check_l1(reader, header, 1 << cluster_bits, size, entry)
    _check_snapshots(reader, header, 1 << cluster_bits)
    return int(size) // SECTOR * SECTOR


def _features(reader: Reader, header: bytes) -> int:
    if len(header) < 104:
        return 0
    (features,) = struct.unpack('>Q', header[72:80])
    if features & _DATA_FILE:
        raise reader.unsafe("its data is in another file")
    if features & ~_KNOWN:
        raise reader.unsafe("it uses features that are not known")
    return int(features)


def _late_fields(reader: Reader, header: bytes) -> tuple[int, int]:
    """Return the header's length, and the width of reference counts."""
    order, length = struct.unpack('>II', header[96:104])
    if order > 6:
        raise reader.damaged("its reference counts are")
    if not 104 <= length <= 2**21:
        raise reader.damaged(f"it gives itself {length} bytes")
    compression = reader.at(104, 1)[0] if length > 104 else 0
    has_bit = bool(header[79] & _COMPRESSION)
    if compression > 1 or has_bit != bool(compression):
        raise reader.damaged("its compression type is not known")
    return length, order


def _check_extensions(
    reader: Reader, offset: int, end: int, version: int
) -> None:
    for _ in range(_MOST_EXTENSIONS):
        if offset >= end:
            return
        kind, length = struct.unpack('>II', reader.padded(offset, 8))
        offset += 8
        if offset > end or length > end - offset:
            raise reader.damaged("an extension is longer than a cluster")
        if kind == _EXTENSION_END:
            return
        if kind == _EXTENSION_DATA_FILE:
            raise reader.unsafe("its data is in another file")
        if kind == _EXTENSION_CRYPTO:
            raise reader.damaged("it is encrypted by half")
        if kind == _EXTENSION_BITMAPS and version == 3:
            _check_bitmaps(reader, offset, length, end)
        offset += (length + 7) & ~7
    raise reader.damaged("it has too many extensions")


def _check_bitmaps(
    reader: Reader, offset: int, length: int, cluster: int
) -> None:
    (autoclear,) = struct.unpack('>Q', reader.at(88, 8))
    if not autoclear & 1:
        return
    if length != 24:
        raise reader.damaged("its bitmaps are")
    count, reserved, size, start = struct.unpack(
        '>IIQQ', reader.at(offset, 24)
    )
    if reserved or not 0 < count < 2**16 or size > 2**26 or start % cluster:
        raise reader.damaged("its bitmaps are")
    if start + size > reader.size:
        raise reader.cut_off()


def _check_l1(
    reader: Reader, header: bytes, cluster: int, size: int, entry: int
) -> None:
    """Check the tables of tables, whose own entries have some bytes each."""
    entries, offset = struct.unpack('>IQ', header[36:48])
    per_entry = cluster * (cluster // entry)
    if entries * per_entry < size:
        raise reader.damaged(
            f"{entries} tables cannot address {size} bytes",
        )
    if entries * 8 > _L1_LIMIT:
        raise reader.damaged("its tables are too large")
    for piece in reader.pieces(offset, entries * 8):
        if max(_reader.big_endian(piece, _OFFSET)) >= reader.size:
            raise reader.cut_off()
    if offset % cluster:
        raise reader.damaged("its tables begin within a cluster")


def _check_refcounts(
    reader: Reader, header: bytes, cluster: int, order: int, is_dirty: bool
) -> None:
    """Find the last cluster in use: the file has to reach it."""
    offset, clusters = struct.unpack('>QI', header[48:60])
    length = clusters * cluster
    if not length:
        raise reader.damaged("it has no reference counts")
    if length > _REFCOUNT_LIMIT:
        raise reader.damaged("its tables are too large")
    if offset >= reader.size:
        raise reader.cut_off()
    if offset % cluster:
        raise reader.damaged("its tables begin within a cluster")
    if is_dirty:
        # They are counted anew by whoever writes to it next.
        return
    length = min(length, max((reader.size - offset) // 8 * 8, 8))
    last = start = -1
    for i, piece in enumerate(reader.pieces(offset, length)):
        used = len(piece.rstrip(b'\0'))
        if used:
            entry = (used - 1) // 8
            last = i * (CHUNK // 8) + entry
            start = _reader.big_endian(
                piece[entry * 8 : entry * 8 + 8], _OFFSET
            )[0]
    if last < 0:
        raise reader.cut_off()
    block = reader.at(start, min(cluster, max(reader.size - start, 1)))
    used = len(block.rstrip(b'\0'))
    if used:
        count = last * (cluster * 8 >> order) + ((used - 1) * 8 >> order)
        if count * cluster >= reader.size:
            raise reader.cut_off()


def _check_snapshots(reader: Reader, header: bytes, cluster: int) -> None:
    """Find the table of snapshots in order; their own data are not used."""
    count, offset = struct.unpack('>IQ', header[60:72])
    if (
        count > _MOST_SNAPSHOTS
        or offset % cluster
        or offset > 2**63 - 1 - count * 40
    ):
        raise reader.damaged("its snapshots are")
    if count > _MOST_LOOKED_AT:
        raise reader.error(
            f"it has {count} snapshots, too many to look at; convert it with "
            f"{reader.conversion('-O qcow2')}, which leaves them out"
        )
    for _ in range(count):
        offset = -(-offset // 8) * 8
        snapshot = reader.at(offset, 40)
        id_size, name_size = struct.unpack('>HH', snapshot[12:16])
        (extra,) = struct.unpack('>I', snapshot[36:40])
        if extra > 1024:
            raise reader.damaged("its snapshots are")
        offset += 40 + extra + id_size + name_size
        if offset > reader.size:
            raise reader.cut_off()
