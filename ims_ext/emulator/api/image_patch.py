# SPDX-License-Identifier: Apache-2.0
"""Glance's two kinds of JSON patches, and how they change an image."""

from collections.abc import Collection, Iterable
import dataclasses
import re
from typing import Any, Literal, TypeAlias, cast

from ims_ext.emulator.api.image_attributes import BASE
from ims_ext.emulator.api.image_attributes import READ_ONLY
from ims_ext.emulator.api.image_attributes import SERVICE_OWNED
from ims_ext.emulator.api.image_attributes import check
from ims_ext.emulator.api.image_attributes import check_count
from ims_ext.emulator.api.image_attributes import check_reserved
from ims_ext.emulator.api.image_attributes import os_attributes
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import UnsupportedMediaType
from ims_ext.emulator.state import Image

Operation: TypeAlias = Literal['add', 'replace', 'remove']

V20 = 'application/openstack-images-v2.0-json-patch'
V21 = 'application/openstack-images-v2.1-json-patch'

#: What a tenant makes an image visible to.
VISIBILITIES = ('private', 'shared')

_OPERATIONS = ('add', 'replace', 'remove')

#: "~" stands only before the two digits that JSON pointers know.
_BAD_ESCAPE = re.compile(r'~(?![01])')


@dataclasses.dataclass(frozen=True)
class Change:
    """One change of a patch.

    :ivar attribute: The wire name of what is changed. Glance changes
        attributes as a whole: one tag of many has no path.
    """

    operation: Operation
    attribute: str
    value: Any = None


def parse(content_type: str, body: Any) -> list[Change]:
    """Return the changes of a patch.

    :param content_type: Decides which kind of patch it is.
    :param body: The JSON value.
    :raises: :class:`~ims_ext.emulator.errors.UnsupportedMediaType` for other
        content types, ``BadRequest`` for a body of another shape.
    """
    if content_type not in (V20, V21):
        raise UnsupportedMediaType(f"An image is patched with {V21} or {V20}.")
    if not isinstance(body, list):
        raise BadRequest("The request body must be a list of operations.")
    return [parse_one(content_type, each) for each in body]


def parse_one(content_type: str, body: Any) -> Change:
    """Return one of the changes of a patch.

    :param content_type: As for :func:`parse`.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    operation, path = operation_of(content_type, body)
    if operation != 'remove' and 'value' not in body:
        raise BadRequest(f"The operation '{operation}' needs a value.")
    return Change(operation, _attribute(path), body.get('value'))


def operation_of(content_type: str, body: Any) -> tuple[Operation, Any]:
    """Return what one of the changes of a patch does, and its path.

    :param content_type: As for :func:`parse`.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    is_v20 = content_type == V20
    if not isinstance(body, dict):
        raise BadRequest("Each operation must be a JSON object.")
    operation: Any
    if is_v20:
        named = [name for name in _OPERATIONS if name in body]
        if len(named) != 1:
            raise BadRequest(
                "Each operation has exactly one of 'add', 'replace' and "
                "'remove'."
            )
        operation, path = named[0], body[named[0]]
    else:
        operation, path = body.get('op'), body.get('path')
        if operation not in _OPERATIONS:
            raise BadRequest(f"Unknown operation: {operation}")
    return cast(Operation, operation), path


def _attribute(pointer: Any) -> str:
    if not isinstance(pointer, str) or not pointer.startswith('/'):
        raise BadRequest("A path is a string that begins with '/'.")
    name = pointer[1:]
    if '/' in name or _BAD_ESCAPE.search(name):
        raise BadRequest(f"Invalid path: {pointer}")
    return name.replace('~1', '/').replace('~0', '~')


def apply(
    image: Image,
    changes: Iterable[Change],
    visibilities: Collection[str] = VISIBILITIES,
) -> None:
    """Change an image as a patch says; nothing is kept yet.

    :param visibilities: Those that it may be given.
    :raises: :class:`~ims_ext.emulator.errors.Forbidden` for attributes that
        cannot be changed, ``Conflict`` for ones that do not exist,
        ``BadRequest`` for bad values.
    """
    for change in changes:
        if change.operation == 'remove':
            _remove(image, change.attribute)
        else:
            _set(image, change, visibilities)
    check_count(image)


def _remove(image: Image, attribute: str) -> None:
    _check_writable(attribute)
    if attribute in BASE or attribute == '__os_version':
        raise Forbidden(f"Property {attribute} may not be removed.")
    if attribute not in image.attributes:
        raise Conflict(f"Property {attribute} does not exist.")
    del image.attributes[attribute]


def _check_writable(attribute: str) -> None:
    check_reserved(attribute)
    if attribute in READ_ONLY or attribute in SERVICE_OWNED:
        raise Forbidden(f"Attribute '{attribute}' is read-only.")


def _set(image: Image, change: Change, visibilities: Collection[str]) -> None:
    attribute = change.attribute
    _check_writable(attribute)
    if (
        change.operation == 'replace'
        and attribute not in BASE
        and attribute not in image.attributes
    ):
        raise Conflict(f"Property {attribute} does not exist.")
    value = check(attribute, change.value)
    if attribute == 'visibility':
        image.visibility = permitted_visibility(value, visibilities)
    elif attribute == 'name':
        image.name = value
    elif attribute == 'tags':
        image.tags = value
    elif attribute == '__os_version':
        image.attributes.update(os_attributes(value))
    else:
        _set_format(image, attribute, value)


def _set_format(image: Image, attribute: str, value: Any) -> None:
    if (
        attribute in ('disk_format', 'container_format')
        and image.status != 'queued'
    ):
        raise Forbidden(
            f"Attribute {attribute} can be only replaced for a queued image."
        )
    image.attributes[attribute] = value


def permitted_visibility(
    visibility: str, visibilities: Collection[str] = VISIBILITIES
) -> str:
    """Return a visibility that an image may be given.

    :param visibilities: Those that it may.
    :raises: :class:`~ims_ext.emulator.errors.Forbidden` for the others.
    """
    if visibility not in visibilities:
        raise Forbidden(
            f"Only {' and '.join(visibilities)} images can be made."
        )
    return visibility
