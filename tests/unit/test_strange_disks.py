# SPDX-License-Identifier: Apache-2.0
"""Disk images from strangers: nothing but themselves is ever read.

Whatever bytes there are, looking into them ends soon, with a description or
a refusal.
"""

from collections.abc import Callable, Iterator
import contextlib
import io
import os
from pathlib import Path
import random
import struct
import subprocess
import sys
from typing import Any

import hypothesis
from hypothesis import strategies as st
import pytest

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext.diskimage import reader

from . import strange_cloud
from .test_strange_answers import check_message
from .test_strange_options import run

MIB = 2**20

#: Bytes that are read of an image at most, whatever its own size.
MOST_READ = 320 * MIB

#: What qemu-img makes, by file name.
KINDS = {
    'old.qcow2': ('qcow2', '-o', 'compat=0.10'),
    'new.qcow2': ('qcow2',),
    'small.qcow2': ('qcow2', '-o', 'cluster_size=512'),
    'sparse.vmdk': ('vmdk',),
    'stream.vmdk': ('vmdk', '-o', 'subformat=streamOptimized'),
    'dynamic.vhd': ('vpc', '-o', 'force_size=on'),
    'fixed.vhd': ('vpc', '-o', 'subformat=fixed,force_size=on'),
    'dynamic.vhdx': ('vhdx', '-o', 'block_size=1M'),
    'dynamic.vdi': ('vdi',),
    'disk.qed': ('qed',),
    'disk.raw': ('raw',),
}


class Images(dict[str, bytes]):
    """Images by file name."""

    def __repr__(self) -> str:
        """Spare whoever reads a failure the bytes."""
        return 'images'


_opened: list[Any] | None = None


def _note_opening(event: str, arguments: tuple[Any, ...]) -> None:
    if event == 'open' and _opened is not None:
        _opened.append(arguments[0])


sys.addaudithook(_note_opening)


@contextlib.contextmanager
def nothing_else_opened(path: Path) -> Iterator[None]:
    """Fail where another file than one is opened."""
    global _opened
    _opened = []
    try:
        yield
    finally:
        opened, _opened = _opened, None
    others = {
        os.fsdecode(each)
        for each in opened
        if isinstance(each, str | bytes | os.PathLike)
    } - {str(path)}
    assert others == set()


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small disk in every format, with data and a partition table."""
    folder = tmp_path_factory.mktemp('images')
    numbers = random.Random(1)
    disk = bytearray(2 * MIB)
    disk[446:462] = struct.pack('<BBBBBBBBII', 0, 0, 2, 0, 131, 0, 3, 0, 1, 9)
    disk[510:512] = b'\x55\xaa'
    disk[MIB : MIB + 65_536] = numbers.randbytes(65_536)
    source = folder / 'source'
    source.write_bytes(disk)
    made = {}
    for name, (disk_format, *options) in KINDS.items():
        command = ['qemu-img', 'convert', '-f', 'raw', '-O', disk_format]
        subprocess.run(
            [*command, *options, str(source), str(folder / name)], check=True
        )
        made[name] = (folder / name).read_bytes()
    # What is imported for the first time is opened as well.
    diskimage.inspect(folder / 'new.qcow2')
    return Images(made)


@pytest.fixture(scope='module')
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for one image after the other."""
    return tmp_path_factory.mktemp('strange')


def look_into(path: Path, disk_format: str | None = None) -> str | None:
    """Return the format of a file that is taken, or nothing."""
    read = 0
    original = reader.Reader._read

    def counting(self: reader.Reader, offset: int, length: int) -> bytes:
        nonlocal read
        read += length
        assert read <= MOST_READ
        return original(self, offset, length)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader.Reader, '_read', counting)
        with nothing_else_opened(path):
            try:
                found = diskimage.inspect(path, disk_format=disk_format)
            except exceptions.ValidationError as error:
                check_message(error)
                return None
    assert found.disk_format in diskimage.IMPORT_FORMATS
    assert found.virtual_size is None or found.virtual_size > 0
    return found.disk_format


def as_stream(content: bytes, name: str) -> str | None:
    """Likewise for what comes as a stream."""
    try:
        return diskimage.inspect_stream(
            io.BytesIO(content), len(content), name
        ).disk_format
    except exceptions.ValidationError:
        return None


Change = Callable[[bytearray, dict[str, bytes]], bytearray]

