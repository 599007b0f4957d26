# SPDX-License-Identifier: Apache-2.0
"""What has begun, for whoever goes on with it, on any machine."""

import time
from typing import Any

from ims_ext.pipeline.board import data
from ims_ext.pipeline.board.store import Board


class BoardNotes:
    """Keeps on the board what has begun, for whoever goes on with it.

    :param board: The board.
    :param pipeline: The manifest's name.
    """

    def __init__(self, board: Board, pipeline: str) -> None:
        self._board = board
        self._pipeline = pipeline

    def intend(self, action: str, name: str) -> None:
        """Note that a creating request is about to be sent."""
        self._put(action, {'name': name, 'time': time.time()})

    def started(self, action: str, job_id: str) -> None:
        """Note the job that a creating request has started."""
        self._put(action, {**(self._get(action) or {}), 'job_id': job_id})

    def settled(self, action: str) -> None:
        """Forget an action whose effect has been seen."""
        self._board.drop('begun', self._pipeline, action)

    def has_begun(self, action: str) -> bool:
        """Whether an action's request may have been sent."""
        return self._get(action) is not None

    def job_of(self, action: str) -> str | None:
        """Return the job that an action's request has started, if known."""
        job_id = (self._get(action) or {}).get('job_id')
        return job_id if isinstance(job_id, str) else None

    def _put(self, action: str, noted: dict[str, Any]) -> None:
        self._board.put(data.write(noted), 'begun', self._pipeline, action)

    def _get(self, action: str) -> dict[str, Any] | None:
        content = self._board.get('begun', self._pipeline, action)
        if content is None:
            return None
        noted = data.read(content)
        return noted if isinstance(noted, dict) else {}
