# SPDX-License-Identifier: Apache-2.0
"""How the emulator is looked at and steered, and who may do so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import ims_ext
from ims_ext.emulator.seed import Account
from ims_ext.emulator.server import EmulatorServer

from .own_cloud import Cloud
from .own_cloud import own_cloud
from .plain_http import Client
from .plain_http import disk


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator whose state no test changes."""
    with EmulatorServer(regions=['eu-de', 'eu-nl']) as emulator:
        yield emulator


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Give an emulator of the test's own, whose jobs last for an hour."""
    with own_cloud(job_seconds=3600) as cloud:
        yield cloud


def control(
    server: EmulatorServer, method: str, path: str, **arguments: Any
) -> requests.Response:
    """Send a request to a control route."""
    url = f'{server.control_url}/_emulator/{path}'
    return requests.request(method, url, timeout=60, **arguments)


def told(
    server: EmulatorServer, method: str, path: str, **arguments: Any
) -> Any:
    """Return what a control route answers."""
    answer = control(server, method, path, **arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


# ====== WHO MAY ======


@pytest.mark.parametrize('path', ['clock', 'requests', 'faults', 'nothing'])
@pytest.mark.parametrize(
    'headers',
    [
        {'Host': 'attacker.example'},
        {'Host': 'attacker.example:9292'},
        {'Host': '127.0.0.1.attacker.example'},
        {'Host': '[not an address'},
        {'Origin': 'http://127.0.0.1:9292'},
        {'Origin': 'null'},
        {'Sec-Fetch-Site': 'cross-site'},
        {'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors'},
    ],
)
def test_a_web_page_controls_nothing(
    server: EmulatorServer, headers: dict[str, str], path: str
) -> None:
    assert control(server, 'GET', path, headers=headers).status_code == 403


def test_the_emulators_own_page_controls_it(server: EmulatorServer) -> None:
    headers = {'Origin': server.control_url}
    assert control(server, 'GET', 'clock', headers=headers).status_code == 200


def test_an_origin_is_not_a_services(server: EmulatorServer) -> None:
    answer = requests.get(
        f'{server.image_url}/_emulator/clock',
        headers={'Origin': server.image_url},
        timeout=60,
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    'host', ['localhost', 'LOCALHOST:9292', '127.0.0.1:1', '[::1]:9292']
)
def test_a_name_of_this_machine_is_answered(
    server: EmulatorServer, host: str
) -> None:
    headers = {'Host': host}
    assert control(server, 'GET', 'clock', headers=headers).status_code == 200


def test_the_routes_are_at_the_services_ports_too(
    server: EmulatorServer,
) -> None:
    for url in (server.image_url, server.compute_url):
        answer = requests.get(f'{url}/_emulator/health', timeout=60)
        assert answer.json()['ready'] is True


def test_only_the_control_is_at_its_port(server: EmulatorServer) -> None:
    for path in ('/v2/images', '/identity/v3', '/image/v2/images'):
        answer = requests.get(server.control_url + path, timeout=60)
        assert answer.status_code == 404


# ====== AS A WHOLE ======


def test_health_says_version_and_addresses(server: EmulatorServer) -> None:
    health = told(server, 'GET', 'health')

    assert health['ready'] is True
    assert health['version'] == ims_ext.__version__
    assert health['uptime'] >= 0
    assert health['regions'] == ['eu-de', 'eu-nl']
    assert health['urls'] == server.urls
    assert health['urls']['image'] == server.image_url
    assert health['urls']['control'] == server.control_url


@pytest.mark.parametrize('kept', [False, True])
def test_a_reset_has_everything_as_at_the_start(
    kept: bool, tmp_path: Path
) -> None:
    state = tmp_path / 'state' if kept else None
    with EmulatorServer(state_dir=state, faults=['slow=0.001']) as server:
        first = Client(server)
        server.add_user(Account('carol', 'secret', 'gamma'))
        image_id = first.create_metadata(name='golden')
        first.put('key', b'data')
        server.clock.advance('1h')
        server.faults.set(['status=503,on=compute'])

        assert told(server, 'POST', 'reset')['ready'] is True

        again = Client(server)
        assert again.project_id == first.project_id
        assert (
            again.request('GET', f'/v2/images/{image_id}').status_code == 404
        )
        assert again.s3.list_objects_v2(Bucket='images')['KeyCount'] == 0
        assert 'carol' not in server.clouds()['clouds']
        assert server.clock.advanced == 0
        assert list(server.faults.counts) == ['slow=0.001']
        assert server.counts.made('image', name='golden') == 0
        assert again.create_metadata(name='golden') == image_id


def test_a_reset_waits_for_nobody_whom_a_fault_delays() -> None:
    with EmulatorServer(faults=['slow=600,on=image,count=1']) as server:
        client = Client(server)
        waiting = client._session
        import threading

        seen: list[int] = []
        thread = threading.Thread(
            target=lambda: seen.append(
                waiting.get(
                    f'{server.image_url}/v2/images', timeout=60
                ).status_code
            )
        )
        thread.start()
        while not server.faults.injected:
            thread.join(0.01)
        server.reset()
        thread.join()
        assert len(seen) == 1


# ====== TIME ======


def test_the_clock_is_advanced(cloud: Cloud) -> None:
    before = told(cloud.server, 'GET', 'clock')
    after = told(cloud.server, 'POST', 'clock', json={'advance': '2h'})

    assert before['advanced'] == 0
    assert after['advanced'] == 7200
    assert after['seconds'] - before['seconds'] >= 7200
    assert cloud.server.clock.advanced == 7200


@pytest.mark.parametrize(
    'body', [{}, {'advance': 'soon'}, {'advance': -1}, {'forward': 1}]
)
def test_what_is_no_time_is_refused(
    server: EmulatorServer, body: dict[str, Any]
) -> None:
    assert control(server, 'POST', 'clock', json=body).status_code == 400
    assert server.clock.advanced == 0


def test_answers_have_the_emulators_date(cloud: Cloud) -> None:
    cloud.server.clock.advance('400d')
    answer = requests.get(cloud.server.auth_url, timeout=60)
    this_year = requests.get(
        f'{cloud.server.control_url}/_emulator/health', timeout=60
    ).headers['Date'][12:16]
    assert answer.headers['Date'][12:16] > this_year


# ====== JOBS ======


def start_import(cloud: Cloud, tmp_path: Path, name: str = 'golden') -> Any:
    """Begin to import an image; return the job."""
    client = Client(cloud.server)
    client.put('disk.qcow2', disk(tmp_path, 'qcow2'))
    return cloud.conn.ims.create_image_from_object(
        'images:disk.qcow2', name, min_disk=40
    )


def post_job(cloud: Cloud, action: str, **given: str) -> list[dict[str, Any]]:
    """Have something done to jobs; return them."""
    body = {'action': action, **given}
    jobs: list[dict[str, Any]] = told(cloud.server, 'POST', 'jobs', json=body)[
        'jobs'
    ]
    return jobs


def test_a_job_is_finished(cloud: Cloud, tmp_path: Path) -> None:
    job = start_import(cloud, tmp_path)
    assert cloud.conn.ims.get_job(job).status == 'RUNNING'

    post_job(cloud, 'finish', job=job.id)

    cloud.conn.ims.wait_for_job(job)
    assert cloud.conn.ims.find_image('golden').status == 'active'


def test_a_job_is_failed_with_a_code(cloud: Cloud, tmp_path: Path) -> None:
    job = start_import(cloud, tmp_path)

    (failed,) = post_job(cloud, 'fail', job=job.id, code='IMG.0205')

    assert (failed['status'], failed['error_code']) == ('FAIL', 'IMG.0205')
    found = cloud.conn.ims.get_job(job)
    assert found.error_code == 'IMG.0205'
    assert found.fail_reason
    assert cloud.conn.ims.find_image('golden') is None


def test_jobs_are_held_before_they_begin(cloud: Cloud, tmp_path: Path) -> None:
    server = cloud.server
    server.jobs.hold('imsImportImageJob')
    job = start_import(cloud, tmp_path)
    server.clock.advance('3h')
    (held,) = server.jobs.select(job.id)
    assert (held.status, held.is_held) == ('RUNNING', True)
    assert held.progress < 1
    assert told(server, 'GET', 'jobs')['held'] == ['imsImportImageJob']

    post_job(cloud, 'release', operation='imsImportImageJob')

    cloud.conn.ims.wait_for_job(job)


def test_one_job_is_held_and_released(cloud: Cloud, tmp_path: Path) -> None:
    first = start_import(cloud, tmp_path, 'first')
    second = start_import(cloud, tmp_path, 'second')
    (held,) = post_job(cloud, 'hold', job=first.id)
    assert held['is_held']
    cloud.server.clock.advance('1h')
    cloud.conn.ims.wait_for_job(second)
    assert cloud.conn.ims.get_job(first).status == 'RUNNING'

    post_job(cloud, 'release', job=first.id)

    cloud.conn.ims.wait_for_job(first)


def test_a_held_job_can_be_finished(cloud: Cloud, tmp_path: Path) -> None:
    cloud.server.jobs.hold('importImage')
    job = start_import(cloud, tmp_path)

    cloud.server.jobs.finish(job.id)

    cloud.conn.ims.wait_for_job(job)


def test_a_hanging_job_can_be_finished(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.server.faults.active('job=hang'):
        job = start_import(cloud, tmp_path)
        while not cloud.server.faults.injected:
            cloud.conn.ims.get_job(job)

    cloud.server.jobs.finish()

    cloud.conn.ims.wait_for_job(job)


def test_jobs_are_those_of_a_documented_operation(
    cloud: Cloud, tmp_path: Path
) -> None:
    job = start_import(cloud, tmp_path)

    assert not cloud.server.jobs.fail('exporting an image')
    (failed,) = cloud.server.jobs.fail('creating an image', reason='Broken')

    assert failed.operation == 'Creating an Image'
    assert (failed.id, failed.fail_reason) == (job.id, 'Broken')


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({}, 400),
        ({'action': 'begin'}, 400),
        ({'action': 'hold'}, 400),
        ({'action': 'finish', 'code': 'IMG.0205'}, 400),
        ({'action': 'fail', 'code': 7}, 400),
        ({'action': 'fail', 'job': 'x', 'operation': 'y'}, 400),
        ({'action': 'finish', 'job': '0' * 32}, 404),
    ],
)
def test_what_cannot_be_done_to_jobs_is_refused(
    server: EmulatorServer, body: dict[str, Any], status: int
) -> None:
    answer = control(server, 'POST', 'jobs', json=body)
    assert answer.status_code == status


