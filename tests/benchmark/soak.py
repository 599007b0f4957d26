# SPDX-License-Identifier: Apache-2.0
"""A soak of a board: ``python -m tests.benchmark.soak --minutes 20``.

Rounds of new versions and of retirement, one after the other, while a part of
all requests to all services fails. After each round, each image has to be
there, and to have been made once. What workers, applies and Redis take is
told round by round: it is to stay as it is.
"""

import argparse
from collections.abc import Iterator, Sequence
import contextlib
import dataclasses
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import yaml

from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import ObjectStore

from ..functional.pipelines import Deployment
from .board_site import BoardSite
from .board_site import board_site
from .harness import MIB

_LIMITS = '{requests_per_second: 1000, imports: 20}'
_HEAD = f"""\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
accept:
  beta: {{cloud: bob}}
targets:
  de: {{cloud: alice, region: eu-de, bucket: images, limits: {_LIMITS}}}
  nl: {{cloud: alice, region: eu-nl, copy_from: de, agency: ims_copy_image,
       limits: {_LIMITS}}}
  up: {{cloud: alice, region: eu-nl, limits: {_LIMITS}}}
defaults:
  os_version: Ubuntu 18.04 server 64bit
  retention: {{keep: 2, never: [in_use]}}
  channels: {{dev: {{version: newest, share: [beta]}}}}
  attempts: 5
images:
"""
#: What images are made from, in turns, and where.
_SOURCES = (
    ('[de, nl]', 'file: disk.qcow2'),
    ('[de, up]', 'object: "images:disk.qcow2"'),
)
#: Versions of an image that stay.
_KEPT = 2
_SERVICES = ('identity', 'compute', 'block-storage', 'image', 'bucket')
#: How often a round's manifest is applied, until all is done.
_ATTEMPTS = 5


@dataclasses.dataclass(frozen=True)
class Round:
    """What a round has taken.

    :ivar seconds: Wall time.
    :ivar codes: How its applies have ended.
    :ivar faults: Requests that have failed.
    :ivar workers: Memory of the largest worker, in MiB.
    :ivar apply: The most memory that an apply had, in MiB.
    :ivar redis: Memory of Redis, in MiB.
    :ivar lasting: Keys in Redis that do not expire.
    :ivar problems: What is not as it has to be.
    """

    seconds: float
    codes: tuple[int, ...]
    faults: int
    workers: float
    apply: float
    redis: float
    lasting: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        codes = ','.join(map(str, self.codes))
        return (
            f'{self.seconds:6.1f} s  exit {codes}  {self.faults:4} faults  '
            f'worker {self.workers:.1f}  apply {self.apply:.1f}  '
            f'Redis {self.redis:.2f} MiB  {self.lasting} lasting keys  '
            + '; '.join(self.problems)
        ).rstrip()


