# SPDX-License-Identifier: Apache-2.0
"""The progress of jobs, as one of the clouds documents it."""

from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import job as _job

JOB_ID = 'ff80808280c204e30180d2784c3c0d86'
URL = f'https://ims.example.com/v1/cloudimages/job/{JOB_ID}'

#: The documented example.
RUNNING: dict[str, Any] = {
    'job_id': JOB_ID,
    'job_type': 'imsCopyImageInRegionJob',
    'begin_time': '2022-05-17T14:42:20.859Z',
    'end_time': '',
    'status': 'RUNNING',
    'error_code': None,
    'fail_reason': None,
    'entities': {
        'image_name': 'd0d2e701-dfc4-4520-9247-f92907f38eb0',
        'process_percent': 0.40,
        'current_task': 'CopyImageInRegionTask:',
        'subJobId': 'ff80808280ca6cd30180d278b9db0221',
        'image_id': '498cc67e-7795-482c-8c47-32bcece2d7ec',
    },
}


@pytest.mark.parametrize('job', [JOB_ID, _job.Job(id=JOB_ID)])
def test_the_documented_progress_is_read(
    conn: connection.Connection, answers: requests_mock.Mocker, job: Any
) -> None:
    answers.get(URL, json=RUNNING)

    found = conn.ims.get_job_progress(job)

    assert found.id == JOB_ID
    assert found.status == 'running'
    assert found.progress == 0.4
    assert found.current_task == 'CopyImageInRegionTask:'
    assert found.sub_job_id == 'ff80808280ca6cd30180d278b9db0221'
    assert found.image_id == '498cc67e-7795-482c-8c47-32bcece2d7ec'
    assert found.image_name == 'd0d2e701-dfc4-4520-9247-f92907f38eb0'
    assert found.begin_datetime.isoformat() == (
        '2022-05-17T14:42:20.859000+00:00'
    )
    assert found.end_datetime is None
    assert not found.properties


def test_a_job_without_sub_job_and_progress_has_neither(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(URL, json={**RUNNING, 'entities': {}})

    found = conn.ims.get_job_progress(JOB_ID)

    assert found.progress is None
    assert found.sub_job_id is None


def test_a_job_can_be_waited_for_from_its_progress(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(URL, json=RUNNING)
    answers.get(
        f'https://ims.example.com/v1/{conn.current_project_id}/jobs/{JOB_ID}',
        json={**RUNNING, 'status': 'SUCCESS', 'entities': {}},
    )

    finished = conn.ims.wait_for_job(conn.ims.get_job_progress(JOB_ID))

    assert finished.is_successful


def test_a_cloud_without_the_operation_is_named(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(URL, status_code=404)

    with pytest.raises(
        exceptions.UnsupportedOperationError, match='Huawei Cloud'
    ):
        conn.ims.get_job_progress(JOB_ID)


def test_a_job_that_is_not_there_is_a_refusal_with_a_code(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        URL,
        status_code=400,
        json={'error': {'code': 'IMG.0023', 'message': 'No such job.'}},
    )

    with pytest.raises(sdk_exceptions.BadRequestException, match=JOB_ID):
        conn.ims.get_job_progress(JOB_ID)
