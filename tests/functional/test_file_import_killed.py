# SPDX-License-Identifier: Apache-2.0
"""An import that is killed at any point, and run again."""

from collections.abc import Iterator
from pathlib import Path
import signal
from typing import TYPE_CHECKING, Any
import uuid

from openstack import connection
import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import access

from .imports import Importer
from .imports import check_image
from .imports import objects_there
from .imports import parts_there
from .imports import write_disk
from .own_cloud import Cloud

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KILLED = {'signal': signal.SIGKILL}


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer(job_seconds=0.05, image_quota=1000) as started:
        yield started


@pytest.fixture
def conn(server: EmulatorServer) -> Iterator[connection.Connection]:
    connected = Cloud(server).conn
    yield connected
    connected.close()


@pytest.fixture
def client(conn: connection.Connection) -> 'S3Client':
    return access.make_client(conn)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_disk(tmp_path / 'disk.raw')


@pytest.fixture
def importer(
    server: EmulatorServer, file: Path, tmp_path: Path
) -> Iterator[Importer]:
    started = Importer(tmp_path, file, server)
    yield started
    started.stop()


def points(steps: int, count: int) -> list[int]:
    """Return so many different steps, from the first to almost the last."""
    chosen = sorted({1 + round(n * (steps - 4) / count) for n in range(count)})
    assert len(chosen) == count
    return chosen


def kill(
    conn: connection.Connection, importer: Importer, last: int, **options: Any
) -> str:
    """Kill an import at a step, and return the image's name."""
    while True:
        name = f'killed-{last}-{uuid.uuid4().hex[:4]}'
        is_killed = importer.run(name, last, **options) == KILLED
        # One run has a few more steps than another, for answers arrive in
        # more pieces: this one may have got to its end before.
        has_record = any(
            path.endswith('.json') for path in importer.left(name)
        )
        if is_killed and (has_record or not list(conn.ims.images(name=name))):
            return name
        last -= 5


# Together, these kill at 100 points.


def test_an_import_killed_at_any_point_of_its_way_ends_in_one_image(
    conn: connection.Connection,
    client: 'S3Client',
    importer: Importer,
    file: Path,
) -> None:
    whole = importer.run('whole', bucket='images', wait=True)
    reused = 0
    for last in points(whole['steps'], 60):
        name = kill(conn, importer, last, bucket='images', wait=True)
        there = parts_there(client)

        again = importer.run(name, bucket='images', wait=True)

        assert check_image(conn, file, name) == again.get('image_id'), again
        assert objects_there(client) == [], name
        assert importer.left(name) == [], name
        assert not there & set(again['parts']), name
        reused += len(there)
    assert reused


def test_an_import_killed_where_nothing_waits_is_not_started_twice(
    conn: connection.Connection,
    client: 'S3Client',
    importer: Importer,
    file: Path,
) -> None:
    whole = importer.run('whole', bucket='images')
    for last in points(whole['steps'], 60)[-10:]:
        name = kill(conn, importer, last, bucket='images')

        again = importer.run(name, bucket='images')

        [image] = conn.ims.images(name=name)
        conn.ims.wait_for_status(image, 'active', interval=0.05, wait=30)
        check_image(conn, file, name)
        assert importer.left(name) == [], name
        bucket, _, key = again['left_object'].partition(':')
        client.delete_object(Bucket=bucket, Key=key)
        assert parts_there(client) == set(), name


def test_an_upload_without_bucket_killed_at_any_point_ends_in_one_image(
    conn: connection.Connection, importer: Importer, file: Path
) -> None:
    whole = importer.run('whole', wait=True)
    for last in points(whole['steps'], 30):
        name = kill(conn, importer, last, wait=True)

        again = importer.run(name, wait=True)

        assert check_image(conn, file, name) == again.get('image_id'), again
        assert importer.left(name) == [], name
