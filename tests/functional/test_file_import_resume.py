# SPDX-License-Identifier: Apache-2.0
"""Imports that are interrupted, and what the next run makes of it."""

from collections.abc import Callable, Iterator
import json
import logging
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
import uuid

from openstack import connection
import pytest
import yaml

from ims_ext import exceptions
from ims_ext.emulator import identity
from ims_ext.emulator.server import EmulatorServer
from ims_ext.extension import attempt
from ims_ext.extension import job as _job
from ims_ext.extension import job_watch
from ims_ext.extension.file_import import native as native_import
from ims_ext.extension.file_import import record as import_record
from ims_ext.objectstore import access
from ims_ext.objectstore import patience
from ims_ext.objectstore import upload

from .conftest import PATIENCE
from .conftest import script
from .imports import PART_SIZE
from .imports import PARTS
from .imports import Importer
from .imports import check_image
from .imports import objects_there
from .imports import parts_there
from .imports import write_disk
from .own_cloud import Cloud

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer(job_seconds=0.05, image_quota=1000) as started:
        yield started


@pytest.fixture(scope='module')
def cloud(server: EmulatorServer) -> Iterator[Cloud]:
    cloud = Cloud(server)
    yield cloud
    cloud.conn.close()


@pytest.fixture
def conn(server: EmulatorServer) -> Iterator[connection.Connection]:
    """A connection that gets temporary keys for the buckets."""
    entry = dict(server.clouds()['clouds']['alice'])
    with connection.Connection(**entry) as conn:
        yield conn


@pytest.fixture(autouse=True)
def client(cloud: Cloud, server: EmulatorServer) -> Iterator['S3Client']:
    """Another client, to see what became of it; the bucket is empty."""
    client = access.make_client(cloud.conn)
    yield client
    pages = client.list_multipart_uploads(Bucket='images')
    for each in pages.get('Uploads', ()):
        client.abort_multipart_upload(
            Bucket='images', Key=each['Key'], UploadId=each['UploadId']
        )
    for key in objects_there(client):
        client.delete_object(Bucket='images', Key=key)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'state'))
    monkeypatch.setattr(upload, 'PART_SIZE', PART_SIZE)
    # One part after the other, so that some are there before others.
    monkeypatch.setattr(access, 'CONNECTIONS', 1)
    monkeypatch.setattr(patience, 'PAUSES', (0.1,) * 5)
    monkeypatch.setattr(native_import, '_PAUSES', (0.1,) * 5)
    monkeypatch.setattr(attempt, '_sleep', lambda seconds: time.sleep(0.02))
    monkeypatch.setattr(_job, 'DEFAULT_INTERVAL', 0.05)
    monkeypatch.setattr(job_watch, '_SHORTEST_PAUSE', 0.05)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_disk(tmp_path / 'disk.raw')


@pytest.fixture
def name() -> str:
    """A name that no other test's image has."""
    return f'golden-{uuid.uuid4().hex[:8]}'


@pytest.fixture
def run(
    conn: connection.Connection, file: Path, name: str
) -> Callable[..., Any]:
    """Import the file through the bucket, and wait."""

    def run(**options: Any) -> Any:
        options = {'bucket': 'images', 'wait': True, **options}
        return conn.ims.create_image_from_file(file, name, **options)

    return run


def records() -> list[Path]:
    """Return the files in the state folder."""
    folder = import_record.folder()
    return sorted(folder.iterdir()) if folder.exists() else []


def interrupt(done: int, total: int) -> None:
    """Press Ctrl-C when most parts have been sent."""
    if done > total - PART_SIZE:
        raise KeyboardInterrupt


def interrupt_wait(job: Any) -> None:
    """Press Ctrl-C while the job runs."""
    raise KeyboardInterrupt


