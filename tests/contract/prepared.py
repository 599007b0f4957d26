# SPDX-License-Identifier: Apache-2.0
"""What a prepared cloud has, and what an emulated one is given."""

from typing import Any

from openstack import connection
import requests_mock

from ..functional.own_cloud import Cloud
from .conftest import IMS_URL

IMAGES = f'{IMS_URL}/v2/cloudimages'


def let_job(
    conn: connection.Connection, cloud: requests_mock.Mocker, **body: Any
) -> Any:
    """Let the cloud have a job; return it as the library sees it."""
    cloud.get(
        f'{IMS_URL}/v1/{conn.current_project_id}/jobs/j1',
        json={'job_id': 'j1', 'status': 'RUNNING', 'entities': {}, **body},
    )
    return conn.ims.get_job('j1')


def let_image(
    conn: connection.Connection, cloud: requests_mock.Mocker, **body: Any
) -> Any:
    """Let the cloud have one image; return it as the library sees it."""
    cloud.get(IMAGES, json={'images': [{'id': 'i1', **body}]})
    return conn.ims.get_cloud_image('i1')


def sent(cloud: requests_mock.Mocker) -> Any:
    """Return the JSON body of the last request."""
    assert cloud.last_request is not None
    return cloud.last_request.json()


def make_image(emulated: Cloud, **body: Any) -> str:
    """Make an active image natively; return its ID."""
    answer = emulated.conn.ims.post('/v2/images', json=body)
    assert answer.status_code == 201, answer.text
    image_id = str(answer.json()['id'])
    answer = emulated.conn.ims.put(
        f'/v2/images/{image_id}/file',
        data=b'data',
        headers={'Content-Type': 'application/octet-stream'},
    )
    assert answer.status_code == 204, answer.text
    return image_id
