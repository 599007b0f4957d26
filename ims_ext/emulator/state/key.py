# SPDX-License-Identifier: Apache-2.0
"""The keys that images and volumes are encrypted with."""

import dataclasses
from typing import Any, ClassVar

from ims_ext.emulator.state.project_record import ProjectRecord
from ims_ext.emulator.state.project_record import ProjectRecords
from ims_ext.emulator.state.record import BOOLEAN
from ims_ext.emulator.state.record import Codec


@dataclasses.dataclass(kw_only=True)
class Key(ProjectRecord):
    """A key; its name is what its service calls its alias.

    :ivar is_enabled: Whether it can be used.
    :ivar deleted_at: When it is deleted, in seconds since 1970, and until
        then out of use; ``None`` where it is to stay.
    """

    description: str = ''
    is_enabled: bool = True
    deleted_at: float | None = None

    @property
    def is_usable(self) -> bool:
        """Whether something can be encrypted with it."""
        return self.is_enabled and self.deleted_at is None


class Keys(ProjectRecords[Key]):
    """The keys; those whose time is over are not found any more."""

    RECORD = Key
    NAME = 'keys'
    CODECS: ClassVar[dict[str, Codec]] = {'is_enabled': BOOLEAN}

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE keys (
            project_id TEXT NOT NULL, name TEXT NOT NULL,
            description TEXT NOT NULL, is_enabled INTEGER NOT NULL,
            deleted_at REAL, settles_at REAL,
            created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
            id TEXT PRIMARY KEY, UNIQUE (project_id, name))""",
    )

    def all(self, project_id: str) -> list[Key]:
        """Return a project's keys, oldest first."""
        self._delete('deleted_at <= ?', self._clock())
        return super().all(project_id)

    def get(self, id: Any, project_id: str) -> Key | None:
        """Return one of a project's keys by its ID."""
        self._delete('deleted_at <= ?', self._clock())
        return super().get(id, project_id)
