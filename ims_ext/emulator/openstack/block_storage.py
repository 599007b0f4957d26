# SPDX-License-Identifier: Apache-2.0
"""A small Cinder: volumes of images, and that images can be made of."""

from typing import Any

from ims_ext.emulator.api.image_attributes import os_attributes
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.openstack.record_page import page
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Volume

#: The only microversion.
VERSION = '3.0'
#: The only type of volumes.
VOLUME_TYPE = 'SSD'

#: The states of volumes that can be deleted.
_DELETABLE = ('available', 'error')

_ROOT = '/v3'


class BlockStorageApi:
    """Volumes: to look at, to change and to delete."""

    mount = BLOCK_STORAGE
    dialect = Dialect.COMPUTE
    project_version = '/v3'

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    # ====== DISCOVERY ======

    @route('GET', '/', anonymous=True)
    def versions(self, request: Request) -> Answer:
        """List the only version."""
        return 300, {'versions': [_version(request)]}

    @route('GET', '/v3', anonymous=True)
    @route('GET', '/v3/', anonymous=True)
    def version(self, request: Request) -> Answer:
        """Show the only version."""
        return {'versions': [_version(request)]}

    # ====== VOLUMES ======

    @route('GET', '/v3/volumes')
    @route('GET', '/v3/volumes/detail')
    def volumes(self, request: Request) -> Answer:
        """List the project's volumes."""
        return page(
            request,
            'volumes',
            self.state.volumes.all(request.project_id),
            lambda volume: self.view(request, volume),
        )

    @route('GET', '/v3/volumes/<volume_id>')
    def volume(self, request: Request, volume_id: str) -> Answer:
        """Show one volume."""
        return {'volume': self.view(request, self.find(request, volume_id))}

    @route('PUT', '/v3/volumes/<volume_id>')
    def update(self, request: Request, volume_id: str) -> Answer:
        """Give a volume another name, description or metadata."""
        body = nova_style.part(request, 'volume')
        with self.state.transaction():
            volume = self.find(request, volume_id)
            volume.name = nova_style.name(body.get('name'), volume.name)
            if 'description' in body:
                volume.description = nova_style.description(
                    body['description']
                )
            if 'metadata' in body:
                volume.metadata = nova_style.metadata(body['metadata'])
            self.state.volumes.save(volume)
        return {'volume': self.view(request, volume)}

    @route('DELETE', '/v3/volumes/<volume_id>')
    def delete(self, request: Request, volume_id: str) -> Answer:
        """Delete a volume that nothing uses."""
        with self.state.transaction():
            volume = self.find(request, volume_id)
            if volume.status not in _DELETABLE:
                raise BadRequest(
                    f"Invalid volume: Volume status must be "
                    f"{' or '.join(_DELETABLE)}, but it is {volume.status}."
                )
            self.state.volumes.delete(volume.id)
        return 202, None

    @route('POST', '/v3/volumes/<volume_id>/action')
    def act(self, request: Request, volume_id: str) -> Answer:
        """Enlarge a volume."""
        body = nova_style.part(request, 'os-extend')
        size = body.get('new_size')
        with self.state.transaction():
            volume = self.find(request, volume_id)
            if type(size) is not int or size <= volume.size:
                raise BadRequest(
                    f"Invalid input received: New size for extend must be "
                    f"greater than current size. (current: {volume.size}, "
                    f"extended: {size})."
                )
            if volume.status not in ('available', 'in-use'):
                raise BadRequest(f"Invalid volume: it is {volume.status}.")
            volume.size = size
            self.state.volumes.save(volume)
        return 202, None

    # ====== METADATA ======

    @route('GET', '/v3/volumes/<volume_id>/metadata')
    def metadata(self, request: Request, volume_id: str) -> Answer:
        """Show what its user says about a volume."""
        return {'metadata': self.find(request, volume_id).metadata}

    @route('POST', '/v3/volumes/<volume_id>/metadata')
    @route('PUT', '/v3/volumes/<volume_id>/metadata')
    def set_metadata(self, request: Request, volume_id: str) -> Answer:
        """Say more about a volume, or something else with PUT."""
        given = request.json_object().get('metadata')
        with self.state.transaction():
            volume = self.find(request, volume_id)
            present = {} if request.method == 'PUT' else volume.metadata
            volume.metadata = nova_style.metadata(given, present)
            self.state.volumes.save(volume)
        return {'metadata': volume.metadata}

    @route('DELETE', '/v3/volumes/<volume_id>/metadata/<key>')
    def delete_metadata(
        self, request: Request, volume_id: str, key: str
    ) -> Answer:
        """Say one thing less about a volume."""
        with self.state.transaction():
            volume = self.find(request, volume_id)
            if volume.metadata.pop(key, None) is None:
                raise NotFound("Metadata item was not found.")
            self.state.volumes.save(volume)
        return 200, None

    # ====== ONE VOLUME ======

    def find(self, request: Request, volume_id: str) -> Volume:
        """Return one of the project's volumes.

        :raises: :class:`~ims_ext.emulator.errors.NotFound`
        """
        found = self.state.volumes.get(volume_id, request.project_id)
        if found is None:
            raise NotFound(f"Volume {volume_id} could not be found.")
        return found

    def view(self, request: Request, volume: Volume) -> dict[str, Any]:
        """Return a volume as it is shown."""
        view: dict[str, Any] = {
            'id': volume.id,
            'name': volume.name,
            'description': volume.description,
            'status': volume.status,
            'size': volume.size,
            'volume_type': VOLUME_TYPE,
            'bootable': str(volume.os_version is not None).lower(),
            'encrypted': volume.key_id is not None,
            'multiattach': False,
            'availability_zone': f'{request.region}a',
            'user_id': request.caller.user_id,
            'os-vol-tenant-attr:tenant_id': volume.project_id,
            'created_at': volume.created_at,
            'updated_at': volume.updated_at,
            'snapshot_id': None,
            'source_volid': None,
            'consistencygroup_id': None,
            'replication_status': None,
            'metadata': volume.metadata,
            'attachments': _attachments(volume),
            'links': nova_style.links(request, _ROOT, f'volumes/{volume.id}'),
        }
        if volume.key_id:
            # How these clouds say it.
            view['metadata'] = {
                **volume.metadata,
                '__system__encrypted': '1',
                '__system__cmkid': volume.key_id,
            }
        known = _image_metadata(volume)
        if known:
            view['volume_image_metadata'] = known
        return view


def _version(request: Request) -> dict[str, Any]:
    found = nova_style.version(request, VERSION, _ROOT, '2018-07-17T00:00:00Z')
    return {**found, 'media-types': []}


def _image_metadata(volume: Volume) -> dict[str, str]:
    if volume.image_metadata or volume.os_version is None:
        return volume.image_metadata
    return os_attributes(volume.os_version)


def _attachments(volume: Volume) -> list[dict[str, Any]]:
    if volume.server_id is None:
        return []
    return [
        {
            'id': volume.id,
            'attachment_id': volume.id,
            'volume_id': volume.id,
            'server_id': volume.server_id,
            'device': volume.device,
            'host_name': None,
            'attached_at': volume.created_at,
        }
    ]
