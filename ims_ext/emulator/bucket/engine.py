# SPDX-License-Identifier: Apache-2.0
"""S3 itself: moto's answers from our buckets, and the journal kept.

Importing moto takes most of a second: import this module late.
"""

import datetime
import io
import logging
import threading
from typing import IO, Any, cast
from urllib.parse import parse_qsl
from urllib.parse import quote
from urllib.parse import urlencode
from wsgiref.types import WSGIEnvironment
from xml.parsers.expat import ExpatError

from moto.core.request import Request
from moto.s3.exceptions import S3ClientError
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from ims_ext.emulator.bucket.backend import ProjectBackend
from ims_ext.emulator.bucket.backend import StoredKey
from ims_ext.emulator.bucket.backend import StoredMultipart
from ims_ext.emulator.bucket.blob import CHUNK
from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.blob import View
from ims_ext.emulator.bucket.changes import Changes
from ims_ext.emulator.bucket.changes import Noted
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.handler import Handler
from ims_ext.emulator.bucket.journal import REGION
from ims_ext.emulator.bucket.journal import BucketRow
from ims_ext.emulator.bucket.journal import Entries
from ims_ext.emulator.bucket.journal import Journal
from ims_ext.emulator.bucket.journal import ObjectRow
from ims_ext.emulator.bucket.journal import PartRow
from ims_ext.emulator.bucket.journal import UploadRow

LOG = logging.getLogger(__name__)

#: Headers that have done their work before moto sees the request.
_SPENT_HEADERS = (
    'HTTP_CONTENT_MD5',
    'HTTP_X_AMZ_CONTENT_SHA256',
    'HTTP_X_AMZ_DATE',
    'HTTP_X_AMZ_DECODED_CONTENT_LENGTH',
    'HTTP_X_AMZ_SECURITY_TOKEN',
    'HTTP_X_AMZ_TRAILER',
)
_SPENT_PARAMS = ('awsaccesskeyid', 'expires', 'signature')
# moto takes the region from here; what the client signed stays with us.
_AUTHORIZATION = (
    f'AWS4-HMAC-SHA256 Credential=-/20000101/{REGION}/s3/aws4_request, '
    f'SignedHeaders=host, Signature=-'
)


