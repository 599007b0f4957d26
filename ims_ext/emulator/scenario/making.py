# SPDX-License-Identifier: Apache-2.0
"""A scenario made true: projects, and all that is in them."""

from collections.abc import Callable, Mapping, Sequence
import contextlib
import io
from typing import Any, BinaryIO, cast

from ims_ext.emulator.bucket.store import BucketStore
from ims_ext.emulator.bucket.store import BucketTaken
from ims_ext.emulator.scenario import Scenario
from ims_ext.emulator.scenario.image import ImageMaker
from ims_ext.emulator.seed import DOMAIN
from ims_ext.emulator.seed import project_in
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Key
from ims_ext.emulator.state import Project
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import State
from ims_ext.emulator.state import StateError
from ims_ext.emulator.state import Vault
from ims_ext.emulator.state import Volume
from ims_ext.emulator.state.server import SYSTEM_DEVICE

_NOTE = 'scenario'

#: Images whose indexes are rather made in one go.
_MANY = 1000

_FLAVOR = 's3.medium.2'
_SYSTEM_SIZE = 40
_OS_VERSION = 'Ubuntu 18.04 server 64bit'

Item = Mapping[str, Any]


def make(
    scenario: Scenario,
    state: State,
    buckets: BucketStore,
    regions: Sequence[str],
) -> None:
    """Make what a scenario says, unless the state has it already.

    :param scenario: The scenario.
    :param state: Where it is kept; its users are there already.
    :param buckets: Where its buckets are kept.
    :param regions: The emulator's regions.
    :raises: :class:`~ims_ext.emulator.state.StateError` where the state has
        had another scenario.
    """
    if not scenario.data:
        return
    known = state.notes.get(_NOTE)
    if known is not None and known != scenario.digest:
        raise StateError(
            f"The state directory {state.directory} was begun with another "
            "scenario, or before this one was changed: start without a "
            "scenario to go on with it, or name an empty directory"
        )
    if known is None:
        with state.transaction():
            _Maker(scenario, state, buckets, regions).make()
            state.notes.set(_NOTE, scenario.digest)


