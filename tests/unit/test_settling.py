# SPDX-License-Identifier: Apache-2.0
"""A cloud that acknowledges at once, and works off later."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext.file_import import native

from .conftest import IMS_URL

NATIVE = f'{IMS_URL}/v2/images'
IMAGE = {'id': 'i1', 'name': 'golden', 'disk_format': 'raw'}

Cloud = Callable[..., Any]


@pytest.fixture
def cloud(
    answers: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> Cloud:
    """Give a cloud that shows an image in some statuses, one after another."""
    monkeypatch.setattr(native.time, 'sleep', lambda seconds: None)

    def prepare(*statuses: Any, puts: tuple[int, ...] = (204,)) -> Any:
        answers.post(
            NATIVE, status_code=201, json={**IMAGE, 'status': 'queued'}
        )
        answers.get(
            f'{NATIVE}/i1',
            [
                {'status_code': each}
                if isinstance(each, int)
                else {'json': {**IMAGE, 'status': each}}
                for each in statuses
            ],
        )
        answers.delete(f'{NATIVE}/i1', status_code=204)
        return answers.put(
            f'{NATIVE}/i1/file', [{'status_code': each} for each in puts]
        )

    return prepare


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Give a disk's file."""
    path = tmp_path / 'disk.raw'
    path.write_bytes(bytes(510) + b'\x55\xaa' + bytes(2**20 - 512))
    return path


def create(conn: connection.Connection, disk: Path, **options: Any) -> Any:
    return conn.ims.create_image_from_file(
        disk, 'golden', wait=True, **options
    )


@pytest.mark.parametrize(
    'statuses',
    [
        ('active',),
        ('saving', 'active'),
        ('queued', 'saving', 'active'),
        ('queued', 'queued', 'queued', 'saving', 'saving', 'active'),
        (404, 'queued', 404, 'saving', 'active'),
    ],
    ids=str,
)
def test_an_upload_is_followed_until_the_image_is_active(
    conn: connection.Connection, cloud: Cloud, disk: Path, statuses: Any
) -> None:
    sent = cloud(*statuses)

    job = create(conn, disk)

    assert job.is_successful
    assert job.image_id == 'i1'
    assert sent.call_count == 1


def test_a_killed_image_is_an_error_that_says_so(
    conn: connection.Connection, cloud: Cloud, disk: Path
) -> None:
    sent = cloud('queued', 'saving', 'killed')

    with pytest.raises(sdk_exceptions.ResourceFailure, match='killed'):
        create(conn, disk)

    assert sent.call_count == 1


def test_an_image_that_is_not_to_be_seen_yet_is_waited_for(
    conn: connection.Connection, cloud: Cloud, disk: Path
) -> None:
    sent = cloud(404, 'queued', 'saving', 'active', puts=(404, 204))

    job = create(conn, disk)

    assert job.is_successful
    assert sent.call_count == 2


def test_data_that_were_acknowledged_are_never_sent_again(
    conn: connection.Connection, cloud: Cloud, disk: Path
) -> None:
    sent = cloud('queued')
    with pytest.raises(sdk_exceptions.ResourceTimeout):
        create(conn, disk, timeout=0.001)
    again = cloud('queued', 'queued', 'saving', 'active')

    job = create(conn, disk)

    assert job.image_id == 'i1'
    assert (sent.call_count, again.call_count) == (1, 0)


@pytest.mark.parametrize(
    'statuses',
    [(404,), ('queued', 404), ('saving', 404), ('queued', 'saving', 404)],
    ids=str,
)
def test_an_image_that_is_gone_is_an_error_that_says_so(
    conn: connection.Connection, cloud: Cloud, disk: Path, statuses: Any
) -> None:
    sent = cloud(*statuses)

    with pytest.raises(
        sdk_exceptions.NotFoundException, match='not there any more'
    ) as caught:
        create(conn, disk)

    assert sent.call_count == 1
    assert not hasattr(caught.value, '__notes__')


def test_an_image_that_is_gone_before_its_data_is_an_error_that_says_so(
    conn: connection.Connection, cloud: Cloud, disk: Path
) -> None:
    cloud(404, puts=(404,))

    with pytest.raises(
        sdk_exceptions.NotFoundException, match='not there any more'
    ):
        create(conn, disk)


def test_after_an_image_that_is_gone_another_one_is_made(
    conn: connection.Connection, cloud: Cloud, disk: Path
) -> None:
    cloud('queued', 404)
    with pytest.raises(sdk_exceptions.NotFoundException):
        create(conn, disk)
    sent = cloud('active')

    assert create(conn, disk).is_successful
    assert sent.call_count == 1
