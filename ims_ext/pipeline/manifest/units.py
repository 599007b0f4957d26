# SPDX-License-Identifier: Apache-2.0
"""Times and sizes as people write them."""

import datetime
import re

_SECONDS = {'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
_BYTES = {'B': 1, 'KiB': 2**10, 'MiB': 2**20, 'GiB': 2**30, 'TiB': 2**40}


def duration(text: str) -> datetime.timedelta:
    """Return what ``30m``, ``12h``, ``7d`` or ``2w`` stands for.

    :param text: A number and a unit.
    :raises: :class:`ValueError`
    """
    match = re.fullmatch(r'([0-9]{1,6}) *([smhdw])', text, re.ASCII)
    if not match:
        raise ValueError(f"{text!r} is no number with s, m, h, d or w")
    return datetime.timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def shown_duration(span: datetime.timedelta) -> str:
    """Return a duration in the largest unit that it has two of, rounded down.

    :param span: The duration.
    """
    seconds = max(0, int(span.total_seconds()))
    for unit in ('d', 'h', 'm'):
        if seconds >= 2 * _SECONDS[unit] or seconds == _SECONDS[unit]:
            return f'{seconds // _SECONDS[unit]}{unit}'
    return f'{seconds}s'


def size(text: str) -> int:
    """Return the bytes that ``40GiB`` or ``512`` stands for.

    :param text: A number, and a unit unless it is bytes.
    :raises: :class:`ValueError`
    """
    match = re.fullmatch(r'([0-9]{1,15}) *([KMGT]iB|B)?', text, re.ASCII)
    if not match:
        raise ValueError(f"{text!r} is no number with KiB, MiB, GiB or TiB")
    return int(match[1]) * _BYTES[match[2] or 'B']


def shown_size(count: int) -> str:
    """Return bytes in the largest unit that they have one of.

    :param count: The bytes.
    """
    for unit in ('TiB', 'GiB', 'MiB', 'KiB'):
        if count >= _BYTES[unit]:
            number = count / _BYTES[unit]
            return (
                f'{number:.1f} {unit}'
                if number < 10
                else (f'{number:.0f} {unit}')
            )
    return f'{count} B'
