# SPDX-License-Identifier: Apache-2.0
"""Where the references contradict themselves: paths, jobs, names.

Each number is a point of its own, on which one reference says this and
another, or its own examples, say that.
"""

from collections.abc import Iterator
from typing import Any

from keystoneauth1 import fixture
from openstack import connection
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import member_result

from ..functional.own_cloud import Cloud
from ..functional.own_cloud import own_cloud
from .conftest import AUTH_URL
from .conftest import IMS_URL
from .prepared import IMAGES
from .prepared import let_image
from .prepared import let_job
from .prepared import make_image
from .prepared import sent

#: Under each version but the last, an operation that only looks.
VERSIONS = (
    '/v1/cloudimages/quota',
    '/v1.1/images/detail',
    '/v2/cloudimages',
    '/v2/images',
)


@pytest.fixture(scope='module')
def emulated() -> Iterator[Cloud]:
    with own_cloud(job_seconds=0.1) as running:
        yield running


# 1: the catalog's endpoint is the root, or ends in a version.
@pytest.mark.parametrize('suffix', ['', '/', '/v2', '/v2/', '/v1.1'])
def test_every_version_is_below_the_root_of_the_endpoint(
    conn: connection.Connection, cloud: requests_mock.Mocker, suffix: str
) -> None:
    token = fixture.V3Token(project_id='p1')
    token.add_service('image').add_standard_endpoints(
        public=IMS_URL + suffix, region='eu-1'
    )
    headers = {'X-Subject-Token': 'secret-token'}
    cloud.post(f'{AUTH_URL}/auth/tokens', json=token, headers=headers)
    for path in VERSIONS:
        cloud.get(IMS_URL + path, json={'images': [], 'quotas': {}})
    safe = f'{IMS_URL}/v2.1/cloudimages/action'
    cloud.post(safe, json={'job_id': 'j1'})

    statuses = [conn.ims.get(path).status_code for path in VERSIONS]
    native = list(conn.ims.images())
    conn.ims.create_image_from_object('images:a', 'a', 40, safe_mode=True)

    assert statuses == [200] * len(VERSIONS)
    assert native == []
    assert cloud.last_request is not None
    assert cloud.last_request.url == safe


def test_the_emulator_has_every_version_below_one_root(
    emulated: Cloud,
) -> None:
    endpoint = emulated.conn.session.get_endpoint(service_type='image')

    statuses = [
        emulated.conn.ims.get(f'{endpoint}{path}').status_code
        for path in VERSIONS
    ]

    assert statuses == [200] * len(VERSIONS)
    assert emulated.conn.ims.root_url() == endpoint


# 2: a job's status is SUCCESS or FAIL in the table, "success" and "failed"
# in the prose.
@pytest.mark.parametrize(
    ('status', 'successful', 'failed'),
    [
        *(('SUCCESS', True, False), ('success', True, False)),
        *(('FAIL', False, True), ('fail', False, True)),
        *(('FAILED', False, True), ('failed', False, True)),
        *(('RUNNING', False, False), ('Init', False, False)),
    ],
)
def test_a_jobs_status_is_compared_without_case(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    status: str,
    successful: bool,
    failed: bool,
) -> None:
    job = let_job(conn, cloud, status=status)

    assert (job.is_successful, job.is_failed) == (successful, failed)
    assert job.status == status.swapcase()


