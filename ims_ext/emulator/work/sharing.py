# SPDX-License-Identifier: Apache-2.0
"""The members of images: added, removed and answering, at once or later."""

from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Effect
from ims_ext.emulator.state import Member
from ims_ext.emulator.state.record import timestamp
from ims_ext.emulator.work.settling import Settling

_ADD, _REMOVE, _ANSWER = 'add member', 'remove member', 'answer'


class Sharing:
    """Changes of members, as far behind their answers as the delay says.

    Each is part of a transaction. Who looks sees the members as they were,
    until the change has come.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._members = service.state.members
        self._seconds = service.settings.delays.share
        self.effects = {
            _ADD: self._add,
            _REMOVE: self._remove,
            _ANSWER: self._answer,
        }

    def count(self, image_id: str) -> int:
        """Return how many members an image has, or is going to have."""
        coming = len(self._settling.pending(_ADD, image_id))
        return len(self._members.list(image_id)) + coming

    def add(self, image_id: str, member_id: str) -> Member:
        """Share an image with a project.

        :returns: The member, as it is going to be.
        :raises: :class:`KeyError` where it already is one, or will be.
        """
        coming = {
            each.params['member_id']
            for each in self._settling.pending(_ADD, image_id)
        }
        is_member = self._members.get(image_id, member_id) is not None
        if is_member or member_id in coming:
            raise KeyError(member_id)
        self._later(_ADD, image_id, member_id)
        now = timestamp(self._service.clock())
        return Member(image_id, member_id, 'pending', now, now)

    def remove(self, member: Member) -> None:
        """End the sharing of an image with a project."""
        self._later(_REMOVE, member.image_id, member.member_id)

    def answer(self, member: Member, status: str) -> Member:
        """Have a project accept or reject an image.

        :returns: The member, as it is going to be.
        """
        self._later(_ANSWER, member.image_id, member.member_id, status)
        now = timestamp(self._service.clock())
        return Member(
            member.image_id, member.member_id, status, member.created_at, now
        )

    @property
    def _settling(self) -> Settling:
        return self._service.capability(Settling)

    def _later(
        self, kind: str, image_id: str, member_id: str, status: str = ''
    ) -> None:
        self._settling.later(
            kind,
            image_id,
            self._seconds,
            member_id=member_id,
            status=status,
        )

    # ====== WHAT COMES LATER ======

    def _add(self, effect: Effect) -> None:
        self._members.add(effect.image_id, effect.params['member_id'])

    def _remove(self, effect: Effect) -> None:
        self._members.delete(effect.image_id, effect.params['member_id'])

    def _answer(self, effect: Effect) -> None:
        member = self._members.get(effect.image_id, effect.params['member_id'])
        if member is not None:
            member.status = effect.params['status']
            self._members.save(member)
