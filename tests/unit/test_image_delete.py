# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image delete --wait``, on a cloud that settles late."""

import types
from typing import Any

from openstack import connection
from osc_lib import exceptions
import pytest
import requests_mock

from ims_ext.cli import cloud_image

from .conftest import IMS_URL

IMAGE_ID = '33ad552d-1149-471c-8190-ff6776174a00'
IMAGE = {'id': IMAGE_ID, 'name': 'golden', 'status': 'active'}
ONE = f'{IMS_URL}/v2/images/{IMAGE_ID}'
LIST = f'{IMS_URL}/v2/cloudimages'


@pytest.fixture
def delete(
    conn: connection.Connection, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Give a function that runs the command."""
    monkeypatch.setattr(cloud_image, '_INTERVAL', 0.01)
    manager = types.SimpleNamespace(ims=conn.ims, sdk_connection=conn)
    app: Any = types.SimpleNamespace(client_manager=manager)

    def run(*arguments: str) -> None:
        command = cloud_image.DeleteImage(app, None)
        command.run(command.get_parser('delete').parse_args(arguments))

    return run


def test_it_ends_when_the_image_is_neither_shown_nor_listed(
    delete: Any, answers: requests_mock.Mocker
) -> None:
    answers.delete(ONE, status_code=204)
    answers.get(ONE, [{'json': IMAGE}, {'json': IMAGE}, {'status_code': 404}])
    listed = answers.get(
        LIST, [{'json': {'images': [IMAGE]}}, {'json': {'images': []}}]
    )

    delete('--wait', IMAGE_ID)

    assert listed.call_count == 2


def test_an_image_that_stays_listed_is_told(
    delete: Any,
    answers: requests_mock.Mocker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers.delete(ONE, status_code=204)
    answers.get(ONE, [{'json': IMAGE}, {'status_code': 404}])
    answers.get(LIST, json={'images': [IMAGE]})

    with pytest.raises(exceptions.CommandError, match='1 of 1'):
        delete('--wait', '--timeout', '0.05', IMAGE_ID)

    assert 'still listed' in caplog.text


def test_without_waiting_nothing_is_looked_at_again(
    delete: Any, answers: requests_mock.Mocker
) -> None:
    answers.delete(ONE, status_code=204)
    shown = answers.get(ONE, json=IMAGE)

    delete(IMAGE_ID)

    assert shown.call_count == 1
