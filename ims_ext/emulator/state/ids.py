# SPDX-License-Identifier: Apache-2.0
"""IDs, keys and tokens that are the same at every start.

They follow from a seed, from what they are for, and from how many of the kind
there were before; the numbers are kept, so that none comes twice.
"""

import base64
from collections.abc import Iterator
import hashlib
import itertools
import secrets
from typing import Literal, TypeAlias
import uuid

from ims_ext.emulator.state.database import Database

#: A number that decides which IDs there are; ``random`` for ones that nobody
#: can know in advance.
Seed: TypeAlias = int | Literal['random']

#: The seed where none is given.
SEED = 0

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS id_numbers (
        kind TEXT NOT NULL, scope TEXT NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (kind, scope)) WITHOUT ROWID""",
    'CREATE TABLE IF NOT EXISTS id_seed (value TEXT NOT NULL)',
)


class Ids:
    """The one source of IDs, keys and tokens.

    :param database: Where the numbers, and the seed, are kept.
    :param seed: ``None`` for the one that the database has, or else for the
        default one.
    """

    def __init__(self, database: Database, seed: Seed | None = None) -> None:
        self._database = database
        with database.transaction():
            for statement in _SCHEMA:
                database.execute(statement)
            self._key = self._keep(seed)
        # Requests are counted in memory, anew at each start.
        self._start = f'{self._last("start", "", 1)}'
        self._requests = itertools.count(1)

    def _keep(self, seed: Seed | None) -> bytes:
        rows = self._database.execute('SELECT value FROM id_seed')
        if seed is None and rows:
            text = str(rows[0][0])
        elif seed == 'random':
            text = secrets.token_hex(32)
        else:
            text = str(SEED if seed is None else seed)
        self._database.execute('DELETE FROM id_seed')
        self._database.execute('INSERT INTO id_seed VALUES (?)', (text,))
        return hashlib.blake2b(text.encode(), digest_size=32).digest()

    def uuid(self, kind: str, scope: str = '') -> str:
        """Return the next ID of a kind, as a UUID with hyphens.

        :param kind: What it is for: ``image``.
        :param scope: What counts on its own: the ID of a project.
        """
        return next(self.uuids(kind, scope, 1))

    def uuids(self, kind: str, scope: str, count: int) -> Iterator[str]:
        """Return as many next IDs of a kind, at the price of one.

        :param kind: As for :meth:`uuid`, like ``scope``.
        :param count: How many.
        """
        last = self._last(kind, scope, count)
        numbers = range(last - count + 1, last + 1)
        return (_uuid(self._bytes(16, kind, scope, n)) for n in numbers)

    def hex(self, kind: str, scope: str = '', length: int = 32) -> str:
        """Return the next ID of a kind, in hexadecimal digits.

        :param kind: As for :meth:`uuid`, like ``scope``.
        :param length: Its length in characters, even and at most 128.
        """
        return self._next(length // 2, kind, scope).hex()

    def text(self, kind: str, scope: str, size: int) -> str:
        """Return the next secret of a kind, in letters fit for a URL.

        :param kind: As for :meth:`uuid`, like ``scope``.
        :param size: How many bytes it stands for.
        """
        parts = []
        for start in range(0, size, 64):
            length = min(64, size - start)
            parts.append(self._next(length, kind, scope))
        return base64.urlsafe_b64encode(b''.join(parts)).decode().rstrip('=')

    def named(self, kind: str, *names: str) -> str:
        """Return the ID of what has a name of its own, in 32 digits.

        It depends on nothing else: not on what was made before.

        :param kind: As for :meth:`uuid`.
        :param names: The name, after those of what it is in.
        """
        return self._bytes(16, kind, *names).hex()

    def request(self) -> str:
        """Return the ID of the next request, in 32 digits."""
        number = next(self._requests)
        return self._bytes(16, 'request', self._start, number).hex()

    def _next(self, size: int, kind: str, scope: str) -> bytes:
        return self._bytes(size, kind, scope, self._last(kind, scope, 1))

    def _last(self, kind: str, scope: str, count: int) -> int:
        """Count some more of a kind, and return how many there were."""
        rows = self._database.execute(
            'INSERT INTO id_numbers VALUES (?, ?, ?) '
            'ON CONFLICT DO UPDATE SET last = last + excluded.last '
            'RETURNING last',
            (kind, scope, count),
        )
        return int(rows[0][0])

    def _bytes(self, size: int, *names: str | int) -> bytes:
        return hashlib.blake2b(
            '\0'.join(map(str, names)).encode(),
            digest_size=size,
            key=self._key,
        ).digest()


def file_name() -> str:
    """Return the name of a new file, which no client is told.

    It is the one thing that is never the same again: what a killed process
    has left must not be in the way.
    """
    return uuid.uuid4().hex


def _uuid(value: bytes) -> str:
    return str(uuid.UUID(bytes=value, version=4))
