# SPDX-License-Identifier: Apache-2.0
"""The operations that clients were tried with, and what became of them."""

from collections.abc import Callable, Mapping, Sequence
import csv
import dataclasses
import io
import json
import os
from pathlib import Path
import subprocess

import pytest

PROGRAMS = Path(__file__).with_name('programs')
#: What the documentation says of each client.
TABLE = Path(__file__).parents[2] / 'doc/source/user/conformance.csv'
COLUMNS = ('Client', 'Version', 'Tried', 'Passed', 'Left out')
#: Seconds after which a program counts as hanging.
PATIENCE = 300


@dataclasses.dataclass
class Outcome:
    """What became of one client.

    :ivar client: Its name, with how it was used.
    :ivar version: Its version.
    :ivar operations: The error of each operation; ``None`` where it passed.
    :ivar skipped: The reason of each operation that was left out.
    :ivar is_suite: Whether it brings the operations: tests of its own.
    """

    client: str
    version: str
    operations: dict[str, str | None] = dataclasses.field(default_factory=dict)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    is_suite: bool = False

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many operations were tried, passed, and were left out."""
        passed = [e for e in self.operations.values() if e is None]
        return len(self.operations), len(passed), len(self.skipped)

    def attempt(
        self,
        operation: str,
        command: Sequence[str],
        check: Callable[[str], bool] = lambda _: True,
        *,
        environment: Mapping[str, str],
        given: str = '',
    ) -> str:
        """Try a command that is an operation of its own.

        :param check: Returns whether the command's output is right.
        :param environment: The environment of the command.
        :param given: The command's standard input.
        """
        done = subprocess.run(
            command,
            env=dict(environment),
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        right = done.returncode == 0 and check(done.stdout)
        told = f'{" ".join(command)}\n{done.stdout}\n{done.stderr}'
        self.operations[operation] = None if right else told
        return str(done.stdout)


class Outcomes:
    """What became of all clients."""

    def __init__(self) -> None:
        self._all: list[Outcome] = []

    def program(
        self,
        client: str,
        version: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path | None = None,
        *,
        is_suite: bool = False,
    ) -> Outcome:
        """Run a program that tells of each operation that it tries.

        :param folder: Where it runs; here, where not given.
        :param is_suite: Whether the client brings the operations.
        """
        outcome = Outcome(client, version, is_suite=is_suite)
        done = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            cwd=folder,
        )
        for line in done.stdout.splitlines():
            if line.startswith('{"operation"'):
                told = json.loads(line)
                if 'skipped' in told:
                    outcome.skipped[told['operation']] = told['skipped']
                else:
                    outcome.operations[told['operation']] = told['error']
        if done.returncode:
            outcome.operations['program'] = done.stderr
        self.judge(outcome)
        return outcome

    def judge(self, outcome: Outcome) -> None:
        """Remember an outcome, and fail where an operation has.

        Fail as well where the documentation says something else of it,
        unless its table is about to be written.
        """
        self._all.append(outcome)
        assert outcome.operations
        wrong = {n: e for n, e in outcome.operations.items() if e}
        if wrong:
            told = '\n'.join(f'{name}: {wrong[name]}' for name in wrong)
            pytest.fail(f"{outcome.client}:\n{told}", pytrace=False)
        if 'IMS_EXT_CLIENTS_TABLE' not in os.environ:
            check_documented(outcome)

    def table(self) -> str:
        """Return clients, versions, and what became of them, as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(COLUMNS)
        for each in sorted(self._all, key=lambda outcome: outcome.client):
            writer.writerow((each.client, each.version, *each.counts))
        return text.getvalue()


def documented() -> dict[str, dict[str, str]]:
    """Return what the documentation says of each client, by its name."""
    with TABLE.open(encoding='utf-8', newline='') as file:
        return {row['Client']: row for row in csv.DictReader(file)}


def check_documented(outcome: Outcome) -> None:
    """Fail where the documentation says something else of a client.

    A suite has other tests in another version.
    """
    row = documented().get(outcome.client)
    assert row is not None, f"{TABLE} has no {outcome.client}"
    if not outcome.is_suite or row['Version'] == outcome.version:
        told = tuple(int(row[column]) for column in COLUMNS[2:])
        assert told == outcome.counts, f"{TABLE}: {outcome.client}"


def version_of(python: Path, package: str) -> str:
    """Return the version that an environment has of a package."""
    program = f'import importlib.metadata as m; print(m.version({package!r}))'
    return subprocess.check_output(
        [str(python), '-c', program], text=True
    ).strip()
