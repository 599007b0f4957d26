# SPDX-License-Identifier: Apache-2.0
"""Roles, who has them, and what else a user may ask about access."""

from collections.abc import Mapping
from typing import Any

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import keystone
from ims_ext.emulator.openstack.agency import ROLES as AGENCY_ROLES
from ims_ext.emulator.openstack.identity import ROLE
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import User


class RolesApi:
    """Roles and their assignments; groups and trusts, of which there are none.

    Users see their own.
    """

    mount = IDENTITY
    dialect = Dialect.KEYSTONE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('GET', '/v3/roles')
    def roles(self, request: Request) -> Answer:
        """List the role that users have, and those of agencies."""
        return keystone.listing(request, 'roles', _views(request))

    @route('GET', '/v3/roles/<role_id>')
    def role(self, request: Request, role_id: str) -> Answer:
        """Show a role."""
        for view in _views(request):
            if view['id'] == role_id:
                return {'role': view}
        raise NotFound(f"Could not find role: {role_id}.")

    @route('GET', '/v3/projects/<project_id>/users/<user_id>/roles')
    def project_roles(
        self, request: Request, project_id: str, user_id: str
    ) -> Answer:
        """List the caller's roles in a project."""
        keystone.check_own(request, user_id, 'list_grants')
        if project_id not in self._project_ids(user_id):
            raise keystone.forbidden('list_grants')
        return keystone.listing(request, 'roles', [_role_view(request)])

    @route('GET', '/v3/role_assignments')
    def assignments(self, request: Request) -> Answer:
        """List the caller's roles in all projects, and in the domain."""
        asked = request.args
        user_id = request.caller.user_id
        user = self.state.users.get(user_id)
        others = (
            any(asked.get(name) for name in ('group.id', 'scope.system'))
            or asked.get('user.id', user_id) != user_id
        )
        found = [] if user is None or others else self._assignments(user)
        for kind in ('project', 'domain'):
            wanted = asked.get(f'scope.{kind}.id')
            if wanted:
                found = [
                    each
                    for each in found
                    if each['scope'].get(kind, {}).get('id') == wanted
                ]
        if asked.get('role.id', ROLE['id']) != ROLE['id']:
            found = []
        # Keystone's flags are set by being there, unless they say no.
        if asked.get('include_names', 'false').lower() in ('0', 'false'):
            found = [_without_names(each) for each in found]
        return keystone.listing(request, 'role_assignments', found)

    def _assignments(self, user: User) -> list[dict[str, Any]]:
        domain = self.state.domains.get(user.domain_id)
        home = {'id': user.domain_id, 'name': domain.name if domain else ''}
        who = {'id': user.id, 'name': user.name, 'domain': home}
        scopes: list[dict[str, Any]] = [
            {'project': {'id': each.id, 'name': each.name, 'domain': home}}
            for each in self.state.projects.of_user(user.id)
        ]
        scopes.append({'domain': home})
        return [
            {'role': ROLE, 'user': who, 'scope': scope, 'links': {}}
            for scope in scopes
        ]

    def _project_ids(self, user_id: str) -> set[str]:
        return {each.id for each in self.state.projects.of_user(user_id)}

    @route('GET', '/v3/auth/system')
    def system(self, request: Request) -> Answer:
        """List what the caller may do to the system as a whole: nothing."""
        return keystone.listing(request, 'system', [])

    @route('GET', '/v3/groups')
    def groups(self, request: Request) -> Answer:
        """List the groups, of which there are none."""
        return keystone.listing(request, 'groups', [])

    @route('GET', '/v3/users/<user_id>/groups')
    def user_groups(self, request: Request, user_id: str) -> Answer:
        """List the caller's groups, of which there are none."""
        keystone.check_own(request, user_id, 'list_groups_for_user')
        return keystone.listing(request, 'groups', [])

    @route('GET', '/v3/OS-TRUST/trusts')
    def trusts(self, request: Request) -> Answer:
        """List the trusts, of which there are none."""
        return keystone.listing(request, 'trusts', [])


def _views(request: Request) -> list[dict[str, Any]]:
    return [
        _role_view(request),
        *(_role_view(request, role) for role in AGENCY_ROLES),
    ]


def _role_view(
    request: Request, role: Mapping[str, Any] = ROLE
) -> dict[str, Any]:
    return {
        'domain_id': None,
        'description': None,
        **role,
        'options': {},
        'links': {'self': f'{request.root}/v3/roles/{role["id"]}'},
    }


def _without_names(assignment: dict[str, Any]) -> dict[str, Any]:
    return {
        'role': {'id': assignment['role']['id']},
        'user': {'id': assignment['user']['id']},
        'scope': {
            kind: {'id': value['id']}
            for kind, value in assignment['scope'].items()
        },
        'links': assignment['links'],
    }
