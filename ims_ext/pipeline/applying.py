# SPDX-License-Identifier: Apache-2.0
"""Applying a manifest: looking, planning and doing, until nothing is left.

What the clouds say decides in each round, so that it does not matter what an
earlier run has left half done, or somebody else has done meanwhile.
"""

from collections.abc import Callable, Collection
import dataclasses
import threading
import time

from openstack import exceptions as sdk_exceptions

from ims_ext.pipeline import engine
from ims_ext.pipeline import looking
from ims_ext.pipeline import planning
from ims_ext.pipeline.carrying import Carrier
from ims_ext.pipeline.carrying import Threads
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.events import Tell
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning.fleet import declared
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.planning.model import Plan
from ims_ext.pipeline.running import Execution
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.steps.work import Disks
from ims_ext.pipeline.steps.work import Notes
from ims_ext.pipeline.steps.work import Tools
from ims_ext.pipeline.unit import State
from ims_ext.pipeline.unit import Unit

#: Rounds after which something undoes what is done, over and over.
_MOST_ROUNDS = 8
#: Seconds between two rounds, for the clouds to show what was done.
_PAUSE = 0.2
#: Seconds between two looks at images that do not tell yet whose they are.
_SETTLING = 2.0

#: Seconds in which a job has to end, unless said otherwise.
PATIENCE = 3600.0


@dataclasses.dataclass
class Outcome:
    """What has become of an apply.

    :ivar done: Actions that were carried out.
    :ivar failed: Actions that failed, with the reason.
    :ivar skipped: Actions that depend on these, or are not to be done any
        more, with the reason.
    :ivar is_interrupted: Whether it was stopped before its end.
    :ivar plan: What there is still to do, where all was looked at again.
    """

    done: list[Action] = dataclasses.field(default_factory=list)
    failed: list[tuple[Action, str]] = dataclasses.field(default_factory=list)
    skipped: list[tuple[Action, str]] = dataclasses.field(default_factory=list)
    is_interrupted: bool = False
    plan: Plan | None = None

    @property
    def exit_code(self) -> int:
        """0 done, 3 some failed, 5 interrupted."""
        if self.is_interrupted:
            return 5
        if self.failed:
            return 3
        if self.plan is None:
            return 0
        left = any(self.plan.of(Kind.REFUSE)) or _unknown(self.plan)
        return 3 if self.plan.unseen or left else 0


