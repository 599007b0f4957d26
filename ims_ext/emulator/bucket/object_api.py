# SPDX-License-Identifier: Apache-2.0
"""Operations on objects: reading, writing, copying, deleting."""

from collections.abc import Iterator
import contextlib
import io
from typing import IO, cast
from urllib.parse import unquote

from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket import header
from ims_ext.emulator.bucket.blob import CHUNK
from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.blob import Reader
from ims_ext.emulator.bucket.call import Call
from ims_ext.emulator.bucket.call import Level
from ims_ext.emulator.bucket.call import empty
from ims_ext.emulator.bucket.call import operation
from ims_ext.emulator.bucket.call import timestamp
from ims_ext.emulator.bucket.contents import Contents
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.record import ObjectEntry

_RESPONSE_PARAMS = (
    'response-cache-control response-content-disposition '
    'response-content-encoding response-content-language '
    'response-content-type response-expires'
)
_METADATA_OPTIONS = ('COPY', 'REPLACE', 'REPLACE_NEW')


class ObjectsApi:
    """Objects.

    :param contents: What there is.
    :param directory: Where the objects' files are.
    """

    def __init__(self, contents: Contents, directory: BlobDirectory) -> None:
        self._contents = contents
        self._directory = directory

    # ====== READING ======

    @operation(
        'HeadObject',
        'HEAD',
        Level.OBJECT,
        takes=f'versionId partNumber {_RESPONSE_PARAMS}',
    )
    def head_object(self, call: Call) -> Response:
        """Answer with headers that tell of an object."""
        entry = self._entry(call)
        start, end, status = _part(call, entry)
        response = empty(status)
        self._describe(call, entry, response, start, end)
        return response

    @operation(
        'GetObject',
        'GET',
        Level.OBJECT,
        takes=f'versionId partNumber {_RESPONSE_PARAMS}',
    )
    def get_object(self, call: Call) -> Response:
        """Answer with an object, or a range of it.

        The server itself fetches the bytes from the files: none of the
        threads that answer requests waits for a client that takes them as
        slowly as it likes.
        """
        with self._contents.transaction():
            # Nothing can delete it between the two.
            entry = self._entry(call)
            start, end, status = _part(call, entry)
            reader = self._directory.open(entry.blob, start, end)
        response = Response(
            wrap_file(call.environ, cast('IO[bytes]', reader), CHUNK),
            status=status,
            direct_passthrough=True,
        )
        try:
            self._describe(call, entry, response, start, end)
        except BaseException:
            reader.close()
            raise
        return response

    def _entry(self, call: Call) -> ObjectEntry:
        version = call.params.get('versionId')
        entry = self._contents.object(call.project_id, call.bucket, call.key)
        if version not in (None, '', 'null'):
            raise S3Error('NoSuchVersion', "The version does not exist.", 404)
        header.check_conditions(call, entry)
        return entry

    def _describe(
        self,
        call: Call,
        entry: ObjectEntry,
        response: Response,
        start: int,
        end: int,
    ) -> None:
        header.describe(call, entry, response)
        response.headers['Content-Length'] = str(end - start)
        if response.status_code == 206:
            response.headers['Content-Range'] = (
                f'bytes {start}-{end - 1}/{entry.blob.size}'
            )

    # ====== WRITING ======

    @operation('PutObject', 'PUT', Level.OBJECT, takes='partNumber uploadId')
    def put_object(self, call: Call) -> Response:
        """Write an object, or copy another one."""
        if call.params.keys() & {'partNumber', 'uploadId'}:
            raise errors.invalid_argument(
                "A part needs both an uploadId and a partNumber."
            )
        if 'copy-source' in call.options:
            return self._copy_object(call)
        bucket = self._contents.bucket(call.project_id, call.bucket)
        kind = header.storage_class(call, bucket.storage_class)
        headers = header.kept(call)
        with self.written(call.body.spool(self._directory)) as blob:
            entry = ObjectEntry(
                call.bucket,
                call.key,
                blob,
                self._contents.clock(),
                kind,
                headers,
            )
            self._contents.put_object(
                call.project_id,
                entry,
                lambda old: header.check_replacement(call, old),
            )
        response = empty()
        response.headers['ETag'] = f'"{blob.etag}"'
        return response

    @contextlib.contextmanager
    def written(self, blob: Blob) -> Iterator[Blob]:
        """Delete a file that has been written if nothing comes of it."""
        try:
            yield blob
        except BaseException:
            self._directory.delete(blob)
            raise

    def _copy_object(self, call: Call) -> Response:
        bucket = self._contents.bucket(call.project_id, call.bucket)
        directive = call.options.get('metadata-directive', 'COPY').upper()
        if directive not in ('COPY', 'REPLACE'):
            raise errors.invalid_argument("There is no such directive.")
        reader, source = self.open_source(call)
        with contextlib.closing(reader):
            same = (source.bucket, source.key) == (call.bucket, call.key)
            replace = directive == 'REPLACE'
            kind = header.storage_class(call, bucket.storage_class)
            if same and not replace and kind == source.storage_class:
                raise S3Error(
                    'InvalidRequest',
                    "A copy of an object onto itself must change its "
                    "metadata or storage class.",
                )
            copied = self.written(
                self._directory.write(iter(lambda: reader.read(CHUNK), b''))
            )
        with copied as blob:
            entry = ObjectEntry(
                call.bucket,
                call.key,
                blob,
                self._contents.clock(),
                kind,
                header.kept(call) if replace else source.headers,
            )
            self._contents.put_object(call.project_id, entry)
        return call.document(
            'CopyObjectResult',
            [
                ('LastModified', timestamp(entry.modified_at)),
                ('ETag', f'"{blob.etag}"'),
            ],
        )

    def open_source(
        self, call: Call, wanted: str | None = None
    ) -> tuple[Reader, ObjectEntry]:
        """Return the source of a copy, open for reading, and its entry.

        :param wanted: The range of the source; ``None`` for all of it.
        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        source, _, version = call.options['copy-source'].partition('?')
        bucket, _, key = unquote(source).lstrip('/').partition('/')
        if not bucket or not key:
            raise errors.invalid_argument(
                "The copy's source is no bucket and key."
            )
        if version.removeprefix('versionId=') not in ('', 'null'):
            raise S3Error('NoSuchVersion', "The version does not exist.", 404)
        with self._contents.transaction():
            entry = self._contents.object(call.project_id, bucket, key)
            header.check_conditions(call, entry, source=True)
            start, end = 0, entry.blob.size
            if wanted is not None:
                found = header.wanted_range(wanted, end)
                if found is None:
                    raise errors.invalid_argument("The range is malformed.")
                start, end = found
            return self._directory.open(entry.blob, start, end), entry

    @operation(
        'SetObjectMetadata', 'PUT', Level.OBJECT, 'metadata', takes='versionId'
    )
    def set_object_metadata(self, call: Call) -> Response:
        """Change an object's headers and metadata, as only OBS can."""
        directive = call.options.get('metadata-directive', '').upper()
        if directive not in _METADATA_OPTIONS[1:]:
            raise errors.invalid_argument(
                "The metadata directive is REPLACE or REPLACE_NEW."
            )
        with self._contents.transaction():
            old = self._entry(call)
            headers = header.kept(call)
            if directive == 'REPLACE_NEW':
                if 'content-type' not in call.request.headers:
                    del headers['content-type']
                headers = {**old.headers, **headers}
            entry = ObjectEntry(
                call.bucket,
                call.key,
                old.blob,
                self._contents.clock(),
                header.storage_class(call, old.storage_class),
                headers,
            )
            self._contents.put_object(call.project_id, entry)
        response = empty()
        header.describe(call, entry, response)
        return response

    @operation('DeleteObject', 'DELETE', Level.OBJECT, takes='versionId')
    def delete_object(self, call: Call) -> Response:
        """Delete an object, if it is there."""
        self._contents.bucket(call.project_id, call.bucket)
        if call.params.get('versionId') not in (None, '', 'null'):
            raise errors.invalid_argument("The version does not exist.")
        self._contents.delete_object(call.bucket, call.key)
        return empty(204)

    # ====== FROM WITHIN THE EMULATOR ======

    def open(
        self, project_id: str, bucket: str, key: str
    ) -> tuple[Blob, io.BufferedReader]:
        """Return an object's blob, and its bytes.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        with self._contents.transaction():
            blob = self._contents.object(project_id, bucket, key).blob
            return blob, io.BufferedReader(self._directory.open(blob), CHUNK)


def _part(call: Call, entry: ObjectEntry) -> tuple[int, int, int]:
    """Return which bytes of an object are asked for, and the status."""
    size = entry.blob.size
    wanted = call.request.headers.get('range')
    if 'partNumber' in call.params:
        number = call.number('partNumber', 1, least=1)
        sizes = [segment.size for segment in entry.blob.segments]
        if wanted or number > len(sizes):
            raise header.invalid_range()
        start = sum(sizes[: number - 1])
        return start, start + sizes[number - 1], 206
    found = header.wanted_range(wanted, size) if wanted else None
    return (*found, 206) if found else (0, size, 200)
