# SPDX-License-Identifier: Apache-2.0
"""Events of a run as tests need them, at times that are known."""

import datetime
from typing import Any

from ims_ext.pipeline.events import Event

BEGAN = datetime.datetime(2026, 11, 26, 8, 0, tzinfo=datetime.UTC)


def event(at: float, kind: str, **fields: Any) -> Event:
    """Return an event some seconds after the run's beginning."""
    moment = BEGAN + datetime.timedelta(seconds=at)
    return {
        'v': 1,
        'time': moment.isoformat(timespec='milliseconds').replace(
            '+00:00', 'Z'
        ),
        'run': 'r1',
        'kind': kind,
        **fields,
    }


def item(name: str, target: str, action: str = 'make') -> dict[str, str]:
    """Return what the events of an item have in common."""
    return {
        'id': f'{action}:{name}@1:{target}',
        'action': action,
        'image': name,
        'version': '1',
        'target': target,
    }


def steps(at: float, name: str, target: str) -> list[Event]:
    """Return the events of an item that is done, in ten seconds."""
    which = item(name, target)
    found = [event(at, 'item.started', **which)]
    for step, began, seconds in (('fetch', 0, 2), ('upload', 2, 3)):
        own = {'id': which['id'], 'step': step}
        found += [
            event(at + began, 'step.started', **own),
            event(at + began + seconds, 'progress', **own, done=9, total=9),
            event(at + began + seconds, 'step.done', **own, seconds=seconds),
        ]
    job = {'id': which['id'], 'job_id': f'job-{name}', 'image_id': None}
    return [
        *found,
        event(at + 5, 'job.started', **job),
        event(at + 9, 'job.ended', **job, status='SUCCESS', code=None),
        event(at + 10, 'item.done', **which, seconds=10, image_id=f'i-{name}'),
    ]


def failed(at: float, name: str, target: str, reason: str) -> list[Event]:
    """Return the events of an item whose upload fails after four seconds."""
    which = item(name, target)
    own = {'id': which['id'], 'step': 'upload'}
    return [
        event(at, 'item.started', **which),
        event(at, 'step.started', **own),
        event(
            at + 4,
            'item.failed',
            **which,
            reason=reason,
            code='IMG.0144',
            left='an object in img-de',
        ),
    ]


def run(*groups: list[Event], code: int = 3) -> list[Event]:
    """Return the events of a whole run of thirty seconds."""
    inner = sorted(
        (each for group in groups for each in group),
        key=lambda each: str(each['time']),
    )
    kinds = [each['kind'] for each in inner]
    return [
        event(
            0,
            'run.started',
            pipeline='platform',
            manifest='platform.yaml',
            version='1',
            actions=[],
            targets=['de', 'nl'],
        ),
        *inner,
        event(
            30,
            'run.ended',
            exit=code,
            done=kinds.count('item.done'),
            failed=kinds.count('item.failed'),
            skipped=kinds.count('item.skipped'),
            seconds=30,
        ),
    ]
