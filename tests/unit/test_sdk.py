# SPDX-License-Identifier: Apache-2.0
"""Private names of openstacksdk: said in one file, and done without."""

import ast
from collections.abc import Iterator
import concurrent.futures
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import keystoneauth1
import openstack
import pytest

import ims_ext
from ims_ext import sdk

from . import sdk_without_name

ROOT = Path(ims_ext.__file__).parent
THEIRS = tuple(
    path
    for package, folders in (
        (openstack, ('.', 'config', 'image', 'image/v2')),
        (keystoneauth1, ('.',)),
    )
    for folder in folders
    for path in (Path(package.__file__).parent / folder).glob('*.py')
)

#: What subclasses declare or override by these names: nothing else can say
#: it, and all resource classes of openstacksdk do it.
DECLARED = {
    '_connection',
    '_query_mapping',
    '_store_unknown_attrs_as_properties',
    '_translate_response',
}


def _is_private(name: str) -> bool:
    return name.startswith('_') and not name.startswith('__')


def _defined(path: Path) -> Iterator[str]:
    """Give the private names that a module's classes have."""
    for each in ast.walk(ast.parse(path.read_text('utf-8'))):
        if not isinstance(each, ast.ClassDef):
            continue
        for node in ast.walk(each):
            if isinstance(node, ast.FunctionDef):
                yield node.name
            elif isinstance(getattr(node, 'ctx', None), ast.Store):
                if isinstance(node, ast.Attribute):
                    yield node.attr
                elif isinstance(node, ast.Name):
                    yield node.id


@pytest.fixture(scope='module')
def theirs() -> set[str]:
    """The private names of openstacksdk's and keystoneauth's classes."""
    return {
        name for path in THEIRS for name in _defined(path) if _is_private(name)
    }


def _is_own(value: ast.expr) -> bool:
    """Whether it is an object's own look at itself."""
    if isinstance(value, ast.Call):
        value = value.func
    return isinstance(value, ast.Name) and value.id in ('self', 'cls', 'super')


def _said(path: Path) -> Iterator[tuple[int, str]]:
    """Give the private names that a module says of others."""
    tree = ast.parse(path.read_text('utf-8'))
    own = {*_defined(path)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and _is_private(node.attr)
            and not _is_own(node.value)
            and node.attr not in own
        ):
            yield node.lineno, node.attr


def test_no_other_module_says_a_private_name(theirs: set[str]) -> None:
    assert {'_body', '_get_connection', '_compute_attributes'} <= theirs

    said = [
        f'{path.relative_to(ROOT)}:{line}: {name}'
        for path in sorted(ROOT.rglob('*.py'))
        if path.name != 'sdk.py'
        for line, name in _said(path)
        if name in theirs
    ]

    assert said == []


def _names() -> list[str]:
    """Return the private names of resources that sdk.py says."""
    tree = ast.parse(Path(sdk.__file__).read_text('utf-8'))
    constants = {
        each.value
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }
    attributes = {
        each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)
    }
    resource = Path(openstack.__file__).parent / 'resource.py'
    there = {*_defined(resource)}
    return sorted(
        name
        for name in (constants | attributes) & there
        if _is_private(name) and name not in DECLARED
    )


def _outcome(name: str) -> Any:
    program = Path(sdk_without_name.__file__)
    ran = subprocess.run(
        [sys.executable, str(program), *([name] if name else [])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f'{name}: {ran.stderr}'
    return json.loads(ran.stdout)


def test_results_stay_right_without_any_of_the_names() -> None:
    """Lists, gets and updates, as an openstacksdk without it would do them."""
    names = _names()
    assert '_compute_attributes' in names
    assert len(names) > 15

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        expected, *found = pool.map(_outcome, ['', *names])

    assert dict(zip(names, found, strict=True)) == dict.fromkeys(
        names, expected
    )
