# SPDX-License-Identifier: Apache-2.0
"""What is on the board: JSON that anybody may have written, read as data.

Nothing is taken that the schema does not know.
"""

from collections.abc import Mapping
import dataclasses
import functools
import importlib.resources
import json
from typing import Any

from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind

#: The version of what is on the board.
VERSION = 1


class DataError(BoardError):
    """Something on the board that is not what it has to be."""


@dataclasses.dataclass(frozen=True)
class Task:
    """Actions that share their requests, as they are posted.

    :ivar pipeline: The manifest's name.
    :ivar run: The run that has posted them.
    :ivar bundle: The digest of what is known of the images.
    :ivar day: Today, by the cloud's time, ``2026-11-20``.
    :ivar patience: Seconds in which a job has to end.
    :ivar place: The target's place.
    :ivar source: What the source's disk image is known by, if it has one.
    :ivar actions: The actions, with the token that each is posted under.
    """

    pipeline: str
    run: str
    bundle: str
    day: str
    patience: float
    place: str
    source: str | None
    actions: tuple[tuple[Action, str], ...]

    @property
    def name(self) -> str:
        """What it is called on the board."""
        return self.actions[0][0].id

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            'v': VERSION,
            'pipeline': self.pipeline,
            'run': self.run,
            'bundle': self.bundle,
            'day': self.day,
            'patience': self.patience,
            'place': self.place,
            'source': self.source,
            'actions': [
                {
                    'action': str(each.kind),
                    'image': each.item.image,
                    'version': each.item.version,
                    'target': each.item.target,
                    'reason': each.reason[:500],
                    'image_id': each.image_id,
                    'details': dict(each.details),
                    'token': token,
                }
                for each, token in self.actions
            ],
        }

    @classmethod
    def of(cls, data: Any) -> 'Task':
        """Return the task that data stand for.

        :param data: The data.
        :raises: :class:`DataError`
        """
        check('task', data)
        return cls(
            data['pipeline'],
            data['run'],
            data['bundle'],
            data['day'],
            data['patience'],
            data['place'],
            data.get('source'),
            tuple((_action(each), each['token']) for each in data['actions']),
        )


@dataclasses.dataclass(frozen=True)
class Wait:
    """A making that waits for the cloud.

    :ivar task: What is made.
    :ivar image_id: The image, where it is known.
    :ivar job_id: The job, if there is one.
    :ivar at: The target whose project has the job.
    :ivar object: The object that was uploaded for it alone.
    :ivar ends: When it has to end, in seconds since 1970.
    """

    task: Task
    image_id: str | None
    job_id: str | None
    at: str
    object: str | None
    ends: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**vars(self), 'task': self.task.as_json()}

    @classmethod
    def of(cls, data: Any) -> 'Wait':
        """Return the wait that data stand for.

        :param data: The data.
        :raises: :class:`DataError`
        """
        check('wait', data)
        return cls(
            Task.of(data['task']),
            data['image_id'],
            data['job_id'],
            data['at'],
            data.get('object'),
            data['ends'],
        )


def queue_of(details: Mapping[str, Any]) -> str:
    """Return the queue that a task is in: its place, and whether it makes.

    :param details: The task as it is on the board; it may be none.
    """
    place = str(details.get('place'))
    match details.get('actions'):
        case [{'action': Kind.MAKE}, *_]:
            return f'{place} {Kind.MAKE}'
    return place


def read(content: bytes) -> Any:
    """Return what JSON stands for.

    :param content: The JSON.
    :raises: :class:`DataError`
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise DataError("it is no JSON") from None


def write(data: Any) -> bytes:
    """Return data as JSON.

    :param data: The data.
    """
    text = json.dumps(data, sort_keys=True, separators=(',', ':'))
    return text.encode()


def check(what: str, data: Any) -> None:
    """Hold data against the schema.

    :param what: What they have to be.
    :param data: The data.
    :raises: :class:`DataError`
    """
    error = next(iter(_validator(what).iter_errors(data)), None)
    if error is not None:
        where = '.'.join(str(each) for each in error.absolute_path)
        raise DataError(f"it is no {what}: {where}: {error.message[:200]}")


@functools.cache
def _validator(what: str) -> Any:
    import jsonschema

    file = importlib.resources.files('ims_ext.data') / 'board.schema.json'
    schema: Mapping[str, Any] = json.loads(file.read_text('utf-8'))
    return jsonschema.Draft202012Validator(
        {'$ref': f'#/$defs/{what}', '$defs': schema['$defs']}
    )


def _action(data: Mapping[str, Any]) -> Action:
    return Action(
        Kind(data['action']),
        Item(data['image'], data['version'], data['target']),
        data.get('reason', ''),
        data.get('image_id'),
        details=data.get('details') or {},
    )
