# SPDX-License-Identifier: Apache-2.0
"""The attributes of a new image, and their checks."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypedDict

from ims_ext import exceptions
from ims_ext import validation
from ims_ext.extension import tag as _tag

#: Data disks that come with a system disk, at most.
_MOST_DATA_IMAGES = 3


class NewImageAttributes(TypedDict, total=False):
    """The attributes of every new image."""

    #: Up to 1,024 characters without ``<``, ``>`` and line ends.
    description: str
    #: A mapping, or a list of :class:`~ims_ext.extension.tag.Tag`; a list of
    #: ``key.value`` strings is sent as it is.
    tags: _tag.Tags | Iterable[str]
    #: The same, under the service's other name; only one of them.
    image_tags: _tag.Tags
    #: ID of the enterprise project, ``0`` for the default one.
    enterprise_project_id: str


class ServerImageAttributes(NewImageAttributes, total=False):
    """The attributes of an image of a server, a volume or a backup."""

    #: MiB of memory that a server from the image can have.
    max_ram: int
    #: MiB of memory that a server from the image needs.
    min_ram: int


def checked_body(
    fixed: Mapping[str, Any],
    attrs: Mapping[str, Any],
    permitted: Collection[str],
    *,
    types: Collection[str] = (),
    os_types: Collection[str] = validation.OS_TYPES,
) -> dict[str, Any]:
    """Return the parameters of a request that makes an image.

    :param fixed: Parameters that have been checked.
    :param attrs: All others; those that are ``None`` are left out.
    :param permitted: The names that are known among these.
    :param types: The permitted values of ``type``.
    :param os_types: The permitted values of ``os_type``.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    validation.check_known('attribute', attrs, permitted)
    checks: dict[str, Callable[[str, Any], Any]] = {
        **_CHECKS,
        'type': lambda key, value: validation.check_choice(key, value, types),
        'os_type': lambda key, value: validation.check_choice(
            key, value, os_types
        ),
    }
    given = {key: value for key, value in attrs.items() if value is not None}
    tags = wire_tags(given.pop('tags', None), given.pop('image_tags', None))
    body = dict(fixed)
    for key, value in given.items():
        check: Callable[[str, Any], Any] = checks.get(
            key, validation.check_text
        )
        body[key] = check(key, value)
    _check_together(body)
    return body | tags


def wire_tags(tags: Any, image_tags: Any) -> dict[str, Any]:
    """Return tags as the operation takes them.

    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    if tags and image_tags:
        raise exceptions.ValidationError(
            "Give the tags once, as tags or as image_tags"
        )
    if tags and not isinstance(tags, Mapping):
        tags = (
            [tags]
            if isinstance(tags, str)
            else validation.check_several('tags', tags)
        )
        if all(isinstance(tag, str) for tag in tags):
            read = _tag.check_tags([_tag.read_tag(tag) for tag in tags])
            if not any('=' in tag for tag in tags):
                return {'tags': tags}
            # The operation's strings have "." between key and value.
            return {'image_tags': _tag.wire_objects(read)}
    found = _tag.check_tags(tags or image_tags or ())
    return {'image_tags': _tag.wire_objects(found)} if found else {}


def described(given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return name, description and tags of a data disk, as far as given.

    :param what: What it is, the subject of the messages: "The data disk".
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    found: dict[str, Any] = {}
    if 'name' in given:
        found['name'] = validation.check_name(given['name'], f"{what}'s name")
    if 'description' in given:
        found['description'] = validation.check_description(
            given['description']
        )
    return found | wire_tags(given.get('tags'), given.get('image_tags'))


def _check_together(body: Mapping[str, Any]) -> None:
    """Check what depends on more than one parameter."""
    if (
        body.get('architecture') in ('arm', 'aarch64')
        and body.get('hw_firmware_type') == 'bios'
    ):
        raise exceptions.ValidationError(
            "Servers with ARM processors boot with UEFI only: leave "
            "hw_firmware_type out or set it to uefi"
        )
    smallest, largest = body.get('min_ram'), body.get('max_ram')
    if smallest and largest and smallest > largest:
        raise exceptions.ValidationError(
            f"min_ram is {smallest} MiB and max_ram only {largest} MiB"
        )


def _data_images(
    _: str, images: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    found = [
        _data_image(validation.check_mapping('A data disk', image))
        for image in validation.check_several('data_images', images)
    ]
    if len(found) > _MOST_DATA_IMAGES:
        raise exceptions.ValidationError(
            f"{len(found)} data disks were given; {_MOST_DATA_IMAGES} at "
            f"most come with a system disk"
        )
    return found


def _data_image(image: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in image.items() if value is not None}
    validation.check_known(
        "attribute of a data disk",
        given,
        (
            'description',
            'image_tags',
            'image_url',
            'is_quick_import',
            'min_disk',
            'name',
            'tags',
        ),
    )
    found: dict[str, Any] = {
        'image_url': validation.check_object_url(given.get('image_url')),
        'min_disk': validation.check_min_disk(
            given.get('min_disk'), validation.DATA_DISK_SIZES
        ),
    }
    if 'is_quick_import' in given:
        found['is_quick_import'] = validation.check_flag(
            'is_quick_import', given['is_quick_import']
        )
    return found | described(given, "The data disk")


def _memory(key: str, value: Any) -> int:
    return validation.check_number(key, value, 'MiB')


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    'architecture': lambda key, value: validation.check_choice(
        key, value, validation.ARCHITECTURES
    ),
    'data_images': _data_images,
    'description': lambda _, value: validation.check_description(value),
    'hw_firmware_type': lambda key, value: validation.check_choice(
        key, value, validation.FIRMWARE_TYPES
    ),
    'is_config': validation.check_flag,
    'is_config_init': validation.check_flag,
    'is_quick_import': validation.check_flag,
    'max_ram': _memory,
    'min_ram': _memory,
    'os_version': lambda _, value: validation.check_os_version(value),
}
