# SPDX-License-Identifier: Apache-2.0
"""A Redis for a board, and workers at it, in processes of their own."""

from collections.abc import Iterator, Mapping
import contextlib
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any

from ims_ext.pipeline.board import address
from ims_ext.pipeline.board.store import Board

from ..programs import demand

#: Seconds in which what is waited for has to come.
PATIENCE = 90.0


class Redis:
    """Debian's Redis, at a socket in a folder of its own.

    :ivar url: Its address as a board.
    """

    def __init__(self, *options: str) -> None:
        # A socket's path has to be short.
        self.folder = Path(tempfile.mkdtemp(prefix='redis-'))
        self._options = options
        self.tls_port = 0
        self.url = f'unix://{self.folder}/socket'
        self.start()

    def start(self) -> None:
        """Start it; what a start before has saved is there again."""
        demand('redis-server')
        for _ in range(5):
            if self._has_started():
                return
            # Somebody else has got the port meanwhile.
        raise AssertionError("Redis does not start")

    def _has_started(self) -> bool:
        options = list(self._options)
        if '--tls-cert-file' in options:
            self.tls_port = free_port()
            options += ['--tls-port', str(self.tls_port)]
        self.process = subprocess.Popen(
            [
                'redis-server',
                *('--port', '0', '--unixsocket', f'{self.folder}/socket'),
                *('--dir', str(self.folder), '--save', ''),
                *('--appendonly', 'yes', '--appendfsync', 'always'),
                *options,
            ],
            stdout=subprocess.DEVNULL,
        )
        socket_file = self.folder / 'socket'
        wait_until(
            lambda: socket_file.exists() or self.process.poll() is not None
        )
        return self.process.poll() is None

    def stop(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait()
        (self.folder / 'socket').unlink(missing_ok=True)

    def forget(self) -> None:
        """Have it know nothing any more, once it is stopped."""
        shutil.rmtree(self.folder / 'appendonlydir')

    def close(self) -> None:
        """Stop it, and forget all that it knows."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def board(self) -> Board:
        """Open it as a board."""
        return Board(address.parse(self.url))


class Workers:
    """``openstack ims pipeline worker`` in processes.

    :param redis: The board.
    :param environment: Their environment, beside the test's own.
    :param folder: Where their output is kept.
    """

    def __init__(
        self, redis: Redis, environment: Mapping[str, str], folder: Path
    ) -> None:
        self._redis = redis
        self._environment = environment
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str) -> 'subprocess.Popen[bytes]':
        """Start one."""
        number = len(self.processes)
        state = {'XDG_STATE_HOME': str(self._folder / f'worker-{number}')}
        with (self._folder / f'worker-{number}.log').open('wb') as log:
            process = subprocess.Popen(
                [
                    str(Path(sys.executable).with_name('openstack')),
                    *('ims', 'pipeline', 'worker'),
                    *('--board', self._redis.url, *options),
                ],
                env={**os.environ, **self._environment, **state},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def said(self) -> str:
        """Return what they have said."""
        logs = sorted(self._folder.glob('worker-*.log'))
        return '\n'.join(each.read_text() for each in logs)

    def close(self) -> None:
        """End them."""
        for each in self.processes:
            with contextlib.suppress(ProcessLookupError):
                each.send_signal(signal.SIGCONT)
                each.kill()
            each.wait()


def free_port() -> int:
    """Return a port that nobody had a moment ago."""
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextlib.contextmanager
def redis(*options: str) -> Iterator[Redis]:
    """Give a Redis."""
    made = Redis(*options)
    try:
        yield made
    finally:
        made.close()


def wait_until(condition: Any, patience: float = PATIENCE) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < ends, "it has not come to hold"
        time.sleep(0.05)
