# SPDX-License-Identifier: Apache-2.0
"""An identity service that takes connections, and never says a word."""

from collections.abc import Callable, Iterator
from pathlib import Path
import socket
import subprocess
from types import SimpleNamespace
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
import pytest
import yaml

import ims_ext
from ims_ext.cli import login
from ims_ext.transport import retry
from ims_ext.transport import silence

from .openstack_command import PATIENCE
from .openstack_command import environment_for
from .openstack_command import script

ID = 'ad091b52-742f-469e-8f3c-fd81cadf0743'
JOB = 'ff8080814dbd65d7014dbe0d84db0013'


@pytest.fixture
def entry() -> Iterator[dict[str, Any]]:
    """Give the entry of a cloud whose identity service says nothing."""
    with socket.create_server(('127.0.0.1', 0), backlog=50) as listening:
        port = listening.getsockname()[1]
        yield {
            'auth': {
                'auth_url': f'http://127.0.0.1:{port}/v3',
                'username': 'alice',
                'password': 'secret',
                'project_name': 'alpha',
                'user_domain_id': 'default',
                'project_domain_id': 'default',
            },
            'region_name': 'eu-de',
        }


@pytest.mark.parametrize(
    'ask',
    [
        lambda ims: list(ims.cloud_images()),
        lambda ims: list(ims.images()),
        lambda ims: ims.create_image_metadata('golden'),
        lambda ims: ims.create_image('golden', data=b''),
        lambda ims: ims.find_image('golden'),
        lambda ims: ims.get_image('golden'),
        lambda ims: ims.update_image('golden', min_disk=10),
        lambda ims: ims.delete_image('golden'),
        lambda ims: ims.add_tag('golden', 'web'),
        lambda ims: list(ims.members('golden')),
        lambda ims: ims.get_job(JOB),
        lambda ims: ims.root_url(),
        lambda ims: ims.find_cloud_image(ID),
        lambda ims: ims.get_cloud_image(ID),
        lambda ims: ims.update_cloud_image(ID, min_ram=1024),
        lambda ims: ims.update_image_v20(ID, min_ram=1024),
        lambda ims: ims.get_job_progress(JOB),
        lambda ims: ims.wait_for_job(JOB),
        lambda ims: ims.copy_image(ID, 'copy'),
        lambda ims: ims.export_image(ID, 'images:golden.qcow2'),
        lambda ims: ims.create_image_from_object('images:a', 'b', min_disk=40),
        lambda ims: ims.create_image_from_server(ID, 'golden'),
        lambda ims: ims.add_image_members([ID], [JOB]),
        lambda ims: ims.get_image_member(ID, JOB),
        lambda ims: ims.update_member(JOB, ID, status='accepted'),
        lambda ims: ims.add_member(ID, member_id=JOB),
        lambda ims: list(ims.image_tags(ID)),
        lambda ims: ims.add_image_tag(ID, 'team', 'web'),
        lambda ims: list(ims.images_by_tags(tags={'team': 'web'})),
        lambda ims: list(ims.image_quotas()),
        lambda ims: list(ims.os_versions()),
        lambda ims: list(ims.api_versions()),
        lambda ims: ims.get_image_schema(),
        lambda ims: list(ims.metadef_namespaces()),
    ],
)
def test_a_program_is_told_in_the_end(
    ask: Callable[[Any], Any],
    entry: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(silence, 'LIMIT', 0.2)
    conn = ims_ext.connect(load_yaml_config=False, load_envvars=False, **entry)
    conn.ims.retry_policy = retry.Policy(patience=1)
    # Of those that are asked again, and those that are not.
    with pytest.raises(ksa_exceptions.ConnectionError, match='timed out'):
        ask(conn.ims)


@pytest.mark.parametrize('is_in_the_file', [True, False])
def test_who_waits_at_a_terminal_is_told_and_not_for_ever(
    is_in_the_file: bool, entry: dict[str, Any], tmp_path: Path
) -> None:
    clouds = tmp_path / 'clouds.yaml'
    variables = {}
    if not is_in_the_file:
        variables['OS_PASSWORD'] = entry['auth'].pop('password')
    clouds.write_text(
        yaml.safe_dump({'clouds': {'alice': {**entry, 'api_timeout': 2}}})
    )
    done = subprocess.run(
        [script('openstack'), 'ims', 'image', 'list'],
        env={**environment_for(clouds), **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1].endswith('timed out')
    assert (
        'Waiting for the identity service, which has not answered for 3 '
        'seconds; 4 at most; Ctrl-C ends it'
    ) in lines


class App:
    """As much of the openstack command as a login needs."""

    def __init__(self, api_timeout: float | None, **auth: str) -> None:
        self._config = {'api_timeout': api_timeout, 'auth': auth}
        self.options = SimpleNamespace(cloud='alice')
        self.cloud_config = self
        self.client_manager = SimpleNamespace()

    def get_one(self, **_: Any) -> SimpleNamespace:
        """Return the configuration of the cloud."""
        return SimpleNamespace(config=self._config)

    def log_in(self) -> ksa_session.Session:
        """Make the session, as ``openstack`` does."""
        given = getattr(self.options, 'api_timeout', None)
        timeout = given or self._config['api_timeout']
        session = ksa_session.Session(timeout=timeout)
        self.client_manager.session = session
        return session


def test_a_login_is_limited_and_what_follows_has_limits_of_its_own() -> None:
    app = App(None, password='secret')
    begun = login.Login(app)
    begun.begin()
    session = app.log_in()
    assert session.timeout == silence.LIMIT
    assert [each.what for each in silence.now()] == ['the identity service']
    begun.end()
    assert session.timeout is None
    assert app.options.api_timeout is None
    assert not silence.now()


def test_whoever_types_a_password_is_not_waited_for() -> None:
    app = App(None, username='alice')
    begun = login.Login(app)
    begun.begin()
    assert app.log_in().timeout == silence.LIMIT
    assert not silence.now()
    begun.end()


def test_a_limit_of_the_user_stays() -> None:
    app = App(7, password='secret')
    begun = login.Login(app)
    begun.begin()
    session = app.log_in()
    begun.end()
    assert session.timeout == 7
