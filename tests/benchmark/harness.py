# SPDX-License-Identifier: Apache-2.0
"""What all benchmarks share: a server, and fresh processes to measure in.

This module is imported by the process that compares, which stays small: what
is compared runs in processes of its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
import compileall
import contextlib
import dataclasses
import importlib.util
import json
import os
from pathlib import Path
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any
import urllib.request

from .table import Row

#: What a measurement is: numbers by name.
Measurement = Mapping[str, Any]

#: ``ru_maxrss`` is in these.
_RSS_UNIT = 1 if sys.platform == 'darwin' else 1024

MIB = 1024**2

#: The directory that ``tests`` is in.
CHECKOUT = Path(__file__).resolve().parents[2]


class MissingPeerError(Exception):
    """Something to compare with that is not installed, and how to get it."""


# ====== WHAT IS COMPARED ======


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much there is to do."""

    images: int = 10_000
    jobs: int = 100
    many_jobs: int = 1000
    shortest_job: float = 2.0
    longest_job: float = 10.0
    upload_mib: int = 1024
    shared_images: int = 500
    shared_projects: int = 100
    emulated_images: int = 50_000
    object_mib: int = 5 * 1024
    pipeline_images: int = 1000
    applied_images: int = 50
    source_mib: int = 1024
    pipeline_jobs: int = 500
    board_images: int = 100
    modelled_images: int = 40
    board_items: int = 10_000
    board_workers: tuple[int, ...] = (1, 2, 4, 8)


#: Enough to see that everything works, and nothing else.
QUICK = Sizes(
    images=60,
    jobs=4,
    many_jobs=8,
    shortest_job=0.2,
    longest_job=0.6,
    upload_mib=4,
    shared_images=5,
    shared_projects=3,
    emulated_images=200,
    object_mib=32,
    pipeline_images=10,
    applied_images=2,
    source_mib=4,
    pipeline_jobs=8,
    board_images=2,
    modelled_images=2,
    board_items=50,
    board_workers=(1, 2),
)


Benchmark = Callable[['Bench'], Iterator[Row]]

#: All benchmarks, by the name that they are asked for.
BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(function: Benchmark) -> Benchmark:
    """Register a benchmark, under its function's name."""
    BENCHMARKS[function.__name__.replace('_', '-')] = function
    return function


def needs(package: str) -> None:
    """Make sure that a peer from the package index is there.

    :raises: :class:`MissingPeerError`
    """
    if not importlib.util.find_spec(package):
        raise MissingPeerError(
            f"{package} is missing: pip install --editable '.[benchmark]'"
        )


def needs_command(name: str) -> None:
    """Make sure that a peer that the system brings is there.

    :raises: :class:`MissingPeerError`
    """
    if not shutil.which(name):
        raise MissingPeerError(
            f"{name} is missing: install the system's package {name}"
        )


# ====== HOW IT IS MEASURED ======


