# SPDX-License-Identifier: Apache-2.0
"""The manifests of bundles, with their files, as a worker has opened them."""

import collections
from pathlib import Path
import shutil
import tempfile
import threading

from ims_ext.pipeline.board import bundle
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.manifest import Manifest

#: Manifests that are kept: each version of an image has one of its own.
_MOST = 500


class Manifests:
    """The manifests of bundles, those kept that were used last.

    :param board: The board that has the bundles.
    :param folder: The folder that their files are put into.
    :param most: How many are kept.
    """

    def __init__(self, board: Board, folder: Path, most: int = _MOST) -> None:
        self._board = board
        self._folder = folder
        self._most = most
        self._guard = threading.Lock()
        self._opened: collections.OrderedDict[str, tuple[Manifest, Path]] = (
            collections.OrderedDict()
        )

    def get(self, digest: str) -> Manifest:
        """Return the manifest of a bundle.

        :param digest: Its digest.
        :raises: :class:`.data.DataError`,
            :class:`~ims_ext.pipeline.ManifestError`
        """
        with self._guard:
            if digest in self._opened:
                self._opened.move_to_end(digest)
                return self._opened[digest][0]
        content = self._board.bundle(digest)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            made = bundle.opened(content, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._guard:
            # Another thread may have opened it meanwhile.
            kept = self._opened.setdefault(digest, (made, folder))
            gone = [] if kept[1] == folder else [folder]
            while len(self._opened) > self._most:
                gone.append(self._opened.popitem(last=False)[1][1])
        for each in gone:
            shutil.rmtree(each, ignore_errors=True)
        return kept[0]
