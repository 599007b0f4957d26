# SPDX-License-Identifier: Apache-2.0
"""What the steps of one action share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ims_ext.pipeline import asking
from ims_ext.pipeline import identity
from ims_ext.pipeline import looking
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.events import Tell
from ims_ext.pipeline.gates import Gate
from ims_ext.pipeline.gates import Gates
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.seen import SeenImage

if TYPE_CHECKING:
    from ims_ext.extension.job import Job
    from ims_ext.objectstore import ObjectStore


S = TypeVar('S')


def object_folder(pipeline: str, folder: str) -> str:
    """Return what the keys of objects begin with.

    :param pipeline: The manifest's name.
    :param folder: Whose objects: a machine's.
    """
    return f'ims-pipeline/{pipeline}/{folder}/'


class Disk(Protocol):
    """A disk image's file that has been fetched, proven and converted."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def disk_format(self) -> str:
        """Its format."""

    @property
    def size(self) -> int:
        """Its size in bytes."""

    @property
    def virtual_size(self) -> int:
        """The size of the disk in it, in bytes."""

    @property
    def digest(self) -> str:
        """What identifies the source that it was made of."""

    @property
    def stored(self) -> 'Stored | None':
        """The object that has it already, if there is one."""

    @property
    def is_released(self) -> bool:
        """Whether the file may be gone; what is known of it stays."""

    def release(self) -> None:
        """Say that the file is not needed any more."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """A disk image that is in the bucket of a target.

    :ivar target: The target's name.
    :ivar key: The object's key.
    """

    target: str
    key: str


class Disks(Protocol):
    """Gives the disk images of versions, each fetched once."""

    def is_here(self, image: model.Image, version: model.Version) -> bool:
        """Whether a version's disk image is here, or about to be."""

    def disk(self, image: model.Image, version: model.Version) -> Disk:
        """Return a version's disk image.

        :raises: What is to be told of a source that cannot be used.
        """


class Notes(Protocol):
    """Keeps for the next run what this one has begun."""

    def intend(self, action: str, name: str) -> None:
        """Note that a creating request is about to be sent.

        :param action: The action's ID.
        :param name: The image's name in the cloud.
        """

    def started(self, action: str, job_id: str) -> None:
        """Note the job that a creating request has started."""

    def settled(self, action: str) -> None:
        """Forget an action whose effect has been seen."""

    def has_begun(self, action: str) -> bool:
        """Whether an action's request may have been sent."""

    def job_of(self, action: str) -> str | None:
        """Return the job that an action's request has started, if known."""


class NotNowError(Exception):
    """An action that has to be planned anew: the cloud is another by now."""


@dataclasses.dataclass
class Tools:
    """What the steps of all actions of a run use.

    :ivar check_lock: Raises where the run is not the one that may change
        anything any more; called before each creating request.
    :ivar uploads: Lets so many uploads to a target go on at a time.
    :ivar folder: Where its objects are in a pipeline's part of a bucket.
    :ivar cleared: The targets in whose buckets nothing is left there of
        earlier runs, but what :attr:`notes` know of.
    :ivar uploads_begun: The actions whose objects this run may have left.
    """

    manifest: Manifest
    clouds: Clouds
    disks: Disks
    tell: Tell
    notes: Notes
    check_lock: Callable[[], None]
    uploads: Gate = dataclasses.field(default_factory=Gates)
    folder: str = ''
    cleared: set[str] = dataclasses.field(default_factory=set)
    uploads_begun: set[str] = dataclasses.field(default_factory=set)

    @property
    def object_folder(self) -> str:
        """What the keys of its objects begin with.

        Whatever an earlier run has left there is nobody's any more.
        """
        return object_folder(self.manifest.name, self.folder)


