# SPDX-License-Identifier: Apache-2.0
"""The extension's sharing of images: many at once, and as jobs."""

import base64
import binascii
from typing import Any

from ims_ext.emulator.api import rules
from ims_ext.emulator.api.member_view import MAX_ID
from ims_ext.emulator.api.member_view import view
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import Member
from ims_ext.emulator.work.image_access import own_image
from ims_ext.emulator.work.image_sharing import Addition
from ims_ext.emulator.work.image_sharing import Removal
from ims_ext.emulator.work.image_sharing import Update
from ims_ext.emulator.work.image_sharing import shareable_image
from ims_ext.emulator.work.job_runner import JobRunner
from ims_ext.emulator.work.vault import check_acceptance

#: How many images times projects a request may have.
MAX_PAIRS = 10_000
#: How many members a page has, and how many at most.
PAGE, LONGEST_PAGE = 500, 1000

_ANSWERS = ('accepted', 'rejected')


class MembersApi:
    """Operations 24 and 25."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state
        self.works = {
            'add_members': Addition(service),
            'delete_members': Removal(service),
            'update_members': Update(service),
        }

    @route('POST', '/v1/cloudimages/members')
    def add(self, request: Request) -> Answer:
        """Start the job that shares images with projects."""
        body = rules.json_object(request)
        pairs = _pairs(body)
        with self.state.transaction():
            for image_id in pairs['images']:
                shareable_image(self.state, image_id, request.project_id)
            if request.project_id in pairs['projects']:
                raise ImsError('IMG.0076')
            job = self._new_job(request, 'imsAddImageMembersJob', pairs)
        return self._submit(job)

    @route('DELETE', '/v1/cloudimages/members')
    def delete(self, request: Request) -> Answer:
        """Start the job that ends the sharing of images with projects."""
        pairs = _pairs(rules.json_object(request))
        with self.state.transaction():
            for image_id in pairs['images']:
                own_image(self.state, image_id, request.project_id)
            job = self._new_job(request, 'imsDelImageMembersJob', pairs)
        return self._submit(job)

    @route('PUT', '/v1/cloudimages/members')
    def update(self, request: Request) -> Answer:
        """Start the job that accepts or rejects images."""
        body = rules.json_object(request)
        project_id = rules.text(
            'project_id', body.get('project_id'), 'IMG.0067'
        )
        rules.own_project(request, project_id)
        if body.get('status') not in _ANSWERS:
            raise ImsError(
                'IMG.0001', "The value of status must be accepted or rejected."
            )
        pairs = _pairs({**body, 'projects': [project_id]})
        vault = body.get('vault_id')
        if vault is not None and not rules.text('vault_id', vault, 'IMG.0184'):
            raise ImsError('IMG.0184')
        with self.state.transaction():
            for image_id in pairs['images']:
                image = self.state.images.visible(image_id, project_id)
                if image is None:
                    raise ImsError('IMG.0027', f"No image {image_id} found.")
                if body['status'] == 'accepted':
                    check_acceptance(self.state, image, vault, project_id)
            job = self._new_job(
                request,
                'imsUpdateImageMembersJob',
                {**pairs, 'status': body['status']},
            )
        return self._submit(job)

    @route('GET', '/v1/<project_id>/cloudimages/<image_id>/members')
    def members(
        self, request: Request, project_id: str, image_id: str
    ) -> Answer:
        """List all members to the owner, and a member itself alone."""
        members = self._members(request, project_id, image_id)
        limit = rules.whole_number(
            'limit', request.args.get('limit', str(PAGE)), 'IMG.0001'
        )
        if not 1 <= limit <= LONGEST_PAGE:
            raise ImsError(
                'IMG.0001', f"limit must be from 1 to {LONGEST_PAGE}."
            )
        begin = _begin(members, request.args.get('marker'))
        page = members[begin : begin + limit]
        info: dict[str, Any] = {'current_count': len(page)}
        if begin + limit < len(members):
            info['next_marker'] = base64.b64encode(
                page[-1].member_id.encode()
            ).decode()
        return {
            'members': [view(member) for member in page],
            'schema': '/v2/schemas/members',
            'page_info': info,
        }

    @route(
        'GET', '/v1/<project_id>/cloudimages/<image_id>/members/<member_id>'
    )
    def member(
        self, request: Request, project_id: str, image_id: str, member_id: str
    ) -> Answer:
        """Show one member to the owner and to itself."""
        for member in self._members(request, project_id, image_id):
            if member.member_id == member_id:
                return view(member)
        raise ImsError('IMG.0114', status=404)

    def _members(
        self, request: Request, project_id: str, image_id: str
    ) -> list[Member]:
        """Return an image's members, as far as the caller may see them."""
        rules.own_project(request, project_id)
        image = self.state.images.visible(image_id, project_id)
        if image is None:
            raise ImsError('IMG.0027', status=404)
        if image.visibility == 'public':
            raise ImsError('IMG.0089', "Public images do not have members.")
        return [
            member
            for member in self.state.members.list(image_id)
            if project_id in (image.owner, member.member_id)
        ]

    def _new_job(
        self, request: Request, job_type: str, params: dict[str, Any]
    ) -> Job:
        return self.state.jobs.new(
            job_type,
            request.project_id,
            self.service.settings.job_seconds,
            {**params, 'work': _WORKS[job_type]},
        )

    def _submit(self, job: Job) -> Answer:
        self.service.capability(JobRunner).submit(job)
        return {'job_id': job.id}


_WORKS = {
    'imsAddImageMembersJob': 'add_members',
    'imsDelImageMembersJob': 'delete_members',
    'imsUpdateImageMembersJob': 'update_members',
}


def _pairs(body: dict[str, Any]) -> dict[str, Any]:
    """Return the images and projects of a request, each once."""
    pairs = {
        'images': _ids('images', body.get('images'), 'IMG.0027'),
        'projects': _ids('projects', body.get('projects'), 'IMG.0067'),
    }
    if len(pairs['images']) * len(pairs['projects']) > MAX_PAIRS:
        raise ImsError('IMG.0001', "There are too many images and projects.")
    return pairs


def _ids(name: str, value: Any, code: str) -> list[str]:
    if not isinstance(value, list) or not value:
        raise ImsError('IMG.0001', f"{name} must be a list of IDs.")
    found = list(dict.fromkeys(rules.text(name, each, code) for each in value))
    if not all(0 < len(each) <= MAX_ID for each in found):
        raise ImsError(code)
    return found


def _begin(members: list[Member], marker: str | None) -> int:
    """Return the position after the member that a marker stands for."""
    if not marker:
        return 0
    try:
        last = base64.b64decode(marker, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ImsError('IMG.0001', "The marker is not valid.") from error
    for position, member in enumerate(members):
        if member.member_id == last:
            return position + 1
    raise ImsError('IMG.0001', "The marker is not valid.")
