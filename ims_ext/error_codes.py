# SPDX-License-Identifier: Apache-2.0
"""The service's error codes: what they mean, and what to do about them."""

from collections.abc import Iterator, Mapping
import dataclasses
import functools
from importlib import resources
import json


@dataclasses.dataclass(frozen=True)
class ErrorCode:
    """An error code of the service, with its meaning.

    :param code: The code, for example ``IMG.0015``.
    :param meaning: What the service found wrong.
    :param advice: What to do about it; empty where nothing can be done.
    :param status: The HTTP status that goes with it.
    """

    code: str
    meaning: str
    advice: str
    status: int


class Catalogue(Mapping[str, ErrorCode]):
    """All documented error codes, read when the first one is looked up."""

    @functools.cached_property
    def _entries(self) -> dict[str, ErrorCode]:
        source = resources.files('ims_ext') / 'data' / 'error_codes.json'
        return {
            code: ErrorCode(code=code, **entry)
            for code, entry in json.loads(source.read_text('utf-8')).items()
        }

    def __getitem__(self, code: str) -> ErrorCode:
        return self._entries[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


#: Documented error codes: ``catalogue['IMG.0015'].advice``.
catalogue = Catalogue()
