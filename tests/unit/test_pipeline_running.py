# SPDX-License-Identifier: Apache-2.0
"""A plan that is carried out: what begins when, and at what expense."""

from collections.abc import Sequence
import datetime
import threading
from typing import Any

from ims_ext.pipeline.carrying import Ended
from ims_ext.pipeline.carrying import Result
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.planning.model import Plan
from ims_ext.pipeline.running import Execution
from ims_ext.pipeline.steps.work import NotNowError
from ims_ext.pipeline.steps.work import Work
from ims_ext.pipeline.unit import State

#: Images that a target may be given to make at a time.
LIMIT = 3


class Carrier:
    """Carries out actions in the order in which they come, one at a time.

    :ivar begun: The actions' IDs, as they have begun.
    :ivar most: The most images that were made at a time at one target.
    :ivar looks: How often it was asked whether one more may be made.
    """

    folder = ''

    def __init__(self, failing: Sequence[str] = ()) -> None:
        self.begun: list[str] = []
        self.most = self.looks = 0
        self._failing = failing
        self._making: dict[str, int] = {}
        self._later: list[tuple[Work, Ended]] = []

    def most_making(self, work: Work) -> int:
        """Return the limit."""
        self.looks += 1
        return LIMIT

    def carry(
        self, works: Sequence[Work], day: datetime.date, ended: Ended
    ) -> None:
        """Begin something; what began before ends when as many are made."""
        [work] = works
        self.begun.append(work.action.id)
        target = work.action.item.target
        if work.action.kind is not Kind.MAKE:
            ended(Result())
            return
        self._making[target] = self._making.get(target, 0) + 1
        self.most = max(self.most, self._making[target])
        if work.action.id in self._failing:
            self._making[target] -= 1
            ended(Result(NotNowError("it is not there now")))
            return

        def over() -> None:
            self._making[target] -= 1
            ended(Result(image_id='one'))

        threading.Timer(0.001, over).start()


class Tools:
    """What an execution needs of the tools."""

    notes = None
    manifest: Any = None

    def tell(self, kind: str, /, **fields: Any) -> None:
        """Tell nobody."""


def execution(number: int, carrier: Any) -> Execution:
    """Return an execution that makes images, and changes each of them."""
    items = [Item(f'app{each}', '1', 'de') for each in range(number)]
    actions = [
        Action(kind, item, "it is so")
        for item in items
        for kind in (Kind.MAKE, Kind.CHANGE)
    ]
    plan = Plan(
        'platform', datetime.datetime.now(datetime.UTC), tuple(actions)
    )
    tools: Any = Tools()
    return Execution(plan, tools, {}, carrier, threading.Event())


def test_all_is_done_in_order_and_no_more_at_a_time_than_may_be() -> None:
    carrier = Carrier()
    made = execution(30, carrier)

    made.run()

    assert {each.state for each in made.units.values()} == {State.DONE}
    assert len(carrier.begun) == len(set(carrier.begun)) == 60
    assert carrier.most == LIMIT
    for each in made.units.values():
        for needed in each.needs:
            assert carrier.begun.index(needed) < carrier.begun.index(
                each.action.id
            )
    assert any(each.needs for each in made.units.values())


def test_what_needs_something_that_was_put_off_is_put_off() -> None:
    plan = execution(3, Carrier())
    lost = next(iter(plan.units))
    made = execution(3, Carrier(failing=[lost]))

    made.run()

    states = {
        each.action.item.image: each.state for each in made.units.values()
    }
    assert states == {
        'app0': State.POSTPONED,
        'app1': State.DONE,
        'app2': State.DONE,
    }


def test_what_has_to_wait_is_not_looked_at_again_and_again() -> None:
    carrier = Carrier()
    execution(200, carrier).run()
    assert carrier.looks < 200 * 10
