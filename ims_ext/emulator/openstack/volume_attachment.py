# SPDX-License-Identifier: Apache-2.0
"""The volumes of servers: listed, attached and detached."""

from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.openstack.compute import ComputeApi
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import Volume

_PATH = '/v2.1/servers/<server_id>/os-volume_attachments'
_DEVICES = tuple(f'/dev/vd{letter}' for letter in 'abcdefghijklmnopqrstuvwx')


class VolumeAttachmentsApi:
    """Volume attachments."""

    mount = COMPUTE
    project_version = '/v2.1'
    dialect = Dialect.COMPUTE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('GET', _PATH)
    def list(self, request: Request, server_id: str) -> Answer:
        """List a server's volumes."""
        server = self._server(request, server_id)
        return {
            'volumeAttachments': [
                _view(volume)
                for volume in self.state.volumes.of_server(server.id)
            ]
        }

    @route('GET', f'{_PATH}/<volume_id>')
    def show(self, request: Request, server_id: str, volume_id: str) -> Answer:
        """Show one of a server's volumes."""
        server = self._server(request, server_id)
        return {'volumeAttachment': _view(self._volume(server, volume_id))}

    @route('POST', _PATH)
    def attach(self, request: Request, server_id: str) -> Answer:
        """Attach a volume that is free."""
        body = nova_style.part(request, 'volumeAttachment')
        with self.state.transaction():
            server = self._server(request, server_id)
            _check_idle(server)
            volume = self.state.volumes.get(
                body.get('volumeId'), request.project_id
            )
            if volume is None:
                raise NotFound(
                    f"Volume {body.get('volumeId')} could not be found."
                )
            if volume.status != 'available':
                raise BadRequest(
                    f"Invalid volume: status of volume {volume.id} is "
                    f"{volume.status}, and must be available."
                )
            volume.device = self._device(server, body.get('device'))
            volume.server_id = server.id
            volume.status = 'in-use'
            volume.ends_with_server = bool(body.get('delete_on_termination'))
            self.state.volumes.save(volume)
        return {'volumeAttachment': _view(volume)}

    @route('DELETE', f'{_PATH}/<volume_id>')
    def detach(
        self, request: Request, server_id: str, volume_id: str
    ) -> Answer:
        """Detach a volume, which is free then; also a stopped one's first."""
        with self.state.transaction():
            server = self._server(request, server_id)
            _check_idle(server)
            volume = self._volume(server, volume_id)
            if volume.status != 'in-use':
                raise BadRequest(f"Volume {volume.id} is {volume.status}.")
            if volume.is_system_disk and server.status != 'SHUTOFF':
                raise BadRequest(
                    "The system disk of a server that runs cannot be detached."
                )
            volume.server_id = volume.device = None
            volume.status = 'available'
            self.state.volumes.save(volume)
        return 202, None

    def _server(self, request: Request, server_id: str) -> Server:
        return self.service.capability(ComputeApi).find(request, server_id)

    def _volume(self, server: Server, volume_id: str) -> Volume:
        for volume in self.state.volumes.of_server(server.id):
            if volume.id == volume_id:
                return volume
        raise NotFound(f"volume_id not found: {volume_id}")

    def _device(self, server: Server, wanted: Any) -> str:
        taken = {
            volume.device for volume in self.state.volumes.of_server(server.id)
        }
        free = [device for device in _DEVICES if device not in taken]
        if wanted is not None and wanted not in free:
            raise Conflict(f"The device {wanted} is in use, or is none.")
        if not free:
            raise Conflict(f"A server has at most {len(_DEVICES)} volumes.")
        return str(wanted or free[0])


def _check_idle(server: Server) -> None:
    if server.task_state is not None or server.status not in (
        'ACTIVE',
        'SHUTOFF',
    ):
        raise Conflict(
            f"Cannot change the volumes of instance {server.id} while it is "
            f"{server.task_state or server.status}"
        )


def _view(volume: Volume) -> dict[str, Any]:
    return {
        'id': volume.id,
        'volumeId': volume.id,
        'serverId': volume.server_id,
        'device': volume.device,
    }