_VALUES = (
    b'\0',
    b'\xff',
    b'\0' * 4,
    b'\0' * 8,
    b'\xff' * 4,
    b'\xff' * 8,
    b'\x7f' + b'\xff' * 7,
    b'\xff' * 7 + b'\x7f',
    b'\x80' + b'\0' * 7,
    b'\0\0\0\x01',
    b'\x01\0\0\0',
    b'\0\0\0\0\0\0\x10\0',
    b'\0\x10\0\0\0\0\0\0',
    b'/etc/passwd\0',
    b'\n',
)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Changes of an image's bytes."""
    near_a_header = (
        st.integers(0, 120)
        | st.integers(0, 2_048)
        | st.integers(0, 70_000)
        | st.integers(-2_048, -1)
    )
    kind = draw(
        st.sampled_from(
            ('bytes', 'bytes', 'bytes', 'cut', 'join', 'mix', 'grow')
        )
    )
    edits = draw(
        st.lists(
            st.tuples(
                near_a_header,
                st.sampled_from(_VALUES) | st.binary(min_size=1, max_size=16),
            ),
            min_size=1,
            max_size=4,
        )
    )
    other = draw(st.sampled_from(sorted(KINDS)))
    length = draw(st.integers(0, 4_096) | st.integers(0, 4 * MIB))

    def change(content: bytearray, images: dict[str, bytes]) -> bytearray:
        if kind == 'cut':
            return content[:length]
        if kind == 'join':
            return content + images[other]
        if kind == 'mix':
            content[: length % 1_024] = images[other][: length % 1_024]
        if kind == 'grow':
            content += bytes(length)
        for offset, value in edits:
            start = offset % max(len(content), 1)
            content[start : start + len(value)] = value
        return content

    return change


@pytest.mark.parametrize('name', KINDS)
@strange_cloud.examples(25)
@hypothesis.given(change=changes(), declared=st.booleans())
def test_any_bytes_are_an_image_or_refused(
    images: dict[str, bytes],
    place: Path,
    name: str,
    change: Change,
    declared: bool,
) -> None:
    content = bytes(change(bytearray(images[name]), images))
    path = place / name
    path.write_bytes(content)

    found = look_into(path, KINDS[name][0] if declared else None)

    if not declared and found:
        assert as_stream(content, name) == found


@pytest.mark.parametrize('name', [each for each in KINDS if 'qed' not in each])
def test_the_unchanged_images_are_taken(
    images: dict[str, bytes], place: Path, name: str
) -> None:
    path = place / name
    path.write_bytes(images[name])

    assert look_into(path) == {'vpc': 'vhd'}.get(
        KINDS[name][0], KINDS[name][0]
    )


# ====== DATA ELSEWHERE ======


