# SPDX-License-Identifier: Apache-2.0
"""What has changed between an interrupted import and the next run."""

from collections.abc import Callable
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openstack import connection
import pytest

from ims_ext import exceptions

from ..imports import PART_SIZE
from ..imports import check_image
from ..imports import objects_there
from ..imports import parts_there
from ..imports import write_disk
from .interruption import change_record
from .interruption import interrupt_wait
from .interruption import interrupted
from .interruption import records

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.mark.parametrize('bucket', ['images', None])
def test_a_file_that_has_changed_is_sent_as_it_is_now(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    bucket: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    interrupted(run, bucket=bucket)
    with file.open('r+b') as disk:
        disk.seek(1000)
        disk.write(b'changed')

    run(bucket=bucket)

    assert 'changed' in caplog.text
    check_image(conn, file, name)
    assert objects_there(client) == []


def test_a_change_that_hides_is_noticed_in_the_parts_that_are_there(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
) -> None:
    interrupted(run)
    there = parts_there(client)
    before = file.stat()
    with file.open('r+b') as disk:
        for number in there:
            disk.seek((number - 1) * PART_SIZE + 1000)
            disk.write(b'changed')
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    run()

    assert there
    check_image(conn, file, name)


@pytest.mark.parametrize('bucket', ['images', None])
def test_a_device_of_another_number_makes_no_other_file(
    conn: connection.Connection,
    run: Callable[..., Any],
    file: Path,
    name: str,
    bucket: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    interrupted(run, bucket=bucket)
    change_record(fingerprint={'device': 12345})

    run(bucket=bucket)

    assert 'changed' not in caplog.text
    check_image(conn, file, name)


def test_a_file_that_has_changed_since_the_import_began_is_refused(
    conn: connection.Connection,
    run: Callable[..., Any],
    file: Path,
    name: str,
) -> None:
    interrupted(run, progress=None, job_progress=interrupt_wait)
    os.utime(file, (1, 1))

    with pytest.raises(exceptions.ImportChangedError, match='--no-resume'):
        run()

    assert len(list(conn.ims.images(name=name))) == 1


def test_other_attributes_than_the_import_began_with_are_refused_by_name(
    run: Callable[..., Any],
) -> None:
    interrupted(run, progress=None, job_progress=interrupt_wait)

    with pytest.raises(exceptions.ImportChangedError, match='description'):
        run(description='other')


def test_a_name_that_comes_to_stand_for_another_file_is_noticed(
    conn: connection.Connection,
    client: 'S3Client',
    file: Path,
    name: str,
    tmp_path: Path,
) -> None:
    link = tmp_path / 'link.raw'
    link.symlink_to(file)
    other = write_disk(tmp_path / 'other.raw')

    def swap(done: int, total: int) -> None:
        link.unlink()
        link.symlink_to(other)

    with pytest.raises(exceptions.ObjectStoreError, match='changed'):
        conn.ims.create_image_from_file(
            link, name, bucket='images', progress=swap
        )

    assert objects_there(client) == []
    assert records() == []
    assert list(conn.ims.images(name=name)) == []
