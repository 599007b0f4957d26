# SPDX-License-Identifier: Apache-2.0
"""Single values that a state remembers, by their names."""

from ims_ext.emulator.state.database import Database

_SCHEMA = """CREATE TABLE IF NOT EXISTS notes (
    name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"""


class Notes:
    """The values.

    :param database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.execute(_SCHEMA)

    def get(self, name: str) -> str | None:
        """Return a value, ``None`` where there is none."""
        rows = self._database.execute(
            'SELECT value FROM notes WHERE name = ?', (name,)
        )
        return str(rows[0][0]) if rows else None

    def set(self, name: str, value: str) -> None:
        """Keep a value, in place of the one before."""
        self._database.execute(
            'INSERT OR REPLACE INTO notes VALUES (?, ?)', (name, value)
        )

    # ====== QUOTAS ======

    def image_quota(self, project_id: str) -> int | None:
        """Return how many images a project may own; ``None`` as the others."""
        value = self.get(f'image quota {project_id}')
        return None if value is None else int(value)

    def set_image_quota(self, project_id: str, count: int) -> None:
        """Let a project own some number of images."""
        self.set(f'image quota {project_id}', str(count))