class Engine:
    """The buckets of all projects.

    :param directory: Where the objects' files are.
    :param journal: What survives a restart; it is read here.
    """

    def __init__(self, directory: BlobDirectory, journal: Journal) -> None:
        self._directory = directory
        self._journal = journal
        self._changes = Changes()
        self._flushing = threading.Lock()
        self._owners: dict[str, ProjectBackend] = {}
        self._projects: dict[str, ProjectBackend] = {}
        self._load()

    def respond(
        self,
        project_id: str,
        environ: WSGIEnvironment,
        bucket: str,
        key: str,
        body: Blob | bytes,
    ) -> Response:
        """Answer a request whose signature and body have been checked.

        :param project_id: Whose request it is.
        :param environ: The request.
        :param bucket: The bucket, empty where the request names none.
        :param key: The object's key, empty where the request names none.
        :param body: The body, already read.
        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        response = None
        try:
            response = self._ask_moto(project_id, environ, bucket, key, body)
            changing = environ['REQUEST_METHOD'] not in ('GET', 'HEAD')
            if changing and response.status_code < 300:
                if key:
                    # moto adds the metadata after it has put the object.
                    self._changes.touch(bucket, key)
                self.flush()
            return response
        finally:
            failed = response is None or response.status_code >= 300
            if isinstance(body, Blob) and failed:
                body.delete()

    def _ask_moto(
        self,
        project_id: str,
        environ: WSGIEnvironment,
        bucket: str,
        key: str,
        body: Blob | bytes,
    ) -> Response:
        request = Request(_for_moto(environ, bucket, key, body))
        handler = Handler(self._project(project_id), body)
        handle = handler.key_response if key else handler.bucket_response
        try:
            status, headers, content = handle(
                request, request.raw_url, dict(request.headers)
            )
        except ExpatError:
            raise S3Error(
                'MalformedXML', "The request's body is not valid XML."
            ) from None
        except S3ClientError as error:
            raise S3Error(error.code, error.message) from error
        except RequestedRangeNotSatisfiable as error:
            raise S3Error(
                'InvalidRange', "The object has no such part.", 416
            ) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # moto checks little of what it reads out of a request.
            LOG.info("Refused a malformed request", exc_info=True)
            raise _malformed(request.method) from error
        if isinstance(content, View):
            return _download(environ, status, headers, content)
        response = Response(content, status=status, headers=headers)
        if request.method == 'HEAD' and 'content-length' in headers:
            response.headers['Content-Length'] = headers['content-length']
        return response

    def create_bucket(self, project_id: str, bucket: str) -> None:
        """Add a bucket; does nothing where the project has it already.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error` where another
            project has it.
        """
        self._project(project_id).create_bucket(bucket, REGION)
        self.flush()

    def find(self, project_id: str, bucket: str, key: str) -> Blob:
        """Return the file of an object.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        return self._find(project_id, bucket, key).blob

    def put(self, project_id: str, bucket: str, key: str, blob: Blob) -> None:
        """Make an object of a file.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        try:
            self._project(project_id).put_object(bucket, key, blob)
        except S3ClientError as error:
            raise S3Error(error.code, error.message, 404) from error
        self.flush()

    def delete(self, project_id: str, bucket: str, key: str) -> None:
        """Delete an object.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        self._find(project_id, bucket, key)
        self._project(project_id).delete_object(bucket, key)
        self.flush()

    def _find(self, project_id: str, bucket: str, key: str) -> StoredKey:
        try:
            found = self._project(project_id).get_object(bucket, key)
        except S3ClientError as error:
            raise S3Error(error.code, error.message, 404) from error
        if not isinstance(found, StoredKey):
            raise S3Error('NoSuchKey', "The object does not exist.", 404)
        return found

    def _project(self, project_id: str) -> ProjectBackend:
        with self._changes.lock:
            backend = self._projects.get(project_id)
            if backend is None:
                backend = self._projects[project_id] = ProjectBackend(
                    project_id, self._owners, self._directory, self._changes
                )
            return backend

    def flush(self) -> None:
        """Bring the journal up to date, then delete what it no longer has."""
        with self._flushing:
            # What an upload becomes is written at once with its end.
            with self._changes.lock:
                noted = self._changes.take()
                entries = self._entries(noted)
            if not noted:
                return
            try:
                self._journal.save(entries)
            except BaseException:
                self._changes.give_back(noted)
                raise
            for blob in noted.discarded:
                blob.delete()

    def _entries(self, noted: Noted) -> Entries:
        """Return what is to be written of what has changed."""
        entries = Entries()
        for name, key in noted.objects:
            if not self._is_there(name, entries) or not key:
                continue
            row = self._object_row(name, key)
            if row is not None:
                entries.objects.append(row)
            else:
                entries.gone_objects.append((name, key))
        for name, upload_id, number in noted.uploads:
            if self._is_there(name, entries):
                self._add_upload(entries, name, upload_id, number)
        return entries

    def _is_there(self, name: str, entries: Entries) -> bool:
        """Return whether a bucket is there, and have that written."""
        row = self._bucket_row(name)
        if row is None:
            entries.gone_buckets.add(name)
            return False
        entries.buckets[name] = row
        return True

    def _add_upload(
        self, entries: Entries, bucket: str, upload_id: str, number: int | None
    ) -> None:
        upload = self._owners[bucket].buckets[bucket].multiparts.get(upload_id)
        if not isinstance(upload, StoredMultipart):
            entries.gone_uploads.add(upload_id)
            return
        entries.uploads.append(
            UploadRow(
                upload_id,
                bucket,
                upload.key_name,
                upload.begun.isoformat(),
                dict(upload.metadata),
            )
        )
        part = upload.parts.get(number or 0)
        if number and isinstance(part, StoredKey):
            entries.parts.append(
                PartRow(
                    upload_id,
                    number,
                    _files(part.blob),
                    part.blob.etag,
                    part.last_modified.isoformat(),
                )
            )

    def _bucket_row(self, name: str) -> BucketRow | None:
        owner = self._owners.get(name)
        bucket = owner.buckets.get(name) if owner else None
        if owner is None or bucket is None:
            return None
        return BucketRow(
            name,
            owner.project_id,
            bucket.region_name,
            bucket.creation_date.isoformat(),
        )

    def _object_row(self, bucket: str, key: str) -> ObjectRow | None:
        owner = self._owners.get(bucket)
        found = owner.buckets[bucket].keys.get(key) if owner else None
        if found is None:
            return None
        return ObjectRow(
            bucket,
            key,
            _files(found.blob),
            found.blob.etag,
            found.last_modified.isoformat(),
            dict(found.metadata),
        )

    def _load(self) -> None:
        for row in self._journal.buckets():
            created = datetime.datetime.fromisoformat(row.created_at)
            self._project(row.project_id).add_bucket(
                row.name, row.region, created
            )
        files: set[str] = set()
        for entry in self._journal.objects():
            blob = self._directory.get(entry.files, entry.etag)
            if blob is None:
                LOG.warning(
                    "The file of an object in bucket %s is gone: %r",
                    entry.bucket,
                    entry.key,
                )
                continue
            files.update(name for name, _ in entry.files)
            key = self._owners[entry.bucket].put_object(
                entry.bucket, entry.key, blob
            )
            key.set_metadata(dict(entry.metadata))
            key.last_modified = datetime.datetime.fromisoformat(
                entry.modified_at
            )
        for upload, parts in self._journal.uploads():
            whole = [
                (part, blob)
                for part in parts
                if (blob := self._directory.get(part.files, part.etag))
            ]
            files.update(name for part, _ in whole for name, _ in part.files)
            self._owners[upload.bucket].restore_upload(upload, whole)
        self._changes.take()
        self._directory.delete_others(files)


def _files(blob: Blob) -> list[tuple[str, int]]:
    """Return names and sizes of a blob's files, as the journal has them."""
    return [(s.path.name, s.size) for s in blob.segments]


def _malformed(method: str) -> S3Error:
    """Return the refusal of a request that could not be read."""
    if method == 'POST':
        return S3Error('MalformedXML', "The request's XML is not as expected.")
    return S3Error('InvalidArgument', "A parameter is malformed.")


def _download(
    environ: WSGIEnvironment, status: int, headers: dict[str, Any], view: View
) -> Response:
    """Answer with bytes that the server itself fetches from the files.

    A client may take them as slowly as it likes, or stop: none of the
    threads that answer requests waits for it.
    """
    response = Response(
        wrap_file(environ, cast('IO[bytes]', view.file()), CHUNK),
        status=status,
        headers=headers,
        direct_passthrough=True,
    )
    response.headers['Content-Length'] = str(len(view))
    return response


def _for_moto(
    environ: WSGIEnvironment, bucket: str, key: str, body: Blob | bytes
) -> WSGIEnvironment:
    """Return the request as moto is to see it: path style and unsigned."""
    path = f'/{bucket}/{key}' if key else f'/{bucket}'
    query = [
        (name, value)
        for name, value in parse_qsl(
            environ.get('QUERY_STRING', ''), keep_blank_values=True
        )
        if not name.lower().startswith('x-amz-')
        and name.lower() not in _SPENT_PARAMS
    ]
    ours = {
        name: value
        for name, value in environ.items()
        if name not in _SPENT_HEADERS
    }
    ours['SCRIPT_NAME'] = ''
    ours['PATH_INFO'] = path.encode('utf-8').decode('latin-1')
    ours['RAW_URI'] = quote(path)
    ours['QUERY_STRING'] = urlencode(query)
    ours['HTTP_HOST'] = 'localhost'
    ours['HTTP_AUTHORIZATION'] = _AUTHORIZATION
    ours['wsgi.input'] = io.BytesIO()
    ours['wsgi.input_terminated'] = True
    if isinstance(body, bytes):
        if body:
            # Whatever the client calls it, it is not a form. With no body,
            # it is what an upload in parts will be.
            ours['CONTENT_TYPE'] = 'application/xml'
        ours['CONTENT_LENGTH'] = str(len(body))
    _settle_checksum(ours)
    return ours


def _settle_checksum(environ: WSGIEnvironment) -> None:
    """Name no algorithm without its value: moto would compute a wrong one."""
    name = environ.get('HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM', '').upper()
    if f'HTTP_X_AMZ_CHECKSUM_{name}' not in environ:
        environ.pop('HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM', None)
