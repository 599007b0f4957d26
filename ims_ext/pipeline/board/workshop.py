# SPDX-License-Identifier: Apache-2.0
"""What a worker does tasks with: connections, disk images, events."""

from collections.abc import Callable
import threading
import time
from typing import Any

import ims_ext
from ims_ext.closing import Closing
from ims_ext.exceptions import secret_text
from ims_ext.pipeline import home
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board.claims import Holdings
from ims_ext.pipeline.board.disks import BoardDisks
from ims_ext.pipeline.board.manifests import Manifests
from ims_ext.pipeline.board.notes import BoardNotes
from ims_ext.pipeline.board.pace import BoardPaces
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.clouds import Connect
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.sources import Sources
from ims_ext.pipeline.sources.space import Workspace
from ims_ext.pipeline.steps.work import Tools
from ims_ext.pipeline.steps.work import Work
from ims_ext.pipeline.steps.work import object_folder

#: Where objects are in a pipeline's part of a bucket.
FOLDER = 'board'
#: Seconds between two reports of progress.
_REPORT = 2.0


class Workshop(Closing):
    """What a worker does tasks with.

    :param board: The board.
    :param holdings: What the worker holds.
    :param connect: Makes connections.
    :param say: Is told in words what is told of tasks.
    """

    def __init__(
        self,
        board: Board,
        holdings: Holdings,
        connect: Connect = ims_ext.connect,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._board = board
        self._holdings = holdings
        self._connect = connect
        self._say = say
        self._guard = threading.Lock()
        self._paces = BoardPaces(board)
        self._workspace = Workspace(home.folder() / 'disks', 0)
        self._manifests = Manifests(board, self._workspace.folder)
        self._clouds: dict[str, tuple[Clouds, Sources]] = {}

    def close(self) -> None:
        """Close the connections, and leave no temporary file."""
        with self._guard:
            for clouds, sources in self._clouds.values():
                sources.close()
                clouds.close()
            self._clouds.clear()
            self._workspace.close()

    def works(self, task: data.Task, check: Callable[[], None]) -> list[Work]:
        """Return what is to be done for a task.

        :param task: The task.
        :param check: Raises where the task is somebody else's by now.
        :raises: :class:`.data.DataError` where it is none.
        """
        manifest = self._manifests.get(task.bundle)
        clouds, sources = self._for(manifest)
        if manifest.name != task.pipeline:
            raise data.DataError("its bundle is another pipeline's")
        works = []
        for action, _ in task.actions:
            if action.item.target not in manifest.targets:
                raise data.DataError(f"it has no target {action.item.target}")
            image = manifest.images.get(action.item.image)
            version = next(
                (
                    each
                    for each in (image.versions if image else ())
                    if each.name == action.item.version
                ),
                None,
            )
            disks = BoardDisks(
                self._board,
                manifest,
                clouds,
                sources,
                object_folder(manifest.name, FOLDER),
                task.source,
                hub_for(manifest, action.item.target),
                _text_or_none(action.details.get('locked')),
                self._holdings,
            )
            tools = Tools(
                manifest,
                clouds,
                disks,
                _Teller(
                    self._board, self._holdings.who, manifest.name, clouds
                ),
                BoardNotes(self._board, manifest.name),
                check,
                self._holdings.room,
                FOLDER,
            )
            works.append(Work(action, tools, version, action.image_id))
        return works

    def secrets(self) -> frozenset[str]:
        """Return the secrets of the clouds that are connected to so far."""
        with self._guard:
            found = [clouds for clouds, _ in self._clouds.values()]
        return frozenset(each for one in found for each in one.secrets())

    def _for(self, manifest: Manifest) -> tuple[Clouds, Sources]:
        """Return the connections of all manifests with the same targets."""
        key = repr((manifest.name, manifest.targets, manifest.accept))
        with self._guard:
            if key not in self._clouds:
                clouds = Clouds(manifest, self._connect, self._paces)
                tell = _Teller(
                    self._board, self._holdings.who, manifest.name, clouds
                )
                sources = Sources(manifest, clouds, tell=tell, is_locked=False)
                sources.clear()
                self._clouds[key] = clouds, sources
            return self._clouds[key]


def hub_for(manifest: Manifest, target: str) -> str | None:
    """Return the target whose bucket others have a disk image from.

    :param manifest: The manifest.
    :param target: The target that it is needed for.
    """
    names = [target, *manifest.targets]
    return next((e for e in names if manifest.targets[e].bucket), None)


class _Teller:
    """Tells of a pipeline on the board, without secrets."""

    def __init__(
        self, board: Board, worker: str, pipeline: str, clouds: Clouds
    ) -> None:
        self._board = board
        self._worker = worker
        self._pipeline = pipeline
        self._clouds = clouds
        self._told = 0.0

    def __call__(self, kind: str, /, **fields: Any) -> None:
        """Take an event."""
        if kind == 'progress':
            now = time.monotonic()
            is_end = fields.get('done') == fields.get('total')
            if not is_end and now - self._told < _REPORT:
                return
            self._told = now
        told = secret_text.masked(fields, self._clouds.secrets())
        self._board.chronicle.tell(
            {
                'pipeline': self._pipeline,
                'worker': self._worker,
                'kind': kind,
                'fields': {
                    key: each
                    if each is None or isinstance(each, int | float)
                    else str(each)[:4000]
                    for key, each in told.items()
                },
            }
        )


def _text_or_none(found: Any) -> str | None:
    return found if isinstance(found, str) else None
