# SPDX-License-Identifier: Apache-2.0
"""A pipeline beside openstack-image-manager, with the latter's definitions."""

from collections.abc import Callable, Iterator
import contextlib
import json
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any

from .harness import CHECKOUT
from .harness import Bench
from .harness import Measurement
from .harness import MissingPeerError
from .harness import benchmark
from .harness import needs_command
from .table import Row
from .table import compared

_PEER = 'openstack-image-manager'
#: It has requirements of its own, so it gets an environment of its own.
_PINNED = f'{_PEER}==0.20261006.0'

#: Asks an environment where the definitions are that come with the program.
_DEFINITIONS = """
import pathlib, openstack_image_manager as found
print(pathlib.Path(found.__file__).parent / 'etc' / 'images')
"""


def _peer(folder: Path) -> Path:
    """Install the other program; return the folder with its commands.

    :raises: :class:`MissingPeerError`
    """
    python = folder / 'bin' / 'python'
    steps = (
        [sys.executable, '-m', 'venv', str(folder)],
        [str(python), '-m', 'pip', 'install', '--quiet', _PINNED],
    )
    for step in steps:
        if subprocess.run(step, stdout=subprocess.DEVNULL).returncode:
            raise MissingPeerError(f"{_PINNED} cannot be installed")
    return python.parent


class _Cloud:
    """An emulator with nothing in it, in a process of its own."""

    def __init__(self, folder: Path, process: 'subprocess.Popen[str]') -> None:
        self.folder = folder
        self._process = process

    def seen(self) -> dict[str, Any]:
        """Return the requests since this was asked for last, and images."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextlib.contextmanager
def _cloud(theirs: Path) -> Iterator[_Cloud]:
    with (
        tempfile.TemporaryDirectory(prefix='ims-benchmark-') as folder,
        subprocess.Popen(
            [
                *(sys.executable, '-m', f'{__package__}.manager_cloud'),
                *(folder, str(theirs)),
            ],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            json.loads(process.stdout.readline())
            yield _Cloud(Path(folder), process)
        finally:
            process.stdin.close()


def _ours(cloud: _Cloud) -> list[str]:
    """Make a manifest of the definitions; return what applies it."""
    manifest = cloud.folder / 'm.yaml'
    command = str(Path(sys.executable).with_name('openstack'))
    subprocess.run(
        [
            *(command, 'ims', 'pipeline', 'import'),
            *('--from-openstack-image-manager', 'definitions'),
            *('--cloud', 'admin', '-o', str(manifest)),
        ],
        check=True,
        cwd=cloud.folder,
        stderr=subprocess.DEVNULL,
    )
    return [command, 'ims', 'pipeline', 'apply', str(manifest)]


@benchmark
def pipeline_image_manager(bench: Bench) -> Iterator[Row]:
    """Make the images of openstack-image-manager's own definitions."""
    needs_command('qemu-img')
    commands = _peer(bench.directory / 'peer')
    theirs = subprocess.run(
        [str(commands / 'python'), '-c', _DEFINITIONS],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()

    def peer(cloud: _Cloud) -> list[str]:
        return [
            *(str(commands / _PEER), '--cloud', 'admin'),
            *('--images', f'{cloud.folder}/definitions/'),
        ]

    made: dict[str, set[str]] = {}

    def measure(
        name: str, prepare: Callable[[_Cloud], list[str]]
    ) -> Measurement:
        with _cloud(Path(theirs)) as cloud:
            command = prepare(cloud)
            cloud.seen()
            settings = {
                'OS_CLIENT_CONFIG_FILE': f'{cloud.folder}/clouds.yaml',
                'OS_CLOUD': 'admin',
                'XDG_STATE_HOME': f'{cloud.folder}/state',
            }
            run = bench.command(*command, **settings)
            first = run()
            after = cloud.seen()
            made[name] = {digest for _, digest in after['images']}
            again = run()
            return {
                'wall': first['wall'],
                'cpu': first['cpu'],
                'asked': after['asked'],
                'again': again['wall'],
                'asked again': cloud.seen()['asked'],
            }

    found = bench.alternate(
        {
            'ours': lambda: measure('ours', _ours),
            'theirs': lambda: measure('theirs', peer),
        },
        1,
    )
    assert made['ours'] == made['theirs'], made
    ours, others = found['ours'], found['theirs']
    count = len(made['ours'])
    for work, keys in (
        (f"make {count} images of definitions", ('wall', 'cpu', 'asked')),
        (f"{count} images as they are defined", ('again', 'asked again')),
    ):
        for key in keys:
            measure_name, unit = {
                'wall': ("wall time", 's'),
                'again': ("wall time", 's'),
                'cpu': ("CPU", 's'),
            }.get(key, ("requests", ''))
            yield compared(
                work,
                measure_name,
                unit,
                ours[key],
                _PEER,
                others[key],
                # Half of the second is the openstack command's start.
                at_most=None if key in ('cpu', 'again') else 1,
            )
