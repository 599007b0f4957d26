# SPDX-License-Identifier: Apache-2.0
"""Signatures of files that are often taken for disk images, and are none."""

from typing import NamedTuple


class Foreign(NamedTuple):
    """A kind of file that is no disk image.

    :ivar name: What it is, after "it is".
    :ivar remedy: A sentence on what to do; ``{}`` stands for the file.
    """

    name: str
    remedy: str


def unpacked(name: str, command: str) -> Foreign:
    """Return an archive, which a command unpacks."""
    return Foreign(
        name, f"unpack it with '{command} {{}}', and take the image in it"
    )


def decompressed(name: str, command: str) -> Foreign:
    """Return a compressed file, which a command writes out."""
    return Foreign(
        f"compressed by {name}",
        f"unpack it with '{command} {{}} > unpacked', and take that file",
    )


def converted(name: str, driver: str) -> Foreign:
    """Return an image that a driver of qemu's reads."""
    return Foreign(
        name,
        f"convert it with 'qemu-img convert -f {driver} -O qcow2 {{}} "
        f"converted.qcow2', where you trust it",
    )


NOT_A_DISK = "name the disk image instead; it was perhaps to be in the file"
A_PROGRAM = "a server cannot start from it; name the disk image instead"
DOWNLOAD = (
    "an address that answers with a page was perhaps downloaded; download "
    "the image itself"
)

TAR = unpacked("a tar archive", "tar -xf")
OVA = Foreign(
    "an OVA, a tar archive with a virtual machine",
    "unpack it with 'tar -xf {}', and take the .vmdk in it",
)
CONTAINER = Foreign(
    "a container's image (Docker, OCI), a tar archive of files",
    "unpack it with 'tar -xf {}' to look into it; a server needs an image of "
    "a disk, with a kernel and a boot loader",
)
ZIP = unpacked("a zip archive", "unzip")
HTML = Foreign("an HTML page", DOWNLOAD)
XML = Foreign("an XML document", DOWNLOAD)
JSON = Foreign("a JSON document", DOWNLOAD)
PE = Foreign("a program for Windows or UEFI (PE)", A_PROGRAM)
MACH_O = Foreign("a program for macOS (Mach-O)", A_PROGRAM)
SCRIPT = Foreign("a script", A_PROGRAM)
CPIO = unpacked("a cpio archive", "cpio -idI")
DMG = converted("an Apple disk image (dmg)", "dmg")
PARALLELS = converted("a disk of Parallels", "parallels")
SAVED = Foreign("a saved state of a virtual machine", NOT_A_DISK)
CRASH = Foreign("the memory of a machine that has crashed", NOT_A_DISK)
ENCRYPTED = Foreign("encrypted", "decrypt it, and take the image in it")
ARJ = unpacked("an ARJ archive", "7z x")
LHA = unpacked("an LHA archive", "7z x")
NERO = Foreign(
    "an image of Nero (NRG)",
    "convert it with 'nrg2iso {} converted.iso'",
)
COW = converted("a disk of an old qemu or of UML (COW)", "cow")
PICTURE = Foreign("a picture", NOT_A_DISK)
MEDIA = Foreign("a picture, a sound or a film", NOT_A_DISK)
TEXT = Foreign(
    "a text",
    "a message or a list of checksums was perhaps downloaded; name the disk "
    "image itself",
)
KERNEL = Foreign("a kernel of Linux", A_PROGRAM)
FLASH = Foreign("an image of flash memory", NOT_A_DISK)
CD_SECTORS = Foreign(
    "a CD with all of its sectors' bytes (BIN, MDF)",
    "convert it with 'bchunk' or 'iat', and take the ISO file",
)

