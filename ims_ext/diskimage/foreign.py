# SPDX-License-Identifier: Apache-2.0
"""Files that are often taken for disk images, and are none.

An archive that is called a raw disk would become an active image that no
server starts from. So it is called by its name, with what to do about it.
"""

import codecs
from collections.abc import Callable
import re
import struct

from ims_ext.diskimage import signatures
from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader
from ims_ext.diskimage.signatures import Foreign

_LONGEST_FIRST = sorted(signatures.AT_START, key=len, reverse=True)


def find(reader: Reader) -> Foreign | None:
    """Return what a file is where it is no disk image.

    :param reader: The file.
    """
    head = reader.head
    for magic in _LONGEST_FIRST:
        if head.startswith(magic):
            return signatures.AT_START[magic]
    for (offset, magic), foreign in signatures.AT_OFFSET.items():
        if head.startswith(magic, offset):
            return foreign
    for recognize in _RECOGNIZERS:
        found = recognize(reader)
        if found is not None:
            return found
    return None


def find_without_disk(reader: Reader) -> Foreign | None:
    """Return what a file is where it holds neither a disk nor a disc.

    The first sector of one may begin like a program, or be a text.

    :param reader: The file, without a partition table.
    """
    if reader.head.startswith(b'MZ'):
        (offset,) = struct.unpack('<I', reader.head[60:64])
        if reader.padded(offset, 4) == b'PE\0\0':
            return signatures.PE
    return signatures.TEXT if _is_text(reader) else None


def refusal(reader: Reader, foreign: Foreign) -> Exception:
    """Return the exception that says what a file is, and what to do.

    :param reader: The file.
    :param foreign: What it is.
    """
    remedy = foreign.remedy.replace('{}', reader.argument)
    return reader.error(f"it is {foreign.name}, no disk image; {remedy}")


#: Formats of other programs, by the name that qemu has for them.
BY_DRIVER = {
    'parallels': signatures.PARALLELS,
    'bochs': signatures.AT_START[b'Bochs Virtual HD Image\0'],
    'cloop': signatures.AT_START[b'#!/bin/sh\n#V'],
    'dmg': signatures.DMG,
}


# ====== BY MORE THAN THE FIRST BYTES ======


