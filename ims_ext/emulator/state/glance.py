# SPDX-License-Identifier: Apache-2.0
"""The records of a whole Glance: tasks, and metadata definitions."""

import dataclasses
from typing import Any, ClassVar

from ims_ext.emulator.state.record import JSON
from ims_ext.emulator.state.record import Codec
from ims_ext.emulator.state.record import Table
from ims_ext.emulator.state.record import timestamp

#: For how long a task is told of after its end.
KEPT_SECONDS = 48 * 3600


@dataclasses.dataclass
class Task:
    """Work that Glance does after it has answered.

    :ivar type: ``api_image_import``, ``location_import`` or ``import``.
    :ivar status: ``pending``, ``processing``, ``success`` or ``failure``.
    :ivar owner: The project that asked for it.
    :ivar image_id: The image that it is about, if there is one already.
    :ivar request_id: The request that asked for it.
    :ivar input: What was asked for.
    :ivar result: What came of it, on success.
    :ivar message: What went wrong, or nothing.
    """

    id: str
    type: str
    owner: str
    user_id: str
    image_id: str | None
    request_id: str
    input: dict[str, Any]
    status: str = 'pending'
    result: dict[str, Any] | None = None
    message: str = ''
    created_at: str = ''
    updated_at: str = ''


class Tasks(Table[Task]):
    """The tasks."""

    RECORD = Task
    NAME = 'glance_tasks'
    FIXED = ('created_at',)
    CODECS: ClassVar[dict[str, Codec]] = {'input': JSON, 'result': JSON}

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE IF NOT EXISTS glance_tasks (
            id TEXT PRIMARY KEY, type TEXT NOT NULL, owner TEXT NOT NULL,
            user_id TEXT NOT NULL, image_id TEXT, request_id TEXT NOT NULL,
            input TEXT NOT NULL, status TEXT NOT NULL, result TEXT NOT NULL,
            message TEXT NOT NULL, created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL)""",
        """CREATE INDEX IF NOT EXISTS glance_tasks_image
            ON glance_tasks (image_id)""",
    )

    def get(self, task_id: str) -> Task | None:
        """Return one task by its ID."""
        return self._first('id = ?', task_id)

    def newest(self) -> list[Task]:
        """Return all tasks, the newest first."""
        return self._select(order='rowid DESC')

    def of_image(self, image_id: str) -> list[Task]:
        """Return the tasks that are about an image."""
        return self._select('image_id = ?', image_id)

    def unfinished(self) -> list[Task]:
        """Return the tasks that have not ended."""
        return self._select("status IN ('pending', 'processing')")

    def add(self, task: Task) -> Task:
        """Keep a new task and return it, with its times set.

        Tasks that ended long ago are forgotten at the same time.
        """
        now = self._clock()
        task.created_at = task.updated_at = timestamp(now)
        self._delete(
            "status IN ('success', 'failure') AND updated_at < ?",
            timestamp(now - KEPT_SECONDS),
        )
        self._insert(task)
        return task

    def save(self, task: Task) -> None:
        """Keep the changes made to a task, and the time of the change."""
        task.updated_at = timestamp(self._clock())
        self._update(task)


@dataclasses.dataclass
class Metadef:
    """A namespace of metadata definitions, or a part of one.

    :ivar namespace: The namespace's name.
    :ivar kind: ``namespace``, or the part's: ``object``, ``property``,
        ``tag`` or ``resource_type``.
    :ivar name: The part's name; the namespace's has none of its own.
    :ivar body: What it says, as on the wire.
    """

    namespace: str
    kind: str
    name: str
    body: dict[str, Any]
    created_at: str = ''
    updated_at: str = ''


class Metadefs(Table[Metadef]):
    """The namespaces of metadata definitions, and what is in them."""

    RECORD = Metadef
    NAME = 'glance_metadefs'
    FIXED = ('created_at',)
    KEY = ('namespace', 'kind', 'name')
    CODECS: ClassVar[dict[str, Codec]] = {'body': JSON}

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE IF NOT EXISTS glance_metadefs (
            namespace TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
            body TEXT NOT NULL, created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL, PRIMARY KEY (namespace, kind, name))""",
    )

    def get(
        self, namespace: str, kind: str = 'namespace', name: str = ''
    ) -> Metadef | None:
        """Return a namespace, or one of its parts."""
        return self._first(
            'namespace = ? AND kind = ? AND name = ?', namespace, kind, name
        )

    def namespaces(self) -> list[Metadef]:
        """Return all namespaces, the newest first."""
        return self._select("kind = 'namespace'", order='rowid DESC')

    def parts(self, namespace: str, kind: str) -> list[Metadef]:
        """Return a namespace's parts of a kind, the newest first."""
        return self._select(
            'namespace = ? AND kind = ?', namespace, kind, order='rowid DESC'
        )

    def add(self, metadef: Metadef) -> Metadef:
        """Keep something new and return it, with its times set.

        :raises: :class:`KeyError` where there is one of the name.
        """
        with self._database.transaction():
            if self.get(metadef.namespace, metadef.kind, metadef.name):
                raise KeyError(metadef.name or metadef.namespace)
            metadef.created_at = timestamp(self._clock())
            metadef.updated_at = metadef.created_at
            self._insert(metadef)
        return metadef

    def save(self, metadef: Metadef, name: str | None = None) -> None:
        """Keep the changes made to something, and the time of the change.

        :param name: Another name to give it.
        :raises: :class:`KeyError` where there is one of that name.
        """
        metadef.updated_at = timestamp(self._clock())
        with self._database.transaction():
            self._update(metadef)
            if name is not None:
                self._rename(metadef, name)

    def _rename(self, metadef: Metadef, name: str) -> None:
        if metadef.kind == 'namespace':
            column = 'namespace'
            others = [metadef.namespace]
            taken = self.get(name)
            where = 'namespace = ?'
        else:
            column = 'name'
            others = [metadef.namespace, metadef.kind, metadef.name]
            taken = self.get(metadef.namespace, metadef.kind, name)
            where = 'namespace = ? AND kind = ? AND name = ?'
        if name == getattr(metadef, column):
            return
        if taken is not None:
            raise KeyError(name)
        self._database.execute(
            f'UPDATE {self.NAME} SET {column} = ? WHERE {where}',  # noqa: S608
            (name, *others),
        )
        setattr(metadef, column, name)

    def delete(self, metadef: Metadef) -> None:
        """Forget a part, or a namespace with all of its parts."""
        if metadef.kind == 'namespace':
            self._delete('namespace = ?', metadef.namespace)
        else:
            self.delete_parts(metadef.namespace, metadef.kind, metadef.name)

    def delete_parts(
        self, namespace: str, kind: str, name: str | None = None
    ) -> None:
        """Forget a namespace's parts of a kind, or one of them."""
        if name is None:
            self._delete('namespace = ? AND kind = ?', namespace, kind)
        else:
            self._delete(
                'namespace = ? AND kind = ? AND name = ?',
                namespace,
                kind,
                name,
            )
