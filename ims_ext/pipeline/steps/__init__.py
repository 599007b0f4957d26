# SPDX-License-Identifier: Apache-2.0
"""What is done for each action of a plan: flows of steps.

A flow ends where a job of the cloud begins; what follows the job is another
flow. Waiting is for the watcher.
"""

import datetime

from ims_ext.pipeline.engine import Step
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.steps import changing
from ims_ext.pipeline.steps import making
from ims_ext.pipeline.steps import members
from ims_ext.pipeline.steps import retiring
from ims_ext.pipeline.steps import settling
from ims_ext.pipeline.steps.work import Work


def before(works: list[Work], day: datetime.date) -> list[Step]:
    """Return the flow of an action, until its job begins, if it has one.

    :param works: The action; several for those that share a request.
    :param day: Today, by the cloud's time.
    """
    work = works[0]
    action = work.action
    if action.kind is Kind.MAKE:
        return making.steps(work)
    if action.kind in (Kind.CHANGE, Kind.ADOPT):
        return [changing.Lead(work)]
    if action.kind is Kind.PROMOTE:
        old = [str(each) for each in action.details['old_ids']]
        return [
            settling.Find(work),
            changing.Enter(work, None),
            *(changing.Leave(work, each) for each in old),
        ]
    if action.kind is Kind.SHARE:
        return [*(settling.Find(each) for each in works), members.Share(works)]
    if action.kind is Kind.ACCEPT:
        return [
            settling.Find(work),
            *(
                members.Accept(work, project_id, str(name))
                for project_id, name in action.details['accept'].items()
            ),
        ]
    if action.kind is Kind.DEPRECATE:
        return [changing.Deprecate(work, action.image_id, day)]
    return [retiring.Delete(work)]


def after(work: Work) -> list[Step]:
    """Return the flow that follows the end of an action's job.

    :param work: The action.
    """
    if work.action.kind is not Kind.MAKE:
        return []
    return [
        settling.Find(work),
        settling.Single(work),
        changing.Lead(work),
        settling.Clear(work),
    ]
