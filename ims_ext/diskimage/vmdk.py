# SPDX-License-Identifier: Apache-2.0
"""A VMDK's own judgement: complete, in order, and in one file.

Its descriptor is read from its bytes, in whichever encoding they are. Only
lines that are known may be in it: programs that open it pick out what they
know with different rules, and what all of them overlook is safe.
"""

import re
import struct

from ims_ext.diskimage import reader as _reader
from ims_ext.diskimage.reader import CHUNK
from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader

#: Where qemu reads the descriptor, whatever the header says, and how much.
_DESCRIPTOR = SECTOR
_DESCRIPTOR_LIMIT = 20 * SECTOR
_FOOTER = 3 * SECTOR
_AT_END = 2**64 - 1

# qemu's own bounds.
_MOST_ENTRIES = 512
_LARGEST_GRAIN = 2**21
# As a disk of 2 TiB has in the usual form, the largest that a cloud takes.
_MOST_TABLES = 2**16
_MOST_SECTORS = 2 * 2**40 // SECTOR
_LARGEST_DIRECTORY = 2 * _MOST_TABLES * 4

_EXTENT = re.compile(
    rb'(RW|RDONLY|NOACCESS)[ \t]+(\d+)[ \t]+([A-Z]+)(?:[ \t]+(.*))?',
    re.IGNORECASE,
)
_FILE_NAME = re.compile(rb'"([^"\x00-\x1f\x7f]+)"')
_SETTING = re.compile(
    rb'(version|encoding|CID|parentCID|isNativeSnapshot|createType'
    rb'|ddb(?:\.[A-Za-z0-9_]+)+)[ \t]*=[ \t]*("[^"]*"|[^" \t]*)',
    re.IGNORECASE,
)
# Settings whose values name other files or images. VirtualBox writes those
# of a parent into every image, as a UUID of zeros.
_REFERRING = re.compile(rb'parent|sidecar|path|file|uri|hint', re.IGNORECASE)
_NO_PARENT = re.compile(rb'"?[0-]*"?')
_CREATE_TYPES = (b'monolithicsparse', b'streamoptimized')
_ENCODINGS = {'gbk', 'gb18030', 'big5', 'shift_jis', 'cp936', 'cp932', 'cp950'}


def judge(reader: Reader) -> int:
    """Return the size of the disk in a VMDK.

    :param reader: The image.
    :returns: Bytes.
    :raises: :class:`~ims_ext.exceptions.UnsafeDiskImageError` where its data
        is, or may be, in another file as well;
        :class:`~ims_ext.exceptions.DiskImageError` where it cannot be opened.
    """
    if reader.head.startswith(b'COWD'):
        raise reader.unsafe(
            "it is a COWD extent, a part of a VMDK of ESXi, which the small "
            ".vmdk file beside it describes; convert it by that one's name"
        )
    if not reader.head.startswith(b'KDMV'):
        raise reader.unsafe(
            "this VMDK only describes data in other files, its descriptor "
            "may refer to any file of the machine that opens it"
        )
    header = reader.header(SECTOR, 'vmdk')
    (capacity,) = struct.unpack('<Q', header[12:20])
    if not capacity:
        # A text that qemu takes for the whole of it.
        raise reader.unsafe("this VMDK only describes data in other files")
    _check_descriptor(reader, header)
    if struct.unpack('<Q', header[56:64])[0] == _AT_END:
        header = _footer(reader, header)
    _check_tables(reader, header)
    return int(capacity) * SECTOR


# ====== THE DESCRIPTOR ======


def _check_descriptor(reader: Reader, header: bytes) -> None:
    offset, sectors = struct.unpack('<QQ', header[28:44])
    if offset * SECTOR != _DESCRIPTOR or not 0 < sectors <= 2048:
        raise reader.unsafe("its VMDK descriptor is not at its usual place")
    size = sectors * SECTOR
    if _DESCRIPTOR + size > reader.size:
        raise reader.cut_off()
    area = reader.padded(_DESCRIPTOR, max(size, _DESCRIPTOR_LIMIT))
    if b'parentfilenamehint' in area.lower():
        raise reader.unsafe("this VMDK has a parent file")
    text = area.partition(b'\0')[0]
    if len(text) > min(size, _DESCRIPTOR_LIMIT - 1):
        raise reader.unsafe("its VMDK descriptor does not end")
    settings: dict[bytes, bytes] = {}
    extents = 0
    encoding = _encoding(text)
    for line in text.split(b'\n'):
        # Tabs and blanks may be anywhere, an end of line as on Windows.
        stripped = line.strip(b' \t\r')
        if not stripped or stripped.startswith(b'#'):
            continue
        extent = _EXTENT.fullmatch(stripped)
        if extent:
            _check_extent(reader, extent, encoding)
            extents += 1
        else:
            _note_setting(reader, stripped, settings)
    if extents != 1:
        raise reader.unsafe(f"this VMDK has {extents} extents, and not one")
    _check_settings(reader, text, settings)


def _encoding(text: bytes) -> str:
    found = re.search(rb'^[ \t]*encoding[ \t]*=[ \t]*"([\w-]+)"', text, re.M)
    return found.group(1).decode().lower() if found else ''


