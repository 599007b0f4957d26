# SPDX-License-Identifier: Apache-2.0
"""A YAML text as plain data that knows where each value was written."""

from collections.abc import Hashable, Iterator
import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ims_ext import exceptions

if TYPE_CHECKING:
    import yaml

#: Where a value is in a document: keys and indexes from the root.
ValuePath: TypeAlias = tuple[str | int, ...]

#: Bytes of a file. A thousand images take about one MiB.
LARGEST_FILE = 16 * 1024**2
#: Levels of lists and mappings in each other.
DEEPEST = 32
#: Values of a document, those that an alias repeats counted each time.
MOST_VALUES = 1_000_000

#: Faults that are told; nobody reads on after so many.
MOST_PROBLEMS = 50
_LONGEST_LINE = 1000

_MERGE = 'tag:yaml.org,2002:merge'
_TEXT = 'tag:yaml.org,2002:str'
#: JSON knows no dates: the text is what was meant.
_DATE = 'tag:yaml.org,2002:timestamp'


@dataclasses.dataclass(frozen=True, order=True)
class Place:
    """Where something is written, as editors and compilers say it.

    :ivar file: The file's name, as it was given.
    :ivar line: The line, from 1.
    :ivar column: The column, from 1.
    """

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f'{self.file}:{self.line}:{self.column}'


@dataclasses.dataclass(frozen=True, order=True)
class Problem:
    """A fault of a document, and its place.

    :ivar message: What is wrong, and what is allowed.
    """

    place: Place
    message: str

    def __str__(self) -> str:
        return f'{self.place}: {self.message}'


class DocumentError(exceptions.ValidationError):
    """A document with faults, told all at once, a line each.

    :param found: The faults, in any order.

    :ivar problems: The faults in the order of their places.
    """

    def __init__(self, found: 'list[Problem]') -> None:
        self.problems = sorted(set(found))
        shown = [str(each) for each in self.problems[:MOST_PROBLEMS]]
        if left := len(self.problems) - len(shown):
            shown.append(f'and {left} more')
        super().__init__(None)
        self.message = '\n'.join(
            exceptions.readable(each, _LONGEST_LINE) for each in shown
        )

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


class Document:
    """A document's content, with the place of each value.

    :ivar name: The file's name, as it was given.
    :ivar data: The content: dictionaries, lists, text, numbers, booleans
        and ``None``.
    """

    def __init__(
        self,
        name: str,
        data: Any,
        places: dict[ValuePath, Place],
        keys: dict[ValuePath, Place],
        texts: dict[ValuePath, str],
    ) -> None:
        self.name = name
        self.data = data
        self._places = places
        self._keys = keys
        self._texts = texts

    def place(self, path: ValuePath) -> Place:
        """Return where a value begins.

        :param path: The value's path; the nearest value that is there is
            taken for one that is not.
        """
        path = tuple(path)
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path) or Place(self.name, 1, 1)

    def key_place(self, path: ValuePath) -> Place:
        """Return where a value's key is written; for list items, the value.

        :param path: The value's path.
        """
        return self._keys.get(tuple(path)) or self.place(path)

    def written(self, path: ValuePath) -> str | None:
        """Return a plain value as it is written, without quotes.

        :param path: The value's path.
        :returns: The text, or ``None`` for lists and mappings.
        """
        return self._texts.get(tuple(path))

    def problem(self, path: ValuePath, message: str) -> Problem:
        """Return a fault of a value.

        :param path: The value's path.
        :param message: What is wrong, and what is allowed.
        """
        return Problem(self.place(path), message)


def read_file(path: Path) -> Document:
    """Read a YAML file.

    :param path: The file.
    :raises: :class:`DocumentError`; :class:`OSError` where the file cannot
        be read.
    """
    with path.open('rb') as file:
        content = file.read(LARGEST_FILE + 1)
    return read(content, str(path))


