# SPDX-License-Identifier: Apache-2.0
"""Pages of a bucket's objects, with common prefixes put together."""

from collections.abc import Callable
import dataclasses

from ims_ext.emulator.bucket.contents import Contents
from ims_ext.emulator.bucket.record import ListedObject

#: Entries that a page has at most.
LIMIT = 1000
#: Objects that are looked at at a time, where many may fall together.
_BATCH = 200


@dataclasses.dataclass
class Page:
    """A page of a listing.

    :ivar prefixes: What keys that go on after a delimiter begin with.
    :ivar last: The last key or prefix of the page.
    :ivar is_truncated: Whether there is more after it.
    """

    objects: list[ListedObject] = dataclasses.field(default_factory=list)
    prefixes: list[str] = dataclasses.field(default_factory=list)
    last: str = ''
    is_truncated: bool = False

    @property
    def size(self) -> int:
        """The number of entries."""
        return len(self.objects) + len(self.prefixes)


def page(
    contents: Contents,
    bucket: str,
    *,
    prefix: str,
    delimiter: str,
    after: str,
    limit: int,
) -> Page:
    """Return a page of a bucket's objects.

    :param prefix: How the keys begin.
    :param delimiter: Keys that have it after the prefix are put together.
    :param after: The last key or prefix of an earlier page.
    :param limit: How many entries the page has at most.
    """
    found = Page()
    group_of = grouping(prefix, delimiter)
    first: str | None = max(prefix, f'{after}\0' if after else '')
    group = group_of(after) if after.startswith(prefix) else None
    if group is not None:
        first = beyond(group)
    batch = _BATCH if delimiter else limit + 1
    while limit and first is not None:
        listed = contents.listed(bucket, first, batch)
        first = None
        for each in listed:
            if not each.key.startswith(prefix):
                return found
            if found.size == limit:
                found.is_truncated = True
                return found
            group = group_of(each.key)
            if group is not None:
                found.prefixes.append(group)
                found.last = group
                first = beyond(group)
                break
            found.objects.append(each)
            found.last = each.key
            first = f'{each.key}\0' if len(listed) == batch else None
    return found


def grouping(prefix: str, delimiter: str) -> Callable[[str], str | None]:
    """Return a function that gives the common prefix of a key, or ``None``."""

    def group_of(key: str) -> str | None:
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        return None if end < 0 else key[: end + len(delimiter)]

    return group_of


def beyond(prefix: str) -> str | None:
    """Return the least key after all that begin with a prefix.

    :returns: ``None`` where there is no such key.
    """
    for length in range(len(prefix), 0, -1):
        code = ord(prefix[length - 1]) + 1
        # No text has a half of a pair.
        code = 0xE000 if code == 0xD800 else code
        if code <= 0x10FFFF:
            return prefix[: length - 1] + chr(code)
    return None
