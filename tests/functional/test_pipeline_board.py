# SPDX-License-Identifier: Apache-2.0
"""Pipelines on many machines: workers at a board, whatever befalls them."""

from collections.abc import Iterator
import contextlib
import itertools
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import ObjectStore

from .boards import Redis
from .boards import Workers
from .boards import redis
from .boards import wait_until
from .pipelines import Deployment

#: Images of the great manifest, at two targets each, and seconds between two
#: blows to its workers.
IMAGES = int(os.environ.get('IMS_EXT_TEST_ITEMS', '16')) // 2
BLOWS = float(os.environ.get('IMS_EXT_TEST_BLOWS', '2.5'))
#: Seconds until workers' tasks are others'.
EXPIRY = 3.0

HEAD = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: NAME
accept:
  beta: {cloud: bob}
targets:
  de: {cloud: alice, region: eu-de, bucket: images, limits: LIMITS}
  nl: {cloud: alice, region: eu-nl, copy_from: de, agency: ims_copy_image, \
limits: LIMITS}
  up: {cloud: alice, region: eu-nl, limits: LIMITS}
defaults:
  os_version: Ubuntu 18.04 server 64bit
  retention: {keep: 1, never: [in_use]}
images:
"""
LIMITS = '{requests_per_second: 1000, imports: 20}'
COMMAND = str(Path(sys.executable).with_name('openstack'))


class Yard(Deployment):
    """A manifest that is applied from some machines, by workers of others.

    :ivar redis: The board's Redis.
    :ivar workers: The workers.
    """

    def __init__(
        self, server: EmulatorServer, folder: Path, board: Redis
    ) -> None:
        super().__init__(server, folder)
        self.redis = board
        self.workers = Workers(board, self.environment, folder)
        self.name = 'platform'

    def declare(
        self,
        images: dict[str, str],
        *,
        name: str = 'platform',
        targets: str = '[de, nl]',
        limits: str = LIMITS,
        version: str = '1',
    ) -> Path:
        """Write a manifest of some images, each with its source."""
        text = HEAD.replace('NAME', name).replace('LIMITS', limits)
        for image, source in images.items():
            text += (
                f'  {image}:\n    targets: {targets}\n'
                f'    versions: {{"{version}": {{source: {{{source}}}}}}}\n'
            )
        path = self.folder / f'{name}.yaml'
        path.write_text(text)
        return path

    def start(
        self, *words: str, home: str = 'state'
    ) -> 'subprocess.Popen[str]':
        """Begin to run ``openstack ims pipeline`` with the board."""
        return subprocess.Popen(
            [COMMAND, 'ims', 'pipeline', *words, '--board', self.redis.url],
            env={
                **os.environ,
                **self.environment,
                'XDG_STATE_HOME': str(self.folder / home),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *words: str, home: str = 'state'
    ) -> 'subprocess.CompletedProcess[str]':
        """Run it to its end."""
        return ended(self.start(*words, home=home))

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """Return the rows of a table."""
        done = self.run(*words, '-f', 'json')
        assert done.returncode == 0, done
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def changes(self) -> int:
        """Return how many requests have changed something."""
        return sum(
            each.method not in ('GET', 'HEAD')
            and each.service in ('image', 'compute', 'bucket')
            for each in self.server.requests
        )


def ended(
    process: 'subprocess.Popen[str]', patience: float = 240
) -> 'subprocess.CompletedProcess[str]':
    """Wait for a command's end."""
    try:
        said, complained = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        said, complained = process.communicate()
        raise AssertionError(f'no end: {said}{complained}') from None
    return subprocess.CompletedProcess(
        process.args, process.returncode, said, complained
    )


@pytest.fixture(scope='module')
def board() -> Iterator[Redis]:
    """Give a Redis."""
    with redis() as made:
        yield made


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    """Give an emulator with two regions."""
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.3) as made:
        yield made


_numbers = itertools.count()


