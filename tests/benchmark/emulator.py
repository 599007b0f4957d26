# SPDX-License-Identifier: Apache-2.0
"""The emulator with very many images, and with a very large object."""

from collections.abc import Iterator
import concurrent.futures
import contextlib
import dataclasses
import http.client
import json
import os
from pathlib import Path
import shutil
import statistics
import subprocess
import sys
import time
from typing import Any, Self
import urllib.parse

from .bucket import Store
from .bucket import store
from .harness import CHECKOUT
from .harness import MIB
from .harness import Bench
from .harness import benchmark
from .harness import needs
from .table import Row
from .table import compared
from .table import limited

#: Connections that ask at the same time, and requests of each.
_CONNECTIONS = 8
_REQUESTS = 250

_LOGIN = {
    'auth': {
        'identity': {
            'methods': ['password'],
            'password': {
                'user': {
                    'name': 'alice',
                    'password': 'alice-secret',
                    'domain': {'id': 'default'},
                }
            },
        },
        'scope': {'project': {'name': 'alpha', 'domain': {'id': 'default'}}},
    }
}

#: What is asked for, with the bar in milliseconds.
_QUERIES = {
    "by name": ('/v2/cloudimages?name=build-{middle}', 20),
    "by tag": ('/v2/cloudimages?tag=build%3D7&limit=100', 50),
    "by a tag that a third has": (
        '/v2/cloudimages?tag=stage%3Dprod&limit=100',
        50,
    ),
    "all tags": ('/v1/cloudimages/tags', 100),
    "all tags of the project, by key": ('/v2/{project}/images/tags', 100),
    "10 of them sorted by name": (
        '/v2/cloudimages?sort_key=name&sort_dir=asc&limit=10',
        100,
    ),
    "10 of them sorted by size": (
        '/v2/cloudimages?sort_key=size&sort_dir=desc&limit=10',
        100,
    ),
    "10 of them sorted by size, Glance's": (
        '/v2/images?sort=size:desc&limit=10',
        100,
    ),
    "first page of 500": ('/v2/cloudimages?limit=500', 200),
    "first page of 500 private ones": (
        '/v2/cloudimages?limit=500&__imagetype=private',
        200,
    ),
}


def _scenario(count: int) -> dict[str, Any]:
    """Return a scenario with some number of images."""
    images = {
        'name': 'build-{n:05}',
        'count': count,
        'min_disk': 40,
        'size': {'from': 10**6, 'to': 9 * 10**9},
        'age': {'from': '365d', 'to': '1h'},
        'tags': {
            'stage': ['dev', 'test', 'prod'],
            'build': [str(number) for number in range(1000)],
            'team': [str(number) for number in range(20)],
        },
    }
    return {
        'projects': [
            {'name': 'alpha', 'image_quota': 2 * count, 'images': [images]}
        ]
    }


@dataclasses.dataclass
class Served:
    """An emulator in a process of its own.

    :ivar process: The process.
    :ivar seconds: How long it took until it was ready.
    :ivar auth_url: The identity service.
    """

    process: 'subprocess.Popen[str]'
    seconds: float
    auth_url: str

    @property
    def peak(self) -> float:
        """The most memory that it has had, in MiB."""
        status = Path(f'/proc/{self.process.pid}/status').read_text('ascii')
        (line,) = (ln for ln in status.splitlines() if ln.startswith('VmHWM'))
        return int(line.split()[1]) / 1024


@contextlib.contextmanager
def _serving(*options: str) -> Iterator[Served]:
    began = time.perf_counter()
    with subprocess.Popen(
        [
            *(sys.executable, '-m', 'ims_ext.emulator.main', 'serve'),
            *('--port', '0', *options),
        ],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = seconds = None
            for line in process.stdout:
                seconds = seconds or time.perf_counter() - began
                if 'OS_AUTH_URL=' in line:
                    url = line.partition('OS_AUTH_URL=')[2].strip()
                if line.startswith('  openstack '):
                    break
            assert url is not None
            assert seconds is not None
            yield Served(process, seconds, url)
        finally:
            process.terminate()


class Caller:
    """A connection to an emulator's image service, logged in."""

    def __init__(self, auth_url: str) -> None:
        parts = urllib.parse.urlsplit(auth_url)
        assert parts.hostname is not None
        login = http.client.HTTPConnection(parts.hostname, parts.port)
        with contextlib.closing(login):
            login.request(
                'POST',
                f'{parts.path}/auth/tokens',
                json.dumps(_LOGIN),
                {'Content-Type': 'application/json'},
            )
            answer = login.getresponse()
            self._token = answer.headers['X-Subject-Token']
            token = json.load(answer)['token']
        self.project = token['project']['id']
        (url,) = (
            entry['endpoints'][0]['url']
            for entry in token['catalog']
            if entry['type'] == 'image'
        )
        place = urllib.parse.urlsplit(url)
        self._base = place.path
        self._connection = http.client.HTTPConnection(
            str(place.hostname), place.port
        )

    def get(self, path: str) -> float:
        """Ask, and return how many milliseconds the answer took."""
        began = time.perf_counter()
        self._connection.request(
            'GET', self._base + path, headers={'X-Auth-Token': self._token}
        )
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 200, f"{answer.status} for {path}"
        return (time.perf_counter() - began) * 1000

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()


def _rate(auth_url: str) -> float:
    """Return how many small requests are answered in a second."""
    callers = [Caller(auth_url) for _ in range(_CONNECTIONS)]

    def ask(caller: Caller) -> None:
        with caller:
            for _ in range(_REQUESTS):
                caller.get('/v2/images?limit=1')

    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(ask, callers))
    return _CONNECTIONS * _REQUESTS / (time.perf_counter() - began)


