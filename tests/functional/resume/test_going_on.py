# SPDX-License-Identifier: Apache-2.0
"""Imports that are interrupted, and what the next run makes of it."""

from collections.abc import Callable
from pathlib import Path
import time
from typing import TYPE_CHECKING, Any

from openstack import connection
import pytest
import yaml

from ims_ext import exceptions
from ims_ext import reconcile
from ims_ext.emulator.server import EmulatorServer
from ims_ext.file_import import record as import_record
from ims_ext.reconcile import image as image_trace

from ..imports import PARTS
from ..imports import check_image
from ..imports import objects_there
from ..imports import parts_there
from ..openstack_command import OpenStackCommand
from ..openstack_command import environment_for
from .interruption import change_record
from .interruption import counted
from .interruption import interrupt_wait
from .interruption import interrupted
from .interruption import records
from .interruption import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_ctrl_c_keeps_the_parts_and_says_how_to_go_on(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notes = interrupted(run)
    there = parts_there(client)
    calls: list[str] = []
    counted(calls, monkeypatch)
    told: list[int] = []

    run(progress=lambda done, total: told.append(done))

    assert 'upload ID' in notes
    assert 'goes on from there' in notes
    assert '--no-resume' in notes
    assert there
    assert calls.count('UploadPart') == PARTS - len(there)
    assert told == sorted(told)
    assert told[-1] == file.stat().st_size
    check_image(conn, file, name)
    assert objects_there(client) == []
    assert records() == []


def test_ctrl_c_while_waiting_is_gone_on_from_with_the_same_job(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
) -> None:
    notes = interrupted(run, progress=None, job_progress=interrupt_wait)

    job = run()

    assert str(job.id) in notes
    assert check_image(conn, file, name) == job.image_id
    assert objects_there(client) == []
    assert records() == []


def test_an_import_that_was_refused_goes_on_with_the_object(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(exceptions.BadRequestError) as caught:
        run(os_version='BeOS R5')
    calls: list[str] = []
    counted(calls, monkeypatch)

    run(os_version='Ubuntu 18.04 server 64bit')

    assert 'goes on with it' in '\n'.join(caught.value.__notes__)
    assert 'UploadPart' not in calls
    check_image(conn, file, name)
    assert objects_there(client) == []


def test_begun_anew_what_was_left_is_deleted(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupted(run)
    calls: list[str] = []
    counted(calls, monkeypatch)

    run(resume=False)

    assert calls.count('UploadPart') == PARTS
    check_image(conn, file, name)
    assert objects_there(client) == []


def test_begun_anew_an_upload_that_came_to_be_unheard_is_aborted_too(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
) -> None:
    interrupted(run)
    [found] = client.list_multipart_uploads(Bucket='images')['Uploads']
    client.create_multipart_upload(Bucket='images', Key=found['Key'])

    run(resume=False)

    check_image(conn, file, name)
    assert objects_there(client) == []


def test_begun_anew_what_may_not_be_deleted_is_named_and_stays(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    interrupted(run)
    [found] = client.list_multipart_uploads(Bucket='images')['Uploads']
    refused(monkeypatch, 403, 'AccessDenied', 'AbortMultipartUpload')

    run(resume=False)

    assert found['UploadId'] in caplog.text
    check_image(conn, file, name)
    assert objects_there(client) == [f'{found["Key"]} (parts)']


def test_an_object_that_was_deleted_meanwhile_is_uploaded_again(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(exceptions.BadRequestError):
        run(os_version='BeOS R5')
    [key] = objects_there(client)
    client.delete_object(Bucket='images', Key=key)

    run()

    assert 'uploaded again' in caplog.text
    check_image(conn, file, name)


def test_an_image_that_was_deleted_meanwhile_is_made_again(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
) -> None:
    def interrupt_at_the_end(job: Any) -> None:
        if job.is_finished:
            raise KeyboardInterrupt

    interrupted(run, progress=None, job_progress=interrupt_at_the_end)
    before = check_image(conn, file, name)
    conn.ims.delete_image(before)

    run()

    assert check_image(conn, file, name) != before
    assert objects_there(client) == []


def test_a_waiting_image_goes_on_with_its_data(
    conn: connection.Connection,
    run: Callable[..., Any],
    file: Path,
    name: str,
) -> None:
    notes = interrupted(run, bucket=None)
    [waiting] = conn.ims.images(name=name)

    run(bucket=None)

    assert waiting.id in notes
    assert check_image(conn, file, name) == waiting.id
    assert records() == []


def test_the_command_goes_on_where_a_call_was_interrupted(
    openstack: OpenStackCommand,
    server: EmulatorServer,
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    tmp_path: Path,
) -> None:
    notes = interrupted(run, progress=None, job_progress=interrupt_wait)
    clouds = tmp_path / 'clouds.yaml'
    clouds.write_text(yaml.safe_dump(server.clouds()), 'utf-8')

    done = openstack.run(
        *('ims', 'image', 'create', '--file', str(file)),
        *('--bucket', 'images', '--wait', '-f', 'value', '-c', 'id'),
        name,
        environment=environment_for(clouds),
        directory=tmp_path,
    )

    assert 'the job' in notes
    assert done.stdout.strip() == check_image(conn, file, name), done.stderr
    assert objects_there(client) == []
    assert records() == []


@pytest.mark.parametrize(
    ('status', 'code'), [(403, 'AccessDenied'), (501, 'NotImplemented')]
)
def test_a_store_that_lists_no_parts_gets_all_of_them_again(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    status: int,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupted(run)
    refused(monkeypatch, status, code, 'ListParts', 'ListMultipartUploads')

    run()

    check_image(conn, file, name)
    assert objects_there(client) == []
    assert records() == []


def test_an_upload_that_the_store_has_given_up_is_begun_anew(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupted(run)
    [found] = client.list_multipart_uploads(Bucket='images')['Uploads']
    client.abort_multipart_upload(
        Bucket='images', Key=found['Key'], UploadId=found['UploadId']
    )
    # So that it is not noticed before parts are sent.
    refused(monkeypatch, 403, 'AccessDenied', 'ListParts')

    with pytest.raises(exceptions.ObjectStoreError, match='NoSuchUpload'):
        run()
    run()

    check_image(conn, file, name)
    assert objects_there(client) == []


def test_parts_stay_where_the_access_key_ends_in_the_middle(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        refused(patch, 400, 'ExpiredToken', 'UploadPart', after=1)
        with pytest.raises(exceptions.BucketCredentialsError) as caught:
            run()
    there = parts_there(client)
    calls: list[str] = []
    counted(calls, monkeypatch)

    run()

    assert 'goes on from there' in '\n'.join(caught.value.__notes__)
    assert len(there) == 1
    assert calls.count('UploadPart') == PARTS - 1
    check_image(conn, file, name)


def test_ctrl_c_between_two_steps_says_what_is_left(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save = import_record.Slot.save

    def interrupt_before_the_import(
        slot: import_record.Slot, record: import_record.Record
    ) -> None:
        if record.asked_at is not None:
            raise KeyboardInterrupt
        save(slot, record)

    with monkeypatch.context() as patch:
        patch.setattr(import_record.Slot, 'save', interrupt_before_the_import)
        notes = interrupted(run, progress=None)
    [key] = objects_there(client)

    run()

    assert f'the object images:{key}' in notes
    assert 'goes on from there' in notes
    check_image(conn, file, name)


@pytest.mark.parametrize('bucket', ['images', None])
def test_a_clock_that_was_set_back_makes_no_second_image(
    conn: connection.Connection,
    run: Callable[..., Any],
    file: Path,
    name: str,
    bucket: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if bucket:
        interrupted(run, progress=None, job_progress=interrupt_wait)
    else:
        interrupted(run, bucket=None)
    change_record(asked_at=time.time() + 1000, job_id=None, image_id=None)
    # As another process would have it.
    monkeypatch.setattr(image_trace, '_OWN', image_trace._Own())
    monkeypatch.setattr(reconcile, 'TOLERANCE', -10.0)

    run(bucket=bucket)

    check_image(conn, file, name)


def test_begun_anew_it_does_not_matter_which_image_was_an_earlier_runs(
    conn: connection.Connection,
    run: Callable[..., Any],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupted(run, bucket=None)
    conn.ims.create_image_metadata(name, disk_format='raw', min_disk=1)
    change_record(image_id=None)
    monkeypatch.setattr(image_trace, '_OWN', image_trace._Own())

    with pytest.raises(exceptions.OutcomeUnknownError) as caught:
        run(bucket=None)
    job = run(bucket=None, resume=False)

    assert '--no-resume' in '\n'.join(caught.value.__notes__)
    statuses = {image.id: image.status for image in conn.ims.images(name=name)}
    assert statuses.pop(job.image_id) == 'active'
    assert set(statuses.values()) == {'queued'}
    assert len(statuses) == 2
    assert records() == []
