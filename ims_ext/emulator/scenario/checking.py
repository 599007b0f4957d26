# SPDX-License-Identifier: Apache-2.0
"""The faults of a scenario: those of its form, and what does not fit."""

from collections.abc import Iterator, Sequence
import difflib
from pathlib import Path
from typing import Any

from ims_ext import os_versions
from ims_ext.document import schema as document_schema
from ims_ext.document.reading import Document
from ims_ext.document.reading import DocumentError
from ims_ext.document.reading import Problem
from ims_ext.document.reading import ValuePath
from ims_ext.emulator.clock import duration
from ims_ext.emulator.fault import Fault
from ims_ext.emulator.fault import FaultError
from ims_ext.emulator.scenario import form
from ims_ext.emulator.seed import ACCOUNTS
from ims_ext.emulator.seed import Account

#: Images of all kinds together.
MOST_IMAGES = 1_000_000
#: Tags of one image.
_MOST_TAGS = 128

#: Lists of a project whose items have a name that is theirs alone.
_NAMED = ('servers', 'volumes', 'backups', 'vaults', 'keys', 'buckets')


def check(document: Document, folder: Path) -> None:
    """Refuse a scenario that has faults.

    :param document: The scenario.
    :param folder: Where the paths in it begin.
    :raises: :class:`~ims_ext.document.reading.DocumentError`
    """
    if document.data is None:
        return
    found = document_schema.problems(document, form.schema())
    if not found:
        # What has another form cannot be looked into.
        found = list(_Check(document, folder).problems())
    if found:
        raise DocumentError(found)