@benchmark
def emulator_50000(bench: Bench) -> Iterator[Row]:
    """Start the emulator, and list images, with very many of them."""
    count = bench.sizes.emulated_images
    scenario = bench.directory / 'scenario.json'
    scenario.write_text(json.dumps(_scenario(count)), 'utf-8')
    state = bench.directory / 'emulator'
    empty = []
    for _ in range(bench.repeat):
        with _serving() as served:
            empty.append(served.seconds)
    yield limited(
        "start the emulator, empty", "time", statistics.median(empty), 's', 1
    )
    with _serving('--state', str(state), '--scenario', str(scenario)) as made:
        yield limited(
            f"start it and make {count:,} images of a scenario",
            "time",
            made.seconds,
            's',
            None,
        )
    starts = []
    for _ in range(bench.repeat - 1):
        with _serving('--state', str(state)) as served:
            starts.append(served.seconds)
    with _serving('--state', str(state)) as served:
        starts.append(served.seconds)
        yield limited(
            f"start it with {count:,} images in --state",
            "time",
            statistics.median(starts),
            's',
            2,
        )
        with Caller(served.auth_url) as caller:
            for work, (path, bar) in _QUERIES.items():
                asked = path.format(
                    project=caller.project, middle=f'{count // 2:05}'
                )
                times = [
                    caller.get(asked) for _ in range(2 * bench.repeat + 1)
                ]
                yield limited(
                    f"{count:,} images: {work}",
                    "time",
                    statistics.median(times),
                    'ms',
                    bar,
                )
        yield limited(
            f"small requests, {_CONNECTIONS} connections",
            "requests a second",
            _rate(served.auth_url),
            '',
            None,
        )
        yield limited(
            f"{count:,} images, all of this", "peak", served.peak, 'MiB', 200
        )
    shutil.rmtree(state)


#: The emulator with a state, which is on the disk that is compared with.
_EMULATOR = """
import json, pathlib, sys
from ims_ext.emulator.server import EmulatorServer
with EmulatorServer(state_dir=pathlib.Path(sys.argv[1])) as server:
    cloud = server.clouds(access_keys=True)['clouds']['alice']
    print(json.dumps([server.bucket_url, cloud['ak'], cloud['sk']]))
    sys.stdout.flush()
    sys.stdin.read()
"""


def _disk(path: Path, size: int) -> tuple[float, float]:
    """Return what the disk writes and reads in a second, in MiB."""
    chunk = os.urandom(MIB)
    began = time.perf_counter()
    with path.open('wb') as file:
        for _ in range(size // MIB):
            file.write(chunk)
        os.fsync(file.fileno())
    written = size / MIB / (time.perf_counter() - began)
    began = time.perf_counter()
    with path.open('rb') as file:
        while file.read(MIB):
            pass
    read = size / MIB / (time.perf_counter() - began)
    path.unlink()
    return written, read


@benchmark
def emulator_large_object(bench: Bench) -> Iterator[Row]:
    """Send a large object to the emulator in parts, and get it back."""
    needs('boto3')
    size = bench.sizes.object_mib * MIB
    disk = _disk(bench.directory / 'large', size)
    state = bench.directory / 'emulator'
    command = [sys.executable, '-c', _EMULATOR, str(state)]

    def measured(each: Store) -> tuple[float, float, float]:
        before = each.peak
        up, down = each.transfer(size)
        return up, down, each.peak - before

    with store(command, None) as ours:
        ours.transfer(16 * MIB)
        up, down, grown = measured(ours)
    shutil.rmtree(state)
    work = f"an object of {size // MIB:,} MiB in parts"
    for direction, rate, theirs in (
        ('up', up, disk[0]),
        ('down', down, disk[1]),
    ):
        yield compared(
            f"{work}, {direction}",
            "rate",
            'MiB/s',
            rate,
            "the disk, through its cache",
            theirs,
            at_least=0.5 if direction == 'up' else None,
        )
    yield limited(work, "memory more than with 16 MiB", grown, 'MiB', 64)