@pytest.fixture
def yard(
    server: EmulatorServer, tmp_path: Path, board: Redis
) -> Iterator[Yard]:
    """Give a manifest's folder, with a board of its own in Redis."""
    own = Redis.__new__(Redis)
    vars(own).update(vars(board))
    own.url = f'{board.url}?prefix=test-{next(_numbers)}'
    made = Yard(server, tmp_path, own)
    try:
        yield made
    finally:
        made.workers.close()


SOURCES = {
    'app0': 'file: disk.qcow2',
    'app1': 'object: "images:disk.qcow2"',
    'app2': 'file: disk.qcow2',
}


def put_object(yard: Yard) -> None:
    """Put a disk image into the bucket."""
    with yard.connect('alice', region_name='eu-de') as conn:
        ObjectStore(conn).upload(
            yard.folder / 'disk.qcow2', 'images', 'disk.qcow2'
        )


def test_workers_make_what_is_declared_and_nothing_twice(yard: Yard) -> None:
    put_object(yard)
    manifest = str(yard.declare(SOURCES))
    yard.workers.start()
    yard.workers.start()

    done = yard.run('apply', manifest)

    assert done.returncode == 0, (done, yard.workers.said())
    assert set(yard.made().values()) == {1}
    assert len(yard.made()) == 6
    assert yard.clear_bucket() == []
    # From another machine there is nothing to do.
    changes = yard.changes()
    again = yard.run('apply', manifest, home='elsewhere')
    assert again.returncode == 0, again
    assert yard.changes() == changes
    # Nobody keeps files.
    assert yard.temporary_files() == []

    # Whoever asks sees what was done, and by whom.
    workers = yard.rows('workers')
    assert len(workers) == 2
    assert all(each['State'] == 'working' for each in workers)
    items = yard.rows('item', 'list')
    assert {each['State'] for each in items} == {'done'}
    assert {each['Worker'] for each in items} <= {
        each['Worker'] for each in workers
    }
    which = done.stdout.split()[1].rstrip(':')
    run = yard.run('show', which, '-f', 'json')
    shown = json.loads(run.stdout)
    made = [each for each in shown if each['Action'] == 'make']
    assert len(made) == 6
    assert {each['State'] for each in made} == {'done'}
    page = yard.folder / 'page.html'
    report = yard.run('report', which, '--html', str(page), home='third')
    assert report.returncode == 0, report
    assert 'app1' in page.read_text()


def test_a_source_is_fetched_once_for_all_workers(yard: Yard) -> None:
    put_object(yard)
    manifest = str(
        yard.declare(
            {
                f'app{number}': 'object: "images:disk.qcow2", target: de'
                for number in range(4)
            },
            targets='[de, up]',
        )
    )
    text = Path(manifest).read_text()
    Path(manifest).write_text(
        text.replace('defaults:', 'defaults:\n  convert: {format: vmdk}')
    )
    yard.workers.start('--threads', '4')
    yard.workers.start('--threads', '4')
    yard.server.requests.clear()

    done = yard.run('apply', manifest)

    assert done.returncode == 0, (done, yard.workers.said())
    assert set(yard.made().values()) == {1}
    assert len(yard.made()) == 8
    reads = [
        each
        for each in yard.server.requests
        if each.method == 'GET'
        and each.service == 'bucket'
        and each.path.endswith('/disk.qcow2')
    ]
    assert len(reads) == 1, reads
    assert yard.clear_bucket() == []


def test_killed_and_frozen_workers_are_taken_over_from(
    yard: Yard, server: EmulatorServer
) -> None:
    manifest = str(
        yard.declare(
            {f'app{each}': 'file: disk.qcow2' for each in range(IMAGES)},
            limits='{requests_per_second: 1000, imports: 3}',
        )
    )
    options = ('--expiry', str(EXPIRY), '--threads', '3')
    living = [yard.workers.start(*options) for _ in range(3)]
    wait_until(lambda: len(yard.redis.board().workers()) == 3)
    process = yard.start('apply', manifest)
    over = threading.Event()

    def strike() -> None:
        while not over.wait(BLOWS):
            victim, frozen = living.pop(0), living[0]
            victim.kill()
            frozen.send_signal(signal.SIGSTOP)
            living.append(yard.workers.start(*options))
            over.wait(3 * EXPIRY)
            frozen.send_signal(signal.SIGCONT)

    striker = threading.Thread(target=strike)
    striker.start()
    try:
        done = ended(process, 600)
    finally:
        over.set()
        striker.join()

    assert done.returncode == 0, (done, yard.workers.said())
    assert set(yard.made().values()) == {1}, yard.made()
    assert len(yard.made()) == 2 * IMAGES
    assert yard.clear_bucket() == []


