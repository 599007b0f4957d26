# SPDX-License-Identifier: Apache-2.0
"""The engine that runs flows of steps: TaskFlow, known to this module alone.

Engines run a step at least once, and may run it again: so each step looks
before it does anything.
"""

import abc
from collections.abc import Sequence
import importlib
import logging
import time
import warnings

from ims_ext import exceptions
from ims_ext.pipeline.events import Tell


class Step(abc.ABC):
    """A step of a flow.

    :ivar name: What it is called in events: ``fetch``, ``create``.
    :ivar moved: Bytes that it has moved, once it is done; ``None`` for a
        step that moves none.
    """

    name: str
    moved: int | None = None

    @abc.abstractmethod
    def look(self) -> bool:
        """Return whether the step is done, from what can be seen alone."""

    @abc.abstractmethod
    def do(self) -> None:
        """Do it; called where a look has said that it is not done."""


def load() -> None:
    """Load the engine, before threads need it.

    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without the
        ``pipeline`` extra.
    """
    try:
        with warnings.catch_warnings():
            # It imports what a library of its own has announced to remove.
            warnings.simplefilter('ignore', DeprecationWarning)
            importlib.import_module('taskflow.engines')
            importlib.import_module('taskflow.patterns.linear_flow')
    except ImportError as error:
        raise exceptions.MissingExtraError(
            'pipeline', "Running a pipeline"
        ) from error
    # It logs each step of each flow, and failures that are told anyway.
    logging.getLogger('taskflow').setLevel(logging.CRITICAL)


def run(name: str, steps: Sequence[Step], tell: Tell) -> None:
    """Run steps one after the other, in this thread.

    What is done stays done where a later step fails.

    :param name: The flow's name: the action's ID.
    :param steps: The steps.
    :param tell: Takes the events.
    :raises: What a step raises.
    """
    from taskflow import engines
    from taskflow import task
    from taskflow.patterns import linear_flow

    failed: list[BaseException] = []

    class _Task(task.Task):  # type: ignore[misc]
        """A step as TaskFlow runs it."""

        def __init__(self, number: int, step: Step) -> None:
            super().__init__(name=f'{number} {step.name}')
            self._step = step

        def execute(self) -> None:
            try:
                _carry_out(name, self._step, tell)
            except BaseException as error:
                # What TaskFlow raises has lost its type on the way.
                failed.append(error)
                raise

    flow = linear_flow.Flow(name)
    for number, step in enumerate(steps):
        flow.add(_Task(number, step))
    try:
        engines.run(flow, engine='serial')
    except Exception:
        if failed:
            raise failed[0] from failed[0].__cause__
        raise


def _carry_out(name: str, step: Step, tell: Tell) -> None:
    if step.look():
        return
    began = time.monotonic()
    tell('step.started', id=name, step=step.name)
    step.do()
    moved = {} if step.moved is None else {'bytes': step.moved}
    tell(
        'step.done',
        id=name,
        step=step.name,
        seconds=round(time.monotonic() - began, 3),
        **moved,
    )
