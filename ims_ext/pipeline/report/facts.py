# SPDX-License-Identifier: Apache-2.0
"""The facts of a run: its items, their steps, and what failed."""

import collections
import dataclasses
import datetime
import enum
import re

#: The name of the step in which a job of the cloud is waited for.
JOB = 'job'

#: What differs between failures of one cause: IDs, numbers, quoted names.
_PARTICULAR = re.compile(
    r'[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|\b[0-9a-f]{16,}\b|\d+'
    r"|'[^']*'|\"[^\"]*\""
)


class State(enum.StrEnum):
    """What has become of an item or a step."""

    DONE = 'done'
    FAILED = 'failed'
    SKIPPED = 'skipped'
    #: Begun, and not ended: the run goes on, or was ended before.
    UNFINISHED = 'unfinished'
    #: Planned, and not begun.
    PLANNED = 'planned'


@dataclasses.dataclass
class StepFacts:
    """A step of an item, or a job of the cloud.

    :ivar began: Seconds after the run's beginning.
    :ivar seconds: How long it took, so far.
    :ivar bytes: Bytes that it has moved, where that was told.
    :ivar job_id: The job, of a step that is one.
    :ivar status: The job's status.
    """

    name: str
    began: float
    seconds: float = 0.0
    state: State = State.UNFINISHED
    bytes: int | None = None
    job_id: str | None = None
    status: str | None = None

    @property
    def ended(self) -> float:
        """Seconds after the run's beginning."""
        return self.began + self.seconds


@dataclasses.dataclass
class ItemFacts:
    """An action that was carried out, or was to be.

    :ivar began: Seconds after the run's beginning; ``None`` where it has not
        begun.
    :ivar seconds: How long it took, so far.
    :ivar code: The cloud's error code, or the exception's name.
    :ivar left: What a failure has left behind.
    """

    id: str
    action: str
    image: str
    version: str
    target: str
    state: State = State.PLANNED
    began: float | None = None
    seconds: float = 0.0
    image_id: str | None = None
    reason: str | None = None
    code: str | None = None
    left: str | None = None
    steps: list[StepFacts] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def label(self) -> str:
        """The action and the version."""
        return f'{self.action} {self.image}@{self.version}'

    @property
    def bytes(self) -> int:
        """Bytes that its steps have moved."""
        return sum(each.bytes or 0 for each in self.steps)


@dataclasses.dataclass(frozen=True)
class Cause:
    """Failures that have one cause.

    :ivar code: Their code.
    :ivar reason: The first one's reason.
    :ivar items: The items.
    """

    code: str
    reason: str
    items: tuple[ItemFacts, ...]


@dataclasses.dataclass
class Report:
    """The facts of a run.

    :ivar run: Its ID.
    :ivar began: When it began; ``None`` where no event is known.
    :ivar ended: When it ended; ``None`` where it goes on or was killed.
    :ivar exit: Its exit code.
    :ivar seconds: How long it took, or until its last event.
    :ivar items: Its items, in the order in which they began, and after them
        those that did not.
    :ivar notes: What was told of no item in particular.
    """

    run: str = ''
    pipeline: str = ''
    manifest: str = ''
    began: datetime.datetime | None = None
    ended: datetime.datetime | None = None
    exit: int | None = None
    seconds: float = 0.0
    targets: list[str] = dataclasses.field(default_factory=list)
    items: list[ItemFacts] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def count(self, state: State) -> int:
        """Return how many items are in a state.

        :param state: The state.
        """
        return sum(each.state is state for each in self.items)

    @property
    def bytes(self) -> int:
        """Bytes that all steps have moved."""
        return sum(each.bytes for each in self.items)

    def slowest(self, most: int = 10) -> list[ItemFacts]:
        """Return the items that took longest.

        :param most: How many.
        """
        begun = [each for each in self.items if each.began is not None]
        begun.sort(key=lambda each: -each.seconds)
        return begun[:most]

    def causes(self) -> list[Cause]:
        """Return the failures by their causes, the most frequent first."""
        found: dict[tuple[str, str], list[ItemFacts]] = {}
        for each in self.items:
            if each.state is State.FAILED:
                plain = _PARTICULAR.sub('…', each.reason or '')
                for name in (each.image, each.version, each.target):
                    plain = plain.replace(name, '…') if name else plain
                found.setdefault((each.code or '', plain), []).append(each)
        causes = [
            Cause(code, items[0].reason or '', tuple(items))
            for (code, _), items in found.items()
        ]
        causes.sort(key=lambda each: -len(each.items))
        return causes

    def step_seconds(self) -> dict[str, float]:
        """Return how long each kind of step took, all of them together."""
        totals: dict[str, float] = collections.defaultdict(float)
        for item in self.items:
            for step in item.steps:
                totals[step.name] += step.seconds
        return dict(
            sorted(totals.items(), key=lambda each: (-each[1], each[0]))
        )
