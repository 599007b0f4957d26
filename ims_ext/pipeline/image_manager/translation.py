# SPDX-License-Identifier: Apache-2.0
"""An image's definition as a manifest declares it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
import re
from typing import Any

from ims_ext.document.reading import Document
from ims_ext.document.reading import Problem
from ims_ext.document.reading import ValuePath
from ims_ext.pipeline.image_manager import systems
from ims_ext.pipeline.image_manager import tags
from ims_ext.pipeline.image_manager.model import GROUP
from ims_ext.pipeline.image_manager.model import Image
from ims_ext.pipeline.image_manager.model import Version
from ims_ext.pipeline.image_manager.origins import Origins
from ims_ext.pipeline.manifest import property_names

#: Formats that no image of the service has.
_FORMATS = ('aki', 'ari', 'ami', 'iso')
#: Keys of an image that are read here; others are warned of.
_KEYS = frozenset(
    (
        *('name', 'enable', 'shortname', 'format', 'login', 'password'),
        *('min_disk', 'min_ram', 'status', 'visibility', 'multi', 'meta'),
        *('tags', 'versions', 'latest_url', 'latest_checksum_url', 'keep'),
        *('separator', 'uuid_validity', 'hidden'),
    )
)
#: Their keys of ``meta`` that are settings of their own here.
_SETTINGS = ('architecture', 'hw_firmware_type', 'image_description')
_ARCHITECTURES = {'x86_64': 'x86', 'aarch64': 'arm'}

_NAME = re.compile('[A-Za-z0-9]([A-Za-z0-9._-]{0,40}[A-Za-z0-9])?')
_VERSION = re.compile('[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?')
_PROPERTY = re.compile('[a-z_][a-z0-9_.:-]{0,127}')


class Translator:
    """Makes declarations of definitions.

    :param has_projects: Whether there are projects that public images can be
        shared with.
    :param folder: What the paths of files are relative to.

    :ivar warnings: What has no counterpart.
    :ivar shares: Whether any image is shared with the projects.
    """

    def __init__(self, has_projects: bool, folder: Path) -> None:
        self._has_projects = has_projects
        self._folder = folder
        self.warnings: list[Problem] = []
        self.shares = False

    def images(self, document: Document) -> Iterator[Image]:
        """Give the images of a file's definitions.

        :param document: The file.
        """
        for key in document.data:
            if key != 'images':
                self._document = document
                self._warn((key,), f"{key} has no counterpart")
        for index in range(len(document.data['images'])):
            self._document = document
            self._path: ValuePath = ('images', index)
            self._given: Mapping[str, Any] = document.data['images'][index]
            image = self._image()
            if image.versions:
                yield image
            else:
                self._warn(
                    (*self._path, 'versions'),
                    f"{image.name} has no version, and is left out",
                )

    def rename(self, document: Document, image: Image) -> None:
        """Give an image a name in the cloud that is no other image's."""
        del image.settings['name']
        self.warnings.append(
            document.problem(
                (*image.path, 'name'),
                f"another image has this name: {image.name} is named after "
                "its short name",
            )
        )

    def warn_of_second(self, document: Document, image: Image) -> None:
        """Warn of an image whose name another one has."""
        self.warnings.append(
            document.problem(
                image.path,
                f"a second image named {image.name}, which is left out",
            )
        )

    def _warn(self, path: ValuePath, message: str) -> None:
        place = self._document.key_place(path)
        self.warnings.append(Problem(place, message))

    def _text(self, *path: str | int) -> str:
        """Return a value as it is written; nothing is an empty text."""
        return (self._document.written((*self._path, *path)) or '').strip()

    # ====== IMAGES ======

    def _image(self) -> Image:
        given, path = self._given, self._path
        title = self._text('name')
        settings: dict[str, Any] = {'name': self._title(title)}
        meta = given.get('meta') or {}
        comments = [f"{title}: {Path(self._document.name).name}"]
        settings |= self._system(meta)
        for key in ('min_disk', 'min_ram'):
            if given.get(key):
                settings[key] = given[key]
        if properties := self._properties(meta):
            settings['properties'] = properties
        if found := tags.translated(
            [
                self._text('tags', index)
                for index in range(len(given.get('tags') or ()))
            ],
            lambda index, said: self._warn((*path, 'tags', index), said),
        ):
            settings['tags'] = found
        settings |= self._policy(meta)
        for key in given:
            if key not in _KEYS:
                self._warn((*path, key), f"{key} has no counterpart")
        comments += self._remarks()
        image = Image(
            self._name(title),
            path,
            given.get('enable', True),
            settings,
            [],
            comments,
        )
        image.versions += self._versions(image.name)
        if not image.is_enabled:
            self._warn(
                (*path, 'enable'),
                "an image that is not enabled is written as a comment, "
                "unless it is asked for",
            )
        return image

    def _name(self, title: str) -> str:
        wanted = self._text('shortname') or title
        name = re.sub('[^A-Za-z0-9._-]+', '-', wanted.lower()).strip('._-')
        name = name[:42].rstrip('._-') or 'image'
        if self._text('shortname') and name != wanted:
            self._warn(
                (*self._path, 'shortname'), f"{wanted!r} becomes {name}"
            )
        return name

    def _title(self, title: str) -> str:
        """Return the image's name in the cloud."""
        allowed = ''.join(
            each if each.isalnum() or each in ' -_.' else '-' for each in title
        )
        allowed = allowed[:60].strip(' ')
        separator = self._given.get('separator', ' ')
        if not isinstance(separator, str) or not re.fullmatch(
            '[ ._-]*', separator
        ):
            self._warn(
                (*self._path, 'separator'),
                f"no name has {separator!r}: a blank is written",
            )
            separator = ' '
        if allowed != title:
            self._warn(
                (*self._path, 'name'),
                f"{title!r} is no name in the cloud: it becomes {allowed!r}",
            )
        return f'{allowed}{separator}{{version}}'

    def _system(self, meta: Mapping[str, Any]) -> dict[str, Any]:
        """Return what says which operating system the image is of."""
        distro, version = (
            self._text('meta', 'os_distro'),
            self._text('meta', 'os_version'),
        )
        name, is_documented = systems.os_version(distro, version)
        if not is_documented:
            which = ' '.join(filter(None, (distro, version)))
            said = "no operating system is named"
            if which:
                said = f"the clouds document no {which}"
            self._warn(
                (*self._path, 'meta', 'os_distro'),
                f"{said}: os_version is {name!r}; 'openstack ims os version "
                "list' says what yours has",
            )
        found: dict[str, Any] = {'os_version': name}
        if written := self._text('meta', 'architecture'):
            if written in _ARCHITECTURES:
                found['architecture'] = _ARCHITECTURES[written]
            else:
                self._warn(
                    (*self._path, 'meta', 'architecture'),
                    f"the clouds have no images of {written}",
                )
        firmware = self._text('meta', 'hw_firmware_type')
        if firmware in ('uefi', 'bios'):
            found['hw_firmware_type'] = firmware
        elif found.get('architecture') == 'arm':
            found['hw_firmware_type'] = 'uefi'
        if firmware not in ('', 'uefi', 'bios'):
            self._warn(
                (*self._path, 'meta', 'hw_firmware_type'),
                f"no image boots by {firmware}",
            )
        if description := self._text('meta', 'image_description'):
            short = re.sub(r'[<>\s]+', ' ', description).strip()[:700]
            found['description'] = short
            if short != description:
                self._warn(
                    (*self._path, 'meta', 'image_description'),
                    "a description has no < >, no line ends and 700 "
                    "characters: it is shortened",
                )
        return found

    def _properties(self, meta: Mapping[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, value in meta.items():
            path = (*self._path, 'meta', key)
            text = self._text('meta', key)
            if key in _SETTINGS or value is None or not text:
                continue
            if problem := property_names.problem(key):
                self._warn(path, problem)
            elif not _PROPERTY.fullmatch(key) or len(text) > 255:
                self._warn(path, f"no image can have the property {key}")
            else:
                found[key] = text
        if login := self._text('login'):
            found['image_original_user'] = login
        return found

    # ====== WHAT IS DONE WITH IT ======

    def _policy(self, meta: Mapping[str, Any]) -> dict[str, Any]:
        """Return for whom the image is, and what becomes of old versions."""
        found: dict[str, Any] = {}
        visibility = self._text('visibility')
        path = (*self._path, 'visibility')
        if visibility in ('public', 'community'):
            if self._has_projects:
                found['share'] = [GROUP]
                self.shares = True
                said = "the image is shared with the projects that were named"
            else:
                said = (
                    "name projects to share the image with, or it is this "
                    "project's alone"
                )
            self._warn(path, f"{visibility} images are no project's: {said}")
        elif visibility == 'shared':
            self._warn(
                path, "with whom it is shared is not defined: add share"
            )
        if self._given.get('multi'):
            found['channels'] = {'latest': {'version': 'newest'}}
            self._warn(
                (*self._path, 'multi'),
                "no version has the image's plain name: the newest is found "
                "by the channel latest",
            )
        found |= self._retention()
        for key, usual in (('status', 'active'),):
            if self._text(key) not in ('', usual):
                self._warn(
                    (*self._path, key),
                    f"{self._text(key)} images have no counterpart: the "
                    "image can be used",
                )
        if self._text('format') in _FORMATS:
            self._warn(
                (*self._path, 'format'),
                f"the format {self._text('format')} is no disk image's: "
                "expect that it is refused",
            )
        return found

    def _retention(self) -> dict[str, Any]:
        where: tuple[str, ...] = ('uuid_validity',)
        if 'uuid_validity' not in self._given:
            where = ('meta', 'uuid_validity')
        validity = self._text(*where)
        if self._given.get('keep'):
            return {}
        if match := re.fullmatch('last-([1-9][0-9]{0,2})', validity):
            return {'retention': {'keep': int(match[1])}}
        if validity not in ('', 'none', 'forever'):
            self._warn(
                (*self._path, *where),
                f"the validity {validity} is not acted on: all versions are "
                "kept until retention says otherwise",
            )
        return {}

    def _remarks(self) -> Iterator[str]:
        """Give what is told in comments, for nothing else takes it."""
        for key in ('latest_url', 'latest_checksum_url'):
            if value := self._text(key):
                yield f"{key}: {value}"
                self._warn(
                    (*self._path, key),
                    f"{key} is kept as a comment: versions_from finds new "
                    "versions, by a URL with {version} in it",
                )
        if 'password' in self._given:
            self._warn(
                (*self._path, 'password'),
                "a password is in no manifest, and is left out",
            )
        if self._given.get('hidden'):
            self._warn(
                (*self._path, 'hidden'),
                "hidden has no counterpart: retention hides old versions",
            )

    # ====== VERSIONS ======

    def _versions(self, image: str) -> Iterator[Version]:
        taken: set[str] = set()
        for index, given in enumerate(self._given['versions']):
            path = (*self._path, 'versions', index)
            written = self._text('versions', index, 'version')
            name = re.sub('[^A-Za-z0-9._-]+', '-', written).strip('._-')
            if not _VERSION.fullmatch(name) or name in taken:
                why = "is there twice" if name in taken else "is no name"
                self._warn(
                    (*path, 'version'),
                    f"{image}@{written} is left out: the version {why}",
                )
                continue
            if name != written:
                self._warn((*path, 'version'), f"{written!r} becomes {name}")
            taken.add(name)
            origins = Origins(self._document, path, self._folder, self._warn)
            settings = origins.settings()
            if settings is None:
                self._warn(
                    (*path, 'url'),
                    f"{image}@{name} is left out: it has no source",
                )
                continue
            built = self._text('versions', index, 'build_date')
            yield Version(name, settings, [f"built {built}"] if built else [])
            for key in given:
                if key not in origins.KEYS:
                    self._warn(
                        (*path, key), f"a version's {key} has no counterpart"
                    )
