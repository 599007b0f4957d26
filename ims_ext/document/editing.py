# SPDX-License-Identifier: Apache-2.0
"""A YAML text with one value changed, and every other character as it was."""

import codecs
import copy
import os
from pathlib import Path
import re
import secrets
import stat
from typing import TYPE_CHECKING, Any

from ims_ext import exceptions
from ims_ext.document import reading
from ims_ext.document.reading import ValuePath

if TYPE_CHECKING:
    import yaml

_MARKS = (
    (codecs.BOM_UTF8, 'utf-8'),
    (codecs.BOM_UTF16_LE, 'utf-16-le'),
    (codecs.BOM_UTF16_BE, 'utf-16-be'),
)


class EditError(exceptions.ValidationError):
    """A text that cannot be changed without changing more of it."""


def with_text(content: bytes, name: str, path: ValuePath, value: str) -> bytes:
    """Return a YAML text in which a mapping's key has a text as its value.

    Comments, quotes, order and line ends stay. A key that is not there yet
    becomes the first of its mapping.

    :param content: The text: UTF-8, or UTF-16 with a mark.
    :param name: The file's name, for messages.
    :param path: Where the value is; the mapping around it is there.
    :param value: The text, of printable characters.
    :raises: :class:`EditError` where that cannot be done in place, for one
        because the value is an alias;
        :class:`~ims_ext.document.reading.DocumentError`
    """
    before = reading.read(content, name)
    mark, encoding = next(
        (each for each in _MARKS if content.startswith(each[0])),
        (b'', 'utf-8'),
    )
    text = content[len(mark) :].decode(encoding)
    changed = _changed(text, path, value)
    after = mark + changed.encode(encoding)
    wanted = copy.deepcopy(before.data)
    _holder(wanted, path)[path[-1]] = value
    try:
        is_right = reading.read(after, name).data == wanted
    except reading.DocumentError:
        is_right = False
    if not is_right:
        raise EditError(
            f"{before.place(path)}: {path[-1]} cannot be changed alone, for "
            "it is an alias or has one; write the new value by hand: "
            f"{path[-1]}: {_quoted(value)}"
        )
    return after


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Replace a file at once: readers find the old content or the new.

    Its permissions stay; of a symbolic link, the file that it leads to is
    replaced.

    :param path: The file.
    :param before: What it has to have still.
    :param after: What it is to have.
    :raises: :class:`EditError` where somebody else has changed it;
        :class:`OSError`
    """
    real = Path(os.path.realpath(path))
    temporary = real.with_name(f'.{real.name}.{secrets.token_hex(4)}')
    mode = stat.S_IMODE(real.stat().st_mode)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with open(os.open(temporary, flags, 0o600), 'wb') as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        if real.read_bytes() != before:
            raise EditError(
                f"{path} was changed meanwhile; nothing was written, run "
                "this again"
            )
        temporary.replace(real)
    finally:
        temporary.unlink(missing_ok=True)


def _changed(text: str, path: ValuePath, value: str) -> str:
    mapping = _mapping(text, path[:-1])
    for key, found in mapping.value:
        if key.value == path[-1]:
            start, end = found.start_mark.index, found.end_mark.index
            # Those of several lines end where the next key begins.
            end = start + len(text[start:end].rstrip())
            written = _in_quotes(text[start : start + 1], value)
            return text[:start] + written + text[end:]
    start = mapping.value[0][0].start_mark.index
    added = f'{path[-1]}: {_quoted(value)}'
    if mapping.flow_style:
        return f'{text[:start]}{added}, {text[start:]}'
    line = text[:start].rpartition('\n')[2]
    # Before the comments that belong to what follows.
    first = _after_line(text, mapping.start_mark.index, start)
    return f'{text[:first]}{line}{added}{_line_end(text)}{text[first:]}'


def _mapping(text: str, path: ValuePath) -> 'yaml.MappingNode':
    import yaml

    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    node: Any = yaml.compose(text, Loader=loader)
    for each in path:
        node = next(
            value for key, value in node.value if key.value == str(each)
        )
    if not node.value:
        raise EditError(f"{path[-1]} has nothing in it")
    return node  # type: ignore[no-any-return]


def _after_line(text: str, start: int, first: int) -> int:
    """Return where the line of a mapping's own key ends.

    :param start: Where the mapping begins: at its first key, as a rule.
    :param first: Where its first key is.
    """
    lines = [match.end() for match in re.finditer('\n', text[:first])]
    for end in reversed(lines):
        begins = text.rfind('\n', 0, end - 1) + 1
        line = text[begins : end - 1].strip()
        if line and not line.startswith('#'):
            return end
    return min(start, first)


def _holder(data: Any, path: ValuePath) -> Any:
    for each in path[:-1]:
        data = data[each]
    return data


def _line_end(text: str) -> str:
    return '\r\n' if '\r\n' in text else '\n'


def _in_quotes(quote: str, value: str) -> str:
    """Return a value in the quotes that another one has had."""
    if quote == "'":
        return "'" + value.replace("'", "''") + "'"
    return _quoted(value)


def _quoted(value: str) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
