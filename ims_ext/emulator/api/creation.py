# SPDX-License-Identifier: Apache-2.0
"""Images made from what there is, above all from objects in buckets."""

from collections.abc import Callable
import dataclasses
from typing import Any, Literal

from ims_ext.emulator.api import rules
from ims_ext.emulator.api.image_attributes import defaults
from ims_ext.emulator.api.key import KEY
from ims_ext.emulator.api.key import check_keys
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.work import image_making
from ims_ext.emulator.work import object_import
from ims_ext.emulator.work.job_runner import JobRunner
from ims_ext.emulator.work.new_image import NewImages
from ims_ext.emulator.work.object_import import ObjectImport
from ims_ext.emulator.work.object_import import Source

#: How many data disks come with a system disk at most.
DATA_DISK_LIMIT = 3

_JOB = 'imsImportImageJob'
_DATA_JOB = 'imsImportDataImageJob'

#: Types of images of servers, and the environments that they are for.
SERVER_TYPES = {
    'ECS': 'FusionCompute',
    'FusionCompute': 'FusionCompute',
    'BMS': 'Ironic',
    'Ironic': 'Ironic',
}
_TYPES = {**SERVER_TYPES, 'IsoImage': 'IsoImage'}
_QUICK_TYPES = ('ECS', 'BMS', 'DataImage')
_OS_TYPES = ('Linux', 'Windows', 'Other')
_DATA_DISK_OS_TYPES = ('Linux', 'Windows')

#: GiB that a data disk may have where it comes alone.
_SINGLE_DATA_DISK = range(40, 2048 + 1)

#: What makes images from the value that a body has for a source.
Create = Callable[[str, dict[str, Any]], Answer]

#: What follows from the operating system of a disk with one.
_SYSTEM_ATTRIBUTES = ('__os_version', '__platform', '__os_bit')


@dataclasses.dataclass(frozen=True)
class Disk:
    """An image to be made from an object, as a body asks for it.

    :ivar address: The object's bucket and key.
    :ivar min_disk: GiB.
    :ivar kind: What the object has to be.
    :ivar tags: As the image has them.
    :ivar sub_job: The type of the sub-job, or ``None`` without one.
    """

    name: str
    address: tuple[str, str]
    min_disk: int
    kind: Literal['disk', 'quick', 'iso']
    attributes: dict[str, Any]
    tags: list[str]
    sub_job: str | None = None

    def image(self, project_id: str) -> Image:
        """Return the image, which is not kept yet."""
        attributes = {**defaults(), **self.attributes}
        for name in _SYSTEM_ATTRIBUTES:
            if name not in self.attributes:
                del attributes[name]
        return Image.new(
            project_id,
            self.name,
            attributes,
            status='saving',
            tags=self.tags,
        )

    def source(self, image_id: str) -> Source:
        """Return what to read for the image."""
        return Source(
            image_id=image_id,
            bucket=self.address[0],
            key=self.address[1],
            min_disk=self.min_disk,
            kind=self.kind,
        )


