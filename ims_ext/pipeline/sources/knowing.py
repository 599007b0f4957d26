# SPDX-License-Identifier: Apache-2.0
"""What is known of sources before any is fetched."""

from collections.abc import Collection, Iterator, Mapping
from concurrent import futures
import dataclasses
import hashlib
import json
import os
from pathlib import Path
import threading

from ims_ext import exceptions
from ims_ext.diskimage import qemu_img
from ims_ext.pipeline import identity
from ims_ext.pipeline import looking
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning import routes
from ims_ext.pipeline.planning import versions
from ims_ext.pipeline.seen import SeenVersion
from ims_ext.pipeline.sources import finding
from ims_ext.pipeline.sources.errors import PlaceError
from ims_ext.pipeline.sources.errors import SourceError
from ims_ext.pipeline.sources.places import ObjectPlace
from ims_ext.pipeline.sources.places import Place
from ims_ext.pipeline.sources.places import Places
from ims_ext.pipeline.sources.proofs import Expected
from ims_ext.pipeline.sources.proofs import Proofs
from ims_ext.pipeline.sources.proofs import identity_of

#: Sources that are looked at at a time.
_AT_A_TIME = 16
_CHUNK = 1024 * 1024
_MADE_OF_BYTES = (model.UrlSource, model.FileSource, model.ObjectSource)


class Known:
    """What is known of a manifest's sources.

    :param manifest: The manifest.
    :param places: Finds the places of sources.
    :param proofs: Says what they must be.
    :param digests: The digests of files.
    """

    def __init__(
        self,
        manifest: Manifest,
        places: Places,
        proofs: Proofs,
        digests: 'Digests',
    ) -> None:
        self._manifest = manifest
        self._places = places
        self._proofs = proofs
        self._digests = digests

    def look_up(self, *, is_brief: bool = False) -> looking.Upstream:
        """Look for versions, and at the sources of all there are.

        :param is_brief: Whether web servers are not asked for files whose
            checksum is declared: :meth:`more` asks for those that matter.
        """
        one = self._briefly if is_brief else self._one
        with futures.ThreadPoolExecutor(_AT_A_TIME, 'ims-source') as pool:
            images = list(self._manifest.images.values())
            found: dict[str, tuple[model.Version, ...]] = {}
            problems: dict[str, str] = {}
            for image, versions_of_it in zip(
                images, pool.map(self._found, images), strict=True
            ):
                if isinstance(versions_of_it, str):
                    problems[image.name] = versions_of_it
                elif versions_of_it is not None:
                    found[image.name] = versions_of_it
            all_versions = [
                (image, version)
                for image in images
                for version in _declared(image, found)
            ]
            sources = list(pool.map(lambda each: one(*each), all_versions))
        self._digests.save()
        return looking.Upstream(
            found=found,
            sources={
                (image.name, version.name): known
                for (image, version), known in zip(
                    all_versions, sources, strict=True
                )
            },
            problems=problems,
        )

    def more(
        self, known: looking.Upstream, which: Collection[tuple[str, str]]
    ) -> looking.Upstream:
        """Look at sources that a brief look has left out.

        :param known: What is known.
        :param which: Images and versions that something is to be made of.
        """
        left = [
            (image, version)
            for image in self._manifest.images.values()
            for version in _declared(image, known.found)
            if (image.name, version.name) in which
            and known.sources[image.name, version.name].is_brief
        ]
        if not left:
            return known
        with futures.ThreadPoolExecutor(_AT_A_TIME, 'ims-source') as pool:
            seen = pool.map(lambda each: self._one(*each), left)
            sources = {
                (image.name, version.name): one
                for (image, version), one in zip(left, seen, strict=True)
            }
        return dataclasses.replace(known, sources={**known.sources, **sources})

    def _found(
        self, image: model.Image
    ) -> tuple[model.Version, ...] | str | None:
        """Return the versions that were found, or why none were."""
        given = image.versions_from
        if given is None:
            return None
        named = {each.name for each in image.versions}
        wanted = set(_fixed(image))
        try:
            wanted |= set(finding.find(self._places, image, given))
        except SourceError as error:
            return str(error)
        return tuple(
            finding.version(given, each)
            for each in versions.newest_first(wanted - named)
        )

    def _briefly(
        self, image: model.Image, version: model.Version
    ) -> SeenVersion:
        if (
            isinstance(version.sources[0], model.UrlSource)
            and version.checksum is not None
        ):
            return SeenVersion(_digest(version.checksum), is_brief=True)
        return self._one(image, version)

    def _one(self, image: model.Image, version: model.Version) -> SeenVersion:
        first = version.sources[0]
        if not isinstance(first, _MADE_OF_BYTES):
            return SeenVersion(identity.digest(str(first).encode()))
        problems: list[str] = []
        try:
            for place in self._places.of(image, version):
                try:
                    known = self._at(place, version)
                    return dataclasses.replace(
                        known, lacking=_lacking(image, version)
                    )
                except PlaceError as error:
                    problems.append(str(error))
        except SourceError as error:
            problems.append(str(error))
        return SeenVersion(
            digest=_digest(version.checksum),
            problem=exceptions.readable('; '.join(problems), 500),
        )

    def _at(self, place: Place, version: model.Version) -> SeenVersion:
        expected = self._proofs.expected(version, place.file_name)
        digest = _digest(expected.checksum)
        # A bucket is the cloud's: it is asked when the object is needed.
        size = None if isinstance(place, ObjectPlace) else place.size()
        if digest is None and place.path is not None:
            digest = self._digests.of(place.path)
        return SeenVersion(digest, size, _proof(expected, version))


