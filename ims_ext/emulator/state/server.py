# SPDX-License-Identifier: Apache-2.0
"""Servers, volumes, and backups of servers: the sources of images."""

import dataclasses
from typing import ClassVar

from ims_ext.emulator.state.project_record import ProjectRecord
from ims_ext.emulator.state.project_record import ProjectRecords
from ims_ext.emulator.state.record import BOOLEAN
from ims_ext.emulator.state.record import JSON
from ims_ext.emulator.state.record import Codec


@dataclasses.dataclass(kw_only=True)
class Server(ProjectRecord):
    """A server.

    :ivar status: Nova's: ``BUILD``, ``ACTIVE``, ``SHUTOFF``, ``ERROR``, …
    :ivar task_state: What is being done with it, or ``None``.
    :ivar image_id: The image that it was made of, or ``None``.
    :ivar os_version: What runs on it; a documented version.
    :ivar metadata: What its user says about it.
    """

    status: str = 'SHUTOFF'
    task_state: str | None = None
    flavor_id: str
    image_id: str | None = None
    os_version: str
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)

    def settle(self) -> None:
        """Run, since it has been built."""
        self.status = 'ACTIVE'
        self.task_state = None


@dataclasses.dataclass(kw_only=True)
class Volume(ProjectRecord):
    """A volume.

    :ivar size: GiB.
    :ivar status: Cinder's: ``creating``, ``available``, ``in-use``,
        ``uploading``, …
    :ivar server_id: The server that it is attached to, or ``None``.
    :ivar device: Where the server sees it, ``/dev/vda`` for its system disk.
    :ivar os_version: The operating system on it, or ``None`` without one,
        and then no server can boot from it.
    :ivar key_id: The key that it is encrypted with, or ``None``.
    :ivar image_metadata: What it knows of the image that it was made of,
        ``image_id`` and all; empty without one.
    :ivar ends_with_server: Whether it is deleted together with its server.
    """

    size: int
    description: str | None = None
    status: str = 'available'
    server_id: str | None = None
    device: str | None = None
    os_version: str | None = None
    key_id: str | None = None
    image_metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    ends_with_server: bool = False

    def settle(self) -> None:
        """Be there to be used."""
        self.status = 'in-use' if self.server_id else 'available'

    @property
    def is_system_disk(self) -> bool:
        """Whether a server boots from it."""
        return self.device == SYSTEM_DEVICE


@dataclasses.dataclass(kw_only=True)
class Backup(ProjectRecord):
    """A backup of a server with all its disks.

    :ivar kind: The service that keeps it: ``CSBS`` or ``CBR``.
    :ivar status: ``available``, ``creating`` or ``error``.
    :ivar vault_id: The CBR vault that it is in.
    :ivar checkpoint_id: The restore point that it is a part of.
    :ivar size: GiB of all disks together.
    :ivar system_size: GiB of the system disk.
    :ivar image_id: The image that the server was made of, or ``None``.
    :ivar key_id: The key that the system disk is encrypted with, or
        ``None``.
    """

    kind: str
    status: str = 'available'
    server_id: str
    vault_id: str | None = None
    checkpoint_id: str | None = None
    description: str | None = None
    size: int
    system_size: int
    os_version: str
    image_id: str | None = None
    key_id: str | None = None

    def settle(self) -> None:
        """Be there to be used."""
        self.status = 'available'


SCHEMA = (
    """CREATE TABLE servers (
        project_id TEXT NOT NULL, name TEXT NOT NULL,
        status TEXT NOT NULL, task_state TEXT, flavor_id TEXT NOT NULL,
        image_id TEXT, os_version TEXT NOT NULL, metadata TEXT NOT NULL,
        settles_at REAL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        id TEXT PRIMARY KEY)""",
    """CREATE TABLE volumes (
        project_id TEXT NOT NULL, name TEXT NOT NULL,
        size INTEGER NOT NULL, status TEXT NOT NULL,
        server_id TEXT REFERENCES servers (id), device TEXT,
        os_version TEXT, key_id TEXT, description TEXT,
        image_metadata TEXT NOT NULL, metadata TEXT NOT NULL,
        ends_with_server INTEGER NOT NULL, settles_at REAL,
        created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        id TEXT PRIMARY KEY)""",
    # A backup outlives its server.
    """CREATE TABLE backups (
        project_id TEXT NOT NULL, name TEXT NOT NULL,
        kind TEXT NOT NULL, status TEXT NOT NULL,
        server_id TEXT NOT NULL, vault_id TEXT, checkpoint_id TEXT,
        description TEXT,
        size INTEGER NOT NULL, system_size INTEGER NOT NULL,
        os_version TEXT NOT NULL, image_id TEXT, key_id TEXT,
        settles_at REAL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        id TEXT PRIMARY KEY)""",
    'CREATE INDEX servers_project ON servers (project_id)',
    'CREATE INDEX volumes_project ON volumes (project_id)',
    'CREATE INDEX backups_project ON backups (project_id)',
)

#: Where servers see the disk that they boot from.
SYSTEM_DEVICE = '/dev/vda'


class Servers(ProjectRecords[Server]):
    """The servers."""

    RECORD = Server
    NAME = 'servers'
    CODECS: ClassVar[dict[str, Codec]] = {'metadata': JSON}


class Volumes(ProjectRecords[Volume]):
    """The volumes."""

    RECORD = Volume
    NAME = 'volumes'
    CODECS: ClassVar[dict[str, Codec]] = {
        'image_metadata': JSON,
        'metadata': JSON,
        'ends_with_server': BOOLEAN,
    }

    def of_server(self, server_id: str) -> list[Volume]:
        """Return the volumes of a server, the one that it boots from first."""
        return self._select('server_id = ?', server_id, order='device, rowid')


class Backups(ProjectRecords[Backup]):
    """The backups of servers."""

    RECORD = Backup
    NAME = 'backups'

    def of_server(self, server_id: str) -> list[Backup]:
        """Return the backups of a server, oldest first."""
        return self._select('server_id = ?', server_id)
