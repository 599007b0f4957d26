# SPDX-License-Identifier: Apache-2.0
"""What is being worked on: the asynchronous jobs."""

from collections.abc import Callable
import dataclasses
import json
import sqlite3
from typing import TYPE_CHECKING, Any, ClassVar
import uuid

if TYPE_CHECKING:
    from ims_ext.emulator.state import Database


@dataclasses.dataclass
class Job:
    """A job, from its submission to its end.

    :ivar type: The job's type, for example ``imsImportImageJob``.
    :ivar status: ``INIT``, ``RUNNING``, ``SUCCESS`` or ``FAIL``.
    :ivar parent_id: The job that this one is a part of, or ``None``.
    :ivar begin_time: Seconds since 1970, like ``end_time``.
    :ivar duration: For how many seconds the job is to run.
    :ivar entities: What the job's answer says about its results.
    :ivar params: What the job needs to be carried out, after a restart too;
        never shown.
    """

    type: str
    project_id: str
    begin_time: float
    duration: float
    status: str = 'INIT'
    parent_id: str | None = None
    end_time: float | None = None
    error_code: str | None = None
    fail_reason: str | None = None
    entities: dict[str, Any] = dataclasses.field(default_factory=dict)
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    id: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended, well or badly."""
        return self.status in ('SUCCESS', 'FAIL')


_COLUMNS = tuple(field.name for field in dataclasses.fields(Job))


class Jobs:
    """The jobs."""

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE jobs (
            type TEXT NOT NULL, project_id TEXT NOT NULL,
            begin_time REAL NOT NULL, duration REAL NOT NULL,
            status TEXT NOT NULL, parent_id TEXT REFERENCES jobs (id),
            end_time REAL, error_code TEXT, fail_reason TEXT,
            entities TEXT NOT NULL, params TEXT NOT NULL,
            id TEXT PRIMARY KEY)""",
        'CREATE INDEX jobs_status ON jobs (status)',
        'CREATE INDEX jobs_parent ON jobs (parent_id)',
    )

    def __init__(
        self, database: 'Database', clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._clock = clock

    def new(
        self,
        type: str,
        project_id: str,
        duration: float,
        params: dict[str, Any] | None = None,
        parent_id: str | None = None,
    ) -> Job:
        """Make and keep a job that begins now."""
        job = Job(
            type=type,
            project_id=project_id,
            begin_time=self._clock(),
            duration=duration,
            parent_id=parent_id,
            params=params or {},
        )
        self.add(job)
        return job

    def add(self, job: Job) -> None:
        """Keep a new job."""
        marks = ', '.join('?' * len(_COLUMNS))
        self._database.execute(
            f'INSERT INTO jobs ({", ".join(_COLUMNS)}) '  # noqa: S608
            f'VALUES ({marks})',
            _values(job),
        )

    def save(self, job: Job) -> None:
        """Keep the changes made to a job."""
        changes = ', '.join(f'{column} = ?' for column in _COLUMNS)
        self._database.execute(
            f'UPDATE jobs SET {changes} WHERE id = ?',  # noqa: S608
            (*_values(job), job.id),
        )

    def get(self, job_id: str) -> Job | None:
        """Return one job by its ID."""
        rows = self._database.execute(
            'SELECT * FROM jobs WHERE id = ?', (job_id,)
        )
        return _job(rows[0]) if rows else None

    def children(self, job_id: str) -> list[Job]:
        """Return the jobs that are parts of another, oldest first."""
        rows = self._database.execute(
            'SELECT * FROM jobs WHERE parent_id = ? ORDER BY rowid', (job_id,)
        )
        return [_job(row) for row in rows]

    def unfinished(self) -> list[Job]:
        """Return all jobs that have not ended, oldest first."""
        rows = self._database.execute(
            "SELECT * FROM jobs WHERE status IN ('INIT', 'RUNNING') "
            'ORDER BY rowid'
        )
        return [_job(row) for row in rows]


def _values(job: Job) -> tuple[Any, ...]:
    values = {column: getattr(job, column) for column in _COLUMNS}
    values['entities'] = json.dumps(job.entities)
    values['params'] = json.dumps(job.params)
    return tuple(values.values())


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    values['entities'] = json.loads(values['entities'])
    values['params'] = json.loads(values['params'])
    return Job(**values)
