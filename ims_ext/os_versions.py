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
import re


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
    words, numbers = _parts(version)
    scores = {}
    for known in _table():
        known_words, known_numbers = _parts(known)
        alike = max(
            (_alike(a, b) for a in words for b in known_words), default=0
        )
        if alike >= _ALIKE:
            scores[known] = 2 * alike + _near(numbers, known_numbers)
    # Of equals, the newest: so they are sorted.
    return sorted(scores, key=lambda known: -scores[known])[:count]


#: How alike a family's name has to be to be meant.
_ALIKE = 0.7

#: What families are called for short.
_SHORT = {'rhel': 'red', 'sles': 'suse', 'win': 'windows'}

#: Words that versions of all families have.
_COMMON = frozenset(
    ('bit', 'server', 'standard', 'datacenter', 'enterprise', 'gnu', 'linux')
)


def _parts(version: str) -> tuple[list[str], list[float]]:
    """Return what tells a version's family, and its numbers."""
    text = re.sub(r'\b(?:32|64)[ -]?bit\b', ' ', version.lower())
    words = [_SHORT.get(each, each) for each in re.findall('[a-z]{3,}', text)]
    numbers = [float(each) for each in re.findall(r'\d+(?:\.\d+)?', text)]
    return [each for each in words if each not in _COMMON], numbers


def _alike(one: str, other: str) -> float:
    if one == other:
        return 1
    # Needed only after a mistake, and not free to import.
    import difflib

    return difflib.SequenceMatcher(None, one, other).ratio()


def _near(given: list[float], known: list[float]) -> float:
    """Return from 0 to 1 how near the first numbers are."""
    if not given or not known:
        return 0
    return 1 / (1 + abs(given[0] - known[0]))


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
