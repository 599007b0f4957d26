# SPDX-License-Identifier: Apache-2.0
"""Looking into a file ends soon and takes little memory, whatever is in it.

Each file is looked into by a process that is ended beyond two seconds of
processor time and 64 MiB of memory.
"""

from collections.abc import Callable
from pathlib import Path
import random
import struct
import subprocess
import sys

import pytest

from ims_ext.diskimage import vhdx

KIB, MIB = 2**10, 2**20

LOOK = """
import pathlib, resource, sys
from ims_ext import diskimage, exceptions

with open('/proc/self/statm') as statm:
    there = int(statm.read().split()[0]) * resource.getpagesize()
most = there + 64 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
used = resource.getrusage(resource.RUSAGE_SELF)
seconds = int(used.ru_utime + used.ru_stime + 1) + 2
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
try:
    print(diskimage.inspect(sys.argv[1]).disk_format)
except exceptions.DiskImageError as error:
    print('refused:', error)
"""


def looked_into(path: Path) -> str:
    """Return what looking into a file has come to, within the bounds."""
    found = subprocess.run(
        [sys.executable, '-c', LOOK, str(path)], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr[-300:]
    return found.stdout


def write(path: Path, *parts: tuple[int, bytes], size: int = 0) -> None:
    with path.open('r+b' if path.exists() else 'wb') as file:
        for offset, data in parts:
            file.seek(offset)
            file.write(data)
        if size:
            file.truncate(size)


# ====== VHDX ======

_BLOCKS = bytes.fromhex('6677c22d23f600429d64115e9bfd4a08')


def with_regions(path: Path, entries: list[bytes]) -> None:
    """Have a table of regions with more entries, its checksum right."""
    made_table = path.read_bytes()[3 * 64 * KIB : 4 * 64 * KIB]
    table = bytearray(made_table)
    (count,) = struct.unpack('<I', table[8:12])
    for entry in entries:
        table[16 + count * 32 : 48 + count * 32] = entry
        count += 1
    table[8:12] = struct.pack('<I', count)
    del table[64 * KIB :]
    table[4:8] = struct.pack('<I', vhdx.crc32c(bytes(table)))
    write(path, (3 * 64 * KIB, bytes(table)))


def vhdx_of(path: Path, size: str, *options: str) -> None:
    command = ['qemu-img', 'create', '-q', '-f', 'vhdx', *options]
    subprocess.run([*command, str(path), size], check=True)


def repeated_regions(path: Path) -> None:
    vhdx_of(path, '1G')
    table = path.read_bytes()[3 * 64 * KIB : 4 * 64 * KIB]
    entry = next(
        table[at : at + 32]
        for at in (16, 48)
        if table[at : at + 16] == _BLOCKS
    )
    with_regions(path, [entry] * 60)


def countless_regions(path: Path) -> None:
    vhdx_of(path, '1G')
    with_regions(
        path,
        [
            b'unknown region..' + struct.pack('<QII', 2**40 + i * MIB, MIB, 0)
            for i in range(2045)
        ],
    )


def countless_blocks(path: Path) -> None:
    vhdx_of(path, '2T', '-o', 'block_size=1M')
    regions = path.read_bytes()[3 * 64 * KIB : 4 * 64 * KIB]
    offset = next(
        struct.unpack('<Q', regions[at + 16 : at + 24])[0]
        for at in (16, 48)
        if regions[at : at + 16] == _BLOCKS
    )
    numbers = list(range(2**21 + 511))
    random.Random(1).shuffle(numbers)
    entries = [(2**14 + number) << 20 | 6 for number in numbers]
    write(
        path, (offset, struct.pack(f'<{len(entries)}Q', *entries)), size=2**42
    )


def huge_disk(path: Path) -> None:
    vhdx_of(path, '64T', '-o', 'block_size=256M')


def long_log(path: Path, length: int = 64 * MIB) -> None:
    vhdx_of(path, '1G', '-o', 'log_size=64M')
    for offset in (64 * KIB, 128 * KIB):
        header = bytearray(path.read_bytes()[offset : offset + 4 * KIB])
        header[48:64] = b'a log that is in'
        header[68:72] = struct.pack('<I', length)
        header[4:8] = struct.pack('<I', vhdx.crc32c(bytes(header)))
        write(path, (offset, bytes(header)))
    write(path, (MIB, (b'loge' + bytes(4092)) * 16_384))


def endless_log(path: Path) -> None:
    long_log(path, 4095 * MIB)


# ====== VMDK ======


def vmdk_with_tables(
    path: Path, sectors: list[int], grain: int = 128, used: int = 512
) -> None:
    command = ['qemu-img', 'create', '-q', '-f', 'vmdk', str(path), '1G']
    subprocess.run(command, check=True)
    header = bytearray(path.read_bytes()[:512])
    header[12:20] = struct.pack('<Q', len(sectors) * grain * used)
    header[20:28] = struct.pack('<Q', grain)
    header[44:48] = struct.pack('<I', used)
    header[56:64] = struct.pack('<Q', 16 * MIB // 512)
    directory = struct.pack(f'<{len(sectors)}I', *sectors)
    write(path, (0, bytes(header)), (16 * MIB, directory), size=2**41)


def many_tables(path: Path) -> None:
    vmdk_with_tables(path, list(range(10**6, 10**6 + 2**17 * 8, 8)))


def scattered_tables(path: Path) -> None:
    sectors = list(range(10**6, 10**6 + 2**16 * 1024, 1024))
    random.Random(1).shuffle(sectors)
    vmdk_with_tables(path, sectors)


def adjacent_tables(path: Path) -> None:
    vmdk_with_tables(path, list(range(10**6, 10**6 + 2**16 * 4, 4)))


def overlapping_tables(path: Path) -> None:
    vmdk_with_tables(path, list(range(10**6, 10**6 + 2**16)))


def long_descriptor(path: Path) -> None:
    command = ['qemu-img', 'create', '-q', '-f', 'vmdk', str(path), '1G']
    subprocess.run(command, check=True)
    text = b'ddb' + b'.a' * 5_000 + b'!'
    write(path, (512, text.ljust(20 * 512, b'\0')))


# ====== QCOW2 ======


def qcow2_of(path: Path, size: str, *options: str) -> bytearray:
    command = ['qemu-img', 'create', '-q', '-f', 'qcow2', *options]
    subprocess.run([*command, str(path), size], check=True)
    return bytearray(path.read_bytes()[:512])


def large_l1(path: Path) -> None:
    header = qcow2_of(path, '1G')
    entries = 2**22
    header[36:48] = struct.pack('>IQ', entries, 64 * MIB)
    table = struct.pack('>Q', 1 << 63 | 65_536) * entries
    write(path, (0, bytes(header)), (64 * MIB, table))


def larger_l1(path: Path) -> None:
    header = qcow2_of(path, '1G')
    header[36:48] = struct.pack('>IQ', 2**32 - 1, 64 * MIB)
    write(path, (0, bytes(header)), size=2**42)


def large_references(path: Path) -> None:
    header = qcow2_of(path, '1G')
    header[48:60] = struct.pack('>QI', 64 * MIB, 128)
    table = struct.pack('>Q', 65_536) * 2**20
    write(path, (0, bytes(header)), (64 * MIB, table))


def larger_references(path: Path) -> None:
    header = qcow2_of(path, '1G')
    header[48:60] = struct.pack('>QI', 64 * MIB, 2**32 - 1)
    write(path, (0, bytes(header)), size=2**42)


def countless_snapshots(path: Path, count: int = 65_536) -> None:
    header = qcow2_of(path, '1G')
    header[60:72] = struct.pack('>IQ', count, 64 * MIB)
    write(path, (0, bytes(header)), size=2**42)


def most_snapshots(path: Path) -> None:
    countless_snapshots(path, 4096)


def countless_extensions(path: Path) -> None:
    qcow2_of(path, '1G', '-o', 'cluster_size=2M')
    extensions = struct.pack('>II', 0x12345678, 0) * 200_000
    write(path, (112, extensions))


# ====== OTHERS ======


def countless_vhd_blocks(path: Path) -> None:
    command = ['qemu-img', 'create', '-q', '-f', 'vpc', str(path), '1G']
    subprocess.run(command, check=True)
    entries = 2**22
    header = bytearray(path.read_bytes()[512 : 512 + 1024])
    header[16:24] = struct.pack('>Q', 64 * MIB)
    header[28:32] = struct.pack('>I', entries)
    table = struct.pack(f'>{entries}I', *range(10**6, 10**6 + entries))
    write(path, (512, bytes(header)), (64 * MIB, table), size=2**42)


def countless_members(path: Path) -> None:
    header = b'name'.ljust(257, b'\0') + b'ustar\x0000'
    write(path, (0, header.ljust(512, b'\0') * 100_000))


def endless_udf(path: Path) -> None:
    tag = bytearray(struct.pack('<HHBBHHHI', 2, 3, 0, 0, 0, 0, 0, 256))
    tag[4] = sum(tag) & 255
    write(
        path,
        (32_769, b'BEA01'),
        (34_817, b'NSR02'),
        (256 * 2048, bytes(tag) + struct.pack('<II', 2**32 - 1, 1)),
        size=2**42,
    )


def nothing_at_all(path: Path) -> None:
    write(path, size=2**42)


HOSTILE: dict[str, Callable[[Path], None]] = {
    f'{each.__name__}.{suffix}': each
    for suffix, makers in {
        'vhdx': (
            *(repeated_regions, countless_regions, countless_blocks),
            *(huge_disk, long_log, endless_log),
        ),
        'vmdk': (
            *(many_tables, scattered_tables, adjacent_tables),
            *(overlapping_tables, long_descriptor),
        ),
        'qcow2': (
            *(large_l1, larger_l1, large_references, larger_references),
            *(countless_snapshots, most_snapshots, countless_extensions),
        ),
        'vhd': (countless_vhd_blocks,),
        'img': (countless_members, nothing_at_all),
        'iso': (endless_udf,),
    }.items()
    for each in makers
}


#: Those that are in order, only large.
IN_ORDER = {
    'countless_blocks.vhdx': 'vhdx',
    'scattered_tables.vmdk': 'vmdk',
    'adjacent_tables.vmdk': 'vmdk',
    'huge_disk.vhdx': 'vhdx',
    'most_snapshots.qcow2': 'qcow2',
    'nothing_at_all.img': 'raw',
}


@pytest.mark.parametrize('name', HOSTILE)
def test_a_hostile_file_is_looked_into_within_the_bounds(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    HOSTILE[name](path)
    found = looked_into(path).strip()
    assert found == IN_ORDER.get(name, found)
