# SPDX-License-Identifier: Apache-2.0
"""Who there is: domains, projects, users, their tokens and access keys."""

from collections.abc import Callable
import dataclasses
import datetime
import hashlib
import hmac
import json
import secrets
import sqlite3
from typing import TYPE_CHECKING, ClassVar
import uuid

if TYPE_CHECKING:
    from ims_ext.emulator.state import Database

#: Cheap on purpose: the emulator's passwords guard nothing, they are only
#: not to be read from the state's file.
_SCRYPT_COST = 2**4


@dataclasses.dataclass(frozen=True)
class Domain:
    """A domain (an account of the cloud)."""

    id: str
    name: str


@dataclasses.dataclass(frozen=True)
class Project:
    """A project (a tenant); images belong to one."""

    id: str
    name: str
    domain_id: str
    description: str = ''


@dataclasses.dataclass(frozen=True)
class User:
    """A user, with the project that they work in by default."""

    id: str
    name: str
    domain_id: str
    default_project_id: str
    password_hash: str
    is_admin: bool = False

    def has_password(self, password: str) -> bool:
        """Whether this is the user's password."""
        salt, _, digest = self.password_hash.partition('$')
        return hmac.compare_digest(digest, _digest(password, salt))


@dataclasses.dataclass(frozen=True)
class Token:
    """A token, without its secret ID.

    :ivar issued_at: Seconds since 1970, like ``expires_at``.
    """

    user_id: str
    project_id: str | None
    domain_id: str | None
    methods: tuple[str, ...]
    audit_id: str
    issued_at: float
    expires_at: float


@dataclasses.dataclass(frozen=True)
class AccessKey:
    """An access key for the bucket side.

    :ivar security_token: Belongs to temporary keys only.
    :ivar expires_at: With its time zone; ``None`` for permanent keys.
    """

    access: str
    secret: str
    security_token: str | None
    user_id: str
    project_id: str
    expires_at: datetime.datetime | None


class Domains:
    """The domains."""

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE domains (
            id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE)""",
    )

    def __init__(self, database: 'Database') -> None:
        self._database = database

    def list(self) -> list[Domain]:
        """Return all domains, by name."""
        rows = self._database.execute('SELECT * FROM domains ORDER BY name')
        return [Domain(**row) for row in rows]

    def get(self, domain_id: str) -> Domain | None:
        """Return one domain by its ID."""
        return next((d for d in self.list() if d.id == domain_id), None)

    def find(self, name: str) -> Domain | None:
        """Return one domain by its name."""
        return next((d for d in self.list() if d.name == name), None)

    def add(self, domain: Domain) -> None:
        """Keep a new domain."""
        self._database.execute(
            'INSERT INTO domains VALUES (?, ?)', (domain.id, domain.name)
        )


class Projects:
    """The projects."""

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE projects (
            id TEXT PRIMARY KEY, name TEXT NOT NULL,
            domain_id TEXT NOT NULL REFERENCES domains,
            description TEXT NOT NULL, UNIQUE (domain_id, name))""",
    )

    def __init__(self, database: 'Database') -> None:
        self._database = database

    def get(self, project_id: str) -> Project | None:
        """Return one project by its ID."""
        rows = self._database.execute(
            'SELECT * FROM projects WHERE id = ?', (project_id,)
        )
        return Project(**rows[0]) if rows else None

    def find(self, name: str, domain_id: str) -> Project | None:
        """Return one project by its name within a domain."""
        rows = self._database.execute(
            'SELECT * FROM projects WHERE name = ? AND domain_id = ?',
            (name, domain_id),
        )
        return Project(**rows[0]) if rows else None

    def of_user(self, user_id: str) -> list[Project]:
        """Return the projects that a user may work in, by name."""
        rows = self._database.execute(
            'SELECT projects.* FROM projects '
            'JOIN assignments ON project_id = projects.id '
            'WHERE user_id = ? ORDER BY name',
            (user_id,),
        )
        return [Project(**row) for row in rows]

    def add(self, name: str, domain_id: str, description: str = '') -> Project:
        """Make and keep a new project."""
        project = Project(uuid.uuid4().hex, name, domain_id, description)
        self._database.execute(
            'INSERT INTO projects VALUES (?, ?, ?, ?)',
            dataclasses.astuple(project),
        )
        return project