def interrupted(run: Callable[..., Any], **options: Any) -> str:
    """Run an import that is interrupted; return the notes."""
    options.setdefault('progress', interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        run(**options)
    return '\n'.join(caught.value.__notes__)


def counted(client_calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the names of what is asked of the buckets noted."""
    make_client = access.make_client

    def make(conn: Any) -> Any:
        made = make_client(conn)
        made.meta.events.register(
            'before-call.s3',
            lambda model, **_: client_calls.append(model.name),
        )
        return made

    monkeypatch.setattr(access, 'make_client', make)


# ====== GOING ON ======


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

    done = subprocess.run(
        [
            script('openstack'),
            *('ims', 'image', 'create', '--file', str(file)),
            *('--bucket', 'images', '--wait', '-f', 'value', '-c', 'id'),
            name,
        ],
        env={
            **os.environ,
            'OS_CLIENT_CONFIG_FILE': str(clouds),
            'OS_CLOUD': 'alice',
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert 'the job' in notes
    assert done.stdout.strip() == check_image(conn, file, name), done.stderr
    assert objects_there(client) == []
    assert records() == []


# ====== CHANGES IN BETWEEN ======


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


# ====== THE RECORD ======


def test_the_record_is_private_and_holds_no_secret(
    conn: connection.Connection,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issued: list[dict[str, str]] = []
    issue_key = access._issue_key

    def issue(connection: Any) -> dict[str, str]:
        issued.append(issue_key(connection))
        return issued[-1]

    monkeypatch.setattr(access, '_issue_key', issue)
    interrupted(run, description='Something confidential')

    folder = import_record.folder()
    [record] = records()
    text = record.read_text('utf-8')
    assert folder.stat().st_mode & 0o777 == 0o700
    assert record.stat().st_mode & 0o777 == 0o600
    secrets = [
        conn.config.config['auth']['password'],
        conn.session.get_token(),
        *(issued[0][part] for part in ('access_key', 'secret_key', 'token')),
        'confidential',
    ]
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize(
    'damage',
    [
        '',
        '{',
        '[1]',
        '{"version": 1}',
        '{"version": 2}',
        '\ud800',
        '[' * 100_000,
    ],
)
def test_a_damaged_record_is_put_aside_with_a_warning(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    interrupted(run)
    [record] = records()
    record.write_bytes(damage.encode('utf-8', 'surrogatepass'))

    run()

    assert 'put aside' in caplog.text
    assert [path.suffix for path in records()] == ['.unreadable']
    check_image(conn, file, name)


def test_any_field_of_the_wrong_type_counts_as_damage(
    run: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(run)
    [record] = records()
    good = json.loads(record.read_text('utf-8'))
    for field in good:
        with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
            import_record.Record.from_json({**good, field: [1]})


def test_a_state_folder_that_cannot_be_used_is_told_and_no_obstacle(
    conn: connection.Connection,
    client: 'S3Client',
    run: Callable[..., Any],
    file: Path,
    name: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / 'state').write_text('not a folder', 'utf-8')

    with caplog.at_level(logging.WARNING):
        run()

    assert 'cannot go on' in caplog.text
    check_image(conn, file, name)


def test_without_a_record_an_interrupted_upload_leaves_nothing(
    client: 'S3Client', run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / 'state').write_text('not a folder', 'utf-8')

    with pytest.raises(KeyboardInterrupt) as caught:
        run(progress=interrupt)

    assert not hasattr(caught.value, '__notes__')
    assert objects_there(client) == []


def test_without_platformdirs_the_extra_is_named(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'platformdirs', None)

    with pytest.raises(exceptions.MissingExtraError, match=r'ims-ext\[obs\]'):
        run()


# ====== SEVERAL AT A TIME ======


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

    def issue(connection: Any) -> dict[str, str]:
        issued.append(issue_key(connection))
        return issued[-1]

    monkeypatch.setattr(identity, 'KEY_SECONDS', (1, 86400))
    monkeypatch.setattr(access, 'KEY_SECONDS', 2)
    monkeypatch.setattr(access, '_RENEW_EARLY', 1)
    monkeypatch.setattr(access, '_RENEW_LATE', 0.5)
    monkeypatch.setattr(access, '_issue_key', issue)

    with server.faults.active('slow=1,on=bucket,method=PUT'):
        run()

    assert len({each['access_key'] for each in issued}) > 1
    check_image(conn, file, name)
