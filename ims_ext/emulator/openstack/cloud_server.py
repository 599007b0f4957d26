# SPDX-License-Identifier: Apache-2.0
"""Servers as the clouds' own operations show them, beside Nova's."""

from typing import Any

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack.compute import ComputeApi
from ims_ext.emulator.openstack.flavor import FLAVORS
from ims_ext.emulator.openstack.record_page import numbered_page
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Server


class CloudServersApi:
    """Servers and flavors, to look at."""

    mount = COMPUTE
    project_version = '/v1'
    dialect = Dialect.COMPUTE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('GET', '/v1/cloudservers/detail')
    def servers(self, request: Request) -> Answer:
        """List the project's servers."""
        return numbered_page(
            request,
            'servers',
            self.state.servers.all(request.project_id),
            lambda server: self._view(request, server),
            first=1,
        )

    @route('GET', '/v1/cloudservers/<server_id>')
    def server(self, request: Request, server_id: str) -> Answer:
        """Show one server."""
        servers = self.service.capability(ComputeApi)
        found = servers.find(request, server_id)
        return {'server': self._view(request, found)}

    @route('GET', '/v1/cloudservers/flavors')
    def flavors(self, request: Request) -> Answer:
        """List all flavors."""
        return {'flavors': [_flavor(name) for name in FLAVORS]}

    def _view(self, request: Request, server: Server) -> dict[str, Any]:
        shown = self.service.capability(ComputeApi).view(request, server)
        return shown | {
            'description': '',
            'enterprise_project_id': '0',
            'flavor': _flavor(server.flavor_id),
            'image': {'id': server.image_id or ''},
            'locked': False,
            'tags': [],
            'sys_tags': [],
        }


def _flavor(name: str) -> dict[str, Any]:
    processors, memory = FLAVORS.get(name, (0, 0))
    return {
        'id': name,
        'name': name,
        'vcpus': str(processors),
        'ram': str(memory),
        'disk': '0',
    }
