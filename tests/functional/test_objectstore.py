# SPDX-License-Identifier: Apache-2.0
"""Files on their way into buckets, through a real connection."""

import _thread
from collections.abc import Callable, Iterable, Iterator
import contextlib
import logging
import os
from pathlib import Path
import signal
import threading
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment

from openstack import connection
import pytest

from ims_ext import exceptions
from ims_ext.emulator.bucket.store import BucketStore
from ims_ext.objectstore import ObjectStore
from ims_ext.objectstore import access
from ims_ext.transport import retry

from .buckets import KEYS
from .buckets import MIB
from .buckets import Key
from .buckets import in_minutes
from .buckets import read
from .buckets import s3
from .buckets import serving

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SIZE = 40 * MIB

Connect = Callable[..., connection.Connection]
StoreOf = Callable[[Key], ObjectStore]


class Front:
    """What the clients reach: the buckets, until something happens.

    :ivar on_part: Called when a part comes in; a status that it returns is
        the answer.
    """

    def __init__(self, buckets: BucketStore) -> None:
        self._buckets = buckets
        self.on_part: Callable[[], str | None] = lambda: None

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if 'partNumber' in environ['QUERY_STRING']:
            status = self.on_part()
            if status:
                start_response(status, [('Content-Length', '0')])
                return []
        return self._buckets(environ, start_response)


#: Ask again soon, and not often.
SOON = retry.Policy(first_pause=0.05, longest_pause=0.1, retries=5)


@pytest.fixture(scope='module')
def front() -> Iterator[Front]:
    buckets = BucketStore(KEYS)
    buckets.create_bucket('alpha', 'images')
    buckets.create_bucket('beta', 'others')
    yield Front(buckets)
    buckets.close()


@pytest.fixture(scope='module')
def url(front: Front) -> Iterator[str]:
    with serving(front) as url:
        yield url


@pytest.fixture(autouse=True)
def nothing_happens(front: Front) -> Iterator[None]:
    yield
    front.on_part = lambda: None


@pytest.fixture
def client(url: str) -> 'S3Client':
    """Another client, to see what became of it."""
    return s3(url, KEYS['ALPHA'])


@pytest.fixture
def store_of(connect: Connect, url: str) -> StoreOf:
    """Make an object store that uses a given key."""

    def make(key: Key) -> ObjectStore:
        return ObjectStore(
            connect(
                'alice',
                obs_endpoint_override=url,
                ak=key.access,
                sk=key.secret,
                security_token=key.security_token,
            ),
            SOON,
        )

    return make


