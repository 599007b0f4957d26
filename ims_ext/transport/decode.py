# SPDX-License-Identifier: Apache-2.0
"""Values of a response's JSON, or an error that names the missing one."""

from typing import Any

import requests

from ims_ext import exceptions


def read(response: requests.Response, error_message: str, *path: str) -> Any:
    """Return a part of an answer's JSON value.

    :param response: The answer.
    :param error_message: What was being done, an error's first words.
    :param path: The names that lead to the part.
    :raises: :class:`~ims_ext.exceptions.CloudImageHttpError` for a refusal,
        :class:`~ims_ext.exceptions.InvalidAnswerError` where the answer has
        no such part.
    """
    exceptions.raise_from_response(response, error_message)
    try:
        found = response.json()
        for name in path:
            found = found[name]
    except (ValueError, LookupError, TypeError):
        raise _strange(error_message, path) from None
    return found


def read_list(
    response: requests.Response,
    error_message: str,
    *path: str,
    of: type = dict,
) -> list[Any]:
    """Return a list from an answer.

    :param response: The answer.
    :param error_message: What was being done, an error's first words.
    :param path: The names that lead to the list.
    :param of: What the list's items are.
    :raises: As :func:`read`, also for anything but such a list.
    """
    found = read(response, error_message, *path)
    if not isinstance(found, list) or not all(
        isinstance(item, of) for item in found
    ):
        raise _strange(error_message, path)
    return found


def _strange(
    error_message: str, path: tuple[str, ...]
) -> exceptions.InvalidAnswerError:
    what = f"documented {'.'.join(path)}" if path else "documented JSON"
    return exceptions.InvalidAnswerError(
        f"{error_message}: the response has no {what}"
    )