class Application:
    """A manifest that is applied.

    :param manifest: The manifest.
    :param clouds: The connections.
    :param disks: The disk images of versions.
    :param look: Looks at the clouds; by default :func:`.looking.look` with
        nothing known of the sources.
    :param tell: Takes the events.
    :param notes: Keeps what has begun for the next run.
    :param check_lock: Raises where the run may not change anything any more.
    :param patience: Seconds in which a job has to end.
    :param adopt: Images to take over, as ``IMAGE@VERSION``.
    :param only: Says which actions are carried out; by default all.
    :param carrier: Carries them out; by default threads of this process.
    """

    def __init__(
        self,
        manifest: Manifest,
        clouds: Clouds,
        disks: Disks,
        look: Callable[[], Seen] | None,
        tell: Tell,
        notes: Notes,
        check_lock: Callable[[], None],
        patience: float = PATIENCE,
        adopt: Collection[str] = (),
        only: Callable[[Action], bool] | None = None,
        carrier: Carrier | None = None,
    ) -> None:
        self._manifest = manifest
        self._clouds = clouds
        self._look = look or (lambda: looking.look(manifest, clouds))
        self._carrier = carrier or Threads(patience)
        self._tools = Tools(
            manifest,
            clouds,
            disks,
            tell,
            notes,
            check_lock,
            folder=self._carrier.folder,
        )
        self._patience = patience
        self._adopt = adopt
        self._only = only or (lambda action: True)
        self._stopping = threading.Event()
        self.outcome = Outcome()

    def stop(self) -> None:
        """Begin nothing any more; what runs comes to its end."""
        self._stopping.set()
        self._carrier.stop()

    def plan(self) -> Plan:
        """Look at the clouds, and return what there is to do."""
        self._seen = self._look()
        made = planning.make(self._manifest, self._seen, self._adopt)
        return made.only(self._only)

    def run(self, plan: Plan | None = None) -> Outcome:
        """Do what there is to do.

        :param plan: What :meth:`plan` has said, if it was just asked.
        """
        engine.check()
        plan = plan or self.plan()
        self._clear(plan)
        try:
            self._ends = time.monotonic() + self._patience
            rounds = 0
            while rounds < _MOST_ROUNDS:
                self.outcome.plan = plan
                execution = Execution(
                    plan,
                    self._tools,
                    self._versions(),
                    self._carrier,
                    self._stopping,
                    [each.id for each, _ in self._given_up()],
                )
                if not execution.units:
                    if not self._settle(plan):
                        break
                    plan = self.plan()
                    continue
                rounds += 1
                # It takes a while, and is for nothing where nothing is done.
                engine.load()
                execution.run()
                for unit in execution.units.values():
                    self._note(unit)
                if self._stopping.is_set():
                    self.outcome.is_interrupted = True
                    break
                time.sleep(_PAUSE)
                plan = self.plan()
            self._carrier.leave()
            if not self.outcome.is_interrupted:
                self._clear(plan)
        finally:
            self._carrier.close()
        return self.outcome

    def _settle(self, plan: Plan) -> bool:
        """Give images time to tell whose they are; say whether any needs it.

        It may be this pipeline's that somebody's run has begun to make.
        """
        if not _unknown(plan) or time.monotonic() >= self._ends:
            return False
        if self._stopping.wait(_SETTLING):
            self.outcome.is_interrupted = True
            return False
        return True

    def _versions(self) -> dict[tuple[str, str], model.Version]:
        found = declared(self._manifest, self._seen.found)
        return {
            (image, name): version
            for image, versions in found.items()
            for name, version in versions.items()
        }

    def _given_up(self) -> list[tuple[Action, str]]:
        return [*self.outcome.failed, *self.outcome.skipped]

    def _note(self, unit: Unit) -> None:
        if unit.state is State.DONE:
            self.outcome.done.append(unit.action)
        elif unit.state is State.FAILED:
            self.outcome.failed.append((unit.action, unit.reason))
        elif unit.state is State.SKIPPED:
            self.outcome.skipped.append((unit.action, unit.reason))

    def _clear(self, plan: Plan) -> None:
        """Delete what earlier runs of this machine have left in buckets.

        Jobs of theirs may still be at work on some of it.
        """
        if not self._carrier.is_alone():
            return
        prefix = self._tools.object_folder
        for name, target in self._manifest.targets.items():
            if target.bucket is None or name in plan.unseen:
                continue
            keep = {
                f'{prefix}{each.item.label}-'
                for each in plan.of(Kind.MAKE, Kind.WAIT)
                if each.item.target == name and self._may_be_at_work(each)
            }
            if keep:
                # It may be one that several images are made of.
                keep.add(f'{prefix}source-')
            store = self._clouds.store(name)
            try:
                messages = [
                    f"{target.bucket}:{key}, left by an earlier run, is "
                    "deleted"
                    for key in store.clear(target.bucket, prefix, keep)
                    if not key.startswith(f'{prefix}source-')
                ]
                self._tools.cleared.add(name)
            except sdk_exceptions.SDKException as error:
                # What needs the bucket will say so itself.
                messages = [
                    f"what earlier runs may have left in {target.bucket} "
                    f"stays there: {error}"
                ]
            for message in messages:
                self._tools.tell('note', id=None, message=message)

    def _may_be_at_work(self, action: Action) -> bool:
        """Whether a job of an earlier run may still be at an action."""
        if action.kind is Kind.MAKE:
            return self._tools.notes.has_begun(action.id)
        return action.is_unknown or bool(action.details.get('arriving'))


def _unknown(plan: Plan) -> bool:
    """Whether there are images that do not tell yet whose they are."""
    return any(each.is_unknown for each in plan.of(Kind.WAIT))
