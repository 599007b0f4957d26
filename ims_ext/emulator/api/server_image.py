# SPDX-License-Identifier: Apache-2.0
"""Images made from servers and from their disks."""

from typing import Any

from ims_ext.emulator.api import creation
from ims_ext.emulator.api import rules
from ims_ext.emulator.api.image_attributes import defaults
from ims_ext.emulator.api.image_attributes import os_attributes
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import State
from ims_ext.emulator.state import Volume
from ims_ext.emulator.work import disk_copy
from ims_ext.emulator.work import image_making
from ims_ext.emulator.work.disk_copy import DiskCopy
from ims_ext.emulator.work.image_export import PRODUCT
from ims_ext.emulator.work.job_runner import JobRunner

_SERVER_JOB = 'imsCreateImageByInstance'
_VOLUME_JOB = 'imsVolumeCreateImageJob'
_DATA_JOB = 'imsVolumesToSysDataImagesJob'
_DATA_SUB_JOB = 'imsCopyVolumeToImageJob'

#: Cinder's states of volumes that can be copied.
_COPYABLE = ('available', 'in-use')


class ServerImagesApi:
    """Operations 3, 6 and 7, whose path is operation 4's."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state
        self.works = {disk_copy.WORK: DiskCopy(service)}
        self.sources = {
            'instance_id': self.from_server,
            'volume_id': self.from_volume,
            'data_images': self.from_data_volumes,
        }

    def from_server(self, project_id: str, body: dict[str, Any]) -> Answer:
        """Make an image of a server's system disk."""
        return self._submit(self._new_server_job(project_id, body))

    def image_of_server(self, project_id: str, body: dict[str, Any]) -> str:
        """Make an image of a server's system disk; return its ID."""
        job = self._new_server_job(project_id, body)
        self._submit(job)
        return str(job.params['sources'][0]['image_id'])

    def _new_server_job(self, project_id: str, body: dict[str, Any]) -> Job:
        name = rules.image_name(body.get('name'))
        tags = rules.image_tags(body)
        with self.state.transaction():
            server = existing_server(
                self.state, body['instance_id'], project_id
            )
            _check_unused_name(self.state, name, project_id)
            if server.task_state is not None:
                raise ImsError('IMG.0010')
            if server.status != 'SHUTOFF':
                raise ImsError('IMG.0008')
            disk = system_disk(self.state, server)
            image = new_image(
                project_id,
                name,
                {
                    **creation.described(body, f'instance,{server.id}'),
                    **rules.memory(body),
                    **creation.encryption(disk.key_id),
                    **os_attributes(server.os_version),
                    'min_disk': disk.size,
                    '__originalimagename': server.image_id or '',
                    **_product(disk),
                },
                tags,
            )
            server.task_state = disk_copy.SERVER_TASK
            self.state.servers.save(server)
            return self._new_job(
                _SERVER_JOB,
                project_id,
                [disk],
                [image],
                server_id=server.id,
            )

    def from_volume(self, project_id: str, body: dict[str, Any]) -> Answer:
        """Make a system disk image of a data disk."""
        name = rules.image_name(body.get('name'))
        tags = rules.image_tags(body)
        if not body.get('os_version'):
            raise ImsError('IMG.0056')
        system = rules.operating_system(body['os_version'], None)
        kind = creation.checked_type(body, tuple(creation.SERVER_TYPES))
        environment = creation.SERVER_TYPES[kind]
        with self.state.transaction():
            volume = self._data_volume(body['volume_id'], project_id)
            if volume.size not in rules.SYSTEM_DISK:
                raise ImsError('IMG.0111')
            if volume.os_version:
                # What is found on the disk counts more than what was said.
                system = os_attributes(volume.os_version)
            image = new_image(
                project_id,
                name,
                {
                    **creation.described(body, f'volume,{volume.id}'),
                    **rules.memory(body),
                    **creation.encryption(volume.key_id, environment),
                    **system,
                    'virtual_env_type': environment,
                    'min_disk': volume.size,
                    **_product(volume),
                },
                tags,
            )
            self._occupy(volume)
            job = self._new_job(
                _VOLUME_JOB,
                project_id,
                [volume],
                [image],
                volume_ids=[volume.id],
            )
        return self._submit(job)

    def from_data_volumes(
        self, project_id: str, body: dict[str, Any]
    ) -> Answer:
        """Make data disk images of a server's data disks."""
        wanted = creation.objects('data_images', body['data_images'])
        if not wanted:
            raise ImsError('IMG.0001', "data_images is empty.")
        with self.state.transaction():
            disks = []
            images = []
            for each in wanted:
                volume = self._data_volume(each.get('volume_id'), project_id)
                image = self._data_image(project_id, each, volume)
                # Taken at once, so that nobody names it a second time.
                self._occupy(volume)
                images.append(image)
                disks.append(volume)
            servers = {disk.server_id for disk in disks} - {None}
            if len(servers) > 1:
                raise ImsError('IMG.0140')
            job = self._new_job(
                _DATA_JOB,
                project_id,
                disks,
                images,
                volume_ids=[disk.id for disk in disks],
            )
            job.entities = {}
            self.state.jobs.save(job)
            for image in images:
                image_making.new_sub_job(
                    self.service, job, _DATA_SUB_JOB, image
                )
        return self._submit(job)

    def _data_image(
        self, project_id: str, wanted: dict[str, Any], volume: Volume
    ) -> Image:
        attributes = {
            **creation.described(wanted, f'volume,{volume.id}'),
            **creation.encryption(volume.key_id),
            'min_disk': volume.size,
            'virtual_env_type': 'DataImage',
        }
        server = self.state.servers.get(volume.server_id, project_id)
        if server is not None:
            system = os_attributes(server.os_version)
            attributes['__os_type'] = system['__os_type']
        image = new_image(
            project_id,
            rules.image_name(wanted.get('name')),
            attributes,
            rules.image_tags(wanted),
        )
        # A disk without an operating system has no more to say of one.
        for name in ('__os_version', '__platform', '__os_bit'):
            del image.attributes[name]
        return image

    def _data_volume(self, volume_id: Any, project_id: str) -> Volume:
        """Return a volume that is no system disk, and can be copied.

        :raises: IMG.0120, IMG.0022
        """
        volume = self.state.volumes.get(volume_id, project_id)
        if volume is None or volume.is_system_disk:
            raise ImsError('IMG.0120')
        if volume.status not in _COPYABLE:
            raise ImsError('IMG.0022')
        return volume

    def _occupy(self, volume: Volume) -> None:
        volume.status = disk_copy.VOLUME_STATUS
        self.state.volumes.save(volume)

    def _new_job(
        self,
        job_type: str,
        project_id: str,
        disks: list[Volume],
        images: list[Image],
        *,
        server_id: str | None = None,
        volume_ids: list[str] | None = None,
    ) -> Job:
        """Keep the images and the job that makes each of its disk."""
        self.service.capability(creation.CreationApi).add_images(
            project_id, images
        )
        return image_making.new_job(
            self.service,
            project_id,
            job_type,
            disk_copy.WORK,
            image_making.image_entities(images[0]),
            [
                {
                    'image_id': image.id,
                    'size': disk.size,
                    'label': f'volume {disk.id}',
                }
                for image, disk in zip(images, disks, strict=True)
            ],
            server_id=server_id,
            volume_ids=volume_ids or [],
        )

    def _submit(self, job: Job) -> Answer:
        self.service.capability(JobRunner).submit(job)
        return {'job_id': job.id}