@dataclasses.dataclass
class Work:
    """An action on its way.

    :ivar action: The action.
    :ivar tools: What the steps use.
    :ivar version: The version, as it is declared or was found.
    :ivar image_id: The image that it is about, once that is known.
    :ivar job: The job that was started, if any.
    :ivar job_ims: ``conn.ims`` of the project that has the job.
    :ivar disk: The disk image, once it is there.
    :ivar object: The key of the object that was uploaded for it alone.
    :ivar near: The images of its name, where a step has just listed them:
        those that follow it at once need not ask for them again.
    """

    action: Action
    tools: Tools
    version: model.Version | None = None
    image_id: str | None = None
    job: 'Job | None' = None
    job_ims: Any = None
    disk: Disk | None = None
    object: str | None = None
    near: Sequence[Any] = ()

    @property
    def image(self) -> model.Image:
        """The image in the manifest."""
        return self.tools.manifest.images[self.action.item.image]

    @property
    def target(self) -> model.Target:
        """The target in the manifest."""
        return self.tools.manifest.targets[self.action.item.target]

    @property
    def conn(self) -> Any:
        """The connection to the target."""
        return self.tools.clouds.target(self.action.item.target)

    @property
    def store(self) -> 'ObjectStore':
        """The object store of the target."""
        return self.tools.clouds.store(self.action.item.target)

    @property
    def ims(self) -> Any:
        """The image service of the target."""
        return self.conn.ims

    @property
    def name(self) -> str:
        """The image's name in the cloud."""
        return self.image.cloud_name(self.action.item.version)

    @property
    def bucket(self) -> str:
        """The target's bucket."""
        if self.target.bucket is None:
            raise LookupError(f"{self.target.name} has no bucket")
        return self.target.bucket

    @property
    def fetched(self) -> Disk:
        """The disk image, which has been fetched."""
        if self.disk is None:
            raise LookupError(f"{self.action.item.label} is not fetched")
        return self.disk

    @property
    def declared(self) -> model.Version:
        """The version, which is declared or was found."""
        if self.version is None:
            raise LookupError(f"there is no {self.action.item.label}")
        return self.version

    def source(self, kind: type[S]) -> S:
        """Return the source of a version that is made from one thing.

        :param kind: Its class.
        """
        source = self.declared.sources[0]
        if not isinstance(source, kind):
            raise LookupError(f"{source} is something else")
        return source

    @property
    def identity(self) -> identity.Identity:
        """What the image is to carry."""
        return identity.Identity(
            self.tools.manifest.name,
            self.action.item.image,
            self.action.item.version,
            self._digest(),
        )

    def _digest(self) -> str:
        if known := self.action.details.get('digest'):
            return str(known)
        if self.disk is not None:
            return self.disk.digest
        source = self.version.sources[0] if self.version else self.name
        return identity.digest(str(source).encode())

    @property
    def tags(self) -> dict[str, str]:
        """The tags that the image is to have."""
        return {**self.image.tags, **self.identity.tags}

    def words(self) -> str:
        """Return the description of a new image."""
        return identity.Words(self.identity).after(self.image.description)

    def start(self, job: 'Job', ims: Any = None) -> None:
        """Note a job that was started.

        :param job: The job.
        :param ims: ``conn.ims`` of the project that has it, if another one.
        """
        self.job = job
        self.job_ims = ims or self.ims
        if job.id:
            self.tools.notes.started(self.action.id, str(job.id))
        self.tools.tell(
            'job.started',
            id=self.action.id,
            job_id=job.id,
            image_id=job.image_id,
        )

    def mine(self, among: Sequence[Any] | None = None) -> Iterator[Any]:
        """Give the usable images that carry the identity, oldest first.

        They are looked for under their name: it is what they were made with.

        :param among: The images of that name, where they are known.
        """
        for each in self.namesakes() if among is None else among:
            seen = looking.seen_image(each)
            # What is broken may be about to go.
            if self.is_mine(seen) and (seen.is_active or seen.is_arriving):
                yield each

    def namesakes(self) -> list[Any]:
        """Return the target's images of the version's name, oldest first."""
        found = list(
            self.ims.cloud_images(
                name=self.name, owner=asking.project_id(self.conn)
            )
        )
        found.sort(key=lambda each: (str(each.created_at), str(each.id)))
        return found

    def is_mine(self, seen: SeenImage) -> bool:
        """Whether an image is the version that this is about."""
        item = self.action.item
        if self._is_told(seen.tags):
            return True
        if seen.words is None or identity.PIPELINE_TAG in seen.tags:
            return False
        told = seen.words.identity
        return (told.pipeline, told.image, told.version) == (
            self.tools.manifest.name,
            item.image,
            item.version,
        )

    def _is_told(self, tags: Mapping[str, str]) -> bool:
        item = self.action.item
        return tags.get(
            identity.PIPELINE_TAG
        ) == self.tools.manifest.name and tags.get(
            identity.IMAGE_TAG
        ) == identity.short(item.label)

    def seen(self) -> SeenImage | None:
        """Return the image as it is now, ``None`` where it is gone."""
        if self.image_id is None:
            return None
        near = [each for each in self.near if each.id == self.image_id]
        found = near or list(self.ims.cloud_images(id=self.image_id))
        if not found:
            return None
        return looking.seen_image(found[0], self.image.properties)