class Soak(Deployment):
    """A manifest whose images get a new version in each round.

    :param server: The emulator.
    :param folder: For its files.
    :param site: The board and its workers.
    :param images: How many images it has, at two targets each.
    """

    def __init__(
        self,
        server: EmulatorServer,
        folder: Path,
        site: BoardSite,
        images: int,
    ) -> None:
        super().__init__(server, folder)
        self._site = site
        self._images = images
        self._version = 0
        with self.connect('alice', region_name='eu-de') as conn:
            ObjectStore(conn).upload(
                folder / 'disk.qcow2', 'images', 'disk.qcow2'
            )

    def round(self, rate: float) -> Round:
        """Release a new version of each image, and retire old ones.

        :param rate: How many of all requests fail, from 0 to 1.
        """
        self._version += 1
        self._release()
        began = time.monotonic()
        codes: list[int] = []
        peak = 0.0
        faults = [
            f'{fault},rate={rate / 2},on={service}'
            for service in _SERVICES
            for fault in ('cut=after', 'status=503')
        ]
        self.server.requests.clear()
        with self.server.faults.active(*faults) as active:
            while len(codes) < _ATTEMPTS and codes[-1:] != [0]:
                code, memory = self._apply()
                codes.append(code)
                peak = max(peak, memory)
            injected = active.injected
        return Round(
            time.monotonic() - began,
            tuple(codes),
            injected,
            max(self._memories()),
            peak,
            self._site.told()['memory'] / MIB,
            self._lasting(),
            tuple(self._problems()),
        )

    def _release(self) -> None:
        text = _HEAD
        for number in range(self._images):
            targets, source = _SOURCES[number % len(_SOURCES)]
            text += (
                f'  app{number}:\n    targets: {targets}\n'
                f'    versions: {{"{self._version}": '
                f'{{source: {{{source}}}}}}}\n'
            )
        self.manifest.write_text(text)

    def _apply(self) -> tuple[int, float]:
        """Apply the manifest; return the exit code, and the most MiB."""
        with (self.folder / 'apply.log').open('ab') as log:
            process = subprocess.Popen(
                [
                    str(Path(sys.executable).with_name('openstack')),
                    *('ims', 'pipeline', 'apply', str(self.manifest)),
                    *('--board', self._site.redis.url),
                ],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_maxrss * 1024 / MIB

    def _memories(self) -> list[float]:
        import psutil

        return [
            psutil.Process(each.pid).memory_info().rss / MIB
            for each in self._site.workers.processes
        ]

    def _lasting(self) -> int:
        client: Any = self._site.board.client
        return sum(client.ttl(key) == -1 for key in client.scan_iter())

    def _problems(self) -> Iterator[str]:
        """Give what is not as it has to be after a round."""
        number = 2 * self._images
        made = self.made()
        for (region, name), count in made.items():
            if count != 1:
                yield f'{name} was made {count} times in {region}'
        new = [e for _, e in made if e.endswith(f'-{self._version}')]
        if len(new) != number:
            yield f'{number - len(new)} images were not made'
        there = sorted(
            (region, name)
            for region in ('eu-de', 'eu-nl')
            for name in self.images(region)
        )
        kept = range(max(1, self._version - _KEPT + 1), self._version + 1)
        wanted = sorted(
            (region, f'app{each}-{version}')
            for each in range(self._images)
            for region in ('eu-de', 'eu-nl')
            for version in kept
        )
        if there != wanted:
            lost = set(wanted) - set(there)
            left = set(there) - set(wanted)
            yield f'lost: {sorted(lost)}; left: {sorted(left)}'
        if self.temporary_files():
            yield f'left: {self.temporary_files()}'
        if any(e.poll() is not None for e in self._site.workers.processes):
            yield 'a worker has ended'


@contextlib.contextmanager
def soaking(images: int, workers: int) -> Iterator[Soak]:
    """Give a manifest, an emulator, a board and its workers.

    :param images: Images of the manifest.
    :param workers: Processes.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix='soak-'))
        )
        server = stack.enter_context(
            EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.3)
        )
        clouds = folder / 'clouds.yaml'
        site = stack.enter_context(
            board_site(
                folder / 'workers',
                {
                    'OS_CLIENT_CONFIG_FILE': str(clouds),
                    'TMPDIR': str(folder / 'tmp'),
                },
            )
        )
        made = Soak(server, folder, site, images)
        # Short pauses, as often as usual.
        told = yaml.safe_load(clouds.read_text())
        for each in told['clouds'].values():
            each['ims_connect_retry_delay'] = 0.05
            each['ims_status_code_retry_delay'] = 0.05
        clouds.write_text(yaml.safe_dump(told))
        site.start(workers)
        yield made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run rounds for as long as asked for, and tell how they went."""
    parser = argparse.ArgumentParser(
        prog='python -m tests.benchmark.soak', description=__doc__
    )
    parser.add_argument('--minutes', type=float, default=20.0)
    parser.add_argument('--workers', type=int, default=3)
    parser.add_argument('--images', type=int, default=8)
    parser.add_argument(
        '--rate',
        type=float,
        default=0.02,
        help="how many of all requests fail (default: 0.02)",
    )
    parsed = parser.parse_args(arguments)
    ends = time.monotonic() + 60 * parsed.minutes
    rounds: list[Round] = []
    with soaking(parsed.images, parsed.workers) as soak:
        while not rounds or time.monotonic() < ends:
            rounds.append(soak.round(parsed.rate))
            print(f'{len(rounds):4}  {rounds[-1]}', flush=True)
    quarter = max(1, len(rounds) // 4)
    for name in ('workers', 'apply', 'redis', 'seconds', 'lasting'):
        second, last = (
            (
                statistics.median(getattr(each, name) for each in some)
                for some in (rounds[quarter : 2 * quarter], rounds[-quarter:])
            )
            if len(rounds) > 1
            else (0.0, 0.0)
        )
        print(f'{name}: {second:.1f} in the second quarter, then {last:.1f}')
    bad = sum(bool(each.problems) for each in rounds)
    print(
        f'{len(rounds)} rounds, {sum(each.faults for each in rounds)} faults, '
        f'{sum(len(each.codes) for each in rounds)} applies, '
        f'{bad} rounds with problems'
    )
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