def test_results_within_a_job_are_compared_without_case(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    statuses = {'i1': 'success', 'i2': 'SUCCESS', 'i3': 'FAIL'}
    results = [
        {'image_id': image_id, 'project_id': 'p', 'status': status}
        for image_id, status in statuses.items()
    ]
    job = let_job(conn, cloud, entities={'results': results})

    found = member_result.read(job, statuses, ['p'])

    assert [each.is_successful for each in found] == [True, True, False]


def test_the_emulator_writes_both_cases(emulated: Cloud) -> None:
    image_id = make_image(emulated)
    beta = emulated.connect('bob').current_project_id

    job = emulated.conn.ims.add_image_members(image_id, beta, wait=True)

    assert str(job.status) == 'SUCCESS'
    assert [each['status'] for each in job.results] == ['success']


# 3: examples leave the types' prefix out, one misspells a type.
@pytest.mark.parametrize(
    'job_type', ['createImageByInstance', 'imsImportOvalImageJob', 'new']
)
def test_a_job_of_any_type_is_waited_for(
    conn: connection.Connection, cloud: requests_mock.Mocker, job_type: str
) -> None:
    let_job(conn, cloud, status='SUCCESS', job_type=job_type)

    assert conn.ims.wait_for_job('j1').job_type == job_type


# 4: an example writes begin_time in another notation, and end_time may be
# empty.
@pytest.mark.parametrize(
    'raw', ['04-Jun-2015 18:11:06:586', '2015-06-04T18:11:06.586Z']
)
def test_a_jobs_times_are_there_raw_and_parsed(
    conn: connection.Connection, cloud: requests_mock.Mocker, raw: str
) -> None:
    job = let_job(conn, cloud, begin_time=raw, end_time='')

    assert (job.begin_time, job.end_time) == (raw, '')
    assert job.begin_datetime.isoformat() == '2015-06-04T18:11:06.586000+00:00'
    assert job.end_datetime is None


# 5: progress is 0 to 1, absent on one cloud, and an operation of its own on
# another.
@pytest.mark.parametrize(
    ('status', 'entities', 'progress'),
    [
        ('RUNNING', {'process_percent': 0.4}, 0.4),
        ('RUNNING', {'process_percent': '0.4'}, 0.4),
        ('RUNNING', {}, None),
        ('SUCCESS', {}, 1.0),
    ],
)
def test_progress_is_told_as_far_as_it_is_known(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    status: str,
    entities: Any,
    progress: float | None,
) -> None:
    assert let_job(conn, cloud, status=status, entities=entities).progress == (
        progress
    )


def test_the_progress_operation_tells_the_sub_job(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    entities = {'process_percent': 0.4, 'subJobId': 'j2'}
    cloud.get(
        f'{IMS_URL}/v1/cloudimages/job/j1',
        json={'job_id': 'j1', 'status': 'RUNNING', 'entities': entities},
    )

    job = conn.ims.get_job_progress('j1')

    assert (job.progress, job.sub_job_id) == (0.4, 'j2')


def test_the_emulator_tells_progress_in_both_operations(
    emulated: Cloud,
) -> None:
    ims, image_id = emulated.conn.ims, make_image(emulated)
    started = ims.get_job(ims.copy_image(image_id, 'copy'))
    job = ims.export_image(
        image_id, 'images:5', is_quick_export=True, wait=True
    )
    tracked = ims.get_job_progress(job)

    assert 0 <= started.entities['process_percent'] <= 1
    assert tracked.entities['process_percent'] == 1
    assert [tracked.sub_job_id] == job.sub_job_ids


# 6: tables name three parameters otherwise than the examples do.
@pytest.mark.parametrize(
    ('attribute', 'parameter', 'value', 'wrong'),
    [
        (
            *('virtual_env_type', 'virtual_env_type', 'Ironic'),
            'virtual_environment_type',
        ),
        (
            *('member_status', 'member_status', 'pending'),
            'member_statuses',
        ),
        (
            *('is_large_memory_supported', '__support_largememory', 'true'),
            '__support_large_memory',
        ),
    ],
)
def test_filters_travel_under_the_names_that_work(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    attribute: str,
    parameter: str,
    value: str,
    wrong: str,
) -> None:
    cloud.get(IMAGES, json={'images': []})

    for name in (attribute, parameter):
        assert list(conn.ims.cloud_images(**{name: value})) == []
        assert cloud.last_request is not None
        assert cloud.last_request.qs[parameter] == [value]
    with pytest.raises(exceptions.ValidationError, match=wrong):
        list(conn.ims.cloud_images(**{wrong: value}))


def test_the_emulator_filters_by_these_names(emulated: Cloud) -> None:
    iso = make_image(emulated, disk_format='iso', name='filtered')
    ims = emulated.conn.ims
    ims.update_cloud_image(iso, is_large_memory_supported=True)

    def found(**filters: Any) -> bool:
        images = ims.cloud_images(name='filtered', **filters)
        return [image.id for image in images] == [iso]

    kind = ims.get_cloud_image(iso).virtual_env_type
    other = {'IsoImage', 'FusionCompute'} - {kind}
    assert found(virtual_env_type=kind)
    assert not found(virtual_env_type=other.pop())
    assert found(is_large_memory_supported=True)
    assert not found(is_large_memory_supported=False)
    assert not found(member_status='accepted')


# 7: the attribute table says create_at and update_at, payloads say
# created_at and updated_at.
def test_times_of_images_are_read_from_the_payloads_names(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    image = let_image(
        *(conn, cloud),
        created_at='2018-09-06T14:03:27Z',
        updated_at='2018-09-06T15:17:33Z',
    )

    assert image.created_datetime.isoformat() == '2018-09-06T14:03:27+00:00'
    assert image.updated_datetime.isoformat() == '2018-09-06T15:17:33+00:00'
    with pytest.raises(exceptions.ValidationError, match='created_at'):
        conn.ims.cloud_images(create_at='gt:2018-09-06T14:03:27Z')


def test_the_emulator_sends_the_payloads_names(emulated: Cloud) -> None:
    image_id = make_image(emulated)
    for path in ('/v2/cloudimages', '/v2/images'):
        answer = emulated.conn.ims.get(path, params={'id': image_id})
        image = answer.json()['images'][0]
        assert {'created_at', 'updated_at'} <= image.keys()
        assert not {'create_at', 'update_at'} & image.keys()


# 8: objects are bucket:key, tables print "bucket.key".
def test_an_objects_address_has_a_colon(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.post(f'{IMAGES}/action', json={'job_id': 'j1'})
    cloud.post(f'{IMS_URL}/v1/cloudimages/i1/file', json={'job_id': 'j1'})

    conn.ims.create_image_from_object('images:a/b.vhd', 'a', 40)
    assert sent(cloud)['image_url'] == 'images:a/b.vhd'
    conn.ims.export_image('i1', 'images:a:b.vhd')
    assert sent(cloud)['bucket_url'] == 'images:a:b.vhd'
    with pytest.raises(exceptions.ValidationError, match='bucket:key'):
        conn.ims.create_image_from_object('images.disk', 'a', 40)
    with pytest.raises(exceptions.ValidationError, match='bucket:key'):
        conn.ims.export_image('i1', 'images.disk')


def test_the_emulator_refuses_an_address_with_a_dot(emulated: Cloud) -> None:
    body = {'name': 'a', 'min_disk': 40, 'image_url': 'images.disk'}

    assert emulated.post('/v2/cloudimages/action', **body) == 'IMG.0017'
