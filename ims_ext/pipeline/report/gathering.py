# SPDX-License-Identifier: Apache-2.0
"""Gathers the facts of a run from its events."""

from collections.abc import Iterable
import datetime
from typing import Any

from ims_ext.pipeline.events import Event
from ims_ext.pipeline.report.facts import JOB
from ims_ext.pipeline.report.facts import ItemFacts
from ims_ext.pipeline.report.facts import Report
from ims_ext.pipeline.report.facts import State
from ims_ext.pipeline.report.facts import StepFacts

#: Seconds and bytes that no run has.
_MOST = 2**62
#: What the IDs of sources begin with that are fetched.
_SOURCE = 'source:'


def gather(events: Iterable[Event]) -> Report:
    """Return the facts of a run.

    :param events: The run's events, in their order. Those of other versions
        of the package may have more kinds and fields.
    """
    gathering = _Gathering()
    for event in events:
        gathering.take(event)
    return gathering.end()


class _Gathering:
    def __init__(self) -> None:
        self.report = Report()
        self._planned: dict[str, ItemFacts] = {}
        self._items: dict[str, ItemFacts] = {}
        self._bytes: dict[tuple[str, str], int] = {}
        self._last = 0.0

    def take(self, event: Event) -> None:
        """Take the next event."""
        moment = _moment(event.get('time'))
        if moment is None:
            return
        report = self.report
        if report.began is None:
            report.began, report.run = moment, str(event.get('run'))
        at = max((moment - report.began).total_seconds(), 0.0)
        self._last = max(self._last, at)
        kind = str(event.get('kind'))
        if kind == 'run.started':
            self._start(event)
        elif kind == 'run.ended':
            report.ended = moment
            report.exit = _whole(event.get('exit'))
            report.seconds = _number(event.get('seconds')) or at
        elif kind.startswith('item.'):
            self._take_item(kind, event, at)
        elif kind in ('step.started', 'step.done'):
            self._take_step(kind, event, at)
        elif kind in ('job.started', 'job.ended'):
            self._take_job(kind, event, at)
        elif kind == 'progress':
            key = (str(event.get('id')), str(event.get('step')))
            self._bytes[key] = _whole(event.get('done')) or 0
        elif kind == 'note':
            self._take_note(event)

    def end(self) -> Report:
        """Return what was gathered."""
        report = self.report
        report.seconds = report.seconds or self._last
        for item in report.items:
            if item.id.startswith(_SOURCE):
                _judge_source(item)
            if item.state is State.UNFINISHED and item.began is not None:
                item.seconds = round(self._last - item.began, 3)
            for step in item.steps:
                if step.state is State.UNFINISHED:
                    _end_step(step, item, self._last)
        report.items += self._planned.values()
        for item in report.items:
            if item.target and item.target not in report.targets:
                report.targets.append(item.target)
        return report

    def _start(self, event: Event) -> None:
        report = self.report
        report.pipeline = _text(event.get('pipeline')) or ''
        report.manifest = _text(event.get('manifest')) or ''
        targets = event.get('targets')
        if isinstance(targets, list):
            report.targets = [str(each) for each in targets]
        actions = event.get('actions')
        for each in actions if isinstance(actions, list) else ():
            if isinstance(each, dict):
                item = _new_item(each)
                self._planned[item.id] = item

    def _item(self, event: Event) -> ItemFacts:
        """Return the item of an event, which may be the first of it."""
        name = str(event.get('id'))
        item = self._items.get(name)
        if item is None:
            item = self._planned.pop(name, None) or (
                _new_source(name)
                if name.startswith(_SOURCE)
                else _new_item(event)
            )
            self._items[name] = item
            self.report.items.append(item)
        return item

    def _take_item(self, kind: str, event: Event, at: float) -> None:
        known = self._items.get(str(event.get('id')))
        if (
            kind == 'item.started'
            and known is not None
            and known.state is not State.UNFINISHED
        ):
            # It is done once more, in another round.
            del self._items[known.id]
        item = self._item(event)
        if kind == 'item.started':
            item.state = State.UNFINISHED
            item.began = at
            return
        states = {
            'item.done': State.DONE,
            'item.failed': State.FAILED,
            'item.skipped': State.SKIPPED,
        }
        if kind not in states:
            return
        item.state = states[kind]
        if item.began is not None:
            told = _number(event.get('seconds'))
            item.seconds = round(at - item.began if told is None else told, 3)
        item.image_id = _text(event.get('image_id')) or item.image_id
        item.reason = _text(event.get('reason'))
        item.code = _text(event.get('code'))
        item.left = _text(event.get('left'))
        for step in item.steps:
            if step.state is State.UNFINISHED:
                _end_step(step, item, at)

    def _take_step(self, kind: str, event: Event, at: float) -> None:
        item = self._item(event)
        name = str(event.get('step'))
        if kind == 'step.started':
            # One that is begun once more has failed before.
            for each in item.steps:
                if each.name == name and each.state is State.UNFINISHED:
                    each.state = State.FAILED
                    each.seconds = round(at - each.began, 3)
            item.steps.append(StepFacts(name, at))
            return
        told = _number(event.get('seconds'))
        step = _open_step(item, name)
        if step is None:
            step = StepFacts(name, max(at - (told or 0.0), 0.0))
            item.steps.append(step)
        step.seconds = round(at - step.began if told is None else told, 3)
        step.state = State.DONE
        step.bytes = _whole(event.get('bytes'))
        if step.bytes is None:
            step.bytes = self._bytes.pop((item.id, name), None)

    def _take_job(self, kind: str, event: Event, at: float) -> None:
        item = self._item(event)
        job_id = _text(event.get('job_id'))
        item.image_id = _text(event.get('image_id')) or item.image_id
        step = next(
            (
                each
                for each in item.steps
                if each.name == JOB and each.job_id == job_id
            ),
            None,
        )
        if step is None:
            step = StepFacts(JOB, at, job_id=job_id)
            item.steps.append(step)
        if kind == 'job.started':
            return
        step.status = _text(event.get('status'))
        step.seconds = round(at - step.began, 3)
        is_well = not event.get('code') and step.status != 'FAIL'
        step.state = State.DONE if is_well else State.FAILED

    def _take_note(self, event: Event) -> None:
        message = _text(event.get('message')) or ''
        item = self._items.get(str(event.get('id')))
        (self.report.notes if item is None else item.notes).append(message)


