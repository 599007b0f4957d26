# SPDX-License-Identifier: Apache-2.0
"""Servers, volumes and backups that every project has from the start."""

from collections.abc import Mapping
from typing import Any

from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Key
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import State
from ims_ext.emulator.state import Vault
from ims_ext.emulator.state import Volume
from ims_ext.emulator.state.server import SYSTEM_DEVICE

_CENTOS = 'CentOS 7.6 64bit'
_UBUNTU = 'Ubuntu 18.04 server 64bit'
_SYSTEM_SIZE = 40
_VAULT_SIZE = 1000


def add_servers(
    state: State, project_id: str, images: Mapping[str, str]
) -> None:
    """Give a project servers, volumes and backups.

    There is a server that an image can be made of, ``web``, one that runs,
    ``db``, and one that is busy, ``batch``; volumes that are attached to
    them, and free ones; backups of both services.

    :param images: IDs of images for the servers, by OS version.
    """
    web = _add_server(state, project_id, images, 'web', _CENTOS)
    _add_volume(state, web, 'web-data', 100)
    key = state.keys.add(
        Key(
            project_id=project_id,
            name='disks',
            description="Encrypts the volume db-data",
        )
    )
    database = _add_server(
        state, project_id, images, 'db', _UBUNTU, status='ACTIVE'
    )
    _add_volume(
        state,
        database,
        'db-data',
        200,
        key_id=key.id,
    )
    _add_server(
        state, project_id, images, 'batch', _UBUNTU, task_state='powering-on'
    )
    for volume in (
        Volume(project_id=project_id, name='spare-data', size=10),
        Volume(
            project_id=project_id,
            name='rescued-system',
            size=_SYSTEM_SIZE,
            os_version=_UBUNTU,
        ),
        Volume(
            project_id=project_id, name='broken-data', size=10, status='error'
        ),
    ):
        state.volumes.add(volume)
    vault = state.vaults.add(
        Vault(
            project_id=project_id,
            name='servers',
            size=_VAULT_SIZE,
            resource_ids=[web.id],
        )
    )
    _add_backup(state, web, 'web-csbs', 'CSBS')
    _add_backup(
        state,
        web,
        'web-cbr',
        'CBR',
        vault_id=vault.id,
    )
    _add_backup(state, database, 'db-csbs', 'CSBS', status='error')


def _add_server(
    state: State,
    project_id: str,
    images: Mapping[str, str],
    name: str,
    os_version: str,
    **others: Any,
) -> Server:
    server = state.servers.add(
        Server(
            project_id=project_id,
            name=name,
            flavor_id='s3.medium.2',
            image_id=images.get(os_version),
            os_version=os_version,
            **others,
        )
    )
    _add_volume(
        state,
        server,
        f'{name}-system',
        _SYSTEM_SIZE,
        device=SYSTEM_DEVICE,
        os_version=os_version,
    )
    return server


def _add_volume(
    state: State, server: Server, name: str, size: int, **others: Any
) -> None:
    others.setdefault('device', '/dev/vdb')
    state.volumes.add(
        Volume(
            project_id=server.project_id,
            name=name,
            size=size,
            status='in-use',
            server_id=server.id,
            **others,
        )
    )


def _add_backup(
    state: State, server: Server, name: str, kind: str, **others: Any
) -> None:
    disks = state.volumes.of_server(server.id)
    state.backups.add(
        Backup(
            project_id=server.project_id,
            name=name,
            kind=kind,
            server_id=server.id,
            size=sum(disk.size for disk in disks),
            system_size=_SYSTEM_SIZE,
            os_version=server.os_version,
            image_id=server.image_id,
            **others,
        )
    )
