# SPDX-License-Identifier: Apache-2.0
"""A small Nova: servers that use images, and that images can be made of."""

import dataclasses
import hashlib
from typing import Any

from ims_ext.emulator.api.server_image import ServerImagesApi
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import answer
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.openstack.record_page import page
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Server

#: The only microversion: what all of these clouds have.
VERSION = '2.1'
_ROOT = f'/v{VERSION}'

#: Nova's numbers of states of power, by status.
_POWER = {'ACTIVE': 1, 'SHUTOFF': 4}
_VM_STATES = {'ACTIVE': 'active', 'BUILD': 'building', 'SHUTOFF': 'stopped'}


@dataclasses.dataclass(frozen=True)
class _Action:
    """An action on servers.

    :ivar before: The statuses that it is for.
    :ivar after: The status that it leads to.
    """

    before: tuple[str, ...]
    after: str


_ACTIONS = {
    'os-start': _Action(('SHUTOFF',), 'ACTIVE'),
    'os-stop': _Action(('ACTIVE',), 'SHUTOFF'),
    'reboot': _Action(('ACTIVE', 'SHUTOFF'), 'ACTIVE'),
}


#: The action that makes an image.
_IMAGE = 'createImage'


class ComputeApi:
    """Servers: to look at, to start and to stop, to rename and to delete."""

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
            lambda server: self.view(request, server),
            is_named=_contains,
        )

    @route('GET', '/v2.1/servers/<server_id>')
    def server(self, request: Request, server_id: str) -> Answer:
        """Show one server."""
        found = self.find(request, server_id)
        return {'server': self.view(request, found)}

    @route('PUT', '/v2.1/servers/<server_id>')
    def rename(self, request: Request, server_id: str) -> Answer:
        """Give a server another name."""
        body = nova_style.part(request, 'server')
        with self.state.transaction():
            server = self.find(request, server_id)
            server.name = nova_style.name(body.get('name'), server.name)
            self.state.servers.save(server)
        return {'server': self.view(request, server)}

    @route('DELETE', '/v2.1/servers/<server_id>')
    def delete(self, request: Request, server_id: str) -> Answer:
        """Delete a server, with the disks that are to end with it."""
        with self.state.transaction():
            self.remove(self.find(request, server_id))
        return 204, None

    def remove(self, server: Server, all_disks: bool = False) -> None:
        """Delete a server; part of a transaction.

        :param all_disks: Whether all of its disks go, and not only those that
            are to end with it.
        :raises: :class:`~ims_ext.emulator.errors.Conflict` while one of its
            disks is busy.
        """
        volumes = self.state.volumes
        for volume in volumes.of_server(server.id):
            if volume.status != 'in-use':
                raise Conflict(
                    f"Volume {volume.id} of instance {server.id} is "
                    f"{volume.status}."
                )
            if volume.ends_with_server or all_disks:
                volumes.delete(volume.id)
            else:
                volume.server_id = volume.device = None
                volume.status = 'available'
                volumes.save(volume)
        self.state.servers.delete(server.id)

    # ====== METADATA ======

    @route('GET', '/v2.1/servers/<server_id>/metadata')
    def metadata(self, request: Request, server_id: str) -> Answer:
        """Show what its user says about a server."""
        return {'metadata': self.find(request, server_id).metadata}

    @route('POST', '/v2.1/servers/<server_id>/metadata')
    @route('PUT', '/v2.1/servers/<server_id>/metadata')
    def set_metadata(self, request: Request, server_id: str) -> Answer:
        """Say more about a server, or something else with PUT."""
        given = request.json_object().get('metadata')
        with self.state.transaction():
            server = self.find(request, server_id)
            present = {} if request.method == 'PUT' else server.metadata
            server.metadata = nova_style.metadata(given, present)
            self.state.servers.save(server)
        return {'metadata': server.metadata}

    @route('DELETE', '/v2.1/servers/<server_id>/metadata/<key>')
    def delete_metadata(
        self, request: Request, server_id: str, key: str
    ) -> Answer:
        """Say one thing less about a server."""
        with self.state.transaction():
            server = self.find(request, server_id)
            if server.metadata.pop(key, None) is None:
                raise NotFound("Metadata item was not found")
            self.state.servers.save(server)
        return 204, None

    # ====== ACTIONS ======

    @route('POST', '/v2.1/servers/<server_id>/action')
    def act(self, request: Request, server_id: str) -> Answer:
        """Start, stop or reboot a server, at once."""
        body = request.json_object()
        if _IMAGE in body:
            return self._make_image(request, server_id, body)
        name = action_name(body)
        with self.state.transaction():
            self.carry_out(name, self.find(request, server_id))
        return 202, None

    def _make_image(
        self, request: Request, server_id: str, body: dict[str, Any]
    ) -> Answer:
        """Make an image of a server's system disk, as the image service does.

        It has to be stopped, other than a server of Nova's own.
        """
        wanted = nova_style.member(body, _IMAGE)
        server = self.find(request, server_id)
        images = self.service.capability(ServerImagesApi)
        try:
            image_id = images.image_of_server(
                request.project_id,
                {'name': wanted.get('name'), 'instance_id': server.id},
            )
        except ImsError as error:
            raise Conflict(error.message) from error
        root = self.service.addresses.url(IMAGE, request.region)
        response = answer((202, {'image_id': image_id}))
        response.headers['Location'] = f'{root}/v2/images/{image_id}'
        return response

    def carry_out(self, name: str, server: Server) -> None:
        """Do something with a server; part of a transaction.

        :param name: As of :func:`action_name`.
        :raises: :class:`~ims_ext.emulator.errors.Conflict`
        """
        action = _ACTIONS[name]
        if server.task_state is not None:
            raise Conflict(
                f"Cannot '{name}' instance {server.id} while it is in "
                f"task_state {server.task_state}"
            )
        if server.status not in action.before:
            raise Conflict(
                f"Cannot '{name}' instance {server.id} while it is in "
                f"vm_state {_vm_state(server)}"
            )
        server.status = action.after
        self.state.servers.save(server)

    def find(self, request: Request, server_id: str) -> Server:
        """Return one of the project's servers.

        :raises: :class:`~ims_ext.emulator.errors.NotFound`
        """
        server = self.state.servers.get(server_id, request.project_id)
        if server is None:
            raise NotFound(f"Instance {server_id} could not be found.")
        return server

    def view(self, request: Request, server: Server) -> dict[str, Any]:
        """Return what is shown of a server."""
        image: Any = ''
        if server.image_id:
            image = {
                'id': server.image_id,
                'links': _links(request, f'images/{server.image_id}'),
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
                'links': _links(request, f'flavors/{server.flavor_id}'),
            },
            'addresses': _addresses(server),
            'accessIPv4': '',
            'accessIPv6': '',
            'metadata': server.metadata,
            'hostId': '',
            'key_name': None,
            'config_drive': '',
            'progress': 0 if server.status == 'BUILD' else 100,
            'links': _links(request, f'servers/{server.id}'),
            'OS-DCF:diskConfig': 'MANUAL',
            'OS-EXT-AZ:availability_zone': f'{request.region}a',
            'OS-EXT-STS:power_state': _POWER.get(server.status, 0),
            'OS-EXT-STS:task_state': server.task_state,
            'OS-EXT-STS:vm_state': _vm_state(server),
            'OS-SRV-USG:launched_at': (
                None if server.status == 'BUILD' else server.created_at
            ),
            'OS-SRV-USG:terminated_at': None,
            'os-extended-volumes:volumes_attached': [
                {'id': volume.id}
                for volume in self.state.volumes.of_server(server.id)
            ],
        }


