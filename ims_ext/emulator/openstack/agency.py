# SPDX-License-Identifier: Apache-2.0
"""Agencies: what lets the image service act in projects of other regions."""

from collections.abc import Sequence
import datetime
from typing import Any
import uuid

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Agency
from ims_ext.emulator.state import Grant
from ims_ext.emulator.state import State
from ims_ext.emulator.state.agency import ALL_PROJECTS
from ims_ext.emulator.state.agency import DOMAIN
from ims_ext.emulator.state.agency import PROJECT

#: The account of the image service, as the clouds call it.
IMAGE_SERVICE = 'op_svc_ims'
#: How the accounts of the clouds' services begin.
_SERVICES = 'op_svc_'

#: The agency that there is from the start, by the reference's example.
FIRST_AGENCY = 'ims_copy_image'

#: The role that an agency for copies between regions needs.
_ADMINISTRATOR_ID = '5c2a0e7c6a6b4f1d9a4f0d6b1c7e8a92'
IMAGE_ADMINISTRATOR = {
    'id': _ADMINISTRATOR_ID,
    'name': 'ims_adm',
    'display_name': 'IMS Administrator',
    'description': "Administrator of the image service",
    'catalog': 'IMS',
    'type': 'AX',
    'domain_id': None,
}

#: The roles that agencies can have.
ROLES = (IMAGE_ADMINISTRATOR,)

_IN_PROJECT = '/v3.0/OS-AGENCY/projects/<target>/agencies/<agency_id>'
_IN_DOMAIN = '/v3.0/OS-AGENCY/domains/<target>/agencies/<agency_id>'
_IN_ALL_PROJECTS = '/v3.0/OS-INHERIT/domains/<target>/agencies/<agency_id>'
#: What roles are about, by how paths begin.
_SCOPES = {
    '/v3.0/OS-AGENCY/projects/': PROJECT,
    '/v3.0/OS-AGENCY/domains/': DOMAIN,
    '/v3.0/OS-INHERIT/domains/': ALL_PROJECTS,
}

_NAMESPACE = uuid.UUID('0b9a3f5e-6f0f-4a52-8f5b-0c52e1d3a7c4')
_MAX_NAME = 64
_MAX_DESCRIPTION = 255
#: Of a number of days.
_MAX_DIGITS = 5
_HOUR = 3600


def add_first_agency(state: State, domain_id: str) -> None:
    """Make the agency by which images can be copied from the start."""
    agency = state.agencies.add(
        Agency(
            name=FIRST_AGENCY,
            domain_id=domain_id,
            trust_domain_id=_service_id(IMAGE_SERVICE),
            trust_domain_name=IMAGE_SERVICE,
            description="Lets the image service copy images between regions",
            created_at=state.clock(),
        )
    )
    state.grants.add(
        Grant(agency.id, ALL_PROJECTS, domain_id, _ADMINISTRATOR_ID)
    )


def lets_images_be_copied(
    state: State, name: str, domain_id: str, project_ids: Sequence[str]
) -> bool:
    """Whether an agency lets the image service act in all of some projects.

    :param name: The agency's.
    :param domain_id: The account that it is one of.
    :param project_ids: The projects that an image is copied from and to.
    """
    agency = state.agencies.find(name, domain_id)
    if agency is None or agency.trust_domain_name != IMAGE_SERVICE:
        return False
    if agency.expires_at is not None and agency.expires_at <= state.clock():
        return False
    role = _ADMINISTRATOR_ID
    return state.grants.has(
        Grant(agency.id, ALL_PROJECTS, domain_id, role)
    ) or all(
        state.grants.has(Grant(agency.id, PROJECT, project_id, role))
        for project_id in project_ids
    )


