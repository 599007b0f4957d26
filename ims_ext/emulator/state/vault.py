# SPDX-License-Identifier: Apache-2.0
"""The vaults that backups are kept in."""

import dataclasses
from typing import ClassVar

from ims_ext.emulator.state.project_record import ProjectRecord
from ims_ext.emulator.state.project_record import ProjectRecords
from ims_ext.emulator.state.record import BOOLEAN
from ims_ext.emulator.state.record import JSON
from ims_ext.emulator.state.record import Codec

#: The kind of vaults that backups of servers are kept in.
SERVER = 'server'


@dataclasses.dataclass(kw_only=True)
class Vault(ProjectRecord):
    """A vault.

    :ivar object_type: What is backed up into it: ``server`` or ``disk``.
    :ivar size: GiB.
    :ivar resource_ids: IDs of the servers or volumes that belong to it.
    :ivar auto_expand: Whether it grows with its backups.
    :ivar tags: ``{"key": …, "value": …}`` each.
    """

    object_type: str = SERVER
    size: int
    description: str = ''
    resource_ids: list[str] = dataclasses.field(default_factory=list)
    auto_expand: bool = False
    tags: list[dict[str, str]] = dataclasses.field(default_factory=list)


class Vaults(ProjectRecords[Vault]):
    """The vaults."""

    RECORD = Vault
    NAME = 'vaults'
    CODECS: ClassVar[dict[str, Codec]] = {
        'resource_ids': JSON,
        'auto_expand': BOOLEAN,
        'tags': JSON,
    }

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE vaults (
            project_id TEXT NOT NULL, name TEXT NOT NULL,
            object_type TEXT NOT NULL, size INTEGER NOT NULL,
            description TEXT NOT NULL, resource_ids TEXT NOT NULL,
            auto_expand INTEGER NOT NULL, tags TEXT NOT NULL,
            settles_at REAL, created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL, id TEXT PRIMARY KEY)""",
        'CREATE INDEX vaults_project ON vaults (project_id)',
    )

    def of_resource(self, resource_id: str, project_id: str) -> Vault | None:
        """Return the vault that a server or volume belongs to."""
        for vault in self.all(project_id):
            if resource_id in vault.resource_ids:
                return vault
        return None
