# SPDX-License-Identifier: Apache-2.0
"""What Nova and Cinder have in common: versions, links, metadata."""

from collections.abc import Mapping
from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.http import Request

#: How many items metadata has at most, and how long a name or value may be.
_ITEMS = 128
_ITEM_LENGTH = 255


def version(
    request: Request, number: str, path: str, updated: str
) -> dict[str, Any]:
    """Return what discovery says of the only version.

    :param number: The version, which is also its only microversion.
    :param path: Where it is below the service's root: ``/v3``.
    :param updated: Since when it is as it is.
    """
    return {
        'id': f'v{number}',
        'status': 'CURRENT',
        'version': number,
        'min_version': number,
        'updated': updated,
        'links': [{'rel': 'self', 'href': f'{request.root}{path}/'}],
    }


def links(request: Request, version: str, path: str) -> list[dict[str, str]]:
    """Return a record's links.

    :param version: Where its version is below the service's root: ``/v3``.
    :param path: Where the record is below that: ``volumes/ID``.
    """
    return [
        {'rel': 'self', 'href': f'{request.root}{version}/{path}'},
        {'rel': 'bookmark', 'href': f'{request.root}/{path}'},
    ]


def part(request: Request, name: str) -> dict[str, Any]:
    """Return the object that a request's body has under a name.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest` without one.
    """
    found = request.json_object().get(name)
    if not isinstance(found, dict):
        raise BadRequest(f"The body has no object '{name}'.")
    return found


def member(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object that a body may have under a name, or an empty one.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for anything else.
    """
    found = body.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadRequest(f"{name} is an object.")
    return found


def name(value: Any, default: str | None = None) -> str:
    """Return the name that a record is to have.

    :param default: The name where the client says none; without one, that
        is refused.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    value = default if value is None else value
    if not isinstance(value, str) or len(value) > _ITEM_LENGTH:
        raise BadRequest(
            f"A name is a text of at most {_ITEM_LENGTH} characters."
        )
    return value


def description(value: Any) -> str | None:
    """Return what a record's user says of it.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    return None if value is None else name(value)


def metadata(
    value: Any, present: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the metadata that a record is to have.

    :param value: What the client says; nothing for none.
    :param present: What it has already, and keeps.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    value = {} if value is None else value
    if not isinstance(value, dict) or not all(
        isinstance(each, str) and len(each) <= _ITEM_LENGTH
        for each in (*value, *value.values())
    ):
        raise BadRequest(
            "Metadata is an object whose names and values are texts of at "
            f"most {_ITEM_LENGTH} characters."
        )
    found = {**(present or {}), **value}
    if len(found) > _ITEMS:
        raise BadRequest(f"Metadata has at most {_ITEMS} items.")
    return found
