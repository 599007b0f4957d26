# SPDX-License-Identifier: Apache-2.0
"""The emulator's buckets from within, and across restarts."""

from collections.abc import Iterator
import io
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ims_ext.emulator.bucket import store as bucket_store
from ims_ext.emulator.bucket.store import BucketStore

from ..buckets import KEYS
from ..buckets import MIB
from ..buckets import files
from ..buckets import read
from ..buckets import refused
from ..buckets import s3
from ..buckets import serving
from ..buckets import upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# ====== FROM WITHIN THE EMULATOR ======


def test_an_import_reads_an_object_anywhere(
    store: BucketStore, alpha: 'S3Client'
) -> None:
    data = os.urandom(12 * MIB)
    upload(alpha, data, 'big')

    with store.open('alpha', 'images', 'big') as found:
        assert found.size == len(data)
        assert found.etag.endswith('-3')
        assert found.stream.read() == data
        found.stream.seek(5 * MIB - 3)
        assert found.stream.read(6) == data[5 * MIB - 3 : 5 * MIB + 3]
        assert found.stream.seek(-4, os.SEEK_END) == len(data) - 4
        assert found.stream.read() == data[-4:]


def test_an_object_stays_readable_while_it_is_deleted(
    store: BucketStore, alpha: 'S3Client', tmp_path: Path
) -> None:
    alpha.put_object(Bucket='images', Key='key', Body=b'content')

    with store.open('alpha', 'images', 'key') as found:
        alpha.delete_object(Bucket='images', Key='key')
        assert found.stream.read() == b'content'

    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ('project', 'bucket', 'error'),
    [
        ('alpha', 'images', bucket_store.NoSuchObject),
        ('alpha', 'nothing', bucket_store.NoSuchBucket),
        ('beta', 'images', bucket_store.AccessDenied),
    ],
)
@pytest.mark.parametrize('operation', ['open', 'delete'])
def test_what_an_import_cannot_have_is_told_apart(
    store: BucketStore,
    project: str,
    bucket: str,
    error: type[Exception],
    operation: str,
) -> None:
    with pytest.raises(error):
        getattr(store, operation)(project, bucket, 'key')


def test_an_export_puts_an_object_that_s3_clients_see(
    store: BucketStore, alpha: 'S3Client'
) -> None:
    with store.put('alpha', 'images', 'key', io.BytesIO(b'content')) as made:
        assert made.size == 7

    assert read(alpha, 'key') == b'content'


