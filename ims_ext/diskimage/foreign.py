# SPDX-License-Identifier: Apache-2.0
"""Files that are often taken for disk images, and are none.

An archive that is called a raw disk would become an active image that no
server starts from. So it is called by its name, with what to do about it.
"""

from collections.abc import Callable
import shlex
import struct
from typing import NamedTuple

from ims_ext.diskimage.reader import SECTOR
from ims_ext.diskimage.reader import Reader


class Foreign(NamedTuple):
    """A kind of file that is no disk image.

    :ivar name: What it is, after "it is".
    :ivar remedy: A sentence on what to do; ``{}`` stands for the file.
    """

    name: str
    remedy: str


def _unpacked(name: str, command: str) -> Foreign:
    return Foreign(
        name, f"unpack it with '{command} {{}}', and take the image in it"
    )


def _decompressed(name: str, command: str) -> Foreign:
    return Foreign(
        f"compressed by {name}",
        f"unpack it with '{command} {{}} > unpacked', and take that file",
    )


def _converted(name: str, driver: str) -> Foreign:
    return Foreign(
        name,
        f"convert it with 'qemu-img convert -f {driver} -O qcow2 {{}} "
        f"converted.qcow2', where you trust it",
    )


_NOT_A_DISK = "name the disk image instead; it was perhaps to be in the file"
_PROGRAM = "a server cannot start from it; name the disk image instead"
_DOWNLOAD = (
    "an address that answers with a page was perhaps downloaded; download "
    "the image itself"
)

_TAR = _unpacked("a tar archive", "tar -xf")
_OVA = Foreign(
    "an OVA, a tar archive with a virtual machine",
    "unpack it with 'tar -xf {}', and take the .vmdk in it",
)
_CONTAINER = Foreign(
    "a container's image (Docker, OCI), a tar archive of files",
    "unpack it with 'tar -xf {}' to look into it; a server needs an image of "
    "a disk, with a kernel and a boot loader",
)
_ZIP = _unpacked("a zip archive", "unzip")
_HTML = Foreign("an HTML page", _DOWNLOAD)
_XML = Foreign("an XML document", _DOWNLOAD)
_JSON = Foreign("a JSON document", _DOWNLOAD)
_PE = Foreign("a program for Windows or UEFI (PE)", _PROGRAM)
_MACH_O = Foreign("a program for macOS (Mach-O)", _PROGRAM)
_SCRIPT = Foreign("a script", _PROGRAM)
_CPIO = _unpacked("a cpio archive", "cpio -idI")
_DMG = _converted("an Apple disk image (dmg)", "dmg")
_PARALLELS = _converted("a disk of Parallels", "parallels")
_SAVED = Foreign("a saved state of a virtual machine", _NOT_A_DISK)
_COW = _converted("a disk of an old qemu or of UML (COW)", "cow")
_PICTURE = Foreign("a picture", _NOT_A_DISK)

#: By the first bytes, the longest first.
_MAGIC: dict[bytes, Foreign] = {
    b'\x1f\x8b\x08': _decompressed("gzip", "gzip -dc"),
    b'\xfd7zXZ\0': _decompressed("xz", "xz -dc"),
    b'\x28\xb5\x2f\xfd': _decompressed("zstd", "zstd -dc"),
    b'\x04\x22\x4d\x18': _decompressed("lz4", "lz4 -dc"),
    b'\x02\x21\x4c\x18': _decompressed("lz4", "lz4 -dc"),
    b'LZIP\1': _decompressed("lzip", "lzip -dc"),
    b'\x89LZO\0\r\n\x1a\n': _decompressed("lzop", "lzop -dc"),
    b'\x1f\x9d': _decompressed("compress", "gzip -dc"),
    b'PK\3\4': _ZIP,
    b'PK\5\6': _ZIP,
    b'PK\7\x08PK': _ZIP,
    b"7z\xbc\xaf\x27\x1c": _unpacked("a 7z archive", "7z x"),
    b'Rar!\x1a\7': _unpacked("a RAR archive", "unrar x"),
    b'MSCF\0\0\0\0': _unpacked("a cabinet archive", "cabextract"),
    b'MSWIM\0\0\0': _unpacked("a Windows image (WIM)", "7z x"),
    b'xar!': _unpacked("a xar archive", "xar -xf"),
    b'!<arch>\n': _unpacked("an ar archive", "ar x"),
    b'\xed\xab\xee\xdb': _unpacked("an RPM package", "rpm2archive"),
    b'070701': _CPIO,
    b'070702': _CPIO,
    b'070707': _CPIO,
    b'\x7fELF': Foreign("a program or a kernel (ELF)", _PROGRAM),
    b'\xce\xfa\xed\xfe': _MACH_O,
    b'\xcf\xfa\xed\xfe': _MACH_O,
    b'%PDF-': Foreign("a PDF document", _NOT_A_DISK),
    b'\x89PNG\r\n\x1a\n': _PICTURE,
    b'\xff\xd8\xff': _PICTURE,
    b'GIF8': _PICTURE,
    b'version https://git-lfs': Foreign(
        "a pointer of Git LFS, not the file itself",
        "fetch the file with 'git lfs pull'",
    ),
    b'\x3a\xff\x26\xed': Foreign(
        "a sparse image of Android",
        "convert it with 'simg2img {} converted.raw'",
    ),
    b'ANDROID!': Foreign("a boot image of Android", _PROGRAM),
    b'\x27\x05\x19\x56': Foreign("a kernel for U-Boot", _PROGRAM),
    b'WithoutFreeSpace': _PARALLELS,
    b'WithouFreSpacExt': _PARALLELS,
    b'Bochs Virtual HD Image\0': _converted("a disk of Bochs", "bochs"),
    b'#!/bin/sh\n#V': _converted("a compressed file system (cloop)", "cloop"),
    b'\xbe\xba\xfe\xca\0\0\0\0': Foreign(
        "a seSparse extent, a part of a VMDK of ESXi",
        "convert it by the small .vmdk file beside it",
    ),
    # Also of the version that qemu does not know.
    b'LUKS\xba\xbe': Foreign(
        "encrypted (LUKS)",
        "the cloud would have no key for it; take one that is not",
    ),
    b'OOOM\0\0\0\2': _COW,
    b'MOOO\0\0\0': _COW,
    b'sprs': Foreign(
        "a sparse image of macOS",
        "convert it with 'hdiutil convert -format UDTO -o converted {}'",
    ),
    b'QEVM\0\0\0\3': _SAVED,
    b'LibvirtQemudSave': _SAVED,
    b'partclone-image': Foreign(
        "an image of Partclone",
        "restore it with 'partclone.restore -s {} -o converted.raw -C'",
    ),
    b'\0ntfsclone-image': Foreign(
        "an image of ntfsclone",
        "restore it with 'ntfsclone -r -O converted.raw {}'",
    ),
    b'EVF\t\r\n\xff\0': Foreign(
        "evidence in EnCase's format (EWF)",
        "convert it with 'ewfexport -t converted {}'",
    ),
}


