# SPDX-License-Identifier: Apache-2.0
"""Carrying out a plan: what may begin, begins; what depends on it, after."""

from collections.abc import Iterable, Iterator, Mapping
import dataclasses
import datetime
import queue
import threading
import time
from typing import TypeAlias

from ims_ext import exceptions
from ims_ext.exceptions import secret_text
from ims_ext.pipeline.carrying import Carrier
from ims_ext.pipeline.carrying import Result
from ims_ext.pipeline.carrying import code_of
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.planning.model import Plan
from ims_ext.pipeline.steps.retiring import NeededError
from ims_ext.pipeline.steps.work import Notes
from ims_ext.pipeline.steps.work import NotNowError
from ims_ext.pipeline.steps.work import Tools
from ims_ext.pipeline.steps.work import Work
from ims_ext.pipeline.unit import State
from ims_ext.pipeline.unit import Unit

#: Seconds until an action that failed is tried again.
_AGAIN_AFTER = 2.0

#: Errors of a project that has as many imports at a time as it may: seconds
#: between two attempts, and for how long they are made.
_FULL = frozenset({'IMG.0194'})
_FULL_PAUSE, _FULL_PATIENCE = 5.0, 3600.0

_RETIRING = frozenset({Kind.DEPRECATE, Kind.DELETE})
#: The order of what is done with one version at one target.
_ORDER = (
    Kind.ADOPT,
    Kind.MAKE,
    Kind.CHANGE,
    Kind.PROMOTE,
    Kind.SHARE,
    Kind.ACCEPT,
)


#: Actions that have ended, and what has become of them.
_Ended: TypeAlias = tuple[list[Unit], Result]


