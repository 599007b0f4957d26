# SPDX-License-Identifier: Apache-2.0
"""HTML that is built of elements; no text gets into it without escaping."""

from collections.abc import Iterator
import html
from typing import TypeAlias

#: Elements that have no content.
_EMPTY = frozenset({'br', 'link', 'meta'})


class Element:
    """An element of HTML.

    :param name: Its name.
    :param content: What is in it: elements, and texts, which are escaped.
    :param attributes: Its attributes, escaped too; ``class_`` is ``class``,
        and those that are ``None`` are left out.
    """

    def __init__(
        self,
        name: str,
        /,
        *content: 'Content',
        **attributes: str | int | float | None,
    ) -> None:
        self._name = name
        self._content = content
        self._attributes = attributes

    def pieces(self) -> Iterator[str]:
        """Give the element's text, piece by piece."""
        yield f'<{self._name}'
        for name, value in self._attributes.items():
            if value is not None:
                plain = name.rstrip('_').replace('_', '-')
                yield f' {plain}="{_escaped(str(value))}"'
        yield '>'
        if self._name in _EMPTY:
            return
        for each in self._content:
            if isinstance(each, Element):
                yield from each.pieces()
            else:
                yield _escaped(str(each))
        yield f'</{self._name}>'


#: What is in an element; numbers are shown as they are.
Content: TypeAlias = Element | str | int


class Style(Element):
    """A style sheet of the package's own, which is not escaped.

    :param sheet: The style sheet.
    """

    def __init__(self, sheet: str) -> None:
        super().__init__('style')
        self._sheet = sheet

    def pieces(self) -> Iterator[str]:
        """Give the element's text."""
        yield f'<style>{self._sheet}</style>'


def _escaped(text: str) -> str:
    shown = ''.join(
        each if each.isprintable() else f'\\x{ord(each):02x}' for each in text
    )
    return html.escape(shown, quote=True)
