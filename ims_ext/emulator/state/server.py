# SPDX-License-Identifier: Apache-2.0
"""What images are made of: servers, volumes, and backups of servers."""

from collections.abc import Callable
import dataclasses
import sqlite3
from typing import TYPE_CHECKING, Any, Generic, TypeVar
import uuid

from ims_ext.emulator.state.image import timestamp

if TYPE_CHECKING:
    from ims_ext.emulator.state import Database


@dataclasses.dataclass(kw_only=True)
class Server:
    """A server.

    :ivar status: Nova's: ``ACTIVE``, ``SHUTOFF``, ``ERROR``, …
    :ivar task_state: What is being done with it, or ``None``.
    :ivar image_id: The image that it was made of, or ``None``.
    :ivar os_version: What runs on it; a documented version.
    :ivar created_at: ``2024-11-06T06:19:43Z``, like ``updated_at``.
    """

    project_id: str
    name: str
    status: str = 'SHUTOFF'
    task_state: str | None = None
    flavor_id: str
    image_id: str | None = None
    os_version: str
    created_at: str = ''
    updated_at: str = ''
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))


@dataclasses.dataclass(kw_only=True)
class Volume:
    """A volume.

    :ivar size: GiB.
    :ivar status: Cinder's: ``available``, ``in-use``, ``uploading``, …
    :ivar server_id: The server that it is attached to, or ``None``.
    :ivar device: Where the server sees it, ``/dev/vda`` for its system disk.
    :ivar os_version: The operating system on it, or ``None`` without one.
    :ivar key_id: The key that it is encrypted with, or ``None``.
    """

    project_id: str
    name: str
    size: int
    status: str = 'available'
    server_id: str | None = None
    device: str | None = None
    os_version: str | None = None
    key_id: str | None = None
    created_at: str = ''
    updated_at: str = ''
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def is_system_disk(self) -> bool:
        """Whether a server boots from it."""
        return self.device == SYSTEM_DEVICE


@dataclasses.dataclass(kw_only=True)
class Backup:
    """A backup of a server with all its disks.

    :ivar kind: The service that keeps it: ``CSBS`` or ``CBR``.
    :ivar status: ``available``, ``creating`` or ``error``.
    :ivar vault_id: The CBR vault that it is in.
    :ivar size: GiB of all disks together.
    :ivar system_size: GiB of the system disk.
    :ivar image_id: The image that the server was made of, or ``None``.
    :ivar key_id: The key that the system disk is encrypted with, or
        ``None``.
    """

    project_id: str
    name: str
    kind: str
    status: str = 'available'
    server_id: str
    vault_id: str | None = None
    size: int
    system_size: int
    os_version: str
    image_id: str | None = None
    key_id: str | None = None
    created_at: str = ''
    updated_at: str = ''
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))


SCHEMA = (
    """CREATE TABLE servers (
        project_id TEXT NOT NULL, name TEXT NOT NULL,
        status TEXT NOT NULL, task_state TEXT, flavor_id TEXT NOT NULL,
        image_id TEXT, os_version TEXT NOT NULL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        id TEXT PRIMARY KEY)""",
    """CREATE TABLE volumes (
        project_id TEXT NOT NULL, name TEXT NOT NULL,
        size INTEGER NOT NULL, status TEXT NOT NULL,
        server_id TEXT REFERENCES servers (id), device TEXT,
        os_version TEXT, key_id TEXT,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        id TEXT PRIMARY KEY)""",
    # A backup outlives its server.
    """CREATE TABLE backups (
        project_id TEXT NOT NULL, name TEXT NOT NULL,
        kind TEXT NOT NULL, status TEXT NOT NULL,
        server_id TEXT NOT NULL, vault_id TEXT,
        size INTEGER NOT NULL, system_size INTEGER NOT NULL,
        os_version TEXT NOT NULL, image_id TEXT, key_id TEXT,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        id TEXT PRIMARY KEY)""",
    'CREATE INDEX servers_project ON servers (project_id)',
    'CREATE INDEX volumes_project ON volumes (project_id)',
    'CREATE INDEX backups_project ON backups (project_id)',
)

#: Where servers see the disk that they boot from.
SYSTEM_DEVICE = '/dev/vda'

R = TypeVar('R', Server, Volume, Backup)


class Records(Generic[R]):
    """The records of one kind; a project has its own.

    :param record: The class of the records.
    """

    def __init__(
        self,
        database: 'Database',
        clock: Callable[[], float],
        record: type[R],
    ) -> None:
        self._database = database
        self._clock = clock
        self._record: type[R] = record
        self._table = f'{record.__name__.lower()}s'
        self._columns = tuple(
            field.name for field in dataclasses.fields(record)
        )

    def all(self, project_id: str) -> list[R]:
        """Return a project's records, oldest first."""
        return self._select('project_id = ?', project_id)

    def get(self, id: Any, project_id: str) -> R | None:
        """Return one of a project's records by its ID.

        :param id: What a client gave as the ID, whatever that is.
        """
        if not isinstance(id, str):
            return None
        found = self._select('id = ? AND project_id = ?', id, project_id)
        return found[0] if found else None

    def of_server(self, server_id: str) -> list[R]:
        """Return the volumes or backups of a server, oldest first."""
        return self._select('server_id = ?', server_id)

    def add(self, record: R) -> R:
        """Keep a new record and return it, with its times set."""
        record.created_at = record.updated_at = timestamp(self._clock())
        marks = ', '.join('?' * len(self._columns))
        self._database.execute(
            f'INSERT INTO {self._table} '  # noqa: S608
            f'({", ".join(self._columns)}) VALUES ({marks})',
            self._values(record),
        )
        return record

    def save(self, record: R) -> None:
        """Keep the changes made to a record, and the time of the change."""
        record.updated_at = timestamp(self._clock())
        changes = ', '.join(f'{column} = ?' for column in self._columns)
        self._database.execute(
            f'UPDATE {self._table} SET {changes} WHERE id = ?',  # noqa: S608
            (*self._values(record), record.id),
        )

    def delete(self, id: str) -> None:
        """Forget a record."""
        self._database.execute(
            f'DELETE FROM {self._table} WHERE id = ?',  # noqa: S608
            (id,),
        )

    def _select(self, condition: str, *parameters: str) -> list[R]:
        rows: list[sqlite3.Row] = self._database.execute(
            f'SELECT {", ".join(self._columns)} FROM {self._table} '  # noqa: S608
            f'WHERE {condition} ORDER BY rowid',
            parameters,
        )
        return [self._record(**row) for row in rows]

    def _values(self, record: R) -> tuple[Any, ...]:
        return tuple(getattr(record, column) for column in self._columns)
