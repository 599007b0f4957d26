# SPDX-License-Identifier: Apache-2.0
"""Glance's image members: the projects that an image is shared with."""

from ims_ext.emulator.api.member_view import MAX_ID
from ims_ext.emulator.api.member_view import view
from ims_ext.emulator.api.native import own_image
from ims_ext.emulator.api.native import visible_image
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.errors import TooLarge
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Member
from ims_ext.emulator.work.image_sharing import MAX_MEMBERS
from ims_ext.emulator.work.image_sharing import check_shareable
from ims_ext.emulator.work.sharing import Sharing
from ims_ext.emulator.work.vault import check_acceptance

_STATUSES = ('pending', 'accepted', 'rejected')


class NativeMembersApi:
    """The native operations on members."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @property
    def sharing(self) -> Sharing:
        """The changes of members."""
        return self.service.capability(Sharing)

    @route('POST', '/v2/images/<image_id>/members')
    def create(self, request: Request, image_id: str) -> Answer:
        """Share an image with one more project."""
        member_id = request.json_object().get('member')
        if not isinstance(member_id, str) or not member_id:
            raise BadRequest("'member' must be the ID of a project.")
        if len(member_id) > MAX_ID:
            raise BadRequest(f"'member' has at most {MAX_ID} characters.")
        with self.state.transaction():
            image = own_image(self.state, image_id, request.project_id)
            if image.visibility == 'public':
                raise Forbidden("Public images do not have members.")
            check_shareable(self.state, image)
            if self.sharing.count(image.id) >= MAX_MEMBERS:
                raise TooLarge(f"An image has at most {MAX_MEMBERS} members.")
            try:
                member = self.sharing.add(image.id, member_id)
            except KeyError as error:
                raise Conflict(
                    f"Image member {member_id} already exists for image "
                    f"{image.id}"
                ) from error
        return view(member)

    @route('GET', '/v2/images/<image_id>/members')
    def list(self, request: Request, image_id: str) -> Answer:
        """List all members to the owner, and a member itself alone."""
        image = self._image(request, image_id)
        members = self.state.members.list(image.id)
        return {
            'members': [
                view(member)
                for member in members
                if request.project_id in (image.owner, member.member_id)
            ],
            'schema': '/v2/schemas/members',
        }

    @route('GET', '/v2/images/<image_id>/members/<member_id>')
    def show(self, request: Request, image_id: str, member_id: str) -> Answer:
        """Show one member to the owner and to itself."""
        image = self._image(request, image_id)
        return view(self._member(request, image, member_id))

    @route('PUT', '/v2/images/<image_id>/members/<member_id>')
    def update(
        self, request: Request, image_id: str, member_id: str
    ) -> Answer:
        """Let a member accept or reject an image."""
        body = request.json_object()
        status = body.get('status')
        if status not in _STATUSES:
            raise BadRequest("'status' must be one of " + ', '.join(_STATUSES))
        with self.state.transaction():
            image = self._image(request, image_id)
            member = self._member(request, image, member_id)
            if request.project_id != member.member_id:
                raise Forbidden(
                    "Only the member itself may change its status."
                )
            if status == 'accepted':
                check_acceptance(
                    self.state, image, body.get('vault_id'), member_id
                )
            return view(self.sharing.answer(member, status))

    @route('DELETE', '/v2/images/<image_id>/members/<member_id>')
    def delete(
        self, request: Request, image_id: str, member_id: str
    ) -> Answer:
        """End the sharing with a project; its owner's right alone."""
        with self.state.transaction():
            image = own_image(self.state, image_id, request.project_id)
            member = self._member(request, image, member_id)
            self.sharing.remove(member)
        return 204, None

    def _image(self, request: Request, image_id: str) -> Image:
        image = visible_image(self.state, image_id, request.project_id)
        if image.visibility == 'public':
            raise Forbidden("Public images do not have members.")
        return image

    def _member(
        self, request: Request, image: Image, member_id: str
    ) -> Member:
        member = self.state.members.get(image.id, member_id)
        if member is None or request.project_id not in (
            image.owner,
            member.member_id,
        ):
            raise NotFound(
                f"{member_id} not found in the member list of the image "
                f"{image.id}."
            )
        return member
