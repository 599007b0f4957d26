# SPDX-License-Identifier: Apache-2.0
"""A cloud, a file, and a run of its import that can be interrupted."""

from collections.abc import Callable, Iterator
from pathlib import Path
import time
from typing import TYPE_CHECKING, Any

from openstack import connection
import pytest

from ims_ext import proxy
from ims_ext import reconcile
from ims_ext.emulator.server import EmulatorServer
from ims_ext.extension import job as _job
from ims_ext.extension import job_watch
from ims_ext.objectstore import access
from ims_ext.objectstore import checkpoint
from ims_ext.transport import retry

from ..imports import PART_SIZE
from ..imports import objects_there
from ..imports import write_disk
from ..own_cloud import Cloud

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
    monkeypatch.setattr(checkpoint, 'PART_SIZE', PART_SIZE)
    # One part after the other, so that some are there before others.
    monkeypatch.setattr(access, 'CONNECTIONS', 1)
    policy = retry.Policy(first_pause=0.1, longest_pause=0.1, retries=20)
    monkeypatch.setattr(proxy.Proxy, 'retry_policy', policy)
    monkeypatch.setattr(reconcile, '_sleep', lambda seconds: time.sleep(0.02))
    monkeypatch.setattr(_job, 'DEFAULT_INTERVAL', 0.05)
    monkeypatch.setattr(job_watch, '_SHORTEST_PAUSE', 0.05)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_disk(tmp_path / 'disk.raw')


@pytest.fixture
def run(
    conn: connection.Connection, file: Path, name: str
) -> Callable[..., Any]:
    """Import the file through the bucket, and wait."""

    def run(**options: Any) -> Any:
        options = {'bucket': 'images', 'wait': True, **options}
        return conn.ims.create_image_from_file(file, name, **options)

    return run
