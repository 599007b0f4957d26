# SPDX-License-Identifier: Apache-2.0
"""The documented examples, and a cloud that answers as they do."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

from keystoneauth1 import fixture
from openstack import connection
import pytest
import requests_mock

from .. import prepared_cloud
from ..prepared_cloud import AUTH_URL
from ..prepared_cloud import IMS_URL

EXAMPLES: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name('examples.json').read_text('utf-8')
)


def project_of(path: str) -> str:
    """Return the project that an example's path names, or any."""
    found = re.search(r'/v[12]/([0-9a-f]{32})/', path)
    return found[1] if found else 'fd73a4a14a4a4dfb9771a8475e5198ea'


@pytest.fixture
def cloud() -> Iterator[requests_mock.Mocker]:
    """A cloud that answers what a test prepares."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        yield mocker


@pytest.fixture
def conn(
    cloud: requests_mock.Mocker, request: pytest.FixtureRequest
) -> connection.Connection:
    """A connection to the project that the test's example names."""
    example = getattr(request.node, 'callspec', None)
    path = ''
    if example and 'example' in example.params:
        path = example.params['example'].get('path', '')
    token = fixture.V3Token(project_id=project_of(path))
    token.add_service('image').add_standard_endpoints(
        public=f'{IMS_URL}/v2', region='eu-1'
    )
    cloud.get(AUTH_URL, json={'version': fixture.V3Discovery(AUTH_URL)})
    cloud.post(
        f'{AUTH_URL}/auth/tokens',
        json=token,
        headers={'X-Subject-Token': 'secret-token'},
    )
    return prepared_cloud.connect(project_of(path))
