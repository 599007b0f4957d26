# SPDX-License-Identifier: Apache-2.0
"""Scenarios: what an emulator has from the start, written down.

A scenario is a YAML file, or the same as plain data. It is checked as a whole
before anything is made of it, and made once: a state that has it keeps it.
"""

from collections.abc import Mapping
import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ims_ext.emulator.delays import Delays
from ims_ext.emulator.seed import Account
from ims_ext.emulator.state.ids import Seed

T = TypeVar('T')

#: A scenario as it is given: its file, or its content.
Given: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]

#: What stands for the file's name where there is no file.
_NO_FILE = 'scenario'


class ScenarioError(ValueError):
    """A scenario with faults, told all at once, a line each."""


def first_given(first: T | None, second: T | None, last: T) -> T:
    """Return what is said first: by an option, a scenario, or else a cloud."""
    given = second if first is None else first
    return last if given is None else given


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A scenario without faults.

    :ivar data: Its content, as the JSON Schema has it.
    :ivar folder: Where the paths in it begin.
    """

    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    folder: Path = Path()

    @classmethod
    def load(cls, given: Given | None) -> 'Scenario':
        """Read a scenario, and check all of it.

        :param given: The file, or the content, whose paths begin in the
            current directory; ``None`` for an empty one.
        :raises: :class:`ScenarioError` with all that is wrong, a line each.
        """
        if given is None:
            return cls()
        from ims_ext.document import reading
        from ims_ext.emulator.scenario import checking

        folder = Path()
        try:
            if isinstance(given, Mapping):
                data = json.loads(json.dumps(given))
                document = reading.Document(_NO_FILE, data, {}, {}, {})
            else:
                document = reading.read_file(Path(given))
                folder = Path(given).parent
            checking.check(document, folder)
        except (reading.DocumentError, TypeError) as error:
            raise ScenarioError(str(error)) from error
        except OSError as error:
            raise ScenarioError(
                f"{error.filename}: {error.strerror or error}"
            ) from error
        return cls(document.data or {}, folder)

    # ====== SETTINGS ======

    @property
    def like(self) -> str | None:
        """The cloud to be like."""
        return self.data.get('like')

    @property
    def seed(self) -> Seed | None:
        """What IDs, keys and tokens follow from."""
        return self.data.get('seed')

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions; none where it does not say."""
        return tuple(self.data.get('regions', ()))

    @property
    def job_seconds(self) -> float | None:
        """For how many seconds a job runs."""
        return self.data.get('job_seconds')

    @property
    def image_quota(self) -> int | None:
        """How many images a project may own that says nothing else."""
        return self.data.get('image_quota')

    @property
    def faults(self) -> tuple[str, ...]:
        """What goes wrong on purpose."""
        return tuple(self.data.get('faults', ()))

    @property
    def fault_seed(self) -> int:
        """Decides which requests the faults befall."""
        return int(self.data.get('fault_seed', 0))

    def delays(self, others: Delays) -> Delays:
        """Return how much later effects come.

        :param others: The delays that it says nothing of.
        """
        return dataclasses.replace(others, **self.data.get('delays', {}))

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The users, each with the project to work in by default."""
        return tuple(
            Account(
                user['name'],
                user.get('password') or f'{user["name"]}-secret',
                user['project'],
            )
            for user in self.data.get('users', ())
        )

    @property
    def empty_projects(self) -> frozenset[str]:
        """The projects that begin with nothing but what it says."""
        return frozenset(
            project['name']
            for project in self.data.get('projects', ())
            if project.get('begin_with') == 'nothing'
        )

    # ====== ONCE ======

    @property
    def digest(self) -> str:
        """What tells it from others; comments and order do not count."""
        text = json.dumps(self.data, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
