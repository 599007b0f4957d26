# SPDX-License-Identifier: Apache-2.0
"""Other people's clients and test suites, each in an environment of its own.

They are put under ``IMS_EXT_CLIENTS``, or ``.nox/clients`` of the checkout,
and stay there. The operations that they were tried with are counted in the
file that ``IMS_EXT_CLIENTS_TABLE`` names, if it names one; run them in one
process then.
"""

from collections.abc import Iterator
import dataclasses
import os
from pathlib import Path
import shutil
import socket
import subprocess
import sys

import pytest

from ims_ext.emulator.server import EmulatorServer

from . import whole_glance
from .outcome import Outcomes
from .whole_glance import WholeGlance

CHECKOUT = Path(__file__).parents[2]
REGION = 'eu-emu-1'


@dataclasses.dataclass
class Cloud:
    """An emulator, as its users see it.

    :ivar url: The object store's URL, the bucket being in the path.
    :ivar named_url: Its URL with a name that a bucket can stand before.
    :ivar auth_url: The identity service's URL.
    :ivar access: The public half of an access key.
    :ivar secret: The secret half.
    """

    url: str
    named_url: str
    auth_url: str
    access: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that uses it."""
        return kept_environment() | {
            'BUCKET_ACCESS_KEY': self.access,
            'BUCKET_SECRET_KEY': self.secret,
            'BUCKET_REGION': REGION,
        }


def kept_environment() -> dict[str, str]:
    """Return the environment without what is meant for other clouds."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('OS_', 'AWS_', 'RCLONE_', 'PYTHON'))
    }
    return kept | {
        'NO_PROXY': 'localhost,127.0.0.1',
        'no_proxy': 'localhost,127.0.0.1',
    }


def cloud_of(server: EmulatorServer) -> Cloud:
    """Return an emulator as alice sees it."""
    user = server.clouds(access_keys=True)['clouds']['alice']
    port = server.bucket_url.rpartition(':')[2]
    return Cloud(
        server.bucket_url,
        f'http://obs.{REGION}.localhost:{port}',
        server.auth_url,
        user['ak'],
        user['sk'],
    )


@pytest.fixture(scope='session')
def cloud() -> Iterator[Cloud]:
    """An emulator for all clients."""
    with EmulatorServer(region=REGION) as server:
        yield cloud_of(server)


@pytest.fixture
def glance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeGlance]:
    """A whole Glance of the test's own: not all clients clean up."""
    with whole_glance.running(
        tmp_path_factory.mktemp('web'), REGION
    ) as glance:
        yield glance


@pytest.fixture
def names(cloud: Cloud) -> None:
    """See that the system finds names of buckets."""
    try:
        socket.getaddrinfo(f'bucket.obs.{REGION}.localhost', 80)
    except OSError:
        unavailable("names below localhost (libnss-myhostname)")


def unavailable(program: str) -> None:
    """Skip a test that lacks something, except in CI."""
    if os.environ.get('CI'):
        pytest.fail(f"CI needs {program}")
    pytest.skip(f"{program} cannot be had here")


def home() -> Path:
    """Return where the clients are kept."""
    return Path(
        os.environ.get('IMS_EXT_CLIENTS') or CHECKOUT / '.nox' / 'clients'
    )


def python_client(*packages: str) -> Path:
    """Return the folder of programs of an environment with packages."""
    programs = home() / packages[0] / 'bin'
    if not (programs / 'ready').exists():
        shutil.rmtree(programs.parent, ignore_errors=True)
        python = [sys.executable, '-m', 'venv', str(programs.parent)]
        install = [str(programs / 'pip'), 'install', '--quiet', *packages]
        for command in (python, install):
            if subprocess.run(command, check=False).returncode:
                unavailable(packages[0])
        (programs / 'ready').touch()
    return programs


def node_client(package: str) -> Path:
    """Return the folder of modules that has a package of Node's."""
    folder = home() / package
    if not (folder / 'ready').exists():
        if not shutil.which('npm'):
            unavailable('npm')
        folder.mkdir(parents=True, exist_ok=True)
        command = ['npm', 'install', '--silent', '--prefix', '.', package]
        if subprocess.run(command, cwd=folder, check=False).returncode:
            unavailable(package)
        (folder / 'ready').touch()
    return folder / 'node_modules'


def command(name: str) -> str:
    """Return the path of a command of the system's."""
    found = shutil.which(name)
    if found is None:
        unavailable(name)
    return str(found)


@pytest.fixture(scope='session')
def outcomes() -> Iterator[Outcomes]:
    """The outcomes of all operations, written at the end."""
    outcomes = Outcomes()
    yield outcomes
    path = os.environ.get('IMS_EXT_CLIENTS_TABLE')
    if path:
        Path(path).write_text(outcomes.table(), 'utf-8')
