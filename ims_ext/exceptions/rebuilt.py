# SPDX-License-Identifier: Apache-2.0
"""Exceptions that survive the way to another process."""

from typing import Any

from openstack import exceptions as sdk_exceptions

from ims_ext.exceptions import wording


class Rebuilt(sdk_exceptions.SDKException):
    """An exception that survives the way to another process.

    Python rebuilds an exception from its message; these take more.
    """

    _arguments: tuple[Any, ...]

    def __init__(self, message: str | None = None) -> None:
        super().__init__(
            message and wording.readable(message, wording.LONGEST)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._arguments
