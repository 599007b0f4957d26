# SPDX-License-Identifier: Apache-2.0
"""The journal of a manifest's runs on this machine.

It has the runs' events, for reports, and what runs have begun, for the next
one to go on with. The truth is in the cloud: a journal that is gone, damaged
or cannot be written never ends a run.
"""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import datetime
import json
import logging
from pathlib import Path
import sqlite3
import threading
from typing import Any, Self

from ims_ext import exceptions
from ims_ext.pipeline import journal_file
from ims_ext.pipeline.events import Event

_logger = logging.getLogger(__name__)

#: Runs that are kept.
_MOST_RUNS = 100
#: Events that are kept of all runs but the newest, and of one run.
_MOST_EVENTS = 500_000


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """A run that is in a journal.

    :ivar run: Its ID.
    :ivar pipeline: The manifest's name.
    :ivar manifest: The manifest's path.
    :ivar began: When it began, in UTC, in ISO 8601.
    :ivar ended: When it ended; ``None`` where it goes on or was killed.
    :ivar exit: Its exit code.
    :ivar done: Items that were done.
    :ivar failed: Items that failed.
    :ivar skipped: Items that were skipped.
    """

    run: str
    pipeline: str
    manifest: str
    began: str
    ended: str | None
    exit: int | None
    done: int
    failed: int
    skipped: int


@dataclasses.dataclass(frozen=True)
class Intent:
    """A creating request that was to be sent, and has not been settled.

    :ivar action: The action's ID.
    :ivar run: The run that was to send it.
    :ivar name: The image's name in the cloud.
    :ivar time: When, in UTC, in ISO 8601.
    :ivar job_id: The job that it has started, where that is known.
    :ivar image_id: The image that it has made, where that is known.
    """

    action: str
    run: str
    name: str
    time: str
    job_id: str | None
    image_id: str | None


