# SPDX-License-Identifier: Apache-2.0
"""The asynchronous jobs."""

import dataclasses
from typing import Any, ClassVar

from ims_ext.emulator.state.record import JSON
from ims_ext.emulator.state.record import Codec
from ims_ext.emulator.state.record import Table


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
    id: str = ''

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended, well or badly."""
        return self.status in ('SUCCESS', 'FAIL')


class Jobs(Table[Job]):
    """The jobs."""

    RECORD = Job
    NAME = 'jobs'
    FIXED = ('type', 'project_id', 'parent_id')
    CODECS: ClassVar[dict[str, Codec]] = {'entities': JSON, 'params': JSON}

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
        """Keep a new job, and give it an ID if it has none."""
        job.id = job.id or self._ids.hex('job', job.project_id)
        self._insert(job)

    def save(self, job: Job) -> None:
        """Keep the changes made to a job."""
        self._update(job)

    def get(self, job_id: str) -> Job | None:
        """Return one job by its ID."""
        return self._first('id = ?', job_id)

    def children(self, job_id: str) -> list[Job]:
        """Return the jobs that are parts of another, oldest first."""
        return self._select('parent_id = ?', job_id)

    def newest(self) -> list[Job]:
        """Return all jobs that are no parts of others, newest first."""
        return self._select('parent_id IS NULL', order='rowid DESC')

    def unfinished(self) -> list[Job]:
        """Return all jobs that have not ended, oldest first."""
        return self._select("status IN ('INIT', 'RUNNING')")
