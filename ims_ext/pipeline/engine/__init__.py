# SPDX-License-Identifier: Apache-2.0
"""The engine that runs flows of steps: TaskFlow, known to this module alone.

Engines run a step at least once, and may run it again: so each step looks
before it does anything.
"""

import abc
from collections.abc import Sequence
import importlib
import importlib.util
import logging
import time
import warnings

from ims_ext import exceptions
from ims_ext import extras
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


def check() -> None:
    """Make sure that there is an engine, without loading it.

    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without the
        ``pipeline`` extra.
    """
    if importlib.util.find_spec('taskflow') is None:
        raise exceptions.MissingExtraError('pipeline', "Running a pipeline")


def load() -> None:
    """Load the engine, before threads need it.

    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without the
        ``pipeline`` extra.
    """
    try:
        with warnings.catch_warnings():
            # It imports what a library of its own has announced to remove.
            warnings.simplefilter('ignore', DeprecationWarning)
            importlib.import_module('taskflow.engines.action_engine.engine')
            importlib.import_module('taskflow.patterns.linear_flow')
    except ImportError as error:
        if not extras.is_missing(error):
            raise
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
    from taskflow import task
    from taskflow.engines.action_engine import engine
    from taskflow.patterns import linear_flow
    from taskflow.utils import persistence_utils

    failed: list[BaseException] = []

    class _Task(task.Task):  # type: ignore[misc]
        """A flow as TaskFlow runs it: whatever it ends with, is told here.

        A task a step costs as much as all steps of a flow do themselves,
        and none of them is ever to be reverted.
        """

        def execute(self) -> None:
            try:
                for step in steps:
                    _carry_out(name, step, tell)
            except BaseException as error:
                # What TaskFlow raises has lost its type on the way.
                failed.append(error)
                raise

    flow = linear_flow.Flow(name).add(_Task(name))
    detail = persistence_utils.create_flow_detail(flow)
    try:
        # By its class: finding it by its name takes longer than a flow.
        engine.SerialActionEngine(flow, detail, None, {}).run()
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