def test_work_that_lasts_longer_than_a_claim_is_one_workers(
    yard: Yard, server: EmulatorServer
) -> None:
    manifest = str(yard.declare({'app0': 'file: disk.qcow2'}, targets='[up]'))
    for _ in range(2):
        yard.workers.start('--expiry', '2', '--threads', '1')
    server.faults.set(['slow=7,on=image,path=/v2/images/*/file'])

    done = yard.run('apply', manifest)

    server.faults.set([])
    assert done.returncode == 0, (done, yard.workers.said())
    assert yard.made() == {('eu-nl', 'app0-1'): 1}
    sent = [
        each
        for each in server.requests
        if each.method == 'PUT' and each.path.endswith('/file')
    ]
    assert len(sent) == 1


def test_two_operators_apply_one_manifest(yard: Yard) -> None:
    manifest = str(yard.declare(SOURCES | {'app1': 'file: disk.qcow2'}))
    yard.workers.start()
    yard.workers.start()

    both = [
        yard.start('apply', manifest, home=home) for home in ('one', 'two')
    ]

    for each in [ended(process) for process in both]:
        assert each.returncode == 0, (each, yard.workers.said())
    assert set(yard.made().values()) == {1}
    assert len(yard.made()) == 6
    assert yard.clear_bucket() == []


def test_two_manifests_share_what_a_target_has(
    yard: Yard, server: EmulatorServer
) -> None:
    limits = '{requests_per_second: 1000, imports: 2}'
    manifests = [
        str(
            yard.declare(
                {f'app-{name}{each}': 'file: disk.qcow2' for each in range(3)},
                name=name,
                targets='[de]',
                limits=limits,
            )
        )
        for name in ('one', 'two')
    ]
    yard.workers.start()
    yard.workers.start()
    server.jobs.hold('imsImportImageJob')

    both = [
        yard.start('apply', each, home=f'home-{number}')
        for number, each in enumerate(manifests)
    ]

    def held() -> int:
        jobs = server.jobs.select('imsImportImageJob')
        return sum(each.is_held for each in jobs)

    wait_until(lambda: held() == 2)
    # There is time for more, and no room.
    server.requests.clear()
    wait_until(lambda: len(list(server.requests)) > 12)
    assert held() == 2

    # What waits for room is nobody's.
    def states() -> list[str]:
        return sorted(e['state'] for e in yard.redis.board().items.all())

    wait_until(lambda: states() == ['posted'] * 4 + ['waiting'] * 2)
    server.jobs.release()
    for each in [ended(process) for process in both]:
        assert each.returncode == 0, (each, yard.workers.said())
    assert set(yard.made().values()) == {1}
    assert len(yard.made()) == 6


def test_an_apply_that_is_stopped_is_gone_on_with_from_elsewhere(
    yard: Yard, server: EmulatorServer
) -> None:
    manifest = str(yard.declare(SOURCES | {'app1': 'file: disk.qcow2'}))
    yard.workers.start()
    server.jobs.hold('imsImportImageJob')
    first = yard.start('apply', manifest)
    wait_until(lambda: server.jobs.select('imsImportImageJob'))
    first.send_signal(signal.SIGINT)

    done = ended(first)

    assert done.returncode == 5, done
    assert 'run it again' in done.stdout
    second = yard.start('apply', manifest, home='elsewhere')
    server.jobs.release()
    last = ended(second)
    assert last.returncode == 0, (last, yard.workers.said())
    assert set(yard.made().values()) == {1}
    assert len(yard.made()) == 6


