# SPDX-License-Identifier: Apache-2.0
"""The SQLite database of a state: statements and transactions."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
from pathlib import Path
import sqlite3
import threading
from typing import Any


class Database:
    """One SQLite connection that threads take turns with.

    :param path: The database's file, made where there is none.
    :param durable: Whether the file must stay whole when the machine loses
        its power; a temporary one need not.
    """

    def __init__(self, path: Path, durable: bool) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._afterwards: list[Callable[[], object]] = []
        self._connection = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None
        )
        self._connection.row_factory = sqlite3.Row
        # SQLite's own function knows the letters of ASCII only.
        self._connection.create_function(
            'lower_case', 1, str.lower, deterministic=True
        )
        self._connection.execute('PRAGMA journal_mode = WAL')
        self._connection.execute(
            f'PRAGMA synchronous = {"NORMAL" if durable else "OFF"}'
        )
        self._connection.execute('PRAGMA foreign_keys = ON')

    def execute(self, sql: str, parameters: Any = ()) -> list[sqlite3.Row]:
        """Run one statement and return all its rows."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Any]) -> None:
        """Run one statement once a row of parameters."""
        with self._lock:
            self._connection.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block alone, and keep all of its changes or none.

        Blocks may be nested: the outermost one commits.
        """
        with self._lock:
            if self._depth:
                yield
                return
            self._depth = 1
            self._connection.execute('BEGIN IMMEDIATE')
            try:
                yield
            except BaseException:
                self._connection.execute('ROLLBACK')
                self._afterwards.clear()
                raise
            else:
                self._connection.execute('COMMIT')
            finally:
                self._depth = 0
            self._do_afterwards()

    def after_commit(self, action: Callable[[], object]) -> None:
        """Do what cannot be taken back once the changes so far are kept.

        It is not done where they are not kept.
        """
        with self._lock:
            self._afterwards.append(action)
            if not self._depth:
                self._do_afterwards()

    def _do_afterwards(self) -> None:
        actions, self._afterwards = self._afterwards, []
        for action in actions:
            action()

    def close(self) -> None:
        """Close the connection; the database's file is complete then."""
        with self._lock:
            self._connection.close()
