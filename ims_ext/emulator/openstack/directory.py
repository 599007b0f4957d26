# SPDX-License-Identifier: Apache-2.0
"""Keystone's records that a user can look up: projects, domains, services."""

from typing import Any

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import keystone
from ims_ext.emulator.openstack.catalog import entries
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Domain
from ims_ext.emulator.state import Project
from ims_ext.emulator.state import User


class DirectoryApi:
    """Lists of projects, users, domains, regions, services, endpoints.

    Nobody is an administrator: users see themselves, their projects and
    their domain. Whether there are others they do not learn: asking for a
    project or user that is not theirs is forbidden, and clients then take
    the name that they were given for an ID.
    """

    mount = IDENTITY
    dialect = Dialect.KEYSTONE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    # ====== PROJECTS ======

    @route('GET', '/v3/projects')
    @route('GET', '/v3/auth/projects')
    def projects(self, request: Request) -> Answer:
        """List the caller's projects.

        Who asks for the one with a region's name, as the clouds' own SDKs do
        that know but the region, is shown the caller's project there.
        """
        views = self._projects(request)
        name = request.args.get('name', '')
        home = self.state.projects.home(request.caller.user_id, name)
        if home and not any(view['name'] == name for view in views):
            views.append({**_project_view(home), 'name': name})
        return _own_list(request, 'projects', views)

    @route('GET', '/v3/users/<user_id>/projects')
    def user_projects(self, request: Request, user_id: str) -> Answer:
        """List the projects of a user: the caller."""
        self._own('user', self._users(request), user_id)
        return keystone.listing(request, 'projects', self._projects(request))

    @route('GET', '/v3/projects/<project_id>')
    def project(self, request: Request, project_id: str) -> Answer:
        """Show one of the caller's projects."""
        return self._own('project', self._projects(request), project_id)

    # ====== USERS ======

    @route('GET', '/v3/users')
    def users(self, request: Request) -> Answer:
        """List the only user that the caller may see."""
        return _own_list(request, 'users', self._users(request))

    @route('GET', '/v3/users/<user_id>')
    def user(self, request: Request, user_id: str) -> Answer:
        """Show the caller."""
        return self._own('user', self._users(request), user_id)

    # ====== DOMAINS ======

    @route('GET', '/v3/domains')
    @route('GET', '/v3/auth/domains')
    def domains(self, request: Request) -> Answer:
        """List the caller's domain."""
        return keystone.listing(request, 'domains', self._domains(request))

    @route('GET', '/v3/domains/<domain_id>')
    def domain(self, request: Request, domain_id: str) -> Answer:
        """Show the caller's domain."""
        return self._find('domain', self._domains(request), domain_id)

    # ====== THE CATALOG'S PARTS ======

    @route('GET', '/v3/regions')
    def regions(self, request: Request) -> Answer:
        """List the regions."""
        return keystone.listing(request, 'regions', self._regions())

    @route('GET', '/v3/regions/<region_id>')
    def region(self, request: Request, region_id: str) -> Answer:
        """Show a region."""
        return self._find('region', self._regions(), region_id)

    @route('GET', '/v3/services')
    def services(self, request: Request) -> Answer:
        """List the services of the catalog."""
        return keystone.listing(request, 'services', self._services())

    @route('GET', '/v3/services/<service_id>')
    def show_service(self, request: Request, service_id: str) -> Answer:
        """Show a service of the catalog."""
        return self._find('service', self._services(), service_id)

    @route('GET', '/v3/endpoints')
    def endpoints(self, request: Request) -> Answer:
        """List the endpoints of the catalog."""
        return keystone.listing(request, 'endpoints', self._endpoints())

    @route('GET', '/v3/endpoints/<endpoint_id>')
    def endpoint(self, request: Request, endpoint_id: str) -> Answer:
        """Show an endpoint of the catalog."""
        return self._find('endpoint', self._endpoints(), endpoint_id)

    # ====== WHAT THE CALLER MAY SEE ======

    def _projects(self, request: Request) -> list[dict[str, Any]]:
        projects = self.state.projects.of_user(request.caller.user_id)
        return [_project_view(project) for project in projects]

    def _user(self, request: Request) -> User:
        user = self.state.users.get(request.caller.user_id)
        if user is None:
            raise NotFound("Could not find user.")
        return user

    def _users(self, request: Request) -> list[dict[str, Any]]:
        return [_user_view(self._user(request))]

    def _domains(self, request: Request) -> list[dict[str, Any]]:
        domain = self.state.domains.get(self._user(request).domain_id)
        return [_domain_view(domain)] if domain else []

    def _regions(self) -> list[dict[str, Any]]:
        return [
            {
                'id': region,
                'description': '',
                'parent_region_id': None,
            }
            for region in self.service.settings.regions
        ]

    def _services(self) -> list[dict[str, Any]]:
        return [
            {
                'id': entry.id,
                'type': entry.type,
                'name': entry.name,
                'description': '',
                'enabled': True,
            }
            for entry in entries(self.service)
        ]

    def _endpoints(self) -> list[dict[str, Any]]:
        return [
            {
                'id': endpoint.id,
                'service_id': entry.id,
                'interface': 'public',
                'region': endpoint.region,
                'region_id': endpoint.region,
                'url': endpoint.url,
                'enabled': True,
            }
            for entry in entries(self.service)
            for endpoint in entry.endpoints
        ]

    def _own(
        self, noun: str, views: list[dict[str, Any]], item_id: str
    ) -> Answer:
        for view in views:
            if view['id'] == item_id:
                return {noun: view}
        raise keystone.forbidden(f'get_{noun}')

    def _find(
        self, noun: str, views: list[dict[str, Any]], item_id: str
    ) -> Answer:
        for view in views:
            if view['id'] == item_id:
                return {noun: view}
        raise NotFound(f"Could not find {noun}: {item_id}.")


def _own_list(
    request: Request, noun: str, views: list[dict[str, Any]]
) -> dict[str, Any]:
    body = keystone.listing(request, noun, views)
    if 'name' in request.args and not body[noun]:
        raise keystone.forbidden(f'list_{noun}')
    return body


def _project_view(project: Project) -> dict[str, Any]:
    return {
        'id': project.id,
        'name': project.name,
        'domain_id': project.domain_id,
        'parent_id': project.domain_id,
        'description': project.description,
        'enabled': True,
        'is_domain': False,
        'tags': [],
    }


def _user_view(user: User) -> dict[str, Any]:
    return {
        'id': user.id,
        'name': user.name,
        'domain_id': user.domain_id,
        'default_project_id': user.default_project_id,
        'enabled': True,
        'password_expires_at': None,
    }


def _domain_view(domain: Domain) -> dict[str, Any]:
    return {
        'id': domain.id,
        'name': domain.name,
        'description': '',
        'enabled': True,
        'tags': [],
    }
