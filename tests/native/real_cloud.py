# SPDX-License-Identifier: Apache-2.0
"""A cloud that nobody here wrote: Keystone and Glance, on this machine.

Everything is on loopback and below one temporary directory: SQLite databases,
keys, configuration, logs, the images' data. Passwords are made up each time.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
import configparser
import contextlib
import dataclasses
import functools
import grp
import os
from pathlib import Path
import pwd
import secrets
import socket
import subprocess
import sys
import tempfile
from typing import Any

from openstack import connection
import requests

REGION = 'RegionOne'

#: Users, and the project that each is a member of.
USERS = {'alice': 'alpha', 'bob': 'beta'}

#: For how long a command or a start may take, in seconds.
_PATIENCE = 300
#: How much of a log is shown when a start fails, in characters.
_LOG_TAIL = 8000


class StartError(Exception):
    """A part of the cloud that does not start, with the end of its log."""


@dataclasses.dataclass(frozen=True)
class RealCloud:
    """A running Keystone and Glance.

    :ivar auth_url: The identity service's URL.
    :ivar image_url: The image service's URL, as in the catalog.
    :ivar password: Every user's password.
    """

    auth_url: str
    image_url: str
    password: str

    def authentication(self, user: str) -> dict[str, Any]:
        """Return what :class:`~openstack.connection.Connection` takes."""
        project = USERS.get(user, user)
        return _authentication(self.auth_url, user, project, self.password)


@contextlib.contextmanager
def running() -> Iterator[RealCloud]:
    """Run a cloud while the context lasts; nothing is left of it.

    :raises: :class:`StartError`
    """
    password = secrets.token_urlsafe(16)
    with contextlib.ExitStack() as stack:
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix='glance-'))
        )
        keystone, glance = (
            stack.enter_context(_listening_socket()) for _ in range(2)
        )
        cloud = RealCloud(_url(keystone) + '/v3', _url(glance), password)
        with ThreadPoolExecutor() as pool:
            for done in (
                pool.submit(_set_up_keystone, directory, cloud),
                pool.submit(_set_up_glance, directory, cloud),
            ):
                done.result()
        stack.enter_context(
            _serving(directory, 'keystone.wsgi.api', keystone, cloud.auth_url)
        )
        _fill(cloud)
        stack.enter_context(
            _serving(
                directory,
                'glance.wsgi.api',
                glance,
                cloud.image_url + '/versions',
            )
        )
        yield cloud


# ====== CONFIGURATION ======


def _set_up_keystone(directory: Path, cloud: RealCloud) -> None:
    keys = directory / 'keys'
    keys.mkdir(mode=0o700)
    file = _write_configuration(
        directory / 'keystone.conf',
        {
            'database': _database(directory / 'keystone.sqlite'),
            'fernet_tokens': {'key_repository': keys / 'fernet'},
            'credential': {'key_repository': keys / 'credential'},
            # The cheapest that bcrypt permits; it protects nothing here.
            'identity': {'password_hash_rounds': 4},
        },
    )
    manage = functools.partial(
        _run, directory, 'keystone-manage', '--config-file', str(file)
    )
    owner = _key_owner()
    manage('db_sync')
    manage('fernet_setup', *owner)
    manage('credential_setup', *owner)
    manage(
        'bootstrap',
        '--bootstrap-region-id',
        REGION,
        '--bootstrap-public-url',
        cloud.auth_url,
        OS_BOOTSTRAP_PASSWORD=cloud.password,
    )


def _key_owner() -> list[str]:
    """Return the options that root has to give: who may read the keys."""
    if os.geteuid() != 0:
        return []
    return [
        '--keystone-user',
        pwd.getpwuid(os.geteuid()).pw_name,
        '--keystone-group',
        grp.getgrgid(os.getegid()).gr_name,
    ]


def _set_up_glance(directory: Path, cloud: RealCloud) -> None:
    stores = {
        name: directory / name
        for name in (
            'data',
            'os_glance_staging_store',
            'os_glance_tasks_store',
        )
    }
    for store in stores.values():
        store.mkdir()
    file = _write_configuration(
        directory / 'glance-api.conf',
        {
            'DEFAULT': {
                'enabled_backends': 'data:file',
                'worker_self_reference_url': cloud.image_url,
            },
            'database': _database(directory / 'glance.sqlite'),
            'glance_store': {'default_backend': 'data'},
            **{
                name: {'filesystem_store_datadir': store}
                for name, store in stores.items()
            },
            'keystone_authtoken': {
                'auth_type': 'password',
                'www_authenticate_uri': cloud.auth_url,
                'interface': 'public',
                **_authentication(
                    cloud.auth_url, 'glance', 'service', cloud.password
                )['auth'],
            },
            'paste_deploy': {
                'flavor': 'keystone',
                'config_file': Path(sys.prefix)
                / 'etc/glance/glance-api-paste.ini',
            },
        },
    )
    _run(directory, 'glance-manage', '--config-file', str(file), 'db_sync')


def _database(file: Path) -> dict[str, Any]:
    return {
        'connection': f'sqlite:///{file}',
        # It need not outlive a crash of the machine.
        'sqlite_synchronous': False,
    }


def _write_configuration(
    file: Path, sections: Mapping[str, Mapping[str, Any]]
) -> Path:
    parser = configparser.RawConfigParser()
    parser.read_dict(sections)
    # It holds a password.
    with os.fdopen(
        os.open(file, os.O_WRONLY | os.O_CREAT, mode=0o600), 'w'
    ) as stream:
        parser.write(stream)
    return file


def _authentication(
    auth_url: str, user: str, project: str, password: str
) -> dict[str, Any]:
    return {
        'region_name': REGION,
        'auth': {
            'auth_url': auth_url,
            'username': user,
            'password': password,
            'project_name': project,
            'user_domain_id': 'default',
            'project_domain_id': 'default',
        },
    }


# ====== USERS, PROJECTS, CATALOG ======


def _fill(cloud: RealCloud) -> None:
    """Make users, their projects, and a catalog with an image service."""
    with connection.Connection(
        **_authentication(cloud.auth_url, 'admin', 'admin', cloud.password)
    ) as admin:
        identity = admin.identity
        for user, project, role in (
            *((user, project, 'member') for user, project in USERS.items()),
            ('glance', 'service', 'service'),
        ):
            identity.assign_project_role_to_user(
                identity.create_project(name=project, domain_id='default'),
                identity.create_user(
                    name=user, password=cloud.password, domain_id='default'
                ),
                identity.find_role(role, ignore_missing=False),
            )
        identity.create_endpoint(
            service_id=identity.create_service(type='image', name='glance').id,
            interface='public',
            url=cloud.image_url,
            region_id=REGION,
        )


# ====== PROCESSES ======


def _environment(directory: Path, **others: str) -> dict[str, str]:
    """Return an environment without the settings of another cloud."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }
    return {
        **kept,
        'OS_KEYSTONE_CONFIG_DIR': str(directory),
        'OS_GLANCE_CONFIG_DIR': str(directory),
        'NO_PROXY': '127.0.0.1',
        'no_proxy': '127.0.0.1',
        **others,
    }