def test_items_that_fail_stay_to_be_seen(
    yard: Yard, server: EmulatorServer
) -> None:
    (yard.folder / 'bad.qcow2').write_bytes(b'QFI\xfb' + bytes(4096))
    manifest = str(
        yard.declare(
            {'app0': 'file: disk.qcow2', 'app1': 'file: bad.qcow2'},
            targets='[de]',
        )
    )
    yard.workers.start()
    server.jobs.hold('imsImportImageJob')
    process = yard.start('apply', manifest)
    # It is tried as often as the manifest says.
    for count in (1, 2):
        wait_until(
            lambda count=count: (
                len(server.jobs.select('imsImportImageJob')) == count
            )
        )
        server.jobs.fail('imsImportImageJob', 'IMG.0120')
    done = ended(process)
    server.jobs.release()

    assert done.returncode == 3, done
    items = yard.rows('item', 'list', '--state', 'failed')
    assert [each['Image'] for each in items] == ['app0']
    assert items[0]['Code'] == 'IMG.0120'
    assert 'app1@1' in done.stderr
    again = yard.run('apply', manifest)
    assert again.returncode == 3
    assert 'app0-1' in yard.images('eu-de')


def test_workers_drain(yard: Yard, server: EmulatorServer) -> None:
    manifest = str(yard.declare({'app0': 'file: disk.qcow2'}, targets='[up]'))
    server.faults.set(['slow=3,on=image,path=/v2/images/*/file'])
    worker = yard.workers.start('--threads', '1')
    process = yard.start('apply', manifest)
    wait_until(lambda: any('/v2/images' in e.path for e in server.requests))
    worker.terminate()

    assert worker.wait(60) == 0, yard.workers.said()

    assert 'Draining' in yard.workers.said()
    assert yard.redis.board().workers() == []
    yard.workers.start()
    done = ended(process)
    assert done.returncode == 0, (done, yard.workers.said())
    assert yard.made() == {('eu-nl', 'app0-1'): 1}


@pytest.mark.parametrize('is_forgetful', [False, True])
def test_redis_that_is_gone_for_a_while(
    server: EmulatorServer, tmp_path: Path, is_forgetful: bool
) -> None:
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(redis())
        yard = Yard(server, tmp_path, own)
        stack.callback(yard.workers.close)
        manifest = str(
            yard.declare(
                {f'app{each}': 'file: disk.qcow2' for each in range(4)}
            )
        )
        server.jobs.hold('imsImportImageJob')
        for _ in range(2):
            yard.workers.start('--expiry', str(EXPIRY))
        process = yard.start('apply', manifest)
        wait_until(lambda: server.jobs.select('imsImportImageJob'))
        own.stop()
        server.jobs.release()
        time.sleep(2 * EXPIRY)
        if is_forgetful:
            own.forget()
        own.start()

        done = ended(process)

        assert done.returncode == 0, (done, yard.workers.said())
        assert set(yard.made().values()) == {1}, yard.made()
        assert len(yard.made()) == 8


def test_redis_that_stays_away_ends_all_resumably(
    server: EmulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('IMS_EXT_BOARD_PATIENCE', '6')
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(redis())
        yard = Yard(server, tmp_path, own)
        stack.callback(yard.workers.close)
        manifest = str(
            yard.declare(
                {f'app{each}': 'file: disk.qcow2' for each in range(3)}
            )
        )
        server.jobs.hold('imsImportImageJob')
        worker = yard.workers.start()
        process = yard.start('apply', manifest)
        wait_until(lambda: server.jobs.select('imsImportImageJob'))
        own.stop()

        assert worker.wait(60) == 5, yard.workers.said()
        done = ended(process, 60)

        assert done.returncode == 5, done
        assert 'does not answer' in done.stderr
        assert 'Traceback' not in done.stderr + yard.workers.said()
        server.jobs.release()
        own.start()
        yard.workers.start()
        again = yard.run('apply', manifest)
        assert again.returncode == 0, (again, yard.workers.said())
        assert set(yard.made().values()) == {1}, yard.made()
        assert len(yard.made()) == 6
