# SPDX-License-Identifier: Apache-2.0
"""The room in vaults, and who may have their backups in one."""

from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import State
from ims_ext.emulator.state import Vault
from ims_ext.emulator.state.vault import SERVER
from ims_ext.emulator.work.image_export import is_whole

#: How many servers or volumes belong to a vault at most.
RESOURCE_LIMIT = 256


def used(state: State, vault: Vault) -> int:
    """Return how much backups take of a vault, in GiB."""
    return sum(
        backup.size
        for backup in state.backups.all(vault.project_id)
        if backup.vault_id == vault.id
    )


def has_room(state: State, vault: Vault, size: int) -> bool:
    """Whether a backup finds room in a vault.

    :param size: GiB.
    """
    return vault.auto_expand or used(state, vault) + size <= vault.size


def server_size(state: State, server_id: str) -> int:
    """Return the GiB of all disks of a server."""
    return sum(volume.size for volume in state.volumes.of_server(server_id))


def server_vault(state: State, vault_id: object, project_id: str) -> Vault:
    """Return a vault for backups of servers.

    :raises: IMG.0184 for an unknown one, IMG.0193 for one of another kind.
    """
    vault = state.vaults.get(vault_id, project_id)
    if vault is None:
        raise ImsError('IMG.0184')
    if vault.object_type != SERVER:
        raise ImsError('IMG.0193')
    return vault


def enter(state: State, vault: Vault, server: Server) -> None:
    """Have a server belong to a vault, in which it will be backed up.

    :raises: IMG.0183 for one that belongs to another vault, IMG.0185 where
        the vault has as many as it can have, IMG.0182 for one that is full.
    """
    other = state.vaults.of_resource(server.id, server.project_id)
    if other is not None and other.id != vault.id:
        raise ImsError('IMG.0183')
    if not has_room(state, vault, server_size(state, server.id)):
        raise ImsError('IMG.0182')
    if other is None:
        if len(vault.resource_ids) >= RESOURCE_LIMIT:
            raise ImsError('IMG.0185')
        vault.resource_ids.append(server.id)
        state.vaults.save(vault)


def check_acceptance(
    state: State, image: Image, vault_id: object, project_id: str
) -> None:
    """Refuse to accept a shared full-ECS image without a vault for it.

    Its backup has to be copied to somewhere.

    :param project_id: The project that accepts it.
    :raises: IMG.0184 without a vault, and as :func:`room_for_copy`.
    """
    if not is_whole(image):
        return
    if vault_id is None:
        raise ImsError(
            'IMG.0184',
            f"To accept the full-ECS image {image.id}, name a vault.",
        )
    room_for_copy(
        state,
        state.backups.get(image.get('__backup_id'), image.owner),
        vault_id,
        project_id,
    )


def room_for_copy(
    state: State, backup: Backup | None, vault_id: object, project_id: str
) -> None:
    """Refuse a vault that a backup cannot be copied to.

    :param project_id: The project that the vault belongs to.
    :raises: As :func:`server_vault`, and IMG.0182 for one that is full.
    """
    vault = server_vault(state, vault_id, project_id)
    if backup is not None and not has_room(state, vault, backup.size):
        raise ImsError('IMG.0182')
