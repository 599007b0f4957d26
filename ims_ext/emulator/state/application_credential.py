# SPDX-License-Identifier: Apache-2.0
"""Application credentials: what programs prove by who they are."""

import dataclasses
from typing import ClassVar

from ims_ext.emulator.state.identity import password_hash
from ims_ext.emulator.state.identity import password_matches
from ims_ext.emulator.state.record import BOOLEAN
from ims_ext.emulator.state.record import Codec
from ims_ext.emulator.state.record import Table


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApplicationCredential:
    """A user's secret for programs, good for one project.

    :ivar unrestricted: Whether its tokens may make and delete more of them.
    :ivar expires_at: Seconds since 1970; ``None`` where it does not end.
    """

    user_id: str
    project_id: str
    name: str
    description: str | None = None
    secret_hash: str
    unrestricted: bool = False
    expires_at: float | None = None
    id: str

    def has_secret(self, secret: str) -> bool:
        """Whether this is its secret."""
        return password_matches(self.secret_hash, secret)


class ApplicationCredentials(Table[ApplicationCredential]):
    """The application credentials."""

    RECORD = ApplicationCredential
    NAME = 'application_credentials'
    CODECS: ClassVar[dict[str, Codec]] = {'unrestricted': BOOLEAN}

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE application_credentials (
            user_id TEXT NOT NULL REFERENCES users,
            project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
            secret_hash TEXT NOT NULL, unrestricted INTEGER NOT NULL,
            expires_at REAL, id TEXT PRIMARY KEY, UNIQUE (user_id, name))""",
    )

    def of_user(self, user_id: str) -> list[ApplicationCredential]:
        """Return a user's credentials, oldest first."""
        return self._select('user_id = ?', user_id)

    def get(self, credential_id: str) -> ApplicationCredential | None:
        """Return one credential by its ID, whether or not it has ended."""
        return self._first('id = ?', credential_id)

    def find(self, name: str, user_id: str) -> ApplicationCredential | None:
        """Return one of a user's credentials by its name."""
        return self._first('name = ? AND user_id = ?', name, user_id)

    def add(
        self,
        user_id: str,
        project_id: str,
        name: str,
        secret: str,
        **others: object,
    ) -> ApplicationCredential:
        """Make and keep a new credential.

        :param others: Its other attributes.
        :raises: :class:`KeyError` where the user has one of this name.
        """
        with self._database.transaction():
            if self.find(name, user_id) is not None:
                raise KeyError(name)
            kind = 'application credential'
            credential_id = self._ids.hex(kind, user_id)
            salt = self._ids.named('salt', credential_id)[:16]
            made = ApplicationCredential(
                user_id=user_id,
                project_id=project_id,
                name=name,
                secret_hash=password_hash(secret, salt),
                id=credential_id,
                **others,  # type: ignore[arg-type]
            )
            self._insert(made)
        return made

    def delete(self, credential_id: str) -> None:
        """Forget a credential."""
        self._delete('id = ?', credential_id)
