# SPDX-License-Identifier: Apache-2.0
"""Packed sources of pipelines, unpacked while they come."""

import bz2
from collections.abc import Callable
import gzip
import importlib.util
import io
import lzma
import random
import subprocess
import tarfile
import zipfile

import pytest

from ims_ext.pipeline.sources import SourceError
from ims_ext.pipeline.sources import packing

from ..web_server import File
from .upstream import Upstream
from .upstream import of_web


def zstd(content: bytes) -> bytes:
    """Pack with zstd."""
    if not importlib.util.find_spec('zstandard'):
        pytest.skip("zstandard is not installed")
    done = subprocess.run(
        ['zstd', '-q', '-c'], input=content, capture_output=True, check=True
    )
    return done.stdout


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    'gz': gzip.compress,
    'xz': lzma.compress,
    'bz2': bz2.compress,
    'zst': zstd,
}


def tar(entries: dict[str, bytes], mode: str = 'w') -> bytes:
    """Pack some files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def zipped(entries: dict[str, bytes]) -> bytes:
    """Pack some files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return made.getvalue()


def content(upstream: Upstream, path: str, packed: bytes) -> bytes:
    """Return the disk image in a packed file of the web server."""
    upstream.server.files[path] = File(packed)
    return upstream.content(of_web(upstream, path))


def refusal(upstream: Upstream, path: str, packed: bytes) -> str:
    """Return why a packed file is refused."""
    upstream.server.files[path] = File(packed)
    return upstream.refusal(of_web(upstream, path))


@pytest.mark.parametrize('kind', PACKERS)
def test_a_packed_disk_image_is_unpacked(
    upstream: Upstream, kind: str
) -> None:
    packed = PACKERS[kind](upstream.disk)
    found = content(upstream, f'/disk.qcow2.{kind}', packed)
    assert found == upstream.disk


@pytest.mark.parametrize('kind', PACKERS)
def test_a_download_of_a_packed_image_goes_on_after_cuts(
    upstream: Upstream, kind: str
) -> None:
    packed = PACKERS[kind](upstream.disk)
    path = f'/disk.qcow2.{kind}'
    upstream.server.files[path] = File(packed, cut_after=[20, 30])
    assert upstream.content(of_web(upstream, path)) == upstream.disk


@pytest.mark.parametrize('kind', PACKERS)
def test_a_file_packed_in_parts_is_unpacked_whole(
    upstream: Upstream, kind: str
) -> None:
    pack = PACKERS[kind]
    half = len(upstream.disk) // 2
    packed = pack(upstream.disk[:half]) + pack(upstream.disk[half:])
    assert content(upstream, f'/d.qcow2.{kind}', packed) == upstream.disk


