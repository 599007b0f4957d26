# SPDX-License-Identifier: Apache-2.0
"""Records of one kind, as dataclass objects, in a table of their own."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import json
import sqlite3
import time
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from ims_ext.emulator.state.database import Database
from ims_ext.emulator.state.ids import Ids

R = TypeVar('R')


class Codec(NamedTuple):
    """The two directions between an attribute and its column.

    :ivar encode: Gives the column's value.
    :ivar decode: Gives the attribute's value.
    """

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


JSON = Codec(json.dumps, json.loads)
BOOLEAN = Codec(int, bool)


def timestamp(seconds: float) -> str:
    """Return a time as records carry it: ``2024-11-06T06:19:43Z``."""
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))


class Table(Generic[R]):
    """The base of all repositories: reads and writes records of one class.

    A field of the record's dataclass is a column of the same name.

    :cvar RECORD: The records' class.
    :cvar NAME: The table's name.
    :cvar KEY: The columns that identify a record.
    :cvar FIXED: Columns that stay as they were written first.
    :cvar CODECS: Codecs of the columns that SQLite has no type for.
    :cvar COMPUTED: Fields without a column, by the SQL that gives them.
    :cvar ORDER: The order of several records; that of their making, where
        not said otherwise.
    """

    RECORD: ClassVar[type[Any]]
    NAME: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]] = ('id',)
    FIXED: ClassVar[tuple[str, ...]] = ()
    CODECS: ClassVar[Mapping[str, Codec]] = {}
    COMPUTED: ClassVar[Mapping[str, str]] = {}
    ORDER: ClassVar[str] = 'rowid'

    def __init__(
        self, database: Database, clock: Callable[[], float], ids: Ids
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        fields = [field.name for field in dataclasses.fields(self.RECORD)]
        self._columns = [name for name in fields if name not in self.COMPUTED]
        self._changeable = [
            name
            for name in self._columns
            if name not in self.KEY and name not in self.FIXED
        ]
        sources = [
            f'({self.COMPUTED[name]}) AS {name}'
            if name in self.COMPUTED
            else f'{self.NAME}.{name}'
            for name in fields
        ]
        self._select_sql = f'SELECT {", ".join(sources)} FROM {self.NAME} '  # noqa: S608
        changes = ', '.join(f'{name} = ?' for name in self._changeable)
        key = ' AND '.join(f'{name} = ?' for name in self.KEY)
        self._update_sql = f'UPDATE {self.NAME} SET {changes} WHERE {key}'  # noqa: S608

    def _select(
        self, condition: str = 'TRUE', *parameters: Any, order: str = ''
    ) -> list[R]:
        """Return the records that meet a condition, in their order."""
        return self._read(
            f'WHERE {condition} ORDER BY {order or self.ORDER}', parameters
        )

    def _first(self, condition: str, *parameters: Any) -> R | None:
        """Return one record that meets a condition, ``None`` without one."""
        found = self._read(f'WHERE {condition} LIMIT 1', parameters)
        return found[0] if found else None

    def _read(self, rest: str, parameters: Any = ()) -> list[R]:
        """Return records.

        :param rest: The statement from its ``WHERE``, or a ``JOIN``, on.
        """
        rows = self._database.execute(self._select_sql + rest, parameters)
        return [self._record(row) for row in rows]

    def _insert(self, record: R, **others: Any) -> None:
        """Keep a new record.

        :param others: Columns that are no fields.
        """
        columns = [*self._columns, *others]
        self._database.execute(
            f'INSERT INTO {self.NAME} ({", ".join(columns)}) '  # noqa: S608
            f'VALUES ({", ".join("?" * len(columns))})',
            (*self._values(record, self._columns), *others.values()),
        )

    def _insert_all(self, records: Sequence[R]) -> None:
        """Keep many new records."""
        self._database.execute_many(
            f'INSERT INTO {self.NAME} ({", ".join(self._columns)}) '  # noqa: S608
            f'VALUES ({", ".join("?" * len(self._columns))})',
            [self._values(record, self._columns) for record in records],
        )

    def _update(self, record: R) -> None:
        """Keep the changes made to a record."""
        self._database.execute(
            self._update_sql,
            self._values(record, [*self._changeable, *self.KEY]),
        )

    def _delete(self, condition: str, *parameters: Any) -> None:
        """Forget the records that meet a condition."""
        self._database.execute(
            f'DELETE FROM {self.NAME} WHERE {condition}',  # noqa: S608
            parameters,
        )

    def _record(self, row: sqlite3.Row) -> R:
        values = dict(row)
        for name, codec in self.CODECS.items():
            values[name] = codec.decode(values[name])
        found: R = self.RECORD(**values)
        return found

    def _values(self, record: R, columns: list[str]) -> list[Any]:
        values = [getattr(record, name) for name in columns]
        for number, name in enumerate(columns):
            if name in self.CODECS:
                values[number] = self.CODECS[name].encode(values[number])
        return values
