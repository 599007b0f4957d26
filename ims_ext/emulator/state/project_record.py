# SPDX-License-Identifier: Apache-2.0
"""Records that belong to a project, and take a while until they are ready."""

import dataclasses
import sqlite3
from typing import Any, TypeVar

from ims_ext.emulator.state.record import Table
from ims_ext.emulator.state.record import timestamp


@dataclasses.dataclass(kw_only=True)
class ProjectRecord:
    """A record of a project.

    :ivar created_at: ``2024-11-06T06:19:43Z``, like ``updated_at``.
    :ivar settles_at: When it is ready, in seconds since 1970; ``None`` where
        it is, or where something else decides.
    """

    project_id: str
    name: str
    created_at: str = ''
    updated_at: str = ''
    settles_at: float | None = None
    id: str = ''

    def settle(self) -> None:
        """Be ready, since it is time."""


R = TypeVar('R', bound=ProjectRecord)


class ProjectRecords(Table[R]):
    """The records of one kind; a project has its own.

    What is ready by now is read as such: nothing has to happen for that.
    """

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

    def _record(self, row: sqlite3.Row) -> R:
        record = super()._record(row)
        if record.settles_at is not None and record.settles_at <= (
            self._clock()
        ):
            record.updated_at = timestamp(record.settles_at)
            record.settles_at = None
            record.settle()
        return record
