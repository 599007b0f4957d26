# SPDX-License-Identifier: Apache-2.0
"""The projects that images are shared with."""

import dataclasses
from typing import ClassVar

from ims_ext.emulator.state.record import Table
from ims_ext.emulator.state.record import timestamp


@dataclasses.dataclass
class Member:
    """A project that an image is shared with.

    :ivar member_id: The project's ID.
    :ivar status: ``pending``, ``accepted`` or ``rejected``.
    """

    image_id: str
    member_id: str
    status: str
    created_at: str
    updated_at: str


class Members(Table[Member]):
    """The members of all images."""

    RECORD = Member
    NAME = 'members'
    KEY = ('image_id', 'member_id')
    FIXED = ('created_at',)

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE members (
            image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
            member_id TEXT NOT NULL, status TEXT NOT NULL,
            created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
            PRIMARY KEY (image_id, member_id))""",
        'CREATE INDEX members_member ON members (member_id)',
    )

    def list(self, image_id: str) -> list[Member]:
        """Return an image's members, in the order they were added."""
        return self._select('image_id = ?', image_id)

    def get(self, image_id: str, member_id: str) -> Member | None:
        """Return one member of an image."""
        return self._first(
            'image_id = ? AND member_id = ?', image_id, member_id
        )

    def add(
        self, image_id: str, member_id: str, status: str = 'pending'
    ) -> Member:
        """Share an image with a project.

        :raises: :class:`KeyError` where it already is.
        """
        now = timestamp(self._clock())
        member = Member(image_id, member_id, status, now, now)
        with self._database.transaction():
            if self.get(image_id, member_id) is not None:
                raise KeyError(member_id)
            self._insert(member)
            self._database.execute(
                "UPDATE images SET visibility = 'shared' "
                "WHERE id = ? AND visibility = 'private'",
                (image_id,),
            )
        return member

    def save(self, member: Member) -> None:
        """Keep a member's new status, and the time of the change."""
        member.updated_at = timestamp(self._clock())
        self._update(member)

    def delete(self, image_id: str, member_id: str) -> None:
        """End the sharing of an image with a project."""
        with self._database.transaction():
            self._delete('image_id = ? AND member_id = ?', image_id, member_id)
            if not self.list(image_id):
                self._database.execute(
                    "UPDATE images SET visibility = 'private' "
                    "WHERE id = ? AND visibility = 'shared'",
                    (image_id,),
                )
