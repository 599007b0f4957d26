# SPDX-License-Identifier: Apache-2.0
"""Files of other kinds are called by their name, though named as a disk."""

import io
from pathlib import Path
import struct
import subprocess
import zipfile

import pytest

from ims_ext import diskimage
from ims_ext import exceptions

from .. import programs

MIB = 2**20
REST = b'\0' * 4096 + b'content' * 4096


def kernel() -> bytes:
    """Return a kernel for PCs, whose first sector ends as a disk's does."""
    content = bytearray(65_536)
    # Looks like an entry of a partition table.
    content[450] = 0x40
    content[510:518] = b'\x55\xaa\xeb\x66HdrS'
    return bytes(content)


def zip_that_unpacks_itself() -> bytes:
    stream = io.BytesIO(b'#!/bin/sh\nexec unzip $0\n\x7f\0')
    with zipfile.ZipFile(stream, 'a') as archive:
        archive.writestr('disk.raw', REST)
    content = stream.getvalue()
    # Of whole sectors, its end where it is looked for.
    return bytes(-len(content) % 512) + content


#: What is no disk, and the word that the message has for it.
NO_DISKS: dict[str, tuple[bytes, str]] = {
    'kernel': (kernel(), 'kernel'),
    'kernel for ARM': (bytes(56) + b'ARM\x64' + REST, 'kernel'),
    'device tree': (b'\xd0\x0d\xfe\xed' + REST, 'device tree'),
    'zip that unpacks itself': (zip_that_unpacks_itself(), 'zip'),
    'cpio, binary': (
        struct.pack('<13H', 0o070707, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4, 0, 0)
        + b'dir\0'
        + REST,
        'cpio archive',
    ),
    'ARJ': (b'\x60\xea\x2b\0\x22\x0b\1\2\x10\0\2' + REST, 'ARJ'),
    'LHA': (b'\x24\x6a-lh5-' + REST, 'LHA'),
    'ACE': (b'\1\2\3\0\0\0\0**ACE**' + REST, 'ACE'),
    'lrzip': (b'LRZI\0\6' + REST, 'lrzip'),
    'CD': (b'\0' + b'\xff' * 10 + b'\0\0\2\0\1' + REST, 'CD'),
    'Nero': (
        (REST + bytes(12))[: 512 * 60] + bytes(500) + b'NER5' + bytes(8),
        'Nero',
    ),
    'Proxmox': (b'VMA\0\0\0\0\1' + REST, 'Proxmox'),
    'Xen': (b'XenSavedDomain\n' + REST, 'saved state'),
    'VirtualBox': (b'\x7fVirtualBox SavedState V2.0\n' + REST, 'saved state'),
    'libvirt, partly': (b'LibvirtQemudPart' + REST, 'saved state'),
    'kdump': (b'KDUMP   \6\0\0\0' + REST, 'crashed'),
    'Partimage': (b'PaRtImAgE-VoLuMe\0' + REST, 'Partimage'),
    'FSArchiver': (b'FsArCh_002' + REST, 'FSArchiver'),
    'EnCase, second': (b'EVF2\r\n\x81\0' + REST, 'evidence'),
    'encrypted dmg': (b'encrcdsa\0\0\0\2' + REST, 'encrypted Apple'),
    'encrypted by OpenSSL': (b'Salted__' + REST, 'encrypted'),
    'Java': (b'\xca\xfe\xba\xbe\0\0\0\x34' + REST, 'program'),
    'OLE': (b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + REST, 'OLE'),
    'RTF': (b'{\\rtf1\\ansi' + b' words' * 512, 'RTF'),
    'SQLite': (b'SQLite format 3\0' + REST, 'SQLite'),
    'film': (b'\0\0\0\x20ftypisom' + REST, 'film'),
    'flash': (b'UBI#\1' + REST, 'flash'),
}
TEXTS: dict[str, bytes] = {
    'checksums': (b'a' * 64 + b'  disk.img\n') * 50,
    'signature': b'-----BEGIN PGP SIGNATURE-----\n' + b'abcdefgh\n' * 100,
    'cloud-config': b'#cloud-config\nusers:\n' + b'- name: me\n' * 100,
    'settings of a VM': b'.encoding = "UTF-8"\r\nx.y = "8"\r\n' * 40,
    'in one line': b'<svg xmlns="http://www.w3.org/2000/svg"><g>' * 20,
    'in UTF-8, a letter cut': ('a' + 'ä' * 40 + '\n日本\n').encode() * 50,
    'in UTF-16': ('hello\n' * 300).encode('utf-16'),
    'a message': b'404: Not Found',
    # Not one to qemu, since a comment comes first in those.
    'descriptor, after a mark': (
        b'\xef\xbb\xbf# Disk DescriptorFile\nversion=1\nRW 2 FLAT "/x" 0\n'
    ),
    'descriptor, after an empty line': (
        b'\n# Disk DescriptorFile\nversion=1\nRW 2 FLAT "/x" 0\n'
    ),
}