def action_name(body: dict[str, Any]) -> str:
    """Return which action a body asks for.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    wanted = [name for name in body if name in _ACTIONS]
    if len(wanted) != 1:
        raise BadRequest(
            f"The actions are {', '.join((*_ACTIONS, _IMAGE))}, one at a time"
        )
    return wanted[0]


def _version(request: Request) -> dict[str, Any]:
    return nova_style.version(request, VERSION, _ROOT, '2013-07-23T11:33:21Z')


def _links(request: Request, path: str) -> list[dict[str, str]]:
    return nova_style.links(request, _ROOT, path)


def _vm_state(server: Server) -> str:
    return _VM_STATES.get(server.status, server.status.lower())


def _addresses(server: Server) -> dict[str, list[dict[str, Any]]]:
    # There are no networks here. But clients wait for an address.
    if server.status == 'BUILD':
        return {}
    number = hashlib.sha256(server.id.encode()).digest()[:3]
    return {
        'private': [
            {
                'addr': f'10.{number[0]}.{number[1]}.{number[2]}',
                'version': 4,
                'OS-EXT-IPS:type': 'fixed',
                'OS-EXT-IPS-MAC:mac_addr': f'fa:16:3e:{number.hex(":")}',
            }
        ]
    }


def _contains(name: str, asked: str) -> bool:
    # Nova takes a regular expression; a part of the name is one.
    return asked in name
