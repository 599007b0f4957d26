# SPDX-License-Identifier: Apache-2.0
"""The buckets of moto's S3, in files instead of memory.

moto knows S3's wire format, listings, conditions and errors; all that is
used as it is. Replaced is what it stores: an object is a file, a project's
buckets are its own, and none of it is shared with other moto servers of the
process. Importing moto takes most of a second: import this module late.
"""

# moto's signatures say bytes; here it is given what it handles like bytes.
# mypy: disable-error-code="override"

import bisect
from collections.abc import Iterable, Iterator
import datetime
import hashlib
from typing import Any

from moto.s3.exceptions import CopyObjectMustChangeSomething
from moto.s3.exceptions import EntityTooSmall
from moto.s3.exceptions import InvalidPart
from moto.s3.exceptions import InvalidPartOrder
from moto.s3.exceptions import MalformedXML
from moto.s3.exceptions import MissingBucket
from moto.s3.exceptions import MissingKey
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import FakeBucket
from moto.s3.models import FakeKey
from moto.s3.models import FakeMultipart
from moto.s3.models import S3Backend
from moto.s3.models import s3_backends
from moto.settings import S3_UPLOAD_PART_MIN_SIZE
from requests.structures import CaseInsensitiveDict

from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.blob import View
from ims_ext.emulator.bucket.changes import Changes
from ims_ext.emulator.bucket.errors import access_denied
from ims_ext.emulator.bucket.errors import bucket_taken
from ims_ext.emulator.bucket.journal import REGION
from ims_ext.emulator.bucket.journal import PartRow
from ims_ext.emulator.bucket.journal import UploadRow

#: A label that moto needs; it is projects that separate tenants here.
ACCOUNT = '123456789012'


class StoredKey(FakeKey):
    """An object, or a part of one, whose bytes are in a file."""

    def __new__(cls, *_: Any, **__: Any) -> 'StoredKey':
        # moto's own classes keep a list of all instances there ever were.
        return object.__new__(cls)

    def __init__(
        self, name: Any, blob: Blob, changes: Changes, **rest: Any
    ) -> None:
        self._blob = blob
        self._changes = changes
        super().__init__(name, b'', ACCOUNT, REGION, etag=blob.etag, **rest)
        self._value_buffer.close()

    @property
    def blob(self) -> Blob:
        """The file."""
        return self._blob

    def view(self) -> View:
        """Open the file, as something that moto handles like bytes."""
        try:
            return self._blob.view()
        except FileNotFoundError:
            raise MissingKey(key=self.name) from None

    @property
    def value(self) -> View:
        """The same, by the name that moto has for it."""
        return self.view()

    @value.setter
    def value(self, _: bytes) -> None:
        self.contentsize = self._blob.size

    def dispose(self, garbage: bool = False) -> None:
        """Give the file up, once only; called when it is replaced."""
        if not self.disposed and not garbage:
            self.disposed = True
            self._changes.discard(self._blob)

    def __copy__(self) -> 'StoredKey':
        # The blob is shared, and only the original may give it up.
        copied = StoredKey.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied.disposed = True
        return copied

    def __deepcopy__(self, _: dict[int, Any]) -> 'StoredKey':
        # moto copies what it lists as a bucket's versions.
        return self.__copy__()

    def __del__(self) -> None:
        # What is merely forgotten, at exit for one, is not deleted.
        pass


class StoredMultipart(FakeMultipart):
    """An upload in parts, each of them a file."""

    def __new__(cls, *_: Any, **__: Any) -> 'StoredMultipart':
        return object.__new__(cls)

    def __init__(
        self, changes: Changes, bucket_name: str, key_name: str, metadata: Any
    ) -> None:
        super().__init__(key_name, metadata, ACCOUNT, REGION)
        self.begun = datetime.datetime.now(datetime.UTC)
        self._changes = changes
        self._bucket_name = bucket_name

    def set_part(self, part_id: int, value: Blob) -> StoredKey:
        """Add a part, in place of an earlier one of that number."""
        if not 1 <= part_id <= 10_000:
            raise InvalidPart
        part = StoredKey(part_id, value, self._changes)
        with self._changes.lock:
            self._changes.touch_upload(self._bucket_name, self.id, part_id)
            if part_id in self.parts:
                self.parts[part_id].dispose()
            self.parts[part_id] = part
            self.partlist = sorted(self.parts)
        return part

    def list_parts(
        self, part_number_marker: int, max_parts: int
    ) -> Iterator[FakeKey]:
        """Yield a page of the parts; numbers may be missing between them."""
        first = bisect.bisect_right(self.partlist, part_number_marker)
        for number in self.partlist[first : first + max_parts]:
            yield self.parts[number]

    def join(self, named: Iterable[tuple[int, str]]) -> Blob:
        """Return the files of the parts that the client has named.

        :param named: Number and etag of each part.
        :raises: moto's exceptions for parts that are not there, or are too
            small.
        """
        parts: list[StoredKey] = []
        last = 0
        for number, etag in named:
            if number <= last:
                raise InvalidPartOrder
            last = number
            part = self.parts.get(number)
            if not isinstance(part, StoredKey) or (
                part.etag.strip('"') != etag.strip('"')
            ):
                raise InvalidPart
            parts.append(part)
        if not parts:
            raise MalformedXML
        if any(p.size < S3_UPLOAD_PART_MIN_SIZE for p in parts[:-1]):
            raise EntityTooSmall
        md5 = hashlib.md5(usedforsecurity=False)
        for part in parts:
            md5.update(bytes.fromhex(part.blob.etag))
            # The files are the object's from here on.
            part.disposed = True
        return Blob(
            (segment for part in parts for segment in part.blob.segments),
            f'{md5.hexdigest()}-{len(parts)}',
        )