class Journal:
    """The journal of a manifest, used by all threads of a run.

    A file that is damaged or of another version is put aside. Where it
    cannot be written, that is told once and the run goes on without.

    :param path: The journal's file; ``None`` keeps all in memory.
    :param run: The run that writes; without one it is only read.
    :param say: Is told what is wrong with the journal; by default the log.
    """

    def __init__(
        self,
        path: Path | None,
        run: str | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._path = path
        self._run = run
        self._say = say or _logger.warning
        self._guard = threading.Lock()
        self._is_told = False
        self._events = 0
        self._connection: sqlite3.Connection | None = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.close()
                self._connection = None

    # ====== RUNS AND EVENTS ======

    def __call__(self, event: Event) -> None:
        """Keep an event: a :data:`~ims_ext.pipeline.events.Sink`.

        Progress is not kept, except for its end.
        """
        kind = event['kind']
        if kind == 'progress' and event.get('done') != event.get('total'):
            return
        with self._writing() as connection:
            if connection is None:
                return
            if kind == 'run.started':
                self._begin(connection, event)
            elif kind == 'run.ended':
                self._end(connection, event)
            self._events += 1
            if self._events > _MOST_EVENTS and not kind.startswith('run.'):
                return
            connection.execute(
                'INSERT INTO events (run, event) VALUES (?, ?)',
                (event['run'], json.dumps(event, separators=(',', ':'))),
            )

    def runs(self) -> list[RunRecord]:
        """Return the runs, the newest first."""
        return [
            RunRecord(*row)
            for row in self._rows(
                'SELECT run, pipeline, manifest, began, ended, exit, done, '
                'failed, skipped FROM runs ORDER BY began DESC, run DESC'
            )
        ]

    def events(self, run: str) -> Iterator[Event]:
        """Give the events of a run, in their order.

        :param run: The run's ID.
        """
        for (text,) in self._rows(
            'SELECT event FROM events WHERE run = ? ORDER BY number', run
        ):
            yield json.loads(text)

    # ====== WHAT HAS BEGUN ======

    def intend(self, action: str, name: str) -> None:
        """Note that a creating request is about to be sent.

        :param action: The action's ID.
        :param name: The image's name in the cloud.
        """
        now = datetime.datetime.now(datetime.UTC)
        self._write(
            'INSERT OR REPLACE INTO intents (action, run, name, time) '
            'VALUES (?, ?, ?, ?)',
            action,
            self._run or '',
            name,
            now.isoformat(timespec='milliseconds').replace('+00:00', 'Z'),
        )

    def started(
        self, action: str, job_id: str | None, image_id: str | None = None
    ) -> None:
        """Note what a creating request has started.

        :param action: The action's ID.
        :param job_id: The job.
        :param image_id: The image, where it is known already.
        """
        self._write(
            'UPDATE intents SET job_id = ?, image_id = ? WHERE action = ?',
            job_id,
            image_id,
            action,
        )

    def settled(self, action: str) -> None:
        """Forget an action whose effect has been seen.

        :param action: The action's ID.
        """
        self._write('DELETE FROM intents WHERE action = ?', action)

    def has_begun(self, action: str) -> bool:
        """Whether an action's request may have been sent.

        :param action: The action's ID.
        """
        return bool(
            self._rows('SELECT run FROM intents WHERE action = ?', action)
        )

    def job_of(self, action: str) -> str | None:
        """Return the job that an action's request has started, if known.

        :param action: The action's ID.
        """
        rows = self._rows(
            'SELECT job_id FROM intents WHERE action = ?', action
        )
        return rows[0][0] if rows else None

    def intents(self) -> list[Intent]:
        """Return what has begun and is not settled, the oldest first."""
        return [
            Intent(*row)
            for row in self._rows(
                'SELECT action, run, name, time, job_id, image_id '
                'FROM intents ORDER BY time, action'
            )
        ]

    # ====== THE FILE ======

    def _opened(self) -> sqlite3.Connection | None:
        if self._path is None:
            return journal_file.connect(':memory:')
        try:
            if self._run is None:
                return journal_file.connect_for_reading(self._path)
            journal_file.make_private(self._path)
            try:
                return journal_file.connect(str(self._path))
            except (sqlite3.DatabaseError, LookupError) as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._put_aside(self._path, error)
            journal_file.make_private(self._path)
            return journal_file.connect(str(self._path))
        except (sqlite3.Error, LookupError, OSError) as error:
            self._tell(error)
            return None

    def _put_aside(self, path: Path, error: Exception) -> None:
        aside = path.with_suffix('.unreadable')
        path.replace(aside)
        for ending in ('-wal', '-shm'):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        self._say(
            f"the journal {path} cannot be read ({error}); it is put aside "
            f"as {aside.name}, and a new one begun"
        )

    def _tell(self, error: Exception) -> None:
        if not self._is_told:
            self._is_told = True
            self._say(
                exceptions.readable(
                    f"the journal {self._path or ''} cannot be used ({error});"
                    " all goes on without",
                    500,
                )
            )

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection | None]:
        """Give the connection for a transaction; failures are only told."""
        with self._guard:
            try:
                if self._connection is None:
                    yield None
                    return
                with self._connection:
                    yield self._connection
            except sqlite3.Error as error:
                # A full disk may get free again, and a lock: what is damaged
                # does not mend.
                if not isinstance(error, sqlite3.OperationalError):
                    self._connection = None
                self._tell(error)

    def _write(self, statement: str, *values: Any) -> None:
        with self._writing() as connection:
            if connection is not None:
                connection.execute(statement, values)

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._guard:
            if self._connection is None:
                return []
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                self._tell(error)
                return []

    def _begin(self, connection: sqlite3.Connection, event: Event) -> None:
        connection.execute(
            'INSERT OR IGNORE INTO runs (run, pipeline, manifest, began) '
            'VALUES (?, ?, ?, ?)',
            (
                event['run'],
                str(event.get('pipeline')),
                str(event.get('manifest')),
                event['time'],
            ),
        )
        connection.execute(
            'DELETE FROM runs WHERE run NOT IN '
            '(SELECT run FROM runs ORDER BY began DESC, run DESC LIMIT ?)',
            (_MOST_RUNS,),
        )
        self._prune(connection, event['run'])

    def _prune(self, connection: sqlite3.Connection, run: str) -> None:
        """Delete the oldest runs whose events are too many."""
        room = _MOST_EVENTS
        for other, count in connection.execute(
            'SELECT run, count(*) FROM events WHERE run != ? '
            'GROUP BY run ORDER BY max(number) DESC',
            (run,),
        ).fetchall():
            room -= count
            if room < 0:
                connection.execute('DELETE FROM runs WHERE run = ?', (other,))
        connection.execute(
            'DELETE FROM events WHERE run NOT IN (SELECT run FROM runs)'
        )

    def _end(self, connection: sqlite3.Connection, event: Event) -> None:
        connection.execute(
            'UPDATE runs SET ended = ?, exit = ?, done = ?, failed = ?, '
            'skipped = ? WHERE run = ?',
            (
                event['time'],
                event.get('exit'),
                event.get('done') or 0,
                event.get('failed') or 0,
                event.get('skipped') or 0,
                event['run'],
            ),
        )
