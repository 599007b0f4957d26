# SPDX-License-Identifier: Apache-2.0
"""The object store of the emulator: OBS and S3, every project on its own."""

from collections.abc import Iterable, Iterator, Sequence
import contextlib
import dataclasses
import io
import logging
from pathlib import Path
import tempfile
from typing import BinaryIO
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment

from werkzeug.wrappers import Response

from ims_ext.closing import Closing
from ims_ext.emulator import private_files
from ims_ext.emulator import request_record
from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket.auth import AccessKey
from ims_ext.emulator.bucket.auth import AccessKeys
from ims_ext.emulator.bucket.auth import Authenticated
from ims_ext.emulator.bucket.auth import SignatureMismatch
from ims_ext.emulator.bucket.auth import authenticate
from ims_ext.emulator.bucket.blob import CHUNK
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.body import Body
from ims_ext.emulator.bucket.bucket_api import BucketsApi
from ims_ext.emulator.bucket.bucket_api import check_name
from ims_ext.emulator.bucket.bucket_settings_api import BucketSettingsApi
from ims_ext.emulator.bucket.call import Call
from ims_ext.emulator.bucket.call import Operation
from ims_ext.emulator.bucket.call import empty
from ims_ext.emulator.bucket.contents import Contents
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.object_api import ObjectsApi
from ims_ext.emulator.bucket.record import ObjectEntry
from ims_ext.emulator.bucket.region import REGION
from ims_ext.emulator.bucket.region import Regions
from ims_ext.emulator.bucket.request import BucketRequest
from ims_ext.emulator.bucket.request import read_request
from ims_ext.emulator.bucket.router import BucketRouter
from ims_ext.emulator.bucket.spool import BodyBuffer
from ims_ext.emulator.bucket.upload_api import UploadsApi
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.state.database import Database
from ims_ext.emulator.state.ids import Ids

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

