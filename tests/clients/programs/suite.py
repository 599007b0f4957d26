# SPDX-License-Identifier: Apache-2.0
"""Tests of somebody else's suite: those below the packages that are named.

It runs in the suite's environment, which has nothing of ours, and tells on
standard output what became of each test.
"""

from collections.abc import Iterator
import contextlib
import importlib
import json
import pkgutil
import re
import sys
from typing import Any
import unittest

#: What some suites add to the names of their tests.
_ATTRIBUTES = re.compile(r'\[.*\]')
_CLASS = re.compile(r'^\w+ \((.*)\)$')


def modules(package: str) -> Iterator[str]:
    """Return the names of the modules with tests below a package."""
    path = importlib.import_module(package).__path__
    for found in pkgutil.walk_packages(path, f'{package}.'):
        if found.name.rpartition('.')[2].startswith('test_'):
            yield found.name


class Teller(unittest.TestResult):
    """A result that tells of each test at once."""

    def __init__(self, told: Any) -> None:
        super().__init__()
        self._told = told

    def _tell(self, test: Any, **outcome: str | None) -> None:
        # Where a whole class ends early, it stands in brackets.
        name = _CLASS.sub(r'\1', _ATTRIBUTES.sub('', test.id()))
        line = {'operation': name, 'error': None, **outcome}
        print(json.dumps(line), file=self._told, flush=True)

    def addSuccess(self, test: Any) -> None:  # noqa: N802
        self._tell(test)

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
        self._tell(test, skipped=reason)

    def addError(self, test: Any, error: Any) -> None:  # noqa: N802
        self._tell(test, error=self._exc_info_to_string(error, test))

    addFailure = addError  # noqa: N815


def main() -> None:
    """Run the tests of the packages that are named as arguments."""
    names = [name for each in sys.argv[1:] for name in modules(each)]
    tests = unittest.TestLoader().loadTestsFromNames(sorted(names))
    # What the tests print is no part of what is told.
    with contextlib.redirect_stdout(sys.stderr):
        tests.run(Teller(sys.__stdout__))


if __name__ == '__main__':
    main()
