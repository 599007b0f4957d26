# SPDX-License-Identifier: Apache-2.0
"""A manifest's declarations, made of its data once that has no faults."""

from collections.abc import Iterator, Mapping
from pathlib import Path
import re
from typing import Any

from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.manifest import units

#: Settings that an image has of its own, and the defaults do not.
_OWN = ('versions', 'versions_from', 'promoted', 'previous_names')
#: Settings that are attributes of ``conn.ims``, under the same names.
ATTRIBUTES = (
    'os_version',
    'architecture',
    'hw_firmware_type',
    'type',
    'min_disk',
    'min_ram',
    'max_ram',
)
#: Settings whose entries are merged with those of the defaults.
_MERGED = ('tags', 'properties', 'channels')


class Parts:
    """The declarations of a manifest.

    :param data: Its content, which breaks no rule.
    :param folder: What paths are relative to.
    """

    def __init__(self, data: Mapping[str, Any], folder: Path) -> None:
        self._data = data
        self._folder = folder
        self._groups = {
            name: tuple(members(group, folder))
            for name, group in (data.get('groups') or {}).items()
        }

    def targets(self) -> dict[str, model.Target]:
        """Return the targets, by name."""
        found = {}
        for name, each in self._data['targets'].items():
            limits = model.Limits(**each.get('limits', {}))
            found[name] = model.Target(
                **{**each, 'limits': limits, 'name': name}
            )
        return found

    def accept(self) -> dict[str, model.Acceptor]:
        """Return who accepts, by project."""
        return {
            name: model.Acceptor(project=name, **each)
            for name, each in (self._data.get('accept') or {}).items()
        }

    def images(self) -> dict[str, model.Image]:
        """Return the images, by name."""
        defaults = self._data.get('defaults') or {}
        return {
            name: self._image(name, settings(defaults, each))
            for name, each in self._data['images'].items()
        }

    def _image(self, name: str, given: Mapping[str, Any]) -> model.Image:
        convert = given.get('convert')
        return model.Image(
            name=name,
            targets=tuple(given.get('targets') or self._data['targets']),
            title=given.get('name', '{image}-{version}'),
            description=given.get('description'),
            attributes={
                each: given[each] for each in ATTRIBUTES if each in given
            },
            properties=dict(given.get('properties') or {}),
            tags=dict(given.get('tags') or {}),
            protected=given.get('protected'),
            convert=convert['format'] if isinstance(convert, dict) else None,
            checks=tuple(check(each) for each in given.get('checks') or ()),
            retention=_retention(given.get('retention') or {}),
            channels=tuple(
                model.Channel(
                    name=each,
                    version=channel['version'],
                    share=self._projects(channel.get('share') or ()),
                    soak=units.duration(channel.get('soak', '0s')),
                )
                for each, channel in (given.get('channels') or {}).items()
            ),
            share=self._projects(given.get('share') or ()),
            attempts=given.get('attempts', 2),
            versions=tuple(
                self._version(each, entry)
                for each, entry in (given.get('versions') or {}).items()
            ),
            versions_from=self._versions_from(given.get('versions_from')),
            promoted=given.get('promoted'),
            previous_names=tuple(given.get('previous_names') or ()),
        )

    def _projects(
        self, consumers: list[str] | tuple[str, ...]
    ) -> tuple[str, ...]:
        """Return the projects of groups and projects, once each."""
        found: dict[str, None] = {}
        for each in consumers:
            found |= dict.fromkeys(self._groups.get(each, (each,)))
        return tuple(found)

    # ====== VERSIONS ======

    def _version(self, name: str, entry: Mapping[str, Any]) -> model.Version:
        sources = entry['source']
        if isinstance(sources, dict):
            sources = [sources]
        checksum = entry.get('checksum')
        return model.Version(
            name=name,
            sources=tuple(self._source(each) for each in sources),
            checksum=None if checksum is None else _checksum(checksum),
            checksums=self._location(entry.get('checksums')),
            signature=self._signature(entry.get('signature')),
        )

    def _versions_from(
        self, given: Mapping[str, Any] | None
    ) -> model.VersionsFrom | None:
        if given is None:
            return None
        others = {
            each: given[each]
            for each in ('pattern', 'newest', 'member')
            if each in given
        }
        return model.VersionsFrom(
            urls=(given['url'], *(given.get('mirrors') or ())),
            checksums=self._location(given.get('checksums')),
            signature=self._signature(given.get('signature')),
            **others,
        )

    def _source(self, given: Mapping[str, Any]) -> model.Source:
        member = given.get('member')
        target = given.get('target')
        if 'url' in given:
            return model.UrlSource(given['url'], member)
        if 'file' in given:
            return model.FileSource(self._folder / given['file'], member)
        if 'object' in given:
            bucket, _, key = given['object'].partition(':')
            return model.ObjectSource(bucket, key, target, member)
        if 'server' in given:
            return model.ServerSource(given['server'], str(target))
        if 'volume' in given:
            return model.VolumeSource(given['volume'], str(target))
        return model.ImageSource(given['image'], target, given.get('cloud'))

    def _signature(
        self, given: Mapping[str, str] | None
    ) -> model.Signature | None:
        if given is None:
            return None
        return model.Signature(
            str(self._location(given['gpg'])),
            self._folder / given['keyring'],
        )

    def _location(self, given: str | None) -> str | None:
        if given is None or re.match('https?://', given):
            return given
        return str(self._folder / given)


def settings(
    defaults: Mapping[str, Any], image: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an image's settings: its own, and the defaults for the others.

    Tags, properties and channels are merged, entry by entry; whatever else
    an image names replaces the default.

    :param defaults: The manifest's defaults.
    :param image: What the image names.
    """
    found = {**defaults, **image}
    for each in _MERGED:
        if each in defaults and each in image:
            found[each] = {**defaults[each], **image[each]}
    return found


def members(group: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Give the projects of a group, those of its file last.

    :param group: What the manifest names.
    :param folder: What the file's path is relative to.
    :raises: :class:`OSError`, :class:`UnicodeDecodeError`
    """
    yield from group.get('projects') or ()
    if file := group.get('projects_file'):
        for line in (folder / file).read_text('utf-8').splitlines():
            if name := line.partition('#')[0].strip():
                yield name


def check(text: str) -> model.Check:
    """Return the check that a text stands for.

    :param text: ``format``, ``safe``, or a comparison.
    :raises: :class:`ValueError`
    """
    match = re.fullmatch('([a-z_]+) *([<>]=?)? *(.*)', text)
    if not match:
        raise ValueError(f"{text!r} is no check")
    subject, comparison, size = match.groups()
    if not comparison:
        return model.Check(subject)
    return model.Check(subject, comparison, units.size(size))


def _checksum(text: str) -> model.Checksum:
    algorithm, _, digest = text.partition(':')
    return model.Checksum(algorithm, digest.lower())


def _retention(given: Mapping[str, Any]) -> model.Retention:
    found: dict[str, Any] = {}
    if given:
        found['keep'] = given.get('keep', 3)
    for each in ('deprecate_after', 'delete_after'):
        if each in given:
            found[each] = units.duration(given[each])
    if 'never' in given:
        found['never'] = frozenset(given['never'])
    return model.Retention(**found)
