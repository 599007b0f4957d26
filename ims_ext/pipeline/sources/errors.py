# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a source."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions

_LONGEST = 600

#: Takes bytes as they come.
Take: TypeAlias = Callable[[Iterator[bytes]], None]


class SourceError(sdk_exceptions.SDKException):
    """A source that cannot be used; nothing has been made of it.

    The message says what is wrong and what can be done. No file is left,
    unless a note (``error.__notes__``) says so.
    """

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message and exceptions.readable(message, _LONGEST))


class PlaceError(SourceError):
    """A place that does not give a source as it has to be.

    Another place of the same source may.
    """


class ProofError(PlaceError):
    """A source, or a list of checksums, that is not what was signed."""


class SpaceError(SourceError):
    """A source that the temporary space is too small for."""
