# SPDX-License-Identifier: Apache-2.0
"""What all of Keystone's operations share: lists, bodies, the caller's own."""

from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.http import Request
from ims_ext.emulator.openstack.identity import TOKEN_HEADER
from ims_ext.emulator.state import State

#: How long a text that users give may be, in characters.
TEXT_LIMIT = 255


def listing(
    request: Request, noun: str, views: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return a list of records as Keystone answers it.

    :param request: Its query may say what the records must have.
    :param noun: What the answer has the list under.
    :param views: All that the caller may see.
    """
    filters = {
        name: value.lower()
        for name, value in request.args.items()
        if views and name in views[0]
    }
    return {
        noun: [
            view
            for view in views
            if all(
                str(view[name]).lower() == value
                for name, value in filters.items()
            )
        ],
        'links': {
            'self': f'{request.root}{request.path}',
            'previous': None,
            'next': None,
        },
    }


def forbidden(action: str) -> Forbidden:
    """Return the refusal of an action that the caller may not do.

    :param action: Keystone's name of it: ``get_user``.
    """
    return Forbidden(
        "You are not authorized to perform the requested action: "
        f"identity:{action}."
    )


def check_own(request: Request, user_id: str, action: str) -> None:
    """Refuse what only the user themselves may do.

    :param action: As for :func:`forbidden`.
    :raises: :class:`~ims_ext.emulator.errors.Forbidden`
    """
    if user_id != request.caller.user_id:
        raise forbidden(action)


def check_unrestricted(request: Request, state: State) -> None:
    """Refuse tokens of restricted application credentials.

    Who has got hold of one is not to make more of them.

    :raises: :class:`~ims_ext.emulator.errors.Forbidden`
    """
    token = state.tokens.get(request.headers.get(TOKEN_HEADER, ''))
    if token is None or token.credential_id is None:
        return
    found = state.application_credentials.get(token.credential_id)
    if found is None or not found.unrestricted:
        raise forbidden('manage_credentials_with_a_restricted_credential')


def part(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the object that a body has under a name.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest` without one.
    """
    found = body.get(name)
    if not isinstance(found, dict):
        raise BadRequest(f"Expecting to find {name} in the request body.")
    return found


def text(name: str, value: Any) -> str:
    """Return a text that a user gives.

    :param name: What the message calls it.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for anything else,
        and for one that is too long.
    """
    if not isinstance(value, str) or len(value) > TEXT_LIMIT:
        raise BadRequest(
            f"{name} must be a text of at most {TEXT_LIMIT} characters."
        )
    return value
