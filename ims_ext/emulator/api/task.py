# SPDX-License-Identifier: Apache-2.0
"""The tasks of a whole Glance: imports, and where data is looked up.

A capability that has work for one keeps the task, and submits it::

    with state.transaction():
        task = tasks.new(request, 'api_image_import', image.id, {...})
    tasks.submit(task, lambda: self._work(task))

What the work raises as :class:`TaskFailure` is the task's message.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
import datetime
import logging
import threading
from typing import Any, TypeAlias

from ims_ext.emulator.api.glance_access import check_administrator
from ims_ext.emulator.api.glance_access import visible_image
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import MethodNotAllowed
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Task
from ims_ext.emulator.state.glance import KEPT_SECONDS

LOG = logging.getLogger(__name__)

#: What a task does; returns its result.
Work: TypeAlias = Callable[[], dict[str, Any] | None]

_WORKERS = 4
_STATUSES = ('pending', 'processing', 'success', 'failure')
_MAX_LIMIT = 1000
_DEFAULT_LIMIT = 25
_KEPT = datetime.timedelta(seconds=KEPT_SECONDS)


class TaskFailure(Exception):
    """The reason for which a task fails."""


class TasksApi:
    """The tasks, and what carries them out."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state
        self._pool: ThreadPoolExecutor | None = None
        #: Set once the emulator ends; what takes long looks at it.
        self.stopping = threading.Event()
        #: What had not ended when the emulator did; it has failed.
        self.cut_off: list[Task] = []

    def start(self) -> None:
        """Begin to work, and give up what was cut off."""
        self.stopping.clear()
        self._pool = ThreadPoolExecutor(_WORKERS, 'ims-task')
        self.cut_off = self.state.tasks.unfinished()
        for task in self.cut_off:
            self._end(task, message="The service ended meanwhile.")

    def stop(self) -> None:
        """Leave all work, which fails."""
        self.stopping.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def new(
        self,
        request: Request,
        task_type: str,
        image_id: str | None,
        given: dict[str, Any],
    ) -> Task:
        """Keep a new task; part of a transaction.

        :param task_type: What it does.
        :param image_id: The image that it is about, if there is one.
        :param given: What was asked for.
        """
        return self.state.tasks.add(
            Task(
                id=self.state.ids.uuid('task', request.project_id),
                type=task_type,
                owner=request.project_id,
                user_id=request.caller.user_id,
                image_id=image_id,
                request_id=f'req-{self.state.ids.uuid("task request")}',
                input=given,
            )
        )

    def submit(self, task: Task, work: Work) -> None:
        """Have a task carried out that has been kept."""
        if self._pool is not None and not self.stopping.is_set():
            self._pool.submit(self._run, task, work)

    def _run(self, task: Task, work: Work) -> None:
        task.status = 'processing'
        self.state.tasks.save(task)
        try:
            result = work()
        except TaskFailure as failure:
            self._end(task, message=str(failure))
        except Exception:
            LOG.exception("Task %s broke", task.id)
            self._end(task, message="Internal error of the emulator.")
        else:
            self._end(task, result)

    def _end(
        self,
        task: Task,
        result: dict[str, Any] | None = None,
        message: str = '',
    ) -> None:
        task.status = 'failure' if message else 'success'
        task.result = result
        task.message = message
        self.state.tasks.save(task)

    # ====== REQUESTS ======

    @route('GET', '/v2/tasks')
    def list(self, request: Request) -> Answer:
        """List tasks to administrators, the newest first."""
        check_administrator(request)
        arguments = request.args
        status = arguments.get('status')
        if status is not None and status not in _STATUSES:
            raise BadRequest(f"Invalid status value: {status}")
        if arguments.get('sort_dir', 'desc') not in ('asc', 'desc'):
            raise BadRequest("sort_dir must be asc or desc.")
        limit = _limit(arguments.get('limit'))
        tasks = self.state.tasks.newest()
        if arguments.get('sort_dir') == 'asc':
            tasks.reverse()
        marker = arguments.get('marker')
        if marker is not None:
            ids = [task.id for task in tasks]
            if marker not in ids:
                raise BadRequest(f"There is no task {marker}.")
            tasks = tasks[ids.index(marker) + 1 :]
        found = [
            task
            for task in tasks
            if arguments.get('type') in (None, task.type)
            and status in (None, task.status)
        ]
        body: dict[str, Any] = {
            'tasks': [_stub(task) for task in found[:limit]],
            'first': '/v2/tasks',
            'schema': '/v2/schemas/tasks',
        }
        if len(found) > limit > 0:
            last = found[limit - 1].id
            body['next'] = f'/v2/tasks?limit={limit}&marker={last}'
        return body

    @route('GET', '/v2/tasks/<task_id>')
    def show(self, request: Request, task_id: str) -> Answer:
        """Show one task to administrators."""
        check_administrator(request)
        task = self.state.tasks.get(task_id)
        if task is None:
            raise NotFound(f"Task not found: {task_id}")
        return view(task)

    @route('DELETE', '/v2/tasks/<task_id>')
    def delete(self, request: Request, task_id: str) -> Answer:
        """Refuse it: tasks go by themselves."""
        check_administrator(request)
        raise MethodNotAllowed("Tasks are not deleted; they go in time.")

    @route('GET', '/v2/images/<image_id>/tasks')
    def of_image(self, request: Request, image_id: str) -> Answer:
        """List the tasks that are about an image."""
        image = visible_image(self.state, request, image_id)
        tasks = self.state.tasks.of_image(image.id)
        return {'tasks': [view(task) for task in tasks]}


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit():
        raise BadRequest("limit must be a whole number.")
    return min(int(text), _MAX_LIMIT)


def _stub(task: Task) -> dict[str, Any]:
    body = {
        'id': task.id,
        'type': task.type,
        'status': task.status,
        'owner': task.owner,
        'created_at': task.created_at,
        'updated_at': task.updated_at,
        'self': f'/v2/tasks/{task.id}',
        'schema': '/v2/schemas/task',
    }
    if task.status in ('success', 'failure'):
        ended = datetime.datetime.fromisoformat(task.updated_at) + _KEPT
        body['expires_at'] = f'{ended:%Y-%m-%dT%H:%M:%SZ}'
    return body


def view(task: Task) -> dict[str, Any]:
    """Return a task as the wire has it."""
    body = {
        **_stub(task),
        'input': task.input,
        'result': task.result,
        'message': task.message,
        'request_id': task.request_id,
        'user_id': task.user_id,
    }
    if task.image_id is not None:
        body['image_id'] = task.image_id
    return body
