# SPDX-License-Identifier: Apache-2.0
"""Where an image is not as the manifest names it."""

from collections.abc import Iterator
import dataclasses
from typing import Any

from ims_ext.pipeline import identity
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.seen import SeenImage

#: Attributes that the service changes; the others are an image's for good.
CHANGEABLE = ('min_disk', 'min_ram', 'max_ram', 'hw_firmware_type')

_NONE = "none"


@dataclasses.dataclass(frozen=True)
class Change:
    """An attribute that is another one than the manifest names.

    :ivar name: The attribute, ``tag KEY``, or ``property NAME``.
    :ivar old: What it is, ``None`` for nothing.
    :ivar new: What it is to be.
    """

    name: str
    old: Any
    new: Any

    def __str__(self) -> str:
        old = _NONE if self.old in (None, '') else self.old
        new = _NONE if self.new in (None, '') else self.new
        return f'{self.name} {old} -> {new}'

    def as_json(self) -> dict[str, Any]:
        """Return the change as JSON has it."""
        return dataclasses.asdict(self)


def changes(
    image: model.Image, which: identity.Identity, seen: SeenImage
) -> Iterator[Change]:
    """Give the changes that lead to what the manifest names.

    :param image: The image in the manifest.
    :param which: The identity that it is to carry.
    :param seen: The image in the cloud.
    """
    name = image.cloud_name(which.version)
    if seen.name != name:
        yield Change('name', seen.name, name)
    if image.description is not None and (
        seen.description != image.description
    ):
        yield Change('description', seen.description, image.description)
    if seen.words is None or seen.words.identity != which:
        yield Change(
            'identity',
            seen.words and str(seen.words.identity.image),
            f'{which.image}@{which.version}',
        )
    for key in CHANGEABLE:
        if key in image.attributes:
            old, new = seen.attributes.get(key), image.attributes[key]
            if old != new:
                yield Change(key, old, new)
    if image.protected is not None and seen.is_protected != image.protected:
        yield Change('protected', seen.is_protected, image.protected)
    for key, value in image.properties.items():
        if seen.properties.get(key) != value:
            yield Change(f'property {key}', seen.properties.get(key), value)
    for key, value in {**image.tags, **which.tags}.items():
        if seen.tags.get(key) != value:
            yield Change(f'tag {key}', seen.tags.get(key), value)


def fixed(image: model.Image, seen: SeenImage) -> Iterator[Change]:
    """Give the differences that only a new version can mend.

    :param image: The image in the manifest.
    :param seen: The image in the cloud.
    """
    for key, new in image.attributes.items():
        old = seen.attributes.get(key)
        if key not in CHANGEABLE and old is not None and old != new:
            yield Change(key, old, new)
