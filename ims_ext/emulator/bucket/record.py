# SPDX-License-Identifier: Apache-2.0
"""Buckets, objects, uploads and parts, as the database has them."""

from collections.abc import Mapping
import dataclasses

from ims_ext.emulator.bucket.blob import Blob

#: Made where they do not exist: the state's other tables come before or after.
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS buckets (
        name TEXT PRIMARY KEY, project_id TEXT NOT NULL,
        region TEXT NOT NULL, storage_class TEXT NOT NULL,
        created_at REAL NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS objects (
        bucket TEXT NOT NULL REFERENCES buckets (name) ON DELETE CASCADE,
        key TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
        modified_at REAL NOT NULL, storage_class TEXT NOT NULL,
        files TEXT NOT NULL, headers TEXT NOT NULL,
        PRIMARY KEY (bucket, key)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS uploads (
        id TEXT PRIMARY KEY,
        bucket TEXT NOT NULL REFERENCES buckets (name) ON DELETE CASCADE,
        key TEXT NOT NULL, begun_at REAL NOT NULL,
        storage_class TEXT NOT NULL, headers TEXT NOT NULL)
        WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS parts (
        upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
        number INTEGER NOT NULL, etag TEXT NOT NULL,
        modified_at REAL NOT NULL, files TEXT NOT NULL,
        PRIMARY KEY (upload_id, number)) WITHOUT ROWID""",
)


@dataclasses.dataclass(frozen=True)
class Bucket:
    """A bucket, with the project that owns it.

    :ivar created_at: Seconds since 1970, like all times here.
    """

    name: str
    project_id: str
    region: str
    storage_class: str
    created_at: float


@dataclasses.dataclass(frozen=True)
class ObjectEntry:
    """A complete object.

    :ivar headers: Headers of responses, and metadata as ``meta-…``.
    """

    bucket: str
    key: str
    blob: Blob
    modified_at: float
    storage_class: str
    headers: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Upload:
    """An upload in parts that is not complete.

    :ivar headers: As those of the object that it is to become.
    """

    id: str
    bucket: str
    key: str
    begun_at: float
    storage_class: str
    headers: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of such an upload."""

    number: int
    blob: Blob
    modified_at: float


@dataclasses.dataclass(frozen=True)
class ListedObject:
    """An object as listings show it."""

    key: str
    size: int
    etag: str
    modified_at: float
    storage_class: str
