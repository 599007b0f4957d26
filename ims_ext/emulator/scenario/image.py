# SPDX-License-Identifier: Apache-2.0
"""The images of a scenario: of files, or made up, any number of them."""

from collections.abc import Callable, Iterator, Mapping
import hashlib
from pathlib import Path
import re
from typing import Any

from ims_ext.emulator import private_files
from ims_ext.emulator.api.image_attributes import defaults
from ims_ext.emulator.clock import duration
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state import State
from ims_ext.emulator.state import StateError
from ims_ext.emulator.state.record import timestamp

_CHUNK = 1024**2
#: Images that are kept in one go.
_BATCH = 1000

#: The number of an image in a text, with as many digits as wanted.
_NUMBER = re.compile(r'\{n(?::0?(\d{1,2}))?\}')

#: Where a scenario's image says something by a name of its own.
_ATTRIBUTES = {
    'min_disk': 'min_disk',
    'min_ram': 'min_ram',
    'protected': 'protected',
    'hidden': 'os_hidden',
    'description': '__description',
}

Item = Mapping[str, Any]


class ImageMaker:
    """Makes the images of a scenario.

    :param state: Where they are kept.
    :param folder: Where the paths of their files begin.
    """

    def __init__(self, state: State, folder: Path) -> None:
        self._state = state
        self._folder = folder

    def make(
        self, item: Item, owner: str, project_id: Callable[[str], str]
    ) -> None:
        """Make an image, or as many as the item says.

        :param item: What the scenario says.
        :param owner: The ID of the project that they belong to.
        :param project_id: Gives the ID of a project by its name.
        """
        batch: list[Image] = []
        for image in self._images(item, owner):
            batch.append(image)
            if len(batch) == _BATCH:
                self._keep(batch, item, project_id)
                batch = []
        self._keep(batch, item, project_id)

    def named(self, name: str, owner: str) -> str | None:
        """Return the ID of a project's image, by its name."""
        found = self._state.images.select(
            ImageQuery(
                owner,
                conditions=[
                    Condition('owner', 'eq', owner),
                    Condition('name', 'eq', name),
                ],
                limit=1,
            )
        )
        return found[0].id if found else None

    def _keep(
        self,
        images: list[Image],
        item: Item,
        project_id: Callable[[str], str],
    ) -> None:
        self._state.images.add_all(images)
        if 'file' in item:
            for image in images:
                self._take_data(image, item)
        for member in item.get('members', ()):
            for image in images:
                self._state.members.add(
                    image.id,
                    project_id(member['project']),
                    member.get('status', 'pending'),
                )

    def _images(self, item: Item, owner: str) -> Iterator[Image]:
        count = item.get('count', 1)
        plain = defaults(item.get('os_version'))
        is_public = item.get('visibility') == 'public'
        plain['__imagetype'] = 'gold' if is_public else 'private'
        plain |= {
            name: item[key] for key, name in _ATTRIBUTES.items() if key in item
        }
        if 'disk_format' in item:
            plain['disk_format'] = item['disk_format']
        sizes = _spread(item.get('size'), count, int)
        ages = _spread(item.get('age', 0), count, duration)
        now = self._state.clock()
        for number in range(1, count + 1):
            size = next(sizes)
            made_at = timestamp(now - next(ages))
            image = Image.new(
                owner,
                _text(item['name'], number),
                {
                    **plain,
                    'size': size,
                    '__image_size': str(size or 0),
                    **_attributes(item, number),
                },
                id=item.get('id'),
                status=item.get('status', 'active'),
                visibility=item.get('visibility', 'private'),
                tags=_tags(item, number),
            )
            image.created_at = image.updated_at = made_at
            if image.status == 'active':
                image.attributes['active_at'] = made_at
            yield image

    def _take_data(self, image: Image, item: Item) -> None:
        """Give an image the data of its file, if it is safe."""
        from ims_ext import diskimage
        from ims_ext.exceptions import DiskImageError

        source = self._folder / item['file']
        try:
            found = diskimage.inspect(
                source, disk_format=item.get('disk_format')
            )
        except DiskImageError as error:
            raise StateError(f"An image of the scenario: {error}") from error
        target = self._state.image_file(image.id)
        md5 = hashlib.md5(usedforsecurity=False)
        sha512 = hashlib.sha512()
        with (
            source.open('rb') as given,
            open(target, 'wb', opener=private_files.opener) as kept,
        ):
            while block := given.read(_CHUNK):
                md5.update(block)
                sha512.update(block)
                kept.write(block)
        image.attributes |= {
            'disk_format': found.disk_format,
            'size': found.size,
            'virtual_size': found.virtual_size,
            'checksum': md5.hexdigest(),
            'os_hash_algo': 'sha512',
            'os_hash_value': sha512.hexdigest(),
            '__image_size': str(found.size),
        }
        if 'min_disk' not in item:
            image.attributes['min_disk'] = found.min_disk or 0
        self._state.images.save(image)


def _text(pattern: str, number: int) -> str:
    """Return a text with the image's number in it."""
    return _NUMBER.sub(
        lambda found: str(number).zfill(int(found[1] or 0)), pattern
    )


def _value(given: Any, number: int) -> Any:
    """Return a value, of several the one whose turn it is."""
    if isinstance(given, list):
        given = given[(number - 1) % len(given)]
    return _text(given, number) if isinstance(given, str) else given


def _attributes(item: Item, number: int) -> dict[str, Any]:
    return {
        name: _value(value, number)
        for name, value in item.get('attributes', {}).items()
    }


def _tags(item: Item, number: int) -> list[str]:
    tags = item.get('tags', [])
    if isinstance(tags, list):
        return [_text(tag, number) for tag in tags]
    return [f'{key}={_value(value, number)}' for key, value in tags.items()]


def _spread(
    given: Any, count: int, convert: Callable[[Any], Any]
) -> Iterator[Any]:
    """Yield a value an image, evenly from one to another, or always one."""
    if not isinstance(given, dict):
        for _ in range(count):
            yield None if given is None else convert(given)
        return
    first, last = convert(given['from']), convert(given['to'])
    for number in range(count):
        part = number / (count - 1) if count > 1 else 0
        yield convert(first + (last - first) * part)
