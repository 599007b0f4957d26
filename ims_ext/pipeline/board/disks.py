# SPDX-License-Identifier: Apache-2.0
"""Disk images that one machine fetches, and others have from the bucket."""

from collections.abc import Callable, Mapping
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from ims_ext.pipeline.board import bundle
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board.claims import Holdings
from ims_ext.pipeline.board.errors import BusyError
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.sources import ProofError
from ims_ext.pipeline.sources import SourceError
from ims_ext.pipeline.sources import Sources
from ims_ext.pipeline.sources.lock import Lock
from ims_ext.pipeline.steps.work import Disk
from ims_ext.pipeline.steps.work import Stored

_PIECE = 1024**2


def source_of(
    version: model.Version, image: model.Image, run: str
) -> str | None:
    """Return what a version's disk image is known by on the board.

    :param version: The version.
    :param image: The image.
    :param run: The run: files of a machine are its own.
    :returns: ``None`` where it is no file of anybody's.
    """
    if not isinstance(version.sources[0], model.BYTES):
        return None
    told = {
        'sources': [repr(each) for each in version.sources],
        'checksum': str(version.checksum),
        'checksums': version.checksums,
        'signature': repr(version.signature),
        'convert': image.convert,
        'run': run if bundle.is_elsewhere(version) else None,
    }
    return hashlib.sha256(data.write(told)).hexdigest()


class StoredDisk:
    """A disk image that is in a bucket; it is fetched where it is needed.

    :param told: What the board says of it.
    :param fetch: Fetches it.
    """

    def __init__(
        self, told: Mapping[str, Any], fetch: Callable[[], Disk]
    ) -> None:
        self.disk_format: str = told['disk_format']
        self.size: int = told['size']
        self.virtual_size: int = told['virtual_size']
        self.digest: str = told['digest']
        self.stored: Stored | None = Stored(told['target'], told['key'])
        self.is_released = False
        self._fetch = fetch
        self._disk: Disk | None = None

    @property
    def path(self) -> Path:
        """The file, which is fetched when it is asked for first."""
        if self._disk is None:
            self._disk = self._fetch()
        return self._disk.path

    def release(self) -> None:
        """Say that the file is not needed any more."""
        self.is_released = True
        if self._disk is not None:
            self._disk.release()


class BoardDisks:
    """The disk image of a version, shared with other workers.

    :param board: The board.
    :param manifest: The manifest.
    :param clouds: The connections.
    :param sources: Fetches disk images.
    :param folder: What the keys of objects begin with.
    :param source: What the version's is known by, if it has one.
    :param hub: The target whose bucket it is put into.
    :param locked: The digest that it must have.
    :param holdings: Holds what this worker alone may do; without them, what
        is here is shared, and nothing fetched.
    """

    def __init__(
        self,
        board: Board,
        manifest: Manifest,
        clouds: Clouds,
        sources: Sources,
        folder: str,
        source: str | None,
        hub: str | None,
        locked: str | None = None,
        holdings: Holdings | None = None,
    ) -> None:
        self._board = board
        self._manifest = manifest
        self._clouds = clouds
        self._sources = sources
        self._folder = folder
        self._source = source
        self._hub = hub
        self._locked = locked
        self._holdings = holdings

    def is_here(self, image: model.Image, version: model.Version) -> bool:
        """Whether a version's disk image is here, or about to be."""
        return self._sources.is_here(image, version)

    def disk(self, image: model.Image, version: model.Version) -> Disk:
        """Return a version's disk image: fetched by one worker for all.

        :raises: :class:`.errors.BusyError` while another one is at it.
        """
        if (found := self._stored(image)) is not None:
            return found
        if bundle.is_elsewhere(version):
            raise SourceError(
                f"{image.name}@{version.name} is made of a file of the "
                "machine that applies, which is in no bucket any more"
            )
        if self._hub is None or self._source is None or not self._holdings:
            return self._fetched(image, version)
        held = self._holdings.lease('fetching', self._source)
        if held is None:
            raise BusyError("another worker fetches its disk image")
        try:
            return self._stored(image) or self.share(
                image, self._fetched(image, version)
            )
        finally:
            self._holdings.give_back(held)

    def has(self, image: model.Image) -> bool:
        """Whether the disk image has been shared.

        :param image: The image.
        """
        return self._stored(image) is not None

    def share(self, image: model.Image, disk: Disk) -> Disk:
        """Put a disk image where other workers have it from.

        :param image: The image.
        :param disk: The disk image.
        """
        found = hashlib.sha256()
        with disk.path.open('rb') as file:
            while piece := file.read(_PIECE):
                found.update(piece)
        target = self._manifest.targets[str(self._hub)]
        key = f'{self._folder}source-{self._source}.{disk.disk_format}'
        self._clouds.store(target.name).upload(
            disk.path, str(target.bucket), key
        )
        told = {
            'target': target.name,
            'key': key,
            'digest': disk.digest,
            'disk_format': disk.disk_format,
            'size': disk.size,
            'virtual_size': disk.virtual_size,
            'sha256': found.hexdigest(),
        }
        self._board.put(data.write(told), *self._key)
        disk.release()
        return self._of(told, image)

    @property
    def _key(self) -> tuple[str, ...]:
        return 'source', self._manifest.name, str(self._source)

    def _stored(self, image: model.Image) -> StoredDisk | None:
        """Return the disk image that another worker has shared."""
        if self._source is None:
            return None
        content = self._board.get(*self._key)
        if content is None:
            return None
        told = data.read(content)
        data.check('stored', told)
        target = self._manifest.targets.get(told['target'])
        if (
            target is None
            or target.bucket is None
            or not told['key'].startswith(self._folder)
            or not self._clouds.store(target.name).exists(
                target.bucket, told['key']
            )
        ):
            return None
        return self._of(told, image)

    def _of(self, told: Mapping[str, Any], image: model.Image) -> StoredDisk:
        """Return what the board tells of: it is proven when it is fetched."""
        target = self._manifest.targets[told['target']]
        version = model.Version(
            'stored',
            (
                model.ObjectSource(
                    str(target.bucket), told['key'], target.name
                ),
            ),
            model.Checksum('sha256', told['sha256']),
        )
        as_it_is = dataclasses.replace(image, convert=None)
        return StoredDisk(told, lambda: self._sources.disk(as_it_is, version))

    def _fetched(self, image: model.Image, version: model.Version) -> Disk:
        """Return a disk image that was fetched here, and is the one locked."""
        disk = self._sources.disk(image, version)
        which = image.name, version.name
        lock = Lock(self._manifest.name, {which: self._locked})
        problem = lock.problem(*which, disk.digest)
        if problem is not None:
            disk.release()
            raise ProofError(problem)
        return disk
