# SPDX-License-Identifier: Apache-2.0
"""How many things have been made in an emulator, those included that are gone.

The database counts: whatever adds a record is seen, in whichever way.
"""

from collections.abc import Callable
import dataclasses
from typing import Any

from ims_ext.emulator.state import State
from ims_ext.emulator.state.database import Database

#: What is counted, by kind: the table, and SQL for the project and the name
#: of a new record.
_COUNTED = {
    'image': ('images', 'new.owner', 'new.name'),
    'member': ('members', 'new.member_id', 'new.image_id'),
    'job': ('jobs', 'new.project_id', 'new.type'),
    'bucket': ('buckets', 'new.project_id', 'new.name'),
    'object': (
        'objects',
        '(SELECT project_id FROM buckets WHERE name = new.bucket)',
        "new.bucket || '/' || new.key",
    ),
    'upload': (
        'uploads',
        '(SELECT project_id FROM buckets WHERE name = new.bucket)',
        "new.bucket || '/' || new.key",
    ),
    'server': ('servers', 'new.project_id', 'new.name'),
    'volume': ('volumes', 'new.project_id', 'new.name'),
    'backup': ('backups', 'new.project_id', 'new.name'),
    'token': ('tokens', 'new.project_id', "''"),
    'access_key': ('access_keys', 'new.project_id', "''"),
}
#: The kinds of things that are counted.
KINDS = tuple(_COUNTED)


@dataclasses.dataclass(frozen=True)
class Count:
    """How many things of one name have been made in one project.

    :ivar kind: One of :data:`KINDS`.
    :ivar region: The project's region; empty where there is none.
    :ivar project_id: The project; empty for what belongs to none.
    :ivar project: The project's name.
    :ivar name: The name that they were made with; a job's is its type, a
        member's the ID of the image, an object's ``bucket/key``.
    :ivar number: How many.
    """

    kind: str
    region: str
    project_id: str
    project: str
    name: str
    number: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return dataclasses.asdict(self)


def begin(database: Database) -> None:
    """Have a database count what is added to it.

    :param database: One whose tables are all there.
    """
    with database.transaction():
        database.execute(
            'CREATE TABLE IF NOT EXISTS made (kind TEXT NOT NULL, '
            'project_id TEXT NOT NULL, name TEXT NOT NULL, '
            'number INTEGER NOT NULL, '
            'PRIMARY KEY (kind, project_id, name)) WITHOUT ROWID'
        )
        for kind, (table, project_id, name) in _COUNTED.items():
            owner = f"coalesce({project_id}, '')"
            thing = f"coalesce({name}, '')"
            same = f"(kind, project_id, name) = ('{kind}', {owner}, {thing})"
            database.execute(
                f'CREATE TRIGGER IF NOT EXISTS {table}_are_counted '  # noqa: S608
                f'AFTER INSERT ON {table} BEGIN '
                # The first statement cannot conflict: what is to be done
                # then, what sets the trigger off decides.
                f"INSERT INTO made SELECT '{kind}', {owner}, {thing}, 0 "
                f'WHERE NOT EXISTS (SELECT 1 FROM made WHERE {same}); '
                f'UPDATE made SET number = number + 1 WHERE {same}; END'
            )


class Counts:
    """What was ever made in an emulator.

    ::

        job = conn.ims.create_image_from_file('disk.qcow2', 'web', wait=True)
        assert server.counts.made('image', name='web') == 1

    A thing that was made twice is counted twice, though one of the two be
    deleted or replaced since. What there is at the start is counted, too.

    :param state: Gives the records.
    """

    def __init__(self, state: Callable[[], State]) -> None:
        self._state = state

    def made(
        self,
        kind: str,
        *,
        name: str | None = None,
        project: str | None = None,
        region: str | None = None,
    ) -> int:
        """Return how many things were made.

        :param kind: One of :data:`KINDS`.
        :param name: The name that they were made with; any where not given.
        :param project: The project's name or ID; any where not given.
        :param region: Its region; any where not given.
        :raises: :class:`ValueError` for a kind that is not counted.
        """
        found = self.select(kind, name=name, project=project, region=region)
        return sum(each.number for each in found)

    def select(
        self,
        kind: str | None = None,
        *,
        name: str | None = None,
        project: str | None = None,
        region: str | None = None,
    ) -> list[Count]:
        """Return the counts that meet all conditions, by kind and name.

        The parameters are those of :meth:`made`.

        :raises: :class:`ValueError` for a kind that is not counted.
        """
        if kind is not None and kind not in KINDS:
            raise ValueError(
                f"What is counted is {', '.join(KINDS)}, not {kind!r}"
            )
        rows = self._state().database.execute(
            'SELECT kind, coalesce(projects.region, \'\'), made.project_id, '
            'coalesce(projects.name, \'\'), made.name, made.number FROM made '
            'LEFT JOIN projects ON projects.id = made.project_id '
            'WHERE (:kind IS NULL OR kind = :kind) '
            'AND (:name IS NULL OR made.name = :name) '
            'AND (:project IS NULL '
            'OR :project IN (made.project_id, projects.name)) '
            'AND (:region IS NULL OR projects.region = :region) '
            'ORDER BY kind, made.name, made.project_id',
            {'kind': kind, 'name': name, 'project': project, 'region': region},
        )
        return [Count(*row) for row in rows]