@dataclasses.dataclass
class Bench:
    """A server and ways to measure what its clients do.

    :ivar repeat: How often each alternative runs, by default.
    :ivar sizes: How much there is to do.
    :ivar url: The server's.
    :ivar directory: For files that are gone afterwards.
    """

    repeat: int
    sizes: Sizes
    url: str
    directory: Path
    settings: dict[str, float] = dataclasses.field(default_factory=dict)

    def alternate(
        self,
        alternatives: Mapping[str, Callable[[], Measurement]],
        repeat: int | None = None,
    ) -> dict[str, dict[str, float]]:
        """Measure alternatives in turns; return the medians of each.

        :param alternatives: What measures each, by name.
        :param repeat: How often, where it is not as often as asked for.
        """
        found: dict[str, list[Measurement]] = {}
        for _ in range(repeat or self.repeat):
            for name, measure in alternatives.items():
                found.setdefault(name, []).append(measure())
        return {name: medians(each) for name, each in found.items()}

    def worker(
        self, function: Callable[..., Measurement], **arguments: Any
    ) -> Callable[[], Measurement]:
        """Return what calls a function in a fresh process.

        :param function: A module's function, which returns a measurement.
        :param arguments: Whatever JSON can tell.
        :returns: A function for :meth:`alternate`. The server's counts are
            added to the function's measurement.
        """
        target = f'{function.__module__}:{function.__qualname__}'
        command = [sys.executable, '-m', f'{__package__}.worker', target]

        def run() -> Measurement:
            self.reset()
            process = subprocess.run(
                [*command, json.dumps(arguments)],
                stdout=subprocess.PIPE,
                env=self.environment,
                cwd=CHECKOUT,
                check=True,
                text=True,
            )
            told = json.loads(process.stdout.splitlines()[-1])
            return {**self.counts(), **told}

        return run

    @contextlib.contextmanager
    def starting(
        self, function: Callable[..., Measurement], **arguments: Any
    ) -> Iterator[None]:
        """Have a fresh process call a function while the block lasts.

        :param function: A module's function.
        :param arguments: Whatever JSON can tell.
        """
        target = f'{function.__module__}:{function.__qualname__}'
        process = subprocess.Popen(
            [
                *(sys.executable, '-m', f'{__package__}.worker'),
                *(target, json.dumps(arguments)),
            ],
            stdout=subprocess.DEVNULL,
            env=self.environment,
            cwd=CHECKOUT,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def command(
        self, *words: str, **settings: str
    ) -> Callable[[], Measurement]:
        """Return what runs a command and measures the whole process.

        :param words: The command. One that is installed beside this Python
            goes before others.
        :param settings: Variables of its environment.
        :returns: A function for :meth:`alternate`: ``wall`` and ``cpu`` in
            seconds, ``peak`` in MiB, and the server's counts.
        """
        own = Path(sys.executable).parent / words[0]
        command = [str(own) if own.exists() else words[0], *words[1:]]

        def run() -> Measurement:
            self.reset()
            began = time.monotonic()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**self.environment, **settings},
                cwd=self.directory,
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise subprocess.CalledProcessError(
                    process.returncode, command
                )
            return {
                **self.counts(),
                'wall': wall,
                'cpu': usage.ru_utime + usage.ru_stime,
                'peak': usage.ru_maxrss * _RSS_UNIT / MIB,
            }

        return run

    @property
    def seldom(self) -> int:
        """How often what takes a minute is to run."""
        return min(self.repeat, 3)

    @contextlib.contextmanager
    def serving(self, **settings: float) -> Iterator[None]:
        """Have the server behave differently: ``page_seconds``."""
        before = dict(self.settings)
        self.settings.update(settings)
        try:
            yield
        finally:
            self.settings.clear()
            self.settings.update(before)

    def reset(self) -> None:
        """Have the server begin to count."""
        control(self.url, 'reset', self.settings)

    def counts(self) -> dict[str, Any]:
        """Return what the server has counted."""
        return control(self.url, 'counts')

    @contextlib.contextmanager
    def file(self, mib: int, name: str = 'disk.raw') -> Iterator[Path]:
        """Make a file that takes no place on the disk."""
        path = self.directory / name
        with path.open('wb') as file:
            file.truncate(mib * MIB)
        try:
            # It is in memory then, and no disk is measured.
            with path.open('rb') as file:
                while file.read(MIB):
                    pass
            yield path
        finally:
            path.unlink()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that uses the server."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(('OS_', 'AWS_'))
        }
        environment['OS_CLIENT_CONFIG_FILE'] = str(self.directory / 'c.yaml')
        environment['OS_CLOUD'] = 'stock'
        environment['NO_PROXY'] = environment['no_proxy'] = '127.0.0.1'
        environment['BENCHMARK_URL'] = self.url
        return environment


def medians(measurements: Sequence[Measurement]) -> dict[str, float]:
    """Return the median of each number."""
    return {
        name: statistics.median(each[name] for each in measurements)
        for name, value in measurements[0].items()
        if isinstance(value, int | float)
    }


def usage() -> tuple[float, float]:
    """Return this process's processor time in seconds and its peak in MiB."""
    found = resource.getrusage(resource.RUSAGE_SELF)
    peak = found.ru_maxrss * _RSS_UNIT / MIB
    return found.ru_utime + found.ru_stime, peak


def control(url: str, what: str, settings: Any = None) -> dict[str, Any]:
    """Tell the server something, or ask it."""
    request = urllib.request.Request(
        f'{url}/benchmark/{what}',
        None if settings is None else json.dumps(settings).encode(),
    )
    # No proxy stands before loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


# ====== THE SERVER ======

_CLOUD = """
    region_name: benchmark-1
    identity_api_version: "3"
    auth:
      auth_url: {url}/v3
      username: benchmark
      password: benchmark
      project_id: 0b1e494e2660441a957313163095fe5c
      user_domain_id: default
    ak: benchmark
    sk: benchmark
"""


@contextlib.contextmanager
def running(repeat: int, sizes: Sizes) -> Iterator[Bench]:
    """Run a server for as long as the block lasts."""
    # As pip does for the peers, lest each process compile it anew.
    compileall.compile_dir(CHECKOUT / 'ims_ext', quiet=1)
    command = [sys.executable, '-m', f'{__package__}.standin_cloud']
    with (
        tempfile.TemporaryDirectory(prefix='ims-benchmark-') as directory,
        subprocess.Popen(
            [*command, str(sizes.images)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
            text=True,
        ) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        cloud = _CLOUD.format(url=url)
        Path(directory, 'c.yaml').write_text(
            f'clouds:\n  stock:{cloud}  ours:{cloud}'
            f'    vendor_hook: ims_ext:load\n',
            'utf-8',
        )
        try:
            yield Bench(repeat, sizes, url, Path(directory))
        finally:
            server.stdin.close()
