# SPDX-License-Identifier: Apache-2.0
"""The arrows between the package's modules: down, and never in a circle.

All imports count: those inside of functions, those for annotations, and those
of the packages that a module is in.
"""

import ast
from collections.abc import Iterator
import graphlib
from pathlib import Path

import pytest

import ims_ext

PACKAGE = 'ims_ext'
ROOT = Path(ims_ext.__file__).parent

#: The parts of the house, the lowest floor first: each knows those below it.
FLOORS = (
    (
        'attributes',
        'closing',
        'error_codes',
        'exceptions',
        'extras',
        'local_file',
        'os_versions',
        'sdk',
        'signature',
        'wire_names',
    ),
    ('document', 'workers'),
    ('transport',),
    ('auth', 'catalog', 'page_end', 'resource_table'),
    ('construction',),
    ('lazy',),
    ('paging',),
    ('resource',),
    ('validation',),
    ('diskimage', 'inherited', 'objectstore'),
    ('proxy',),
    ('reconcile', 'extension', 'file_import'),
    ('pipeline',),
    ('types',),
    ('service',),
    ('',),
    ('cli',),
    ('ansible',),
)


def modules() -> dict[str, Path]:
    """Return the package's modules, by their names."""
    found = {}
    for path in ROOT.rglob('*.py'):
        parts = (PACKAGE, *path.relative_to(ROOT).with_suffix('').parts)
        if parts[-1] == '__init__':
            parts = parts[:-1]
        found['.'.join(parts)] = path
    return found


MODULES = modules()


def packages_of(name: str) -> Iterator[str]:
    """Give the packages that a module is in."""
    while '.' in name:
        name = name.rpartition('.')[0]
        yield name


def imported(name: str) -> Iterator[str]:
    """Give the modules of the package that one of them imports."""
    tree = ast.parse(MODULES[name].read_text('utf-8'))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} has a relative import"
            yield node.module or ''
            for alias in node.names:
                yield f'{node.module}.{alias.name}'


def arrows(name: str) -> set[str]:
    """Return where a module's imports lead, packages on the way included."""
    own = {name, *packages_of(name)}
    found = set()
    for target in imported(name):
        if target in MODULES:
            found |= {target, *packages_of(target)}
    return found - own


ARROWS = {name: arrows(name) for name in MODULES}


def part(name: str) -> str:
    """Return the part of the house that a module belongs to."""
    return name.partition('.')[2].partition('.')[0]


def test_imports_make_no_circle() -> None:
    try:
        graphlib.TopologicalSorter(ARROWS).prepare()
    except graphlib.CycleError as error:
        pytest.fail(' <- '.join(error.args[1]))


@pytest.mark.parametrize(
    'name', [name for name in MODULES if part(name) != 'emulator']
)
def test_arrows_point_down(name: str) -> None:
    floors = {each: floor for floor, row in enumerate(FLOORS) for each in row}
    here = floors[part(name)]

    above = {
        target
        for target in ARROWS[name]
        if part(target) == 'emulator' or floors[part(target)] > here
    }

    assert not above


def test_the_emulator_does_not_know_the_client() -> None:
    client = ('cli', 'extension', 'lazy', 'paging', 'proxy', 'resource')
    known = {
        (name, target)
        for name in MODULES
        if part(name) == 'emulator'
        for target in ARROWS[name]
        if part(target) in client
    }

    assert not known
