# SPDX-License-Identifier: Apache-2.0
"""Access keys, which requests are signed with."""

import dataclasses
import datetime
from typing import ClassVar

from ims_ext.emulator.state.record import BOOLEAN
from ims_ext.emulator.state.record import Codec
from ims_ext.emulator.state.record import Table


@dataclasses.dataclass(frozen=True)
class AccessKey:
    """An access key, which requests are signed with.

    :ivar security_token: Belongs to temporary keys only.
    :ivar expires_at: With its time zone; ``None`` for permanent keys.
    :ivar created_at: Seconds since 1970.
    :ivar is_active: Whether it can be used; only permanent keys can be
        switched off.
    """

    access: str
    secret: str
    security_token: str | None
    user_id: str
    project_id: str
    expires_at: datetime.datetime | None
    created_at: float
    is_active: bool = True
    description: str = ''


def _moment(seconds: float | None) -> datetime.datetime | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _seconds(moment: datetime.datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


class AccessKeys(Table[AccessKey]):
    """The access keys."""

    RECORD = AccessKey
    NAME = 'access_keys'
    KEY = ('access',)
    CODECS: ClassVar[dict[str, Codec]] = {
        'expires_at': Codec(_seconds, _moment),
        'is_active': BOOLEAN,
    }

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE access_keys (
            access TEXT PRIMARY KEY, secret TEXT NOT NULL,
            security_token TEXT, user_id TEXT NOT NULL REFERENCES users,
            project_id TEXT NOT NULL REFERENCES projects,
            expires_at REAL, created_at REAL NOT NULL,
            is_active INTEGER NOT NULL, description TEXT NOT NULL)""",
    )

    def get(self, access: str) -> AccessKey | None:
        """Return a key by its public half, ``None`` where it opens nothing.

        It does not once it has expired, and while it is switched off.
        """
        return self._first(
            'access = ? AND is_active '
            'AND (expires_at IS NULL OR expires_at > ?)',
            access,
            self._clock(),
        )

    def permanent(self, user_id: str) -> AccessKey | None:
        """Return a user's oldest permanent key."""
        return next(iter(self.of_user(user_id)), None)

    def of_user(self, user_id: str) -> list[AccessKey]:
        """Return a user's permanent keys, oldest first, active or not."""
        return self._select('user_id = ? AND expires_at IS NULL', user_id)

    def save(self, key: AccessKey) -> None:
        """Keep the changes made to a key."""
        self._update(key)

    def delete(self, access: str) -> None:
        """Forget a key, which opens nothing any more."""
        self._delete('access = ?', access)

    def replace(
        self, user_id: str, project_id: str, access: str, secret: str
    ) -> AccessKey:
        """Give a user one permanent key, in place of those there are.

        :param access: The public half of the key.
        :param secret: The secret half.
        """
        key = AccessKey(
            access=access,
            secret=secret,
            security_token=None,
            user_id=user_id,
            project_id=project_id,
            expires_at=None,
            created_at=self._clock(),
        )
        with self._database.transaction():
            self._delete('user_id = ? AND expires_at IS NULL', user_id)
            self._insert(key)
        return key

    def issue(
        self,
        user_id: str,
        project_id: str,
        duration: float | None = None,
        description: str = '',
    ) -> AccessKey:
        """Make and keep a new key.

        :param duration: Seconds until the key expires; ``None`` for a
            permanent one, which has no security token.
        :param description: What a user says about a permanent one.
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
            created_at=now,
            description=description,
        )
        with self._database.transaction():
            self._delete('expires_at <= ?', now)
            self._insert(key)
        return key
