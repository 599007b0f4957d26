# SPDX-License-Identifier: Apache-2.0
"""The operating system versions that the clouds document.

Each cloud has a list of its own, and the lists grow: the table here is all
of the documented ones together, good for defaults and suggestions. What a
cloud accepts, only the cloud can say.
"""

import dataclasses
import functools
from importlib import resources
import json


@dataclasses.dataclass(frozen=True)
class OsVersion:
    """One permitted value of ``__os_version``, and what follows from it.

    :param version: The value, for example ``Ubuntu 18.04 server 64bit``.
    :param platform: The ``__platform`` that goes with it. Most clouds write
        ``Red Hat`` where Huawei Cloud writes ``RedHat``.
    :param os_type: ``Linux`` or ``Windows``.
    :param os_bit: 32 or 64.
    """

    version: str
    platform: str
    os_type: str
    os_bit: int


def find(version: str) -> OsVersion | None:
    """Look a version up by its exact name.

    :param version: The value of ``__os_version``; case and spaces count.
    :returns: What is documented about it, or ``None``.
    """
    return _table().get(version)


def all_versions() -> tuple[OsVersion, ...]:
    """All documented versions, by platform, newest first within one."""
    return tuple(_table().values())


def nearest(version: str, count: int = 3) -> list[str]:
    """Suggest documented versions for one that is not.

    :param version: What was typed; case does not count.
    :param count: How many to suggest at most.
    :returns: Names of versions, the most similar first; empty where nothing
        is similar.
    """
    # Needed only after a mistake, and not free to import.
    import difflib

    by_lower_case = {known.lower(): known for known in _table()}
    matches = difflib.get_close_matches(
        version.lower(), by_lower_case, n=count, cutoff=0.5
    )
    return [by_lower_case[match] for match in matches]


@functools.cache
def _table() -> dict[str, OsVersion]:
    source = resources.files('ims_ext') / 'data' / 'os_versions.json'
    return {
        version: OsVersion(
            version=version,
            platform=group['platform'],
            os_type=group['os_type'],
            os_bit=group['os_bit'],
        )
        for group in json.loads(source.read_text('utf-8'))
        for version in group['versions']
    }
