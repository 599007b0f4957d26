# SPDX-License-Identifier: Apache-2.0
"""The table of contents: buckets, objects and uploads, in SQLite.

A file that an object consisted of is deleted once no committed row names it,
so that a process may be killed at any time.
"""

from collections.abc import Callable, Mapping
import json
import logging
import sqlite3

from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.record import SCHEMA
from ims_ext.emulator.bucket.record import Bucket
from ims_ext.emulator.bucket.record import ListedObject
from ims_ext.emulator.bucket.record import ObjectEntry
from ims_ext.emulator.bucket.record import Part
from ims_ext.emulator.bucket.record import Upload
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.state.database import Database
from ims_ext.emulator.state.ids import Ids

LOG = logging.getLogger(__name__)


class Contents:
    """The buckets of all projects, and all that is in them.

    Methods raise :class:`~ims_ext.emulator.bucket.errors.S3Error` for what
    is not there or is another project's.

    :param database: The database; its tables are made where needed.
    :param directory: Where the objects' files are.
    :param ids: Gives the uploads theirs.
    :param clock: Gives the time.
    """

    def __init__(
        self,
        database: Database,
        directory: BlobDirectory,
        ids: Ids,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._ids = ids
        self.clock = clock or Clock()
        self._directory = directory
        self.transaction = database.transaction
        with database.transaction():
            for statement in SCHEMA:
                database.execute(statement)
        self._tidy_up()

    def _tidy_up(self) -> None:
        """Delete what an earlier process left unfinished."""
        sizes = self._directory.sizes()
        named: set[str] = set()
        for table, row_key in (
            ('objects', 'bucket, key'),
            ('parts', 'upload_id, number'),
        ):
            for *identity, files in self._database.execute(
                f'SELECT {row_key}, files FROM {table}'  # noqa: S608
            ):
                found = json.loads(files)
                if all(sizes.get(name) == size for name, size in found):
                    named.update(name for name, _ in found)
                    continue
                LOG.warning("The file of %r is gone", identity)
                self._database.execute(
                    f'DELETE FROM {table} '  # noqa: S608
                    f'WHERE ({row_key}) = (?, ?)',
                    identity,
                )
        self._directory.remove(sizes.keys() - named)

    # ====== BUCKETS ======

    def buckets(self, project_id: str) -> list[Bucket]:
        """Return a project's buckets, by name."""
        rows = self._database.execute(
            'SELECT name, project_id, region, storage_class, created_at '
            'FROM buckets WHERE project_id = ? ORDER BY name',
            (project_id,),
        )
        return [Bucket(*row) for row in rows]

    def find_bucket(self, name: str) -> Bucket | None:
        """Return a bucket, whoever owns it, or ``None``."""
        rows = self._database.execute(
            'SELECT name, project_id, region, storage_class, created_at '
            'FROM buckets WHERE name = ?',
            (name,),
        )
        return Bucket(*rows[0]) if rows else None

    def bucket(self, project_id: str, name: str) -> Bucket:
        """Return one of a project's buckets."""
        found = self.find_bucket(name)
        if found is None:
            raise errors.no_such_bucket()
        if found.project_id != project_id:
            raise errors.access_denied()
        return found

    def add_bucket(
        self, project_id: str, name: str, region: str, storage_class: str
    ) -> None:
        """Add a bucket; one of the project's own is left as it is."""
        with self.transaction():
            found = self.find_bucket(name)
            if found is None:
                self._database.execute(
                    'INSERT INTO buckets VALUES (?, ?, ?, ?, ?)',
                    (name, project_id, region, storage_class, self.clock()),
                )
            elif found.project_id != project_id:
                raise errors.bucket_taken()

    def delete_bucket(self, project_id: str, name: str) -> None:
        """Delete a bucket without objects, and its unfinished uploads."""
        with self.transaction():
            self.bucket(project_id, name)
            if self.listed(name, '', 1):
                raise errors.S3Error(
                    'BucketNotEmpty', "The bucket is not empty.", 409
                )
            for upload in self.uploads(name):
                self.delete_upload(upload)
            self._database.execute(
                'DELETE FROM buckets WHERE name = ?', (name,)
            )

    def usage(self, name: str) -> tuple[int, int]:
        """Return how many bytes and how many objects a bucket has."""
        (row,) = self._database.execute(
            'SELECT coalesce(sum(size), 0), count(*) FROM objects '
            'WHERE bucket = ?',
            (name,),
        )
        return row[0], row[1]

    # ====== OBJECTS ======

    def listed(
        self, bucket: str, first: str, limit: int
    ) -> list[ListedObject]:
        """Return a bucket's objects from a key on, in the keys' order."""
        rows = self._database.execute(
            'SELECT key, size, etag, modified_at, storage_class FROM objects '
            'WHERE bucket = ? AND key >= ? ORDER BY key LIMIT ?',
            (bucket, first, limit),
        )
        return [ListedObject(*row) for row in rows]

    def find_object(self, bucket: str, key: str) -> ObjectEntry | None:
        """Return an object, or ``None``."""
        rows = self._database.execute(
            'SELECT files, etag, modified_at, storage_class, headers '
            'FROM objects WHERE bucket = ? AND key = ?',
            (bucket, key),
        )
        if not rows:
            return None
        files, etag, modified_at, storage_class, headers = rows[0]
        return ObjectEntry(
            bucket,
            key,
            self._directory.get(json.loads(files), etag),
            modified_at,
            storage_class,
            json.loads(headers),
        )

    def object(self, project_id: str, bucket: str, key: str) -> ObjectEntry:
        """Return an object in one of a project's buckets."""
        self.bucket(project_id, bucket)
        found = self.find_object(bucket, key)
        if found is None:
            raise errors.no_such_key()
        return found

    def put_object(
        self,
        project_id: str,
        entry: ObjectEntry,
        check: Callable[[ObjectEntry | None], None] = lambda _: None,
    ) -> None:
        """Keep an object, in place of one with the same key.

        :param check: Given the object that is there, may refuse.
        """
        with self.transaction():
            self.bucket(project_id, entry.bucket)
            old = self.find_object(entry.bucket, entry.key)
            check(old)
            self._database.execute(
                'INSERT OR REPLACE INTO objects '
                'VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
                (
                    entry.bucket,
                    entry.key,
                    entry.blob.size,
                    entry.blob.etag,
                    entry.modified_at,
                    entry.storage_class,
                    json.dumps(entry.blob.files),
                    json.dumps(dict(entry.headers)),
                ),
            )
            if old is not None and old.blob.files != entry.blob.files:
                self._discard(old.blob)

    def delete_object(self, bucket: str, key: str) -> bool:
        """Delete an object; return whether there was one."""
        with self.transaction():
            old = self.find_object(bucket, key)
            if old is not None:
                self._database.execute(
                    'DELETE FROM objects WHERE bucket = ? AND key = ?',
                    (bucket, key),
                )
                self._discard(old.blob)
        return old is not None

    def _discard(self, blob: Blob) -> None:
        self._database.after_commit(lambda: self._directory.delete(blob))

    # ====== UPLOADS IN PARTS ======

    def uploads(self, bucket: str) -> list[Upload]:
        """Return a bucket's unfinished uploads, by key and ID."""
        rows = self._database.execute(
            'SELECT id, bucket, key, begun_at, storage_class, headers '
            'FROM uploads WHERE bucket = ? ORDER BY key, id',
            (bucket,),
        )
        return [_upload(row) for row in rows]

    def upload(
        self, project_id: str, bucket: str, key: str, upload_id: str
    ) -> Upload:
        """Return an unfinished upload in one of a project's buckets."""
        self.bucket(project_id, bucket)
        rows = self._database.execute(
            'SELECT id, bucket, key, begun_at, storage_class, headers '
            'FROM uploads WHERE id = ? AND bucket = ? AND key = ?',
            (upload_id, bucket, key),
        )
        if not rows:
            raise errors.no_such_upload()
        return _upload(rows[0])

    def add_upload(
        self,
        project_id: str,
        bucket: str,
        key: str,
        storage_class: str,
        headers: Mapping[str, str],
    ) -> Upload:
        """Begin an upload."""
        upload_id = self._ids.hex('upload', bucket)
        upload = Upload(
            upload_id, bucket, key, self.clock(), storage_class, headers
        )
        with self.transaction():
            self.bucket(project_id, bucket)
            self._database.execute(
                'INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)',
                (
                    upload.id,
                    bucket,
                    key,
                    upload.begun_at,
                    storage_class,
                    json.dumps(dict(headers)),
                ),
            )
        return upload

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts of an upload, by number."""
        rows = self._database.execute(
            'SELECT number, files, etag, modified_at FROM parts '
            'WHERE upload_id = ? ORDER BY number',
            (upload.id,),
        )
        return [
            Part(
                number,
                self._directory.get(json.loads(files), etag),
                modified_at,
            )
            for number, files, etag, modified_at in rows
        ]

    def put_part(self, upload: Upload, part: Part) -> None:
        """Keep a part, in place of an earlier one of that number."""
        with self.transaction():
            rows = self._database.execute(
                'SELECT files, etag FROM parts '
                'WHERE upload_id = ? AND number = ?',
                (upload.id, part.number),
            )
            try:
                self._database.execute(
                    'INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?)',
                    (
                        upload.id,
                        part.number,
                        part.blob.etag,
                        part.modified_at,
                        json.dumps(part.blob.files),
                    ),
                )
            except sqlite3.IntegrityError:
                # It has been completed or aborted while the part came in.
                raise errors.no_such_upload() from None
            for files, etag in rows:
                self._discard(self._directory.get(json.loads(files), etag))

    def delete_upload(self, upload: Upload, kept: Blob | None = None) -> None:
        """Delete an upload and its parts.

        :param kept: A blob made of files of the parts, which stay.
        """
        with self.transaction():
            stay = set(kept.files) if kept else set()
            for part in self.parts(upload):
                if not stay.issuperset(part.blob.files):
                    self._discard(part.blob)
            self._database.execute(
                'DELETE FROM uploads WHERE id = ?', (upload.id,)
            )


def _upload(row: sqlite3.Row) -> Upload:
    upload_id, bucket, key, begun_at, storage_class, headers = row
    return Upload(
        upload_id, bucket, key, begun_at, storage_class, json.loads(headers)
    )