def _lacking(image: model.Image, version: model.Version) -> str:
    """Return what converting a source needs and this machine has not."""
    wanted = routes.sent_format(image, version.sources[0])
    if (
        image.convert is None
        or routes.format_of(version.sources[0]) == wanted
        or qemu_img.is_there()
    ):
        return ''
    return (
        f"converting it to {wanted} needs qemu-img, which this machine does "
        "not have: install Debian's qemu-utils"
    )


def _digest(checksum: model.Checksum | None) -> str | None:
    return None if checksum is None else identity_of(checksum)


def _proof(expected: Expected, version: model.Version) -> str:
    if version.signature is not None and version.checksums is None:
        return "signature of the source"
    return str(expected)


def _fixed(image: model.Image) -> Iterator[str]:
    """Give the versions that are named, whatever the newest one is."""
    if image.promoted is not None:
        yield image.promoted
    for each in image.channels:
        if each.version not in (model.NEWEST, model.PROMOTED):
            yield each.version


def _declared(
    image: model.Image, found: Mapping[str, tuple[model.Version, ...]]
) -> Iterator[model.Version]:
    yield from image.versions
    yield from found.get(image.name, ())


class Digests:
    """The SHA-256 of files, kept from one run to the next.

    :param path: The file where they are kept, which may be deleted at any
        time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._known: dict[str, list[str]] | None = None
        self._is_new = False

    def of(self, path: Path) -> str:
        """Return a file's SHA-256, in the form of a tag's value.

        :param path: The file.
        :raises: :class:`.errors.PlaceError` where it cannot be read.
        """
        try:
            with path.open('rb') as file:
                found = os.fstat(file.fileno())
                marks = f'{found.st_size}.{found.st_mtime_ns}.{found.st_ino}'
                key = os.path.realpath(path)
                with self._guard:
                    known = self._kept().get(key, ['', ''])
                if known[0] == marks:
                    return known[1]
                digest = hashlib.sha256()
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise PlaceError(f"{path}: {error.strerror or error}") from error
        value = identity.encoded(digest.digest())
        with self._guard:
            self._kept()[key] = [marks, value]
            self._is_new = True
        return value

    def save(self) -> None:
        """Keep what is new."""
        with self._guard:
            if not self._is_new or self._known is None:
                return
            self._is_new = False
            # Of files that have gone, nothing is kept.
            there = {
                key: each
                for key, each in self._known.items()
                if os.path.exists(key)
            }
            text = json.dumps(there)
        temporary = self._path.with_name(f'{self._path.name}.{os.getpid()}')
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
            )
            with open(descriptor, 'w', encoding='utf-8') as file:
                file.write(text)
            os.replace(temporary, self._path)
        except OSError:
            # It is a cache.
            temporary.unlink(missing_ok=True)

    def _kept(self) -> dict[str, list[str]]:
        if self._known is None:
            self._known = {}
            try:
                kept = json.loads(self._path.read_text('utf-8'))
            except (OSError, ValueError):
                return self._known
            if isinstance(kept, dict):
                self._known = {
                    key: each
                    for key, each in kept.items()
                    if isinstance(each, list)
                    and len(each) == 2
                    and all(isinstance(e, str) for e in each)
                }
        return self._known
