# SPDX-License-Identifier: Apache-2.0
"""What a manifest gets wrong beyond its shape: names of nothing, circles.

The rules are looked at whatever the manifest's shape is, so that all faults
are told at once: each takes the values whose shape is right, and leaves the
others to the JSON Schema.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
import re
from typing import Any

from ims_ext import exceptions
from ims_ext import os_versions
from ims_ext import validation
from ims_ext.document.reading import Document
from ims_ext.document.reading import Problem
from ims_ext.document.reading import ValuePath
from ims_ext.pipeline.manifest import building
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.manifest import property_names
from ims_ext.pipeline.manifest import shapes
from ims_ext.pipeline.manifest import units
from ims_ext.pipeline.manifest.source_checking import SourceRules

#: Tags that are the pipeline's own.
RESERVED_TAGS = ('ims-pipeline', 'ims-image', 'ims-digest')
_MOST_TAGS = 7


def problems(document: Document, folder: Path) -> list[Problem]:
    """Return what breaks the rules that no JSON Schema can say.

    :param document: The manifest, its variables filled in.
    :param folder: What paths in it are relative to.
    """
    if not isinstance(document.data, dict):
        return []
    rules = _Rules(document, folder)
    rules.look_at_targets()
    rules.look_at_groups()
    for path, given in rules.scopes():
        rules.look_at_settings(path, given)
    for name, image in shapes.mapping(document.data, 'images').items():
        if isinstance(image, dict):
            rules.look_at_image(name, image)
    rules.look_at_names()
    return rules.problems


class _Rules:
    def __init__(self, document: Document, folder: Path) -> None:
        self._document = document
        self._data: dict[str, Any] = document.data
        self._folder = folder
        self._targets = shapes.mapping(self._data, 'targets')
        self._defaults = shapes.mapping(self._data, 'defaults')
        self.problems: list[Problem] = []
        self._sources = SourceRules(self._note, self._is_target, folder)

    def _note(self, path: ValuePath, message: str) -> None:
        self.problems.append(self._document.problem(path, message))

    def scopes(self) -> Iterator[tuple[ValuePath, dict[str, Any]]]:
        """Give the places that have settings: the defaults, each image."""
        yield ('defaults',), self._defaults
        for name, image in shapes.mapping(self._data, 'images').items():
            if isinstance(image, dict):
                yield ('images', name), image

    # ====== TARGETS AND GROUPS ======

    def look_at_targets(self) -> None:
        """Look for copies from nowhere, and for those in a circle."""
        for name, target in self._targets.items():
            path = ('targets', name)
            if not isinstance(target, dict):
                continue
            first = target.get('copy_from')
            if not isinstance(first, str):
                continue
            if not self._is_target((*path, 'copy_from'), first):
                continue
            if self._is_circle(name):
                self._note(
                    (*path, 'copy_from'),
                    f"{name} copies from itself, by way of {first}"
                    if first != name
                    else f"{name} copies from itself",
                )
            source = self._targets[first]
            if (
                isinstance(source, dict)
                and source.get('region') != target.get('region')
                and not target.get('agency')
            ):
                self._note(
                    (*path, 'copy_from'),
                    f"{first} is in another region: copying needs an agency "
                    f"here, by which {name} may take from there",
                )

    def _is_target(self, path: ValuePath, name: str) -> bool:
        if name in self._targets:
            return True
        self._note(
            path,
            f"there is no target {name!r}{shapes.near(name, self._targets)}",
        )
        return False

    def _is_circle(self, name: str) -> bool:
        seen = set()
        here: Any = name
        while here in self._targets and here not in seen:
            seen.add(here)
            target = self._targets[here]
            here = (
                target.get('copy_from') if isinstance(target, dict) else None
            )
        return bool(here == name)

    def look_at_groups(self) -> None:
        """Look for files that cannot be read, and names of both kinds."""
        for name, group in shapes.mapping(self._data, 'groups').items():
            if not isinstance(group, dict):
                continue
            file = group.get('projects_file')
            if not isinstance(file, str) or not file:
                continue
            path = ('groups', name, 'projects_file')
            try:
                found = list(
                    building.members({'projects_file': file}, self._folder)
                )
            except (OSError, ValueError) as error:
                reason = getattr(error, 'strerror', None) or "it is no UTF-8"
                self._note(path, f"{file} cannot be read: {reason}")
                continue
            if not found:
                self._note(path, f"{file} names no project")

    # ====== SETTINGS ======

    def look_at_settings(self, path: ValuePath, given: dict[str, Any]) -> None:
        """Look at what defaults and images may both have."""
        for index, name in enumerate(shapes.texts(given.get('targets'))):
            if name:
                self._is_target((*path, 'targets', index), name)
        for key in shapes.mapping(given, 'tags'):
            if key in RESERVED_TAGS:
                self._note(
                    (*path, 'tags', key),
                    f"the tag {key} is the pipeline's own",
                )
        for key in shapes.mapping(given, 'properties'):
            problem = property_names.problem(str(key))
            if problem is not None:
                self._note((*path, 'properties', key), problem)
        version = given.get('os_version')
        if isinstance(version, str) and not os_versions.find(version):
            self._look_at_os_version((*path, 'os_version'), version)
        if given.get('hw_firmware_type') == 'bios' and given.get(
            'architecture'
        ) in ('arm', 'aarch64'):
            self._note(
                (*path, 'hw_firmware_type'), "images of arm boot by uefi"
            )
        self._look_at_retention(
            (*path, 'retention'), shapes.mapping(given, 'retention')
        )
        self._look_at_title((*path, 'name'), given.get('name'))

    def _look_at_os_version(self, path: ValuePath, version: str) -> None:
        """Refuse a misspelt one; what no list has is for the cloud to say."""
        squeezed = re.sub(r'[\W_]', '', version).lower()
        for each in os_versions.nearest(version, 1):
            if re.sub(r'[\W_]', '', each).lower() == squeezed:
                self._note(
                    path, f"{version!r} is written {each!r} by the clouds"
                )

    def _look_at_retention(
        self, path: ValuePath, given: Mapping[str, Any]
    ) -> None:
        try:
            hidden = units.duration(str(given['deprecate_after']))
            deleted = units.duration(str(given['delete_after']))
        except (KeyError, ValueError):
            return
        if deleted < hidden:
            self._note(
                (*path, 'delete_after'),
                "versions are deleted before they are deprecated; "
                "delete_after is at least deprecate_after",
            )

    def _look_at_title(self, path: ValuePath, title: Any) -> None:
        if not isinstance(title, str):
            return
        for each in re.findall(r'\{[^}]*\}?|\}', title):
            if each not in ('{image}', '{version}'):
                self._note(
                    path,
                    f"{each} stands for nothing; {{image}} and {{version}} do",
                )
        if '{version}' not in title:
            self._note(path, "without {version}, all versions have one name")

    # ====== IMAGES ======

    def look_at_image(self, name: str, image: dict[str, Any]) -> None:
        """Look at an image's versions, and at what follows them."""
        path = ('images', name)
        merged = building.settings(
            {k: v for k, v in self._defaults.items() if shapes.is_sound(k, v)},
            {k: v for k, v in image.items() if shapes.is_sound(k, v)},
        )
        versions = shapes.mapping(image, 'versions')
        if 'versions' not in image and 'versions_from' not in image:
            self._note(
                path,
                f"{name} has no versions; name them in versions, or where "
                "they are found in versions_from",
            )
        for version, entry in versions.items():
            if isinstance(entry, dict):
                self._sources.look_at_version(
                    (*path, 'versions', version), entry
                )
        self._sources.look_at_versions_from(
            (*path, 'versions_from'), image.get('versions_from')
        )
        if len(shapes.mapping(merged, 'tags')) > _MOST_TAGS:
            self._note(
                (*path, 'tags'),
                f"{len(merged['tags'])} tags with those of the defaults; an "
                f"image has room for {_MOST_TAGS} beside the pipeline's own",
            )
        is_open = 'versions_from' in image
        promoted = image.get('promoted')
        if isinstance(promoted, str) and not is_open and versions:
            self._is_version((*path, 'promoted'), promoted, versions)
        for channel, each in shapes.mapping(merged, 'channels').items():
            self._look_at_channel(name, image, channel, each)

    def _look_at_channel(
        self, name: str, image: dict[str, Any], channel: str, given: Any
    ) -> None:
        wanted = given.get('version') if isinstance(given, dict) else None
        if not isinstance(wanted, str) or wanted == model.NEWEST:
            return
        own = channel in shapes.mapping(image, 'channels')
        path: ValuePath = (
            ('images', name, 'channels', channel, 'version')
            if own
            else ('images', name)
        )
        if wanted == model.PROMOTED:
            if own and 'promoted' not in image:
                self._note(
                    path,
                    f"{name} has no promoted version that {channel} can be at",
                )
        elif 'versions_from' not in image:
            self._is_version(path, wanted, shapes.mapping(image, 'versions'))

    def _is_version(
        self, path: ValuePath, name: str, versions: Mapping[str, Any]
    ) -> None:
        if versions and name not in versions:
            self._note(
                path,
                f"there is no version {name!r}{shapes.near(name, versions)}",
            )

    # ====== NAMES IN THE CLOUD ======

    def look_at_names(self) -> None:
        """Look for names that the service refuses, or that two would have."""
        taken: dict[str, str] = {}
        for name, image in shapes.mapping(self._data, 'images').items():
            if not isinstance(image, dict):
                continue
            title = image.get('name', self._defaults.get('name'))
            if not isinstance(title, str):
                title = '{image}-{version}'
            shape = model.Image(name, (), title)
            for version in shapes.mapping(image, 'versions'):
                path = ('images', name, 'versions', version)
                whole = shape.cloud_name(version)
                owner = f'{name}@{version}'
                try:
                    validation.check_name(whole)
                except exceptions.ValidationError as error:
                    self._note(path, str(error))
                if whole in taken:
                    self._note(
                        path,
                        f"{owner} would be named {whole!r} in the cloud, as "
                        f"{taken[whole]} is",
                    )
                taken.setdefault(whole, owner)
