# SPDX-License-Identifier: Apache-2.0
"""Commands that are asking again for long say so."""

import io

import pytest

from ims_ext.cli import waiting
from ims_ext.transport import failures
from ims_ext.transport import retry


def told(seconds: int, policy: retry.Policy | None = None) -> list[str]:
    """Return what is said of a failure that goes on, a pause a second."""
    stream = io.StringIO()
    attempts = retry.Attempts(policy or retry.Policy(status_delay=1.0))
    with waiting.telling(stream):
        for _ in range(seconds):
            attempts.pause(failures.Failure('status', 'HTTP 503'))
    return stream.getvalue().splitlines()


def test_a_short_wait_is_not_told() -> None:
    assert told(2) == []


def test_after_three_seconds_it_is_told_with_the_reason() -> None:
    [line] = told(3)

    assert 'HTTP 503' in line
    assert 'Ctrl-C' in line


@pytest.mark.parametrize(('seconds', 'lines'), [(17, 1), (18, 2), (48, 4)])
def test_it_is_told_now_and_then(seconds: int, lines: int) -> None:
    policy = retry.Policy(retries=100, status_delay=1.0)

    assert len(told(seconds, policy)) == lines


def test_nothing_is_told_of_an_end() -> None:
    policy = retry.Policy(retries=0, status_delay=10.0)

    assert told(1, policy) == []


def test_a_line_says_one_thing_whatever_the_cloud_sends() -> None:
    stream = io.StringIO()
    with waiting.telling(stream):
        retry.Attempts(retry.Policy(status_delay=4.0)).pause(
            failures.Failure('status', 'odd\n\x1b[2J')
        )

    assert stream.getvalue().count('\n') == 1
    assert '\x1b' not in stream.getvalue()


def test_after_the_command_nobody_is_told() -> None:
    stream = io.StringIO()
    with waiting.telling(stream):
        pass
    retry.Attempts(retry.Policy(status_delay=9.0)).pause(
        failures.Failure('status', 'HTTP 503')
    )

    assert stream.getvalue() == ''
