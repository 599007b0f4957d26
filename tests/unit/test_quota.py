# SPDX-License-Identifier: Apache-2.0
"""Quotas: what is read of them."""

from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext import exceptions

from .conftest import IMS_URL

QUOTA = f'{IMS_URL}/v1/cloudimages/quota'


def test_a_quota_has_numbers(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    image = {'type': 'image', 'used': 0, 'quota': '20', 'min': 1, 'max': 1000}
    answers.get(QUOTA, json={'quotas': {'resources': [image]}})

    [quota] = conn.ims.image_quotas()

    assert quota.type == 'image'
    assert (quota.used, quota.quota) == (0, 20)
    assert (quota.min, quota.max) == (1, 1000)
    assert not quota.properties


@pytest.mark.parametrize('body', [{}, {'quotas': []}, {'quotas': {}}, 5])
def test_a_strange_answer_is_called_so(
    conn: connection.Connection, answers: requests_mock.Mocker, body: Any
) -> None:
    answers.get(QUOTA, json=body)

    with pytest.raises(exceptions.InvalidAnswerError, match='quotas'):
        conn.ims.image_quotas()


def test_a_refusal_is_told_with_its_code(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        QUOTA,
        status_code=403,
        json={'error': {'code': 'IMG.0026', 'message': "No"}},
    )

    with pytest.raises(sdk_exceptions.ForbiddenException, match=r'IMG\.0026'):
        conn.ims.image_quotas()
