# SPDX-License-Identifier: Apache-2.0
"""The bucket side of the emulator: S3, with every project on its own."""

from collections.abc import Iterable, Iterator
import contextlib
import dataclasses
import datetime
import io
import logging
from pathlib import Path
import re
import tempfile
import threading
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self
from urllib.parse import unquote
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket.auth import AccessKey
from ims_ext.emulator.bucket.auth import AccessKeys
from ims_ext.emulator.bucket.auth import SignedRequest
from ims_ext.emulator.bucket.auth import authenticate
from ims_ext.emulator.bucket.auth import read_request
from ims_ext.emulator.bucket.blob import CHUNK
from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.body import Body
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.journal import REGION
from ims_ext.emulator.bucket.journal import BucketRow
from ims_ext.emulator.bucket.journal import Entries
from ims_ext.emulator.bucket.journal import Journal

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from ims_ext.emulator.bucket.engine import Engine

__all__ = [
    'AccessDenied',
    'AccessKey',
    'AccessKeys',
    'BucketStore',
    'BucketTaken',
    'NoSuchBucket',
    'NoSuchObject',
    'ObjectStoreError',
    'StoredObject',
]

LOG = logging.getLogger(__name__)

_BUCKET = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')
_MAX_KEY = 1024
_PART_PARAMS = {'uploadId', 'partNumber'}

#: What the query of a request that changes something may name, beside what
#: signs it; by method, for a bucket and for an object. The rest of S3
#: (versions, policies, tags ...) is refused rather than forgotten at the next
#: restart.
_PARAMS = {
    'PUT': (set(), _PART_PARAMS),
    'POST': ({'delete'}, {'uploads', 'uploadId'}),
    'DELETE': (set(), {'uploadId', 'versionId'}),
}
#: What moto takes no notice of when it is asked for an object.
_UNREADABLE = {'legal-hold', 'retention', 'torrent'}
_SIGNATURE_PARAMS = {'awsaccesskeyid', 'expires', 'signature', 'x-id'}
_REFUSED_HEADERS = (
    'x-amz-bucket-object-lock-enabled',
    'x-amz-object-lock-',
    'x-amz-server-side-encryption',
    'x-amz-tagging',
)


_INTERNAL_ERROR = S3Error(
    'InternalError', "Internal error of the emulator.", 500
)


class ObjectStoreError(Exception):
    """A bucket or object that cannot be used."""


class NoSuchBucket(ObjectStoreError):
    """The bucket does not exist."""


class NoSuchObject(ObjectStoreError):
    """The bucket exists, the object does not."""


class AccessDenied(ObjectStoreError):
    """The bucket belongs to another project."""


class BucketTaken(ObjectStoreError):
    """A bucket with the name exists already, in another project."""


_ERRORS: dict[str, type[ObjectStoreError]] = {
    'AccessDenied': AccessDenied,
    'BucketAlreadyExists': BucketTaken,
    'NoSuchBucket': NoSuchBucket,
    'NoSuchKey': NoSuchObject,
}


