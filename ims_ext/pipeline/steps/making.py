# SPDX-License-Identifier: Apache-2.0
"""Making a version at a target: the steps until the cloud's job begins."""

import dataclasses
from typing import Any

from ims_ext import diskimage
from ims_ext.pipeline import asking
from ims_ext.pipeline import identity
from ims_ext.pipeline.engine import Step
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning import routes
from ims_ext.pipeline.planning.model import Route
from ims_ext.pipeline.steps import resuming
from ims_ext.pipeline.steps import sending
from ims_ext.pipeline.steps.creation import Creation
from ims_ext.pipeline.steps.work import Work

#: Attributes that requests of each kind take beside tags and description.
_OF_IMPORTS = ('os_version', 'architecture', 'hw_firmware_type', 'type')
_OF_SERVERS = ('min_ram', 'max_ram')


def steps(work: Work) -> list[Step]:
    """Return the steps that begin to make an image.

    :param work: The action.
    """
    if status := work.action.details.get('arriving'):
        # Somebody's request has made it: it is to be waited for. Metadata
        # that wait for their data may have nobody who sends it any more.
        is_waiting = status == 'queued' and work.target.bucket is None
        if is_waiting:
            return [Fetch(work), Native(work)]
        return [resuming.Resume(work)]
    if work.action.is_unknown:
        return [resuming.Resume(work)]
    route = Route(work.action.details['route'])
    if route in (Route.COPY, Route.COPY_REGION):
        return [Copy(work, route)]
    if route is Route.SERVER:
        return [FromServer(work)]
    if route is Route.VOLUME:
        return [FromVolume(work)]
    if route is Route.OBJECT:
        return [Import(work, route)]
    if route is Route.UPLOAD:
        return [Fetch(work), Native(work)]
    return [Fetch(work), Upload(work), Import(work, route)]


def object_key(work: Work) -> str:
    """Return the key of an action's object: the same in every run.

    :param work: The action, its disk image fetched.
    """
    disk = work.fetched
    item = work.action.item
    if disk.stored is not None and disk.stored.target == item.target:
        return disk.stored.key
    return (
        f'{work.tools.object_folder}{item.label}-{disk.digest[:12]}'
        f'.{disk.disk_format}'
    )


class Fetch(Step):
    """The disk image on this machine: fetched once, whoever needs it."""

    name = 'fetch'

    def __init__(self, work: Work) -> None:
        self._work = work

    def look(self) -> bool:
        """Whether it is there, or not needed, the image being there."""
        work = self._work
        if work.disk is not None and not work.disk.is_released:
            return True
        if work.tools.disks.is_here(work.image, work.declared):
            # To look at the cloud is for the step that asks it for an image.
            return False
        return _has_data(next(work.mine(), None))

    def do(self) -> None:
        """Fetch it."""
        work = self._work
        work.disk = work.tools.disks.disk(work.image, work.declared)


class Upload(Step):
    """The disk image in the target's bucket."""

    name = 'upload'

    def __init__(self, work: Work) -> None:
        self._work = work

    def look(self) -> bool:
        """Whether it is there: an object is there whole, or not at all."""
        work = self._work
        disk = work.disk
        if disk is None:
            return True
        key = object_key(work)
        if disk.stored is None or disk.stored.key != key:
            work.object = key
        return self._may_be_there() and work.store.exists(work.bucket, key)

    def _may_be_there(self) -> bool:
        """Whether anybody may have uploaded it before."""
        work = self._work
        return (
            work.target.name not in work.tools.cleared
            or work.action.id in work.tools.uploads_begun
            or work.tools.notes.has_begun(work.action.id)
        )

    def do(self) -> None:
        """Upload it."""
        work = self._work

        def progress(done: int, total: int) -> None:
            work.tools.tell(
                'progress',
                id=work.action.id,
                step=self.name,
                done=done,
                total=total,
            )

        path = work.fetched.path
        work.tools.uploads_begun.add(work.action.id)
        with work.tools.uploads(work.target.place, work.target.limits.uploads):
            work.store.upload(
                path, work.bucket, object_key(work), progress=progress
            )
        self.moved = work.fetched.size