def _run(
    directory: Path, command: str, *arguments: str, **environ: str
) -> None:
    """Run a command that is installed beside this Python."""
    finished = subprocess.run(
        [Path(sys.executable).with_name(command), *arguments],
        env=_environment(directory, **environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if finished.returncode:
        raise StartError(
            f"{command} fails with code {finished.returncode}:\n"
            + finished.stdout[-_LOG_TAIL:]
        )


def _listening_socket() -> socket.socket:
    # It listens before the server runs: what is asked meanwhile waits.
    return socket.create_server(('127.0.0.1', 0))


def _url(listening: socket.socket) -> str:
    return f'http://127.0.0.1:{listening.getsockname()[1]}'


@contextlib.contextmanager
def _serving(
    directory: Path, module: str, listening: socket.socket, url: str
) -> Iterator[None]:
    """Run a server, from its first answer on, until the context ends."""
    log = directory / f'{module}.log'
    with log.open('wb') as output:
        process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name('wsgi_server.py')),
                module,
                str(listening.fileno()),
            ],
            env=_environment(directory),
            pass_fds=[listening.fileno()],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    # Nobody answers any more when the server's own copy closes.
    listening.close()
    try:
        _await_answer(url, module, log)
        yield
    finally:
        _stop(process)


def _await_answer(url: str, module: str, log: Path) -> None:
    try:
        answer = requests.get(url, timeout=_PATIENCE)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise StartError(
            f"{module} does not start ({error}):\n"
            + log.read_text('utf-8', 'replace')[-_LOG_TAIL:]
        ) from error


def _stop(process: 'subprocess.Popen[bytes]') -> None:
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