def existing_server(state: State, server_id: Any, project_id: str) -> Server:
    """Return a server.

    :raises: IMG.0012 without an ID, IMG.0005 for an unknown one.
    """
    if not server_id:
        raise ImsError('IMG.0012')
    server = state.servers.get(server_id, project_id)
    if server is None:
        raise ImsError('IMG.0005')
    return server


def system_disk(state: State, server: Server) -> Volume:
    """Return the disk that a server boots from.

    :raises: IMG.0119 without one, IMG.0110 for one that cannot be used.
    """
    for volume in state.volumes.of_server(server.id):
        if volume.is_system_disk:
            if volume.status != 'in-use':
                raise ImsError('IMG.0110')
            return volume
    raise ImsError('IMG.0119')


def _product(disk: Volume) -> dict[str, str]:
    """Return the attribute for a disk's product in the marketplace, if any."""
    code = disk.image_metadata.get(PRODUCT)
    return {PRODUCT: code} if code else {}


def new_image(
    project_id: str,
    name: str,
    attributes: dict[str, Any],
    tags: list[str],
) -> Image:
    """Return an image that is made of no file, and not kept yet."""
    attributes = {**defaults(), **rules.firmware(None, None), **attributes}
    del attributes['__root_origin']
    return Image.new(project_id, name, attributes, status='saving', tags=tags)


def _check_unused_name(state: State, name: str, project_id: str) -> None:
    """Refuse the name of another image of the project.

    :raises: IMG.0009
    """
    query = ImageQuery(
        project_id=project_id,
        conditions=[
            Condition('owner', 'eq', project_id),
            Condition('name', 'eq', name),
        ],
        limit=1,
    )
    if state.images.select(query):
        raise ImsError('IMG.0009')
