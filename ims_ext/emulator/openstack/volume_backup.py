# SPDX-License-Identifier: Apache-2.0
"""Cinder's backups, of which some are servers', and what it has beside them.

The clouds list backups of servers in services of their own, CSBS and CBR.
Here they are among the backups of volumes as well, to be looked up there.
"""

from typing import Any
import uuid

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.openstack.block_storage import VOLUME_TYPE
from ims_ext.emulator.openstack.record_page import page
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Backup

#: The type's ID is the same in every emulator.
_NAMESPACE = uuid.UUID('2b6d0a6e-5f1b-4a55-9c8e-0d4b5b6a7c11')


class VolumeBackupsApi:
    """Backups, to look at; types, zones and limits; no snapshots."""

    mount = BLOCK_STORAGE
    project_version = '/v3'
    dialect = Dialect.COMPUTE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

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
            'links': nova_style.links(request, '/v3', f'backups/{backup.id}'),
        }

    # ====== WHAT ELSE ONE MAY ASK ======

    @route('GET', '/v3/snapshots')
    @route('GET', '/v3/snapshots/detail')
    def snapshots(self, request: Request) -> Answer:
        """List the snapshots, of which there are none."""
        return {'snapshots': []}

    @route('GET', '/v3/types')
    def types(self, request: Request) -> Answer:
        """List the only type."""
        return {'volume_types': [_type()]}

    @route('GET', '/v3/types/<type_id>')
    def type(self, request: Request, type_id: str) -> Answer:
        """Show the only type, which is also the default one."""
        if type_id not in ('default', _type()['id']):
            raise NotFound(f"Volume type {type_id} could not be found.")
        return {'volume_type': _type()}

    @route('GET', '/v3/os-availability-zone')
    def zones(self, request: Request) -> Answer:
        """List the only zone."""
        return {
            'availabilityZoneInfo': [
                {
                    'zoneName': f'{request.region}a',
                    'zoneState': {'available': True},
                }
            ]
        }

    @route('GET', '/v3/limits')
    def limits(self, request: Request) -> Answer:
        """Show what the project uses, of which it may have any number."""
        volumes = self.state.volumes.all(request.project_id)
        return {
            'limits': {
                'rate': [],
                'absolute': {
                    'maxTotalVolumes': -1,
                    'maxTotalVolumeGigabytes': -1,
                    'totalVolumesUsed': len(volumes),
                    'totalGigabytesUsed': sum(each.size for each in volumes),
                },
            }
        }


def _type() -> dict[str, Any]:
    return {
        'id': uuid.uuid5(_NAMESPACE, VOLUME_TYPE).hex,
        'name': VOLUME_TYPE,
        'description': None,
        'is_public': True,
        'extra_specs': {},
    }
