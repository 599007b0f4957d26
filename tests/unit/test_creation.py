# SPDX-License-Identifier: Apache-2.0
"""Requests that create images, as they are sent, and what is not sent."""

from collections.abc import Mapping
from typing import Any

from openstack import connection
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext import reconcile
from ims_ext.extension import tag

ROOT = 'https://ims.example.com'
ACTION = f'{ROOT}/v2/cloudimages/action'
QUICK = f'{ROOT}/v2/cloudimages/quickimport/action'
DATA = f'{ROOT}/v1/cloudimages/dataimages/action'

PLAIN = {'image_url': 'images:a.qcow2', 'name': 'golden', 'min_disk': 40}


@pytest.fixture
def cloud(answers: requests_mock.Mocker) -> requests_mock.Mocker:
    """A cloud that starts every job that it is asked for."""
    answers.post(ACTION, json={'job_id': 'j1'})
    answers.post(QUICK, json={'job_id': 'j1'})
    answers.post(DATA, json={'job_id': 'j1'})
    for path in ('action', 'quickimport/action', 'dataimages/action'):
        answers.post(f'{ROOT}/v2.1/cloudimages/{path}', json={'job_id': 'j1'})
    answers.put(f'{ROOT}/v1/cloudimages/i1/upload', json={'job_id': ' j1'})
    return answers


@pytest.mark.parametrize(
    ('attrs', 'sent'),
    [
        ({}, {}),
        (
            {'os_version': 'CentOS 7.0 64bit', 'description': 'as built'},
            {'os_version': 'CentOS 7.0 64bit', 'description': 'as built'},
        ),
        (
            {'tags': {'env': 'prod'}},
            {'image_tags': [{'key': 'env', 'value': 'prod'}]},
        ),
        (
            {'tags': [tag.Tag('env', 'prod')]},
            {'image_tags': [{'key': 'env', 'value': 'prod'}]},
        ),
        (
            {'image_tags': [{'key': 'env', 'value': 'prod'}]},
            {'image_tags': [{'key': 'env', 'value': 'prod'}]},
        ),
        ({'tags': ['env.prod']}, {'tags': ['env.prod']}),
        (
            {'tags': ['env=prod']},
            {'image_tags': [{'key': 'env', 'value': 'prod'}]},
        ),
        ({'tags': {}}, {}),
        ({'is_config': True}, {'is_config': True}),
        ({'is_config': 'false'}, {'is_config': False}),
        (
            {'min_ram': '1024', 'max_ram': 2048},
            {'min_ram': 1024, 'max_ram': 2048},
        ),
        (
            {'type': 'isoimage', 'os_version': 'CentOS 7.0 64bit'},
            {'type': 'IsoImage', 'os_version': 'CentOS 7.0 64bit'},
        ),
        ({'cmk_id': 'k1'}, {'cmk_id': 'k1'}),
        ({'enterprise_project_id': 0}, {'enterprise_project_id': '0'}),
        (
            {'architecture': 'arm', 'hw_firmware_type': 'uefi'},
            {'architecture': 'arm', 'hw_firmware_type': 'uefi'},
        ),
        (
            {'data_images': [{'image_url': 'images:b.raw', 'min_disk': 2048}]},
            {'data_images': [{'image_url': 'images:b.raw', 'min_disk': 2048}]},
        ),
        ({'description': None}, {}),
    ],
)
def test_an_object_is_imported_as_documented(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    attrs: Any,
    sent: Mapping[str, Any],
) -> None:
    job = conn.ims.create_image_from_object(
        'images:a.qcow2', 'golden', 40, **attrs
    )

    assert cloud.last_request.method == 'POST'
    assert cloud.last_request.url == ACTION
    assert cloud.last_request.json() == {**PLAIN, **sent}
    assert job.id == 'j1'


