# SPDX-License-Identifier: Apache-2.0
"""The SQLite file of a journal."""

import os
from pathlib import Path
import sqlite3

_VERSION = 1
#: Seconds to wait for another process that writes.
_PATIENCE = 10.0

_SCHEMA = f"""
CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    pipeline TEXT NOT NULL,
    manifest TEXT NOT NULL,
    began TEXT NOT NULL,
    ended TEXT,
    exit INTEGER,
    done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    event TEXT NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events (run, number);
CREATE TABLE intents (
    action TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    time TEXT NOT NULL,
    job_id TEXT,
    image_id TEXT
) STRICT;
PRAGMA user_version = {_VERSION};
"""


def make_private(path: Path) -> None:
    """Make a journal's file, if there is none, and keep others out of it.

    :param path: The file.
    :raises: :class:`OSError`
    """
    flags = os.O_RDWR | os.O_CREAT
    for each in ('O_CLOEXEC', 'O_NOFOLLOW'):
        flags |= getattr(os, each, 0)
    # What SQLite puts beside it gets the same permissions.
    descriptor = os.open(path, flags, 0o600)
    os.close(descriptor)
    os.chmod(path, 0o600)


def connect(name: str) -> sqlite3.Connection:
    """Open a file, and make what is in it if it is new.

    :param name: The file, or ``:memory:``.
    :raises: :class:`sqlite3.Error`; :class:`LookupError` where it is of
        another version.
    """
    connection = sqlite3.connect(
        name, timeout=_PATIENCE, check_same_thread=False
    )
    try:
        connection.execute('PRAGMA journal_mode = WAL')
        connection.execute('PRAGMA synchronous = NORMAL')
        (version,) = connection.execute('PRAGMA user_version').fetchone()
        if (
            not version
            and not connection.execute(
                'SELECT count(*) FROM sqlite_schema'
            ).fetchone()[0]
        ):
            connection.executescript(f'BEGIN; {_SCHEMA} COMMIT;')
            version = _VERSION
        if version != _VERSION:
            raise LookupError(f"it is of version {version}")
        (state,) = connection.execute('PRAGMA quick_check(1)').fetchone()
        if state != 'ok':
            raise sqlite3.DatabaseError(state)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open a file of which nothing is changed.

    :param path: The file.
    :raises: As for :func:`connect`; :class:`FileNotFoundError`.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    connection = sqlite3.connect(
        path, timeout=_PATIENCE, check_same_thread=False
    )
    try:
        connection.execute('PRAGMA query_only = ON')
        (version,) = connection.execute('PRAGMA user_version').fetchone()
        if version != _VERSION:
            raise LookupError(f"it is of version {version}")
    except BaseException:
        connection.close()
        raise
    return connection