@pytest.mark.parametrize(
    ('project', 'bucket', 'error'),
    [
        ('alpha', 'nothing', bucket_store.NoSuchBucket),
        ('beta', 'images', bucket_store.AccessDenied),
    ],
)
def test_an_export_into_a_bucket_out_of_reach_leaves_no_file(
    store: BucketStore,
    tmp_path: Path,
    project: str,
    bucket: str,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        store.put(project, bucket, 'key', io.BytesIO(b'content'))

    assert files(tmp_path) == []


@pytest.mark.parametrize('loaded', [False, True])
def test_a_bucket_made_by_the_emulator_is_one_projects(
    tmp_path: Path, loaded: bool
) -> None:
    store = BucketStore(KEYS, tmp_path)
    if loaded:
        with pytest.raises(bucket_store.NoSuchBucket):
            store.open('alpha', 'images', 'key')

    store.create_bucket('alpha', 'images')
    store.create_bucket('alpha', 'images')

    assert store.buckets('alpha') == ['images']
    with pytest.raises(bucket_store.BucketTaken):
        store.create_bucket('beta', 'images')
    store.close()


# ====== RESTARTS ======

_SERVER = """
import pathlib, sys
sys.path.insert(0, sys.argv[2])
from functional.buckets import KEYS, serving
from ims_ext.emulator.bucket.store import BucketStore
store = BucketStore(KEYS, pathlib.Path(sys.argv[1]))
store.create_bucket('alpha', 'images')
with serving(store) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own."""
    with subprocess.Popen(
        [
            sys.executable,
            '-c',
            _SERVER,
            str(tmp_path),
            str(Path(__file__).parents[2]),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def where(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_killed_server_has_lost_nothing_that_it_answered(
    process: subprocess.Popen[str], tmp_path: Path
) -> None:
    data = os.urandom(12 * MIB)
    client = s3(where(process), KEYS['ALPHA'])
    client.create_bucket(Bucket='more')
    client.put_object(
        Bucket='images', Key='small', Body=b'x', ContentType='text/plain'
    )
    client.put_object(Bucket='images', Key='deleted', Body=b'x')
    client.delete_object(Bucket='images', Key='deleted')
    upload(client, data, 'big')
    before = client.head_object(Bucket='images', Key='big')
    process.send_signal(signal.SIGKILL)
    process.wait()

    store = BucketStore(KEYS, tmp_path)
    with serving(store) as url:
        client = s3(url, KEYS['ALPHA'])
        assert store.buckets('alpha') == ['images', 'more']
        listed = client.list_objects_v2(Bucket='images')['Contents']
        assert [entry['Key'] for entry in listed] == ['big', 'small']
        assert read(client, 'big') == data
        after = client.head_object(Bucket='images', Key='big')
        assert after['ETag'] == before['ETag']
        assert after['LastModified'] == before['LastModified']
        head = client.head_object(Bucket='images', Key='small')
        assert head['ContentType'] == 'text/plain'
        beta = s3(url, KEYS['BETA'])
        assert refused(lambda: read(beta, 'big')) == 'AccessDenied'
    store.close()
    assert len(files(tmp_path)) == 4


def test_an_unfinished_upload_goes_on_after_the_server_was_killed(
    process: subprocess.Popen[str], tmp_path: Path
) -> None:
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB), os.urandom(MIB)]
    client = s3(where(process), KEYS['ALPHA'])
    begun = client.create_multipart_upload(
        Bucket='images', Key='big', ContentType='text/plain'
    )
    aborted = client.create_multipart_upload(Bucket='images', Key='no')
    for upload_id, key in ((begun['UploadId'], 'big'), ('', 'no')):
        for number in (1, 3):
            client.upload_part(
                Bucket='images',
                Key=key,
                UploadId=upload_id or aborted['UploadId'],
                PartNumber=number,
                Body=parts[number - 1],
            )
    client.abort_multipart_upload(
        Bucket='images', Key='no', UploadId=aborted['UploadId']
    )
    before = client.list_multipart_uploads(Bucket='images')['Uploads']

    process.send_signal(signal.SIGKILL)
    process.wait()

    store = BucketStore(KEYS, tmp_path)
    with serving(store) as url:
        client = s3(url, KEYS['ALPHA'])
        assert (
            client.list_multipart_uploads(Bucket='images')['Uploads'] == before
        )
        upload = {
            'Bucket': 'images',
            'Key': 'big',
            'UploadId': before[0]['UploadId'],
        }
        there = client.list_parts(**upload)['Parts']
        assert [(p['PartNumber'], p['Size']) for p in there] == [
            (1, 5 * MIB),
            (3, MIB),
        ]
        client.upload_part(**upload, PartNumber=2, Body=parts[1])
        client.complete_multipart_upload(
            **upload,
            MultipartUpload={
                'Parts': [
                    {'PartNumber': p['PartNumber'], 'ETag': p['ETag']}
                    for p in client.list_parts(**upload)['Parts']
                ]
            },
        )
        assert read(client, 'big') == b''.join(parts)
        head = client.head_object(Bucket='images', Key='big')
        assert head['ContentType'] == 'text/plain'
        assert 'Uploads' not in client.list_multipart_uploads(Bucket='images')
    store.close()
    assert len(files(tmp_path)) == 3


def test_memory_stays_flat_whatever_the_objects_size(
    process: subprocess.Popen[str],
) -> None:
    client = s3(where(process), KEYS['ALPHA'])
    upload(client, bytes(10 * MIB), 'warm-up')
    read(client, 'warm-up')
    before = peak_memory(process.pid)

    upload(client, bytes(192 * MIB), 'big')
    client.copy_object(Bucket='images', Key='copy', CopySource='images/big')
    for chunk in client.get_object(Bucket='images', Key='copy')[
        'Body'
    ].iter_chunks(MIB):
        assert chunk

    assert peak_memory(process.pid) - before < 64 * MIB


def peak_memory(pid: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    status = Path(f'/proc/{pid}/status').read_text('ascii')
    found = re.search(r'VmHWM:\s+(\d+) kB', status)
    assert found
    return int(found[1]) * 1024


def test_files_are_named_by_nothing_that_a_client_sent(
    alpha: 'S3Client', tmp_path: Path
) -> None:
    for key in ('../../escape', '/etc/passwd', 'plain'):
        alpha.put_object(Bucket='images', Key=key, Body=b'content')

    assert all(re.fullmatch('[0-9a-f]{32}', name) for name in files(tmp_path))
    assert len(files(tmp_path)) == 3
    assert read(alpha, '../../escape') == b'content'
