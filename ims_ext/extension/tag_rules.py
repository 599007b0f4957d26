# SPDX-License-Identifier: Apache-2.0
"""Tags: the permitted ones, and the forms that they travel in.

Three sets of bounds are documented: for tags to be set, for tags to be
removed, and for tags to be searched by.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ims_ext import exceptions

#: Tags that an image has at most.
MOST_TAGS = 10
#: Characters of a tag that is set.
LONGEST_KEY = 36
LONGEST_VALUE = 43
#: Characters of a tag that is removed or searched by: it may be an old one.
LONGEST_OLD_KEY = 127
LONGEST_OLD_VALUE = 255
#: Keys of a search, and values of each.
MOST_SEARCH_KEYS = 10
MOST_SEARCH_VALUES = 10

_FORBIDDEN = frozenset('=*<>\\,|/')


class Tag(NamedTuple):
    """A tag of an image.

    :param key: 1 to 36 characters.
    :param value: Up to 43 characters; may be empty.
    """

    key: str
    value: str = ''

    def __str__(self) -> str:
        return f'{self.key}={self.value}'


class TagValues(NamedTuple):
    """A key of tags, and values that go with it.

    :param key: The key.
    :param values: The values; one that is empty stands for a tag that has
        nothing but the key.
    """

    key: str
    values: list[str]


#: What the methods take as tags: a mapping, or a list of tags.
Tags = Mapping[str, str] | Iterable[Tag | tuple[str, str] | Mapping[str, str]]

#: What is taken as tags to be removed: their keys alone will do.
OldTags = Mapping[str, str] | Iterable[str | Tag | Mapping[str, str]]

#: What is taken as tags to search by: a mapping of keys to a value, to
#: several, or to ``None`` for any; or a list of tags, of :class:`TagValues`,
#: or of keys.
SearchTags = (
    Mapping[str, str | Iterable[str] | None]
    | Iterable[str | Tag | TagValues | Mapping[str, Any]]
)


def read_tag(text: str) -> Tag:
    """Return a tag as images carry it: ``key=value``, ``key.value``, ``key``.

    :param text: The tag. Where both separators are there, "=" decides: a key
        or value may contain a ".", but no "=".
    """
    for separator in '=.':
        key, found, value = text.partition(separator)
        if found:
            return Tag(key, value)
    return Tag(text)


def read_object(item: Mapping[str, Any]) -> Tag:
    """Return a tag from an answer that has key and value apart."""
    return Tag(_text(item.get('key')), _text(item.get('value')))


def read_values(item: Mapping[str, Any]) -> TagValues:
    """Return a key and its values from an answer."""
    values = item.get('values')
    return TagValues(
        _text(item.get('key')),
        [_text(value) for value in values] if isinstance(values, list) else [],
    )


def _text(value: Any) -> str:
    return '' if value is None else str(value)


def check_tags(tags: Tags) -> list[Tag]:
    """Return tags that are to be set on an image.

    :param tags: A mapping of keys to values, or a list of :class:`Tag`, of
        pairs, of mappings with ``key`` and ``value``, or of strings as
        :func:`read_tag` reads them.
    :raises: :class:`~ims_ext.exceptions.ValidationError` for more than 10, a
        key given twice, or a key or value that is not permitted.
    """
    found = [check_tag(*_tag(pair)) for pair in _pairs(tags)]
    if len(found) > MOST_TAGS:
        raise exceptions.ValidationError(
            f"{len(found)} tags were given; an image has at most {MOST_TAGS}"
        )
    _check_unique(tag.key for tag in found)
    return found


def check_tag(key: Any, value: Any = '') -> Tag:
    """Return a tag that is to be set on an image.

    :param key: 1 to 36 characters.
    :param value: Up to 43 characters.
    :raises: :class:`~ims_ext.exceptions.ValidationError` where one of them
        is not permitted.
    """
    _check_lengths(key, value, LONGEST_KEY, LONGEST_VALUE)
    for what, text in (('key', key), ('value', value)):
        if _FORBIDDEN.intersection(text) or not text.isprintable():
            raise exceptions.ValidationError(
                f"The tag {key!r} has a {what} with a character that is "
                f"not allowed; none of = * < > \\ , | / may be in it: "
                f"{text!r}"
            )
        if text != text.strip():
            raise exceptions.ValidationError(
                f"The tag {key!r} has a {what} that begins or ends with "
                f"a space: {text!r}"
            )
    return Tag(key, value)


def check_old_tags(tags: OldTags) -> list[dict[str, str]]:
    """Return tags that are to be removed from an image, as they travel.

    What could not be set may have been set in another way, or long ago: so
    only the lengths are checked.

    :param tags: As for :func:`check_tags`; a key alone is a tag, too.
    :raises: :class:`~ims_ext.exceptions.ValidationError` for a key given
        twice or missing, above 127 characters, or a value above 255.
    """
    found: list[dict[str, str]] = []
    for pair in _pairs(tags):
        key_only = isinstance(pair, str)
        key, value = (pair, '') if key_only else _tag(pair)
        _check_lengths(key, value, LONGEST_OLD_KEY, LONGEST_OLD_VALUE)
        # The value is optional; an empty one could be taken for a value.
        found.append({'key': key} if key_only else wire_object(key, value))
    _check_unique(tag['key'] for tag in found)
    return found


def check_search(name: str, tags: SearchTags) -> list[dict[str, Any]]:
    """Return tags that images are searched by, as they travel.

    Values of one key that is given more than once are alternatives, as they
    are where they are given together.

    :param name: The parameter's name.
    :param tags: A mapping of keys to a value, to several, or to ``None`` for
        any value; or a list of tags, pairs of a key and values, and keys.
    :raises: :class:`~ims_ext.exceptions.ValidationError` for no tags, more
        than 10 keys or 10 values of one, a key missing or above 127
        characters, or a value above 255.
    """
    found: dict[str, list[str]] = {}
    for key, values in map(_search_pair, _pairs(tags)):
        for value in values or ['']:
            _check_lengths(key, value, LONGEST_OLD_KEY, LONGEST_OLD_VALUE)
        known = found.setdefault(key, values)
        # No values at all stand for any value.
        found[key] = (
            list(dict.fromkeys([*known, *values])) if known and values else []
        )
    if not found:
        raise exceptions.ValidationError(
            f"{name} is empty; leave it out where no tag matters"
        )
    if len(found) > MOST_SEARCH_KEYS:
        raise exceptions.ValidationError(
            f"{name} has {len(found)} keys; a search has at most "
            f"{MOST_SEARCH_KEYS}"
        )
    for key, values in found.items():
        if len(values) > MOST_SEARCH_VALUES:
            raise exceptions.ValidationError(
                f"{name} has {len(values)} values for {key!r}; a search has "
                f"at most {MOST_SEARCH_VALUES} a key"
            )
    return [{'key': key, 'values': found[key]} for key in found]


def _pairs(tags: Any) -> Iterable[Any]:
    if isinstance(tags, str):
        raise exceptions.ValidationError(
            f"Tags are a mapping or a list of Tag, not a string: {tags!r}"
        )
    if isinstance(tags, Mapping):
        return tags.items()
    try:
        found: Iterable[Any] = iter(tags)
    except TypeError:
        raise exceptions.ValidationError(
            f"Tags are a mapping or a list of Tag, not {tags!r}"
        ) from None
    return found


def _tag(pair: Any) -> Tag:
    try:
        if isinstance(pair, Mapping):
            return Tag(pair['key'], pair.get('value') or '')
        if isinstance(pair, str):
            return read_tag(pair)
        key, value = pair
        return Tag(key, '' if value is None else value)
    except (KeyError, TypeError, ValueError):
        raise exceptions.ValidationError(
            f"{pair!r} is not a tag: a Tag, a pair of key and value, or a "
            f"mapping with 'key' and 'value' is"
        ) from None


def _search_pair(pair: Any) -> tuple[Any, list[Any]]:
    if isinstance(pair, str):
        return pair, []
    if isinstance(pair, Mapping):
        pair = pair.get('key'), pair.get('values', pair.get('value'))
    try:
        key, values = pair
        if values is None:
            return key, []
        return key, [values] if isinstance(values, str) else list(values)
    except (TypeError, ValueError):
        raise exceptions.ValidationError(
            f"{pair!r} is not something to search by: a key, a Tag, or a "
            f"pair of a key and its values is"
        ) from None


def _check_lengths(
    key: Any, value: Any, longest_key: int, longest_value: int
) -> None:
    for what, text, longest in (
        ('key', key, longest_key),
        ('value', value, longest_value),
    ):
        if not isinstance(text, str):
            raise exceptions.ValidationError(
                f"A tag's {what} is a string, not {text!r}"
            )
        if len(text) > longest:
            raise exceptions.ValidationError(
                f"The tag {key!r} has a {what} of {len(text)} "
                f"characters; {longest} are allowed"
            )
    if not key.strip():
        raise exceptions.ValidationError("A tag's key is missing")


def _check_unique(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise exceptions.ValidationError(
                f"The tag {key!r} was given more than once"
            )
        seen.add(key)


def wire_object(key: str, value: str) -> dict[str, str]:
    """Return a tag as the extensions' requests have it."""
    return {'key': key, 'value': value}


def wire_objects(tags: Iterable[Tag]) -> list[dict[str, str]]:
    """Return tags as ``image_tags`` of a request: key and value apart."""
    return [wire_object(*tag) for tag in tags]


def wire_strings(tags: Iterable[Tag]) -> list[str]:
    """Return tags as native requests have them: ``key=value``."""
    return [str(tag) for tag in tags]
