# SPDX-License-Identifier: Apache-2.0
"""Types as they are meant, not as they travel."""

import datetime
import json
from typing import Any

import pytest

from ims_ext import resource


@pytest.mark.parametrize(
    ('wire', 'meant'),
    [
        (True, True),
        ('true', True),
        ('True', True),
        (False, False),
        ('FALSE', False),
        ('', None),
        ('perhaps', None),
    ],
)
def test_booleans_are_read_however_they_travel(
    wire: Any, meant: bool | None
) -> None:
    assert resource.FlexibleBool.deserialize(wire) is meant


@pytest.mark.parametrize(
    ('wire', 'meant'),
    [(1, 1), ('449261568', 449261568), ('', None), ('many', None), ([], None)],
)
def test_numbers_are_read_however_they_travel(
    wire: Any, meant: int | None
) -> None:
    assert resource.FlexibleInt.deserialize(wire) == meant


@pytest.mark.parametrize(
    ('wire', 'meant'),
    [
        ('2018-09-06T14:03:27Z', (2018, 9, 6, 14, 3, 27, 0)),
        ('2024-11-06T06:19:43.195Z', (2024, 11, 6, 6, 19, 43, 195000)),
        ('2024-11-06T08:19:43+02:00', (2024, 11, 6, 6, 19, 43, 0)),
        ('2018-10-28 10:00:00', (2018, 10, 28, 10, 0, 0, 0)),
        ('04-Jun-2015 18:11:06:586', (2015, 6, 4, 18, 11, 6, 586000)),
    ],
)
def test_both_notations_of_time_are_read(
    wire: str, meant: tuple[int, ...]
) -> None:
    expected = datetime.datetime(*meant, tzinfo=datetime.UTC)  # type: ignore[arg-type]

    assert resource.parse_time(wire) == expected


@pytest.mark.parametrize('wire', ['', None, 'yesterday', 3, {}])
def test_a_time_that_is_none_is_none(wire: Any) -> None:
    assert resource.parse_time(wire) is None


def test_a_caseless_string_compares_without_case_and_stays_a_string() -> None:
    status = resource.CaselessStr('SUCCESS')

    assert status == 'success'
    assert status != 'fail'
    assert status in {'Success'} or hash(status) == hash('success')
    assert json.dumps(status) == '"SUCCESS"'
