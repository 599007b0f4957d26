# SPDX-License-Identifier: Apache-2.0
"""The operations that clients were tried with, and what became of them."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import json
from pathlib import Path
import subprocess

import pytest

PROGRAMS = Path(__file__).with_name('programs')
#: Seconds after which a program counts as hanging.
PATIENCE = 300


@dataclasses.dataclass
class Outcome:
    """What became of one client.

    :ivar client: Its name, with how it was used.
    :ivar version: Its version.
    :ivar operations: The error of each operation; ``None`` where it passed.
    :ivar skipped: The reason of each operation that was left out.
    """

    client: str
    version: str
    operations: dict[str, str | None] = dataclasses.field(default_factory=dict)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)

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
    ) -> Outcome:
        """Run a program that tells of each operation that it tries.

        :param folder: Where it runs; here, where not given.
        """
        outcome = Outcome(client, version)
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
        """Remember an outcome, and fail where an operation has."""
        self._all.append(outcome)
        assert outcome.operations
        wrong = {n: e for n, e in outcome.operations.items() if e}
        if wrong:
            told = '\n'.join(f'{name}: {wrong[name]}' for name in wrong)
            pytest.fail(f"{outcome.client}:\n{told}", pytrace=False)

    def table(self) -> str:
        """Return a table of clients, versions, and what became of both."""
        rows = [('Client', 'Version', 'Tried', 'Passed', 'Left out')]
        for each in self._all:
            passed = [e for e in each.operations.values() if e is None]
            tried = len(each.operations)
            counts = (tried, len(passed), len(each.skipped))
            rows.append((each.client, each.version, *map(str, counts)))
        lines = ['.. list-table::', '   :header-rows: 1', '']
        for row in rows:
            lines += [
                f'   {"*" if cell is row[0] else " "} - {cell}' for cell in row
            ]
        return '\n'.join(lines) + '\n'


def version_of(python: Path, package: str) -> str:
    """Return the version that an environment has of a package."""
    program = f'import importlib.metadata as m; print(m.version({package!r}))'
    return subprocess.check_output(
        [str(python), '-c', program], text=True
    ).strip()
