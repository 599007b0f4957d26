# SPDX-License-Identifier: Apache-2.0
"""The tables of how far the emulator can be believed are held by tests."""

import ast
import csv
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLES = TESTS.parent / 'doc/source/user'
#: Where clients are tried, and what became of it is counted.
CLIENTS = [
    path
    for path in sorted((TESTS / 'clients').glob('test_*.py'))
    if 'outcomes: Outcomes' in path.read_text('utf-8')
]


def rows(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    'row',
    [*rows('truth-clouds.csv'), *rows('truth-references.csv')],
    ids=lambda row: row['Test'],
)
def test_every_statement_has_a_test(row: dict[str, str]) -> None:
    path, _, name = row['Test'].partition('::')

    tree = ast.parse((TESTS / path).read_text('utf-8'))

    assert name in {
        each.name for each in tree.body if isinstance(each, ast.FunctionDef)
    }


def test_every_point_of_the_references_is_there_once() -> None:
    points = [int(row['Point']) for row in rows('truth-references.csv')]

    assert points == list(range(1, 27))


@pytest.mark.parametrize(
    'row', rows('conformance.csv'), ids=lambda row: row['Client']
)
def test_a_client_passes_all_that_it_was_tried_with(
    row: dict[str, str],
) -> None:
    assert row['Version']
    assert 0 < int(row['Tried']) == int(row['Passed'])


@pytest.mark.parametrize('path', CLIENTS, ids=lambda path: path.stem)
def test_every_client_that_is_tried_is_in_the_table(path: Path) -> None:
    text = path.read_text('utf-8')

    clients = {row['Client'].split(',')[0] for row in rows('conformance.csv')}

    assert any(f"'{client}" in text for client in clients)


def test_every_client_of_the_table_is_tried() -> None:
    text = ''.join(path.read_text('utf-8') for path in CLIENTS)

    for row in rows('conformance.csv'):
        assert f"'{row['Client'].split(',')[0]}" in text
