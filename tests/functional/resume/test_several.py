# SPDX-License-Identifier: Apache-2.0
"""Several imports at a time, and buckets in a bad minute."""

from collections.abc import Callable
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openstack import connection
import pytest

from ims_ext import exceptions
from ims_ext.emulator.openstack import access_key
from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import access

from ..imports import Importer
from ..imports import check_image
from ..imports import objects_there
from ..imports import write_disk
from .interruption import records

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_the_same_import_twice_at_a_time_is_refused_with_the_process(
    run: Callable[..., Any],
) -> None:
    def run_again(job: Any) -> None:
        with pytest.raises(exceptions.ImportBusyError, match=str(os.getpid())):
            run()

    run(job_progress=run_again)


def test_two_files_are_not_uploaded_to_one_key_at_a_time(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    name: str,
    tmp_path: Path,
) -> None:
    other = write_disk(tmp_path / 'other.raw')

    def run_other(job: Any) -> None:
        with pytest.raises(exceptions.ImportBusyError, match='images:the-key'):
            conn.ims.create_image_from_file(
                other, name, bucket='images', object_key='the-key.raw'
            )

    run(object_key='the-key.raw', job_progress=run_other)


def test_processes_with_the_same_import_make_one_image(
    conn: connection.Connection,
    client: 'S3Client',
    server: EmulatorServer,
    file: Path,
    name: str,
    tmp_path: Path,
) -> None:
    importer = Importer(tmp_path, file, server)
    told = importer.run_all([name] * 4, bucket='images', wait=True)
    importer.stop()

    made = [each['image_id'] for each in told if 'image_id' in each]
    refused = [each['error'] for each in told if 'error' in each]
    images = {image.id for image in conn.ims.images(name=name)}
    # One that began after another's end makes an image of its own.
    assert set(made) == images
    assert len(made) == len(images) == 4 - len(refused)
    assert set(refused) <= {'ImportBusyError'}
    assert objects_there(client) == []
    assert importer.left(name) == []


def test_processes_of_several_machines_do_not_disturb_each_other(
    conn: connection.Connection,
    client: 'S3Client',
    server: EmulatorServer,
    file: Path,
    name: str,
    tmp_path: Path,
) -> None:
    importers = [
        Importer(tmp_path / str(n), file, server)
        for n in range(4)
        if (tmp_path / str(n)).mkdir() is None
    ]
    for importer in importers:
        importer.send([name], bucket='images', wait=True)
    told = [importer.receive()[0] for importer in importers]
    for importer in importers:
        importer.stop()

    made = {each.get('image_id') for each in told}
    images = list(conn.ims.images(name=name))
    assert made == {image.id for image in images}
    assert len(made) == 4
    assert len({image.checksum for image in images}) == 1
    assert objects_there(client) == []


# ====== BAD MINUTES ======


@pytest.mark.parametrize(
    'fault',
    [
        'status=503,on=bucket,rate=0.4',
        'status=500,on=bucket,rate=0.4,effect=after',
        'cut=before,on=bucket,rate=0.4',
        'cut=middle,on=bucket,rate=0.4',
        'cut=after,on=bucket,rate=0.4',
        'body=html,on=bucket,rate=0.4,method=POST',
    ],
)
def test_a_bucket_with_bad_minutes_gets_the_file_whole_and_nothing_else(
    conn: connection.Connection,
    client: 'S3Client',
    server: EmulatorServer,
    run: Callable[..., Any],
    file: Path,
    name: str,
    fault: str,
) -> None:
    with server.faults.active(fault) as faults:
        run()

    assert faults.injected
    check_image(conn, file, name)
    assert objects_there(client) == []


@pytest.mark.parametrize(
    'fault',
    [
        'cut=before,method=PUT,path=*/file,count=2',
        'cut=after,method=PUT,path=*/file,count=1',
        'status=503,method=PUT,path=*/file,count=2',
        'status=502,method=PUT,path=*/file,count=1,effect=after',
        'cut=after,method=POST,path=/v2/images,count=1',
    ],
)
def test_data_whose_answer_is_lost_makes_one_image(
    conn: connection.Connection,
    server: EmulatorServer,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    fault: str,
) -> None:
    with server.faults.active(f'{fault},on=image') as faults:
        run(bucket=None)

    assert faults.injected
    check_image(conn, file, name)
    assert records() == []


def test_temporary_keys_are_renewed_in_the_middle_of_an_upload(
    conn: connection.Connection,
    client: 'S3Client',
    server: EmulatorServer,
    run: Callable[..., Any],
    file: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issued: list[dict[str, str]] = []
    issue_key = access._issue_key

    def issue(*args: Any) -> dict[str, str]:
        issued.append(issue_key(*args))
        return issued[-1]

    monkeypatch.setattr(access_key, 'KEY_SECONDS', (1, 86400))
    monkeypatch.setattr(access, 'KEY_SECONDS', 2)
    monkeypatch.setattr(access, '_RENEW_EARLY', 1)
    monkeypatch.setattr(access, '_RENEW_LATE', 0.5)
    monkeypatch.setattr(access, '_issue_key', issue)

    with server.faults.active('slow=1,on=bucket,method=PUT'):
        run()

    assert len({each['access_key'] for each in issued}) > 1
    check_image(conn, file, name)
