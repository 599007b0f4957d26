# SPDX-License-Identifier: Apache-2.0
"""What type checkers say of programs that use ``conn.ims``."""

from collections.abc import Callable
import json
import os
from pathlib import Path
import re
import subprocess
import sys

import openstack
import pytest

import ims_ext
from ims_ext import service
from ims_ext import types
from ims_ext.extension import image_filter
from ims_ext.extension import image_patch
from tests import code_blocks

ROOT = Path(__file__).parents[2]
MISTAKES = Path(__file__).with_name('misspelt.py')

#: Pages whose Python is part of a program that is elsewhere.
PARTS = {'doc/source/contributor/benchmarks.rst': "a benchmark's function"}

#: What pages have at their beginning where they do not say so.
PRELUDE = 'import ims_ext; conn = ims_ext.connect()'

#: A checker's findings: lines by the name of the file.
Findings = dict[str, dict[int, str]]


def mypy(folder: Path) -> Findings:
    """Return what mypy finds in the programs of a folder."""
    settings = folder / 'mypy.ini'
    settings.write_text('[mypy]\ncheck_untyped_defs = true\n')
    found: Findings = {}
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'mypy', '--follow-imports', 'silent'),
            *('--config-file', str(settings), '--no-error-summary'),
            *('--cache-dir', str(ROOT / '.mypy_cache' / 'programs')),
            *(str(each) for each in folder.glob('*.py')),
        ],
        env={**os.environ, 'MYPYPATH': str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    for line in done.stdout.splitlines():
        told = re.match(r'(.+?):(\d+): error: (.+)', line)
        if told:
            lines = found.setdefault(Path(told[1]).name, {})
            lines[int(told[2])] = told[3]
    return found


def pyright(folder: Path) -> Findings:
    """Return what pyright finds in the programs of a folder."""
    settings = folder / 'pyrightconfig.json'
    settings.write_text(
        json.dumps(
            {
                'typeCheckingMode': 'standard',
                'include': ['.'],
                'extraPaths': [str(ROOT)],
            }
        )
    )
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'basedpyright', '--outputjson'),
            *('--pythonpath', sys.executable, '--project', str(folder)),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer['summary']['filesAnalyzed'] > 0
    found: Findings = {}
    for each in answer['generalDiagnostics']:
        if each['severity'] == 'error':
            lines = found.setdefault(Path(each['file']).name, {})
            lines[each['range']['start']['line'] + 1] = each['message']
    return found


@pytest.fixture(scope='module', params=[mypy, pyright])
def findings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Findings:
    """Give what a checker finds in the pages' programs and the mistakes."""
    folder = tmp_path_factory.mktemp('programs')
    (folder / MISTAKES.name).write_text(MISTAKES.read_text('utf-8'))
    for page in code_blocks.pages():
        program = code_blocks.python_of(page)
        if program.strip() and code_blocks.name(page) not in PARTS:
            if program.startswith('\n'):
                program = PRELUDE + program
            (folder / program_name(page)).write_text(program, 'utf-8')
    check: Callable[[Path], Findings] = request.param
    return check(folder)


def program_name(page: Path) -> str:
    """Return the name of the file with a page's program."""
    return re.sub(r'\W', '_', code_blocks.name(page)) + '.py'


def test_every_mistake_is_found_at_its_line(findings: Findings) -> None:
    lines = MISTAKES.read_text('utf-8').splitlines()
    wrong = {i for i, line in enumerate(lines, 1) if '# wrong' in line}
    assert set(findings[MISTAKES.name]) == wrong


@pytest.mark.parametrize('page', code_blocks.pages(), ids=code_blocks.name)
def test_the_programs_of_the_documentation_are_right(
    findings: Findings, page: Path
) -> None:
    assert findings.get(program_name(page), {}) == {}


def test_parts_of_programs_are_there() -> None:
    for name in PARTS:
        assert code_blocks.python_of(ROOT / name).strip()


def test_the_class_that_checkers_know_is_that_of_conn_ims() -> None:
    assert service.proxy_class() is types.ImageService


def test_further_capabilities_are_added_to_it() -> None:
    class Painting:
        def paint(self) -> str:
            return 'red'

    built_in = {each.__name__: each for each in types.ImageService.__bases__}
    assembled = service.assemble({**built_in, 'painting': Painting})
    assert issubclass(assembled, types.ImageService)
    assert assembled.paint(None) == 'red'  # type: ignore[attr-defined]


def test_a_connection_is_of_the_class_that_checkers_know() -> None:
    conn = openstack.connection.Connection(
        auth_type='none', endpoint='http://ims.invalid'
    )
    assert ims_ext.load(conn) is conn
    assert isinstance(conn, types.Connection)


def test_filters_are_those_that_are_taken() -> None:
    taken = image_filter.names(types.CloudImage)
    ours = set(types.ImageFilters.__annotations__)
    assert ours == {
        *(taken.keys() | taken.values()),
        *('is_hidden', 'properties', '__system_cmkid'),
    }


def test_changes_are_those_that_are_taken() -> None:
    ours = set(types.ImageChanges.__annotations__)
    assert ours == {*image_patch.UPDATABLE, 'properties'}
