# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline`` in a process of its own that ends where it is
said: killed at the n-th moment of its work.

A moment is a piece of a request that is about to be sent, a request that has
been sent, an answer that has come, and an event that is told. None of them is
a time: a test that is killed at a moment is so on any machine.
"""

import atexit
from collections.abc import Callable, Iterator, Mapping
import contextlib
import dataclasses
import functools
import http.client
import itertools
import multiprocessing
import os
from pathlib import Path
import secrets
import signal
import sys
import threading
from typing import Any
import weakref

from .boards import Redis

#: Where this is set, applies are carried out by workers of boards, in place
#: of their own threads: in the Redis that it names, or in an ``own`` one.
BOARD = os.environ.get('IMS_EXT_TEST_BOARD', '')

#: What each of the processes needs, loaded once for all of them.
_NEEDED = (
    'openstackclient.shell',
    'taskflow.engines',
    'taskflow.patterns.linear_flow',
    'boto3',
    'ims_ext.cli.pipeline',
    'ims_ext.cli.pipeline_board',
    'ims_ext.cli.pipeline_view',
    'ims_ext.objectstore.upload',
    'ims_ext.pipeline.run',
    'ims_ext.pipeline.watching',
)
#: Seconds between the first two looks at a job.
_PAUSE = 0.1


@dataclasses.dataclass(frozen=True)
class Ended:
    """A command that has ended.

    :ivar code: Its exit code; the negative signal where it was killed.
    :ivar said: Its standard output.
    :ivar complained: Its standard error.
    :ivar moments: How many moments it had; 0 where it was killed.
    """

    code: int
    said: str
    complained: str
    moments: int


class Command:
    """A command that runs in a process of its own.

    :param folder: Where its output is kept.
    :param environment: Its environment, beside the test's own.
    """

    _numbers = itertools.count()

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self._board: str | None = None
        self._context = multiprocessing.get_context('forkserver')
        self._context.set_forkserver_preload([*_NEEDED])
        # The processes find this module by its name.
        root = str(Path(__file__).parents[2])
        if root not in sys.path:
            sys.path.append(root)

    def _at_board(self) -> str:
        """Have a worker at a board of the command's own; return its URL."""
        if self._board is None:
            url = _own_redis().url if BOARD == 'own' else BOARD
            self._board = f'{url}?prefix=test-{secrets.token_hex(4)}'
            worker = Command(
                self._folder,
                {
                    **self._environment,
                    'XDG_STATE_HOME': str(self._folder / 'worker'),
                },
            )._start(
                *('worker', '--board', self._board, '--expiry', '4'),
                *('--threads', '12'),
            )
            weakref.finalize(self, worker.process.kill)
        return self._board

    def start(self, *words: str, last: int | None = None) -> 'Running':
        """Begin to run ``openstack ims pipeline``.

        :param words: What follows these.
        :param last: The moment at which it is killed, if any.
        """
        if BOARD and words[0] == 'apply':
            words = (*words, '--board', self._at_board())
        return self._start(*words, last=last)

    def _start(self, *words: str, last: int | None = None) -> 'Running':
        base = self._folder / f'command-{next(self._numbers)}'
        process = self._context.Process(
            target=_carry_out,
            args=(words, self._environment, str(base), last),
        )
        process.start()
        return Running(process, base)

    def run(self, *words: str, last: int | None = None) -> Ended:
        """Run it to its end."""
        return self.start(*words, last=last).end()


class Running:
    """A command that runs."""

    def __init__(self, process: Any, base: Path) -> None:
        self.process = process
        self.pid: int = process.pid
        self._base = base

    @property
    def complained(self) -> str:
        """Its standard error so far."""
        return self._read('.err')

    def end(self, patience: float = 120) -> Ended:
        """Wait for its end."""
        self.process.join(patience)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError(
                f"no end in {patience} s; said: {self._read('.out')}"
                f"{self._read('.err')}"
            )
        return Ended(
            self.process.exitcode,
            self._read('.out'),
            self._read('.err'),
            int(self._read('.moments') or 0),
        )

    def _read(self, ending: str) -> str:
        path = Path(f'{self._base}{ending}')
        return path.read_text() if path.exists() else ''


@functools.cache
def _own_redis() -> Redis:
    """Return a Redis that ends with this process."""
    made = Redis()
    atexit.register(made.close)
    return made


class _Moments:
    """Counts the moments of this process, and ends it at one of them."""

    def __init__(self, last: int | None) -> None:
        self._last = last
        self._guard = threading.Lock()
        self.number = 0

    def __call__(self) -> None:
        with self._guard:
            self.number += 1
            if self.number == self._last:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Have all that is sent, answered and told counted."""
        from ims_ext.pipeline import events

        connection: Any = http.client.HTTPConnection
        connection.send = _before(self, connection.send)
        connection.getresponse = _around(self, connection.getresponse)
        told: Any = events.Events
        told.__call__ = _before(self, told.__call__)


def _before(
    moment: Callable[[], None], function: Callable[..., Any]
) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        moment()
        return function(*given, **named)

    return wrapped


def _around(
    moment: Callable[[], None], function: Callable[..., Any]
) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        moment()
        answer = function(*given, **named)
        moment()
        return answer

    return wrapped


def _carry_out(
    words: tuple[str, ...],
    environment: dict[str, str],
    base: str,
    last: int | None,
) -> None:
    """Run the command in this process, and end it."""
    from openstackclient import shell

    from ims_ext.extension import job
    from ims_ext.pipeline import watching

    for name in [each for each in os.environ if each.startswith('OS_')]:
        del os.environ[name]
    os.environ.update(environment)
    with _output(base):
        watching._FIRST_PAUSE = job.DEFAULT_INTERVAL = _PAUSE
        moments = _Moments(last)
        moments.watch()
        code = shell.main(['ims', 'pipeline', *words])
        Path(f'{base}.moments').write_text(str(moments.number))
    sys.exit(code)


@contextlib.contextmanager
def _output(base: str) -> Iterator[None]:
    """Have what the process says in files."""
    for descriptor, ending in ((1, '.out'), (2, '.err')):
        file = os.open(f'{base}{ending}', os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdout = os.fdopen(1, 'w', closefd=False)
    sys.stderr = os.fdopen(2, 'w', closefd=False)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