class AgenciesApi:
    """Agencies, and the roles that they have in projects and the domain."""

    mount = IDENTITY
    dialect = Dialect.KEYSTONE

    def __init__(self, service: Service) -> None:
        self.state = service.state

    # ====== AGENCIES ======

    @route('POST', '/v3.0/OS-AGENCY/agencies')
    def create(self, request: Request) -> Answer:
        """Make an agency."""
        body = _part(request)
        domain_id = self._domain_id(request, body.get('domain_id'))
        name = _text(body, 'name', _MAX_NAME)
        if not name:
            raise BadRequest("name must not be empty.")
        trust_id, trust_name = self._trusted(body)
        now = self.state.clock()
        with self.state.transaction():
            if self.state.agencies.find(name, domain_id) is not None:
                raise Conflict(f"There is an agency {name} already.")
            agency = self.state.agencies.add(
                Agency(
                    name=name,
                    domain_id=domain_id,
                    trust_domain_id=trust_id,
                    trust_domain_name=trust_name,
                    description=_text(body, 'description', _MAX_DESCRIPTION),
                    created_at=now,
                    expires_at=_end(body.get('duration'), now),
                )
            )
        return 201, {'agency': _view(agency)}

    @route('GET', '/v3.0/OS-AGENCY/agencies')
    def agencies(self, request: Request) -> Answer:
        """List the agencies of the caller's domain."""
        domain_id = self._domain_id(request, request.args.get('domain_id'))
        wanted = {
            key: value
            for key, value in request.args.items()
            if key in ('name', 'trust_domain_id')
        }
        return {
            'agencies': [
                _view(agency)
                for agency in self.state.agencies.list(domain_id)
                if all(getattr(agency, key) == wanted[key] for key in wanted)
            ]
        }

    @route('GET', '/v3.0/OS-AGENCY/agencies/<agency_id>')
    def agency(self, request: Request, agency_id: str) -> Answer:
        """Show an agency."""
        return {'agency': _view(self._agency(request, agency_id))}

    @route('PUT', '/v3.0/OS-AGENCY/agencies/<agency_id>')
    def update(self, request: Request, agency_id: str) -> Answer:
        """Change who is trusted, for how long, or the description."""
        body = _part(request)
        with self.state.transaction():
            agency = self._agency(request, agency_id)
            if {'trust_domain_id', 'trust_domain_name'} & set(body):
                trusted = self._trusted(body)
                agency.trust_domain_id, agency.trust_domain_name = trusted
            if 'description' in body:
                agency.description = _text(
                    body, 'description', _MAX_DESCRIPTION
                )
            if 'duration' in body:
                agency.expires_at = _end(body['duration'], self.state.clock())
            self.state.agencies.save(agency)
        return {'agency': _view(agency)}

    @route('DELETE', '/v3.0/OS-AGENCY/agencies/<agency_id>')
    def delete(self, request: Request, agency_id: str) -> Answer:
        """Delete an agency."""
        with self.state.transaction():
            agency = self._agency(request, agency_id)
            self.state.agencies.delete(agency.id)
        return 204, None

    # ====== THEIR ROLES ======

    @route('GET', f'{_IN_PROJECT}/roles')
    @route('GET', f'{_IN_DOMAIN}/roles')
    @route('GET', f'{_IN_ALL_PROJECTS}/roles/inherited_to_projects')
    def roles(self, request: Request, agency_id: str, target: str) -> Answer:
        """List an agency's roles in a place."""
        scope = self._scope(request, target)
        agency = self._agency(request, agency_id)
        granted = {
            grant.role_id
            for grant in self.state.grants.list(agency.id, scope, target)
        }
        return {'roles': [role for role in ROLES if role['id'] in granted]}

    @route('GET', f'{_IN_PROJECT}/roles/<role_id>')
    @route('GET', f'{_IN_DOMAIN}/roles/<role_id>')
    @route('GET', f'{_IN_ALL_PROJECTS}/roles/<role_id>/inherited_to_projects')
    def has_role(
        self, request: Request, agency_id: str, target: str, role_id: str
    ) -> Answer:
        """Tell whether an agency has a role."""
        grant = self._grant(request, agency_id, target, role_id)
        if not self.state.grants.has(grant):
            raise NotFound(f"The agency does not have the role {role_id}.")
        return 204, None

    @route('PUT', f'{_IN_PROJECT}/roles/<role_id>')
    @route('PUT', f'{_IN_DOMAIN}/roles/<role_id>')
    @route('PUT', f'{_IN_ALL_PROJECTS}/roles/<role_id>/inherited_to_projects')
    def grant(
        self, request: Request, agency_id: str, target: str, role_id: str
    ) -> Answer:
        """Give an agency a role."""
        with self.state.transaction():
            self.state.grants.add(
                self._grant(request, agency_id, target, role_id)
            )
        return 204, None

    @route('DELETE', f'{_IN_PROJECT}/roles/<role_id>')
    @route('DELETE', f'{_IN_DOMAIN}/roles/<role_id>')
    @route(
        'DELETE', f'{_IN_ALL_PROJECTS}/roles/<role_id>/inherited_to_projects'
    )
    def revoke(
        self, request: Request, agency_id: str, target: str, role_id: str
    ) -> Answer:
        """Take a role from an agency."""
        grant = self._grant(request, agency_id, target, role_id)
        if not self.state.grants.has(grant):
            raise NotFound(f"The agency does not have the role {role_id}.")
        self.state.grants.delete(grant)
        return 204, None

    # ====== WHAT REQUESTS NAME ======

    def _domain_id(self, request: Request, claimed: Any = None) -> str:
        """Return the caller's domain; a request must name no other."""
        user = self.state.users.get(request.caller.user_id)
        if user is None or claimed not in (None, user.domain_id):
            raise Forbidden(
                "You are not authorized to manage agencies of this domain."
            )
        return user.domain_id

    def _agency(self, request: Request, agency_id: str) -> Agency:
        agency = self.state.agencies.get(agency_id, self._domain_id(request))
        if agency is None:
            raise NotFound(f"Could not find agency: {agency_id}.")
        return agency

    def _scope(self, request: Request, target: str) -> str:
        """Return what a path's roles are about, and refuse another's."""
        scope = next(
            scope
            for start, scope in _SCOPES.items()
            if request.path.startswith(start)
        )
        domain_id = self._domain_id(request)
        if scope == PROJECT:
            project = self.state.projects.get(target)
            if project is None or project.domain_id != domain_id:
                raise NotFound(f"Could not find project: {target}.")
        elif target != domain_id:
            raise NotFound(f"Could not find domain: {target}.")
        return scope

    def _grant(
        self, request: Request, agency_id: str, target: str, role_id: str
    ) -> Grant:
        scope = self._scope(request, target)
        agency = self._agency(request, agency_id)
        if role_id not in [role['id'] for role in ROLES]:
            raise NotFound(f"Could not find role: {role_id}.")
        return Grant(agency.id, scope, target, role_id)

    def _trusted(self, body: dict[str, Any]) -> tuple[str, str]:
        """Return ID and name of the account that is trusted."""
        name = _text(body, 'trust_domain_name', _MAX_NAME)
        trust_id = _text(body, 'trust_domain_id', _MAX_NAME)
        if not name and not trust_id:
            raise BadRequest(
                "Expecting to find trust_domain_name or trust_domain_id in "
                "agency."
            )
        # The name counts where there are both.
        if name.startswith(_SERVICES):
            return _service_id(name), name
        if name:
            domain = self.state.domains.find(name)
        elif trust_id == _service_id(IMAGE_SERVICE):
            return trust_id, IMAGE_SERVICE
        else:
            domain = self.state.domains.get(trust_id)
        if domain is None:
            raise NotFound(f"Could not find domain: {name or trust_id}.")
        return domain.id, domain.name


