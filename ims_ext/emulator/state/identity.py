# SPDX-License-Identifier: Apache-2.0
"""Domains, projects, users and their tokens."""

import dataclasses
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
        return password_matches(self.password_hash, password)


@dataclasses.dataclass(frozen=True)
class Token:
    """A token, without its secret ID.

    :ivar issued_at: Seconds since 1970, like ``expires_at``.
    :ivar credential_id: The application credential that it comes from, or
        ``None``.
    """

    user_id: str
    project_id: str | None
    domain_id: str | None
    methods: tuple[str, ...]
    audit_id: str
    issued_at: float
    expires_at: float
    credential_id: str | None = None


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

        It is the oldest of the user's own projects there, before the one
        that is everybody's.
        """
        found = self._read(
            'JOIN assignments ON project_id = projects.id '
            'WHERE user_id = ? AND region = ? '
            'ORDER BY name = region, projects.rowid LIMIT 1',
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

    def add(
        self,
        name: str,
        password: str,
        project: Project,
        is_admin: bool = False,
    ) -> User:
        """Make and keep a new user who works in one project."""
        user_id = self._ids.named('user', project.domain_id, name)
        user = User(
            id=user_id,
            name=name,
            domain_id=project.domain_id,
            default_project_id=project.id,
            is_admin=is_admin,
            password_hash=password_hash(password, self._salt(user_id)),
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
            (password_hash(password, self._salt(user_id)), user_id),
        )

    def _salt(self, user_id: str) -> str:
        return self._ids.named('salt', user_id)[:16]


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
            expires_at REAL NOT NULL, credential_id TEXT) WITHOUT ROWID""",
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

    def delete_of_user(self, user_id: str) -> None:
        """Revoke all of a user's tokens."""
        self._delete('user_id = ?', user_id)

    def delete_of_credential(self, credential_id: str) -> None:
        """Revoke the tokens that come from an application credential."""
        self._delete('credential_id = ?', credential_id)


def password_hash(password: str, salt: str) -> str:
    """Return what is kept of a password."""
    return f'{salt}${_digest(password, salt)}'


def password_matches(kept: str, password: str) -> bool:
    """Whether a password is the one of which something is kept.

    :param kept: As of :func:`password_hash`.
    """
    salt, _, digest = kept.partition('$')
    return hmac.compare_digest(digest, _digest(password, salt))


def _digest(password: str, salt: str) -> str:
    return hashlib.scrypt(
        password.encode(), salt=salt.encode(), n=_SCRYPT_COST, r=8, p=1
    ).hex()


def _token_digest(token_id: str) -> str:
    return hashlib.sha256(token_id.encode()).hexdigest()
