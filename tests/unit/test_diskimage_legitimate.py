# SPDX-License-Identifier: Apache-2.0
"""Images that programs other than qemu-img make, or users, are taken."""

from collections.abc import Callable
from pathlib import Path
import struct
import subprocess

import pytest

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext.diskimage import vhdx

MIB = 2**20


def make(path: Path, driver: str, *options: str) -> bytearray:
    """Return a disk of 4 MiB with data, in some format."""
    source = path.with_name('source')
    disk = bytearray(4 * MIB)
    disk[MIB : MIB + 5] = b'data\n'
    source.write_bytes(disk)
    command = ['qemu-img', 'convert', '-f', 'raw', '-O', driver]
    subprocess.run([*command, *options, source, path], check=True)
    return bytearray(path.read_bytes())


# ====== VHD ======

FIXED = ('-o', 'subformat=fixed,force_size=on')
DYNAMIC = ('-o', 'force_size=on')


@pytest.mark.parametrize(
    ('options', 'change'),
    [
        # As Virtual PC wrote them before 2004.
        (FIXED, lambda content: content[:-1]),
        (DYNAMIC, lambda content: content[:-1]),
        (DYNAMIC, lambda content: content + bytes(MIB)),
        (DYNAMIC, lambda content: content + bytes(100)),
        (DYNAMIC, lambda content: content[:-512]),
    ],
)
def test_a_vhd_with_another_end_is_taken(
    tmp_path: Path,
    options: tuple[str, ...],
    change: Callable[[bytearray], bytearray],
) -> None:
    path = tmp_path / 'x.vhd'
    path.write_bytes(change(make(path, 'vpc', *options)))
    assert diskimage.inspect(path).virtual_size == 4 * MIB
    subprocess.run(['qemu-img', 'info', '-f', 'vpc', path], check=True)


def test_a_vhd_whose_ends_contradict_each_other_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'x.vhd'
    content = make(path, 'vpc', *DYNAMIC)
    content[-512 + 48 : -512 + 56] = struct.pack('>Q', 2**40)
    path.write_bytes(content)
    with pytest.raises(exceptions.UnsafeDiskImageError, match='contradict'):
        diskimage.inspect(path)


@pytest.mark.parametrize(
    ('offset', 'data'),
    [(512 + 40, b'parent UUID'), (512 + 64, b'\0p'), (512 + 576, b'W2ku')],
)
def test_a_dynamic_vhd_with_a_parent_is_refused(
    tmp_path: Path, offset: int, data: bytes
) -> None:
    path = tmp_path / 'x.vhd'
    content = make(path, 'vpc', *DYNAMIC)
    content[offset : offset + len(data)] = data
    path.write_bytes(content)
    with pytest.raises(exceptions.UnsafeDiskImageError, match='parent file'):
        diskimage.inspect(path)


# ====== VHDX ======


def test_a_vhdx_with_its_metadata_far_behind_is_taken(tmp_path: Path) -> None:
    path = tmp_path / 'x.vhdx'
    make(path, 'vhdx', '-o', 'log_size=32M')
    assert diskimage.inspect(path).virtual_size == 4 * MIB


def with_log(content: bytearray, entry: bytes) -> bytearray:
    guid = b'the log of a VHD'
    content[MIB : MIB + 64] = entry.ljust(32, b'\0') + guid + bytes(16)
    for offset in (64 * 1024, 128 * 1024):
        header = content[offset : offset + 4096]
        header[48:64] = guid
        header[4:8] = struct.pack('<I', vhdx.crc32c(bytes(header)))
        content[offset : offset + 4096] = header
    return content


def test_a_vhdx_that_was_not_closed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'x.vhdx'
    path.write_bytes(with_log(make(path, 'vhdx'), b'loge'))
    with pytest.raises(
        exceptions.DiskImageError, match='qemu-img check -r all'
    ):
        diskimage.inspect(path)


def test_a_vhdx_with_nothing_to_repair_is_taken_once_converted(
    tmp_path: Path,
) -> None:
    path, converted = tmp_path / 'x.vhdx', tmp_path / 'converted.vhdx'
    # The entry has no checksum: qemu passes over it, and leaves it there.
    path.write_bytes(with_log(make(path, 'vhdx'), b'loge'))
    subprocess.run(['qemu-img', 'check', '-r', 'all', path], check=True)
    with pytest.raises(
        exceptions.DiskImageError, match='qemu-img convert -O vhdx'
    ):
        diskimage.inspect(path)
    command = ['qemu-img', 'convert', '-O', 'vhdx', path, converted]
    subprocess.run(command, check=True)
    assert diskimage.inspect(converted).disk_format == 'vhdx'


def test_a_vhdx_with_an_empty_log_is_taken(tmp_path: Path) -> None:
    path = tmp_path / 'x.vhdx'
    path.write_bytes(with_log(make(path, 'vhdx'), b''))
    assert diskimage.inspect(path).disk_format == 'vhdx'
    subprocess.run(['qemu-img', 'info', path], check=True)


# ====== QCOW2 ======


def test_a_qcow2_of_version_2_has_no_feature_bits(tmp_path: Path) -> None:
    path = tmp_path / 'x.qcow2'
    content = make(path, 'qcow2', '-o', 'compat=0.10')
    # An extension that programs pass over, whose bytes would be features.
    content[72:80] = b'\x44\x41\x54\x42\0\0\0\x18'
    content[80:104] = b'\xff' * 24
    content[104:112] = bytes(8)
    path.write_bytes(content)
    assert diskimage.inspect(path).disk_format == 'qcow2'
    subprocess.run(['qemu-img', 'info', path], check=True)