@pytest.mark.parametrize('name', ['x', 'x.img', 'x.raw', 'x.bin'])
@pytest.mark.parametrize('kind', NO_DISKS)
def test_a_file_of_another_kind_is_called_by_its_name(
    tmp_path: Path, name: str, kind: str
) -> None:
    content, word = NO_DISKS[kind]
    path = tmp_path / name
    path.write_bytes(content)
    if kind not in ('zip that unpacks itself', 'Nero'):
        path.write_bytes(content + bytes(-len(content) % 512))
    for declared in (None, 'raw'):
        with pytest.raises(exceptions.DiskImageError, match=word) as caught:
            diskimage.inspect(path, disk_format=declared)
        assert 'no disk image' in str(caught.value)


@pytest.mark.parametrize('is_padded', [False, True])
@pytest.mark.parametrize('kind', TEXTS)
def test_a_text_is_called_one(
    tmp_path: Path, kind: str, is_padded: bool
) -> None:
    content = TEXTS[kind]
    path = tmp_path / 'x.img'
    path.write_bytes(content + bytes(-len(content) % 512 * is_padded))
    if kind == 'a message' and is_padded:
        path.write_bytes(content + b'\n' + bytes(497))
    for declared in (None, 'raw'):
        with pytest.raises(exceptions.DiskImageError, match="it is a text"):
            diskimage.inspect(path, disk_format=declared)


@pytest.mark.parametrize(
    'content',
    [
        pytest.param(b'a label\n'.ljust(MIB + 512, b'\0'), id='label'),
        pytest.param(
            b'bluestore block device\n'.ljust(60) + b'\2\1' + REST, id='Ceph'
        ),
        pytest.param(b'pattern!' * 4096, id='pattern'),
        pytest.param(b'\xeb\x3c\x90ftypWAVE' + REST[:4085], id='boot sector'),
        pytest.param(b'hsqs' + REST[:4092], id='SquashFS'),
    ],
)
def test_a_disk_without_partitions_may_begin_with_anything_else(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / 'x.img'
    path.write_bytes(content[: len(content) // 512 * 512])
    assert diskimage.inspect(path).disk_format == 'raw'


@pytest.mark.parametrize('size', ['512', '2048'])
def test_a_disc_may_begin_with_a_text(tmp_path: Path, size: str) -> None:
    path = tmp_path / 'x.img'
    with path.open('wb') as file:
        file.truncate(4 * MIB)
    subprocess.run(
        ['mkudffs', '-b', size, path],
        check=True,
        capture_output=True,
        env=programs.ENVIRONMENT,
    )
    with path.open('r+b') as file:
        file.write(b'This disc starts on another machine.\n' * 99)
    assert diskimage.inspect(path).disk_format == 'iso'


def test_a_file_system_without_partitions_is_a_disk(tmp_path: Path) -> None:
    path = tmp_path / 'x.img'
    with path.open('wb') as file:
        file.truncate(4 * MIB)
    subprocess.run(
        ['mkfs.ext4', '-q', path], check=True, env=programs.ENVIRONMENT
    )
    assert diskimage.inspect(path).virtual_size == 4 * MIB


def test_a_name_like_an_option_is_none_in_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path('-rf.img').write_bytes(b'\x1f\x8b\x08' + bytes(509))
    with pytest.raises(exceptions.DiskImageError) as caught:
        diskimage.inspect('-rf.img')
    assert "gzip -dc ./-rf.img" in str(caught.value)
