# SPDX-License-Identifier: Apache-2.0
"""What is no disk image is called by its name, whatever it is called."""

import bz2
from collections.abc import Callable
import gzip
import io
import json
import lzma
from pathlib import Path
import struct
import subprocess
import tarfile
import zipfile

import pytest

from ims_ext import diskimage
from ims_ext import exceptions

MIB = 2**20
CONTENT = b'\0' * 4096 + b'content' * 4096


def packed(*members: str, form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w', format=form) as archive:
        for name in members:
            member = tarfile.TarInfo(name)
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
    return stream.getvalue()


def old_tar() -> bytes:
    """Return an archive as the first tar wrote it: without a magic."""
    header = bytearray(packed('disk.raw', form=tarfile.USTAR_FORMAT)[:512])
    header[257:] = bytes(255)
    header[148:156] = b' ' * 8
    header[148:156] = b'%06o\0 ' % sum(header)
    return bytes(header) + CONTENT + bytes(1024)


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        archive.writestr('disk.raw', CONTENT)
    return stream.getvalue()


def by_program(*command: str) -> Callable[[], bytes]:
    def run() -> bytes:
        return subprocess.run(
            command, input=CONTENT, check=True, capture_output=True
        ).stdout

    return run


def program(*, machine: bytes = b'PE\0\0') -> bytes:
    head = b'MZ'.ljust(60, b'\0') + struct.pack('<I', 128)
    return head.ljust(128, b'\0') + machine + CONTENT


def parallels() -> bytes:
    return b'WithoutFreeSpace\2\0\0\0' + bytes(MIB)


def bochs() -> bytes:
    return (
        b'Bochs Virtual HD Image'.ljust(32, b'\0')
        + b'Redolog'.ljust(16, b'\0')
        + b'Growing'.ljust(16, b'\0')
        + struct.pack('<II', 0x20000, 512)
        + bytes(MIB)
    )


CLOOP = (
    b'#!/bin/sh\n#V2.0 Format\n'
    b'modprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n'
)

#: What a file is, how it is made, and words of the message.
FOREIGN: dict[str, tuple[Callable[[], bytes], str]] = {
    'gzip': (lambda: gzip.compress(CONTENT), 'gzip.*gzip -dc'),
    'xz': (lambda: lzma.compress(CONTENT), 'xz.*xz -dc'),
    'lzma': (
        lambda: lzma.compress(CONTENT, lzma.FORMAT_ALONE),
        'lzma.*--format=lzma',
    ),
    'bzip2': (lambda: bz2.compress(CONTENT), 'bzip2.*bzip2 -dc'),
    'zstd': (by_program('zstd', '-c'), 'zstd.*zstd -dc'),
    'zstd with a frame to skip': (
        lambda: b'\x50\x2a\x4d\x18\4\0\0\0abcd' + CONTENT,
        'zstd -dc',
    ),
    'lz4': (by_program('lz4', '-c'), 'lz4.*lz4 -dc'),
    'zip': (zipped, 'zip archive.*unzip'),
    '7z': (lambda: b"7z\xbc\xaf\x27\x1c\0\4" + CONTENT, '7z archive.*7z x'),
    'RAR': (lambda: b'Rar!\x1a\7\1\0' + CONTENT, 'unrar'),
    'tar, pax': (lambda: packed('disk.raw'), 'tar archive.*tar -xf'),
    'tar, pax with long names': (
        lambda: packed('a/' * 150 + 'disk.raw'),
        'tar archive',
    ),
    'tar, GNU': (
        lambda: packed('x' * 200, form=tarfile.GNU_FORMAT),
        'tar archive',
    ),
    'tar, ustar': (
        lambda: packed('disk.raw', form=tarfile.USTAR_FORMAT),
        'tar archive',
    ),
    'tar, the first': (old_tar, 'tar archive'),
    'OVA': (lambda: packed('vm.ovf', 'vm.mf', 'vm-disk1.vmdk'), 'OVA.*vmdk'),
    'Docker archive': (
        lambda: packed('0123/VERSION', '0123/layer.tar', 'manifest.json'),
        "container's image",
    ),
    'OCI archive': (
        lambda: packed('oci-layout', 'index.json', 'blobs/sha256/0123'),
        "container's image",
    ),
    'cpio': (lambda: b'070701' + CONTENT, 'cpio archive'),
    'Debian package': (lambda: b'!<arch>\ndebian-binary' + CONTENT, 'ar x'),
    'WIM': (lambda: b'MSWIM\0\0\0' + CONTENT, 'WIM'),
    'ELF': (lambda: b'\x7fELF\2\1\1' + CONTENT, 'ELF'),
    'PE': (program, 'PE'),
    'script': (lambda: b'#!/bin/bash\necho hello\n', 'script'),
    'HTML': (lambda: b'<!DOCTYPE html>\n<html><body>404', 'HTML'),
    'HTML after blanks': (lambda: b'\xef\xbb\xbf\n  <HTML lang=x>', 'HTML'),
    'HTML after a comment': (lambda: b'<!-- x --> <html>', 'HTML'),
    'HTML, UTF-16': (lambda: '<html>'.encode('utf-16'), 'HTML'),
    'XHTML': (lambda: b'<?xml version="1.0"?><html>', 'HTML'),
    'XML': (lambda: b'<?xml version="1.0"?><Error>', 'XML'),
    'JSON': (lambda: json.dumps({'error': 'gone'}).encode(), 'JSON'),
    'PDF': (lambda: b'%PDF-1.7\n' + CONTENT, 'PDF'),
    'Git LFS': (
        lambda: b'version https://git-lfs.github.com/spec/v1\noid x\n',
        'Git LFS',
    ),
    'Parallels': (parallels, 'Parallels.*-f parallels'),
    'Parallels, extended': (
        lambda: parallels().replace(b'outFreeSpace', b'ouFreSpacExt'),
        'Parallels',
    ),
    'Parallels, another version': (
        lambda: parallels().replace(b'\2', b'\7', 1),
        'Parallels',
    ),
    'Bochs': (bochs, 'Bochs.*-f bochs'),
    'Bochs, another kind': (
        lambda: bochs().replace(b'Growing', b'Undoabl'),
        'Bochs',
    ),
    'COWD': (lambda: b'COWD\1\0\0\0' + bytes(MIB), 'COWD'),
    'seSparse': (
        lambda: b'\xbe\xba\xfe\xca\0\0\0\0' + bytes(MIB),
        'seSparse',
    ),
    'dmg': (
        lambda: bytes(MIB) + b'koly\0\0\0\4\0\0\2\0'.ljust(512, b'\0'),
        'dmg.*-f dmg',
    ),
    'cloop': (lambda: CLOOP.ljust(MIB, b'\0'), 'cloop'),
    'QED': (lambda: b'QED\0' + bytes(MIB), 'qed.*-f qed'),
    'qcow': (lambda: b'QFI\xfb\0\0\0\1' + bytes(MIB), 'qcow'),
    'LUKS': (lambda: b'LUKS\xba\xbe\0\1' + bytes(MIB), 'encrypted'),
    'LUKS 2': (lambda: b'LUKS\xba\xbe\0\2' + bytes(MIB), 'encrypted'),
    'COW': (lambda: b'OOOM\0\0\0\2' + bytes(MIB), 'COW'),
    'Android': (lambda: b'\x3a\xff\x26\xed' + bytes(MIB), 'simg2img'),
    'saved state': (lambda: b'QEVM\0\0\0\3' + bytes(MIB), 'saved state'),
}


@pytest.mark.parametrize('name', ['x', 'x.img', 'x.raw', 'x.iso', 'x.vhd'])
@pytest.mark.parametrize('kind', FOREIGN)
def test_a_file_that_is_no_image_is_called_by_its_name(
    tmp_path: Path, kind: str, name: str
) -> None:
    make, words = FOREIGN[kind]
    content = make()
    path = tmp_path / name
    # Of whole sectors, so that nothing else is wrong.
    path.write_bytes(
        content
        if kind == 'dmg'
        else content + bytes(-len(content) % 512) + bytes(512)
    )
    for declared in (None, 'raw'):
        with pytest.raises(exceptions.DiskImageError, match=words):
            diskimage.inspect(path, disk_format=declared)


@pytest.mark.parametrize('declared', [None, 'raw'])
def test_the_name_of_a_dmg_is_enough_for_qemu(
    tmp_path: Path, declared: str | None
) -> None:
    path = tmp_path / 'x.dmg'
    path.write_bytes(bytes(MIB))
    with pytest.raises(exceptions.DiskImageError, match='dmg'):
        diskimage.inspect(path, disk_format=declared)


def test_the_command_names_the_file_as_the_shell_needs_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "it's; here.img"
    path.write_bytes(gzip.compress(CONTENT))
    with pytest.raises(exceptions.DiskImageError) as caught:
        diskimage.inspect(path)
    command = str(caught.value).partition("with '")[2].partition("', and")[0]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert (tmp_path / 'unpacked').read_bytes() == CONTENT


def test_a_disk_that_starts_like_a_program_is_a_disk(tmp_path: Path) -> None:
    content = bytearray(program().ljust(MIB, b'\0'))
    content[446:462] = struct.pack('<8BII', 0, 0, 2, 0, 131, 0, 3, 0, 1, 9)
    content[462:510] = bytes(48)
    content[510:512] = b'\x55\xaa'
    path = tmp_path / 'disk'
    path.write_bytes(content)
    assert diskimage.inspect(path).disk_format == 'raw'
