# SPDX-License-Identifier: Apache-2.0
"""Two clouds to run every test on: a real Glance, and the emulator.

Glance and Keystone are no dependencies of this package, and bring a hundred
of their own; without them, the tests here are left out. The nox session
``native`` has them, and sets IMS_EXT_NATIVE: there, it is an error that they
are missing.
"""

from collections.abc import Iterator
import contextlib
from importlib import util
import os
from typing import Any
import uuid

from openstack import connection
from openstack.image.v2.image import Image
import pytest

import ims_ext
from ims_ext.emulator.server import EmulatorServer

from . import real_cloud
from .clouds import Cloud
from .clouds import MakeImage
from .clouds import WholeGlance
from .clouds import create
from .clouds import delete
from .real_cloud import RealCloud

if not (util.find_spec('glance') and util.find_spec('keystone')):
    if os.environ.get('IMS_EXT_NATIVE'):
        raise pytest.UsageError("Glance or Keystone is not installed")
    collect_ignore_glob = ['test_*.py']

#: What Connection takes of an emulator's clouds.yaml.
_SETTINGS = ('auth', 'region_name')


@pytest.fixture(scope='session')
def real() -> Iterator[RealCloud]:
    """Give the real cloud."""
    with real_cloud.running() as real:
        yield real


@pytest.fixture(scope='session', params=['real', 'emulator'])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Give the cloud that a test runs on; each test runs on both."""
    is_emulator = request.param == 'emulator'
    with contextlib.ExitStack() as stack:
        if is_emulator:
            server = stack.enter_context(EmulatorServer(job_seconds=0.1))
            settings = _of_emulator(server, *real_cloud.USERS)
        else:
            real = request.getfixturevalue('real')
            settings = {
                user: real.authentication(user) for user in real_cloud.USERS
            }
        connections = {
            user: stack.enter_context(_connect(each))
            for user, each in settings.items()
        }
        yield Cloud(is_emulator, **connections)


@pytest.fixture(scope='session', params=['real', 'emulator'])
def glance(request: pytest.FixtureRequest) -> Iterator[WholeGlance]:
    """Give a whole Glance; each test runs on both."""
    is_emulator = request.param == 'emulator'
    users = (*real_cloud.USERS, 'admin')
    with contextlib.ExitStack() as stack:
        if is_emulator:
            server = stack.enter_context(EmulatorServer(glance='full'))
            settings = _of_emulator(server, *users)
        else:
            real = request.getfixturevalue('real')
            settings = {user: real.authentication(user) for user in users}
        connections = {
            user: stack.enter_context(connection.Connection(**each))
            for user, each in settings.items()
        }
        yield WholeGlance(is_emulator, **connections)


def _of_emulator(
    server: EmulatorServer, *users: str
) -> dict[str, dict[str, Any]]:
    clouds = server.clouds()['clouds']
    return {
        user: {name: clouds[user][name] for name in _SETTINGS}
        for user in users
    }


def _connect(settings: dict[str, Any]) -> connection.Connection:
    conn = connection.Connection(**settings)
    ims_ext.load(conn)
    return conn


@pytest.fixture
def alice(cloud: Cloud) -> connection.Connection:
    """Give a connection of a member of project ``alpha``."""
    return cloud.alice


@pytest.fixture
def bob(cloud: Cloud) -> connection.Connection:
    """Give a connection of a member of project ``beta``."""
    return cloud.bob


@pytest.fixture
def make_image(alice: connection.Connection) -> Iterator[MakeImage]:
    """Give a function that makes images of alice's, gone after the test.

    It takes what :func:`.clouds.create` does.
    """
    made: list[Image] = []

    def make(name: str | None = None, **attributes: Any) -> Image:
        image = create(alice, name or f'image {uuid.uuid4()}', **attributes)
        made.append(image)
        return image

    yield make
    for image in made:
        delete(alice, image)


@pytest.fixture
def image(make_image: MakeImage) -> Image:
    """Give an image of alice's without data."""
    return make_image()


@pytest.fixture
def unknown_id() -> str:
    """Give an ID that no image has."""
    return str(uuid.uuid4())
