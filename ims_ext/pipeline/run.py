# SPDX-License-Identifier: Apache-2.0
"""A run of a pipeline: what the commands do, for programs."""

from collections.abc import Callable, Collection, Iterable, Sequence
import contextlib
import dataclasses
from pathlib import Path
import time
from typing import TYPE_CHECKING, Self

import ims_ext
from ims_ext.pipeline import applying
from ims_ext.pipeline import events
from ims_ext.pipeline import home
from ims_ext.pipeline import looking
from ims_ext.pipeline import planning
from ims_ext.pipeline.applying import Application
from ims_ext.pipeline.applying import Outcome
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.clouds import Connect
from ims_ext.pipeline.journal import Journal
from ims_ext.pipeline.lock import RunLock
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.planning import Action
from ims_ext.pipeline.planning import Kind
from ims_ext.pipeline.planning import Plan
from ims_ext.pipeline.planning import saved as _saved
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.sources import Sources

if TYPE_CHECKING:
    from ims_ext.pipeline.board.store import Board
    from ims_ext.pipeline.carrying import Carrier
    from ims_ext.pipeline.pace import Paces
    from ims_ext.pipeline.steps.work import Notes


class Run:
    """A manifest with its clouds: planned, and applied.

    ::

        with Run(Manifest.load('platform.yaml')) as run:
            for action in run.plan().changes:
                print(action.kind, action.item, action.reason)
            outcome = run.apply()

    :param manifest: The manifest.
    :param connect: Makes connections; by default :func:`ims_ext.connect`.
    :param targets: The names of the targets that are looked at; by default
        all. Channels do not move where one of an image's is left out.
    :param images: The names of the images that anything is done with; by
        default all.
    :param adopt: Images to take over although they carry no identity, as
        ``IMAGE@VERSION``.
    :param patience: Seconds in which a job of the cloud has to end.
    :param tell: Takes the events as they are told.
    :param sinks: Take the events complete, as JSON has them.
    :param board: Has what is applied carried out by its workers, in place
        of threads of this process.

    :ivar id: The run's ID, as the journal and the events have it.
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        connect: Connect = ims_ext.connect,
        targets: Iterable[str] | None = None,
        images: Iterable[str] | None = None,
        adopt: Collection[str] = (),
        patience: float = applying.PATIENCE,
        tell: events.Tell | None = None,
        sinks: Sequence[events.Sink] = (),
        board: 'Board | None' = None,
    ) -> None:
        self.manifest = manifest
        self.id = events.new_run()
        self._targets = None if targets is None else frozenset(targets)
        self._images = None if images is None else frozenset(images)
        self._adopt = adopt
        self._patience = patience
        self._tells = [] if tell is None else [tell]
        self._sinks = list(sinks)
        self._stack = contextlib.ExitStack()
        self._board = board
        self._clouds = Clouds(manifest, connect, _paces(board))
        self._stack.callback(self._clouds.close)
        self._told: events.Tell = events.silent
        self._sources = Sources(
            manifest, self._clouds, tell=lambda *a, **f: self._told(*a, **f)
        )
        self._stack.callback(self._sources.close)
        self._upstream: looking.Upstream | None = None
        self._application: Application | None = None
        self._planned: frozenset[str] | None = None
        self._unplanned: dict[str, Action] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and leave no temporary file."""
        self._stack.close()

    def stop(self) -> None:
        """Begin nothing any more; what runs comes to its end."""
        if self._application is not None:
            self._application.stop()

    # ====== PLANNING ======

    def plan(self, seen: Seen | None = None) -> Plan:
        """Return what there is to do. Only reading requests are sent.

        :param seen: What :meth:`look` has seen, if it was just asked.
        """
        made = planning.make(self.manifest, seen or self.look(), self._adopt)
        return made.only(self._is_meant)

    def look(self) -> Seen:
        """Look at sources and clouds. Only reading requests are sent."""
        if self._upstream is None:
            self._upstream = self._sources.look_up(is_brief=True)
        self._unplanned.clear()
        seen = looking.look(
            self.manifest, self._clouds, self._upstream, self._targets
        )
        self._upstream = self._sources.more(
            self._upstream, self._to_be_made(seen)
        )
        return dataclasses.replace(seen, sources=self._upstream.sources)

    def _to_be_made(self, seen: Seen) -> set[tuple[str, str]]:
        if not any(each.is_brief for each in seen.sources.values()):
            return set()
        made = planning.make(self.manifest, seen, self._adopt)
        return {
            (each.item.image, each.item.version) for each in made.of(Kind.MAKE)
        }

    def _is_meant(self, action: Action) -> bool:
        if self._images is not None and action.item.image not in self._images:
            return False
        if self._planned is None or not action.kind.is_change:
            return True
        if action.id not in self._planned:
            self._unplanned[action.id] = action
        return action.id in self._planned

    # ====== APPLYING ======

    def apply(
        self,
        saved: Path | None = None,
        *,
        confirm: Callable[[Plan], bool] | None = None,
    ) -> Outcome:
        """Do what there is to do, and keep a journal of it.

        :param saved: A plan's file, which still has to hold. What comes up
            later and is not in it is told, and left for another run.
        :param confirm: Is asked with the plan before anything is done.
        :returns: What has become of it.
        :raises: :class:`~ims_ext.pipeline.lock.RunLockedError` where another
            run of this manifest goes on on this machine.
        :raises: :class:`~ims_ext.pipeline.planning.saved.StalePlanError`
            where the saved plan does not hold any more.
        """
        with contextlib.ExitStack() as stack:
            path = self.manifest.path
            lock = RunLock(home.file_for(path, '.lock'), self.id)
            stack.enter_context(lock)
            journal = stack.enter_context(
                Journal(home.file_for(path, '.sqlite'), self.id)
            )
            sinks: list[events.Sink] = [journal, *self._sinks]
            if self._board is not None:
                sinks.append(self._keep)
            tell = events.Events(self.id, sinks, self._tells)
            self._told = tell
            self._sources.clear()
            notes, carrier = self._at_board(tell)
            application = self._application = Application(
                self.manifest,
                self._clouds,
                self._sources,
                self.look,
                tell,
                notes or journal,
                lock.check,
                self._patience,
                self._adopt,
                self._is_meant,
                carrier,
            )
            plan = application.plan()
            tell.hide(self._clouds.secrets())
            if saved is not None:
                _saved.check(plan, saved)
                self._planned = frozenset(each.id for each in plan.actions)
            if confirm is not None and not confirm(plan):
                return application.outcome
            return self._applied(application, plan, tell)

    def _at_board(
        self, tell: events.Tell
    ) -> 'tuple[Notes | None, Carrier | None]':
        """Return what has actions carried out elsewhere, if anything."""
        if self._board is None:
            return None, None
        from ims_ext.pipeline.board.notes import BoardNotes
        from ims_ext.pipeline.board.posting import Posting

        name = self.manifest.name
        return BoardNotes(self._board, name), Posting(
            self._board,
            name,
            self.id,
            self._sources,
            self._clouds,
            tell,
            self._patience,
            f'{home.machine()}/{home.file_for(self.manifest.path, "").name}',
        )

    def _keep(self, event: events.Event) -> None:
        """Keep an event where other machines find it."""
        if self._board is not None and event['kind'] != 'progress':
            self._board.chronicle.keep(self.id, event)

    def _applied(
        self, application: Application, plan: Plan, tell: events.Tell
    ) -> Outcome:
        began = time.monotonic()
        tell(
            'run.started',
            pipeline=self.manifest.name,
            manifest=str(self.manifest.path),
            version=ims_ext.__version__,
            targets=list(self.manifest.targets),
            actions=[
                {
                    'id': each.id,
                    'action': str(each.kind),
                    'image': each.item.image,
                    'version': each.item.version,
                    'target': each.item.target,
                }
                for each in plan.changes
            ],
        )
        try:
            outcome = application.run(plan)
            for each in self._unplanned.values():
                tell(
                    'note',
                    id=None,
                    message=f"{each.kind} of {each.item} was not planned, "
                    f"and is left: {each.reason}",
                )
            return outcome
        finally:
            outcome = application.outcome
            tell(
                'run.ended',
                exit=outcome.exit_code,
                done=len(outcome.done),
                failed=len(outcome.failed),
                skipped=len(outcome.skipped),
                seconds=round(time.monotonic() - began, 3),
            )


def _paces(board: 'Board | None') -> 'Paces | None':
    if board is None:
        return None
    from ims_ext.pipeline.board.pace import BoardPaces

    return BoardPaces(board)
