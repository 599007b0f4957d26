# SPDX-License-Identifier: Apache-2.0
"""What control routes are told: parameters of a query, members of a body."""

from collections.abc import Collection
from typing import Any

from ims_ext.emulator import errors
from ims_ext.emulator.http import Request


def parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return a query's parameters.

    :param known: The names that there may be.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for others.
    """
    given = request.args.to_dict()
    _refuse_others("parameters", given.keys(), known)
    return given


def members(request: Request, known: Collection[str]) -> dict[str, Any]:
    """Return the members of the JSON object that a body is.

    :param known: The names that there may be.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for others, and for
        another body.
    """
    given = request.json_object()
    _refuse_others("members", given.keys(), known)
    return given


def _refuse_others(
    what: str, given: Collection[str], known: Collection[str]
) -> None:
    others = sorted(set(given) - set(known))
    if others:
        raise errors.BadRequest(
            f"The {what} are {', '.join(known)}, not {', '.join(others)}."
        )


def text(given: dict[str, Any], name: str) -> str | None:
    """Return a member that is a text, ``None`` where it is not there.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise errors.BadRequest(f"{name} must be a text.")
    return value


def number(given: dict[str, str], name: str, default: int) -> int:
    """Return a parameter that is a whole number.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    value = given.get(name, str(default))
    if not (value.isascii() and value.isdigit()) or len(value) > 15:
        raise errors.BadRequest(f"{name} must be a whole number.")
    return int(value)