def _check_extent(
    reader: Reader, extent: 're.Match[bytes]', encoding: str
) -> None:
    access, _, kind, rest = extent.groups()
    if kind.upper() != b'SPARSE' or access.upper() == b'NOACCESS':
        raise reader.unsafe("this VMDK has data in other files")
    name = _FILE_NAME.fullmatch(rest or b'')
    if name is None:
        raise reader.unsafe("the extent of its VMDK descriptor has no name")
    plain = name.group(1)
    if encoding in _ENCODINGS:
        # In these a byte of a letter may look like a backslash.
        plain = plain.decode(encoding, 'replace').encode()
    if re.search(rb'[/\\:]', plain) or plain in (b'.', b'..'):
        raise reader.unsafe(
            "the extent of its VMDK descriptor is a path, not a plain name"
        )


def _note_setting(
    reader: Reader, line: bytes, settings: dict[bytes, bytes]
) -> None:
    found = _SETTING.fullmatch(line)
    if found is None:
        raise reader.unsafe(
            f"its VMDK descriptor may refer to other files, this line of it "
            f"is not known: {_shown(line)}"
        )
    key, value = found.group(1).lower(), found.group(2)
    if key in settings and key != b'ddb.comment':
        raise reader.unsafe(
            f"its VMDK descriptor has two values of {_shown(key)}"
        )
    settings[key] = value
    if (
        key.startswith(b'ddb.')
        and _REFERRING.search(key)
        and not _NO_PARENT.fullmatch(value)
    ):
        raise reader.unsafe(
            f"its VMDK descriptor may refer to other files: {_shown(line)}"
        )


def _check_settings(
    reader: Reader, text: bytes, settings: dict[bytes, bytes]
) -> None:
    if settings.get(b'parentcid', b'').strip(b'"').lower() != b'ffffffff':
        raise reader.unsafe("its VMDK descriptor speaks of a parent")
    kind = settings.get(b'createtype', b'').strip(b'"')
    if kind.lower() not in _CREATE_TYPES:
        raise reader.unsafe(
            f"its VMDK descriptor may refer to other files, it is of the "
            f"type {_shown(kind)}"
        )
    # The first place where the letters are, and one more: qemu's way.
    for key in (b'CID', b'parentCID'):
        position = text.find(key)
        value = text[position + len(key) + 1 :]
        if position < 0 or not re.match(rb'\s*[+-]?[0-9A-Fa-f]', value):
            raise reader.error(
                f"its VMDK descriptor has no {_shown(key)} that qemu reads"
            )


def _shown(text: bytes) -> str:
    return repr(text[:80].decode('utf-8', 'replace'))


# ====== HEADER, FOOTER AND TABLES ======


def _footer(reader: Reader, header: bytes) -> bytes:
    """Return the footer, which takes the place of the header."""
    if reader.padded_size < 4 * SECTOR:
        raise reader.cut_off()
    tail = reader.padded(reader.padded_size - _FOOTER, _FOOTER)
    footer = tail[SECTOR : 2 * SECTOR]
    if (
        not footer.startswith(b'KDMV')
        or tail[8:16] != b'\0\0\0\0\3\0\0\0'
        or any(tail[2 * SECTOR : 2 * SECTOR + 16])
    ):
        raise reader.cut_off()
    # All but where the tables are, which is known at the end only.
    if header[4:48] != footer[4:48] or header[72:79] != footer[72:79]:
        raise reader.unsafe(
            "header and footer of this VMDK contradict each other"
        )
    return footer


def _check_tables(reader: Reader, header: bytes) -> None:
    version, flags, capacity, grain = struct.unpack('<IIQQ', header[4:28])
    per_table, backup, directory, overhead = struct.unpack(
        '<IQQQ', header[44:72]
    )
    if version > 3:
        raise reader.error(f"it is a VMDK of version {version}, not 1 to 3")
    covered = grain * per_table
    if not covered:
        raise reader.damaged("it has no grain tables")
    if per_table > _MOST_ENTRIES or grain > _LARGEST_GRAIN:
        raise reader.damaged("its grains are too large")
    entries = -(-capacity // covered)
    if entries * 4 > _LARGEST_DIRECTORY and capacity > _MOST_SECTORS:
        raise reader.error(
            f"its disk has {capacity * SECTOR / 2**40:.3g} TiB, and no cloud "
            f"takes more than 2 TiB"
        )
    if entries * 4 > _LARGEST_DIRECTORY:
        raise reader.damaged("its tables are too large")
    if overhead * SECTOR > reader.padded_size or (
        flags & 2 and backup * SECTOR + entries * 4 > reader.padded_size
    ):
        raise reader.cut_off()
    tables = sorted(
        {
            table
            for piece in reader.pieces(directory * SECTOR, entries * 4)
            for table in _reader.little_endian(piece, 4)
        }
        - {0}
    )
    if len(tables) > _MOST_TABLES:
        raise reader.damaged("its tables are too large")
    _check_grains(reader, tables, per_table * 4)


def _check_grains(reader: Reader, tables: list[int], length: int) -> None:
    """Find the last grain in use: the file has to reach it."""
    for offset, size in _runs(tables, length):
        for piece in reader.pieces(offset, size):
            if max(_reader.little_endian(piece, 4)) * SECTOR >= reader.size:
                raise reader.cut_off()


def _runs(tables: list[int], length: int) -> list[tuple[int, int]]:
    """Return offsets and lengths of tables, those that are one behind
    another together: most are.
    """
    runs: list[tuple[int, int]] = []
    for table in tables:
        offset = table * SECTOR
        if runs:
            start, size = runs[-1]
            if offset == start + size and size < CHUNK:
                runs[-1] = start, size + length
                continue
        runs.append((offset, length))
    return runs