def _new_item(told: dict[str, Any]) -> ItemFacts:
    return ItemFacts(
        str(told.get('id')),
        str(told.get('action') or ''),
        str(told.get('image') or ''),
        str(told.get('version') or ''),
        str(told.get('target') or ''),
    )


def _new_source(name: str) -> ItemFacts:
    """Return what is known of a source that is fetched for several items."""
    image, _, version = name.removeprefix(_SOURCE).partition('@')
    return ItemFacts(name, 'fetch', image, version, '')


def _judge_source(item: ItemFacts) -> None:
    """Have a source be as far as its steps are."""
    if not item.steps:
        return
    item.began = item.steps[0].began
    last = item.steps[-1]
    item.state = last.state
    if last.seconds is not None:
        item.seconds = round(last.began + last.seconds - item.began, 3)


def _open_step(item: ItemFacts, name: str) -> StepFacts | None:
    for step in reversed(item.steps):
        if step.name == name and step.state is State.UNFINISHED:
            return step
    return None


def _end_step(step: StepFacts, item: ItemFacts, at: float) -> None:
    """End a step of which no end was told: as its item has ended."""
    step.seconds = round(at - step.began, 3)
    if item.state in (State.DONE, State.FAILED):
        step.state = item.state


def _moment(text: Any) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _number(value: Any) -> float | None:
    """Return seconds, if it is a number that can be some."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < _MOST else None


def _whole(value: Any) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and 0 <= value < _MOST else None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
