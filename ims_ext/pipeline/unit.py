# SPDX-License-Identifier: Apache-2.0
"""An action of a plan that is carried out, and how far it is."""

import dataclasses
import enum

from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.steps.work import Work


class State(enum.Enum):
    """How far an action is."""

    WAITING = 'waiting'
    RUNNING = 'running'
    DONE = 'done'
    FAILED = 'failed'
    SKIPPED = 'skipped'
    #: To be planned anew: the cloud has changed since.
    POSTPONED = 'postponed'


@dataclasses.dataclass
class Unit:
    """An action of a plan that is carried out.

    :ivar needs: Actions that must have been done before.
    :ivar reason: Why it failed or was skipped.
    """

    action: Action
    work: Work
    needs: set[str] = dataclasses.field(default_factory=set)
    state: State = State.WAITING
    reason: str = ''
    attempts: int = 0
    not_before: float = 0.0
    began: float = 0.0