@pytest.mark.parametrize('kind', PACKERS)
def test_a_packed_file_that_ends_too_early_is_refused(
    upstream: Upstream, kind: str
) -> None:
    noise = random.Random(0).randbytes(70_000)
    packed = PACKERS[kind](upstream.disk + noise)
    said = refusal(upstream, f'/d.qcow2.{kind}', packed[: len(packed) // 2])
    assert "ends too early" in said


@pytest.mark.parametrize('kind', PACKERS)
def test_a_packed_file_that_is_damaged_is_refused(
    upstream: Upstream, kind: str
) -> None:
    noise = random.Random(0).randbytes(70_000)
    packed = bytearray(PACKERS[kind](upstream.disk + noise))
    packed[len(packed) // 2] ^= 0xFF
    said = refusal(upstream, f'/d.qcow2.{kind}', bytes(packed))
    assert "damaged" in said or "no disk image" in said


@pytest.mark.parametrize('mode', ['w', 'w:gz', 'w:xz', 'w:bz2'])
def test_the_disk_image_in_a_tar_archive_is_found(
    upstream: Upstream, mode: str
) -> None:
    packed = tar(
        {'README': b'read me', 'a/disk.qcow2': upstream.disk, 'SUM': b'1'},
        mode,
    )
    assert content(upstream, '/disk.tar', packed) == upstream.disk


def test_a_packed_disk_image_in_an_archive_is_unpacked(
    upstream: Upstream,
) -> None:
    packed = tar({'disk.qcow2.xz': lzma.compress(upstream.disk)})
    assert content(upstream, '/disk.tar', packed) == upstream.disk


def test_the_disk_image_in_a_zip_archive_is_found(upstream: Upstream) -> None:
    packed = zipped({'LICENCE': b'free', 'x/disk.qcow2': upstream.disk})
    assert content(upstream, '/disk.zip', packed) == upstream.disk


@pytest.mark.parametrize('pack', [tar, zipped])
def test_several_disk_images_in_an_archive_are_named(
    upstream: Upstream, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    packed = pack({'a.qcow2': upstream.disk, 'b.qcow2': upstream.disk})
    said = refusal(upstream, '/disks', packed)
    assert "'a.qcow2', 'b.qcow2'" in said


@pytest.mark.parametrize('pack', [tar, zipped])
def test_a_member_that_is_named_is_taken(
    upstream: Upstream, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    packed = pack({'./a.qcow2': b'a', 'b.qcow2': upstream.disk})
    upstream.server.files['/disks'] = File(packed)
    url = f'{upstream.server.url}/disks'

    def body(member: str) -> str:
        return (
            f'versions: {{"1": {{source: {{url: "{url}", '
            f'member: "{member}"}}}}}}'
        )

    assert upstream.content(body('b.qcow2')) == upstream.disk
    assert "there are 'a.qcow2', 'b.qcow2'" in upstream.refusal(body('c'))


@pytest.mark.parametrize(
    'kind', [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE]
)
def test_a_link_or_a_device_is_no_disk_image(
    upstream: Upstream, kind: bytes
) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode='w') as archive:
        entry = tarfile.TarInfo('disk.qcow2')
        entry.type, entry.linkname = kind, '/etc/passwd'
        archive.addfile(entry)
    assert "has no file in it" in refusal(
        upstream, '/disk.tar', made.getvalue()
    )


@pytest.mark.parametrize('name', ['../../disk.qcow2', '/tmp/disk.qcow2'])
@pytest.mark.parametrize('pack', [tar, zipped])
def test_an_entrys_name_is_never_used_as_a_path(
    upstream: Upstream,
    pack: Callable[[dict[str, bytes]], bytes],
    name: str,
) -> None:
    packed = pack({name: upstream.disk})
    assert content(upstream, '/disk', packed) == upstream.disk


def test_a_member_of_what_is_no_archive_is_refused(
    upstream: Upstream,
) -> None:
    url = f'{upstream.server.url}/disk.qcow2'
    said = upstream.refusal(
        f'versions: {{"1": {{source: {{url: "{url}", member: m}}}}}}'
    )
    assert "no archive" in said


def test_what_is_packed_again_and_again_is_refused(
    upstream: Upstream,
) -> None:
    packed = upstream.disk
    for _ in range(6):
        packed = gzip.compress(packed)
    assert "packed more than" in refusal(upstream, '/d', packed)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, 'HARMLESS', 1024**2)
    monkeypatch.setattr(packing, 'MOST_TIMES', 100)
    stream = packing.Stream(iter([gzip.compress(bytes(8 * 1024**2))]))
    with pytest.raises(SourceError, match="more than 100 times"):
        for _ in packing.unpack(stream, 'gzip', 'bomb.gz'):
            pass


def test_a_packed_file_fits_the_temporary_space_or_is_refused(
    upstream: Upstream,
) -> None:
    noise = random.Random(0).randbytes(4 * 1024**2)
    upstream.server.files['/d.gz'] = File(gzip.compress(noise))
    said = upstream.refusal(of_web(upstream, '/d.gz'), space=1024**2)
    assert "temporary space" in said


def test_zeros_of_a_disk_take_no_room(upstream: Upstream) -> None:
    raw = bytearray(64 * 1024**2)
    raw[510:512] = b'\x55\xaa'
    raw[446:462] = bytes.fromhex('80000000830000000008000000f00100')
    upstream.server.files['/d.raw.xz'] = File(lzma.compress(bytes(raw)))
    with upstream.sources(
        of_web(upstream, '/d.raw.xz'), space=1024**2
    ) as sources:
        disk = upstream.fetched(sources)
        assert (disk.disk_format, disk.size) == ('raw', len(raw))
        assert disk.path.read_bytes() == raw