_MAX_KEY = 1024

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
class StoredObject(Closing):
    """An object opened for reading; closes itself as a context manager.

    It stays readable when the object is deleted or replaced meanwhile.

    :ivar size: Bytes.
    :ivar etag: Its etag, without quotes.
    :ivar stream: Its bytes, with ``read`` and ``seek``.
    """

    size: int
    etag: str
    stream: io.BufferedReader

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
    :param database: The database of the state in that directory; ``None``
        to open it here.
    :param region: The region of its buckets, where there is one.
    :param domains: The domains that it has names in: with ``localhost``, a
        bucket's name may stand before ``localhost``, ``obs.localhost`` or
        ``obs.eu-emu-1.localhost``. Elsewhere it is the path's first part.
    :param ids: Gives requests and uploads theirs; ``None`` for some that
        follow from the default seed.
    :param regions: Its regions, where there are several.
    :param clock: Gives the time; the machine's where not given.

    :ivar clock: The same.
    """

    def __init__(
        self,
        access_keys: AccessKeys,
        state_dir: Path | None = None,
        database: Database | None = None,
        region: str = 'eu-emu-1',
        domains: Sequence[str] = ('localhost',),
        clock: Clock | None = None,
        ids: Ids | None = None,
        regions: Regions | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self._access_keys = access_keys
        self._domains = domains
        with contextlib.ExitStack() as stack:
            if state_dir is None:
                state_dir = Path(
                    stack.enter_context(
                        tempfile.TemporaryDirectory(prefix='ims-bucket-')
                    )
                )
            private_files.make_directory(state_dir)
            if database is None:
                path = state_dir / 'state.sqlite'
                private_files.make_database(path)
                database = Database(path, True)
                stack.callback(database.close)
            self._directory = BlobDirectory(state_dir / 'objects')
            self._ids = ids or Ids(database)
            self._contents = Contents(
                database, self._directory, self._ids, self.clock
            )
            self._stack = stack.pop_all()
        self._region = region
        self._regions = regions
        self._objects = ObjectsApi(self._contents, self._directory)
        self._router = BucketRouter(
            (
                BucketsApi(self._contents),
                BucketSettingsApi(self._contents),
                self._objects,
                UploadsApi(self._contents, self._directory, self._objects),
            )
        )

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations that clients can ask for."""
        return self._router.operations

    def close(self) -> None:
        """Stop; requests that come later fail."""
        self._stack.close()

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request of a client of OBS or S3."""
        environ.setdefault(errors.REQUEST_ID, self._ids.request())
        record = request_record.of(environ)
        record.service = 'bucket'
        try:
            request = read_request(environ, self._domains)
            response = self._respond(request, environ)
        except SignatureMismatch as error:
            record.signed = error.signed
            return errors.answer(error, environ, start_response)
        except S3Error as error:
            return errors.answer(error, environ, start_response)
        except Exception:
            LOG.exception("The object store failed on a request")
            return errors.answer(_INTERNAL_ERROR, environ, start_response)
        errors.identify(response, request.dialect.prefix, environ)
        return response(environ, start_response)

    def body_buffer(self) -> BodyBuffer | None:
        """Return what keeps the body of a large request, if not memory."""
        return self._directory.body_buffer()

    def is_known(self, environ: WSGIEnvironment) -> bool:
        """Whether somebody has signed a request, of which the head is there.

        :param environ: The request, without its body.
        """
        try:
            request = read_request(environ, self._domains)
            authenticate(request, self._access_keys, self.clock)
        except S3Error:
            return False
        return True

    def _respond(
        self, request: BucketRequest, environ: WSGIEnvironment
    ) -> Response:
        record = request_record.of(environ)
        record.operation = self._router.operation_name(request)
        bucket, key = request.target
        if request.method == 'HEAD' and 'apiversion' in request.params:
            return self._tell_protocol(bucket)
        if _is_form(request):
            raise errors.not_implemented(["uploads of forms"])
        region = str(environ.get(REGION, self._region))
        caller = authenticate(request, self._access_keys, self.clock)
        if self._regions is not None:
            caller = self._in_region(caller, bucket, region, self._regions)
        record.project_id = caller.project_id
        if bucket:
            check_name(bucket)
        if len(key.encode()) > _MAX_KEY:
            raise S3Error('KeyTooLongError', "The key is too long.")
        body = Body(environ['wsgi.input'], request.headers, caller)
        return self._router.respond(
            Call(environ, request, caller, body, region)
        )

    def _in_region(
        self, caller: Authenticated, bucket: str, region: str, regions: Regions
    ) -> Authenticated:
        """Return who sends a request as they are known in a region.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error` where the
            bucket is in another one.
        """
        found = self._contents.find_bucket(bucket) if bucket else None
        if found is not None and found.region != region:
            raise errors.elsewhere(found.region, regions.url(found.region))
        return dataclasses.replace(
            caller, project_id=regions.project(caller.key, region)
        )

    def _tell_protocol(self, bucket: str) -> Response:
        """Answer what OBS's clients ask before they choose a protocol."""
        if bucket and self._contents.find_bucket(bucket) is None:
            raise errors.no_such_bucket()
        response = empty()
        response.headers['x-obs-api'] = '3.0'
        return response

    # ====== FROM WITHIN THE EMULATOR ======

    def create_bucket(
        self, project_id: str, bucket: str, region: str | None = None
    ) -> None:
        """Make a bucket; does nothing where the project has it already.

        :param project_id: The project it is to belong to.
        :param bucket: Its name.
        :param region: Its region, where there are several.
        :raises BucketTaken: when another project has it.
        """
        with _own_errors():
            check_name(bucket)
            self._contents.add_bucket(
                project_id, bucket, region or self._region, 'STANDARD'
            )

    def buckets(self, project_id: str) -> list[str]:
        """Return the names of a project's buckets.

        :param project_id: The project.
        """
        return [each.name for each in self._contents.buckets(project_id)]

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
            blob, stream = self._objects.open(project_id, bucket, key)
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
        with _own_errors():
            kind = self._contents.bucket(project_id, bucket).storage_class
            blob = self._directory.write(iter(lambda: stream.read(CHUNK), b''))
            headers = {'content-type': 'binary/octet-stream'}
            entry = ObjectEntry(
                bucket, key, blob, self._contents.clock(), kind, headers
            )
            with self._objects.written(blob), self._contents.transaction():
                self._contents.put_object(project_id, entry)
                return self.open(project_id, bucket, key)

    def delete(self, project_id: str, bucket: str, key: str) -> None:
        """Delete an object.

        :param project_id: The project that deletes.
        :param bucket: The bucket's name.
        :param key: The object's key.
        :raises: as :meth:`open`.
        """
        with _own_errors(), self._contents.transaction():
            self._contents.object(project_id, bucket, key)
            self._contents.delete_object(bucket, key)


@contextlib.contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        raise _ERRORS.get(error.code, ObjectStoreError)(
            error.message
        ) from error


def _is_form(request: BucketRequest) -> bool:
    """Return whether a browser sends a form, which is signed differently."""
    kind = request.headers.get('content-type', '')
    return request.method == 'POST' and kind.startswith('multipart/form-data')
