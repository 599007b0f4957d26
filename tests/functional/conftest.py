# SPDX-License-Identifier: Apache-2.0
"""An emulator for all functional tests, and ways to talk to it."""

from collections.abc import Callable, Iterator
import dataclasses
from pathlib import Path
import subprocess
from typing import Any
import uuid

from openstack import config
from openstack import connection
import pytest
import yaml

from ims_ext.emulator.delays import Delays
from ims_ext.emulator.server import EmulatorServer

from . import s3_description
from .openstack_command import OpenStackCommand
from .openstack_command import Run
from .openstack_command import environment_for
from .own_cloud import Cloud
from .own_cloud import own_project
from .plain_http import Client
from .tenants import add_tenant
from .tenants import bucket

#: Enough for what all tests together make.
IMAGE_QUOTA = 1000
#: As the real clouds: all that is acknowledged comes later.
LATE = Delays(upload=0.04, delete=0.04, tags=0.04, share=0.04)


s3_description.keep()


@pytest.fixture(scope='session')
def emulator() -> Iterator[EmulatorServer]:
    """Give an emulator on free ports that all tests share."""
    with EmulatorServer(
        job_seconds=0.3, image_quota=IMAGE_QUOTA, delays=LATE
    ) as server:
        yield server


@pytest.fixture(scope='session')
def quick_emulator() -> Iterator[EmulatorServer]:
    """Give an emulator whose jobs end at once, for projects of tests' own.

    Nobody has a bucket there.
    """
    # Clients of others look at an image right after making it: not here.
    delays = dataclasses.replace(LATE, create=0.02)
    with EmulatorServer(job_seconds=0, delays=delays) as server:
        Client(server, 'alice').s3.delete_bucket(Bucket='images')
        yield server


@pytest.fixture(scope='session')
def slow_emulator() -> Iterator[EmulatorServer]:
    """Give an emulator whose jobs do not end, for projects of tests' own."""
    with EmulatorServer(job_seconds=3600) as server:
        yield server


@pytest.fixture
def cloud(quick_emulator: EmulatorServer) -> Iterator[Cloud]:
    """Give a project of the test's own; its jobs end at once."""
    with own_project(quick_emulator) as cloud:
        yield cloud


@pytest.fixture
def slow(slow_emulator: EmulatorServer) -> Iterator[Cloud]:
    """Give a project of the test's own; its jobs do not end."""
    with own_project(slow_emulator) as cloud:
        yield cloud


@pytest.fixture
def tenant(quick_emulator: EmulatorServer) -> Client:
    """Give a project of the test's own, as a client that speaks HTTP."""
    return Client(quick_emulator, add_tenant(quick_emulator))


@pytest.fixture
def neighbour(quick_emulator: EmulatorServer) -> Client:
    """Give another project of the test's own, beside ``tenant``."""
    return Client(quick_emulator, add_tenant(quick_emulator))


@pytest.fixture
def importer(tenant: Client) -> Iterator[Client]:
    """Give ``tenant`` with an empty bucket, ``images``."""
    with bucket(tenant):
        yield tenant


@pytest.fixture(scope='session')
def clouds_file(
    emulator: EmulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Give a clouds.yaml for the emulator: ``alice`` and ``bob``."""
    path = tmp_path_factory.mktemp('clouds') / 'clouds.yaml'
    path.write_text(yaml.safe_dump(emulator.clouds()), 'utf-8')
    return path


@pytest.fixture(scope='session')
def connect(clouds_file: Path) -> Callable[..., connection.Connection]:
    """Give a function that connects to a cloud of the emulator.

    ``connect('alice', region_name=…)`` takes what a clouds.yaml entry does.
    """

    def connect_to(cloud: str, **others: Any) -> connection.Connection:
        configuration = config.OpenStackConfig(
            config_files=[str(clouds_file)],
            secure_files=[],
            vendor_files=[],
            load_envvars=False,
        )
        return connection.Connection(
            config=configuration.get_one(cloud, **others)
        )

    return connect_to


@pytest.fixture(scope='session')
def alice(
    connect: Callable[..., connection.Connection],
) -> Iterator[connection.Connection]:
    """Give a connection of a user in project ``alpha``."""
    with connect('alice') as conn:
        yield conn


@pytest.fixture(scope='session')
def bob(
    connect: Callable[..., connection.Connection],
) -> Iterator[connection.Connection]:
    """Give a connection of a user in project ``beta``."""
    with connect('bob') as conn:
        yield conn


@pytest.fixture(scope='session')
def openstack() -> Iterator[OpenStackCommand]:
    """Give what runs ``openstack`` as a process of its own."""
    command = OpenStackCommand()
    yield command
    command.stop()


@pytest.fixture
def environment(clouds_file: Path) -> dict[str, str]:
    """Give the environment of a process that is to use the emulator."""
    return environment_for(clouds_file)


@pytest.fixture
def run(
    openstack: OpenStackCommand, environment: dict[str, str], tmp_path: Path
) -> Run:
    """Give a function that runs ``openstack`` as a process of its own.

    ``run('image', 'list', cloud='bob')`` returns the finished process, with
    its output as text. It runs in the test's temporary directory, and is
    ``alice`` unless told otherwise.
    """

    def run_openstack(
        *arguments: str, cloud: str = 'alice', **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return openstack.run(
            *arguments,
            environment={**environment, 'OS_CLOUD': cloud, **environ},
            directory=tmp_path,
        )

    return run_openstack


@pytest.fixture
def name() -> str:
    """Give a name that no other test's image or object has."""
    return f'golden-{uuid.uuid4().hex[:8]}'


@pytest.fixture
def image_id(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> str:
    """Give an active image of alice's, in qcow2 format, with that name."""
    job = alice.ims.create_image_from_file(disks['qcow2'], name, wait=True)
    return str(job.image_id)
