# SPDX-License-Identifier: Apache-2.0
"""Images are judged as qemu opens them: every variant that qemu-img writes.

What is taken is taken for what qemu takes it for, when nobody says which
format it has: the same format, a disk of the same size. So it is for the
images as they are, and for thousands that have been changed. The table in
the documentation is made of the same images.
"""

from collections.abc import Iterator
import json
import os
from pathlib import Path
import random
import struct
import subprocess
from typing import NamedTuple

import pytest

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext.diskimage import vhdx

MIB = 2**20
DISK_SIZE = 6 * MIB
TABLE = Path(__file__).parents[2] / 'doc/source/user/disk-formats.csv'
#: Changed images that are compared with qemu-img; each costs a start of it.
CHANGED = int(os.environ.get('IMS_EXT_CHANGED_IMAGES', '1500'))

#: How qemu-img makes each variant, by what the documentation calls it.
VARIANTS: dict[str, tuple[str, ...]] = {
    'qcow2, version 3': ('qcow2',),
    'qcow2, version 2': ('qcow2', '-o', 'compat=0.10'),
    'qcow2, compressed (zlib)': ('qcow2', '-c'),
    'qcow2, compressed (zstd)': ('qcow2', '-c', '-o', 'compression_type=zstd'),
    'qcow2, clusters of 512 bytes': ('qcow2', '-o', 'cluster_size=512'),
    'qcow2, clusters of 2 MiB': ('qcow2', '-o', 'cluster_size=2M'),
    'qcow2, references of 1 bit': ('qcow2', '-o', 'refcount_bits=1'),
    'qcow2, references of 64 bits': ('qcow2', '-o', 'refcount_bits=64'),
    'qcow2, lazy references': ('qcow2', '-o', 'lazy_refcounts=on'),
    'qcow2, metadata preallocated': ('qcow2', '-o', 'preallocation=metadata'),
    'qcow2, preallocated': ('qcow2', '-o', 'preallocation=full'),
    'qcow2, extended L2': ('qcow2', '-o', 'extended_l2=on'),
    'vmdk, monolithicSparse': ('vmdk',),
    'vmdk, streamOptimized': ('vmdk', '-o', 'subformat=streamOptimized'),
    'vmdk, zeroed grains': ('vmdk', '-o', 'zeroed_grain=on'),
    'vmdk, hardware version 6': ('vmdk', '-o', 'compat6=on'),
    'vmdk, SCSI': ('vmdk', '-o', 'adapter_type=lsilogic'),
    'vmdk, monolithicFlat': ('vmdk', '-o', 'subformat=monolithicFlat'),
    'vmdk, twoGbMaxExtentSparse': (
        *('vmdk', '-o', 'subformat=twoGbMaxExtentSparse'),
    ),
    'vmdk, twoGbMaxExtentFlat': (
        *('vmdk', '-o', 'subformat=twoGbMaxExtentFlat'),
    ),
    'vhd, dynamic': ('vpc', '-o', 'force_size=on'),
    'vhd, fixed': ('vpc', '-o', 'subformat=fixed,force_size=on'),
    'vhd, dynamic, size by geometry': ('vpc',),
    'vhd, fixed, size by geometry': ('vpc', '-o', 'subformat=fixed'),
    'vhdx, dynamic': ('vhdx',),
    'vhdx, fixed': ('vhdx', '-o', 'subformat=fixed'),
    'vhdx, blocks of 1 MiB': ('vhdx', '-o', 'block_size=1M'),
    'vhdx, a log of 32 MiB': ('vhdx', '-o', 'log_size=32M'),
    'vdi, dynamic': ('vdi',),
    'vdi, static': ('vdi', '-o', 'static=on'),
    'raw': ('raw',),
    'qed': ('qed',),
    'qcow (version 1)': ('qcow',),
    'parallels': ('parallels',),
    'luks': (
        *('luks', '--object', 'secret,id=s,data=passphrase'),
        *('-o', 'key-secret=s,iter-time=10'),
    ),
}
#: Formats by qemu's names, where it has others.
QEMU_NAMES = {'vhd': 'vpc', 'iso': 'raw'}


class Image(NamedTuple):
    """One variant: its file, and its bytes."""

    path: Path
    content: bytes


def _write(command: list[str | Path]) -> None:
    """Run qemu-img, again where it could not time a key's derivation.

    It does so for LUKS, by the processor's clock, and gives up on machines
    whose clock has not moved meanwhile.
    """
    for _ in range(20):
        done = subprocess.run(command, capture_output=True, text=True)
        if 'Unable to get accurate CPU usage' not in done.stderr:
            break
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    folder = tmp_path_factory.mktemp('images')
    disk = bytearray(DISK_SIZE)
    disk[446:462] = struct.pack('<8BII', 0, 0, 2, 0, 131, 0, 3, 0, 1, 9)
    disk[510:512] = b'\x55\xaa'
    disk[MIB : MIB + 65_536] = random.Random(1).randbytes(65_536)
    source = folder / 'source'
    source.write_bytes(disk)
    made = {}
    for variant, options in VARIANTS.items():
        path = folder / f'{len(made)}.{variant.partition(",")[0]}'
        command = ['qemu-img', 'convert', '-f', 'raw', '-O', *options]
        _write([*command, source, path])
        made[variant] = Image(path, path.read_bytes())
    return made


def shown(path: Path, driver: str | None = None) -> tuple[str, int] | None:
    """Return format and size by qemu; nothing where it does not open it."""
    option = ['-f', driver] if driver else []
    command = ['qemu-img', 'info', '--output', 'json', *option, path]
    found = subprocess.run(command, capture_output=True)
    if found.returncode:
        return None
    described = json.loads(found.stdout)
    return described['format'], described['virtual-size']


