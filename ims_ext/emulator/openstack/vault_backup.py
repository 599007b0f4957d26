# SPDX-License-Identifier: Apache-2.0
"""The backups in vaults, and the restore points that they are made by."""

from collections.abc import Sequence
from typing import Any

from ims_ext.emulator.api.whole_image import image_of_backup
from ims_ext.emulator.errors import BackupError
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import BACKUP
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.openstack.vault import RESOURCE_TYPES
from ims_ext.emulator.openstack.vault import find_vault
from ims_ext.emulator.openstack.vault import page
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import Vault
from ims_ext.emulator.state.vault import SERVER
from ims_ext.emulator.work import vault as vault_room

#: The service's word for backups that are being made.
_PROTECTING = 'protecting'
#: What lists of backups are filtered by.
_FILTERS = (
    'checkpoint_id',
    'id',
    'name',
    'resource_id',
    'resource_name',
    'resource_type',
    'status',
    'vault_id',
)


class VaultBackupsApi:
    """Backups and restore points; policies and logs, which there are none."""

    mount = BACKUP
    dialect = Dialect.BACKUP
    project_version = '/v3'

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    # ====== RESTORE POINTS ======

    @route('POST', '/v3/checkpoints')
    def create(self, request: Request) -> Answer:
        """Back servers up into their vault."""
        body = nova_style.part(request, 'checkpoint')
        parameters = nova_style.member(body, 'parameters')
        name = nova_style.name(parameters.get('name'), '')
        description = nova_style.description(parameters.get('description'))
        project_id = request.project_id
        with self.state.transaction():
            vault = find_vault(self.state, body.get('vault_id'), project_id)
            if vault.object_type != SERVER:
                raise BackupError(
                    'BackupService.6102',
                    "Only servers are backed up here, and no volumes alone.",
                )
            servers = self._servers(vault, parameters)
            point = self.state.ids.uuid('checkpoint', project_id)
            for server in servers:
                self._add(vault, server, name, description, point)
        return {'checkpoint': self._point_view(vault, point, servers)}

    @route('GET', '/v3/checkpoints/<point_id>')
    def show_point(self, request: Request, point_id: str) -> Answer:
        """Show a restore point."""
        backups = [
            backup
            for backup in self.state.backups.all(request.project_id)
            if backup.checkpoint_id == point_id
        ]
        if not backups:
            raise BackupError(
                'BackupService.6201', "There is no such restore point.", 404
            )
        vault = find_vault(self.state, backups[0].vault_id, request.project_id)
        servers = [
            server
            for backup in backups
            if (
                server := self.state.servers.get(
                    backup.server_id, request.project_id
                )
            )
        ]
        done = all(backup.status != 'creating' for backup in backups)
        view = self._point_view(vault, point_id, servers)
        return {
            'checkpoint': {
                **view,
                'status': 'available' if done else _PROTECTING,
            }
        }

    def _servers(
        self, vault: Vault, parameters: dict[str, Any]
    ) -> list[Server]:
        """Return the servers to back up: all of the vault's, or some.

        :raises: :class:`~ims_ext.emulator.errors.BackupError`
        """
        details = parameters.get('resource_details') or []
        named = parameters.get('resources') or []
        if not isinstance(details, list) or not isinstance(named, list):
            raise BadRequest("resources and resource_details are lists.")
        wanted = named + [
            each.get('id') if isinstance(each, dict) else None
            for each in details
        ]
        servers = []
        for server_id in wanted or vault.resource_ids:
            if server_id not in vault.resource_ids:
                raise BackupError(
                    'BackupService.6109',
                    f"The resource {server_id} is not in the vault.",
                )
            server = self.state.servers.get(server_id, vault.project_id)
            if server is not None:
                servers.append(server)
        if not servers:
            raise BackupError(
                'BackupService.0001', "No resource is available for backup."
            )
        return servers

    def _add(
        self,
        vault: Vault,
        server: Server,
        name: str,
        description: str | None,
        point: str,
    ) -> None:
        disks = self.state.volumes.of_server(server.id)
        system = next((disk for disk in disks if disk.is_system_disk), None)
        size = sum(disk.size for disk in disks)
        if not vault_room.has_room(self.state, vault, size):
            raise BackupError(
                'BackupService.6107', "The vault has no room for the backup."
            )
        self.state.backups.add(
            Backup(
                project_id=vault.project_id,
                name=name or f'{server.name}-backup',
                description=description,
                kind='CBR',
                status='creating',
                server_id=server.id,
                vault_id=vault.id,
                checkpoint_id=point,
                size=size,
                system_size=system.size if system else 0,
                os_version=server.os_version,
                image_id=server.image_id,
                key_id=system.key_id if system else None,
                settles_at=self.service.clock()
                + self.service.settings.job_seconds,
            )
        )

    def _point_view(
        self, vault: Vault, point: str, servers: list[Server]
    ) -> dict[str, Any]:
        return {
            'id': point,
            'project_id': vault.project_id,
            'status': _PROTECTING,
            'vault': {
                'id': vault.id,
                'name': vault.name,
                'resources': [
                    {
                        'id': server.id,
                        'name': server.name,
                        'type': RESOURCE_TYPES[SERVER],
                        'resource_size': str(
                            vault_room.server_size(self.state, server.id)
                        ),
                        'protect_status': 'available',
                    }
                    for server in servers
                ],
                'skipped_resources': [],
            },
        }

    # ====== BACKUPS ======

    @route('GET', '/v3/backups')
    def backups(self, request: Request) -> Answer:
        """List the backups in vaults."""
        filters = {
            name: value
            for name, value in request.args.items()
            if name in _FILTERS
        }
        views = [
            self._view(request, backup) for backup in self._backups(request)
        ]
        found = [
            view
            for view in views
            if all(view[name] == value for name, value in filters.items())
        ]
        return {'backups': page(request, found), 'count': len(found)}

    @route('GET', '/v3/backups/<backup_id>')
    def show(self, request: Request, backup_id: str) -> Answer:
        """Show a backup."""
        backup = self._backup(request, backup_id)
        return {'backup': self._view(request, backup)}

    @route('DELETE', '/v3/backups/<backup_id>')
    def delete(self, request: Request, backup_id: str) -> Answer:
        """Delete a backup that no image is made of."""
        with self.state.transaction():
            backup = self._backup(request, backup_id)
            if image_of_backup(self.state, backup) is not None:
                raise BackupError(
                    'BackupService.6202', "An image is made of the backup."
                )
            self.state.backups.delete(backup.id)
        return 204, None

    def _backups(self, request: Request) -> Sequence[Backup]:
        return [
            backup
            for backup in self.state.backups.all(request.project_id)
            if backup.kind == 'CBR'
        ]

    def _backup(self, request: Request, backup_id: str) -> Backup:
        for backup in self._backups(request):
            if backup.id == backup_id:
                return backup
        raise BackupError(
            'BackupService.6201', f"There is no backup {backup_id}.", 404
        )

    def _view(self, request: Request, backup: Backup) -> dict[str, Any]:
        server = self.state.servers.get(backup.server_id, backup.project_id)
        creating = backup.status == 'creating'
        created = backup.created_at.removesuffix('Z')
        return {
            'id': backup.id,
            'name': backup.name,
            'description': backup.description or '',
            'project_id': backup.project_id,
            'provider_id': '0daac4c5-6707-4851-97ba-169e36266b66',
            'status': _PROTECTING if creating else backup.status,
            'image_type': 'backup',
            'vault_id': backup.vault_id,
            'checkpoint_id': backup.checkpoint_id or backup.id,
            'resource_id': backup.server_id,
            'resource_name': server.name if server else '',
            'resource_size': backup.size,
            'resource_type': RESOURCE_TYPES[SERVER],
            'resource_az': f'{request.region}a',
            'created_at': created,
            'updated_at': backup.updated_at.removesuffix('Z'),
            'protected_at': created,
            'expired_at': None,
            'parent_id': None,
            'children': [],
            'replication_records': [],
            'extend_info': {
                'auto_trigger': False,
                'bootable': True,
                'contain_system_disk': True,
                'encrypted': backup.key_id is not None,
                'incremental': False,
                'supported_restore_mode': 'backup',
                'system_disk': True,
            },
        }

    # ====== WHAT THERE IS NOT ======

    @route('GET', '/v3/policies')
    def policies(self, request: Request) -> Answer:
        """List the policies, of which there are none."""
        return {'policies': [], 'count': 0}

    @route('GET', '/v3/operation-logs')
    def logs(self, request: Request) -> Answer:
        """List the tasks, which nobody keeps."""
        return {'operation_logs': [], 'count': 0}