class CreationApi:
    """Operations 4, 5, 8 and 9; 3, 6 and 7 share the path of 4.

    What makes images of another source than an object has an attribute
    ``sources``: functions by the parameter that names the source.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.works = {object_import.WORK: ObjectImport(service)}

    @route('POST', '/v2/cloudimages/action')
    @route('POST', '/v2.1/cloudimages/action')
    def create(self, request: Request) -> Answer:
        """Make an image from an object, a server or a volume."""
        body = rules.json_object(request)
        create: dict[str, Create] = {'image_url': self._from_object}
        for capability in self.service.capabilities:
            create.update(getattr(capability, 'sources', {}))
        named = [source for source in create if source in body]
        if named == ['image_url', 'data_images']:
            # Data disks that come with the system disk.
            named.pop()
        if not named:
            raise ImsError('IMG.0021')
        if len(named) > 1:
            raise ImsError(
                'IMG.0001', f"Use either {' or '.join(named)}, not both."
            )
        return create[named[0]](request.project_id, body)

    @route('POST', '/v1/cloudimages/dataimages/action')
    @route('POST', '/v2.1/cloudimages/dataimages/action')
    def import_data_disk(self, request: Request) -> Answer:
        """Make a data disk image from an object."""
        body = rules.json_object(request)
        disk = _data_disk(body, _SINGLE_DATA_DISK, quick=False)
        disk.attributes.update(encryption(body.get('cmk_id')))
        return self._import(request.project_id, [disk], _DATA_JOB)

    @route('POST', '/v2/cloudimages/quickimport/action')
    @route('POST', '/v2.1/cloudimages/quickimport/action')
    def quick_import(self, request: Request) -> Answer:
        """Make a system or data disk image from a large object."""
        body = rules.json_object(request)
        if checked_type(body, _QUICK_TYPES) == 'DataImage':
            disk = _data_disk(body, rules.SYSTEM_DISK, quick=True)
        else:
            disk = _system_disk(body, quick=True, sizes=self._sizes(True))
        return self._import(request.project_id, [disk])

    def _sizes(self, quick: bool) -> range:
        """Return the GiB that an imported system disk may have."""
        if quick:
            return rules.SYSTEM_DISK
        return self.service.settings.profile.system_disk

    def _from_object(self, project_id: str, body: dict[str, Any]) -> Answer:
        quick = rules.flag('is_quick_import', body.get('is_quick_import'))
        system = _system_disk(body, quick=quick, sizes=self._sizes(quick))
        return self._import(project_id, [system, *_data_disks(body, system)])

    def add_images(self, project_id: str, images: list[Image]) -> None:
        """Keep new images of a project; part of a transaction.

        :raises: IMG.0015 where that would be more than it may own, IMG.0095
            and IMG.0097 for a key that cannot be used.
        """
        state = self.service.state
        check_keys(state, images)
        quota = self.service.image_quota(project_id)
        if state.images.count(project_id) + len(images) > quota:
            raise ImsError('IMG.0015')
        for image in images:
            self.service.capability(NewImages).add_for_job(image)

    def _import(
        self, project_id: str, disks: list[Disk], job_type: str = _JOB
    ) -> Answer:
        """Start the job that turns objects into images."""
        if len({disk.address for disk in disks}) < len(disks):
            raise ImsError('IMG.0123')
        images = [disk.image(project_id) for disk in disks]
        check_keys(self.service.state, images)
        for image in images:
            self.service.state.images.identify(image)
        sources = [
            disk.source(image.id)
            for disk, image in zip(disks, images, strict=True)
        ]
        for source in sources:
            object_import.check_object(self.service, project_id, source)
        state = self.service.state
        with state.transaction():
            object_import.check_limit(self.service, project_id)
            self.add_images(project_id, images)
            job = object_import.new_job(
                self.service,
                project_id,
                job_type,
                image_making.image_entities(images[0]),
                sources,
                task='ImportImageTask',
            )
            for disk, image in zip(disks, images, strict=True):
                if disk.sub_job is not None:
                    image_making.new_sub_job(
                        self.service, job, disk.sub_job, image
                    )
        self.service.capability(JobRunner).submit(job)
        return {'job_id': job.id}


def _system_disk(body: dict[str, Any], *, quick: bool, sizes: range) -> Disk:
    """Return the disk, or the ISO file, that an operating system is on.

    :param sizes: GiB that the disk may have.
    """
    image_type = checked_type(body, tuple(_TYPES))
    is_iso = image_type == 'IsoImage'
    if not body.get('os_version'):
        if is_iso:
            raise ImsError('IMG.0166')
        if quick:
            raise ImsError('IMG.0159')
    disk = _disk(body, sizes, quick=quick)
    disk.attributes.update(
        {
            **rules.memory(body),
            **rules.operating_system(
                body.get('os_version'), body.get('os_type'), _OS_TYPES
            ),
            **rules.firmware(
                body.get('hw_firmware_type'), body.get('architecture')
            ),
            **encryption(body.get('cmk_id'), _TYPES[image_type]),
            'virtual_env_type': _TYPES[image_type],
            '__is_config_init': str(
                rules.flag('is_config', body.get('is_config'))
            ).lower(),
        }
    )
    if is_iso:
        return dataclasses.replace(
            disk, kind='iso', sub_job='imsImportIsoFileImageJob'
        )
    return disk


def _disk(
    body: dict[str, Any],
    sizes: range,
    *,
    quick: bool,
    name: str | None = None,
) -> Disk:
    """Return what all requests to import an object say alike.

    :param sizes: GiB that the disk may have.
    :param name: The image's name where the body has none.
    """
    name = rules.image_name(body.get('name') or name)
    bucket, key = rules.object_address(body.get('image_url'))
    size = rules.disk_size(body.get('min_disk'), sizes)
    return Disk(
        name=name,
        address=(bucket, key),
        min_disk=size,
        kind='quick' if quick else 'disk',
        attributes={
            **described(body, f'file,{bucket}:{key}'),
            'min_disk': size,
        },
        tags=rules.image_tags(body),
        sub_job='imsImportBigFileImageJob' if quick else None,
    )


def checked_type(body: dict[str, Any], permitted: tuple[str, ...]) -> str:
    """Return the type that a body asks for.

    :raises: IMG.0024
    """
    image_type = body.get('type') or 'ECS'
    if image_type not in permitted:
        raise ImsError('IMG.0024')
    return str(image_type)


def _data_disk(
    body: dict[str, Any],
    sizes: range,
    *,
    quick: bool,
    os_types: tuple[str, ...] = _DATA_DISK_OS_TYPES,
    os_type: str | None = None,
    name: str | None = None,
) -> Disk:
    """Return a data disk.

    :param os_types: The types of operating systems that it may be for.
    :param os_type: The type where the body is not to say it.
    :param name: The image's name where the body has none.
    """
    disk = _disk(body, sizes, quick=quick, name=name)
    os_type = os_type or body.get('os_type') or 'Linux'
    if os_type not in os_types:
        raise ImsError('IMG.0122')
    disk.attributes['__os_type'] = os_type
    disk.attributes['virtual_env_type'] = 'DataImage'
    return disk


def _data_disks(body: dict[str, Any], system: Disk) -> list[Disk]:
    """Return the data disks that come with a system disk."""
    given = objects('data_images', body.get('data_images') or [])
    if len(given) > DATA_DISK_LIMIT:
        raise ImsError('IMG.0194')
    disks = [
        _data_disk(
            each,
            rules.DATA_DISK,
            quick=rules.flag('is_quick_import', each.get('is_quick_import')),
            os_types=_OS_TYPES,
            os_type=system.attributes['__os_type'],
            # Long names have no room for what tells them apart.
            name=f'{system.name[:120]}-data{number}',
        )
        for number, each in enumerate(given, 1)
    ]
    project = system.attributes['enterprise_project_id']
    for disk in disks:
        disk.attributes['enterprise_project_id'] = project
    return [
        dataclasses.replace(disk, sub_job='imsImportDataImageJob')
        for disk in disks
    ]


def described(body: dict[str, Any], origin: str) -> dict[str, Any]:
    """Return the attributes that every image made here has.

    :param origin: What it was made of: ``instance,<ID>``.
    """
    return {
        'enterprise_project_id': rules.enterprise_project(
            body.get('enterprise_project_id')
        ),
        '__description': rules.description(body.get('description')),
        '__data_origin': origin,
        '__originalimagename': '',
        '__backup_id': '',
    }


def encryption(key: Any, environment: str = 'FusionCompute') -> dict[str, str]:
    """Return the attribute for the key of an encrypted image.

    :param key: The key's ID; none for an image that is not encrypted.
    :param environment: What the image is for.
    :raises: IMG.0095, IMG.0118
    """
    if not key:
        return {}
    if environment == 'Ironic':
        raise ImsError('IMG.0118')
    return {KEY: rules.identifier(key, 'IMG.0095')}


def objects(name: str, value: Any) -> list[dict[str, Any]]:
    """Return a list of JSON objects.

    :param name: What the message calls it.
    :raises: IMG.0001
    """
    if not isinstance(value, list) or not all(
        isinstance(each, dict) for each in value
    ):
        raise ImsError('IMG.0001', f"{name} must be a list of objects.")
    return value