def _tar(reader: Reader) -> Foreign | None:
    """Recognize archives of all kinds of tar, the oldest has no magic."""
    if not _is_tar_header(reader.head):
        return None
    offset, names = 0, []
    for _ in range(24):
        header = reader.padded(offset, SECTOR)
        if not _is_tar_header(header):
            break
        names.append(header[:100].partition(b'\0')[0])
        size = _octal(header[124:136]) or 0
        offset += SECTOR + -(-size // SECTOR) * SECTOR
    if any(name.lower().endswith(b'.ovf') for name in names):
        return signatures.OVA
    if any(
        name in (b'manifest.json', b'oci-layout', b'repositories')
        or name.startswith(b'blobs/')
        or name.endswith(b'/layer.tar')
        for name in names
    ):
        return signatures.CONTAINER
    return signatures.TAR


def _is_tar_header(header: bytes) -> bool:
    if header[257:262] == b'ustar':
        return True
    checksum = _octal(header[148:156])
    field = header[:148] + b' ' * 8 + header[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in field)
    return bool(header[0]) and checksum in (sum(field), signed)


def _octal(field: bytes) -> int | None:
    digits = field.strip(b' \0')
    try:
        return int(digits, 8) if digits.isdigit() else None
    except ValueError:
        return None


def _bzip2(reader: Reader) -> Foreign | None:
    head = reader.head
    if (
        head.startswith(b'BZh')
        and head[3:4] in b'123456789'
        and head[4:10] in (b'1AY&SY', b'\x17\x72\x45\x38\x50\x90')
    ):
        return signatures.decompressed("bzip2", "bzip2 -dc")
    return None


def _zstd_frame(reader: Reader) -> Foreign | None:
    """Recognize data that begin with a frame to be skipped."""
    head = reader.head
    if head[1:4] == b'\x2a\x4d\x18' and head[0] >> 4 == 5:
        return signatures.AT_START[b'\x28\xb5\x2f\xfd']
    return None


def _lzma(reader: Reader) -> Foreign | None:
    """Recognize the older form of xz, which has no magic."""
    properties, dictionary, size = struct.unpack('<BIQ', reader.head[:13])
    if (
        properties == 93
        and dictionary >= 4096
        and not dictionary & (dictionary - 1)
        and (size == 2**64 - 1 or size < 2**42)
        and reader.head[13] == 0
        and any(reader.head[14:64])
    ):
        return signatures.decompressed("lzma", "xz --format=lzma -dc")
    return None


def _by_end(reader: Reader) -> Foreign | None:
    for (distance, magic), foreign in signatures.AT_END.items():
        start = reader.size - distance
        if start >= 0 and reader.padded(start, len(magic)) == magic:
            return foreign
    return None


def _kernel(reader: Reader) -> Foreign | None:
    """Recognize a kernel for PCs: its first sector ends as a disk's does."""
    if reader.head.endswith(b'\x55\xaa') and (
        reader.padded(SECTOR + 2, 4) == b'HdrS'
    ):
        return signatures.KERNEL
    return None


def _binary_cpio(reader: Reader) -> Foreign | None:
    """Recognize the form that cpio writes unless told otherwise."""
    head = reader.head
    for magic, order in ((b'\xc7\x71', '<'), (b'\x71\xc7', '>')):
        (length,) = struct.unpack(f'{order}H', head[20:22])
        name = head[26 : 26 + length]
        if (
            head.startswith(magic)
            and len(name) == length > 1
            and name.find(b'\0') == length - 1
        ):
            return signatures.CPIO
    return None


def _arj(reader: Reader) -> Foreign | None:
    """Recognize an archive by the type and the marks of its header."""
    head = reader.head
    if (
        head.startswith(b'\x60\xea')
        and head[4] in range(30, 64)
        and (head[10] == 2)
    ):
        return signatures.ARJ
    return None


#: A disk may begin with a few letters; none is as small as this (bytes).
_LARGEST_PADDED_TEXT = 2**20
_LETTERS_OF_PATTERN = 7
_CONTROL = re.compile(r'[^\t\n\f\r\x20-\x7e\xa0-\U0010ffff]')
_MARKUP: tuple[tuple[bytes, Foreign], ...] = (
    (b'<!doctype html', signatures.HTML),
    (b'<html', signatures.HTML),
    (b'<head', signatures.HTML),
    (b'<body', signatures.HTML),
    (b'<?xml', signatures.XML),
    (b'<envelope', signatures.XML),
    (b'<error', signatures.XML),
)


def _markup(reader: Reader) -> Foreign | None:
    """Recognize pages and documents, in the usual encodings."""
    head = reader.head.rstrip(b'\0')
    if head.startswith((b'\xff\xfe', b'\xfe\xff')):
        head = head.replace(b'\0', b'')[2:]
    head = head.removeprefix(b'\xef\xbb\xbf').lstrip(b' \t\r\n').lower()
    while head.startswith(b'<!--') and b'-->' in head:
        head = head.partition(b'-->')[2].lstrip(b' \t\r\n')
    for start, foreign in _MARKUP:
        if head.startswith(start):
            if foreign is signatures.XML and b'<html' in head:
                return signatures.HTML
            return foreign
    is_printable = all(byte > 31 or byte in b'\t\r\n' for byte in head)
    if head.startswith((b'{', b'[')) and is_printable and len(head) > 1:
        return signatures.JSON
    if head.startswith((b'#!/', b'#! /')) and is_printable:
        return signatures.SCRIPT
    return None


def _is_text(reader: Reader) -> bool:
    """Whether it is any text, which fills the first sector, or the file."""
    head = reader.head
    is_utf_16 = head.startswith((b'\xff\xfe', b'\xfe\xff'))
    if not is_utf_16:
        head, _, rest = head.partition(b'\0')
        if any(rest) or (rest and reader.size > _LARGEST_PADDED_TEXT):
            return False
    encoding = 'utf-16' if is_utf_16 else 'utf-8'
    try:
        # The last letter may be cut.
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    text = text.rstrip('\0')
    # A pattern, as tests of disks write it, has few letters.
    is_prose = '\n' in text or len(set(text)) > _LETTERS_OF_PATTERN
    return is_prose and not _CONTROL.search(text)


_RECOGNIZERS: tuple[Callable[[Reader], Foreign | None], ...] = (
    *(_tar, _bzip2, _zstd_frame, _lzma, _binary_cpio, _arj, _kernel),
    *(_markup, _by_end),
)
