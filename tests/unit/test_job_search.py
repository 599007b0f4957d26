# SPDX-License-Identifier: Apache-2.0
"""Images of jobs that others have started and that tell none."""

from collections.abc import Callable
import logging
import time
from typing import Any

from openstack import connection
import pytest
import requests_mock

from .conftest import IMS_URL
from .conftest import PROJECT_ID

JOB = {
    'job_id': 'j1',
    'job_type': 'imsImportImageJob',
    'status': 'SUCCESS',
    'begin_time': '2026-01-31T12:00:00.000Z',
    'end_time': '2026-01-31T12:05:00.000Z',
    'entities': {},
}
IMAGE = {
    'id': 'i1',
    'name': 'golden',
    'status': 'active',
    'owner': PROJECT_ID,
    'created_at': '2026-01-31T12:01:00Z',
    '__data_origin': 'file,images:a.qcow2',
}


@pytest.fixture
def cloud(
    answers: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Give a cloud with a job, and images, the newest first."""
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)

    def prepare(*images: Any, jobs: Any = (JOB,)) -> None:
        answers.get(
            f'{IMS_URL}/v1/{PROJECT_ID}/jobs/j1',
            [{'json': each} for each in jobs],
        )
        answers.get(f'{IMS_URL}/v2/images', json={'images': list(images)})
        answers.get(f'{IMS_URL}/v2/cloudimages', json={'images': list(images)})

    return prepare


OTHERS = {
    'too old': {'created_at': '2026-01-31T11:59:00Z'},
    'too new': {'created_at': '2026-01-31T12:06:00Z'},
    'of another source': {'__data_origin': 'instance,s1'},
    "another project's": {'owner': 'f' * 32},
    'without a time': {'created_at': None},
}


@pytest.mark.parametrize('other', OTHERS)
def test_the_image_that_may_be_it_is_found(
    conn: connection.Connection, cloud: Callable[..., None], other: str
) -> None:
    cloud({**IMAGE, 'id': 'i2', **OTHERS[other]}, IMAGE)

    assert conn.ims.wait_for_job('j1').image_ids == ['i1']


def test_a_name_that_a_job_tells_decides(
    conn: connection.Connection, cloud: Callable[..., None]
) -> None:
    running = {
        **JOB,
        'status': 'RUNNING',
        'entities': {'image_name': 'golden'},
    }
    cloud({**IMAGE, 'id': 'i2', 'name': 'x'}, IMAGE, jobs=(running, JOB))

    assert conn.ims.wait_for_job('j1').image_ids == ['i1']


@pytest.mark.parametrize('count', [0, 2])
def test_what_cannot_be_told_is_logged(
    conn: connection.Connection,
    cloud: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    count: int,
) -> None:
    cloud(*({**IMAGE, 'id': f'i{each}'} for each in range(count)))

    with caplog.at_level(logging.WARNING, 'ims_ext'):
        job = conn.ims.wait_for_job('j1')

    assert job.is_successful
    assert job.image_ids == []
    assert 'does not tell its image' in caplog.text


def test_a_job_that_makes_no_image_has_none_looked_for(
    conn: connection.Connection,
    cloud: Callable[..., None],
    answers: requests_mock.Mocker,
) -> None:
    cloud(IMAGE, jobs=({**JOB, 'job_type': 'imsAddImageMembersJob'},))

    assert conn.ims.wait_for_job('j1').image_ids == []
    assert 'images?' not in str(answers.last_request.url)