def test_a_job_that_has_ended_stays_as_it_is(
    cloud: Cloud, tmp_path: Path
) -> None:
    job = start_import(cloud, tmp_path)
    cloud.server.jobs.finish(job.id)
    cloud.conn.ims.wait_for_job(job)

    with pytest.raises(LookupError):
        cloud.server.jobs.fail(job.id)

    assert told(cloud.server, 'GET', f'jobs/{job.id}')['status'] == 'SUCCESS'


def test_a_held_job_is_held_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / 'state'
    with EmulatorServer(state_dir=state, job_seconds=0) as server:
        cloud = Cloud(server)
        server.jobs.hold('imsImportImageJob')
        job = start_import(cloud, tmp_path)
        server.jobs.hold(job.id)
        cloud.conn.close()
    with EmulatorServer(state_dir=state, job_seconds=0) as server:
        cloud = Cloud(server)
        assert cloud.conn.ims.get_job(job.id).status == 'RUNNING'
        server.jobs.release()
        cloud.conn.ims.wait_for_job(job.id)
        cloud.conn.close()


# ====== COUNTS ======


def test_what_was_made_twice_is_counted_twice(cloud: Cloud) -> None:
    ims, counts = cloud.conn.ims, cloud.server.counts
    for _ in range(2):
        image = ims.create_image_metadata(name='golden')
        ims.delete_image(image, ignore_missing=False)
    ims.create_image_metadata(name='other')

    assert counts.made('image', name='golden') == 2
    assert counts.made('image', project='alpha') == 3
    assert counts.made('image', project='beta') == 0
    found = told(cloud.server, 'GET', 'counts?kind=image&name=golden')
    assert found['totals'] == {'image': 2}
    assert found['counts'][0]['project'] == 'alpha'
    assert found['counts'][0]['region'] == 'eu-emu-1'


def test_objects_and_jobs_are_counted(cloud: Cloud, tmp_path: Path) -> None:
    start_import(cloud, tmp_path)
    start_import(cloud, tmp_path)

    counts = cloud.server.counts
    assert counts.made('job', name='imsImportImageJob') == 2
    # One took the other's place.
    assert counts.made('object', name='images/disk.qcow2') == 2


def test_counts_are_those_of_all_starts(tmp_path: Path) -> None:
    for number in (1, 2):
        with EmulatorServer(state_dir=tmp_path / 'state') as server:
            Client(server).create_metadata(name='golden')
            assert server.counts.made('image', name='golden') == number


@pytest.mark.parametrize('query', ['kind=dog', 'colour=red'])
def test_what_is_not_counted_is_refused(
    server: EmulatorServer, query: str
) -> None:
    assert control(server, 'GET', f'counts?{query}').status_code == 400
