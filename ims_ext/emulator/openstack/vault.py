# SPDX-License-Identifier: Apache-2.0
"""The vaults of the backup service (CBR)."""

from collections.abc import Sequence
import re
from typing import Any

from ims_ext.emulator.errors import BackupError
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import BACKUP
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import State
from ims_ext.emulator.state import Vault
from ims_ext.emulator.work import vault as vault_room

#: Types of resources, by the kind of the vault that they can belong to.
RESOURCE_TYPES = {
    'server': 'OS::Nova::Server',
    'disk': 'OS::Cinder::Volume',
}
#: GiB that a vault may have.
_SIZES = range(1, 10_485_760 + 1)

_NAME = re.compile(r'[A-Za-z0-9_\u4e00-\u9fff-]{1,64}')
_MAX_DESCRIPTION = 255
_MAX_TAGS = 10
_PAGE = 1000


class VaultsApi:
    """Vaults: made, listed, shown, changed, filled and deleted."""

    mount = BACKUP
    dialect = Dialect.BACKUP
    project_version = '/v3'

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    # ====== DISCOVERY ======

    @route('GET', '/', anonymous=True)
    def versions(self, request: Request) -> Answer:
        """List the only version."""
        return {'versions': [_version(request)]}

    @route('GET', '/v3', anonymous=True)
    @route('GET', '/v3/', anonymous=True)
    def version(self, request: Request) -> Answer:
        """Show the only version."""
        return {'version': _version(request)}

    # ====== VAULTS ======

    @route('POST', '/v3/vaults')
    def create(self, request: Request) -> Answer:
        """Make a vault, with or without what is to be backed up into it."""
        body = nova_style.part(request, 'vault')
        billing = body.get('billing')
        if not isinstance(billing, dict):
            raise BadRequest("A vault has billing.")
        object_type = billing.get('object_type')
        if object_type not in RESOURCE_TYPES:
            raise BadRequest(
                f"object_type is {' or '.join(RESOURCE_TYPES)}, since there "
                f"is nothing else to be backed up."
            )
        if billing.get('protect_type', 'backup') != 'backup':
            raise BadRequest("Vaults are for backups: protect_type is backup.")
        vault = Vault(
            project_id=request.project_id,
            name=_name(body.get('name')),
            object_type=object_type,
            size=_size(billing.get('size')),
            description=_description(body.get('description')),
            auto_expand=_flag('auto_expand', body.get('auto_expand')),
            tags=_tags(body.get('tags')),
        )
        with self.state.transaction():
            self._add(vault, body.get('resources') or [])
            self.state.vaults.add(vault)
        return {'vault': self._view(request, vault)}

    @route('GET', '/v3/vaults')
    def vaults(self, request: Request) -> Answer:
        """List vaults."""
        asked = request.args
        found = [
            vault
            for vault in self.state.vaults.all(request.project_id)
            if asked.get('name') in (None, '', vault.name)
            and asked.get('id') in (None, '', vault.id)
            and asked.get('object_type') in (None, '', vault.object_type)
            and asked.get('protect_type') in (None, '', 'backup')
            and asked.get('status') in (None, '', 'available')
        ]
        wanted = asked.get('resource_ids')
        if wanted:
            ids = set(wanted.split(','))
            found = [each for each in found if ids & {*each.resource_ids}]
        return {
            'vaults': [
                self._view(request, vault) for vault in page(request, found)
            ],
            'count': len(found),
        }

    @route('GET', '/v3/vaults/<vault_id>')
    def show(self, request: Request, vault_id: str) -> Answer:
        """Show a vault."""
        vault = find_vault(self.state, vault_id, request.project_id)
        return {'vault': self._view(request, vault)}

    @route('PUT', '/v3/vaults/<vault_id>')
    def update(self, request: Request, vault_id: str) -> Answer:
        """Give a vault another name or size, or have it grow by itself."""
        body = nova_style.part(request, 'vault')
        with self.state.transaction():
            vault = find_vault(self.state, vault_id, request.project_id)
            if 'name' in body:
                vault.name = _name(body['name'])
            if 'auto_expand' in body:
                vault.auto_expand = _flag('auto_expand', body['auto_expand'])
            size = nova_style.member(body, 'billing').get('size')
            if size is not None:
                vault.size = _size(size)
                if vault.size < vault_room.used(self.state, vault):
                    raise BackupError(
                        'BackupService.6107',
                        "A vault is not smaller than what is in it.",
                    )
            self.state.vaults.save(vault)
        return {'vault': self._view(request, vault)}

    @route('DELETE', '/v3/vaults/<vault_id>')
    def delete(self, request: Request, vault_id: str) -> Answer:
        """Delete a vault with all that is in it."""
        with self.state.transaction():
            vault = find_vault(self.state, vault_id, request.project_id)
            for backup in self.state.backups.all(request.project_id):
                if backup.vault_id == vault.id:
                    self.state.backups.delete(backup.id)
            self.state.vaults.delete(vault.id)
        return 204, None

    # ====== WHAT BELONGS TO THEM ======

    @route('POST', '/v3/vaults/<vault_id>/addresources')
    def add_resources(self, request: Request, vault_id: str) -> Answer:
        """Have servers or volumes belong to a vault."""
        resources = request.json_object().get('resources')
        with self.state.transaction():
            vault = find_vault(self.state, vault_id, request.project_id)
            added = self._add(vault, resources)
            self.state.vaults.save(vault)
        return {'add_resource_ids': added}

    @route('POST', '/v3/vaults/<vault_id>/removeresources')
    def remove_resources(self, request: Request, vault_id: str) -> Answer:
        """Have servers or volumes not belong to a vault any more."""
        ids = request.json_object().get('resource_ids')
        if not isinstance(ids, list):
            raise BadRequest("resource_ids is a list.")
        with self.state.transaction():
            vault = find_vault(self.state, vault_id, request.project_id)
            for each in ids:
                if each not in vault.resource_ids:
                    raise BackupError(
                        'BackupService.6109',
                        f"The resource {each} is not in the vault.",
                    )
                vault.resource_ids.remove(each)
            self.state.vaults.save(vault)
        return {'remove_resource_ids': ids}

    def _add(self, vault: Vault, resources: Any) -> Sequence[str]:
        """Have resources belong to a vault, which the caller keeps.

        :raises: :class:`~ims_ext.emulator.errors.BackupError`
        """
        if not isinstance(resources, list) or not all(
            isinstance(each, dict) for each in resources
        ):
            raise BadRequest("resources is a list of objects.")
        added = [str(each.get('id')) for each in resources]
        for resource in resources:
            self._check(vault, resource)
        if len({*added, *vault.resource_ids}) < (
            len(added) + len(vault.resource_ids)
        ):
            raise BackupError('BackupService.6104', "Duplicate resource.")
        vault.resource_ids += added
        if len(vault.resource_ids) > vault_room.RESOURCE_LIMIT:
            raise BackupError(
                'BackupService.6100',
                f"Resources of vault over limit: {vault_room.RESOURCE_LIMIT}.",
            )
        return added

    def _check(self, vault: Vault, resource: dict[str, Any]) -> None:
        kind = vault.object_type
        resource_id = resource.get('id')
        if resource.get('type') != RESOURCE_TYPES[kind]:
            raise BackupError(
                'BackupService.6102',
                f"A vault for a {kind} takes {RESOURCE_TYPES[kind]} only.",
            )
        records = (
            self.state.servers if kind == 'server' else self.state.volumes
        )
        if records.get(resource_id, vault.project_id) is None:
            raise BackupError(
                'BackupService.6110', f"There is no {kind} {resource_id}."
            )
        other = self.state.vaults.of_resource(
            str(resource_id), vault.project_id
        )
        if other is not None and other.id != vault.id:
            raise BackupError(
                'BackupService.6103', "Resource already in other vault."
            )

    # ====== HOW THEY LOOK ======

    def _view(self, request: Request, vault: Vault) -> dict[str, Any]:
        resources = [
            self._resource_view(vault, resource_id)
            for resource_id in vault.resource_ids
        ]
        return {
            'id': vault.id,
            'name': vault.name,
            'description': vault.description,
            'project_id': vault.project_id,
            # Who has made it does not matter to anybody.
            'user_id': request.caller.user_id,
            'provider_id': '0daac4c5-6707-4851-97ba-169e36266b66',
            'created_at': vault.created_at.removesuffix('Z'),
            'auto_bind': False,
            'auto_expand': vault.auto_expand,
            'bind_rules': {},
            'enterprise_project_id': '0',
            'resources': resources,
            'tags': vault.tags,
            'billing': {
                'allocated': sum(each['size'] for each in resources),
                'charging_mode': 'post_paid',
                'cloud_type': 'public',
                'consistent_level': 'crash_consistent',
                'object_type': vault.object_type,
                'protect_type': 'backup',
                'size': vault.size,
                'spec_code': f'vault.backup.{vault.object_type}.normal',
                'status': 'available',
                # In MiB, other than all the rest.
                'used': 1024 * vault_room.used(self.state, vault),
            },
        }

    def _resource_view(self, vault: Vault, resource_id: str) -> dict[str, Any]:
        if vault.object_type == 'server':
            record: Any = self.state.servers.get(resource_id, vault.project_id)
            size = vault_room.server_size(self.state, resource_id)
        else:
            record = self.state.volumes.get(resource_id, vault.project_id)
            size = record.size if record else 0
        backups = [
            backup
            for backup in self.state.backups.of_server(resource_id)
            if backup.vault_id == vault.id
        ]
        return {
            'id': resource_id,
            'type': RESOURCE_TYPES[vault.object_type],
            'name': record.name if record else '',
            'size': size,
            'protect_status': 'available',
            'backup_count': len(backups),
            'backup_size': sum(backup.size for backup in backups),
            'extra_info': {},
        }


