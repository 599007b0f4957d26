# SPDX-License-Identifier: Apache-2.0
"""The images of jobs that do not tell them in the documented place."""

from collections.abc import Callable, Sequence
import datetime
import logging
import pickle
from typing import Any
import uuid

from openstack import connection
import pytest
import requests_mock

from ims_ext import reconcile
from ims_ext.extension import job as _job

from .conftest import IMS_URL
from .conftest import PROJECT_ID

A, B, C = (f'{digit * 8}-1111-2222-3333-{digit * 12}' for digit in '456')
ACTION = f'{IMS_URL}/v2/cloudimages/action'
NATIVE = f'{IMS_URL}/v2/images'


def job(entities: Any) -> _job.Job:
    return _job.Job.existing(
        job_id='j1', status='SUCCESS', entities=entities, project_id='p1'
    )


@pytest.mark.parametrize(
    ('entities', 'image_ids'),
    [
        ({'image_id': A}, [A]),
        ({'__data_images': A}, [A]),
        ({'__data_images': f'{A},{B}'}, [A, B]),
        ({'__data_images': f'{A}, {B};{C}'}, [A, B, C]),
        ({'__data_images': f'["{A}", "{B}"]'}, [A, B]),
        ({'__data_images': [A, B]}, [A, B]),
        ({'__data_images': [{'image_id': A}, {'id': B}]}, [A, B]),
        ({'__data_images': 'i1,i2'}, ['i1', 'i2']),
        ({'image_id': A, '__data_images': f'{A},{B}'}, [A, B]),
        (
            {
                'sub_jobs_result': [
                    {'entities': {'image_id': A}},
                    {'entities': {'__data_images': B}},
                    {'entities': {}},
                ]
            },
            [A, B],
        ),
        ({'image_id': '', '__data_images': ''}, []),
        ({'image_id': 7, '__data_images': None}, []),
        (None, []),
    ],
    ids=str,
)
def test_all_images_are_told(entities: Any, image_ids: list[str]) -> None:
    told = job(entities)

    assert told.image_ids == image_ids
    assert told.image_id == next(iter(image_ids), None)


@pytest.fixture
def cloud(
    answers: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[float]]:
    """Give a cloud whose imports end well, and tell no image."""
    slept: list[float] = []
    monkeypatch.setattr(reconcile, '_sleep', slept.append)

    def prepare(
        *lists: Sequence[str], entities: Any = None, name: str = 'golden'
    ) -> list[float]:
        now = f'{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}'
        date = {'Date': 'Thu, 01 Jan 1970 00:00:00 GMT'}
        answers.post(ACTION, json={'job_id': 'j1'})
        answers.get(
            f'{IMS_URL}/v1/{PROJECT_ID}/jobs/j1',
            json={'job_id': 'j1', 'status': 'SUCCESS', 'entities': entities},
        )
        # Nobody may look at what the job has brought about.
        answers.get(f'{IMS_URL}/v2/cloudimages', status_code=403, json={})
        answers.get(
            NATIVE,
            [
                {
                    'json': {
                        'images': [
                            {
                                'id': each,
                                'name': name,
                                'created_at': now,
                                'owner': PROJECT_ID,
                            }
                            for each in found
                        ]
                    },
                    'headers': date,
                }
                for found in lists
            ]
            or [{'status_code': 403, 'json': {}}],
        )
        return slept

    return prepare


def imported(conn: connection.Connection, name: str) -> _job.Job:
    made: _job.Job = conn.ims.create_image_from_object(
        'images:a.qcow2', name, 40, wait=True
    )
    return made


def test_an_image_that_the_job_does_not_tell_is_found(
    conn: connection.Connection,
    cloud: Callable[..., list[float]],
    name: str,
    new: list[str],
) -> None:
    cloud(new[:1], name=name)

    made = imported(conn, name)

    assert made.image_ids == new[:1]
    assert pickle.loads(pickle.dumps(made)).image_id == new[0]


def test_an_image_that_is_seen_late_is_found(
    conn: connection.Connection,
    cloud: Callable[..., list[float]],
    name: str,
    new: list[str],
) -> None:
    slept = cloud([], [], new[:1], name=name)

    assert imported(conn, name).image_id == new[0]
    assert len(slept) == 2


def test_jobs_that_are_waited_for_together_have_their_images(
    conn: connection.Connection,
    cloud: Callable[..., list[float]],
    name: str,
    new: list[str],
) -> None:
    cloud(new[:1], name=name)
    started = conn.ims.create_image_from_object('images:a.qcow2', name, 40)

    [ended] = conn.ims.wait_for_jobs([started])

    assert ended.image_id == new[0]


@pytest.mark.parametrize('lists', [[0], [2], []], ids=str)
def test_a_job_that_has_ended_well_is_no_failure(
    conn: connection.Connection,
    cloud: Callable[..., list[float]],
    caplog: pytest.LogCaptureFixture,
    lists: list[int],
    name: str,
    new: list[str],
) -> None:
    cloud(*(new[:count] for count in lists), name=name)

    with caplog.at_level(logging.WARNING, 'ims_ext'):
        made = imported(conn, name)

    assert made.is_successful
    assert made.image_ids == []
    assert 'does not tell its image' in caplog.text


def test_what_is_told_is_not_looked_for(
    conn: connection.Connection, cloud: Callable[..., list[float]], name: str
) -> None:
    cloud(name=name, entities={'__data_images': f'{A},{B}'})

    assert imported(conn, name).image_ids == [A, B]


@pytest.fixture
def name() -> str:
    """Give a name that no other attempt of this process has."""
    return f'golden-{uuid.uuid4().hex}'


@pytest.fixture
def new() -> list[str]:
    """Give IDs of images that no other attempt of this process has."""
    return [str(uuid.uuid4()), str(uuid.uuid4())]
