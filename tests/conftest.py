# SPDX-License-Identifier: Apache-2.0
"""Real disk images to test with, made by Debian's qemu-utils."""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import signal
import subprocess

import hypothesis
import pytest

from .programs import ISO
from .programs import demand
from .programs import outcome_of_a_missing_one

MakeDisk = Callable[..., Path]

# A change passes or fails for what it changes: generated input is the same in
# each run. ``--hypothesis-profile default`` makes other input.
hypothesis.settings.register_profile('same', derandomize=True, database=None)
hypothesis.settings.load_profile('same')

# Jobs in a shell's background ignore SIGINT, and so does what they start;
# some tests interrupt themselves, and commands that they have started.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Let a missing program decide on a test whose fixtures want it."""
    with outcome_of_a_missing_one():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Let a missing program decide on a test that wants it."""
    with outcome_of_a_missing_one():
        return (yield)


@pytest.fixture(scope='session', autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the user's own state folder out of the tests."""
    before = os.environ.get('XDG_STATE_HOME')
    path = tmp_path_factory.mktemp('state')
    os.environ['XDG_STATE_HOME'] = str(path)
    yield path
    if before is None:
        del os.environ['XDG_STATE_HOME']
    else:
        os.environ['XDG_STATE_HOME'] = before


@pytest.fixture(scope='session')
def make_disk(tmp_path_factory: pytest.TempPathFactory) -> MakeDisk:
    """Make an empty disk image with qemu-img."""

    def make(name: str, disk_format: str, size: str, *options: str) -> Path:
        path = tmp_path_factory.mktemp('disks') / name
        command = ['qemu-img', 'create', '-q', '-f', disk_format, *options]
        subprocess.run([*command, str(path), size], check=True)
        return path

    return make


@pytest.fixture(scope='session')
def disks(make_disk: MakeDisk) -> dict[str, Path]:
    """A disk image in each format, and a bootable ISO file."""
    demand(str(ISO))
    return {
        'qcow2': make_disk('disk.qcow2', 'qcow2', '1G'),
        'vmdk': make_disk('disk.vmdk', 'vmdk', '1G'),
        'vhd': make_disk('disk.vhd', 'vpc', '1G', '-o', 'force_size=on'),
        'raw': make_disk('disk.raw', 'raw', '64M'),
        'iso': ISO,
    }
