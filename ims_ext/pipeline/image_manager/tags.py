# SPDX-License-Identifier: Apache-2.0
"""Tags of definitions, which are words, as keys with values."""

from collections.abc import Callable, Sequence
import re

#: Tags that an image has room for, beside the pipeline's own.
_MOST = 7
_KEY = re.compile(r'[^=*<>\\,|/.\s]([^=*<>\\,|/.]{0,34}[^=*<>\\,|/.\s])?')
_VALUE = re.compile(r'|[^=*<>\\,|/\s]([^=*<>\\,|/]{0,41}[^=*<>\\,|/\s])?')
_RESERVED = ('ims-pipeline', 'ims-image', 'ims-digest')


def translated(
    given: Sequence[str], warn: Callable[[int, str], None]
) -> dict[str, str]:
    """Return tags as a manifest has them.

    :param given: The tags: words, or ``key=value``.
    :param warn: Is told of those that are left out, by their numbers.
    """
    found: dict[str, str] = {}
    for index, tag in enumerate(given):
        key, _, value = tag.partition('=')
        if (
            not _KEY.fullmatch(key)
            or not _VALUE.fullmatch(value)
            or key in _RESERVED
        ):
            warn(index, f"no tag can be {tag!r}: it is left out")
        elif key not in found and len(found) == _MOST:
            warn(index, f"an image has {_MOST} tags: {tag} is left out")
        else:
            found[key] = value
    return found
