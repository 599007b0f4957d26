# SPDX-License-Identifier: Apache-2.0
"""The runs of all manifests that this machine has a journal of."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ims_ext import exceptions
from ims_ext.pipeline import events
from ims_ext.pipeline import home
from ims_ext.pipeline.journal import Journal
from ims_ext.pipeline.journal import RunRecord
from ims_ext.pipeline.report.facts import Report
from ims_ext.pipeline.report.gathering import gather


def runs(say: Callable[[str], None] | None = None) -> list[RunRecord]:
    """Return the runs, the newest first.

    :param say: Is told of journals that cannot be read.
    """
    found = []
    for path in _journals():
        with Journal(path, None, say) as journal:
            found += journal.runs()
    found.sort(key=lambda each: (each.began, each.run), reverse=True)
    return found


def report(
    run: str | None = None,
    say: Callable[[str], None] | None = None,
) -> Report:
    """Return the report of a run.

    :param run: The run's ID, or the beginning of it that is no other's; by
        default the newest.
    :param say: Is told of journals that cannot be read.
    :raises: :class:`~ims_ext.exceptions.ValidationError` where there is no
        such run, or several.
    """
    found = [
        (each, path)
        for path in _journals()
        for each in _runs(path, say)
        if run is None or each.run.startswith(run)
    ]
    if exact := [each for each in found if each[0].run == run]:
        found = exact
    found.sort(key=lambda each: (each[0].began, each[0].run))
    if not found:
        raise exceptions.ValidationError(
            f"this machine has no journal of run {run}"
            if run
            else "this machine has no journal of any run"
        )
    if run is not None and len(found) > 1:
        names = ', '.join(each.run for each, _ in found[:5])
        raise exceptions.ValidationError(f"{run} may be one of {names}")
    record, path = found[-1]
    with Journal(path, None, say) as journal:
        return gather(journal.events(record.run))


def report_of_file(file: Path, run: str | None = None) -> Report:
    """Return the report of a run whose events are in a file.

    :param file: A file that ``apply --events`` has written.
    :param run: The run's ID; by default the last one in the file.
    :raises: :class:`OSError`; :class:`ValueError` for a file of something
        else, and where the run is not in it.
    """
    kept: dict[str, list[events.Event]] = {}
    for event in events.read(file):
        kept.setdefault(event['run'], []).append(event)
    if run is None and kept:
        run = list(kept)[-1]
    if run not in kept:
        raise exceptions.ValidationError(
            f"{file} has no events of run {run}"
            if run
            else f"{file} has no events"
        )
    return gather(kept[run])


class Runs(Protocol):
    """Something that keeps the events of runs: a board."""

    def runs(self) -> list[str]:
        """Return the IDs of the runs, the newest first."""

    def events_of(self, run: str) -> list[events.Event]:
        """Return the events of a run."""


def report_of_board(board: Runs, run: str | None = None) -> Report:
    """Return the report of a run that a board's workers have carried out.

    :param board: The board.
    :param run: The run's ID, or the beginning of it that is no other's; by
        default the newest.
    :raises: :class:`~ims_ext.exceptions.ValidationError` where there is no
        such run, or several.
    """
    found = [each for each in board.runs() if each.startswith(run or '')]
    if run in found:
        found = [run]
    if not found:
        raise exceptions.ValidationError(
            f"the board knows no run {run}" if run else "the board has no run"
        )
    if run is not None and len(found) > 1:
        raise exceptions.ValidationError(
            f"{run} may be one of {', '.join(found[:5])}"
        )
    return gather(iter(board.events_of(found[0])))


def _runs(path: Path, say: Callable[[str], None] | None) -> list[RunRecord]:
    with Journal(path, None, say) as journal:
        return journal.runs()


def _journals() -> list[Path]:
    return sorted(home.folder().glob('*.sqlite'))
