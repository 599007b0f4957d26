# SPDX-License-Identifier: Apache-2.0
"""Figures as people read them."""

import datetime


def duration(seconds: float) -> str:
    """Return a duration: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``.

    :param seconds: The duration in seconds.
    """
    if not seconds:
        return '0 s'
    if seconds < 9.95:
        return f'{seconds:.1f} s'
    whole = round(seconds)
    if whole < 60:
        return f'{whole} s'
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f'{minutes} min {rest} s' if rest else f'{minutes} min'
    hours, minutes = divmod(minutes, 60)
    return f'{hours} h {minutes} min' if minutes else f'{hours} h'


def moment(when: datetime.datetime | None) -> str:
    """Return a moment in UTC.

    :param when: The moment, if there is one.
    """
    if when is None:
        return ''
    return f'{when.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC'


def outcome(exit_code: int | None) -> str:
    """Return what an exit code says.

    :param exit_code: The exit code; ``None`` where there is none yet.
    """
    if exit_code is None:
        return "not ended: it goes on, or was ended by force"
    return _OUTCOMES.get(exit_code, f"ended with {exit_code}")


_OUTCOMES = {
    0: "done",
    3: "some items failed",
    4: "another run was at work, or the plan did not hold any more",
    5: "interrupted; run it again",
    130: "ended by force",
}
