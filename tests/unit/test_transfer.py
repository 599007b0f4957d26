# SPDX-License-Identifier: Apache-2.0
"""Exports and copies of images, as they are sent, and what is not sent."""

import re
from typing import Any

from openstack import connection
from openstack.image.v2 import image
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import cloud_image

ROOT = 'https://ims.example.com'
ANYTHING = re.compile(f'{ROOT}/')
EXAMPLE = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'


@pytest.fixture
def cloud(answers: requests_mock.Mocker) -> requests_mock.Mocker:
    """A cloud that starts every job that it is asked for."""
    answers.post(ANYTHING, json={'job_id': 'j1'})
    return answers


def refuse_everything(answers: requests_mock.Mocker, code: str) -> None:
    """Let a cloud refuse every job with a code."""
    answers.post(
        ANYTHING,
        status_code=400,
        json={'error': {'code': code, 'message': 'No.'}},
    )


# ====== EXPORTS ======


def test_an_image_is_exported_as_documented(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    job = conn.ims.export_image(
        EXAMPLE, 'ims-image:centos7_5.qcow2', file_format='qcow2'
    )

    assert cloud.last_request.method == 'POST'
    assert cloud.last_request.url == f'{ROOT}/v1/cloudimages/{EXAMPLE}/file'
    assert cloud.last_request.json() == {
        'bucket_url': 'ims-image:centos7_5.qcow2',
        'file_format': 'qcow2',
        'is_quick_export': False,
    }
    assert job.id == 'j1'


def test_a_quick_export_has_no_format(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.export_image('i1', 'images:a.zvhd2', is_quick_export=True)

    assert cloud.last_request.json() == {
        'bucket_url': 'images:a.zvhd2',
        'is_quick_export': True,
    }


def test_the_format_is_the_error_catalogues_default(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.export_image('i1', 'images:a.img')

    assert cloud.last_request.json()['file_format'] == 'vhd'


@pytest.mark.parametrize(
    'exported', [image.Image(id='i1'), cloud_image.CloudImage(id='i1')]
)
def test_an_image_of_either_kind_can_be_exported(
    conn: connection.Connection, cloud: requests_mock.Mocker, exported: Any
) -> None:
    conn.ims.export_image(exported, 'images:a.vhd')

    assert cloud.last_request.path == '/v1/cloudimages/i1/file'


@pytest.mark.parametrize(
    'change',
    [
        {'object_url': 'images'},
        {'object_url': 'images:'},
        {'object_url': 'images.a.qcow2'},
        {'object_url': 'Images:a.qcow2'},
        {'object_url': 'images:a b.qcow2'},
        {'file_format': 'vdi'},
        {'file_format': 'zvhd2'},
        {'file_format': 'qcow2', 'is_quick_export': True},
        {'is_quick_export': 'perhaps'},
    ],
)
def test_an_export_that_is_not_permitted_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    change: dict[str, Any],
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.export_image(
            'i1', **{'object_url': 'images:a.qcow2', **change}
        )

    assert cloud.call_count == 0


@pytest.mark.parametrize(
    ('code', 'error'),
    [
        ('IMG.0077', exceptions.NotExportableError),
        ('IMG.0160', exceptions.NotExportableError),
        ('IMG.0070', exceptions.BucketRefusedError),
        ('IMG.0072', exceptions.BadRequestError),
    ],
)
def test_a_refused_export_says_which_kind_of_refusal_it_is(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    code: str,
    error: type[exceptions.CloudImageHttpError],
) -> None:
    refuse_everything(answers, code)

    with pytest.raises(error) as caught:
        conn.ims.export_image('i1', 'images:a.vhd')

    assert caught.value.code == code
    assert caught.value.advice


# ====== COPIES ======


def test_an_image_is_copied_as_documented(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    job = conn.ims.copy_image(
        EXAMPLE,
        'ims_encrypted_copy3',
        description='test copy',
        cmk_id='bd66288c-9081-460a-8227-4cbd0c814cb4',
    )

    assert cloud.last_request.method == 'POST'
    assert cloud.last_request.url == f'{ROOT}/v1/cloudimages/{EXAMPLE}/copy'
    assert cloud.last_request.json() == {
        'name': 'ims_encrypted_copy3',
        'description': 'test copy',
        'cmk_id': 'bd66288c-9081-460a-8227-4cbd0c814cb4',
    }
    assert job.id == 'j1'


def test_only_what_is_said_of_a_copy_is_sent(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.copy_image(
        'i1', 'copy', description=None, enterprise_project_id=0
    )

    assert cloud.last_request.json() == {
        'name': 'copy',
        'enterprise_project_id': '0',
    }


def test_an_image_is_copied_to_another_region_as_documented(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    job = conn.ims.copy_image_to_region(
        EXAMPLE,
        'test-copy-1001-4',
        'region-1',
        'region-1',
        'ims_copy_image',
        description='test',
    )

    assert cloud.last_request.method == 'POST'
    assert (
        cloud.last_request.path
        == f'/v1/cloudimages/{EXAMPLE}/cross_region_copy'
    )
    assert cloud.last_request.json() == {
        'name': 'test-copy-1001-4',
        'description': 'test',
        'region': 'region-1',
        'project_name': 'region-1',
        'agency_name': 'ims_copy_image',
    }
    assert job.id == 'j1'


def test_a_full_server_image_is_copied_to_a_vault(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.copy_image_to_region(
        'i1', 'copy', 'region-1', 'p1', 'a1', vault_id='v1'
    )

    assert cloud.last_request.json()['vault_id'] == 'v1'


@pytest.mark.parametrize(
    'change',
    [
        {'name': ''},
        {'name': 'a/b'},
        {'name': ' copy'},
        {'name': 'a' * 129},
        {'description': 'a<b'},
        {'description': 'a' * 1025},
        {'colour': 'red'},
    ],
)
def test_a_copy_that_is_not_permitted_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    change: dict[str, Any],
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.copy_image('i1', **{'name': 'copy', **change})

    assert cloud.call_count == 0


@pytest.mark.parametrize(
    'change',
    [
        {'name': 'a/b'},
        {'region': ''},
        {'project_name': None},
        {'agency_name': ' '},
        {'description': 'a<b'},
        {'cmk_id': 'k1'},
    ],
)
def test_a_bad_copy_to_another_region_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    change: dict[str, Any],
) -> None:
    arguments = {
        'name': 'copy',
        'region': 'region-1',
        'project_name': 'p1',
        'agency_name': 'a1',
        **change,
    }

    with pytest.raises(exceptions.ValidationError):
        conn.ims.copy_image_to_region('i1', **arguments)

    assert cloud.call_count == 0


def test_a_cloud_without_copies_to_other_regions_is_named(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ANYTHING, status_code=404)

    with pytest.raises(
        exceptions.UnsupportedOperationError, match='Huawei Cloud'
    ):
        conn.ims.copy_image_to_region('i1', 'copy', 'r1', 'p1', 'a1')


# ====== SAFE MODE ======


def test_the_safe_mode_has_the_same_bodies_at_other_paths(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.export_image('i1', 'images:a.vhd')
    conn.ims.export_image('i1', 'images:a.vhd', safe_mode=True)
    conn.ims.copy_image('i1', 'copy')
    conn.ims.copy_image('i1', 'copy', safe_mode=True)

    export, safe_export, copy, safe_copy = [
        request
        for request in cloud.request_history
        if request.url.startswith(ROOT)
    ]
    assert safe_export.path == '/v2.1/cloudimages/i1/file'
    assert safe_export.json() == export.json()
    assert safe_copy.path == '/v2.1/cloudimages/i1/copy'
    assert safe_copy.json() == copy.json()
