# SPDX-License-Identifier: Apache-2.0
"""A small Cinder: the volumes and backups that images can be made of.

The clouds list backups of servers in services of their own, CSBS and CBR.
Here they are among the backups of volumes, to be looked up there.
"""

from typing import Any

from ims_ext.emulator.api.image_attributes import os_attributes
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack.record_page import page
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Volume

#: The only microversion.
VERSION = '3.0'

_TYPE = 'SSD'


class BlockStorageApi:
    """Volumes and backups, to look at."""

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
            lambda volume: self._volume(request, volume),
        )

    @route('GET', '/v3/volumes/<volume_id>')
    def volume(self, request: Request, volume_id: str) -> Answer:
        """Show one volume."""
        found = self.state.volumes.get(volume_id, request.project_id)
        if found is None:
            raise NotFound(f"Volume {volume_id} could not be found.")
        return {'volume': self._volume(request, found)}

    def _volume(self, request: Request, volume: Volume) -> dict[str, Any]:
        view: dict[str, Any] = {
            'id': volume.id,
            'name': volume.name,
            'description': None,
            'status': volume.status,
            'size': volume.size,
            'volume_type': _TYPE,
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
            'metadata': {},
            'attachments': _attachments(volume),
            'links': _links(request, f'volumes/{volume.id}'),
        }
        if volume.key_id:
            # How these clouds say it.
            view['metadata'] = {
                '__system__encrypted': '1',
                '__system__cmkid': volume.key_id,
            }
        if volume.os_version:
            view['volume_image_metadata'] = os_attributes(volume.os_version)
        return view

    # ====== BACKUPS ======

    @route('GET', '/v3/backups')
    @route('GET', '/v3/backups/detail')
    def backups(self, request: Request) -> Answer:
        """List the backups of the project's servers."""
        return page(
            request,
            'backups',
            self.state.backups.all(request.project_id),
            lambda backup: self._backup(request, backup),
        )

    @route('GET', '/v3/backups/<backup_id>')
    def backup(self, request: Request, backup_id: str) -> Answer:
        """Show one backup."""
        found = self.state.backups.get(backup_id, request.project_id)
        if found is None:
            raise NotFound(f"Backup {backup_id} could not be found.")
        return {'backup': self._backup(request, found)}

    def _backup(self, request: Request, backup: Backup) -> dict[str, Any]:
        system_disk = next(
            (
                volume.id
                for volume in self.state.volumes.of_server(backup.server_id)
                if volume.is_system_disk
            ),
            None,
        )
        return {
            'id': backup.id,
            'name': backup.name,
            'description': (
                f'{backup.kind} backup of server {backup.server_id}'
            ),
            'status': backup.status,
            'size': backup.size,
            'volume_id': system_disk,
            'container': backup.vault_id,
            'availability_zone': f'{request.region}a',
            'created_at': backup.created_at,
            'updated_at': backup.updated_at,
            'data_timestamp': backup.created_at,
            'fail_reason': None,
            'has_dependent_backups': False,
            'is_incremental': False,
            'object_count': 0,
            'snapshot_id': None,
            'links': _links(request, f'backups/{backup.id}'),
        }


def _version(request: Request) -> dict[str, Any]:
    return {
        'id': f'v{VERSION}',
        'status': 'CURRENT',
        'version': VERSION,
        'min_version': VERSION,
        'updated': '2018-07-17T00:00:00Z',
        'links': [{'rel': 'self', 'href': f'{request.root}/v3/'}],
        'media-types': [],
    }


def _links(request: Request, path: str) -> list[dict[str, str]]:
    return [
        {'rel': 'self', 'href': f'{request.root}/v3/{path}'},
        {'rel': 'bookmark', 'href': f'{request.root}/{path}'},
    ]


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
