# SPDX-License-Identifier: Apache-2.0
"""How many requests a second a target gets from all workers together."""

from ims_ext.pipeline import pace
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.manifest import model


class BoardPaces(pace.Paces):
    """The paces of targets, kept on the board.

    :param board: The board.
    """

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board

    def made(self, target: model.Target) -> pace.Pace:
        """Return a new pace for a target."""
        return _BoardPace(self._board, target)


class _BoardPace(pace.Pace):
    """The requests of all processes."""

    def __init__(self, board: Board, target: model.Target) -> None:
        self._board = board
        self._target = target
        self._own = pace.OwnPace(target.limits.requests_per_second)

    def reserve(self) -> float:
        """Reserve a request's time; return the seconds until then.

        It is asked for once: a request that is to be sent now must not wait
        for the board, since what it is sent for may be another's then.
        """
        import redis

        rate = self._target.limits.requests_per_second
        try:
            return self._board.reserve(self._target.place, rate, pace.BURST)
        except redis.RedisError:
            return self._own.reserve()
