# SPDX-License-Identifier: Apache-2.0
"""Domains, projects, users, their tokens and access keys."""

import dataclasses
import datetime
import hashlib
import hmac
import json
from typing import ClassVar

from ims_ext.emulator.state.record import BOOLEAN
from ims_ext.emulator.state.record import Codec
from ims_ext.emulator.state.record import Table

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
    """A project (a tenant); images belong to one.

    :ivar region: The region that all of it is in.
    """

    id: str
    name: str
    domain_id: str
    region: str
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


class Domains(Table[Domain]):
    """The domains."""

    RECORD = Domain
    NAME = 'domains'
    ORDER = 'name'

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE domains (
            id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE)""",
    )

    def list(self) -> list[Domain]:
        """Return all domains, by name."""
        return self._select()

    def get(self, domain_id: str) -> Domain | None:
        """Return one domain by its ID."""
        return self._first('id = ?', domain_id)

    def find(self, name: str) -> Domain | None:
        """Return one domain by its name."""
        return self._first('name = ?', name)

    def add(self, domain: Domain) -> None:
        """Keep a new domain."""
        self._insert(domain)


class Projects(Table[Project]):
    """The projects."""

    RECORD = Project
    NAME = 'projects'
    ORDER = 'name'

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE projects (
            id TEXT PRIMARY KEY, name TEXT NOT NULL,
            domain_id TEXT NOT NULL REFERENCES domains,
            region TEXT NOT NULL, description TEXT NOT NULL,
            UNIQUE (domain_id, name))""",
    )

    def get(self, project_id: str) -> Project | None:
        """Return one project by its ID."""
        return self._first('id = ?', project_id)

    def find(self, name: str, domain_id: str) -> Project | None:
        """Return one project by its name within a domain."""
        return self._first('name = ? AND domain_id = ?', name, domain_id)

    def of_user(self, user_id: str) -> list[Project]:
        """Return the projects that a user may work in, by name."""
        return self._read(
            'JOIN assignments ON project_id = projects.id '
            'WHERE user_id = ? ORDER BY name',
            (user_id,),
        )

    def home(self, user_id: str, region: str) -> Project | None:
        """Return where a user works in a region, unless they say otherwise.

        It is the oldest of the user's projects there.
        """
        found = self._read(
            'JOIN assignments ON project_id = projects.id '
            'WHERE user_id = ? AND region = ? '
            'ORDER BY projects.rowid LIMIT 1',
            (user_id, region),
        )
        return found[0] if found else None

    def region(self, project_id: str) -> str | None:
        """Return a project's region, ``None`` without such a project."""
        project = self.get(project_id)
        return project.region if project else None

    def regions(self) -> list[str]:
        """Return the regions that projects are in, the oldest first."""
        rows = self._database.execute(
            'SELECT region FROM projects GROUP BY region ORDER BY min(rowid)'
        )
        return [str(row[0]) for row in rows]

    def add(
        self, name: str, domain_id: str, region: str, description: str = ''
    ) -> Project:
        """Make and keep a new project."""
        project_id = self._ids.named('project', domain_id, name)
        project = Project(project_id, name, domain_id, region, description)
        self._insert(project)
        return project


class Users(Table[User]):
    """The users, and the projects that they may work in."""

    RECORD = User
    NAME = 'users'
    CODECS: ClassVar[dict[str, Codec]] = {'is_admin': BOOLEAN}

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

    def get(self, user_id: str) -> User | None:
        """Return one user by their ID."""
        return self._first('id = ?', user_id)

    def find(self, name: str, domain_id: str) -> User | None:
        """Return one user by their name within a domain."""
        return self._first('name = ? AND domain_id = ?', name, domain_id)

    def list(self) -> list[User]:
        """Return all users, in the order in which they were made."""
        return self._select()

    def add(self, name: str, password: str, project: Project) -> User:
        """Make and keep a new user who works in one project."""
        user_id = self._ids.named('user', project.domain_id, name)
        user = User(
            id=user_id,
            name=name,
            domain_id=project.domain_id,
            default_project_id=project.id,
            password_hash=self._password_hash(user_id, password),
        )
        self._insert(user)
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
            (self._password_hash(user_id, password), user_id),
        )

    def _password_hash(self, user_id: str, password: str) -> str:
        salt = self._ids.named('salt', user_id)[:16]
        return f'{salt}${_digest(password, salt)}'


