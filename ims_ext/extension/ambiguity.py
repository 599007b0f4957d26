# SPDX-License-Identifier: Apache-2.0
"""Names that several things have: an error that tells their IDs."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from openstack import exceptions as sdk_exceptions

T = TypeVar('T')


def told(
    noun: str,
    name: str,
    find: Callable[[], T],
    candidates: Callable[[], Iterable[Any]],
) -> T:
    """Return what is found by a name; if it is ambiguous, the error has IDs.

    :param noun: What is looked for: "image".
    :param name: The name.
    :param find: Looks for it, as openstacksdk does.
    :param candidates: Lists what may have the name.
    :raises: :class:`~openstack.exceptions.DuplicateResource` with the IDs.
    """
    try:
        return find()
    except sdk_exceptions.DuplicateResource as error:
        try:
            ids = [each.id for each in candidates() if each.name == name]
        except sdk_exceptions.SDKException:
            ids = []
        if not ids:
            raise
        raise duplicate(noun, name, ids) from error


def duplicate(
    noun: str, name: str, ids: list[str]
) -> sdk_exceptions.DuplicateResource:
    """Return the error for a name that several things have.

    :param noun: What they are: "image".
    :param name: The name.
    :param ids: Their IDs.
    """
    return sdk_exceptions.DuplicateResource(
        f"{len(ids)} {noun}s have the name '{name}'; use an ID: "
        f"{', '.join(map(str, ids))}"
    )