def _service_id(name: str) -> str:
    """Return the ID of a service's account, the same in every emulator."""
    return uuid.uuid5(_NAMESPACE, name).hex


def _part(request: Request) -> dict[str, Any]:
    body = request.json_object().get('agency')
    if not isinstance(body, dict):
        raise BadRequest("Expecting to find agency in the request body.")
    return body


def _text(body: dict[str, Any], name: str, limit: int) -> str:
    value = body.get(name)
    if value is None:
        return ''
    if not isinstance(value, str) or len(value) > limit:
        raise BadRequest(f"{name} must be at most {limit} characters.")
    return value


def _end(duration: Any, now: float) -> float | None:
    """Return when an agency ends that begins now.

    :param duration: ``FOREVER``, ``ONEDAY``, or a number of days.
    """
    if duration in (None, '', 'FOREVER'):
        return None
    text = '1' if duration == 'ONEDAY' else str(duration)
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS:
        raise BadRequest(
            "duration must be FOREVER, ONEDAY or a number of days."
        )
    return now + int(text) * 24 * _HOUR


def _view(agency: Agency) -> dict[str, Any]:
    duration = 'FOREVER'
    if agency.expires_at is not None:
        # Days in requests, hours in answers.
        hours = (agency.expires_at - agency.created_at) / _HOUR
        duration = str(round(hours))
    return {
        'id': agency.id,
        'name': agency.name,
        'domain_id': agency.domain_id,
        'trust_domain_id': agency.trust_domain_id,
        'trust_domain_name': agency.trust_domain_name,
        'description': agency.description,
        'duration': duration,
        'create_time': _moment(agency.created_at),
        'expire_time': _moment(agency.expires_at),
    }


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%f')
