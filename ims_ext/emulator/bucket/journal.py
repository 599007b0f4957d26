# SPDX-License-Identifier: Apache-2.0
"""The journal of buckets, objects and uploads, in SQLite."""

from collections.abc import Iterable
import dataclasses
import json
from pathlib import Path
import sqlite3
import threading
from typing import Self

#: The region that moto takes for "no location given".
REGION = 'us-east-1'

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bucket (
    name TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    region TEXT NOT NULL,
    created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS object (
    bucket TEXT NOT NULL REFERENCES bucket (name) ON DELETE CASCADE,
    key TEXT NOT NULL,
    files TEXT NOT NULL,
    etag TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    metadata TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS upload (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES bucket (name) ON DELETE CASCADE,
    key TEXT NOT NULL,
    begun_at TEXT NOT NULL,
    metadata TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS part (
    upload TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    files TEXT NOT NULL,
    etag TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
"""


@dataclasses.dataclass(frozen=True)
class BucketRow:
    """A bucket, with the project that owns it."""

    name: str
    project_id: str
    region: str
    created_at: str


@dataclasses.dataclass(frozen=True)
class ObjectRow:
    """A complete object.

    :ivar files: Names and sizes in bytes of the files with its bytes.
    :ivar etag: The etag without its quotes.
    :ivar metadata: Headers that answers carry.
    """

    bucket: str
    key: str
    files: list[tuple[str, int]]
    etag: str
    modified_at: str
    metadata: dict[str, str]

    def columns(self) -> tuple[str, ...]:
        """Return what the database has of it."""
        return (
            self.bucket,
            self.key,
            json.dumps(self.files),
            self.etag,
            self.modified_at,
            json.dumps(self.metadata),
        )

    @classmethod
    def parse(cls, columns: Iterable[str]) -> Self:
        """Return what :meth:`columns` came from."""
        bucket, key, files, etag, modified_at, metadata = columns
        return cls(
            bucket,
            key,
            [(name, size) for name, size in json.loads(files)],
            etag,
            modified_at,
            json.loads(metadata),
        )


@dataclasses.dataclass(frozen=True)
class UploadRow:
    """An upload in parts that is not complete.

    :ivar metadata: Headers that answers about the object will carry.
    """

    id: str
    bucket: str
    key: str
    begun_at: str
    metadata: dict[str, str]

    def columns(self) -> tuple[str, ...]:
        """Return what the database has of it."""
        return (
            self.id,
            self.bucket,
            self.key,
            self.begun_at,
            json.dumps(self.metadata),
        )


@dataclasses.dataclass(frozen=True)
class PartRow:
    """A part of such an upload; ``files`` and ``etag`` as an object's."""

    upload: str
    number: int
    files: list[tuple[str, int]]
    etag: str
    modified_at: str

    def columns(self) -> tuple[str | int, ...]:
        """Return what the database has of it."""
        return (
            self.upload,
            self.number,
            json.dumps(self.files),
            self.etag,
            self.modified_at,
        )


@dataclasses.dataclass
class Entries:
    """Rows to write down, and rows to strike out.

    :ivar gone_buckets: Names of buckets that are no more.
    :ivar gone_objects: Bucket and key of objects that are no more.
    :ivar gone_uploads: IDs of uploads that are complete or given up.
    """

    buckets: dict[str, BucketRow] = dataclasses.field(default_factory=dict)
    objects: list[ObjectRow] = dataclasses.field(default_factory=list)
    uploads: list[UploadRow] = dataclasses.field(default_factory=list)
    parts: list[PartRow] = dataclasses.field(default_factory=list)
    gone_buckets: set[str] = dataclasses.field(default_factory=set)
    gone_objects: list[tuple[str, str]] = dataclasses.field(
        default_factory=list
    )
    gone_uploads: set[str] = dataclasses.field(default_factory=set)


class Journal:
    """The table of contents.

    :param path: The database's file.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        # A killed process loses nothing; only a power cut could.
        self._connection.execute('PRAGMA journal_mode = WAL')
        self._connection.execute('PRAGMA synchronous = NORMAL')
        self._connection.execute('PRAGMA foreign_keys = ON')
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def buckets(self) -> list[BucketRow]:
        """Return all buckets, by name."""
        with self._lock:
            rows = self._connection.execute(
                'SELECT name, project_id, region, created_at FROM bucket '
                'ORDER BY name'
            ).fetchall()
        return [BucketRow(*row) for row in rows]

    def objects(self) -> list[ObjectRow]:
        """Return all objects."""
        with self._lock:
            rows = self._connection.execute(
                'SELECT bucket, key, files, etag, modified_at, metadata '
                'FROM object ORDER BY bucket, key'
            ).fetchall()
        return [ObjectRow.parse(row) for row in rows]

    def uploads(self) -> list[tuple[UploadRow, list[PartRow]]]:
        """Return all uploads that are not complete, with their parts."""
        with self._lock:
            uploads = self._connection.execute(
                'SELECT id, bucket, key, begun_at, metadata FROM upload'
            ).fetchall()
            rows = self._connection.execute(
                'SELECT upload, number, files, etag, modified_at FROM part '
                'ORDER BY number'
            ).fetchall()
        parts: dict[str, list[PartRow]] = {}
        for upload, number, files, *others in rows:
            found = [(name, size) for name, size in json.loads(files)]
            parts.setdefault(upload, []).append(
                PartRow(upload, number, found, *others)
            )
        return [
            (
                UploadRow(found_id, bucket, key, begun, json.loads(metadata)),
                parts.get(found_id, []),
            )
            for found_id, bucket, key, begun, metadata in uploads
        ]

    def save(self, entries: Entries) -> None:
        """Write down what has changed, all of it or nothing.

        :param entries: What has changed.
        """
        with self._lock, self._connection:
            many = self._connection.executemany
            many(
                'DELETE FROM bucket WHERE name = ?',
                [(name,) for name in entries.gone_buckets],
            )
            many(
                'DELETE FROM object WHERE bucket = ? AND key = ?',
                entries.gone_objects,
            )
            many(
                'DELETE FROM upload WHERE id = ?',
                [(upload_id,) for upload_id in entries.gone_uploads],
            )
            many(
                'INSERT INTO bucket VALUES (?, ?, ?, ?) '
                'ON CONFLICT (name) DO UPDATE SET '
                'project_id = excluded.project_id, '
                'region = excluded.region, '
                'created_at = excluded.created_at',
                [dataclasses.astuple(row) for row in entries.buckets.values()],
            )
            many(
                'INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?)',
                [row.columns() for row in entries.objects],
            )
            many(
                # To replace one would delete its parts.
                'INSERT INTO upload VALUES (?, ?, ?, ?, ?) '
                'ON CONFLICT (id) DO NOTHING',
                [row.columns() for row in entries.uploads],
            )
            many(
                'INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?)',
                [row.columns() for row in entries.parts],
            )
