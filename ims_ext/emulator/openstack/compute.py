# SPDX-License-Identifier: Apache-2.0
"""A small Nova: the servers that images can be made of."""

from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack.record_page import page
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Server

#: The only microversion: what all of these clouds have.
VERSION = '2.1'

#: Flavors: number of processors, and MiB of memory.
FLAVORS = {'s3.medium.2': (1, 2048), 's3.large.2': (2, 4096)}

#: Nova's numbers of states of power, by status.
_POWER = {'ACTIVE': 1, 'SHUTOFF': 4}
_VM_STATES = {'ACTIVE': 'active', 'SHUTOFF': 'stopped'}

#: Actions, with the status before and after.
_ACTIONS = {
    'os-start': ('SHUTOFF', 'ACTIVE'),
    'os-stop': ('ACTIVE', 'SHUTOFF'),
}


class ComputeApi:
    """Servers and flavors: to look at, to start and to stop."""

    mount = COMPUTE
    dialect = Dialect.COMPUTE
    project_version = '/v2.1'

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    # ====== DISCOVERY ======

    @route('GET', '/', anonymous=True)
    def versions(self, request: Request) -> Answer:
        """List the only version."""
        return {'versions': [_version(request)]}

    @route('GET', '/v2.1', anonymous=True)
    @route('GET', '/v2.1/', anonymous=True)
    def version(self, request: Request) -> Answer:
        """Show the only version."""
        return {'version': _version(request)}

    # ====== SERVERS ======

    @route('GET', '/v2.1/servers')
    def servers(self, request: Request) -> Answer:
        """List IDs and names of the project's servers."""
        return page(
            request,
            'servers',
            self.state.servers.all(request.project_id),
            lambda server: {'id': server.id, 'name': server.name},
            is_named=_contains,
        )

    @route('GET', '/v2.1/servers/detail')
    def detailed_servers(self, request: Request) -> Answer:
        """List the project's servers."""
        return page(
            request,
            'servers',
            self.state.servers.all(request.project_id),
            lambda server: self._view(request, server),
            is_named=_contains,
        )

    @route('GET', '/v2.1/servers/<server_id>')
    def server(self, request: Request, server_id: str) -> Answer:
        """Show one server."""
        found = self._server(request, server_id)
        return {'server': self._view(request, found)}

    @route('GET', '/v2.1/servers/<server_id>/os-volume_attachments')
    def volumes(self, request: Request, server_id: str) -> Answer:
        """List a server's volumes."""
        server = self._server(request, server_id)
        return {
            'volumeAttachments': [
                {
                    'id': volume.id,
                    'volumeId': volume.id,
                    'serverId': server.id,
                    'device': volume.device,
                }
                for volume in self.state.volumes.of_server(server.id)
            ]
        }

    @route('POST', '/v2.1/servers/<server_id>/action')
    def act(self, request: Request, server_id: str) -> Answer:
        """Start or stop a server, at once."""
        wanted = [name for name in request.json_object() if name in _ACTIONS]
        if len(wanted) != 1:
            raise BadRequest(
                f"The actions are {' and '.join(_ACTIONS)}, one at a time"
            )
        before, after = _ACTIONS[wanted[0]]
        with self.state.transaction():
            server = self._server(request, server_id)
            if server.task_state is not None:
                raise Conflict(
                    f"Cannot '{wanted[0]}' instance {server.id} while it is "
                    f"in task_state {server.task_state}"
                )
            if server.status != before:
                raise Conflict(
                    f"Cannot '{wanted[0]}' instance {server.id} while it is "
                    f"in vm_state {_vm_state(server)}"
                )
            server.status = after
            self.state.servers.save(server)
        return 202, None

    def _server(self, request: Request, server_id: str) -> Server:
        server = self.state.servers.get(server_id, request.project_id)
        if server is None:
            raise NotFound(f"Instance {server_id} could not be found.")
        return server

    def _view(self, request: Request, server: Server) -> dict[str, Any]:
        image: Any = ''
        if server.image_id:
            image = {
                'id': server.image_id,
                'links': _links(request, 'images', server.image_id),
            }
        return {
            'id': server.id,
            'name': server.name,
            'status': server.status,
            'tenant_id': server.project_id,
            'user_id': request.caller.user_id,
            'created': server.created_at,
            'updated': server.updated_at,
            'image': image,
            'flavor': {
                'id': server.flavor_id,
                'links': _links(request, 'flavors', server.flavor_id),
            },
            # There are no networks here.
            'addresses': {},
            'accessIPv4': '',
            'accessIPv6': '',
            'metadata': {},
            'hostId': '',
            'key_name': None,
            'config_drive': '',
            'progress': 100,
            'links': _links(request, 'servers', server.id),
            'OS-DCF:diskConfig': 'MANUAL',
            'OS-EXT-AZ:availability_zone': f'{request.region}a',
            'OS-EXT-STS:power_state': _POWER.get(server.status, 0),
            'OS-EXT-STS:task_state': server.task_state,
            'OS-EXT-STS:vm_state': _vm_state(server),
            'OS-SRV-USG:launched_at': server.created_at,
            'OS-SRV-USG:terminated_at': None,
            'os-extended-volumes:volumes_attached': [
                {'id': volume.id}
                for volume in self.state.volumes.of_server(server.id)
            ],
        }

    # ====== FLAVORS ======

    @route('GET', '/v2.1/flavors')
    @route('GET', '/v2.1/flavors/detail')
    def flavors(self, request: Request) -> Answer:
        """List all flavors."""
        return {'flavors': [_flavor(request, name) for name in FLAVORS]}

    @route('GET', '/v2.1/flavors/<flavor_id>')
    def flavor(self, request: Request, flavor_id: str) -> Answer:
        """Show one flavor."""
        _check_flavor(flavor_id)
        return {'flavor': _flavor(request, flavor_id)}

    @route('GET', '/v2.1/flavors/<flavor_id>/os-extra_specs')
    def extra_specs(self, request: Request, flavor_id: str) -> Answer:
        """Show what else is known of a flavor: nothing."""
        _check_flavor(flavor_id)
        return {'extra_specs': {}}


