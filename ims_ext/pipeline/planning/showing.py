# SPDX-License-Identifier: Apache-2.0
"""A plan as people read it, and as programs do."""

import collections
from collections.abc import Iterator
from typing import Any

from ims_ext import exceptions
from ims_ext.pipeline.manifest import units
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.planning.model import Plan

#: The version of the JSON form.
FORMAT = 'ims-ext/plan/v1'

#: How the last line counts, in this order.
_COUNTED = (
    (Kind.MAKE, "to make"),
    (Kind.ADOPT, "to adopt"),
    (Kind.CHANGE, "to change"),
    (Kind.PROMOTE, "to promote"),
    (Kind.SHARE, "to share"),
    (Kind.ACCEPT, "to accept"),
    (Kind.DEPRECATE, "to deprecate"),
    (Kind.DELETE, "to delete"),
)
_OTHERS = (
    (Kind.WAIT, "waiting"),
    (Kind.KEEP, "kept"),
    (Kind.FOREIGN, "foreign"),
    (Kind.REFUSE, "refused"),
)


def lines(plan: Plan) -> Iterator[str]:
    """Give the lines of a plan.

    :param plan: The plan.
    """
    targets = {each.target for each in plan.quotas} | set(plan.unseen)
    yield (
        f"pipeline {plan.pipeline}: {_count(plan.images, 'image')}, "
        f"{_count(len(targets), 'target')}; {_count(plan.seen, 'image')} "
        f"seen there in {plan.seconds:.1f} s"
    )
    label = max((len(_label(each)) for each in plan.actions), default=0)
    target = max((len(each.item.target) for each in plan.actions), default=0)
    for each in plan.actions:
        yield exceptions.readable(
            f"  {each.kind.symbol} {_label(each):{label}}  "
            f"{each.item.target:{target}}  {_said(each)}".rstrip(),
            400,
        )
    for name, problem in plan.unseen.items():
        yield exceptions.readable(
            f"  x {name} could not be seen, nothing is done there: {problem}",
            400,
        )
    if told := [
        f"{each.target} {each.then} of {each.limit} then"
        + (" (too many)" if each.is_exceeded else "")
        for each in plan.quotas
        if each.limit is not None
    ]:
        yield f"quota: {', '.join(told)}"
    yield f"Plan: {summary(plan)}."


def summary(plan: Plan) -> str:
    """Return what a plan does, in numbers.

    :param plan: The plan.
    """
    counts = collections.Counter(each.kind for each in plan.actions)
    done = [
        f"{counts[kind]} {word}" for kind, word in _COUNTED if counts[kind]
    ]
    left = [f"{counts[kind]} {word}" for kind, word in _OTHERS if counts[kind]]
    if plan.unseen:
        left.append(f"{_count(len(plan.unseen), 'target')} not seen")
    said = ', '.join(done) or "nothing to do"
    return f"{said}; {', '.join(left)}" if left else said


def as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it.

    :param plan: The plan.
    """
    return {
        'format': FORMAT,
        'pipeline': plan.pipeline,
        'manifest': plan.manifest,
        'at': plan.at.isoformat(),
        'images': plan.images,
        'seen': plan.seen,
        'seconds': round(plan.seconds, 3),
        'actions': [each.as_json() for each in plan.actions],
        'quotas': [
            {
                'target': each.target,
                'limit': each.limit,
                'then': each.then,
                'exceeded': each.is_exceeded,
            }
            for each in plan.quotas
        ],
        'unseen': dict(plan.unseen),
        'changes': len(plan.changes),
        'summary': summary(plan),
    }


def _label(action: Action) -> str:
    channel = action.details.get('channel')
    return f"{action.item.image} {channel}" if channel else action.item.label


def _said(action: Action) -> str:
    if action.kind is Kind.MAKE:
        return '  '.join(filter(None, _making(action)))
    if action.kind is Kind.PROMOTE:
        # The channel is in the line's label.
        return action.reason.partition(' ')[2]
    if action.kind in (Kind.DEPRECATE, Kind.DELETE):
        return f"{action.kind}  {action.reason}"
    return action.reason


def _making(action: Action) -> Iterator[str]:
    details = action.details
    if details.get('from'):
        yield action.reason
        return
    yield str(details['route'])
    if details.get('size') is not None:
        yield units.shown_size(details['size'])
    yield str(details.get('source') or '')
    yield str(details.get('proof') or '')
    yield f"({action.reason})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def left(plan: Plan) -> Iterator[str]:
    """Give the lines of what a run has left undone.

    :param plan: What there is to do after it.
    """
    for each in plan.of(Kind.REFUSE, Kind.FOREIGN, Kind.WAIT):
        if each.kind is Kind.WAIT and not each.is_unknown:
            continue
        yield _left(each)
    for each in plan.of(Kind.KEEP):
        # It may have to go, and nobody knows.
        if each.details.get('unseen'):
            yield _left(each)
    for name, problem in plan.unseen.items():
        yield exceptions.readable(
            f"  x {name} could not be seen: {problem}", 400
        )


def _left(action: Action) -> str:
    return exceptions.readable(
        f"  {action.kind.symbol} {_label(action)}  {action.item.target}  "
        f"{_said(action)}",
        400,
    )
