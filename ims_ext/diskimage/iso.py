# SPDX-License-Identifier: Apache-2.0
"""The file of an optical disc: ISO 9660, UDF, or both."""

import struct

from ims_ext.diskimage.reader import Reader

_BLOCK = 2048
#: The first of the descriptors; what is before it is free for boot code.
_FIRST = 16 * _BLOCK
_MOST_DESCRIPTORS = 32
_ISO, _UDF = b'CD001', (b'NSR02', b'NSR03')
_PRIMARY, _LAST = 1, 255
# Of UDF: an anchor, and what it points to.
_ANCHOR, _PARTITION, _END = 2, 5, 8
_UDF_BLOCKS = (2048, 512, 1024, 4096)


def is_iso(reader: Reader) -> bool:
    """Whether a file is that of an optical disc.

    :param reader: The file.
    """
    return _has_iso(reader) or _has_udf(reader)


def judge(reader: Reader) -> int:
    """Return the size of the disc: all of the file.

    Boot partitions may come behind what the volume itself says.

    :param reader: A file that is that of an optical disc.
    :returns: Bytes.
    :raises: :class:`~ims_ext.exceptions.DiskImageError` where the file is
        shorter than the volume.
    """
    end = _iso_end(reader) if _has_iso(reader) else _udf_end(reader)
    if end > reader.size:
        raise reader.cut_off()
    return reader.size


def _has_iso(reader: Reader) -> bool:
    return reader.padded(_FIRST + 1, 5) == _ISO


def _has_udf(reader: Reader) -> bool:
    if reader.padded(_FIRST + 1, 5) != b'BEA01':
        return False
    # Of the recognition sequence's parts each has a block of its own.
    return any(
        reader.padded(_FIRST + i * size + 1, 5) in _UDF
        for size in (_BLOCK, 4096)
        for i in range(1, 8)
    )


def _iso_end(reader: Reader) -> int:
    for i in range(_MOST_DESCRIPTORS):
        descriptor = reader.padded(_FIRST + i * _BLOCK, 132)
        kind = descriptor[0]
        if descriptor[1:6] != _ISO or kind == _LAST:
            break
        if kind == _PRIMARY:
            (blocks,) = struct.unpack('<I', descriptor[80:84])
            (size,) = struct.unpack('<H', descriptor[128:130])
            if blocks and size:
                return int(blocks) * int(size)
            break
    if reader.size < _FIRST + 2 * _BLOCK:
        raise reader.cut_off()
    raise reader.damaged("it lacks the description of its volume")


def _udf_end(reader: Reader) -> int:
    for size in _UDF_BLOCKS:
        anchor = reader.padded(256 * size, 32)
        length, location = struct.unpack('<II', anchor[16:24])
        if _tag(anchor, 256) != _ANCHOR:
            continue
        end = 0
        for block in range(
            location, location + min(length // size, _MOST_DESCRIPTORS)
        ):
            descriptor = reader.at(block * size, 196)
            kind = _tag(descriptor, block)
            if kind == _PARTITION:
                start, count = struct.unpack('<II', descriptor[188:196])
                end = max(end, (start + count) * size)
            if kind in (0, _END):
                break
        return end
    if reader.size <= 256 * _BLOCK:
        raise reader.cut_off()
    raise reader.damaged("it lacks the description of its volume")


def _tag(descriptor: bytes, location: int) -> int:
    """Return which descriptor of UDF this is, 0 for none."""
    kind, _, checksum = struct.unpack('<HHB', descriptor[:5])
    (place,) = struct.unpack('<I', descriptor[12:16])
    total = sum(descriptor[:4]) + sum(descriptor[5:16])
    return int(kind) if (total & 255, location) == (checksum, place) else 0
