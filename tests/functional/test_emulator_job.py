# SPDX-License-Identifier: Apache-2.0
"""Operation 27: what jobs answer from their beginning to their end."""

import pathlib
import re

import pytest

from ims_ext.emulator.server import EmulatorServer

from .plain_http import Client
from .plain_http import code
from .plain_http import disk
from .plain_http import iso

UNKNOWN = 'ff8080814dbd65d7014dbe0d84db0013'
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z')

#: No job of this length ends while a test runs.
FOREVER = 3600


def prepared(server: EmulatorServer, data: bytes) -> Client:
    """Return Alice, with an object in a bucket."""
    client = Client(server)
    client.s3.create_bucket(Bucket='images')
    client.put('disk.qcow2', data)
    return client


@pytest.fixture
def qcow2(tmp_path: pathlib.Path) -> bytes:
    return disk(tmp_path, 'qcow2')


def test_a_running_job_says_what_it_does(qcow2: bytes) -> None:
    with EmulatorServer(job_seconds=FOREVER) as server:
        client = prepared(server, qcow2)
        job_id = client.create(name='golden').json()['job_id']
        job = client.job(job_id)
    (image_id,) = {job['entities'].pop('image_id')}
    assert re.fullmatch(r'[0-9a-f-]{36}', image_id)
    assert TIME.fullmatch(job.pop('begin_time'))
    assert job.pop('status') in ('INIT', 'RUNNING')
    assert job == {
        'job_id': job_id,
        'job_type': 'imsImportImageJob',
        'end_time': None,
        'error_code': None,
        'fail_reason': None,
        'entities': {
            'image_name': 'golden',
            'process_percent': 0.0,
            'current_task': 'ImportImageTask',
        },
    }


def test_a_job_that_succeeded_says_when(
    importer: Client, qcow2: bytes
) -> None:
    importer.put('disk.qcow2', qcow2)
    job = importer.finish(importer.create())
    assert job['status'] == 'SUCCESS'
    assert job['entities']['process_percent'] == 1.0
    assert TIME.fullmatch(job['end_time'])
    assert job['end_time'] >= job['begin_time']


def test_a_job_that_failed_says_why(importer: Client) -> None:
    importer.put('disk.qcow2', b'no image')
    job = importer.finish(importer.create())
    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0057'
    assert job['fail_reason']
    assert job['entities']['process_percent'] < 1


def test_progress_never_falls_and_has_two_decimals(qcow2: bytes) -> None:
    seen = []
    with EmulatorServer(job_seconds=0.5) as server:
        client = prepared(server, qcow2)
        job_id = client.create().json()['job_id']
        status = 'INIT'
        while status in ('INIT', 'RUNNING'):
            job = client.job(job_id)
            status = job['status']
            seen.append(job['entities']['process_percent'])
    assert seen == sorted(seen)
    assert seen == [round(each, 2) for each in seen]
    assert seen[-1] == 1.0


def test_an_image_is_active_as_soon_as_its_job_succeeded(
    qcow2: bytes,
) -> None:
    with EmulatorServer(job_seconds=0.1) as server:
        client = prepared(server, qcow2)
        job = client.finish(client.create())
        (image,) = client.images(id=job['entities']['image_id'])
    assert image['status'] == 'active'


@pytest.mark.parametrize('image_type', ['ECS', 'BMS', 'DataImage'])
def test_a_quick_import_has_a_sub_job(
    importer: Client, tmp_path: pathlib.Path, image_type: str
) -> None:
    importer.put('disk.qcow2', b'')
    importer.put('disk.raw', disk(tmp_path, 'raw', 2**20))
    job = importer.finish(importer.quick_import(type=image_type))
    entities = job['entities']
    (part,) = entities['sub_jobs_result']
    assert job['job_type'] == 'imsImportImageJob'
    assert entities['sub_jobs_list'] == [part['job_id']]
    assert part['job_id'] != job['job_id']
    assert part['job_type'] == 'imsImportBigFileImageJob'
    assert part['status'] == 'SUCCESS'
    assert part['entities'] == {
        'image_id': entities['image_id'],
        'image_name': entities['image_name'],
    }