def test_a_big_object_is_imported_quickly_as_documented(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.quick_import_image(
        'images:a.zvhd2', 'golden', '40', type='DataImage', os_type='Linux'
    )

    assert cloud.last_request.url == QUICK
    assert cloud.last_request.json() == {
        'image_url': 'images:a.zvhd2',
        'name': 'golden',
        'min_disk': 40,
        'type': 'DataImage',
        'os_type': 'Linux',
    }


def test_an_image_is_registered_as_documented(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    job = conn.ims.register_image('i1', 'images:a.vmdk')

    assert cloud.last_request.method == 'PUT'
    assert cloud.last_request.path == '/v1/cloudimages/i1/upload'
    assert cloud.last_request.json() == {'image_url': 'images:a.vmdk'}
    # One documented example has a blank before the ID.
    assert job.id == 'j1'


@pytest.mark.parametrize(
    'change',
    [
        {'object_url': 'nothing'},
        {'name': 'a/b'},
        {'min_disk': 1025},
        {'description': 'a<b'},
        {'tags': {'a=b': 'c'}},
        {'tags': ['a=b=c']},
        {'tags': {'a': 'b'}, 'image_tags': {'a': 'b'}},
        {'type': 'VM'},
        {'type': 'IsoImage'},
        {'is_quick_import': True},
        {'is_config': 'perhaps'},
        {'os_type': 'BeOS'},
        {'architecture': 'mips'},
        {'architecture': 'arm', 'hw_firmware_type': 'bios'},
        {'min_ram': -1},
        {'min_ram': 4096, 'max_ram': 2048},
        {'colour': 'red'},
        {'data_images': [{'min_disk': 10}]},
        {'data_images': [{'image_url': 'images:b', 'min_disk': 2049}]},
        {'data_images': [{'image_url': 'images:b', 'min_disk': 1}] * 4},
        {'data_images': [{'image_url': 'images:b', 'min_disk': 1, 'x': 1}]},
    ],
)
def test_what_is_not_permitted_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    change: dict[str, Any],
) -> None:
    arguments = {
        'object_url': 'images:a.qcow2',
        'name': 'golden',
        'min_disk': 40,
        **change,
    }

    with pytest.raises(exceptions.ValidationError):
        conn.ims.create_image_from_object(**arguments)

    assert cloud.call_count == 0


def test_the_quick_import_of_a_system_disk_needs_an_os_version(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    with pytest.raises(exceptions.ValidationError, match='os_version'):
        conn.ims.quick_import_image('images:a.raw', 'golden', 40)

    assert cloud.call_count == 0


def test_an_answer_without_job_is_said_to_be_wrong(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, '_sleep', lambda seconds: None)
    answers.post(ACTION, json={})
    answers.get('https://ims.example.com/v2/images', json={'images': []})

    with pytest.raises(exceptions.OutcomeUnknownError, match='no job'):
        conn.ims.create_image_from_object('images:a.qcow2', 'golden', 40)


def test_a_refusal_of_the_cloud_carries_its_code(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(
        ACTION,
        status_code=400,
        json={'error': {'code': 'IMG.0056', 'message': 'OS version.'}},
    )

    with pytest.raises(exceptions.BadRequestError) as caught:
        conn.ims.create_image_from_object('images:a.qcow2', 'golden', 40)

    assert caught.value.code == 'IMG.0056'


def test_a_data_disk_is_imported_as_documented(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.create_data_image_from_object(
        'images:a.qcow2',
        'data',
        '2048',
        os_type='windows',
        cmk_id='k1',
        tags={'disk': 'data'},
    )

    assert cloud.last_request.method == 'POST'
    assert cloud.last_request.url == DATA
    assert cloud.last_request.json() == {
        'image_url': 'images:a.qcow2',
        'name': 'data',
        'min_disk': 2048,
        'os_type': 'Windows',
        'cmk_id': 'k1',
        'image_tags': [{'key': 'disk', 'value': 'data'}],
    }


def test_whether_a_small_data_disk_is_permitted_the_cloud_decides(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.create_data_image_from_object('images:a.qcow2', 'data', 1)

    assert cloud.last_request.json()['min_disk'] == 1


@pytest.mark.parametrize(
    'change',
    [
        {'object_url': 'nothing'},
        {'name': 'a/b'},
        {'min_disk': 0},
        {'min_disk': 2049},
        {'os_type': 'Other'},
        {'type': 'DataImage'},
        {'os_version': 'CentOS 7.0 64bit'},
        {'tags': {'a=b': 'c'}},
    ],
)
def test_what_is_not_permitted_for_a_data_disk_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    change: dict[str, Any],
) -> None:
    arguments = {
        'object_url': 'images:a.qcow2',
        'name': 'data',
        'min_disk': 40,
        **change,
    }

    with pytest.raises(exceptions.ValidationError):
        conn.ims.create_data_image_from_object(**arguments)

    assert cloud.call_count == 0


@pytest.mark.parametrize(
    ('method', 'attrs', 'path'),
    [
        ('create_image_from_object', {}, '/v2.1/cloudimages/action'),
        (
            'quick_import_image',
            {'os_version': 'CentOS 7.0 64bit'},
            '/v2.1/cloudimages/quickimport/action',
        ),
        (
            'create_data_image_from_object',
            {},
            '/v2.1/cloudimages/dataimages/action',
        ),
    ],
)
def test_the_safe_mode_is_the_same_request_under_another_version(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    method: str,
    attrs: dict[str, Any],
    path: str,
) -> None:
    create = getattr(conn.ims, method)
    create('images:a.raw', 'golden', 40, **attrs)
    plain = cloud.last_request.json()
    create('images:a.raw', 'golden', 40, safe_mode=True, **attrs)

    assert cloud.last_request.path == path
    assert cloud.last_request.json() == plain


def test_a_parameter_is_not_taken_under_its_other_name_too(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    with pytest.raises(exceptions.ValidationError, match='image_url'):
        conn.ims.create_image_from_object(
            'images:a.qcow2', 'golden', 40, image_url='images:b.qcow2'
        )

    assert cloud.call_count == 0