def read(content: str | bytes, name: str) -> Document:
    """Read a YAML text of plain data.

    Nothing but data comes of it, whatever its tags say. Keys that are given
    twice, merge keys, values that contain themselves, and texts that become
    large only by their aliases are faults.

    :param content: The text; bytes are UTF-8, or UTF-16 with a mark.
    :param name: The file's name, for messages.
    :raises: :class:`DocumentError`
    """
    import yaml

    if len(content) > LARGEST_FILE:
        raise _one(
            name,
            None,
            f"is larger than {LARGEST_FILE // 1024**2} MiB, which no such "
            "file needs to be",
        )
    loader: type[yaml.SafeLoader] = getattr(
        yaml, 'CSafeLoader', yaml.SafeLoader
    )
    try:
        _check_depth(yaml.parse(content, Loader=loader), name)
        root = yaml.compose(content, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise _one(
            name,
            error.problem_mark or error.context_mark,
            _sentence(error, content),
        ) from None
    except yaml.reader.ReaderError as error:
        raise _one(
            name,
            _mark(content, error.position),
            "a character that YAML does not permit: "
            f"{_character(error.character)}",
        ) from None
    except UnicodeDecodeError as error:
        raise _one(name, _mark(content, error.start), "no UTF-8") from None
    reader = _Reader(name)
    data = None if root is None else reader.value(root, (), ())
    if reader.problems:
        raise DocumentError(reader.problems)
    return Document(name, data, reader.places, reader.keys, reader.texts)


class _Reader:
    """Data of YAML's nodes, with places and faults on the way."""

    def __init__(self, name: str) -> None:
        import yaml

        self._yaml = yaml
        self._name = name
        self._scalars = yaml.constructor.SafeConstructor()
        self._left = MOST_VALUES
        self.problems: list[Problem] = []
        self.places: dict[ValuePath, Place] = {}
        self.keys: dict[ValuePath, Place] = {}
        self.texts: dict[ValuePath, str] = {}

    def value(
        self, node: 'yaml.Node', path: ValuePath, within: tuple[int, ...]
    ) -> Any:
        """Return the data of a node, and note its place.

        :param path: The value's path.
        :param within: The nodes that it is in, by their identities.
        """
        self._left -= 1
        if self._left < 0:
            # Nothing that follows would be worth telling.
            raise DocumentError(
                [
                    *self.problems,
                    self._problem(
                        node,
                        f"more than {MOST_VALUES} values, aliases repeated",
                    ),
                ]
            )
        self.places[path] = self._place(node)
        if isinstance(node, self._yaml.ScalarNode):
            self.texts[path] = node.value
            return self._scalar(node)
        if id(node) in within:
            self._note(node, "a value that contains itself")
            return None
        within = (*within, id(node))
        if isinstance(node, self._yaml.SequenceNode):
            return [
                self.value(each, (*path, index), within)
                for index, each in enumerate(node.value)
            ]
        return self._mapping(node, path, within)

    def _mapping(
        self, node: 'yaml.Node', path: ValuePath, within: tuple[int, ...]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in found:
                self._note(
                    key_node,
                    f"{key!r} for the second time; the first is in line "
                    f"{self.keys[*path, key].line}",
                )
                continue
            self.keys[*path, key] = self._place(key_node)
            found[key] = self.value(value_node, (*path, key), within)
        return found

    def _key(self, node: 'yaml.Node') -> str | None:
        if not isinstance(node, self._yaml.ScalarNode):
            self._note(node, "a list or mapping as a key; a key is text")
        elif node.tag == _MERGE:
            self._note(node, "merge keys (<<) are not read")
        elif node.tag in (_TEXT, _DATE):
            return str(node.value)
        else:
            self._note(
                node,
                f"the key {node.value} is {_kind(node.tag)} in YAML; write "
                f"'{node.value}', in quotes",
            )
        return None

    def _scalar(self, node: 'yaml.ScalarNode') -> Any:
        if node.tag == _DATE:
            return node.value
        kind = node.tag.rpartition(':')[2]
        if kind not in ('str', 'int', 'float', 'bool', 'null'):
            self._note(
                node, f"the tag {node.tag} is not known; data is written plain"
            )
            return None
        try:
            value: Hashable = self._scalars.construct_object(node)
        except (ValueError, OverflowError, self._yaml.YAMLError):
            self._note(node, f"{node.value[:80]!r} is no {kind}")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._note(node, f"{node.value} is no number to reckon with")
            return None
        return value

    def _place(self, node: 'yaml.Node') -> Place:
        mark = node.start_mark
        return Place(self._name, mark.line + 1, mark.column + 1)

    def _problem(self, node: 'yaml.Node', message: str) -> Problem:
        return Problem(self._place(node), message)

    def _note(self, node: 'yaml.Node', message: str) -> None:
        self.problems.append(self._problem(node, message))


# ====== FAULTS ======


def _check_depth(events: 'Iterator[yaml.Event]', name: str) -> None:
    """Refuse what is nested deeper than the parser's stack should go."""
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _one(
                    name,
                    event.start_mark,
                    f"more than {DEEPEST} levels of lists and mappings in "
                    "each other",
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _one(name: str, mark: Any, message: str) -> DocumentError:
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return DocumentError([Problem(Place(name, line + 1, column + 1), message)])


def _sentence(error: 'yaml.MarkedYAMLError', content: str | bytes) -> str:
    """Return what the parser says, without its places."""
    mark = error.problem_mark
    lines = content.splitlines()
    if mark is not None and mark.line < len(lines):
        line = lines[mark.line]
        if line[mark.column : mark.column + 1] in ('\t', b'\t'):
            return "a tab; YAML is indented with blanks"
    said = [each for each in (error.context, error.problem) if each]
    return ', '.join(said) or "it is no YAML"


def _mark(content: str | bytes, position: int) -> Any:
    import yaml

    before = content[:position]
    if isinstance(before, bytes):
        before = before.decode('utf-8', 'replace')
    line = before.count('\n')
    column = len(before) - (before.rfind('\n') + 1)
    return yaml.Mark('', position, line, column, None, 0)


def _character(found: int | str | bytes) -> str:
    number = found if isinstance(found, int) else ord(found)
    return f"U+{number:04X}"


def _kind(tag: str) -> str:
    return {
        'int': "a number",
        'float': "a number",
        'bool': "true or false",
        'null': "nothing",
    }.get(tag.rpartition(':')[2], "something else than text")