class Import(Creation):
    """An import of an object: the one uploaded, or the source itself."""

    def __init__(self, work: Work, route: Route) -> None:
        super().__init__(work)
        self._route = route

    def create(self) -> None:
        """Send operation 4, or operation 9 where it has to be quick."""
        work = self._work
        url = self._object_url()
        extra = self.attributes(*_OF_IMPORTS, 'min_ram', 'max_ram')
        if work.target.cmk_id:
            extra['cmk_id'] = work.target.cmk_id
        min_disk = self._min_disk()
        if self._is_quick():
            create = work.ims.quick_import_image
        else:
            create = work.ims.create_image_from_object
        work.start(
            create(
                url,
                work.name,
                min_disk,
                tags=work.tags,
                description=work.words(),
                **extra,
            )
        )

    def _is_quick(self) -> bool:
        if self._route is Route.QUICK_IMPORT:
            return True
        disk = self._work.disk
        return disk is not None and disk.size >= routes.IMPORT_LIMIT

    def _object_url(self) -> str:
        work = self._work
        if self._route is not Route.OBJECT:
            return f'{work.bucket}:{object_key(work)}'
        return str(work.declared.sources[0])

    def _min_disk(self) -> int:
        named = self._work.image.attributes.get('min_disk')
        if named is not None:
            return int(named)
        disk = self._work.disk
        if disk is None:
            return 1
        return max(1, -(-disk.virtual_size // 1024**3))


class Native(Creation):
    """An upload to the image service itself, which knows no jobs."""

    name = 'upload'

    def look(self) -> bool:
        """Whether the image is there and has its data, or is getting it."""
        return _has_data(self.find())

    def create(self) -> None:
        """Make the metadata unless they are there, and send the data."""
        work = self._work
        disk = diskimage.inspect(
            work.fetched.path, disk_format=work.fetched.disk_format
        )
        if work.image_id is None:
            made = work.ims.create_image(
                work.name,
                disk_format=disk.disk_format,
                container_format='bare',
                min_disk=self._min_disk(work.fetched.virtual_size),
                tags=[f'{key}={value}' for key, value in work.tags.items()],
                __description=work.words(),
                **{
                    f'__{key}': value
                    for key, value in self.attributes('os_version').items()
                },
            )
            work.image_id = str(made.id)
        with work.tools.uploads(work.target.place, work.target.limits.uploads):
            sending.send(work.ims, work.image_id, work.fetched.path)
        self.moved = work.fetched.size

    def _min_disk(self, virtual_size: int) -> int:
        named = self._work.image.attributes.get('min_disk')
        return int(named or max(1, -(-virtual_size // 1024**3)))


class Copy(Creation):
    """A copy of an image: of another version's target, or of the source."""

    def __init__(self, work: Work, route: Route) -> None:
        super().__init__(work)
        self._route = route

    def create(self) -> None:
        """Send operation 13, or 14 where it is another region's."""
        work = self._work
        origin = work.action.details.get('from')
        if origin is None:
            source = work.source(model.ImageSource)
            found = work.ims.find_cloud_image(
                source.image, ignore_missing=False
            )
            extra = (
                {'cmk_id': work.target.cmk_id} if work.target.cmk_id else {}
            )
            work.start(
                work.ims.copy_image(
                    found, work.name, description=work.words(), **extra
                )
            )
            return
        there = _at(work, str(origin))
        image = next(there.mine(), None)
        if image is None:
            raise LookupError(
                f"{work.action.item.label} is not at {origin} any more"
            )
        described = identity.Words(
            identity.Identity(
                work.tools.manifest.name,
                work.action.item.image,
                work.action.item.version,
                _digest_of(image) or work.identity.digest,
            )
        ).after(work.image.description)
        if self._route is Route.COPY:
            work.start(
                there.ims.copy_image(image, work.name, description=described)
            )
            return
        work.start(
            there.ims.copy_image_to_region(
                image,
                work.name,
                work.conn.config.get_region_name(),
                asking.project_name(work.conn),
                work.target.agency,
                description=described,
            ),
            there.ims,
        )


class FromServer(Creation):
    """An image of a server's system disk."""

    def create(self) -> None:
        """Send operation 3."""
        work = self._work
        source = work.source(model.ServerSource)
        work.start(
            work.ims.create_image_from_server(
                source.server,
                work.name,
                tags=work.tags,
                description=work.words(),
                **self.attributes(*_OF_SERVERS),
            )
        )


class FromVolume(Creation):
    """An image of a volume with an operating system."""

    def create(self) -> None:
        """Send operation 6."""
        work = self._work
        source = work.source(model.VolumeSource)
        attributes = self.attributes('os_version', 'type', *_OF_SERVERS)
        os_version = attributes.pop('os_version', None)
        if os_version is None:
            raise ValueError(
                f"an image of {source} needs an os_version in the manifest"
            )
        work.start(
            work.ims.create_image_from_volume(
                source.volume,
                work.name,
                os_version,
                tags=work.tags,
                description=work.words(),
                **attributes,
            )
        )


def _has_data(found: Any) -> bool:
    """Whether an image, if there is one, has its data or is getting it."""
    return found is not None and str(found.status).lower() != 'queued'


def _at(work: Work, target: str) -> Work:
    """Return an action of the same version at another target."""
    item = dataclasses.replace(work.action.item, target=target)
    action = dataclasses.replace(work.action, item=item)
    return Work(action, work.tools, work.version)


def _digest_of(image: Any) -> str | None:
    found = image.tag_map.get(identity.DIGEST_TAG)
    return str(found) if found else None
