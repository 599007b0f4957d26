# SPDX-License-Identifier: Apache-2.0
"""What was judged is what is sent, or nothing comes of it."""

from collections.abc import Callable
import mmap
import os
from pathlib import Path
import subprocess
from typing import Any
import uuid

from openstack import connection
import pytest

from ims_ext import exceptions

MIB = 2**20

ROUTES: dict[str, dict[str, Any]] = {
    'native': {},
    'bucket': {'bucket': 'images', 'os_version': 'Ubuntu 18.04 server 64bit'},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A fixed VHD: that it is one is judged by its end, which is sent last."""
    source, path = tmp_path / 'source', tmp_path / 'disk.vhd'
    source.write_bytes(os.urandom(3 * MIB))
    command = ['qemu-img', 'convert', '-f', 'raw', '-O', 'vpc']
    option = 'subformat=fixed,force_size=on'
    subprocess.run([*command, '-o', option, source, path], check=True)
    return path


def rewrite(path: Path) -> Callable[[], None]:
    """Write to the end, and set the time back."""

    def change() -> None:
        before = path.stat()
        with path.open('r+b') as file:
            file.seek(-512 + 60, os.SEEK_END)
            file.write(b'\0\0\0\4')
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def rewrite_mapped(path: Path) -> Callable[[], None]:
    """Write to memory that is the file's; no time tells of it."""
    with path.open('r+b') as file:
        memory = mmap.mmap(file.fileno(), 0)
    place = len(memory) - 512 + 60
    # From now on nothing but the bytes may change.
    memory[place + 3] = 2

    def change() -> None:
        memory[place + 3] = 4

    return change


@pytest.mark.parametrize('route', ROUTES)
@pytest.mark.parametrize('writer', [rewrite, rewrite_mapped])
def test_a_file_that_becomes_another_while_it_is_sent_is_no_image(
    alice: connection.Connection,
    path: Path,
    route: str,
    writer: Callable[[Path], Callable[[], None]],
) -> None:
    name = f'changed-{uuid.uuid4().hex[:8]}'
    change = writer(path)
    sent = []

    def progress(done: int, size: int) -> None:
        if not sent:
            change()
        sent.append(done)

    with pytest.raises(
        (exceptions.DiskImageError, exceptions.ObjectStoreError),
        match='changed',
    ):
        alice.ims.create_image_from_file(
            path, name, progress=progress, wait=True, **ROUTES[route]
        )

    assert sent
    assert [
        image
        for image in alice.ims.images(name=name)
        if image.status != 'queued'
    ] == []


@pytest.mark.parametrize(
    ('attributes', 'message'),
    [
        ({'type': 'IsoImage'}, "is no ISO file, but vhd"),
        ({'object_key': 'a/b.qcow2'}, "says qcow2, .* is vhd"),
        ({'object_key': 'a/b.QCOW2'}, "says qcow2, .* is vhd"),
        ({'object_key': 'b.iso'}, "says iso, .* is vhd"),
        ({'object_key': 'b.vhd.gz'}, "says gz, .* is vhd"),
        ({'object_key': 'b.dmg'}, "says dmg, .* is vhd"),
    ],
)
def test_what_contradicts_the_content_is_refused_before_the_upload(
    alice: connection.Connection,
    path: Path,
    attributes: dict[str, Any],
    message: str,
) -> None:
    def progress(done: int, size: int) -> None:
        raise AssertionError("it is sent")

    with pytest.raises(exceptions.ValidationError, match=message):
        alice.ims.create_image_from_file(
            path,
            'contradicted',
            progress=progress,
            **{**ROUTES['bucket'], **attributes},
        )


@pytest.mark.parametrize('key', ['x.vhd', 'x.VPC', 'x.img', 'x', 'x.backup'])
def test_a_key_that_does_not_contradict_the_content_is_taken(
    alice: connection.Connection, path: Path, key: str
) -> None:
    job = alice.ims.create_image_from_file(
        path,
        'not contradicted',
        object_key=f'{uuid.uuid4().hex}/{key}',
        wait=True,
        **ROUTES['bucket'],
    )
    assert job.is_successful


def test_a_small_data_disk_gets_a_size_that_all_clouds_take(
    alice: connection.Connection, path: Path
) -> None:
    job = alice.ims.create_image_from_file(
        path, 'small', bucket='images', type='DataImage', wait=True
    )
    assert alice.ims.get_image(job.image_id).min_disk == 40
