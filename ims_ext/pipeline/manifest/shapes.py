# SPDX-License-Identifier: Apache-2.0
"""Values of a manifest whose shape is not known to be right."""

from collections.abc import Iterable
import difflib
from typing import Any


def mapping(data: Any, key: str) -> dict[str, Any]:
    """Return the mapping under a key; an empty one where there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    """Return a list's texts; what else is in it keeps its place, empty."""
    if not isinstance(value, list):
        return []
    return [each if isinstance(each, str) else '' for each in value]


def is_sound(key: str, value: Any) -> bool:
    """Whether a setting that is merged is a mapping."""
    return key not in ('tags', 'properties', 'channels') or isinstance(
        value, dict
    )


def near(name: str, allowed: Iterable[str]) -> str:
    """Return what was meant by a name, or what there is, after a message."""
    names = sorted(allowed)
    if close := difflib.get_close_matches(name, names, 1):
        return f"; did you mean {close[0]}?"
    return f"; there are {', '.join(names[:20])}" if names else ""