def test_a_qcow2_with_snapshots_and_bitmaps_is_taken(tmp_path: Path) -> None:
    path = tmp_path / 'x.qcow2'
    make(path, 'qcow2')
    for command in (['snapshot', '-c', 'one'], ['bitmap', '--add']):
        name = ['two'] if command[0] == 'bitmap' else []
        subprocess.run(['qemu-img', *command, path, *name], check=True)
    assert diskimage.inspect(path).virtual_size == 4 * MIB


# ====== DISCS ======


def udf(path: Path, *options: str) -> Path:
    path.write_bytes(bytes(4 * MIB))
    command = ['mkudffs', *options, path]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize('size', ['512', '2048', '4096'])
@pytest.mark.parametrize('name', ['x.iso', 'x'])
def test_a_disc_with_udf_alone_is_taken(
    tmp_path: Path, size: str, name: str
) -> None:
    path = udf(tmp_path / name, f'--blocksize={size}')
    assert diskimage.inspect(path).disk_format == 'iso'


def test_a_disc_with_udf_alone_that_is_cut_off_is_refused(
    tmp_path: Path,
) -> None:
    path = udf(tmp_path / 'x.iso', '--blocksize=2048')
    path.write_bytes(path.read_bytes()[: 2 * MIB])
    with pytest.raises(exceptions.DiskImageError, match='cut off'):
        diskimage.inspect(path)


def disc(*, entry: bytes = b'', tail: bytes = b'') -> bytes:
    """Return an ISO 9660 volume of 64 KiB, bootable from a disk or not."""
    content = bytearray(64 * 1024)
    if entry:
        content[446 : 446 + len(entry)] = entry
        content[510:512] = b'\x55\xaa'
    content[32_768:32_775] = b'\x01CD001\x01'
    content[32_848:32_856] = struct.pack('<I', 32) + struct.pack('>I', 32)
    content[32_896:32_900] = struct.pack('<HH', 2048, 8)
    return bytes(content[: len(content) - len(tail)]) + tail


ENTRY = struct.pack('<8BII', 0x80, 0, 2, 0, 0x17, 0, 3, 0, 0, 128)


@pytest.mark.parametrize(
    ('declared', 'found'), [(None, 'iso'), ('iso', 'iso'), ('raw', 'raw')]
)
@pytest.mark.parametrize('name', ['x.iso', 'x'])
def test_a_hybrid_iso_is_what_the_user_says(
    tmp_path: Path, name: str, declared: str | None, found: str
) -> None:
    path = tmp_path / name
    path.write_bytes(disc(entry=ENTRY))
    image = diskimage.inspect(path, disk_format=declared)
    assert image.disk_format == found


def test_an_iso_no_disk_starts_from_is_no_raw_disk(tmp_path: Path) -> None:
    path = tmp_path / 'x.iso'
    path.write_bytes(disc())
    with pytest.raises(exceptions.DiskImageError, match='its content is iso'):
        diskimage.inspect(path, disk_format='raw')


# ====== RAW DISKS ======


def mbr(*entries: bytes) -> bytes:
    return bytes(446) + b''.join(entries).ljust(64, b'\0') + b'\x55\xaa'


def part(kind: int, start: int = 63, flag: int = 0) -> bytes:
    return struct.pack('<8BII', flag, 1, 1, 0, kind, 9, 9, 9, start, 9)


def gpt(size: int) -> bytes:
    header = b'EFI PART\0\0\1\0' + struct.pack('<IIIQ', 92, 0, 0, 1)
    return bytes(size) + header.ljust(512, b'\0')


def sun() -> bytes:
    label = bytearray(512)
    label[508:510] = b'\xda\xbe'
    label[510:512] = b'\xda\xbe'
    return bytes(label)


TABLES = {
    'MBR': mbr(part(0x83)),
    'MBR, active': mbr(part(7, flag=0x80), part(0x83)),
    'MBR, extended': mbr(part(0x83), part(5)),
    'MBR, last entry only': mbr(bytes(16), bytes(16), bytes(16), part(0x83)),
    'protective MBR': mbr(part(0xEE, start=1)),
    'hybrid MBR': mbr(part(0xEE, start=1), part(0x83), part(7, flag=0x80)),
    'hybrid MBR, protective last': mbr(part(0x83), part(0xEE, start=1)),
    'GPT': mbr(part(0xEE, start=1)) + gpt(512)[512:],
    'GPT without MBR': gpt(512),
    'GPT, sectors of 4096 bytes': gpt(4096),
    'Apple': (
        b'ER\2\0'.ljust(512, b'\0') + b'PM\0\0' + struct.pack('>II', 3, 1)
    ),
    'BSD': bytes(512) + b'WEV\x82',
    'BSD, in the first sector': bytes(64) + b'WEV\x82',
    'Sun': sun(),
    'SGI': b'\x0b\xe5\xa9\x41',
    'Amiga': bytes(1024) + b'RDSK\0\0\0\x40',
}


@pytest.mark.parametrize('name', ['disk', 'disk.of.mine', 'disk.img'])
@pytest.mark.parametrize('table', TABLES)
def test_a_disk_with_a_partition_table_needs_no_telling_name(
    tmp_path: Path, table: str, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(TABLES[table].ljust(MIB, b'\0'))
    assert diskimage.inspect(path).disk_format == 'raw'
