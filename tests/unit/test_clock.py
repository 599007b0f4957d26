# SPDX-License-Identifier: Apache-2.0
"""The emulator's clock, which can be advanced."""

from pathlib import Path
from typing import Any

import pytest

from ims_ext.emulator.clock import LATEST
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.clock import duration
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import State
from ims_ext.emulator.work.job_schedule import JobSchedule

NOW = 1.7e9


@pytest.fixture
def clock() -> Clock:
    """Give a clock of a machine on which no time passes."""
    return Clock(lambda: NOW)


@pytest.mark.parametrize(
    ('value', 'seconds'),
    [
        (0, 0),
        (1.5, 1.5),
        ('90', 90),
        (' 90s ', 90),
        ('0.5s', 0.5),
        ('15m', 900),
        ('2h', 7200),
        ('1d', 86400),
        ('1H30M', 5400),
        ('3650d', 3650 * 86400),
    ],
)
def test_durations_are_seconds_or_have_units(
    value: float | str, seconds: float
) -> None:
    assert duration(value) == seconds


@pytest.mark.parametrize(
    'value',
    [
        *('', 'soon', '-1', '2w', '2h30', '1e3', 'inf', 'nan', '1d' * 9999),
        *(-1, True, float('nan'), float('inf'), 1e12, None, [1]),
    ],
)
def test_what_is_no_duration_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match='duration'):
        duration(value)


def test_time_passes_at_once(clock: Clock) -> None:
    assert clock.advance('1h') == NOW + 3600
    assert clock() == NOW + 3600
    assert clock.advanced == 3600
    assert clock.machine() == NOW


def test_the_clock_has_an_end(clock: Clock) -> None:
    while clock() + 3.1e8 < LATEST:
        clock.advance(3.1e8)
    before = clock()

    with pytest.raises(ValueError, match='2199'):
        clock.advance(3.1e8)

    assert clock() == before


def test_a_moment_before_an_advance_is_longer_ago_then() -> None:
    now = [NOW]
    clock = Clock(lambda: now[0])
    now[0] += 10
    clock.advance(100)
    now[0] += 10
    clock.advance(1000)
    now[0] += 10

    assert clock.as_of(NOW) == NOW
    assert clock.as_of(NOW + 15) == NOW + 115
    assert clock.as_of(NOW + 25) == NOW + 1125
    assert clock.as_of(NOW + 99) == NOW + 1199


def test_clients_go_by_the_machines_clock_or_by_this_one(clock: Clock) -> None:
    clock.advance('2h')

    assert clock.skew(NOW + 5) == 5
    assert clock.skew(NOW + 7200 - 5) == 5
    assert clock.skew(NOW + 3600) == 3600


def test_listeners_are_told_until_they_have_enough(clock: Clock) -> None:
    told: list[float] = []
    end = clock.on_change(lambda: told.append(clock.advanced))
    clock.advance(1)
    end()
    end()
    clock.advance(1)

    assert told == [1]


def test_jobs_that_are_due_have_ended_when_the_clock_was_advanced(
    clock: Clock,
) -> None:
    ended: list[str] = []
    schedule = JobSchedule(clock, ended.append)
    schedule.start()
    for seconds in (100, 200, 300):
        schedule.add(Job('type', 'project', clock(), seconds, id=f'{seconds}'))

    clock.advance(250)

    assert ended == ['100', '200']
    schedule.stop()


def test_a_state_goes_on_as_far_ahead_as_it_was(tmp_path: Path) -> None:
    state = State(tmp_path / 'state')
    state.clock.advance('1d')
    state.clock.advance('1d')
    state.close()
    # Nobody has it any more.
    state.clock.advance('1d')

    again = State(tmp_path / 'state')

    assert again.clock.advanced == 2 * 86400
    again.close()