class _Maker:
    def __init__(
        self,
        scenario: Scenario,
        state: State,
        buckets: BucketStore,
        regions: Sequence[str],
    ) -> None:
        self._scenario = scenario
        self._state = state
        self._buckets = buckets
        self._regions = regions
        self._images = ImageMaker(state, scenario.folder)

    def make(self) -> None:
        """Make all of it; images are shared once all projects are there."""
        given = self._scenario.data.get('projects', ())
        projects = [
            project_in(
                self._state,
                item['name'],
                self._regions,
                item['name'] not in self._scenario.empty_projects,
            )
            for item in given
        ]
        for item, project in zip(given, projects, strict=True):
            self._fill(item, project)
        for user in self._scenario.data.get('users', ()):
            self._user(user)
        with self._adding_images():
            for item, project in zip(given, projects, strict=True):
                for image in item.get('images', ()):
                    self._images.make(image, project.id, self._project_id)
        for item, project in zip(given, projects, strict=True):
            for server in item.get('servers', ()):
                self._set_image(server, project.id)

    def _adding_images(self) -> contextlib.AbstractContextManager[None]:
        count = sum(
            image.get('count', 1)
            for item in self._scenario.data.get('projects', ())
            for image in item.get('images', ())
        )
        if count < _MANY:
            return contextlib.nullcontext()
        return self._state.images.in_bulk()

    def _project_id(self, name: str) -> str:
        return project_in(self._state, name, self._regions).id

    def _user(self, item: Item) -> None:
        found = self._state.users.find(item['name'], DOMAIN.id)
        if found is None:
            raise LookupError(item['name'])
        for name in item.get('projects', ()):
            self._state.users.assign(found.id, self._project_id(name))
        if key := item.get('access_key'):
            self._state.access_keys.replace(
                found.id, found.default_project_id, **key
            )

    def _fill(self, item: Item, project: Project) -> None:
        if 'image_quota' in item:
            self._state.notes.set_image_quota(project.id, item['image_quota'])
        makers: tuple[tuple[str, Callable[[Item, str], None]], ...] = (
            ('keys', self._key),
            ('servers', self._server),
            ('volumes', self._volume),
            ('vaults', self._vault),
            ('backups', self._backup),
            ('buckets', self._bucket),
        )
        for kind, maker in makers:
            for each in item.get(kind, ()):
                maker(each, project.id)

    # ====== THINGS ======

    def _key(self, item: Item, project_id: str) -> None:
        self._state.keys.add(
            Key(
                project_id=project_id,
                name=item['name'],
                description=item.get('description', ''),
                is_enabled=item.get('enabled', True),
            )
        )

    def _server(self, item: Item, project_id: str) -> None:
        os_version = item.get('os_version', _OS_VERSION)
        server = self._state.servers.add(
            Server(
                project_id=project_id,
                name=item['name'],
                status=item.get('status', 'SHUTOFF'),
                task_state=item.get('task_state'),
                flavor_id=item.get('flavor', _FLAVOR),
                os_version=os_version,
            )
        )
        system = {
            'name': f'{item["name"]}-system',
            'size': item.get('system_disk', _SYSTEM_SIZE),
            'os_version': os_version,
            **({'key': item['key']} if 'key' in item else {}),
        }
        self._attach(system, server, SYSTEM_DEVICE)
        for number, disk in enumerate(item.get('disks', ())):
            self._attach(disk, server, f'/dev/vd{chr(ord("b") + number)}')

    def _attach(self, item: Item, server: Server, device: str) -> None:
        self._state.volumes.add(
            self._new_volume(
                item,
                server.project_id,
                status='in-use',
                server_id=server.id,
                device=device,
            )
        )

    def _volume(self, item: Item, project_id: str) -> None:
        self._state.volumes.add(
            self._new_volume(
                item, project_id, status=item.get('status', 'available')
            )
        )

    def _new_volume(
        self, item: Item, project_id: str, **others: Any
    ) -> Volume:
        key_id = None
        if 'key' in item:
            key_id = self._id(self._state.keys, item['key'], project_id)
        return Volume(
            project_id=project_id,
            name=item['name'],
            size=item['size'],
            os_version=item.get('os_version'),
            key_id=key_id,
            **others,
        )

    def _vault(self, item: Item, project_id: str) -> None:
        servers = self._state.servers
        self._state.vaults.add(
            Vault(
                project_id=project_id,
                name=item['name'],
                size=item['size'],
                object_type=item.get('object_type', 'server'),
                description=item.get('description', ''),
                resource_ids=[
                    self._id(servers, name, project_id)
                    for name in item.get('servers', ())
                ],
            )
        )

    def _backup(self, item: Item, project_id: str) -> None:
        server = self._state.servers.get(
            self._id(self._state.servers, item['server'], project_id),
            project_id,
        )
        if server is None:
            raise LookupError(item['server'])
        disks = self._state.volumes.of_server(server.id)
        vault_id = None
        if 'vault' in item:
            vault_id = self._id(self._state.vaults, item['vault'], project_id)
        self._state.backups.add(
            Backup(
                project_id=project_id,
                name=item['name'],
                kind='CBR' if vault_id else 'CSBS',
                status=item.get('status', 'available'),
                server_id=server.id,
                vault_id=vault_id,
                size=sum(disk.size for disk in disks),
                system_size=sum(
                    disk.size for disk in disks if disk.is_system_disk
                ),
                os_version=server.os_version,
                image_id=server.image_id,
            )
        )

    def _set_image(self, item: Item, project_id: str) -> None:
        """Have a server come from an image, which there is by now."""
        if 'image' not in item:
            return
        servers = self._state.servers
        server = servers.get(
            self._id(servers, item['name'], project_id), project_id
        )
        if server is not None:
            server.image_id = self._images.named(item['image'], project_id)
            servers.save(server)

    def _bucket(self, item: Item, project_id: str) -> None:
        name = item['name']
        try:
            self._buckets.create_bucket(
                project_id, name, self._state.projects.region(project_id)
            )
        except BucketTaken as error:
            raise StateError(
                f"The bucket {name} of the scenario is another project's"
            ) from error
        for file in item.get('files', ()):
            with self._content(file) as stream:
                self._buckets.put(
                    project_id, name, file['key'], cast(BinaryIO, stream)
                ).close()

    def _content(self, item: Item) -> io.BufferedIOBase:
        if 'file' in item:
            return open(self._scenario.folder / item['file'], 'rb')
        if 'text' in item:
            return io.BytesIO(item['text'].encode())
        return io.BufferedReader(_Zeros(item['size']))

    def _id(self, records: Any, name: str, project_id: str) -> str:
        """Return the ID of what a project has by a name; the last one."""
        found = [
            record.id
            for record in records.all(project_id)
            if record.name == name
        ]
        if not found:
            raise LookupError(name)
        return str(found[-1])


class _Zeros(io.RawIOBase):
    """A file of zeros.

    :param size: Bytes.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self._left)
        buffer[:count] = bytes(count)
        self._left -= count
        return count
