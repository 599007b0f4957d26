# SPDX-License-Identifier: Apache-2.0
"""What survives a restart: buckets and complete objects, in SQLite."""

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

    def save(
        self,
        buckets: Iterable[BucketRow] = (),
        objects: Iterable[ObjectRow] = (),
        gone_buckets: Iterable[str] = (),
        gone_objects: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Write down what has changed, all of it or nothing.

        :param buckets: Buckets that there are now.
        :param objects: Objects as they are now.
        :param gone_buckets: Names of buckets that are no more.
        :param gone_objects: Bucket and key of objects that are no more.
        """
        with self._lock, self._connection:
            execute = self._connection.execute
            for name in gone_buckets:
                execute('DELETE FROM bucket WHERE name = ?', (name,))
            for gone in gone_objects:
                execute(
                    'DELETE FROM object WHERE bucket = ? AND key = ?', gone
                )
            for bucket in buckets:
                execute(
                    'INSERT INTO bucket VALUES (?, ?, ?, ?) '
                    'ON CONFLICT (name) DO UPDATE SET '
                    'project_id = excluded.project_id, '
                    'region = excluded.region, '
                    'created_at = excluded.created_at',
                    dataclasses.astuple(bucket),
                )
            for row in objects:
                execute(
                    'INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?)',
                    row.columns(),
                )
