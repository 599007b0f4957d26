# SPDX-License-Identifier: Apache-2.0
"""Servers, volumes, and backups of servers: the sources of images."""

import dataclasses
from typing import Any, TypeVar

from ims_ext.emulator.state.record import Table
from ims_ext.emulator.state.record import timestamp


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
    id: str = ''


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
    id: str = ''

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
    id: str = ''


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


class ProjectRecords(Table[R]):
    """The records of one kind; a project has its own."""

    FIXED = ('project_id', 'created_at')

    def all(self, project_id: str) -> list[R]:
        """Return a project's records, oldest first."""
        return self._select('project_id = ?', project_id)

    def get(self, id: Any, project_id: str) -> R | None:
        """Return one of a project's records by its ID.

        :param id: What a client gave as the ID, whatever that is.
        """
        if not isinstance(id, str):
            return None
        return self._first('id = ? AND project_id = ?', id, project_id)

    def add(self, record: R) -> R:
        """Keep a new record and return it, with its ID and times set."""
        record.id = record.id or self._ids.uuid(self.NAME, record.project_id)
        record.created_at = record.updated_at = timestamp(self._clock())
        self._insert(record)
        return record

    def save(self, record: R) -> None:
        """Keep the changes made to a record, and the time of the change."""
        record.updated_at = timestamp(self._clock())
        self._update(record)

    def delete(self, id: str) -> None:
        """Forget a record."""
        self._delete('id = ?', id)


class Servers(ProjectRecords[Server]):
    """The servers."""

    RECORD = Server
    NAME = 'servers'


class Volumes(ProjectRecords[Volume]):
    """The volumes."""

    RECORD = Volume
    NAME = 'volumes'

    def of_server(self, server_id: str) -> list[Volume]:
        """Return the volumes of a server, oldest first."""
        return self._select('server_id = ?', server_id)


class Backups(ProjectRecords[Backup]):
    """The backups of servers."""

    RECORD = Backup
    NAME = 'backups'

    def of_server(self, server_id: str) -> list[Backup]:
        """Return the backups of a server, oldest first."""
        return self._select('server_id = ?', server_id)