def find_vault(state: State, vault_id: Any, project_id: str) -> Vault:
    """Return one of a project's vaults.

    :raises: :class:`~ims_ext.emulator.errors.BackupError`
    """
    vault = state.vaults.get(vault_id, project_id)
    if vault is None:
        raise BackupError('BackupService.6105', "Vault Not Found", 404)
    return vault


def page(request: Request, found: Sequence[Any]) -> Sequence[Any]:
    """Return the records of a list that ``limit`` and ``offset`` ask for.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    limit, offset = (
        _number(name, request.args.get(name, default))
        for name, default in (('limit', str(_PAGE)), ('offset', '0'))
    )
    return found[offset : offset + min(limit, _PAGE)]


def _number(name: str, value: str) -> int:
    if not value.isdecimal() or len(value) > 9:
        raise BadRequest(f"{name} must be a whole number.")
    return int(value)


def _version(request: Request) -> dict[str, Any]:
    return nova_style.version(request, '3.0', '/v3', '2019-05-20T00:00:00Z')


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BadRequest("name is 1 to 64 letters, digits, _ and -.")
    return value


def _size(value: Any) -> int:
    if type(value) is not int or value not in _SIZES:
        raise BackupError(
            'BackupService.6101',
            f"The size of a vault is {_SIZES[0]} to {_SIZES[-1]} GB.",
        )
    return int(value)


def _description(value: Any) -> str:
    value = value or ''
    if not isinstance(value, str) or len(value) > _MAX_DESCRIPTION:
        raise BadRequest(
            f"description is a text of at most {_MAX_DESCRIPTION} characters."
        )
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise BadRequest(f"{name} is true or false.")
    return bool(value)


def _tags(value: Any) -> list[dict[str, str]]:
    value = value or []
    if (
        not isinstance(value, list)
        or len(value) > _MAX_TAGS
        or not all(
            isinstance(each, dict)
            and each.keys() == {'key', 'value'}
            and all(isinstance(text, str) for text in each.values())
            for each in value
        )
    ):
        raise BadRequest(
            f"tags is a list of at most {_MAX_TAGS} objects with key and "
            f"value."
        )
    return value