def test_the_import_of_an_iso_file_has_a_sub_job(importer: Client) -> None:
    importer.put('disk.qcow2', iso())
    importer.put('cd.iso', iso())
    job = importer.finish(
        importer.create(image_url='images:cd.iso', type='IsoImage')
    )
    (part,) = job['entities']['sub_jobs_result']
    assert part['job_type'] == 'imsImportIsoFileImageJob'


def test_a_sub_job_fails_with_its_job(importer: Client) -> None:
    importer.put('disk.qcow2', b'no image')
    job = importer.finish(importer.create(type='IsoImage'))
    (part,) = job['entities']['sub_jobs_result']
    assert part['status'] == 'FAIL'
    assert part['error_code'] == job['error_code']


def test_a_sub_job_can_be_asked_for_alone(importer: Client) -> None:
    importer.put('disk.qcow2', iso())
    importer.put('cd.iso', iso())
    job = importer.finish(
        importer.create(image_url='images:cd.iso', type='IsoImage')
    )
    (part,) = job['entities']['sub_jobs_result']
    assert importer.job(part['job_id']) == part


def test_a_registration_tells_no_more_than_the_image(
    importer: Client, qcow2: bytes
) -> None:
    importer.put('disk.qcow2', qcow2)
    image_id = importer.create_metadata(name='golden')
    job = importer.finish(importer.register(image_id, 'images:disk.qcow2'))
    assert job['job_type'] == 'imsNativeImportImageJob'
    assert job['entities'] == {'image_id': image_id}


# ====== WHO MAY ASK ======


def test_an_unknown_job_is_refused(importer: Client) -> None:
    answer = importer.get(f'/v1/{importer.project_id}/jobs/{UNKNOWN}')
    assert code(answer) == 'IMG.0023'


def test_a_job_of_another_project_does_not_exist(
    importer: Client, neighbour: Client, qcow2: bytes
) -> None:
    importer.put('disk.qcow2', qcow2)
    job_id = importer.create().json()['job_id']
    answer = neighbour.get(f'/v1/{neighbour.project_id}/jobs/{job_id}')
    assert code(answer) == 'IMG.0023'


def test_the_project_must_be_the_tokens(
    importer: Client, neighbour: Client, qcow2: bytes
) -> None:
    importer.put('disk.qcow2', qcow2)
    job_id = importer.create().json()['job_id']
    answer = neighbour.get(f'/v1/{importer.project_id}/jobs/{job_id}')
    assert code(answer) == 'IMG.0030'


def test_a_job_needs_a_token(importer: Client) -> None:
    answer = importer.request(
        'GET',
        f'/v1/{importer.project_id}/jobs/{UNKNOWN}',
        headers={'X-Auth-Token': 'wrong'},
    )
    assert answer.status_code == 401


# ====== RESTARTS ======


def test_a_finished_job_survives_a_restart(
    tmp_path: pathlib.Path, qcow2: bytes
) -> None:
    state = tmp_path / 'state'
    with EmulatorServer(state_dir=state, job_seconds=0) as server:
        client = prepared(server, qcow2)
        job = client.finish(client.create())
    with EmulatorServer(state_dir=state) as server:
        assert Client(server).job(job['job_id']) == job


def test_a_job_in_flight_goes_on_after_a_restart(
    tmp_path: pathlib.Path, qcow2: bytes
) -> None:
    state = tmp_path / 'state'
    with EmulatorServer(state_dir=state, job_seconds=1) as server:
        started = prepared(server, qcow2).create()
    with EmulatorServer(state_dir=state) as server:
        client = Client(server)
        job = client.finish(started)
        (image,) = client.images(id=job['entities']['image_id'])
    assert job['status'] == 'SUCCESS'
    assert image['status'] == 'active'


def test_many_jobs_run_at_once(qcow2: bytes) -> None:
    with EmulatorServer(job_seconds=0.5) as server:
        client = prepared(server, qcow2)
        started = [client.create(name=f'image-{n}') for n in range(60)]
        for each in started:
            client.finish(each)
        active = client.names(owner=client.project_id, status='active')
    assert len(active) == len(started)
