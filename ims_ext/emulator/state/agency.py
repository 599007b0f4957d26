# SPDX-License-Identifier: Apache-2.0
"""Agencies: the leave that an account gives others to act in its projects."""

import dataclasses
from typing import ClassVar

from ims_ext.emulator.state.record import Table

#: The part of a grant that is about every project of a domain.
ALL_PROJECTS = 'all projects'
DOMAIN = 'domain'
PROJECT = 'project'


@dataclasses.dataclass
class Agency:
    """An agency.

    :ivar domain_id: The account that gives leave.
    :ivar trust_domain_id: Who is given it, by ID, like
        ``trust_domain_name``.
    :ivar created_at: Seconds since 1970, like ``expires_at``.
    :ivar expires_at: ``None`` for never.
    """

    name: str
    domain_id: str
    trust_domain_id: str
    trust_domain_name: str
    description: str
    created_at: float
    expires_at: float | None = None
    id: str = ''


@dataclasses.dataclass(frozen=True)
class Grant:
    """A role that an agency has.

    :ivar scope: :data:`PROJECT`, :data:`DOMAIN` or :data:`ALL_PROJECTS`.
    :ivar target_id: The project's ID, or the domain's.
    """

    agency_id: str
    scope: str
    target_id: str
    role_id: str


class Agencies(Table[Agency]):
    """The agencies."""

    RECORD = Agency
    NAME = 'agencies'
    FIXED = ('domain_id', 'created_at')

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE agencies (
            name TEXT NOT NULL, domain_id TEXT NOT NULL REFERENCES domains,
            trust_domain_id TEXT NOT NULL, trust_domain_name TEXT NOT NULL,
            description TEXT NOT NULL, created_at REAL NOT NULL,
            expires_at REAL, id TEXT PRIMARY KEY, UNIQUE (domain_id, name))""",
    )

    def list(self, domain_id: str) -> list[Agency]:
        """Return the agencies of a domain, oldest first."""
        return self._select('domain_id = ?', domain_id)

    def get(self, agency_id: str, domain_id: str) -> Agency | None:
        """Return one agency of a domain by its ID."""
        return self._first('id = ? AND domain_id = ?', agency_id, domain_id)

    def find(self, name: str, domain_id: str) -> Agency | None:
        """Return one agency of a domain by its name."""
        return self._first('name = ? AND domain_id = ?', name, domain_id)

    def add(self, agency: Agency) -> Agency:
        """Keep a new agency and return it, with its ID."""
        agency.id = self._ids.hex('agency', agency.domain_id)
        self._insert(agency)
        return agency

    def save(self, agency: Agency) -> None:
        """Keep the changes made to an agency."""
        self._update(agency)

    def delete(self, agency_id: str) -> None:
        """Forget an agency, with its grants."""
        self._delete('id = ?', agency_id)


class Grants(Table[Grant]):
    """The roles that agencies have."""

    RECORD = Grant
    NAME = 'agency_grants'

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE agency_grants (
            agency_id TEXT NOT NULL
                REFERENCES agencies (id) ON DELETE CASCADE,
            scope TEXT NOT NULL, target_id TEXT NOT NULL,
            role_id TEXT NOT NULL,
            PRIMARY KEY (agency_id, scope, target_id, role_id))""",
    )

    def list(self, agency_id: str, scope: str, target_id: str) -> list[Grant]:
        """Return the grants of an agency in one place, oldest first."""
        return self._select(
            'agency_id = ? AND scope = ? AND target_id = ?',
            agency_id,
            scope,
            target_id,
        )

    def has(self, grant: Grant) -> bool:
        """Whether there is a grant."""
        return grant in self.list(
            grant.agency_id, grant.scope, grant.target_id
        )

    def add(self, grant: Grant) -> None:
        """Keep a grant; no harm where there is the same."""
        if not self.has(grant):
            self._insert(grant)

    def delete(self, grant: Grant) -> None:
        """Take a grant back."""
        self._delete(
            'agency_id = ? AND scope = ? AND target_id = ? AND role_id = ?',
            *dataclasses.astuple(grant),
        )
