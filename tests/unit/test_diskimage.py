# SPDX-License-Identifier: Apache-2.0
"""What becomes of good, bad and dangerous disk images.

The good ones are made by qemu-img, from a disk with some data in it.
"""

import io
import logging
import os
import pathlib
import random
import shutil
import struct
import subprocess

import pytest

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext.diskimage import GIB
from ims_ext.diskimage import DiskImage

from ..programs import ISO
from ..programs import demand

MIB = 2**20
DISK_SIZE = 24 * MIB

# File name, the format it is, how qemu-img makes it.
KINDS = {
    'plain.qcow2': ('qcow2', '-O', 'qcow2'),
    'old.qcow2': ('qcow2', '-O', 'qcow2', '-o', 'compat=0.10'),
    'compressed.qcow2': ('qcow2', '-c', '-O', 'qcow2'),
    'small.qcow2': ('qcow2', '-O', 'qcow2', '-o', 'cluster_size=512'),
    'large.qcow2': ('qcow2', '-O', 'qcow2', '-o', 'cluster_size=2M'),
    'full.qcow2': ('qcow2', '-O', 'qcow2', '-o', 'preallocation=full'),
    'narrow.qcow2': ('qcow2', '-O', 'qcow2', '-o', 'refcount_bits=1'),
    'sparse.vmdk': ('vmdk', '-O', 'vmdk'),
    'stream.vmdk': ('vmdk', '-O', 'vmdk', '-o', 'subformat=streamOptimized'),
    'dynamic.vhd': ('vhd', '-O', 'vpc', '-o', 'force_size=on'),
    'fixed.vhd': ('vhd', '-O', 'vpc', '-o', 'subformat=fixed,force_size=on'),
    'dynamic.vhdx': ('vhdx', '-O', 'vhdx', '-o', 'block_size=1M'),
    'dynamic.vdi': ('vdi', '-O', 'vdi'),
    'static.vdi': ('vdi', '-O', 'vdi', '-o', 'static=on'),
    'disk.raw': ('raw', '-O', 'raw'),
    'disk.img': ('raw', '-O', 'raw'),
}


def _qemu_img(*arguments: object) -> None:
    command = ['qemu-img', *(str(argument) for argument in arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp('made')
    numbers = random.Random(1)
    disk = folder / 'source'
    with disk.open('wb') as stream:
        stream.truncate(DISK_SIZE)
        for offset in range(0, DISK_SIZE, 6 * MIB):
            stream.seek(offset + MIB)
            stream.write(numbers.randbytes(4 * MIB))
    for name, (_, *options) in KINDS.items():
        _qemu_img('convert', '-f', 'raw', *options, disk, folder / name)
    return folder


@pytest.fixture(scope='module')
def iso() -> pathlib.Path:
    demand(str(ISO))
    return ISO


def _partitioned(path: pathlib.Path, size: int) -> pathlib.Path:
    partition = struct.pack('<B3BB3BII', 0x80, 0, 2, 0, 0x83, 0, 0, 0, 2048, 9)
    with path.open('wb') as stream:
        stream.write(bytes(446) + partition + bytes(48) + b'\x55\xaa')
        stream.truncate(size)
    return path


def _patched(source: pathlib.Path, offset: int, data: bytes) -> pathlib.Path:
    target = source.with_name(f'patched-{offset}{source.suffix}')
    content = bytearray(source.read_bytes())
    content[offset : offset + len(data)] = data
    target.write_bytes(content)
    return target


@pytest.mark.parametrize('name', KINDS)
def test_a_real_image_is_recognized(made: pathlib.Path, name: str) -> None:
    path = made / name
    assert diskimage.inspect(path) == DiskImage(
        name=str(path),
        disk_format=KINDS[name][0],
        size=path.stat().st_size,
        virtual_size=DISK_SIZE,
        path=path,
    )


class _OnlyRead:
    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, 1000 * 1000))


@pytest.mark.parametrize('name', KINDS)
def test_a_stream_is_recognized_like_a_file(
    made: pathlib.Path, name: str
) -> None:
    content = (made / name).read_bytes()
    image = diskimage.inspect_stream(
        _OnlyRead(content), len(content), f'images/{name}'
    )
    assert image == DiskImage(
        f'images/{name}', KINDS[name][0], len(content), DISK_SIZE
    )


