# SPDX-License-Identifier: Apache-2.0
"""Which descriptors of a VMDK are taken: in any encoding, and nothing odd."""

from collections.abc import Callable
from pathlib import Path
import struct
import subprocess
from typing import NamedTuple

import pytest

from ims_ext import diskimage
from ims_ext import exceptions

MIB = 2**20


class Made(NamedTuple):
    """Images that qemu-img has made."""

    sparse: bytes
    stream: bytes


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp('vmdk')
    source = folder / 'source'
    source.write_bytes(bytes(MIB) + b'data' * 16_384 + bytes(MIB))
    command = ['qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk']
    subprocess.run([*command, source, folder / 'a.vmdk'], check=True)
    option = 'subformat=streamOptimized'
    subprocess.run(
        [*command, '-o', option, source, folder / 'b.vmdk'], check=True
    )
    return Made(
        (folder / 'a.vmdk').read_bytes(), (folder / 'b.vmdk').read_bytes()
    )


def text_of(content: bytes) -> bytes:
    return content[512 : 512 + 20 * 512].partition(b'\0')[0]


def with_text(content: bytes, text: bytes) -> bytes:
    assert len(text) < 20 * 512
    return content[:512] + text.ljust(20 * 512, b'\0') + content[21 * 512 :]


def check(path: Path, content: bytes) -> None:
    """Find an image taken, and as qemu-img takes it."""
    path.write_bytes(content)
    found = diskimage.inspect(path)
    shown = subprocess.run(
        ['qemu-img', 'info', '--output', 'json', path],
        check=True,
        capture_output=True,
    ).stdout
    assert b'"format": "vmdk"' in shown
    assert f'"virtual-size": {found.virtual_size}'.encode() in shown


@pytest.mark.parametrize(
    'name',
    ['Müller.vmdk', '镜像.vmdk', 'Ubuntu 24.04 (neu).vmdk', "it's $x;.vmdk"],
)
def test_names_in_any_language_are_taken(tmp_path: Path, name: str) -> None:
    source = tmp_path / 'source'
    source.write_bytes(bytes(MIB))
    command = ['qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk', source]
    for subformat in ('monolithicSparse', 'streamOptimized'):
        option = f'subformat={subformat}'
        path = tmp_path / name
        subprocess.run([*command, '-o', option, path], check=True)
        check(path, path.read_bytes())


@pytest.mark.parametrize(
    ('name', 'encoding'),
    [
        ('Müller', 'windows-1252'),
        ('Müller', 'UTF-8'),
        ('镜像', 'GBK'),
        ('镜像', 'UTF-8'),
        # The second byte of its letter is that of a backslash.
        ('昞', 'GBK'),
        ('ソ', 'Shift_JIS'),
        ('образ', 'windows-1251'),
    ],
)
def test_the_encodings_of_vmware_are_taken(
    made: Made, tmp_path: Path, name: str, encoding: str
) -> None:
    text = text_of(made.sparse)
    line = next(each for each in text.split(b'\n') if each.startswith(b'RW'))
    renamed = line.partition(b'"')[0] + b'"%s.vmdk"' % name.encode(encoding)
    text = text.replace(line, renamed)
    text = text.replace(
        b'version=1\n', b'version=1\nencoding="%s"\n' % encoding.encode()
    )
    check(tmp_path / 'x.vmdk', with_text(made.sparse, text))


Edit = Callable[[bytes], bytes]

HARMLESS: dict[str, Edit] = {
    'ends of line of Windows': lambda text: text.replace(b'\n', b'\r\n'),
    'blanks before and behind': lambda text: text.replace(b'\nRW', b'\n\t RW'),
    'tabs in the extent': lambda text: text.replace(
        b' SPARSE ', b'\tSPARSE\t'
    ),
    'blanks around equals signs': lambda text: text.replace(
        b'ddb.adapterType = ', b'ddb.adapterType\t  =\t'
    ).replace(b'createType=', b'createType = '),
    'more of the database': lambda text: (
        text
        + b'ddb.uuid = "60 00 C2 9e"\nddb.thinProvisioned = "1"\n'
        + b'ddb.uuid.parent="00000000-0000-0000-0000-000000000000"\n'
    ),
    'comments': lambda text: text + b'# Extents: "/etc/passwd"\n#\n',
    'no native snapshot': lambda text: text.replace(
        b'createType', b'isNativeSnapshot="no"\ncreateType'
    ),
    'capitals': lambda text: text.replace(b'=ffffffff', b'=FFFFFFFF'),
}


@pytest.mark.parametrize('kind', HARMLESS)
@pytest.mark.parametrize('subformat', Made._fields)
def test_a_descriptor_as_others_write_it_is_taken(
    made: Made, tmp_path: Path, kind: str, subformat: str
) -> None:
    content: bytes = getattr(made, subformat)
    text = text_of(content)
    edited = HARMLESS[kind](text)
    assert edited != text
    check(tmp_path / 'x.vmdk', with_text(content, edited))


def _line(line: bytes) -> Edit:
    return lambda text: text + line + b'\n'