class _Bucket(FakeBucket):
    """A bucket."""

    def __new__(cls, *_: Any, **__: Any) -> '_Bucket':
        return object.__new__(cls)

    def is_created(self) -> bool:
        """Answer what only CloudFormation asks, which is not here."""
        return True


class ProjectBackend(S3Backend):
    """The buckets of one project.

    :param project_id: The project.
    :param owners: Who owns each bucket, all projects' together.
    :param directory: Where the files are.
    :param changes: Told of everything that changes.
    """

    def __init__(
        self,
        project_id: str,
        owners: dict[str, 'ProjectBackend'],
        directory: BlobDirectory,
        changes: Changes,
    ) -> None:
        super().__init__('aws', ACCOUNT)
        self.project_id = project_id
        self._owners = owners
        self._directory = directory
        self._changes = changes

    def reset(self) -> None:
        """Keep everything, whatever other users of moto do."""

    def add_bucket(
        self, name: str, region: str, created: datetime.datetime | None
    ) -> FakeBucket:
        """Add a bucket whose name is free."""
        bucket = _Bucket(name, ACCOUNT, region)
        # The constructor has made it known to all moto servers at once.
        s3_backends.bucket_accounts.pop(name, None)
        if created is not None:
            bucket.creation_date = created
        self.buckets[name] = bucket
        self._owners[name] = self
        return bucket

    def create_bucket(
        self, bucket_name: str, region_name: str, **_: Any
    ) -> FakeBucket:
        """Add a bucket; one of the project's own is left as it is."""
        with self._changes.lock:
            owner = self._owners.get(bucket_name)
            if owner is self:
                return self.buckets[bucket_name]
            if owner is not None:
                raise bucket_taken()
            self._changes.touch(bucket_name)
            return self.add_bucket(bucket_name, region_name, None)

    def get_bucket(self, bucket_name: str) -> FakeBucket:
        """Return one of the project's buckets."""
        bucket = self.buckets.get(bucket_name)
        if bucket is not None:
            return bucket
        if bucket_name in self._owners:
            raise access_denied()
        raise MissingBucket(bucket=bucket_name)

    def delete_bucket(self, bucket_name: str) -> FakeBucket | None:
        """Delete a bucket; returns ``None`` for one that is not empty."""
        with self._changes.lock:
            bucket = self.get_bucket(bucket_name)
            if bucket.keys:
                return None
            for upload_id in list(bucket.multiparts):
                del bucket.multiparts[upload_id]
            self._changes.touch(bucket_name)
            del self.buckets[bucket_name]
            del self._owners[bucket_name]
        return bucket

    def put_object(
        self,
        bucket_name: str,
        key_name: str,
        value: Blob,
        multipart: StoredMultipart | None = None,
        checksum_value: str | None = None,
        **_: Any,
    ) -> StoredKey:
        """Put an object into a bucket, in place of one with the same key."""
        bucket = self.get_bucket(bucket_name)
        key = StoredKey(
            key_name,
            value,
            self._changes,
            version_id='null',
            multipart=multipart,
            bucket_name=bucket_name,
            checksum_value=checksum_value,
        )
        with self._changes.lock:
            self._changes.touch(bucket_name, key_name)
            bucket.keys.setlist(key_name, [key])
        return key

    def delete_object(
        self, bucket_name: str, key_name: str, *_: Any, **__: Any
    ) -> tuple[bool, dict[str, Any]]:
        """Delete an object, if it is there."""
        bucket = self.get_bucket(bucket_name)
        with self._changes.lock:
            if key_name not in bucket.keys:
                return False, {}
            self._changes.touch(bucket_name, key_name)
            bucket.keys.pop(key_name)
        return True, {}

    def copy_object(
        self,
        src_key: StoredKey,
        dest_bucket_name: str,
        dest_key_name: str,
        mdirective: str | None = None,
        metadata: Any = None,
        **_: Any,
    ) -> None:
        """Copy an object."""
        replace = mdirective == 'REPLACE'
        same = (src_key.bucket_name, src_key.name) == (
            dest_bucket_name,
            dest_key_name,
        )
        if same and not replace:
            raise CopyObjectMustChangeSomething
        blob = self._directory.write(src_key.view())
        key = self.put_object(dest_bucket_name, dest_key_name, blob)
        key.set_metadata(metadata if replace else dict(src_key.metadata))

    def create_multipart_upload(
        self, bucket_name: str, key_name: str, metadata: Any, *_: Any
    ) -> StoredMultipart:
        """Begin an upload in parts."""
        upload = StoredMultipart(
            self._changes, bucket_name, key_name, metadata
        )
        with self._changes.lock:
            self._changes.touch_upload(bucket_name, upload.id)
            self.get_bucket(bucket_name).multiparts[upload.id] = upload
        return upload

    def abort_multipart_upload(
        self, bucket_name: str, multipart_id: str
    ) -> None:
        """Give an upload up, and its parts."""
        with self._changes.lock:
            self._upload(bucket_name, multipart_id)
            self._changes.touch_upload(bucket_name, multipart_id)
            del self.get_bucket(bucket_name).multiparts[multipart_id]

    def is_truncated(
        self, bucket_name: str, multipart_id: str, next_part_number_marker: int
    ) -> bool:
        """Return whether an upload has parts after a page's last one."""
        parts = self._upload(bucket_name, multipart_id).partlist
        return bool(parts) and parts[-1] > next_part_number_marker

    def upload_part(
        self, bucket_name: str, multipart_id: str, part_id: int, value: Blob
    ) -> StoredKey:
        """Add a part to an upload."""
        return self._upload(bucket_name, multipart_id).set_part(part_id, value)

    def upload_part_copy(
        self,
        dest_bucket_name: str,
        multipart_id: str,
        part_id: int,
        src_bucket_name: str,
        src_key_name: str,
        src_version_id: str | None,
        start_byte: int | None,
        end_byte: int | None,
    ) -> StoredKey:
        """Add a part of another object to an upload."""
        upload = self._upload(dest_bucket_name, multipart_id)
        source = self.get_object(src_bucket_name, src_key_name)
        if not isinstance(source, StoredKey):
            raise MissingKey(key=src_key_name)
        view = source.view()
        if start_byte is not None and end_byte is not None:
            view = view[start_byte : end_byte + 1]
        return upload.set_part(part_id, self._directory.write(view))

    def complete_multipart_upload(
        self,
        bucket_name: str,
        multipart_id: str,
        body: Iterator[tuple[int, str]],
    ) -> StoredKey:
        """Make an object of an upload."""
        named = list(body)
        with self._changes.lock:
            upload = self._upload(bucket_name, multipart_id)
            blob = upload.join(named)
            self._changes.touch_upload(bucket_name, multipart_id)
            del self.get_bucket(bucket_name).multiparts[multipart_id]
            key = self.put_object(
                bucket_name, upload.key_name, blob, multipart=upload
            )
        key.set_metadata(upload.metadata)
        return key

    def restore_upload(
        self, row: UploadRow, parts: Iterable[tuple[PartRow, Blob]]
    ) -> None:
        """Go on with an upload of an earlier life."""
        upload = StoredMultipart(
            self._changes,
            row.bucket,
            row.key,
            CaseInsensitiveDict(row.metadata),
        )
        upload.id = row.id
        upload.begun = datetime.datetime.fromisoformat(row.begun_at)
        for part, blob in parts:
            restored = upload.set_part(part.number, blob)
            restored.last_modified = datetime.datetime.fromisoformat(
                part.modified_at
            )
        self.get_bucket(row.bucket).multiparts[upload.id] = upload

    def _upload(self, bucket_name: str, upload_id: str) -> StoredMultipart:
        upload = self.get_bucket(bucket_name).multiparts.get(upload_id)
        if not isinstance(upload, StoredMultipart):
            raise NoSuchUpload(upload_id=upload_id)
        return upload