def by_qemu(path: Path, disk_format: str) -> tuple[str, int] | None:
    """Return format and size as whoever imports a file would see them."""
    found = shown(path)
    if disk_format == 'vhd' and found and found[0] == 'raw':
        # A fixed one begins as its disk does: qemu has to be told.
        return shown(path, 'vpc')
    return found


def judged(path: Path) -> diskimage.DiskImage | None:
    try:
        return diskimage.inspect(path)
    except exceptions.DiskImageError:
        return None


def routes_of(image: diskimage.DiskImage) -> Iterator[str]:
    """Yield, for each column of the table, whether that route is open."""
    for has_bucket, quick in ((False, None), (True, False), (True, True)):
        try:
            diskimage.choose_route(image, has_bucket=has_bucket, quick=quick)
        except exceptions.DiskImageError:
            yield "no"
        else:
            yield "yes"


def row(variant: str, path: Path) -> list[str]:
    """Return what the table says of one variant."""
    found = shown(path)
    driver = found[0] if found else "not opened"
    try:
        image = diskimage.inspect(path)
    except exceptions.UnsafeDiskImageError:
        return [variant, driver, "refused as unsafe", *(["no"] * 3)]
    except exceptions.DiskImageError:
        return [variant, driver, "refused", *(["no"] * 3)]
    return [variant, driver, image.disk_format, *routes_of(image)]


@pytest.mark.parametrize('variant', VARIANTS)
def test_a_variant_is_what_qemu_says(
    images: dict[str, Image], variant: str
) -> None:
    path = images[variant].path
    image = judged(path)
    if image is None:
        assert row(variant, path)[2].startswith("refused")
        return
    name = QEMU_NAMES.get(image.disk_format, image.disk_format)
    assert by_qemu(path, image.disk_format) == (name, image.virtual_size)


def test_the_table_in_the_documentation_is_of_these_images(
    images: dict[str, Image],
) -> None:
    lines = [
        ','.join(f'"{cell}"' for cell in row(variant, image.path)) + '\n'
        for variant, image in images.items()
    ]
    table = ''.join(lines)
    if os.environ.get('IMS_EXT_WRITE_TABLES'):
        TABLE.write_text(table, 'utf-8')
    assert TABLE.read_text('utf-8') == table


# ====== CHANGED IMAGES ======

_VALUES = (
    *(b'\0', b'\xff', bytes(4), bytes(8), b'\xff' * 4, b'\xff' * 8),
    *(b'\0\0\0\1', b'\1\0\0\0', b'\x7f' + b'\xff' * 7, b'\n', b'# \n'),
    *(b'\0\0\0\0\0\0\x10\0', b'\0\x10\0\0\0\0\0\0', b'KDMV', b'conectix'),
    *(b'version=1\n', b'\x55\xaa', b'QFI\xfb'),
)


def changed(
    numbers: random.Random, content: bytes, places: list[int]
) -> bytearray:
    """Return an image with a few bytes changed, where they count."""
    result = bytearray(content)
    for _ in range(numbers.choice((1, 1, 1, 2, 3))):
        offset = numbers.choice(
            (
                numbers.randrange(128),
                numbers.randrange(512),
                numbers.choice(places) + numbers.randrange(8),
                max(0, len(result) - 1 - numbers.randrange(1600)),
            )
        )
        value = numbers.choice((*_VALUES, numbers.randbytes(4)))
        if numbers.random() < 0.3:
            bit = 1 << numbers.randrange(8)
            value = bytes([result[offset] ^ bit])
        result[offset : offset + len(value)] = value
    return result


def with_checksums(numbers: random.Random, content: bytearray) -> bytearray:
    """Have the checksums of VHDX and VHD right, mostly."""
    if numbers.random() < 0.2:
        return content
    for offset, length in ((2**16, 4096), (2**17, 4096), (3 * 2**16, 2**16)):
        if content[offset : offset + 4] in (b'head', b'regi'):
            part = bytes(content[offset : offset + length])
            checksum = struct.pack('<I', vhdx.crc32c(part))
            content[offset + 4 : offset + 8] = checksum
    for offset in (0, len(content) - 512):
        if content[offset : offset + 8] == b'conectix':
            content[offset + 64 : offset + 68] = bytes(4)
            checksum = struct.pack(
                '>I', ~sum(content[offset : offset + 512]) & 0xFFFFFFFF
            )
            content[offset + 64 : offset + 68] = checksum
    return content


@pytest.mark.parametrize('seed', range(6))
def test_a_changed_image_is_what_qemu_says_or_refused(
    images: dict[str, Image], tmp_path: Path, seed: int
) -> None:
    numbers = random.Random(seed)
    places = {
        variant: [
            place
            for place in range(0, min(len(image.content), MIB), 8)
            if any(image.content[place : place + 8])
        ][:4000]
        for variant, image in images.items()
    }
    for count in range(CHANGED // 6):
        variant = numbers.choice(sorted(images))
        path = tmp_path / f'{count}{images[variant].path.suffix}'
        content = changed(numbers, images[variant].content, places[variant])
        path.write_bytes(with_checksums(numbers, content))
        image = judged(path)
        if image is not None:
            name = QEMU_NAMES.get(image.disk_format, image.disk_format)
            found = by_qemu(path, image.disk_format)
            assert found == (name, image.virtual_size), path
        path.unlink()