#: By the first bytes; the longest that fit count.
AT_START: dict[bytes, Foreign] = {
    b'\x1f\x8b\x08': decompressed("gzip", "gzip -dc"),
    b'\xfd7zXZ\0': decompressed("xz", "xz -dc"),
    b'\x28\xb5\x2f\xfd': decompressed("zstd", "zstd -dc"),
    b'\x04\x22\x4d\x18': decompressed("lz4", "lz4 -dc"),
    b'\x02\x21\x4c\x18': decompressed("lz4", "lz4 -dc"),
    b'LZIP\1': decompressed("lzip", "lzip -dc"),
    b'\x89LZO\0\r\n\x1a\n': decompressed("lzop", "lzop -dc"),
    b'\x1f\x9d': decompressed("compress", "gzip -dc"),
    b'PK\3\4': ZIP,
    b'PK\5\6': ZIP,
    b'PK\7\x08PK': ZIP,
    b"7z\xbc\xaf\x27\x1c": unpacked("a 7z archive", "7z x"),
    b'Rar!\x1a\7': unpacked("a RAR archive", "unrar x"),
    b'MSCF\0\0\0\0': unpacked("a cabinet archive", "cabextract"),
    b'MSWIM\0\0\0': unpacked("a Windows image (WIM)", "7z x"),
    b'xar!': unpacked("a xar archive", "xar -xf"),
    b'!<arch>\n': unpacked("an ar archive", "ar x"),
    b'\xed\xab\xee\xdb': unpacked("an RPM package", "rpm2archive"),
    b'070701': CPIO,
    b'070702': CPIO,
    b'070707': CPIO,
    b'\x7fELF': Foreign("a program or a kernel (ELF)", A_PROGRAM),
    b'\xce\xfa\xed\xfe': MACH_O,
    b'\xcf\xfa\xed\xfe': MACH_O,
    b'{\\rtf': Foreign("a document (RTF)", NOT_A_DISK),
    b'%PDF-': Foreign("a PDF document", NOT_A_DISK),
    b'\x89PNG\r\n\x1a\n': PICTURE,
    b'\xff\xd8\xff': PICTURE,
    b'GIF8': PICTURE,
    b'version https://git-lfs': Foreign(
        "a pointer of Git LFS, not the file itself",
        "fetch the file with 'git lfs pull'",
    ),
    b'\x3a\xff\x26\xed': Foreign(
        "a sparse image of Android",
        "convert it with 'simg2img {} converted.raw'",
    ),
    b'ANDROID!': Foreign("a boot image of Android", A_PROGRAM),
    b'\x27\x05\x19\x56': Foreign("a kernel for U-Boot", A_PROGRAM),
    b'WithoutFreeSpace': PARALLELS,
    b'WithouFreSpacExt': PARALLELS,
    b'Bochs Virtual HD Image\0': converted("a disk of Bochs", "bochs"),
    b'#!/bin/sh\n#V': converted("a compressed file system (cloop)", "cloop"),
    b'\xbe\xba\xfe\xca\0\0\0\0': Foreign(
        "a seSparse extent, a part of a VMDK of ESXi",
        "convert it by the small .vmdk file beside it",
    ),
    # Also of the version that qemu does not know.
    b'LUKS\xba\xbe': Foreign(
        "encrypted (LUKS)",
        "the cloud would have no key for it; take one that is not",
    ),
    b'OOOM\0\0\0\2': COW,
    b'MOOO\0\0\0': COW,
    b'sprs': Foreign(
        "a sparse image of macOS",
        "convert it with 'hdiutil convert -format UDTO -o converted {}'",
    ),
    b'QEVM\0\0\0\3': SAVED,
    b'LibvirtQemudSave': SAVED,
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
    b'EVF2\r\n\x81\0': Foreign(
        "evidence in EnCase's format (EWF)",
        "convert it with 'ewfexport -t converted {}'",
    ),
    b'AFF10\r\n\0': Foreign(
        "evidence in the Advanced Forensic Format",
        "convert it with 'affconvert -r {}'",
    ),
    b'PaRtImAgE-VoLuMe': Foreign(
        "an image of Partimage",
        "restore it with 'partimage restore converted.raw {}'",
    ),
    b'FsArCh_00': Foreign(
        "an archive of FSArchiver",
        "restore it into a disk with 'fsarchiver restfs {} id=0,dest=...'",
    ),
    b'VMA\0\0\0\0\1': unpacked("a backup of Proxmox (VMA)", "vma extract"),
    b'MComprHD': Foreign(
        "a disk of MAME (CHD)",
        "convert it with 'chdman extracthd -o converted.raw -i {}'",
    ),
    b'CISO\0': Foreign("a compressed disc (CSO)", NOT_A_DISK),
    b'encrcdsa': Foreign(
        "an encrypted Apple disk image",
        "convert it with 'hdiutil convert -format UDTO -o converted {}'",
    ),
    b'LibvirtQemudPart': SAVED,
    b'XenSavedDomain': SAVED,
    b'Xen domain save': SAVED,
    b'\x7fVirtualBox SavedState': SAVED,
    b'KDUMP   ': CRASH,
    b'DISKDUMP': CRASH,
    b'\x27\xb5\x2f\xfd': decompressed("an old zstd", "zstd -dc"),
    b'LRZI\0': decompressed("lrzip", "lrzcat"),
    b'bvx2': decompressed("LZFSE", "lzfse -decode -i"),
    b'bvxn': decompressed("LZFSE", "lzfse -decode -i"),
    b'ZOO ': unpacked("a zoo archive", "unar"),
    b'SIT!': unpacked("a StuffIt archive", "unar"),
    b'StuffIt ': unpacked("a StuffIt archive", "unar"),
    b'RE~^': unpacked("a RAR archive", "unrar x"),
    b'ISc(': unpacked("a cabinet of InstallShield", "unshield x"),
    b'PACK\0\0\0\2': Foreign("a pack of Git", NOT_A_DISK),
    b'\xca\xfe\xba\xbe': Foreign("a program (Mach-O, Java)", A_PROGRAM),
    b'\xfe\xed\xfa\xce': MACH_O,
    b'\xfe\xed\xfa\xcf': MACH_O,
    b'\0asm\1\0\0\0': Foreign("a program (WebAssembly)", A_PROGRAM),
    b'\xd0\x0d\xfe\xed': Foreign("a device tree", A_PROGRAM),
    b'UBI#\1': FLASH,
    b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1': Foreign(
        "a document or an installer of Windows (OLE)", NOT_A_DISK
    ),
    b'SQLite format 3\0': Foreign("a database (SQLite)", NOT_A_DISK),
    b'\x89HDF\r\n\x1a\n': Foreign("a file of data (HDF5)", NOT_A_DISK),
    b'Salted__': ENCRYPTED,
    b'age-encryption.org/': ENCRYPTED,
    b'II*\0': MEDIA,
    b'MM\0*': MEDIA,
    b'OggS\0': MEDIA,
    b'\x1a\x45\xdf\xa3': MEDIA,
    b'\0' + b'\xff' * 10 + b'\0': CD_SECTORS,
}

#: By bytes at another place, in bytes from the start.
AT_OFFSET: dict[tuple[int, bytes], Foreign] = {
    (2, b'-lh5-'): LHA,
    (2, b'-lh6-'): LHA,
    (2, b'-lh7-'): LHA,
    (4, b'ftyp'): MEDIA,
    (7, b'**ACE**'): unpacked("an ACE archive", "unace x"),
    (8, b'AVI '): MEDIA,
    (8, b'WAVE'): MEDIA,
    (8, b'WEBP'): MEDIA,
    (48, b'RISCV\0\0\0'): KERNEL,
    (56, b'ARM\x64'): KERNEL,
}

#: By bytes at a place counted from the end.
AT_END: dict[tuple[int, bytes], Foreign] = {
    (512, b'koly\0\0\0\4\0\0\2\0'): DMG,
    (12, b'NER5'): NERO,
    # Of one that unpacks itself.
    (22, b'PK\5\6'): ZIP,
    (8, b'NERO'): NERO,
}
