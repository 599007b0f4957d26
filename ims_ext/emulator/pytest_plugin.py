# SPDX-License-Identifier: Apache-2.0
"""Fixtures for the tests of programs that use the clouds' image service.

pytest finds them where the package is installed; nothing is imported before a
test asks for one::

    def test_the_newest_image_is_kept(ims_cloud):
        ims_cloud.conn.ims.create_image('golden', tags=['keep'])
        program.main()

A project overrides ``ims_options`` or ``ims_scenario`` in its conftest.py.
"""

from collections.abc import Callable, Iterator, Mapping
import contextlib
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from openstack.connection import Connection

    from ims_ext.emulator.clock import Clock
    from ims_ext.emulator.control.request_log import RequestLog
    from ims_ext.emulator.fault.sets import Faults
    from ims_ext.emulator.scenario import Given
    from ims_ext.emulator.server import EmulatorServer

#: The name under which a test's project is in its clouds.yaml.
_CLOUD = 'emulator'


class ImsCloud:
    """A user of an emulator, and how programs become one.

    :param server: The emulator.
    :param user: The user.
    :param folder: Where the user's clouds.yaml is written.
    :raises LookupError: There is no such user.

    :ivar server: The emulator: its addresses, jobs, counts and state.
    :ivar user: The user's name.
    :ivar clouds_yaml: A file that has the cloud ``emulator``.
    :ivar environment: Variables by which a program uses that cloud.
    """

    def __init__(
        self, server: 'EmulatorServer', user: str, folder: Path
    ) -> None:
        import yaml

        self.server = server
        self.user = user
        users = server.clouds(access_keys=True)['clouds']
        if user not in users:
            known = ', '.join(sorted(users))
            raise LookupError(f"There is no user {user!r}; there are {known}.")
        self.config: dict[str, Any] = users[user]
        self.clouds_yaml = folder / 'clouds.yaml'
        self.clouds_yaml.touch(mode=0o600)
        self.clouds_yaml.write_text(
            yaml.safe_dump({'clouds': {_CLOUD: self.config}}), 'utf-8'
        )
        self.environment = {
            'OS_CLIENT_CONFIG_FILE': str(self.clouds_yaml),
            'OS_CLOUD': _CLOUD,
        }
        self._connection: Connection | None = None

    @property
    def conn(self) -> 'Connection':
        """A connection of the user, made when it is first asked for."""
        if self._connection is None:
            import openstack

            import ims_ext

            config = {
                key: value
                for key, value in self.config.items()
                if key not in ('vendor_hook', 'regions')
            }
            self._connection = openstack.connection.Connection(**config)
            ims_ext.load(self._connection)
        return self._connection

    @property
    def project_id(self) -> str:
        """The ID of the user's project."""
        return self.server.project_id(self.user)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()


# ====== WHAT A PROJECT OVERRIDES ======


@pytest.fixture(scope='session')
def ims_options() -> Mapping[str, Any]:
    """Give the parameters of the emulator, as ``EmulatorServer`` has them.

    By default jobs end at once.
    """
    return {'job_seconds': 0}


@pytest.fixture(scope='session')
def ims_scenario() -> 'Given | None':
    """Give what there is from the start: a file, or its content."""
    return None


# ====== EMULATORS ======


@pytest.fixture(scope='session')
def ims_emulator(
    ims_options: Mapping[str, Any], ims_scenario: 'Given | None'
) -> Iterator['EmulatorServer']:
    """Give an emulator that all tests of the session share."""
    with _server(ims_options, ims_scenario) as server:
        yield server


@pytest.fixture
def ims_own_emulator(
    ims_options: Mapping[str, Any], ims_scenario: 'Given | None'
) -> Iterator['EmulatorServer']:
    """Give an emulator of the test's own: it may do anything to it."""
    with _server(ims_options, ims_scenario) as server:
        yield server


def _server(
    options: Mapping[str, Any], scenario: 'Given | None'
) -> 'EmulatorServer':
    from ims_ext import exceptions
    from ims_ext import extras

    try:
        from ims_ext.emulator.server import EmulatorServer
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        missing = exceptions.MissingExtraError('emulator', "The emulator")
        raise pytest.UsageError(str(missing)) from error
    if scenario is not None:
        options = {'scenario': scenario, **options}
    return EmulatorServer(**options)


# ====== CLOUDS ======


@pytest.fixture
def ims_login(
    ims_emulator: 'EmulatorServer',
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], ImsCloud]]:
    """Give what leads to a user of the session's emulator, by name.

    Whatever the test starts then, and openstacksdk in it, finds the user's
    cloud by the environment.
    """
    with contextlib.ExitStack() as stack:

        def login(user: str) -> ImsCloud:
            cloud = ImsCloud(
                ims_emulator, user, tmp_path_factory.mktemp('ims-cloud')
            )
            stack.callback(cloud.close)
            _lead_to(cloud, monkeypatch)
            return cloud

        yield login


@pytest.fixture
def ims_cloud(
    ims_emulator: 'EmulatorServer', ims_login: Callable[[str], ImsCloud]
) -> ImsCloud:
    """Give a fresh project in the session's emulator, and lead there."""
    return ims_login(_new_user(ims_emulator))


@pytest.fixture
def ims_own_cloud(
    ims_own_emulator: 'EmulatorServer',
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ImsCloud]:
    """Give a project in an emulator of the test's own, and lead there."""
    cloud = ImsCloud(
        ims_own_emulator,
        _new_user(ims_own_emulator),
        tmp_path_factory.mktemp('ims-cloud'),
    )
    _lead_to(cloud, monkeypatch)
    with contextlib.closing(cloud):
        yield cloud


def _lead_to(cloud: ImsCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith('OS_'):
            monkeypatch.delenv(name)
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)


def _new_user(server: 'EmulatorServer') -> str:
    """Add a user with a project that nobody else has; return the name."""
    from ims_ext.emulator.seed import Account

    number = _free_number(server)
    account = Account(f'user-{number}', f'secret-{number}', f'test-{number}')
    server.add_user(account)
    return account.name


def _free_number(server: 'EmulatorServer') -> int:
    """Return a number that no user of an emulator is named after."""
    taken = server.clouds()['clouds']
    return next(
        number
        for number in itertools.count(1)
        if f'user-{number}' not in taken
    )


# ====== WHAT A TEST STEERS ======


@pytest.fixture
def ims_faults(ims_emulator: 'EmulatorServer') -> Iterator['Faults']:
    """Give what goes wrong in the session's emulator; undone at the end."""
    before = [each.fault.text for each in ims_emulator.faults.current]
    seed = ims_emulator.faults.current.seed
    yield ims_emulator.faults
    ims_emulator.faults.set(before, seed)


@pytest.fixture
def ims_clock(ims_emulator: 'EmulatorServer') -> Iterator['Clock']:
    """Give the time of the session's emulator; undone at the end."""
    before = ims_emulator.clock.advanced
    yield ims_emulator.clock
    ims_emulator.clock.set_advanced(before)


@pytest.fixture
def ims_log(ims_emulator: 'EmulatorServer') -> 'RequestLog':
    """Give the requests to the session's emulator since the test began."""
    ims_emulator.requests.clear()
    return ims_emulator.requests
