# SPDX-License-Identifier: Apache-2.0
"""Variables of a manifest: ``${NAME}`` in its texts."""

from collections.abc import Mapping
import difflib
import re
from typing import Any

from ims_ext.document.reading import Document
from ims_ext.document.reading import Problem
from ims_ext.document.reading import ValuePath
from ims_ext.pipeline.manifest import shapes

#: ``$$`` stands for one dollar sign.
_VARIABLE = re.compile(r'\$(\$|\{([^}]*)\}?)')
_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]*', re.ASCII)


def fill(
    document: Document, given: Mapping[str, str]
) -> tuple[Any, list[Problem]]:
    """Return a document's data with its variables filled in, and the faults.

    :param document: The document; ``variables`` in it names those that there
        are, with their defaults.
    :param given: Values for those that it names; others are not looked at.
    """
    if not isinstance(document.data, dict):
        return document.data, []
    filling = _Filling(
        document, shapes.mapping(document.data, 'variables'), given
    )
    data = {
        key: value if key == 'variables' else filling.filled(value, (key,))
        for key, value in document.data.items()
    }
    return data, filling.problems


class _Filling:
    def __init__(
        self,
        document: Document,
        declared: Mapping[str, Any],
        given: Mapping[str, str],
    ) -> None:
        self._document = document
        self._declared = declared
        self._given = given
        self.problems: list[Problem] = []

    def filled(self, value: Any, path: ValuePath) -> Any:
        if isinstance(value, dict):
            return {
                key: self.filled(each, (*path, key))
                for key, each in value.items()
            }
        if isinstance(value, list):
            return [
                self.filled(each, (*path, index))
                for index, each in enumerate(value)
            ]
        if isinstance(value, str) and '$' in value:
            return _VARIABLE.sub(lambda match: self._value(match, path), value)
        return value

    def _value(self, match: re.Match[str], path: ValuePath) -> str:
        if match[1] == '$':
            return '$'
        name = match[2]
        if not match[0].endswith('}') or not _NAME.fullmatch(name):
            self._note(
                path,
                f"{match[0]} is no variable; write ${{NAME}}, or $$ for a "
                "dollar sign",
            )
        elif name not in self._declared:
            near = difflib.get_close_matches(name, self._declared, 1)
            self._note(
                path,
                f"the variable {name} is not named in variables; "
                + (f"did you mean {near[0]}?" if near else "add it there"),
            )
        elif name in self._given:
            return self._given[name]
        elif isinstance(self._declared[name], str):
            return str(self._declared[name])
        else:
            self._note(
                path,
                f"the variable {name} has no value: set it in the "
                f"environment, or give --var {name}=VALUE",
            )
        return match[0]

    def _note(self, path: ValuePath, message: str) -> None:
        self.problems.append(self._document.problem(path, message))
