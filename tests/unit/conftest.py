# SPDX-License-Identifier: Apache-2.0
"""A connection whose cloud is made of prepared answers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keystoneauth1 import fixture
from openstack import connection
import pytest
import requests_mock

from ims_ext import proxy
from ims_ext.extension import job_effect
from ims_ext.transport import retry

from .. import prepared_cloud
from ..prepared_cloud import AUTH_URL
from ..prepared_cloud import IMS_URL

if TYPE_CHECKING:
    from .upstream import Upstream

PROJECT_ID = '0b1e494e2660441a957313163095fe5c'


@pytest.fixture(autouse=True)
def _asking_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults are prepared answers here: nothing gets better by waiting."""
    policy = retry.Policy(first_pause=0.0, longest_pause=0.0, job_patience=5.0)
    monkeypatch.setattr(proxy.Proxy, 'retry_policy', policy)
    # Effects are there at once, or never.
    monkeypatch.setattr(job_effect, 'PATIENCE', 0.2)


@pytest.fixture
def answers() -> Iterator[requests_mock.Mocker]:
    """What the cloud answers; anything not prepared fails the test."""
    with requests_mock.Mocker() as mocker:
        yield mocker


@pytest.fixture
def connect(
    answers: requests_mock.Mocker,
) -> Callable[..., connection.Connection]:
    """Make connections to clouds with a given catalog and configuration."""

    def make(
        catalog: dict[str, str] | None = None, **settings: Any
    ) -> connection.Connection:
        token = fixture.V3Token(project_id=PROJECT_ID)
        services = {'image': IMS_URL} if catalog is None else catalog
        for service_type, url in services.items():
            token.add_service(service_type).add_standard_endpoints(
                public=url, region='eu-1'
            )
        answers.get(
            AUTH_URL,
            json={'version': fixture.V3Discovery(AUTH_URL)},
        )
        answers.post(
            f'{AUTH_URL}/auth/tokens',
            json=token,
            headers={'X-Subject-Token': 'secret-token'},
        )
        return prepared_cloud.connect(PROJECT_ID, **settings)

    return make


@pytest.fixture
def conn(
    connect: Callable[..., connection.Connection],
) -> connection.Connection:
    """A connection to a cloud whose catalog has only "image"."""
    return connect()


@pytest.fixture
def upstream(tmp_path: Path) -> 'Iterator[Upstream]':
    """A web server, and a folder with a disk image."""
    from ..web_server import File
    from ..web_server import WebServer
    from .upstream import Upstream

    with WebServer().running() as server:
        found = Upstream(tmp_path, server)
        server.files['/disk.qcow2'] = File(found.disk)
        yield found
    assert not list(found.work.glob('run-*'))