def with_backing_file(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[8:20] = struct.pack('>QI', 0x200, 11)
    changed[0x200:0x20B] = b'/etc/passwd'
    return bytes(changed)


def with_data_file(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[72:80] = struct.pack('>Q', 4)
    return bytes(changed)


def encrypted(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[32:36] = struct.pack('>I', 2)
    return bytes(changed)


def flat(content: bytes) -> bytes:
    old, new = b'SPARSE "', b'FLAT   "'
    assert old in content
    return content.replace(old, new)


def luks(content: bytes) -> bytes:
    return b'LUKS\xba\xbe\0\x01' + content[8:]


ELSEWHERE = {
    'backing file': ('new.qcow2', with_backing_file),
    'backing file, version 2': ('old.qcow2', with_backing_file),
    'data file': ('new.qcow2', with_data_file),
    'encrypted': ('new.qcow2', encrypted),
    'flat extent': ('sparse.vmdk', flat),
    'luks': ('disk.raw', luks),
}

#: The ways that a file can take through the library.
ROUTES: dict[str, dict[str, Any]] = {
    'native': {},
    'import': {'bucket': 'images'},
    'quick import': {'bucket': 'images', 'quick': True},
    'data disk': {'bucket': 'images', 'type': 'DataImage'},
    'quick data disk': {
        'bucket': 'images',
        'type': 'DataImage',
        'quick': True,
    },
    'safe mode': {'bucket': 'images', 'safe_mode': True},
}

COMMANDS = {
    'native': [],
    'import': ['--bucket', 'images', '--os-version', 'Other(64 bit) 64bit'],
    'quick import': [
        *('--bucket', 'images', '--quick'),
        *('--os-version', 'Other(64 bit) 64bit'),
    ],
    'data disk': ['--bucket', 'images', '--data-disk'],
}


@pytest.fixture
def silent_cloud() -> strange_cloud.StrangeCloud:
    """A cloud that has not been asked for anything."""
    _, cloud = strange_cloud.strange_cloud()
    cloud.prepare(lambda status, body: strange_cloud.Answer())
    return cloud


@pytest.mark.parametrize('route', ROUTES)
@pytest.mark.parametrize('kind', ELSEWHERE)
def test_data_elsewhere_is_refused_on_every_route(
    images: dict[str, bytes],
    tmp_path: Path,
    silent_cloud: strange_cloud.StrangeCloud,
    kind: str,
    route: str,
) -> None:
    name, change = ELSEWHERE[kind]
    path = tmp_path / name
    path.write_bytes(change(images[name]))
    conn, _ = strange_cloud.strange_cloud()
    ims: Any = conn.ims

    with pytest.raises(exceptions.DiskImageError):
        ims.create_image_from_file(path, 'image', **ROUTES[route])

    assert silent_cloud.requests == []


@pytest.mark.parametrize('route', ROUTES)
def test_a_wrong_declaration_is_refused_on_every_route(
    images: dict[str, bytes],
    tmp_path: Path,
    silent_cloud: strange_cloud.StrangeCloud,
    route: str,
) -> None:
    path = tmp_path / 'disk.img'
    path.write_bytes(images['new.qcow2'])
    conn, _ = strange_cloud.strange_cloud()
    ims: Any = conn.ims

    with pytest.raises(exceptions.DiskImageError, match='its content is qco'):
        ims.create_image_from_file(
            path, 'image', disk_format='raw', **ROUTES[route]
        )

    assert silent_cloud.requests == []


@pytest.mark.parametrize('route', COMMANDS)
@pytest.mark.parametrize('kind', ELSEWHERE)
def test_data_elsewhere_is_refused_by_the_command(
    images: dict[str, bytes],
    tmp_path: Path,
    silent_cloud: strange_cloud.StrangeCloud,
    kind: str,
    route: str,
) -> None:
    name, change = ELSEWHERE[kind]
    path = tmp_path / name
    path.write_bytes(change(images[name]))

    shown = run(
        'ims_image_create', ['--file', str(path), *COMMANDS[route], 'image']
    )

    assert shown == ''
    assert silent_cloud.requests == []


# ====== FILES THAT ARE NONE, OR CHANGE ======


def _make_fifo(path: Path) -> Path:
    os.mkfifo(path / 'fifo.raw')
    return path / 'fifo.raw'


def _make_link(path: Path) -> Path:
    (path / 'link.raw').symlink_to('/dev/zero')
    return path / 'link.raw'


def _make_loop(path: Path) -> Path:
    (path / 'loop.raw').symlink_to('loop.raw')
    return path / 'loop.raw'


@pytest.mark.parametrize(
    'make',
    [
        _make_fifo,
        _make_link,
        _make_loop,
        lambda path: path,
        lambda path: Path('/dev/zero'),
        lambda path: Path('/dev/stdin'),
        lambda path: path / 'missing',
        lambda path: path / ('x' * 5_000),
        lambda path: path / 'nul\0',
        lambda path: path / 'half\ud800',
    ],
)
def test_what_is_no_file_is_refused(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    with pytest.raises(exceptions.DiskImageError):
        diskimage.inspect(make(tmp_path), disk_format='raw')


@pytest.mark.parametrize('name', KINDS)
def test_a_file_that_shrinks_meanwhile_is_refused(
    images: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    path = tmp_path / name
    path.write_bytes(images[name])
    original = reader.Reader._read

    def shrinking(self: reader.Reader, offset: int, length: int) -> bytes:
        os.truncate(path, 100)
        return original(self, offset, length)

    monkeypatch.setattr(reader.Reader, '_read', shrinking)

    with pytest.raises(exceptions.DiskImageError):
        diskimage.inspect(path)


def test_a_huge_file_with_holes_is_looked_into_in_parts(
    images: dict[str, bytes], tmp_path: Path
) -> None:
    for name in KINDS:
        path = tmp_path / name
        path.write_bytes(images[name])
        os.truncate(path, 2**42)

        look_into(path)

        path.unlink()


def test_a_vmdk_of_countless_tables_is_refused_soon(
    images: dict[str, bytes], tmp_path: Path
) -> None:
    content = bytearray(images['sparse.vmdk'])
    entries = 2**18
    # A disk whose directory has that many tables of one grain each.
    content[12:28] = struct.pack('<QQ', entries, 1)
    content[44:48] = struct.pack('<I', 1)
    content[56:64] = struct.pack('<Q', 16 * MIB // 512)
    path = tmp_path / 'tables.vmdk'
    with path.open('wb') as file:
        file.write(content)
        file.seek(16 * MIB)
        file.write(struct.pack(f'<{entries}I', *range(10**6, 10**6 + entries)))
        file.truncate(2**40)

    with pytest.raises(exceptions.DiskImageError, match="too large"):
        diskimage.inspect(path)