class Execution:
    """A plan that is being carried out.

    :param plan: The plan.
    :param tools: What the steps use.
    :param versions: The declared versions, by image and version.
    :param carrier: Carries out the actions.
    :param stopping: Set where nothing new is to begin.
    :param left_out: IDs of actions that are not tried again.
    """

    def __init__(
        self,
        plan: Plan,
        tools: Tools,
        versions: Mapping[tuple[str, str], model.Version],
        carrier: Carrier,
        stopping: threading.Event,
        left_out: Iterable[str] = (),
    ) -> None:
        self._tools = tools
        self._carrier = carrier
        self._stopping = stopping
        self._day: datetime.date = plan.at.date()
        self._ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        self._making: dict[str, int] = {}
        self._left_out = frozenset(left_out)
        carried_out = list(_carried_out(plan, tools.notes))
        self.units = {
            each.id: Unit(
                each,
                Work(
                    each,
                    tools,
                    versions.get((each.item.image, each.item.version)),
                    each.image_id,
                ),
            )
            for each in carried_out
            if each.id not in self._left_out
        }
        # Looking through all actions each time takes longer than all else
        # where there are thousands: these are kept as they change.
        self._needed_by: dict[str, list[Unit]] = {}
        self._free: dict[str, dict[str, Unit]] = {}
        self._has_lost = True
        self._connect()
        for unit in self.units.values():
            self._offer(unit)
        self._places = {key: n for n, key in enumerate(self.units)}
        self._lacking = {
            each.item for each in carried_out if each.id in self._left_out
        }

    def _connect(self) -> None:
        """Note what each action needs."""
        places: dict[tuple[str, str], list[Unit]] = {}
        made: dict[Item, str] = {}
        for unit in self.units.values():
            item = unit.action.item
            places.setdefault((item.image, item.target), []).append(unit)
            if unit.action.kind is Kind.MAKE:
                made[item] = unit.action.id
        for unit in self.units.values():
            item = unit.action.item
            unit.needs = {
                other.action.id
                for other in places[item.image, item.target]
                if other is not unit
                and _comes_first(other.action, unit.action)
            }
            unit.needs |= {
                made[each] for each in unit.action.after if each in made
            }
            for each in unit.needs:
                self._needed_by.setdefault(each, []).append(unit)

    def run(self) -> None:
        """Carry all out that can be; each action ends in some state."""
        running = 0
        while True:
            if not self._stopping.is_set():
                for group in self._ready():
                    running += 1
                    self._carry(group)
            if not running:
                if self._stopping.is_set() or not self._is_waiting():
                    break
                if self._skip_hopeless():
                    continue
            try:
                units, result = self._ended.get(timeout=0.2)
            except queue.Empty:
                continue
            running -= 1
            for unit in units:
                self._end(unit, result)
                self._go_on_after(unit)
            self._skip_hopeless()

    # ====== BEGINNING ======

    def _is_waiting(self) -> bool:
        return any(e.state is State.WAITING for e in self.units.values())

    def _offer(self, unit: Unit) -> None:
        """Have an action begin, if all that it needs has been done."""
        if unit.state is State.WAITING and self._is_free(unit):
            action = unit.action
            group = action.item.target if action.kind is Kind.MAKE else ''
            self._free.setdefault(group, {})[action.id] = unit

    def _is_free(self, unit: Unit) -> bool:
        return all(self.units[each].state is State.DONE for each in unit.needs)

    def _beginning(self) -> Iterator[Unit]:
        """Give what can begin now, no more than its targets make at a time."""
        now = time.monotonic()
        for target, free in self._free.items():
            for unit in list(free.values()):
                if unit.state is not State.WAITING:
                    del free[unit.action.id]
                elif target and self._is_making_enough(target, unit):
                    break
                elif unit.not_before <= now:
                    del free[unit.action.id]
                    if target:
                        self._making[target] = self._making.get(target, 0) + 1
                    yield unit

    def _is_making_enough(self, target: str, unit: Unit) -> bool:
        limit = self._carrier.most_making(unit.work)
        return self._making.get(target, 0) >= limit

    def _ready(self) -> Iterator[list[Unit]]:
        """Give what can begin now; what shares a request, together."""
        shares: dict[tuple[str, ...], list[Unit]] = {}
        for unit in sorted(
            self._beginning(), key=lambda each: self._places[each.action.id]
        ):
            self._start(unit)
            if unit.action.kind is Kind.SHARE and not unit.attempts > 1:
                target, details = unit.action.item.target, unit.action.details
                key = (target, *details['add'], '-', *details['remove'])
                shares.setdefault(key, []).append(unit)
            else:
                yield [unit]
        yield from shares.values()

    def _start(self, unit: Unit) -> None:
        unit.state = State.RUNNING
        unit.attempts += 1
        unit.began = unit.began or time.monotonic()
        if unit.attempts == 1:
            self._tell('item.started', unit)

    def _carry(self, units: list[Unit]) -> None:
        """Have actions that share their requests carried out."""

        def ended(result: Result) -> None:
            self._ended.put((units, result))

        self._carrier.carry([each.work for each in units], self._day, ended)

    # ====== ENDING ======

    def _go_on_after(self, unit: Unit) -> None:
        """Have begin what needed an action that has ended."""
        if unit.state is State.DONE:
            for each in self._needed_by.get(unit.action.id, ()):
                self._offer(each)
            return
        self._has_lost = True
        # It may be tried again.
        self._offer(unit)

    def _end(self, unit: Unit, result: Result) -> None:
        error = result.error
        if unit.action.kind is Kind.MAKE:
            self._making[unit.action.item.target] -= 1
        if error is None:
            unit.state = State.DONE
            self._tell(
                'item.done',
                unit,
                image_id=unit.work.image_id or result.image_id,
                seconds=round(time.monotonic() - unit.began, 3),
            )
            return
        if isinstance(error, NeededError):
            unit.state = State.SKIPPED
            unit.reason = f"kept: {error}"
            self._tell('item.skipped', unit, reason=unit.reason)
            return
        unit.reason = _reason(error)
        if isinstance(error, NotNowError):
            unit.state = State.POSTPONED
            if self._stopping.is_set():
                return
            self._tools.tell(
                'note',
                id=unit.action.id,
                message=f"{unit.action.item}: {unit.reason}; planned anew",
            )
            return
        self._settle_failed(unit, error)
        if self._is_full(unit, error):
            return
        image = self._tools.manifest.images.get(unit.action.item.image)
        attempts = image.attempts if image else 1
        if (
            unit.attempts < attempts
            and not self._stopping.is_set()
            and not isinstance(error, exceptions.JobTimeoutError)
            and not getattr(error, 'is_final', False)
        ):
            unit.state = State.WAITING
            unit.not_before = time.monotonic() + _AGAIN_AFTER
            unit.work = dataclasses.replace(
                unit.work, image_id=unit.action.image_id, job=None
            )
            self._tools.tell(
                'note',
                id=unit.action.id,
                message=f"{unit.action.item}: {unit.reason}; tried again",
            )
            return
        unit.state = State.FAILED
        self._tell(
            'item.failed',
            unit,
            reason=unit.reason,
            code=code_of(error),
            left='; '.join(getattr(error, '__notes__', ())) or None,
        )

    def _is_full(self, unit: Unit, error: BaseException) -> bool:
        """Have an action wait for room in its project; say whether it does."""
        if (
            code_of(error) not in _FULL
            or self._stopping.is_set()
            or time.monotonic() - unit.began > _FULL_PATIENCE
        ):
            return False
        unit.state = State.WAITING
        unit.not_before = time.monotonic() + _FULL_PAUSE
        # It was not tried: nothing of it has begun.
        unit.attempts -= 1
        unit.work = dataclasses.replace(unit.work, job=None)
        return True

    def _settle_failed(self, unit: Unit, error: BaseException) -> None:
        """Forget a job that has failed: the next one is another."""
        if isinstance(error, exceptions.JobFailedError):
            self._tools.notes.settled(unit.action.id)

    def _skip_hopeless(self) -> bool:
        """Skip what depends on something that failed; say whether any did."""
        found = False
        if not self._has_lost:
            return found
        self._has_lost = False
        for unit in self.units.values():
            if unit.state is not State.WAITING:
                continue
            lost = [
                self.units[each]
                for each in unit.needs
                if self.units[each].state in (State.FAILED, State.SKIPPED)
            ]
            if any(
                self.units[each].state is State.POSTPONED
                for each in unit.needs
            ):
                found = self._has_lost = True
                unit.state = State.POSTPONED
            elif lost or self._is_lacking(unit.action):
                found = self._has_lost = True
                unit.state = State.SKIPPED
                what = lost[0].action if lost else unit.action
                unit.reason = f"{what.kind} of {what.item} has failed"
                self._tell('item.skipped', unit, reason=unit.reason)
        return found

    def _is_lacking(self, action: Action) -> bool:
        return (
            any(each in self._lacking for each in (*action.after, action.item))
            and action.kind is not Kind.MAKE
        )

    def _tell(self, kind: str, unit: Unit, **fields: object) -> None:
        item = unit.action.item
        self._tools.tell(
            kind,
            id=unit.action.id,
            action=str(unit.action.kind),
            image=item.image,
            version=item.version,
            target=item.target,
            **fields,
        )


