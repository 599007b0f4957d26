# SPDX-License-Identifier: Apache-2.0
"""The places that a source may be at, and the bytes that each gives."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
from typing import Protocol

from openstack import exceptions as sdk_exceptions

from ims_ext import local_file
from ims_ext import objectstore
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning import routes
from ims_ext.pipeline.sources import addresses
from ims_ext.pipeline.sources import web
from ims_ext.pipeline.sources.errors import PlaceError
from ims_ext.pipeline.sources.errors import SourceError
from ims_ext.pipeline.sources.errors import Take
from ims_ext.pipeline.sources.exporting import ImagePlace

_CHUNK = 1024 * 1024


class Place(Protocol):
    """Somewhere that a source can be fetched from."""

    @property
    def name(self) -> str:
        """What messages call it, without secrets."""

    @property
    def file_name(self) -> str:
        """The name of its file, which says what is packed in it."""

    @property
    def member(self) -> str | None:
        """The disk image's name in it, for archives of several."""

    @property
    def path(self) -> Path | None:
        """Its file, where it is one of this machine."""

    @property
    def digest(self) -> str | None:
        """What identifies it, where that is not its bytes."""

    @property
    def total(self) -> int | None:
        """Its bytes, where they are known while it is fetched."""

    def size(self) -> int | None:
        """Return its bytes, where somebody tells them.

        :raises: :class:`.errors.PlaceError` where it is not there.
        """

    def fetch(self, take: Take) -> None:
        """Have its bytes taken; from the beginning as often as need be.

        :param take: Called with the bytes.
        :raises: :class:`.errors.PlaceError`
        """


class FilePlace:
    """A file of this machine.

    :param source: The source.
    """

    def __init__(self, source: model.FileSource) -> None:
        self._source = source
        self.name = str(source.path)
        self.file_name = source.path.name
        self.member = source.member
        self.path: Path | None = source.path
        self.digest: str | None = None
        self.total: int | None = None

    def size(self) -> int | None:
        """Return its bytes."""
        try:
            return self._source.path.stat().st_size
        except OSError as error:
            raise PlaceError(
                f"{self.name}: {error.strerror or error}"
            ) from error

    def fetch(self, take: Take) -> None:
        """Have it read."""
        try:
            with local_file.LocalFile(self._source.path) as file:
                self.total = file.size
                take(_read(file))
                if not file.is_unchanged:
                    raise PlaceError(
                        f"{self.name} has changed while it was read: run it "
                        f"again when nothing writes to it"
                    )
        except (OSError, sdk_exceptions.ValidationException) as error:
            raise PlaceError(f"{self.name}: {error}") from error


def _read(file: local_file.LocalFile) -> Iterator[bytes]:
    offset = 0
    while offset < file.size:
        data = file.read_at(offset, min(_CHUNK, file.size - offset))
        offset += len(data)
        yield data


class WebPlace:
    """A file of a web server.

    :param source: The source.
    :param servers: The web.
    :param most: Bytes that it may have.
    """

    def __init__(
        self, source: model.UrlSource, servers: web.Web, most: int
    ) -> None:
        self._source = source
        self._servers = servers
        self.path: Path | None = None
        self.digest: str | None = None
        self._download = servers.download(source.url, most)
        self.name = addresses.shown(source.url)
        self.file_name = routes.file_name(model.UrlSource(source.url))
        self.member = source.member

    @property
    def total(self) -> int | None:
        """Its bytes, once the server has told them."""
        return self._download.size

    def size(self) -> int | None:
        """Ask the server for its bytes."""
        return self._servers.size(self._source.url)

    def fetch(self, take: Take) -> None:
        """Have it downloaded."""
        web.whole(self._download, take)


class ObjectPlace:
    """An object of a bucket.

    :param source: The source.
    :param target: The target whose credentials read it.
    :param clouds: The connections.
    """

    def __init__(
        self, source: model.ObjectSource, target: str, clouds: Clouds
    ) -> None:
        self._source = source
        self._target = target
        self._clouds = clouds
        self.name = f'{source} of {target}'
        self.file_name = source.key.rpartition('/')[2]
        self.member = source.member
        self.path: Path | None = None
        self.digest: str | None = None
        self.total: int | None = None

    def size(self) -> int | None:
        """Ask the bucket for its bytes."""
        with _told(self.name):
            return self._store.size(self._source.bucket, self._source.key)

    def fetch(self, take: Take) -> None:
        """Have it downloaded."""
        with _told(self.name):
            found = self._store.read(self._source.bucket, self._source.key)
            self.total = found.size
            take(found.chunks())

    @property
    def _store(self) -> objectstore.ObjectStore:
        return objectstore.ObjectStore(self._clouds.target(self._target))


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what a cloud says into what is told of a place."""
    try:
        yield
    except SourceError:
        raise
    except (sdk_exceptions.SDKException, OSError) as error:
        raise PlaceError(f"{name}: {error}") from error


class Places:
    """Finds the places of sources.

    :param manifest: The manifest.
    :param clouds: The connections.
    :param servers: The web.
    :param most: Bytes that a source may have.
    """

    def __init__(
        self, manifest: Manifest, clouds: Clouds, servers: web.Web, most: int
    ) -> None:
        self._manifest = manifest
        self._clouds = clouds
        self._servers = servers
        self._most = most

    def of(
        self, image: model.Image, version: model.Version
    ) -> Iterator[Place]:
        """Give the places of a version, in turn.

        :param image: The image.
        :param version: The version.
        :raises: :class:`.errors.SourceError` for a server or a volume, whose
            bytes nobody fetches.
        """
        for source in version.sources:
            if isinstance(source, model.UrlSource):
                yield WebPlace(source, self._servers, self._most)
            elif isinstance(source, model.FileSource):
                yield FilePlace(source)
            elif isinstance(source, model.ObjectSource):
                for target in self._targets_of(image, source):
                    yield ObjectPlace(source, target, self._clouds)
            elif isinstance(source, model.ImageSource):
                yield ImagePlace(source, self._manifest, self._clouds)
            else:
                raise SourceError(
                    f"{source} cannot be fetched: it is made into an image "
                    f"where it is"
                )

    def _targets_of(
        self, image: model.Image, source: model.ObjectSource
    ) -> list[str]:
        if source.target is not None:
            return [source.target]
        targets = self._manifest.targets
        # Who has the bucket is asked first.
        return sorted(
            image.targets,
            key=lambda each: targets[each].bucket != source.bucket,
        )

    def text(self, location: str, most: int) -> bytes:
        """Return a short file that a manifest names: a list, a signature.

        :param location: A URL or a path.
        :param most: Bytes that it may have.
        :raises: :class:`.errors.PlaceError`
        """
        if location.startswith(('http://', 'https://')):
            return self._servers.text(location, most)
        path = Path(location)
        try:
            with path.open('rb') as file:
                content = file.read(most + 1)
        except OSError as error:
            raise PlaceError(f"{path}: {error.strerror or error}") from error
        if len(content) > most:
            raise PlaceError(f"{path} has more than {most} bytes")
        return content
