# SPDX-License-Identifier: Apache-2.0
"""An identity service that tells its versions to nobody without a token."""

from collections.abc import Callable
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
import pytest
import requests_mock

from ..prepared_cloud import AUTH_URL
from .conftest import IMS_URL


def test_the_version_in_the_url_is_used(
    connect: Callable[..., connection.Connection],
    answers: requests_mock.Mocker,
) -> None:
    conn = connect()
    answers.get(AUTH_URL, status_code=401)
    answers.get(f'{IMS_URL}/v2/cloudimages', json={'images': []})

    assert list(conn.ims.cloud_images()) == []


def test_a_url_without_a_version_is_an_error(
    connect: Callable[..., connection.Connection],
    answers: requests_mock.Mocker,
) -> None:
    root = AUTH_URL.removesuffix('/v3')
    conn: Any = connect()
    conn.config.config['auth']['auth_url'] = root
    conn.session.auth.auth_url = root
    answers.get(root, status_code=401)
    answers.get(f'{root}/', status_code=401)

    with pytest.raises(
        (ksa_exceptions.DiscoveryFailure, ksa_exceptions.Unauthorized)
    ):
        list(conn.ims.cloud_images())
