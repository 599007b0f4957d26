# SPDX-License-Identifier: Apache-2.0
"""Makes texts of others such that they can be part of a message."""

import re

#: Characters of a message, and of what of it came from the cloud.
LONGEST = 1500
LONGEST_PART = 500
#: Bytes of an answer's text that are looked at for a message.
_LOOKED_AT = 16 * 1024

#: A tag of HTML, by its name; it may be cut off.
_TAG = re.compile(r'<(/?[^\s<>/]*)[^<>]*>?')
#: Tags whose content is not for reading.
_HIDDEN_TAGS = frozenset(('head', 'style', 'script'))


def readable(text: object, longest: int = LONGEST_PART) -> str:
    """Return a text such that it can be shown: in one line, and not too long.

    :param text: The text, wherever it comes from.
    :param longest: Characters at most; what is beyond is left out.
    """
    whole = str(text)
    shown = ''.join(
        each if each.isprintable() else ascii(each)[1:-1]
        for each in whole[:longest]
    )
    if len(whole) <= longest and len(shown) <= longest:
        return shown
    return f'{shown[: longest - 1]}…'


def in_one_line(text: object) -> str:
    """Return a text in one line, blanks taken together.

    :param text: The text.
    """
    return readable(' '.join(str(text)[:_LOOKED_AT].split()))


def plain_text(page: bytes) -> str | None:
    """Return the words of an HTML page, shortened to a readable line.

    :param page: The page, or whatever has come in its place.
    :returns: ``None`` where there are none.
    """
    text = page[:_LOOKED_AT].decode(errors='replace')
    parts = _TAG.split(text)
    # Text and tag names take turns.
    words, hidden = parts[0], ''
    for tag, part in zip(parts[1::2], parts[2::2], strict=True):
        name = tag.lower()
        if hidden:
            hidden = '' if name == f'/{hidden}' else hidden
        elif name in _HIDDEN_TAGS:
            hidden = name
        if not hidden:
            words += f' {part}'
    return readable(' '.join(words.split()), 300) or None