class _Check:
    """The faults of a scenario of the right form."""

    def __init__(self, document: Document, folder: Path) -> None:
        self._document = document
        self._folder = folder
        self._data = document.data
        regions = self._data.get('regions') or ['']
        users = [
            *ACCOUNTS,
            *(
                Account(user['name'], '', user['project'])
                for user in self._data.get('users', ())
            ),
        ]
        # A user's project has one beside it in each other region, and each
        # region one of its own.
        self._projects = [
            *(project['name'] for project in self._data.get('projects', ())),
            *(
                name
                for user in users
                for name in user.projects(regions).values()
            ),
            *(regions if len(regions) > 1 else ()),
        ]

    def problems(self) -> Iterator[Problem]:
        """Yield the faults, in any order."""
        for number, text in enumerate(self._data.get('faults', ())):
            try:
                Fault.parse(text)
            except FaultError as error:
                yield self._problem(('faults', number), str(error))
        yield from self._twice(('projects',), self._data.get('projects', ()))
        yield from self._twice(('users',), self._data.get('users', ()))
        buckets: dict[str, ValuePath] = {}
        images = 0
        for number, project in enumerate(self._data.get('projects', ())):
            path: ValuePath = ('projects', number)
            yield from self._project(path, project)
            for index, bucket in enumerate(project.get('buckets', ())):
                place = (*path, 'buckets', index, 'name')
                first = buckets.setdefault(bucket['name'], place)
                if first is not place and first[:2] != path:
                    yield self._problem(
                        place,
                        f"the bucket {bucket['name']} is another project's; "
                        "a name is taken for all",
                    )
            images += sum(
                image.get('count', 1) for image in project.get('images', ())
            )
        if images > MOST_IMAGES:
            yield self._problem(
                ('projects',),
                f"there are {images} images, and at most {MOST_IMAGES}",
            )
        for number, user in enumerate(self._data.get('users', ())):
            for index, name in enumerate(user.get('projects', ())):
                yield from self._known(
                    ('users', number, 'projects', index),
                    "project",
                    name,
                    self._projects,
                )

    def _project(
        self, path: ValuePath, project: dict[str, Any]
    ) -> Iterator[Problem]:
        for kind in _NAMED:
            items = project.get(kind, ())
            yield from self._twice((*path, kind), items)
        names = {
            kind: [item['name'] for item in project.get(kind, ())]
            for kind in (*_NAMED, 'images')
        }
        for index, image in enumerate(project.get('images', ())):
            yield from self._image((*path, 'images', index), image)
        for index, bucket in enumerate(project.get('buckets', ())):
            yield from self._bucket((*path, 'buckets', index), bucket)
        if project.get('begin_with', 'standard') == 'standard':
            names['keys'].append('disks')
            names['vaults'].append('servers')
            names['servers'] += ['web', 'db', 'batch']
        for kind, item, key, known in (
            ('servers', 'image', 'image', 'images'),
            ('servers', 'key', 'key', 'keys'),
            ('volumes', 'key', 'key', 'keys'),
            ('backups', 'server', 'server', 'servers'),
            ('backups', 'vault', 'vault', 'vaults'),
        ):
            for index, each in enumerate(project.get(kind, ())):
                if item in each:
                    yield from self._known(
                        (*path, kind, index, item),
                        key,
                        each[item],
                        names[known],
                    )
        for index, server in enumerate(project.get('servers', ())):
            yield from self._disks((*path, 'servers', index), server, names)
        for kind in ('servers', 'volumes'):
            for index, each in enumerate(project.get(kind, ())):
                yield from self._os_version((*path, kind, index), each)
        for index, vault in enumerate(project.get('vaults', ())):
            for place, name in enumerate(vault.get('servers', ())):
                yield from self._known(
                    (*path, 'vaults', index, 'servers', place),
                    "server",
                    name,
                    names['servers'],
                )
        yield from self._vaults(path, project)

    def _disks(
        self,
        path: ValuePath,
        server: dict[str, Any],
        names: dict[str, list[str]],
    ) -> Iterator[Problem]:
        for index, disk in enumerate(server.get('disks', ())):
            if 'key' in disk:
                yield from self._known(
                    (*path, 'disks', index, 'key'),
                    "key",
                    disk['key'],
                    names['keys'],
                )

    def _vaults(
        self, path: ValuePath, project: dict[str, Any]
    ) -> Iterator[Problem]:
        for index, backup in enumerate(project.get('backups', ())):
            kind = backup.get('kind')
            if kind == 'CBR' and 'vault' not in backup:
                yield self._problem(
                    (*path, 'backups', index),
                    f"the backup {backup['name']} of the kind CBR has no "
                    "vault",
                )
            if kind == 'CSBS' and 'vault' in backup:
                yield self._problem(
                    (*path, 'backups', index, 'vault'),
                    "backups of the kind CSBS are in no vault",
                )

    def _image(
        self, path: ValuePath, image: dict[str, Any]
    ) -> Iterator[Problem]:
        yield from self._os_version(path, image)
        if 'file' in image:
            yield from self._file((*path, 'file'), image['file'])
            if 'size' in image:
                yield self._problem(
                    (*path, 'size'), "the size is the file's own"
                )
        several = image.get('count', 1) > 1
        for name in ('id', 'file'):
            if several and name in image:
                yield self._problem(
                    (*path, name),
                    f"several images cannot have one {name}",
                )
        age = image.get('age', 0)
        ages = age.values() if isinstance(age, dict) else [age]
        for each in ages:
            try:
                duration(each)
            except ValueError as error:
                yield self._problem((*path, 'age'), str(error))
        if len(image.get('tags', ())) > _MOST_TAGS:
            yield self._problem(
                (*path, 'tags'), f"an image has at most {_MOST_TAGS} tags"
            )
        owner = self._data['projects'][path[1]]['name']
        shown: list[str] = []
        for index, member in enumerate(image.get('members', ())):
            place = (*path, 'members', index, 'project')
            name = member['project']
            yield from self._known(place, "project", name, self._projects)
            if name == owner:
                yield self._problem(
                    place, "an image is not shared with its own project"
                )
            if name in shown:
                yield self._problem(place, f"{name} for the second time")
            shown.append(name)
        if image.get('members') and image.get('visibility') == 'public':
            yield self._problem(
                (*path, 'members'), "public images are not shared"
            )

    def _bucket(
        self, path: ValuePath, bucket: dict[str, Any]
    ) -> Iterator[Problem]:
        keys: list[str] = []
        for index, file in enumerate(bucket.get('files', ())):
            place = (*path, 'files', index)
            if file['key'] in keys:
                yield self._problem(
                    (*place, 'key'), f"{file['key']} for the second time"
                )
            keys.append(file['key'])
            given = [each for each in ('file', 'text', 'size') if each in file]
            if len(given) != 1:
                yield self._problem(
                    place, "an object has one of file, text and size"
                )
            if 'file' in file:
                yield from self._file((*place, 'file'), file['file'])

    # ====== ALL ======

    def _file(self, path: ValuePath, name: str) -> Iterator[Problem]:
        if not (self._folder / name).is_file():
            yield self._problem(path, f"there is no file {name}")

    def _os_version(
        self, path: ValuePath, item: dict[str, Any]
    ) -> Iterator[Problem]:
        version = item.get('os_version')
        if version is None or os_versions.find(version) is not None:
            return
        yield from self._known(
            (*path, 'os_version'),
            "operating system",
            version,
            [each.version for each in os_versions.all_versions()],
        )

    def _twice(
        self, path: ValuePath, items: Sequence[dict[str, Any]]
    ) -> Iterator[Problem]:
        known: set[str] = set()
        for index, item in enumerate(items):
            if item['name'] in known:
                yield self._problem(
                    (*path, index, 'name'),
                    f"{item['name']} for the second time",
                )
            known.add(item['name'])

    def _known(
        self, path: ValuePath, noun: str, name: str, known: Sequence[str]
    ) -> Iterator[Problem]:
        if name in known:
            return
        near = difflib.get_close_matches(name, known, 1, 0.6)
        few = ', '.join(sorted(set(known))[:20])
        advice = f"did you mean {near[0]}?" if near else f"there are {few}"
        if not known:
            advice = "there is none"
        yield self._problem(path, f"there is no {noun} {name!r}; {advice}")

    def _problem(self, path: ValuePath, message: str) -> Problem:
        return self._document.problem(path, message)