DANGEROUS: dict[str, Edit] = {
    'flat extent': lambda text: text.replace(b'SPARSE', b'FLAT'),
    'another extent': _line(b'RW 2048 FLAT "/etc/passwd" 0'),
    'another sparse extent': _line(b'RW 2048 SPARSE "b.vmdk"'),
    'another extent, without access': _line(b'NOACCESS 2048 ZERO'),
    'another extent, indented': _line(b'\t rw\t2048 VMFS "/dev/sda" 0'),
    'no extent': lambda text: text.replace(b'RW ', b'#'),
    'a path': lambda text: text.replace(b' "', b' "/etc/'),
    'a path of Windows': lambda text: text.replace(b' "', b' "C:\\'),
    'a path upwards': lambda text: text.replace(b' "', b' "../'),
    'a protocol': lambda text: text.replace(b' "', b' "nbd:host:1:'),
    'no name': lambda text: text.replace(b' "', b' #"'),
    'a parent': lambda text: text.replace(b'=ffffffff', b'=12345678'),
    'no parent ID': lambda text: text.replace(b'parentCID', b'#parentCID'),
    'two parent IDs': _line(b'parentCID=ffffffff'),
    'a hint': _line(b'parentFileNameHint="/etc/passwd"'),
    'a hint in a comment': _line(b'# parentFileNameHint="json:{}"'),
    'a hint, other case': _line(b'# PARENTfilenameHINT="/etc/passwd"'),
    'a hint within a value': _line(b'ddb.comment = "parentFileNameHint="'),
    'a hint behind the end': _line(b'\0parentFileNameHint="/etc/passwd"'),
    'a change track': _line(b'changeTrackPath="/etc/passwd"'),
    'a sidecar': _line(b'ddb.sidecars = "a.vmfd"'),
    "a parent's address": _line(b'ddb.objectParentUri = "vvol://a"'),
    "a parent's UUID": _line(b'ddb.uuid.parent="1234"'),
    'an unknown line': _line(b'something else'),
    'an unknown setting': _line(b'dataFile="/etc/passwd"'),
    'letters of no line': _line(b'\x01\x02'),
    'a type with extents': lambda text: text.replace(
        b'monolithicSparse', b'monolithicFlat'
    ).replace(b'streamOptimized', b'monolithicFlat'),
    'no type': lambda text: text.replace(b'createType', b'#createType'),
    'two types': _line(b'createType="vmfs"'),
    'no end': lambda text: text.ljust(20 * 512 - 1, b'\n'),
}


@pytest.mark.parametrize('kind', DANGEROUS)
@pytest.mark.parametrize('subformat', Made._fields)
def test_a_descriptor_with_anything_else_is_refused(
    made: Made, tmp_path: Path, kind: str, subformat: str
) -> None:
    content: bytes = getattr(made, subformat)
    text = text_of(content)
    edited = DANGEROUS[kind](text)
    assert edited != text
    path = tmp_path / 'x.vmdk'
    if kind == 'no end':
        # Nothing ends it before other data do.
        path.write_bytes(content[:512] + edited + b'x' + content[21 * 512 :])
    else:
        path.write_bytes(with_text(content, edited))
    with pytest.raises(exceptions.UnsafeDiskImageError):
        diskimage.inspect(path)


@pytest.mark.parametrize(
    'text',
    [
        b'# Disk DescriptorFile\nversion=1\n',
        b'#\n# a\nversion=2\r\n',
        b'   \n  \r\nversion=3\n',
        b'version=1\nCID=1\n',
    ],
)
@pytest.mark.parametrize(
    'name', ['d.img', 'd.raw', 'd.iso', 'd.vhd', 'd', 'd.vmdk', 'd.zvhd2']
)
@pytest.mark.parametrize('surrounding', ['nothing', 'mbr', 'iso', 'vhd'])
def test_a_text_that_qemu_takes_for_a_descriptor_is_refused(
    tmp_path: Path, text: bytes, name: str, surrounding: str
) -> None:
    content = bytearray(text + b'RW 2 FLAT "/etc/passwd" 0\n')
    content = content.ljust(512, b'\0')
    if surrounding == 'mbr':
        content[446:462] = struct.pack('<8BII', 0, 0, 2, 0, 131, 0, 3, 0, 1, 9)
        content[510:512] = b'\x55\xaa'
    content = content.ljust(64 * 1024, b'\0')
    if surrounding == 'iso':
        content[32_768:32_775] = b'\x01CD001\x01'
        content[32_848:32_856] = struct.pack('<I', 18) + struct.pack('>I', 18)
        content[32_896:32_900] = struct.pack('<HH', 2048, 8)
    if surrounding == 'vhd':
        content[-512:-504] = b'conectix'
    path = tmp_path / name
    path.write_bytes(content)
    for declared in (None, 'raw', 'vmdk', 'zvhd2'):
        with pytest.raises(exceptions.DiskImageError):
            diskimage.inspect(path, disk_format=declared)


def with_footer(content: bytes) -> bytearray:
    """Return an image whose tables are known at its end, as VMware's."""
    head, rest = bytearray(content[:512]), content[512:]
    marker = bytes(8) + struct.pack('<II', 0, 3) + bytes(496)
    footer = marker + bytes(head) + bytes(512)
    head[56:64] = b'\xff' * 8
    return bytearray(head + rest + bytes(-len(rest) % 512) + footer)


def test_an_image_with_a_footer_is_taken(made: Made, tmp_path: Path) -> None:
    check(tmp_path / 'x.vmdk', bytes(with_footer(made.stream)))


@pytest.mark.parametrize(
    ('offset', 'value'),
    [(12, 4096), (20, 256), (28, 2), (36, 1), (44, 256)],
)
def test_header_and_footer_have_to_agree(
    made: Made, tmp_path: Path, offset: int, value: int
) -> None:
    content = with_footer(made.stream)
    footer = len(content) - 1024
    assert content[footer : footer + 4] == b'KDMV'
    content[footer + offset : footer + offset + 4] = struct.pack('<I', value)
    path = tmp_path / 'x.vmdk'
    path.write_bytes(content)
    with pytest.raises(
        exceptions.UnsafeDiskImageError, match="contradict each other"
    ):
        diskimage.inspect(path)