def _carried_out(plan: Plan, notes: Notes) -> Iterator[Action]:
    """Give the changes of a plan, and what is to be waited for."""
    for each in plan.actions:
        if each.kind.is_change:
            yield each
        elif each.kind is Kind.WAIT and each.image_id:
            made = dataclasses.replace(each, kind=Kind.MAKE)
            # Of an image that tells nothing yet, the job's start does.
            if each.details.get('arriving') or (
                each.is_unknown and notes.job_of(made.id)
            ):
                yield made


def _comes_first(one: Action, other: Action) -> bool:
    """Whether an action goes before another one of its image and target."""
    if one.kind is Kind.DELETE and one.details.get('broken'):
        return other.kind is Kind.MAKE and one.item == other.item
    if other.kind in _RETIRING:
        is_extra = other.details.get('broken') or other.details.get('twin_of')
        return one.kind not in _RETIRING and not is_extra
    if one.kind in _RETIRING:
        return False
    if other.kind is Kind.PROMOTE:
        # Both write descriptions, of the new version and of the old ones.
        return one.kind in (Kind.CHANGE, Kind.ADOPT) or (
            one.kind is Kind.PROMOTE and one.id < other.id
        )
    return one.item == other.item and _ORDER.index(one.kind) < _ORDER.index(
        other.kind
    )


def _reason(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return exceptions.readable(secret_text.masked(text), 500)