class Users:
    """The users, and the projects that they may work in."""

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE users (
            id TEXT PRIMARY KEY, name TEXT NOT NULL,
            domain_id TEXT NOT NULL REFERENCES domains,
            default_project_id TEXT NOT NULL REFERENCES projects,
            password_hash TEXT NOT NULL, is_admin INTEGER NOT NULL,
            UNIQUE (domain_id, name))""",
        """CREATE TABLE assignments (
            user_id TEXT NOT NULL REFERENCES users,
            project_id TEXT NOT NULL REFERENCES projects,
            PRIMARY KEY (user_id, project_id)) WITHOUT ROWID""",
    )

    def __init__(self, database: 'Database') -> None:
        self._database = database

    def get(self, user_id: str) -> User | None:
        """Return one user by their ID."""
        return self._one('id = ?', user_id)

    def find(self, name: str, domain_id: str) -> User | None:
        """Return one user by their name within a domain."""
        return self._one('name = ? AND domain_id = ?', name, domain_id)

    def list(self) -> list[User]:
        """Return all users, in the order in which they were made."""
        rows = self._database.execute('SELECT * FROM users ORDER BY rowid')
        return [_user(row) for row in rows]

    def add(self, name: str, password: str, project: Project) -> User:
        """Make and keep a new user who works in one project."""
        user = User(
            id=uuid.uuid4().hex,
            name=name,
            domain_id=project.domain_id,
            default_project_id=project.id,
            password_hash=_password_hash(password),
        )
        self._database.execute(
            'INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)',
            dataclasses.astuple(user),
        )
        self.assign(user.id, project.id)
        return user

    def assign(self, user_id: str, project_id: str) -> None:
        """Let a user work in a project; no harm if they already may."""
        self._database.execute(
            'INSERT OR IGNORE INTO assignments VALUES (?, ?)',
            (user_id, project_id),
        )

    def set_password(self, user_id: str, password: str) -> None:
        """Give a user another password."""
        self._database.execute(
            'UPDATE users SET password_hash = ? WHERE id = ?',
            (_password_hash(password), user_id),
        )

    def _one(self, condition: str, *parameters: str) -> User | None:
        rows = self._database.execute(
            f'SELECT * FROM users WHERE {condition}',  # noqa: S608
            parameters,
        )
        return _user(rows[0]) if rows else None


class Tokens:
    """The valid tokens.

    Only a digest of a token's ID is kept: who reads the state's file gets no
    token out of it.
    """

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE tokens (
            digest TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users,
            project_id TEXT, domain_id TEXT, methods TEXT NOT NULL,
            audit_id TEXT NOT NULL, issued_at REAL NOT NULL,
            expires_at REAL NOT NULL) WITHOUT ROWID""",
    )

    def __init__(
        self, database: 'Database', clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._clock = clock

    def get(self, token_id: str) -> Token | None:
        """Return what a token stands for, ``None`` once it has expired."""
        rows = self._database.execute(
            'SELECT * FROM tokens WHERE digest = ? AND expires_at > ?',
            (_token_digest(token_id), self._clock()),
        )
        if not rows:
            return None
        values = dict(rows[0])
        del values['digest']
        values['methods'] = tuple(json.loads(values['methods']))
        return Token(**values)

    def add(self, token: Token) -> str:
        """Keep a new token and return its ID, which nobody else knows.

        Tokens that have expired are forgotten at the same time.
        """
        token_id = secrets.token_urlsafe(48)
        with self._database.transaction():
            self._database.execute(
                'DELETE FROM tokens WHERE expires_at <= ?', (self._clock(),)
            )
            self._database.execute(
                'INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
                (
                    _token_digest(token_id),
                    token.user_id,
                    token.project_id,
                    token.domain_id,
                    json.dumps(token.methods),
                    token.audit_id,
                    token.issued_at,
                    token.expires_at,
                ),
            )
        return token_id

    def delete(self, token_id: str) -> None:
        """Revoke a token."""
        self._database.execute(
            'DELETE FROM tokens WHERE digest = ?', (_token_digest(token_id),)
        )


class AccessKeys:
    """The access keys that open the bucket side."""

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE access_keys (
            access TEXT PRIMARY KEY, secret TEXT NOT NULL,
            security_token TEXT, user_id TEXT NOT NULL REFERENCES users,
            project_id TEXT NOT NULL REFERENCES projects,
            expires_at REAL) WITHOUT ROWID""",
    )

    def __init__(
        self, database: 'Database', clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._clock = clock

    def get(self, access: str) -> AccessKey | None:
        """Return a key by its public half, ``None`` once it has expired."""
        rows = self._database.execute(
            'SELECT * FROM access_keys WHERE access = ? '
            'AND (expires_at IS NULL OR expires_at > ?)',
            (access, self._clock()),
        )
        return _access_key(rows[0]) if rows else None

    def permanent(self, user_id: str) -> AccessKey | None:
        """Return a user's permanent key."""
        rows = self._database.execute(
            'SELECT * FROM access_keys '
            'WHERE user_id = ? AND expires_at IS NULL',
            (user_id,),
        )
        return _access_key(rows[0]) if rows else None

    def issue(
        self, user_id: str, project_id: str, duration: float | None = None
    ) -> AccessKey:
        """Make and keep a new key.

        :param duration: Seconds until the key expires; ``None`` for a
            permanent one, which has no security token.
        """
        now = self._clock()
        temporary = duration is not None
        expires = None if duration is None else now + duration
        key = AccessKey(
            access=secrets.token_hex(10).upper(),
            secret=secrets.token_urlsafe(30),
            security_token=secrets.token_urlsafe(96) if temporary else None,
            user_id=user_id,
            project_id=project_id,
            expires_at=_moment(expires),
        )
        with self._database.transaction():
            self._database.execute(
                'DELETE FROM access_keys WHERE expires_at <= ?', (now,)
            )
            self._database.execute(
                'INSERT INTO access_keys VALUES (?, ?, ?, ?, ?, ?)',
                (*dataclasses.astuple(key)[:-1], expires),
            )
        return key


def _user(row: sqlite3.Row) -> User:
    values = dict(row)
    values['is_admin'] = bool(values['is_admin'])
    return User(**values)


def _access_key(row: sqlite3.Row) -> AccessKey:
    values = dict(row)
    values['expires_at'] = _moment(values['expires_at'])
    return AccessKey(**values)


def _moment(seconds: float | None) -> datetime.datetime | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _password_hash(password: str) -> str:
    salt = secrets.token_hex(8)
    return f'{salt}${_digest(password, salt)}'


def _digest(password: str, salt: str) -> str:
    return hashlib.scrypt(
        password.encode(), salt=salt.encode(), n=_SCRYPT_COST, r=8, p=1
    ).hex()


def _token_digest(token_id: str) -> str:
    return hashlib.sha256(token_id.encode()).hexdigest()
