# SPDX-License-Identifier: Apache-2.0
"""What has become of a task: on the board, and read from it."""

from collections.abc import Collection, Mapping

from ims_ext import exceptions
from ims_ext.exceptions import secret_text
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board.errors import WorkerError
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.carrying import Result
from ims_ext.pipeline.carrying import code_of
from ims_ext.pipeline.steps.retiring import NeededError
from ims_ext.pipeline.steps.work import NotNowError
from ims_ext.pipeline.steps.work import Work

#: Seconds that room for an import is taken for, unless it is renewed.
ROOM = 120.0


def name_of(task: data.Task) -> str:
    """Return what a task has its room under.

    :param task: The task.
    """
    return f'{task.pipeline}:{task.name}'


def done(board: Board, task: data.Task, work: Work) -> None:
    """Write down that an action is done.

    :param board: The board.
    :param task: What it belongs to.
    :param work: The action.
    """
    token = {each.id: token for each, token in task.actions}
    action = work.action.id
    image_id = str(work.image_id or '')
    board.items.write(
        task.pipeline, action, token[action], state='done', image_id=image_id
    )


def put_back(board: Board, task: data.Task, actions: Collection[str]) -> None:
    """Write down that nobody is at work on actions, and somebody will be.

    :param board: The board.
    :param task: What they belong to.
    :param actions: Their IDs.
    """
    for action, token in task.actions:
        if action.id in actions:
            board.items.write(
                task.pipeline, action.id, token, state='posted', worker=''
            )


def end(
    board: Board,
    task: data.Task,
    actions: Collection[str],
    error: BaseException,
) -> None:
    """Write down that actions have not been done.

    :param board: The board.
    :param task: What they belong to.
    :param actions: Their IDs.
    :param error: Why.
    """
    if isinstance(error, NeededError):
        state = 'skipped'
    elif isinstance(error, NotNowError):
        state = 'postponed'
    else:
        state = 'failed'
    for action, token in task.actions:
        if action.id in actions:
            board.items.write(
                task.pipeline,
                action.id,
                token,
                state=state,
                reason=reason_of(error),
                code=code_of(error),
                final=str(isinstance(error, exceptions.JobTimeoutError)),
                left=secret_text.masked(
                    '; '.join(getattr(error, '__notes__', ()))
                ),
            )


def reason_of(error: BaseException) -> str:
    """Return why something went wrong, without secrets.

    :param error: What was raised.
    """
    text = str(error) or type(error).__name__
    return exceptions.readable(secret_text.masked(text), 500)


def read(item: Mapping[str, str]) -> Result | None:
    """Return what has become of an item; ``None`` while it is in flight.

    :param item: What the board tells of it.
    """
    state = item.get('state', 'lost')
    reason = exceptions.readable(item.get('reason', ''), 500)
    if state == 'done':
        return Result(image_id=item.get('image_id') or None)
    if state == 'skipped':
        return Result(NeededError(reason))
    if state == 'postponed':
        return Result(NotNowError(reason))
    if state == 'failed':
        return Result(
            WorkerError(
                reason,
                exceptions.readable(item.get('code', ''), 100),
                item.get('final') == 'True',
                exceptions.readable(item.get('left', ''), 500) or None,
            )
        )
    return None