@dataclasses.dataclass
class StoredObject:
    """An object opened for reading; closes itself as a context manager.

    It stays readable when the object is deleted or replaced meanwhile.

    :ivar size: Bytes.
    :ivar etag: Its etag, without quotes.
    :ivar stream: Its bytes, with ``read`` and ``seek``.
    """

    size: int
    etag: str
    stream: io.BufferedReader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream."""
        self.stream.close()


class BucketStore:
    """All buckets of one emulator, and the WSGI application they speak by.

    Buckets belong to the project that made them. Buckets, objects and the
    parts of unfinished uploads survive a restart, a killed process included.

    :param access_keys: Whose signatures are accepted.
    :param state_dir: The directory that everything is kept in; with
        ``None`` a temporary one, deleted by :meth:`close`.
    """

    def __init__(
        self, access_keys: AccessKeys, state_dir: Path | None = None
    ) -> None:
        self._access_keys = access_keys
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if state_dir is None:
            self._temporary = tempfile.TemporaryDirectory(prefix='ims-s3-')
            state_dir = Path(self._temporary.name)
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = BlobDirectory(state_dir / 'objects')
        self._journal = Journal(state_dir / 'buckets.sqlite3')
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def warm_up(self) -> None:
        """Load what the first request needs, in the background."""
        threading.Thread(
            target=self._load, name='bucket-warm-up', daemon=True
        ).start()

    def close(self) -> None:
        """Stop; requests that come later fail."""
        with self._lock:
            self._journal.close()
            if self._temporary is not None:
                self._temporary.cleanup()

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one S3 request."""
        try:
            response = self._respond(environ)
        except S3Error as error:
            return errors.answer(error, environ, start_response)
        except Exception:
            LOG.exception("The bucket side failed on a request")
            return errors.answer(_INTERNAL_ERROR, environ, start_response)
        return response(environ, start_response)

    def create_bucket(self, project_id: str, bucket: str) -> None:
        """Make a bucket; does nothing where the project has it already.

        Takes no time at the start, when nothing has been loaded yet.

        :param project_id: The project it is to belong to.
        :param bucket: Its name.
        :raises BucketTaken: when another project has it.
        """
        with _own_errors():
            _check_bucket(bucket)
            with self._lock:
                engine = self._engine
                if engine is None:
                    self._note_bucket(project_id, bucket)
                    return
            engine.create_bucket(project_id, bucket)

    def _note_bucket(self, project_id: str, bucket: str) -> None:
        """Make a bucket where the engine will find it when it starts."""
        owners = {row.name: row.project_id for row in self._journal.buckets()}
        owner = owners.get(bucket)
        if owner is None:
            now = datetime.datetime.now(datetime.UTC).isoformat()
            row = BucketRow(bucket, project_id, REGION, now)
            self._journal.save(Entries(buckets={bucket: row}))
        elif owner != project_id:
            raise errors.bucket_taken()

    def buckets(self, project_id: str) -> list[str]:
        """Return the names of a project's buckets; fast even at the start.

        :param project_id: The project.
        """
        return [
            row.name
            for row in self._journal.buckets()
            if row.project_id == project_id
        ]

    def open(self, project_id: str, bucket: str, key: str) -> StoredObject:
        """Open an object for reading.

        :param project_id: The project that reads.
        :param bucket: The bucket's name.
        :param key: The object's key.
        :raises NoSuchBucket: when there is no such bucket.
        :raises NoSuchObject: when the bucket has no such object.
        :raises AccessDenied: when the bucket is another project's.
        """
        with _own_errors():
            blob = self._load().find(project_id, bucket, key)
        try:
            stream = blob.open()
        except FileNotFoundError:
            raise NoSuchObject("The object does not exist.") from None
        return StoredObject(blob.size, blob.etag, stream)

    def put(
        self, project_id: str, bucket: str, key: str, stream: BinaryIO
    ) -> StoredObject:
        """Write an object, in place of one with the same key.

        :param project_id: The project that writes.
        :param bucket: The bucket's name.
        :param key: The object's key.
        :param stream: Its bytes, read to the end.
        :returns: The object, opened for reading.
        :raises NoSuchBucket: when there is no such bucket.
        :raises AccessDenied: when the bucket is another project's.
        """
        # The engine deletes, when it starts, what no object has.
        engine = self._load()
        blob = self._directory.write(iter(lambda: stream.read(CHUNK), b''))
        try:
            with _own_errors():
                engine.put(project_id, bucket, key, blob)
        except BaseException:
            blob.delete()
            raise
        return StoredObject(blob.size, blob.etag, blob.open())

    def delete(self, project_id: str, bucket: str, key: str) -> None:
        """Delete an object.

        :param project_id: The project that deletes.
        :param bucket: The bucket's name.
        :param key: The object's key.
        :raises: as :meth:`open`.
        """
        with _own_errors():
            self._load().delete(project_id, bucket, key)

    def _load(self) -> 'Engine':
        with self._lock:
            if self._engine is None:
                from ims_ext.emulator.bucket.engine import Engine

                self._engine = Engine(self._directory, self._journal)
            return self._engine

    def _respond(self, environ: WSGIEnvironment) -> 'Response':
        request = read_request(environ)
        access_key = authenticate(request, self._access_keys)
        bucket, key = _target(request)
        _check_supported(request, bucket, key)
        body: Blob | bytes
        received = Body(environ, request.headers)
        engine = self._load()
        if (
            request.method == 'PUT'
            and key
            and 'x-amz-copy-source' not in request.headers
        ):
            body = received.spool(self._directory)
        else:
            body = received.xml()
        for name, value in received.trailers.items():
            if name.startswith('x-amz-checksum-'):
                environ[f'HTTP_{name.upper().replace("-", "_")}'] = value
        return engine.respond(
            access_key.project_id, environ, bucket, key, body
        )


@contextlib.contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        raise _ERRORS.get(error.code, ObjectStoreError)(
            error.message
        ) from error


def _target(request: SignedRequest) -> tuple[str, str]:
    """Return the bucket and the key that a request is about."""
    path = unquote(request.path[1:], errors='strict')
    if request.bucket:
        return request.bucket, path
    bucket, _, key = path.partition('/')
    if key and not bucket:
        raise S3Error('InvalidURI', "The request's path names no bucket.")
    return bucket, key


def _check_bucket(bucket: str) -> None:
    if not _BUCKET.fullmatch(bucket):
        raise S3Error(
            'InvalidBucketName', "The specified bucket is not valid."
        )


def _check_supported(request: SignedRequest, bucket: str, key: str) -> None:
    """Refuse what this service does not do."""
    if bucket:
        _check_bucket(bucket)
    if len(key.encode()) > _MAX_KEY:
        raise S3Error('KeyTooLongError', "Your key is too long.")
    if request.method in ('GET', 'HEAD'):
        _refuse(sorted(_UNREADABLE & request.params.keys()))
        return
    allowed = _PARAMS.get(request.method)
    if allowed is None or not bucket:
        raise _method_not_allowed()
    named = {
        name
        for name in request.params
        if not name.lower().startswith('x-amz-')
        and name.lower() not in _SIGNATURE_PARAMS
    }
    if request.method == 'POST' and not named & allowed[bool(key)]:
        raise _method_not_allowed()
    refused = sorted(named - allowed[bool(key)]) + [
        name for name in request.headers if name.startswith(_REFUSED_HEADERS)
    ]
    if request.headers.get('x-amz-acl', 'private') != 'private':
        refused.append('x-amz-acl')
    _refuse(refused)
    if request.method == 'PUT' and len(named & _PART_PARAMS) == 1:
        raise S3Error(
            'InvalidArgument',
            "A part needs both an uploadId and a partNumber.",
        )


def _refuse(names: list[str]) -> None:
    if names:
        raise S3Error(
            'NotImplemented',
            f"The emulator does not implement {', '.join(names)}.",
            501,
        )


def _method_not_allowed() -> S3Error:
    return S3Error(
        'MethodNotAllowed',
        "The method is not allowed against this resource.",
        405,
    )
