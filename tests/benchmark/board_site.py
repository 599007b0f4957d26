# SPDX-License-Identifier: Apache-2.0
"""A board in a Redis of its own, workers at it, and what these take."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .harness import needs
from .harness import needs_command

if TYPE_CHECKING:
    from ims_ext.pipeline.board.store import Board

    from ..functional import boards


class BoardSite:
    """A Redis, and workers in processes of their own.

    :ivar redis: The Redis.
    :ivar workers: The workers.
    :ivar board: The board, as this process sees it.
    """

    def __init__(
        self, redis: 'boards.Redis', workers: 'boards.Workers', board: 'Board'
    ) -> None:
        self.redis = redis
        self.workers = workers
        self.board = board

    def start(self, number: int, *options: str) -> None:
        """Start workers, and wait until they have nothing to do.

        :param number: How many.
        :param options: Options of the command.
        """
        from ..functional import boards

        before = len(self.board.workers())
        for _ in range(number):
            self.workers.start(*options)
        boards.wait_until(lambda: len(self.board.workers()) == before + number)

    def workers_cpu(self) -> float:
        """Return the processor time of all workers, in seconds."""
        import psutil

        found = [
            psutil.Process(each.pid).cpu_times()
            for each in self.workers.processes
        ]
        return float(sum(each.user + each.system for each in found))

    def told(self) -> dict[str, float]:
        """Return what Redis tells of itself.

        :returns: ``cpu`` in seconds, ``commands`` that were run, those of
            scripts included, and ``memory`` in bytes.
        """
        return redis_told(self.board.client)


def redis_told(client: Any) -> dict[str, float]:
    """Return what a Redis tells of itself: see :meth:`BoardSite.told`.

    :param client: The connection to it.
    """
    found: dict[str, Any] = client.info()
    return {
        'cpu': found['used_cpu_user'] + found['used_cpu_sys'],
        'commands': found['total_commands_processed'],
        'memory': found['used_memory'],
    }


@contextlib.contextmanager
def board_site(
    folder: Path, environment: dict[str, str]
) -> Iterator[BoardSite]:
    """Serve a board.

    :param folder: Where the workers' output and state are.
    :param environment: The workers' environment.
    """
    for each in ('psutil', 'pytest', 'redis', 'taskflow'):
        needs(each)
    needs_command('redis-server')
    from ..functional import boards

    folder.mkdir(exist_ok=True)
    # As the manual says: it survives a restart.
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(boards.redis('--appendfsync', 'everysec'))
        workers = boards.Workers(redis, environment, folder)
        stack.callback(workers.close)
        board = stack.enter_context(redis.board())
        yield BoardSite(redis, workers, board)
