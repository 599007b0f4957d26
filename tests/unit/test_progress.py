# SPDX-License-Identifier: Apache-2.0
"""Progress bars: what a terminal is shown of an upload and a job."""

import contextlib
import io

import pytest

from ims_ext.cli import progress
from ims_ext.extension import job as _job

MIB = 1024**2


class Terminal(io.StringIO):
    """A terminal that remembers what it was shown."""

    def isatty(self) -> bool:
        """Say that somebody is looking."""
        return True


def test_an_upload_redraws_its_bar_far_less_often_than_it_tells() -> None:
    terminal = Terminal()
    with contextlib.redirect_stderr(terminal), progress.Bars() as bars:
        for done in range(4001):
            bars.upload(done * MIB, 4000 * MIB)

    shown = terminal.getvalue().split('\r')
    assert len(shown) < 1000
    assert '100%' in shown[-1]


def test_a_job_shows_every_look_at_it() -> None:
    terminal = Terminal()
    with contextlib.redirect_stderr(terminal), progress.Bars() as bars:
        for done in (0.1, 0.1, 0.2):
            bars.job(
                _job.Job.existing(
                    status='RUNNING', entities={'process_percent': done}
                )
            )

    shown = terminal.getvalue()
    assert '10%' in shown
    assert '20%' in shown


def test_nothing_is_shown_where_nobody_looks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.Bars() as bars:
        bars.upload(1, 2)

    assert capsys.readouterr().err == ''
