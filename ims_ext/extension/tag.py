# SPDX-License-Identifier: Apache-2.0
"""Tags of images: keys with values, in the three forms that they travel in."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ims_ext import exceptions

MOST_TAGS = 10
LONGEST_KEY = 36
LONGEST_VALUE = 43

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


#: What the methods take as tags: a mapping, or a list of tags.
Tags = Mapping[str, str] | Iterable[Tag | tuple[str, str] | Mapping[str, str]]


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


def check_tags(tags: Tags) -> list[Tag]:
    """Return tags that are to be set on an image.

    :param tags: A mapping of keys to values, or a list of :class:`Tag`, of
        pairs, or of mappings with ``key`` and ``value``.
    :raises: :class:`~ims_ext.exceptions.ValidationError` for more than 10, a
        key given twice, or a key or value that is not permitted.
    """
    if isinstance(tags, str):
        raise exceptions.ValidationError(
            f"Tags are a mapping or a list of Tag, not a string: {tags!r}"
        )
    pairs: Iterable[Any] = tags.items() if isinstance(tags, Mapping) else tags
    found = [_check_tag(_tag(pair)) for pair in pairs]
    if len(found) > MOST_TAGS:
        raise exceptions.ValidationError(
            f"{len(found)} tags were given; an image has at most {MOST_TAGS}"
        )
    keys = [tag.key for tag in found]
    for key in keys:
        if keys.count(key) > 1:
            raise exceptions.ValidationError(
                f"The tag {key!r} was given more than once"
            )
    return found


def _tag(pair: Any) -> Tag:
    try:
        if isinstance(pair, Mapping):
            return Tag(pair['key'], pair.get('value') or '')
        key, value = pair
        return Tag(key, '' if value is None else value)
    except (KeyError, TypeError, ValueError):
        raise exceptions.ValidationError(
            f"{pair!r} is not a tag: a Tag, a pair of key and value, or a "
            f"mapping with 'key' and 'value' is"
        ) from None


def _check_tag(tag: Tag) -> Tag:
    for what, text, longest in (
        ('key', tag.key, LONGEST_KEY),
        ('value', tag.value, LONGEST_VALUE),
    ):
        if not isinstance(text, str):
            raise exceptions.ValidationError(
                f"A tag's {what} is a string, not {text!r}"
            )
        if len(text) > longest:
            raise exceptions.ValidationError(
                f"The tag {tag.key!r} has a {what} of {len(text)} "
                f"characters; {longest} are allowed"
            )
        wrong = sorted(_FORBIDDEN.intersection(text))
        if wrong or not text.isprintable():
            raise exceptions.ValidationError(
                f"The tag {tag.key!r} has a {what} with a character that is "
                f"not allowed; none of = * < > \\ , | / may be in it: "
                f"{text!r}"
            )
        if text != text.strip():
            raise exceptions.ValidationError(
                f"The tag {tag.key!r} has a {what} that begins or ends with "
                f"a space: {text!r}"
            )
    if not tag.key:
        raise exceptions.ValidationError("A tag's key is missing")
    return tag


def wire_objects(tags: Iterable[Tag]) -> list[dict[str, str]]:
    """Return tags as ``image_tags`` of a request: key and value apart."""
    return [{'key': tag.key, 'value': tag.value} for tag in tags]


def wire_strings(tags: Iterable[Tag]) -> list[str]:
    """Return tags as native requests have them: ``key=value``."""
    return [str(tag) for tag in tags]