class Tokens(Table[Token]):
    """The valid tokens.

    Only a digest of a token's ID is kept: who reads the state's file gets no
    token out of it.
    """

    RECORD = Token
    NAME = 'tokens'
    KEY = ('digest',)
    CODECS: ClassVar[dict[str, Codec]] = {
        'methods': Codec(json.dumps, lambda text: tuple(json.loads(text)))
    }

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE tokens (
            digest TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users,
            project_id TEXT, domain_id TEXT, methods TEXT NOT NULL,
            audit_id TEXT NOT NULL, issued_at REAL NOT NULL,
            expires_at REAL NOT NULL) WITHOUT ROWID""",
    )

    def get(self, token_id: str) -> Token | None:
        """Return what a token stands for, ``None`` once it has expired."""
        return self._first(
            'digest = ? AND expires_at > ?',
            _token_digest(token_id),
            self._clock(),
        )

    def add(self, token: Token) -> str:
        """Keep a new token and return its ID, which nobody else knows.

        Tokens that have expired are forgotten at the same time.
        """
        token_id = self._ids.text('token', token.user_id, 48)
        with self._database.transaction():
            self._delete('expires_at <= ?', self._clock())
            self._insert(token, digest=_token_digest(token_id))
        return token_id

    def delete(self, token_id: str) -> None:
        """Revoke a token."""
        self._delete('digest = ?', _token_digest(token_id))


def _moment(seconds: float | None) -> datetime.datetime | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _seconds(moment: datetime.datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


class AccessKeys(Table[AccessKey]):
    """The access keys that open the bucket side."""

    RECORD = AccessKey
    NAME = 'access_keys'
    KEY = ('access',)
    CODECS: ClassVar[dict[str, Codec]] = {
        'expires_at': Codec(_seconds, _moment)
    }

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE access_keys (
            access TEXT PRIMARY KEY, secret TEXT NOT NULL,
            security_token TEXT, user_id TEXT NOT NULL REFERENCES users,
            project_id TEXT NOT NULL REFERENCES projects,
            expires_at REAL) WITHOUT ROWID""",
    )

    def get(self, access: str) -> AccessKey | None:
        """Return a key by its public half, ``None`` once it has expired."""
        return self._first(
            'access = ? AND (expires_at IS NULL OR expires_at > ?)',
            access,
            self._clock(),
        )

    def permanent(self, user_id: str) -> AccessKey | None:
        """Return a user's permanent key."""
        return self._first('user_id = ? AND expires_at IS NULL', user_id)

    def issue(
        self, user_id: str, project_id: str, duration: float | None = None
    ) -> AccessKey:
        """Make and keep a new key.

        :param duration: Seconds until the key expires; ``None`` for a
            permanent one, which has no security token.
        """
        now = self._clock()
        temporary = duration is not None
        # What clients ask for must not change the keys that are written down.
        kind = 'temporary' if temporary else 'permanent'
        expires = None if duration is None else now + duration
        key = AccessKey(
            access=self._ids.hex(f'{kind} access', user_id, 20).upper(),
            secret=self._ids.text(f'{kind} secret', user_id, 30),
            security_token=(
                self._ids.text('security token', user_id, 96)
                if temporary
                else None
            ),
            user_id=user_id,
            project_id=project_id,
            expires_at=_moment(expires),
        )
        with self._database.transaction():
            self._delete('expires_at <= ?', now)
            self._insert(key)
        return key


def _digest(password: str, salt: str) -> str:
    return hashlib.scrypt(
        password.encode(), salt=salt.encode(), n=_SCRYPT_COST, r=8, p=1
    ).hex()


def _token_digest(token_id: str) -> str:
    return hashlib.sha256(token_id.encode()).hexdigest()
