# SPDX-License-Identifier: Apache-2.0
"""Servers made of images, and of volumes that servers can boot from."""

import dataclasses
from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.openstack import source_image
from ims_ext.emulator.openstack.flavor import FLAVORS
from ims_ext.emulator.openstack.volume_creation import new_volume
from ims_ext.emulator.openstack.volume_creation import volume_size
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import Volume
from ims_ext.emulator.state.server import SYSTEM_DEVICE

#: GiB of a system disk where neither image nor client says how many.
_SYSTEM_SIZE = 40
#: How many servers one request makes at most, and how many disks one has.
_SERVERS = 20
_DISKS = 24

_SOURCES = ('image', 'volume', 'blank')


@dataclasses.dataclass
class _Disk:
    """A disk of a server that is to be made, which is not kept yet.

    :ivar volume: An existing one where it has an ID.
    :ivar image: The image that it is made of, or ``None``.
    """

    volume: Volume
    image: Image | None = None


class ServerCreationApi:
    """Creating servers, which all boot from a volume."""

    mount = COMPUTE
    project_version = '/v2.1'
    dialect = Dialect.COMPUTE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('POST', '/v2.1/servers')
    @route('POST', '/v2.1/os-volumes_boot')
    def create(self, request: Request) -> Answer:
        """Make servers, which are being built for as long as a job runs."""
        made = self.make(request, nova_style.part(request, 'server'))
        path = f'servers/{made[0].id}'
        return 202, {
            'server': {
                'id': made[0].id,
                'links': nova_style.links(request, '/v2.1', path),
                'OS-DCF:diskConfig': 'MANUAL',
                'security_groups': [{'name': 'default'}],
                'adminPass': self.state.ids.text('password', made[0].id, 9),
            }
        }

    def make(self, request: Request, body: dict[str, Any]) -> list[Server]:
        """Make servers, as of Nova's ``server`` in a body.

        :raises: :class:`~ims_ext.emulator.errors.BadRequest`
        """
        name = nova_style.name(body.get('name'))
        if not name:
            raise BadRequest("A server has a name.")
        count = _count(body)
        _check_flavor(body.get('flavorRef'))
        with self.state.transaction():
            return [
                self._new_server(
                    request,
                    body,
                    name if count == 1 else f'{name}-{number}',
                )
                for number in range(1, count + 1)
            ]

    def _new_server(
        self, request: Request, body: dict[str, Any], name: str
    ) -> Server:
        disks = self._disks(request, body, name)
        system = disks[0]
        if system.volume.os_version is None:
            raise BadRequest(
                "The server cannot boot: there is no operating system on its "
                "first disk."
            )
        image_id = (
            system.image.id
            if system.image
            else system.volume.image_metadata.get('image_id')
        )
        if system.image is not None:
            _check_memory(system.image, body['flavorRef'])
        server = self.state.servers.add(
            Server(
                project_id=request.project_id,
                name=name,
                status='BUILD',
                task_state='spawning',
                flavor_id=body['flavorRef'],
                image_id=image_id,
                os_version=system.volume.os_version,
                metadata=nova_style.metadata(body.get('metadata')),
                settles_at=self.service.clock()
                + self.service.settings.job_seconds,
            )
        )
        for number, disk in enumerate(disks):
            self._attach(disk.volume, server, number)
        return server

    def _attach(self, volume: Volume, server: Server, number: int) -> None:
        volume.server_id = server.id
        volume.device = f'{SYSTEM_DEVICE[:-1]}{chr(ord("a") + number)}'
        volume.status = 'in-use'
        volume.settles_at = None
        if volume.id:
            self.state.volumes.save(volume)
        else:
            self.state.volumes.add(volume)

    # ====== DISKS ======

    def _disks(
        self, request: Request, body: dict[str, Any], name: str
    ) -> list[_Disk]:
        """Return the disks, the one that the server boots from first."""
        given = body.get('block_device_mapping_v2') or []
        if (
            not isinstance(given, list)
            or len(given) > _DISKS
            or not all(isinstance(each, dict) for each in given)
        ):
            raise BadRequest(
                f"block_device_mapping_v2 is a list of at most {_DISKS} "
                f"objects."
            )
        first = [each for each in given if _boot_index(each) == 0]
        others = [each for each in given if _boot_index(each) != 0]
        if len(first) > 1:
            raise BadRequest("Only one block device has the boot_index 0.")
        if not first and not body.get('imageRef'):
            raise BadRequest(
                "Invalid imageRef provided: the server is made of an image, "
                "or of a block device with the boot_index 0."
            )
        system = first[0] if first else _image_mapping(body['imageRef'])
        disks = [self._disk(request, system, name)]
        whole = disks[0].image
        disks += [self._disk(request, each, name) for each in others]
        if whole is not None and whole.get('__whole_image') == 'true':
            disks += self._backed_up(whole, name)
        ids = [disk.volume.id for disk in disks if disk.volume.id]
        if len(ids) != len(set(ids)):
            raise BadRequest("A volume is named twice.")
        return disks

    def _disk(
        self, request: Request, mapping: dict[str, Any], name: str
    ) -> _Disk:
        source = mapping.get('source_type', 'volume')
        if source not in _SOURCES:
            raise BadRequest(
                f"A block device is made of {', '.join(_SOURCES[:-1])} or "
                f"{_SOURCES[-1]}."
            )
        if source == 'volume':
            return _Disk(self._free_volume(request, mapping))
        image = None
        size = mapping.get('volume_size')
        if source == 'image':
            image = source_image.source_image(
                self.state, mapping.get('uuid'), request.project_id
            )
            if size is None:
                least = (image.get('min_disk') and 1) or _SYSTEM_SIZE
                size = max(source_image.smallest_disk(image), least)
        volume = new_volume(
            self.state, request.project_id, name, volume_size(size), image
        )
        # Nova's default for what it makes itself is to keep it.
        volume.ends_with_server = bool(mapping.get('delete_on_termination'))
        return _Disk(volume, image)

    def _free_volume(
        self, request: Request, mapping: dict[str, Any]
    ) -> Volume:
        volume_id = mapping.get('uuid') or mapping.get('volume_id')
        volume = self.state.volumes.get(volume_id, request.project_id)
        if volume is None:
            raise BadRequest(
                f"Block Device Mapping is Invalid: failed to get volume "
                f"{volume_id}."
            )
        if volume.status != 'available':
            raise BadRequest(
                f"Invalid volume: status of volume {volume.id} must be "
                f"'available', but it is '{volume.status}'."
            )
        volume.ends_with_server = bool(mapping.get('delete_on_termination'))
        return volume

    def _backed_up(self, image: Image, name: str) -> list[_Disk]:
        """Return the other disks of a full-server image, as one."""
        backup = self.state.backups.get(image.get('__backup_id'), image.owner)
        rest = backup.size - backup.system_size if backup else 0
        if rest < 1:
            return []
        data = Volume(project_id=image.owner, name=f'{name}-data', size=rest)
        data.ends_with_server = True
        return [_Disk(data)]


def _image_mapping(image_id: Any) -> dict[str, Any]:
    """Return the block device that a plain server boots from."""
    return {
        'source_type': 'image',
        'uuid': image_id,
        'delete_on_termination': True,
    }


def _boot_index(mapping: dict[str, Any]) -> int | None:
    index = mapping.get('boot_index')
    try:
        return None if index is None else int(index)
    except (TypeError, ValueError) as error:
        raise BadRequest("boot_index must be a whole number.") from error


def _count(body: dict[str, Any]) -> int:
    count = body.get('max_count') or body.get('min_count') or 1
    if type(count) is not int or not 1 <= count <= _SERVERS:
        raise BadRequest(f"A request makes 1 to {_SERVERS} servers.")
    return count


def _check_flavor(flavor_id: Any) -> None:
    if not isinstance(flavor_id, str) or flavor_id not in FLAVORS:
        raise BadRequest("Invalid flavorRef provided.")


def _check_memory(image: Image, flavor_id: str) -> None:
    memory = FLAVORS[flavor_id][1]
    if memory < (image.get('min_ram') or 0):
        raise BadRequest("Flavor's memory is too small for requested image.")
