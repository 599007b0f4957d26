# SPDX-License-Identifier: Apache-2.0
"""The table of what was tried against the emulator names its tests."""

import ast
import csv
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = TESTS.parent / 'doc/source/user/emulator-reach.csv'


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize('row', rows(), ids=lambda row: row['Test'])
def test_every_row_of_the_table_has_a_test(row: dict[str, str]) -> None:
    path, _, name = row['Test'].partition('::')

    tree = ast.parse((TESTS / path).read_text('utf-8'))

    assert name in {
        each.name for each in tree.body if isinstance(each, ast.FunctionDef)
    }