@pytest.mark.parametrize('name', [k for k in KINDS if 'disk' not in k])
@pytest.mark.parametrize('percent', [0.1, 50, 90])
def test_a_truncated_image_is_refused(
    made: pathlib.Path, name: str, percent: float, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / name
    shutil.copy(made / name, path)
    os.truncate(path, int(path.stat().st_size * percent / 100))
    with pytest.raises(
        exceptions.DiskImageError, match=r"cut off|ends within"
    ):
        diskimage.inspect(path)


@pytest.mark.parametrize('name', ['plain.qcow2', 'sparse.vmdk', 'fixed.vhd'])
def test_a_stream_that_ends_early_is_refused(
    made: pathlib.Path, name: str
) -> None:
    content = (made / name).read_bytes()
    with pytest.raises(exceptions.DiskImageError):
        diskimage.inspect_stream(
            io.BytesIO(content[:100_000]), len(content), name
        )


def test_an_iso_is_an_iso_although_a_disk_can_boot_from_it(
    iso: pathlib.Path,
) -> None:
    image = diskimage.inspect(iso)
    assert (image.disk_format, image.virtual_size) == (
        'iso',
        iso.stat().st_size,
    )


def test_a_truncated_iso_is_refused(
    iso: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / 'x.iso'
    path.write_bytes(iso.read_bytes()[: iso.stat().st_size // 2])
    with pytest.raises(exceptions.DiskImageError, match="cut off"):
        diskimage.inspect(path)


@pytest.mark.parametrize('name', ['disk', 'disk.img', 'disk.raw'])
def test_a_partition_table_makes_a_raw_disk(
    tmp_path: pathlib.Path, name: str
) -> None:
    path = _partitioned(tmp_path / name, 3 * MIB)
    assert diskimage.inspect(path).disk_format == 'raw'


def test_a_large_raw_disk_is_not_read(tmp_path: pathlib.Path) -> None:
    path = _partitioned(tmp_path / 'disk', 100 * GIB)
    assert diskimage.inspect(path).min_disk == 100


def test_a_declared_raw_disk_needs_no_partitions(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / 'data').write_bytes(bytes(MIB))
    image = diskimage.inspect(tmp_path / 'data', disk_format='RAW')
    assert (image.disk_format, image.virtual_size) == ('raw', MIB)


def test_vpc_is_another_word_for_vhd(made: pathlib.Path) -> None:
    image = diskimage.inspect(made / 'fixed.vhd', disk_format='vpc')
    assert image.disk_format == 'vhd'


def test_a_declaration_outweighs_the_name(made: pathlib.Path) -> None:
    path = made / 'wrong.vmdk'
    shutil.copy(made / 'plain.qcow2', path)
    image = diskimage.inspect(path, disk_format='qcow2')
    assert image.disk_format == 'qcow2'


@pytest.mark.parametrize(
    ('name', 'declared'),
    [('a.zvhd2', None), ('a.ZVHD', None), ('a', 'zvhd2'), ('a.bin', 'zvhd')],
)
def test_the_clouds_own_formats_are_taken_unseen(
    tmp_path: pathlib.Path, name: str, declared: str | None
) -> None:
    (tmp_path / name).write_bytes(b'opaque' * 100)
    image = diskimage.inspect(tmp_path / name, disk_format=declared)
    assert (image.disk_format, image.virtual_size, image.min_disk) == (
        declared or name[2:].lower(),
        None,
        None,
    )


@pytest.mark.parametrize(
    ('content', 'name', 'declared', 'message'),
    [
        (b'', 'a.qcow2', None, "empty"),
        (b'hello' * 99, 'a.qcow2', None, "name says qcow2, .* is not"),
        (b'hello' * 99, 'a.vmdk', None, "name says vmdk, .* is not"),
        (bytes(MIB), 'a.vhd', None, "name says vhd, .* is not"),
        (b'hello' * 99, 'a', None, "unknown format.*disk_format='raw'"),
        (b'hello' * 99, 'a', 'vdi', "said to be vdi, .* is not"),
        (b'hello' * 99, 'a', 'rom', "no disk format 'rom'.*qcow2, vmdk"),
        (b'hello' * 99, 'a.raw', None, "not a multiple"),
        (b'QFI\xfb\0\0\0\3', 'a.img', None, "ends within the header"),
        (b'LUKS\xba\xbe' + bytes(MIB), 'a.img', None, "encrypted"),
        (b'QED\0' + bytes(MIB), 'a.img', 'qed', "qed images are not taken"),
        (b'QFI\xfb\0\0\0\1' + bytes(MIB), 'a', 'qcow', "qcow version 1"),
        (b'x' * 512 + bytes([200]) * 512, 'a', None, "unknown format"),
    ],
)
def test_content_that_is_no_image_is_refused(
    tmp_path: pathlib.Path,
    content: bytes,
    name: str,
    declared: str | None,
    message: str,
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(exceptions.DiskImageError, match=message):
        diskimage.inspect(tmp_path / name, disk_format=declared)


@pytest.mark.parametrize('declared', ['vmdk', 'raw', 'zvhd2', 'qed'])
def test_a_wrong_declaration_is_refused(
    made: pathlib.Path, declared: str
) -> None:
    with pytest.raises(
        exceptions.DiskImageError,
        match=f"said to be {declared}, but its content is qcow2",
    ):
        diskimage.inspect(made / 'plain.qcow2', disk_format=declared)


def test_a_fixed_vhd_is_not_taken_for_a_raw_disk(made: pathlib.Path) -> None:
    with pytest.raises(exceptions.DiskImageError, match="content is vhd"):
        diskimage.inspect(made / 'fixed.vhd', disk_format='raw')


def test_a_file_that_can_be_read_in_two_ways_is_unsafe(
    made: pathlib.Path,
) -> None:
    path = _patched(made / 'plain.qcow2', 510, b'\x55\xaa')
    with pytest.raises(
        exceptions.UnsafeDiskImageError, match="as qcow2 and as raw at once"
    ):
        diskimage.inspect(path)


def test_a_vdi_that_a_disk_could_start_from_is_unsafe(
    made: pathlib.Path,
) -> None:
    content = bytearray((made / 'dynamic.vdi').read_bytes())
    content[510:512] = b'\x55\xaa'
    # As at the start of a FAT file system.
    content[16], content[21] = 2, 0xF8
    path = made / 'fat.vdi'
    path.write_bytes(content)
    with pytest.raises(
        exceptions.UnsafeDiskImageError, match="as raw and as vdi at once"
    ):
        diskimage.inspect(path)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('missing.qcow2', "there is no file"),
        ('folder.qcow2', "is a directory"),
        ('pipe.raw', "no regular file"),
        ('device.raw', "no regular file"),
        ('empty.raw/x', "cannot be read"),
        ('nul\0.raw', "cannot be read"),
    ],
)
def test_what_is_no_file_is_refused_without_waiting(
    tmp_path: pathlib.Path, name: str, message: str
) -> None:
    (tmp_path / 'folder.qcow2').mkdir()
    os.mkfifo(tmp_path / 'pipe.raw')
    (tmp_path / 'device.raw').symlink_to('/dev/zero')
    (tmp_path / 'empty.raw').touch()
    with pytest.raises(exceptions.DiskImageError, match=message):
        diskimage.inspect(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'a.raw').touch(mode=0)
    with pytest.raises(exceptions.DiskImageError, match="cannot be read"):
        diskimage.inspect(tmp_path / 'a.raw')


@pytest.mark.parametrize(
    ('disk_format', 'option', 'reason'),
    [
        ('qcow2', 'backing_file=other,backing_fmt=raw', "backing file"),
        ('qcow2', 'data_file=data,data_file_raw=on', "in another file"),
        ('vmdk', 'backing_file=base.vmdk,backing_fmt=vmdk', "parent file"),
        ('vmdk', 'subformat=monolithicFlat', "descriptor may refer"),
        ('vmdk', 'subformat=twoGbMaxExtentSparse', "descriptor may refer"),
    ],
)
def test_an_image_with_data_elsewhere_is_unsafe(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    disk_format: str,
    option: str,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'other').write_bytes(bytes(MIB))
    _qemu_img('create', '-f', 'vmdk', 'base.vmdk', '1M')
    path = f'x.{disk_format}'
    _qemu_img('create', '-f', disk_format, '-o', option, path, '1M')
    with pytest.raises(exceptions.UnsafeDiskImageError, match=reason):
        diskimage.inspect(path)


@pytest.mark.parametrize(
    ('name', 'offset', 'data'),
    [
        ('dynamic.vhd', 60, b'\0\0\0\4'),
        ('dynamic.vdi', 76, b'\4\0\0\0'),
        ('sparse.vmdk', 512, b'RW 1 FLAT "shadow" 0\n'),
    ],
)
def test_one_link_of_a_chain_is_unsafe(
    made: pathlib.Path, name: str, offset: int, data: bytes
) -> None:
    with pytest.raises(exceptions.UnsafeDiskImageError):
        diskimage.inspect(_patched(made / name, offset, data))


def test_a_descriptor_alone_is_unsafe(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'x.vmdk').write_text(
        '# Disk DescriptorFile\nversion=1\n'
        'createType="monolithicSparse"\nRW 9 SPARSE "y.vmdk"\n'
    )
    with pytest.raises(exceptions.UnsafeDiskImageError, match="describes"):
        diskimage.inspect(tmp_path / 'x.vmdk')


@pytest.mark.parametrize(
    ('offset', 'data', 'message'),
    [
        (20, b'\0\0\0\x3f', "clusters of"),
        (24, b'\0' * 8, "without a size"),
        (24, b'\x7f' * 8, "cannot address"),
        (32, b'\0\0\0\2', "encrypted"),
        (36, b'\x7f' * 4, "too large"),
        (40, b'\x7f' * 8, "cut off"),
        (48, b'\x7f' * 8, "cut off"),
        # Without snapshots, too.
        (64, b'\xff' * 4 + bytes(4), "snapshots"),
    ],
)
def test_a_damaged_qcow2_header_is_refused(
    made: pathlib.Path, offset: int, data: bytes, message: str
) -> None:
    path = _patched(made / 'plain.qcow2', offset, data)
    with pytest.raises(exceptions.DiskImageError, match=message):
        diskimage.inspect(path)


def test_a_refusal_is_not_logged_as_well(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'x.qed').write_bytes(b'QED\0' + bytes(MIB))
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(exceptions.DiskImageError),
    ):
        diskimage.inspect(tmp_path / 'x.qed')
    assert caplog.records == []


@pytest.mark.parametrize('cluster', ['16k', '64k', '2M'])
@pytest.mark.parametrize('size', ['1M', '3G', '2T'])
def test_extended_entries_of_qcow2_are_read(
    tmp_path: pathlib.Path, cluster: str, size: str
) -> None:
    path = tmp_path / 'x.qcow2'
    options = f'extended_l2=on,cluster_size={cluster}'
    _qemu_img('create', '-f', 'qcow2', '-o', options, str(path), size)
    unit = {'M': MIB, 'G': MIB * 1024, 'T': MIB * 1024**2}[size[-1]]
    assert diskimage.inspect(path).virtual_size == int(size[:-1]) * unit


def test_extended_entries_need_twice_the_tables(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / 'x.qcow2'
    options = 'extended_l2=off,cluster_size=16k'
    _qemu_img('create', '-f', 'qcow2', '-o', options, str(path), '64M')
    with path.open('r+b') as file:
        file.seek(79)
        file.write(b'\x10')
    with pytest.raises(exceptions.DiskImageError, match="cannot address"):
        diskimage.inspect(path)


def test_extended_entries_in_small_clusters_are_damaged(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / 'x.qcow2'
    options = 'cluster_size=8k'
    _qemu_img('create', '-f', 'qcow2', '-o', options, str(path), '1M')
    with path.open('r+b') as file:
        file.seek(79)
        file.write(b'\x10')
    with pytest.raises(exceptions.DiskImageError, match="too small"):
        diskimage.inspect(path)


def test_a_disk_that_is_too_large_is_not_called_damaged(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / 'x.vmdk'
    _qemu_img('create', '-f', 'vmdk', str(path), '64T')
    with pytest.raises(exceptions.DiskImageError, match="64 TiB") as caught:
        diskimage.inspect(path)
    assert 'damaged' not in str(caught.value)


@pytest.mark.parametrize('disk_format', ['qed', 'qcow'])
def test_a_conversion_is_told_with_its_files(
    tmp_path: pathlib.Path, disk_format: str
) -> None:
    path = tmp_path / 'a b.img'
    _qemu_img('create', '-f', disk_format, str(path), '1M')
    with pytest.raises(exceptions.DiskImageError) as caught:
        diskimage.inspect(path)
    assert (
        f"qemu-img convert -f {disk_format} -O qcow2 '{path}' converted.qcow2'"
    ) in str(caught.value)


@pytest.mark.parametrize(
    'suffix', ['txz', 'tbz2', 'lzma', 'cab', 'box', 'TXZ', 'ova', 'avhdx']
)
def test_a_key_that_says_something_else_is_told(suffix: str) -> None:
    assert diskimage.check_key('qcow2', f'disk.{suffix}') == suffix.lower()