def find(reader: Reader) -> Foreign | None:
    """Return what a file is where it is no disk image.

    :param reader: The file.
    """
    head = reader.head
    for magic in sorted(_MAGIC, key=len, reverse=True):
        if head.startswith(magic):
            return _MAGIC[magic]
    for recognize in _RECOGNIZERS:
        found = recognize(reader)
        if found is not None:
            return found
    return None


def is_program(reader: Reader) -> bool:
    """Whether a file is a program for Windows or UEFI.

    The first sector of a disk may begin like one.

    :param reader: The file.
    """
    if not reader.head.startswith(b'MZ'):
        return False
    (offset,) = struct.unpack('<I', reader.head[60:64])
    return reader.padded(offset, 4) == b'PE\0\0'


def refusal(reader: Reader, foreign: Foreign) -> Exception:
    """Return the exception that says what a file is, and what to do.

    :param reader: The file.
    :param foreign: What it is.
    """
    remedy = foreign.remedy.replace('{}', shlex.quote(reader.name))
    return reader.error(f"it is {foreign.name}, no disk image; {remedy}")


#: Formats of other programs, by the name that qemu has for them.
BY_DRIVER = {
    'parallels': _PARALLELS,
    'bochs': _MAGIC[b'Bochs Virtual HD Image\0'],
    'cloop': _MAGIC[b'#!/bin/sh\n#V'],
    'dmg': _DMG,
}
#: Programs for Windows and UEFI.
PROGRAM = _PE


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
        return _OVA
    if any(
        name in (b'manifest.json', b'oci-layout', b'repositories')
        or name.startswith(b'blobs/')
        or name.endswith(b'/layer.tar')
        for name in names
    ):
        return _CONTAINER
    return _TAR


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
        return _decompressed("bzip2", "bzip2 -dc")
    return None


def _zstd_frame(reader: Reader) -> Foreign | None:
    """Recognize data that begin with a frame to be skipped."""
    head = reader.head
    if head[1:4] == b'\x2a\x4d\x18' and head[0] >> 4 == 5:
        return _MAGIC[b'\x28\xb5\x2f\xfd']
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
        return _decompressed("lzma", "xz --format=lzma -dc")
    return None


def _dmg(reader: Reader) -> Foreign | None:
    end = reader.size - SECTOR
    if end >= 0 and reader.padded(end, 12) == b'koly\0\0\0\4\0\0\2\0':
        return _DMG
    return None


_MARKUP: tuple[tuple[bytes, Foreign], ...] = (
    (b'<!doctype html', _HTML),
    (b'<html', _HTML),
    (b'<head', _HTML),
    (b'<body', _HTML),
    (b'<?xml', _XML),
    (b'<envelope', _XML),
    (b'<error', _XML),
)


def _text(reader: Reader) -> Foreign | None:
    """Recognize pages and documents, in the usual encodings."""
    head = reader.head.rstrip(b'\0')
    if head.startswith((b'\xff\xfe', b'\xfe\xff')):
        head = head.replace(b'\0', b'')[2:]
    head = head.removeprefix(b'\xef\xbb\xbf').lstrip(b' \t\r\n').lower()
    while head.startswith(b'<!--') and b'-->' in head:
        head = head.partition(b'-->')[2].lstrip(b' \t\r\n')
    for start, foreign in _MARKUP:
        if head.startswith(start):
            if foreign is _XML and b'<html' in head:
                return _HTML
            return foreign
    is_printable = all(byte > 31 or byte in b'\t\r\n' for byte in head)
    if head.startswith((b'{', b'[')) and is_printable and len(head) > 1:
        return _JSON
    if head.startswith(b'#!/') and is_printable:
        return _SCRIPT
    return None


_RECOGNIZERS: tuple[Callable[[Reader], Foreign | None], ...] = (
    *(_tar, _bzip2, _zstd_frame, _lzma, _text, _dmg),
)