def _version(request: Request) -> dict[str, Any]:
    return {
        'id': f'v{VERSION}',
        'status': 'CURRENT',
        'version': VERSION,
        'min_version': VERSION,
        'updated': '2013-07-23T11:33:21Z',
        'links': [{'rel': 'self', 'href': f'{request.root}/v{VERSION}/'}],
    }


def _links(request: Request, kind: str, id: str) -> list[dict[str, str]]:
    return [
        {'rel': 'self', 'href': f'{request.root}/v{VERSION}/{kind}/{id}'},
        {'rel': 'bookmark', 'href': f'{request.root}/{kind}/{id}'},
    ]


def _vm_state(server: Server) -> str:
    return _VM_STATES.get(server.status, server.status.lower())


def _contains(name: str, asked: str) -> bool:
    # Nova takes a regular expression; a part of the name is one.
    return asked in name


def _check_flavor(flavor_id: str) -> None:
    if flavor_id not in FLAVORS:
        raise NotFound(f"Flavor {flavor_id} could not be found.")


def _flavor(request: Request, flavor_id: str) -> dict[str, Any]:
    processors, memory = FLAVORS[flavor_id]
    return {
        'id': flavor_id,
        'name': flavor_id,
        'vcpus': processors,
        'ram': memory,
        'disk': 0,
        'swap': '',
        'rxtx_factor': 1.0,
        'OS-FLV-EXT-DATA:ephemeral': 0,
        'OS-FLV-DISABLED:disabled': False,
        'os-flavor-access:is_public': True,
        'links': _links(request, 'flavors', flavor_id),
    }