@pytest.fixture
def store(store_of: StoreOf) -> ObjectStore:
    return store_of(KEYS['ALPHA'])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is uploaded in three parts."""
    path = tmp_path / 'disk.raw'
    path.write_bytes(os.urandom(SIZE))
    return path


def unfinished(client: 'S3Client', key: str) -> list[str]:
    uploads = client.list_multipart_uploads(Bucket='images').get('Uploads', [])
    return [upload['UploadId'] for upload in uploads if upload['Key'] == key]


# ====== UPLOADS THAT SUCCEED ======


@pytest.mark.parametrize('size', [0, 1, MIB, SIZE])
def test_a_file_arrives_as_it_is(
    store: ObjectStore, client: 'S3Client', tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    path = tmp_path / 'disk.raw'
    path.write_bytes(data)

    store.upload(path, 'images', 'arrived')

    assert read(client, 'arrived') == data


@pytest.mark.parametrize('size', [0, 1, SIZE])
def test_progress_rises_to_the_files_size_from_one_thread_at_a_time(
    store: ObjectStore, tmp_path: Path, size: int
) -> None:
    path = tmp_path / 'disk.raw'
    path.write_bytes(bytes(size))
    calls: list[tuple[int, int]] = []
    free = threading.Lock()
    overlaps: list[int] = []

    def progress(done: int, total: int) -> None:
        if not free.acquire(blocking=False):
            overlaps.append(done)
            return
        calls.append((done, total))
        free.release()

    store.upload(path, 'images', 'counted', progress=progress)

    assert not overlaps
    assert calls == sorted(set(calls))
    assert calls[-1] == (size, size)
    assert {total for _, total in calls} == {size}


def test_progress_never_falls_when_a_part_is_sent_again(
    store: ObjectStore, front: Front, file: Path
) -> None:
    refusals = iter(['503 Slow Down'])
    front.on_part = lambda: next(refusals, None)
    calls: list[int] = []

    store.upload(
        file, 'images', 'again', progress=lambda done, _: calls.append(done)
    )

    assert next(refusals, None) is None
    assert calls == sorted(calls)
    assert calls[-1] == SIZE


def test_the_identity_services_temporary_key_opens_a_bucket(
    alice: connection.Connection, tmp_path: Path
) -> None:
    path = tmp_path / 'disk.raw'
    path.write_bytes(b'content')
    access.make_client(alice).create_bucket(Bucket='temporary')
    store = ObjectStore(alice, SOON)

    store.check_bucket('temporary')
    store.upload(path, 'temporary', 'key')

    assert store.exists('temporary', 'key')


# ====== OTHER OPERATIONS ======


def test_an_object_exists_until_it_is_deleted(
    store: ObjectStore, client: 'S3Client'
) -> None:
    client.put_object(Bucket='images', Key='a/b', Body=b'content')

    assert store.exists('images', 'a/b')
    store.delete('images', 'a/b')
    assert not store.exists('images', 'a/b')
    store.delete('images', 'a/b')


def test_an_object_that_was_just_made_is_young(
    store: ObjectStore, client: 'S3Client'
) -> None:
    client.put_object(Bucket='images', Key='young', Body=b'content')

    age = store.age('images', 'young')

    assert age is not None
    assert 0 <= age < 60


def test_what_is_not_there_has_no_age(store: ObjectStore) -> None:
    assert store.age('images', 'nothing') is None


def test_an_age_in_anothers_bucket_is_not_told(store: ObjectStore) -> None:
    with pytest.raises(exceptions.BucketAccessError):
        store.age('others', 'any')


def test_a_bucket_of_ones_own_is_in_order(store: ObjectStore) -> None:
    store.check_bucket('images')


@pytest.mark.parametrize(
    ('bucket', 'error', 'advice'),
    [
        ('nothing', exceptions.BucketNotFoundError, "create it"),
        ('others', exceptions.BucketAccessError, "bucket of your own"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_told_with_what_to_do(
    store: ObjectStore, file: Path, bucket: str, error: type, advice: str
) -> None:
    for attempt in (
        lambda: store.check_bucket(bucket),
        lambda: store.upload(file, bucket, 'key'),
    ):
        with pytest.raises(error, match=advice) as caught:
            attempt()
        assert bucket in str(caught.value)


@pytest.mark.parametrize(
    'key',
    [
        Key('ALPHA', 'a-wrong-secret', ''),
        Key('UNKNOWN', 'a-wrong-secret', ''),
        Key('TEMP', 'secret-of-temp', '', 'a-wrong-token'),
        KEYS['ENDED'],
    ],
)
def test_a_key_that_the_store_refuses_is_told_from_a_denied_bucket(
    store_of: StoreOf, key: Key
) -> None:
    store = store_of(key)

    with pytest.raises(exceptions.BucketCredentialsError) as caught:
        store.check_bucket('images')

    assert 'OS_ACCESS_KEY' in str(caught.value)
    assert key.secret not in str(caught.value)


# ====== UPLOADS THAT FAIL ======


def test_a_part_that_is_refused_leaves_nothing(
    store: ObjectStore, front: Front, client: 'S3Client', file: Path
) -> None:
    front.on_part = lambda: '403 Forbidden'

    with pytest.raises(exceptions.BucketAccessError) as caught:
        store.upload(file, 'images', 'refused')

    assert not hasattr(caught.value, '__notes__')
    assert unfinished(client, 'refused') == []
    assert not store.exists('images', 'refused')


def test_ctrl_c_leaves_nothing(
    store: ObjectStore, front: Front, client: 'S3Client', file: Path
) -> None:
    kills = iter([signal.SIGINT])

    def interrupt() -> None:
        for kill in kills:
            os.kill(os.getpid(), kill)

    front.on_part = interrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        store.upload(file, 'images', 'stopped')

    assert not hasattr(caught.value, '__notes__')
    assert unfinished(client, 'stopped') == []
    assert not store.exists('images', 'stopped')


@pytest.mark.parametrize('size', [1, SIZE])
def test_ctrl_c_that_comes_too_late_takes_the_object_back(
    store: ObjectStore, tmp_path: Path, size: int
) -> None:
    path = tmp_path / 'disk.raw'
    path.write_bytes(bytes(size))

    def interrupt(done: int, total: int) -> None:
        # The main thread sees this when it wakes up, at the upload's end.
        if done == total:
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        store.upload(path, 'images', 'late', progress=interrupt)

    assert not store.exists('images', 'late')


def test_a_server_that_goes_away_is_told_with_what_may_be_left(
    connect: Connect, file: Path, tmp_path: Path
) -> None:
    buckets = BucketStore(KEYS)
    buckets.create_bucket('alpha', 'images')
    front = Front(buckets)
    ids: list[str] = []
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(serving(front))
        store = ObjectStore(
            connect(
                'alice',
                obs_endpoint_override=url,
                ak='ALPHA',
                sk='secret-of-alpha',
            )
        )
        arrived = threading.Event()
        front.on_part = lambda: arrived.set() or '503 Slow Down'

        def go_away() -> None:
            arrived.wait(30)
            ids.extend(unfinished(s3(url, KEYS['ALPHA']), 'left'))
            stack.close()

        leaving = threading.Thread(target=go_away)
        leaving.start()
        with pytest.raises(exceptions.ObjectStoreError) as caught:
            store.upload(file, 'images', 'left')
        leaving.join()
    buckets.close()

    message = str(caught.value)
    assert url in message
    assert 'images:left' in message
    assert f'of {SIZE} bytes' in message
    (note,) = caught.value.__notes__
    assert 'images:left' in note
    assert ids[0] in note


def test_a_file_that_changes_meanwhile_is_not_left_in_the_bucket(
    store: ObjectStore, file: Path
) -> None:
    def change(done: int, total: int) -> None:
        os.utime(file, (1, 1))

    with pytest.raises(exceptions.ObjectStoreError, match='changed'):
        store.upload(file, 'images', 'changed', progress=change)

    assert not store.exists('images', 'changed')


def test_a_file_that_shrinks_meanwhile_is_not_left_in_the_bucket(
    store: ObjectStore, file: Path, client: 'S3Client'
) -> None:
    def shrink(done: int, total: int) -> None:
        os.truncate(file, MIB)

    with pytest.raises(exceptions.ObjectStoreError, match='changed'):
        store.upload(file, 'images', 'shrunk', progress=shrink)

    assert not store.exists('images', 'shrunk')
    assert unfinished(client, 'shrunk') == []


def test_where_nothing_listens_the_error_names_the_endpoint(
    connect: Connect,
) -> None:
    with serving(lambda environ, start_response: []) as url:
        pass
    conn = connect('alice', obs_endpoint_override=url, ak='a', sk='s')

    with pytest.raises(exceptions.ObjectStoreError, match=url):
        ObjectStore(conn, SOON).check_bucket('images')


# ====== SECRETS ======


def test_an_upload_logs_nothing_secret(
    store_of: StoreOf, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = Key(
        'SECRETIVE',
        'a-secret-secret',
        'alpha',
        'a-secret-token',
        in_minutes(9),
    )
    KEYS[key.access] = key
    store = store_of(key)

    with caplog.at_level(logging.DEBUG):
        store.upload(file, 'images', 'secret')
        store.check_bucket('images')

    assert key.secret not in caplog.text
    assert str(key.security_token) not in caplog.text
    assert 'Signature=' not in caplog.text
