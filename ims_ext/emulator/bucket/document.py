# SPDX-License-Identifier: Apache-2.0
"""XML documents: those that clients send, and those that answer them."""

from collections.abc import Iterable
from typing import TypeAlias
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ims_ext.emulator.bucket.errors import malformed_xml

#: An element: its name, and its text or its children; ``None`` for no
#: element at all.
Node: TypeAlias = tuple[str, 'str | int | bool | list[Node] | None']


def render(name: str, children: Iterable[Node], namespace: str = '') -> bytes:
    """Return a document.

    :param name: The root's name, with its attributes if it has any.
    :param children: What the root consists of.
    :param namespace: The root's namespace.
    """
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    attribute = f' xmlns="{namespace}"' if namespace else ''
    parts.append(f'<{name}{attribute}>')
    _write(parts, children)
    parts.append(f'</{name.partition(" ")[0]}>')
    return ''.join(parts).encode()


def _write(parts: list[str], nodes: Iterable[Node]) -> None:
    for name, content in nodes:
        if content is None:
            continue
        parts.append(f'<{name}>')
        if isinstance(content, list):
            _write(parts, content)
        elif isinstance(content, bool):
            parts.append('true' if content else 'false')
        else:
            parts.append(escape(str(content)))
        parts.append(f'</{name.partition(" ")[0]}>')


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Return a document's root, its elements' names without namespaces.

    :param body: The document.
    :param root: How the root has to be called.
    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
    """
    try:
        parsed = ElementTree.fromstring(body)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError):
        raise malformed_xml() from None
    for element in parsed.iter():
        element.tag = element.tag.rpartition('}')[2]
    if parsed.tag != root:
        raise malformed_xml()
    return parsed


def text(element: ElementTree.Element, name: str) -> str:
    """Return the text of a child that has to be there.

    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
    """
    found = element.findtext(name)
    if not found:
        raise malformed_xml()
    return found


def number(element: ElementTree.Element, name: str) -> int:
    """Return the number that a child holds.

    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
    """
    found = text(element, name)
    if not (found.isascii() and found.isdigit()) or len(found) > 9:
        raise malformed_xml()
    return int(found)
