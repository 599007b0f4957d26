# SPDX-License-Identifier: Apache-2.0
"""The library against an emulator that has a bad minute.

What is injected and survived is printed, test by test: ``pytest -rP`` shows
it, and the user guide has it as a table.
"""

from collections.abc import Callable, Iterator
from concurrent import futures
import contextlib
import time
from typing import Any
import uuid

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext.emulator.fault.sets import FaultSet
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Image
from ims_ext.extension import job as _job
from ims_ext.transport import retry

from .own_cloud import Cloud

#: Seconds of a job: several looks long.
JOB_SECONDS = 1.5
WAITS = 40
IMAGES = 2000
PAGE = 40

#: Images of the emulator, each for one test.
_ALL_IDS = [str(uuid.uuid4()) for _ in range(IMAGES)]
_IMAGE_IDS = iter(_ALL_IDS)

StartJob = Callable[[], _job.Job]
Faulty = Callable[..., contextlib.AbstractContextManager[FaultSet]]


@pytest.fixture(scope='module')
def cloud() -> Iterator[Cloud]:
    """Give an emulator with many images; it does nothing wrong yet."""
    with EmulatorServer(
        job_seconds=JOB_SECONDS, image_quota=2 * IMAGES
    ) as server:
        cloud = Cloud(server)
        project_id = cloud.conn.current_project_id
        with server._state.database.transaction():
            for image_id in _ALL_IDS:
                server._state.images.add(
                    Image.new(
                        project_id,
                        'many',
                        {
                            '__imagetype': 'private',
                            '__isregistered': 'true',
                            '__os_type': 'Linux',
                            'min_disk': 40,
                            'disk_format': 'zvhd2',
                        },
                        id=image_id,
                        status='active',
                    )
                )
        yield cloud
        cloud.conn.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all be as it is, but faster."""
    policy = retry.Policy(first_pause=0.01, longest_pause=0.2)
    monkeypatch.setattr(proxy.Proxy, 'retry_policy', policy)


@pytest.fixture
def conn(cloud: Cloud) -> Iterator[connection.Connection]:
    """Give a connection with a token of its own."""
    with cloud.connect('alice') as conn:
        yield conn


@pytest.fixture
def faulty(
    cloud: Cloud,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> Faulty:
    """Give a way to have faults, which tells how often they happened."""

    @contextlib.contextmanager
    def have(*texts: str) -> Iterator[FaultSet]:
        with cloud.server.faults.active(*texts, seed=5) as faults:
            yield faults
        for each in faults:
            line = f'{each.fault}: {each.injected} of {each.met} requests'
            record_property('fault', line)
            print(f'{request.node.name}: {line}')

    return have


@pytest.fixture
def start_job(cloud: Cloud, conn: connection.Connection) -> StartJob:
    """Start jobs that have nothing to do with other tests."""
    with cloud.connect('bob') as bob:
        other = bob.current_project_id

    def start() -> _job.Job:
        job: _job.Job = conn.ims.add_image_members([next(_IMAGE_IDS)], [other])
        return job

    return start


def new_image(conn: connection.Connection) -> str:
    """Make an image without data; return its ID."""
    image = conn.ims.create_image_metadata(
        f'faulty-{uuid.uuid4().hex}', min_disk=40
    )
    return str(image.id)


# ====== WAITS ======


def look_until_all_happened(
    conn: connection.Connection, jobs: list[Any], faults: Any
) -> None:
    """Look on where jobs ended before each fault came by."""
    for job in jobs * 10:
        if all(faults.counts.values()):
            return
        assert conn.ims.get_job(job).is_successful


def test_forty_waits_lose_none_in_a_bad_minute(
    conn: connection.Connection, start_job: StartJob, faulty: Faulty
) -> None:
    jobs = [start_job() for _ in range(WAITS)]

    with (
        faulty('status=503,rate=0.1', 'cut=middle,rate=0.05') as faults,
        futures.ThreadPoolExecutor(8) as pool,
    ):
        ended = list(pool.map(conn.ims.wait_for_job, jobs))
        look_until_all_happened(conn, jobs, faults)

    assert [each.id for each in ended] == [each.id for each in jobs]
    assert all(each.is_successful for each in ended)
    assert all(faults.counts.values())


@pytest.mark.parametrize('where', ['before', 'after'])
def test_waiting_for_forty_at_once_loses_none_in_a_bad_minute(
    conn: connection.Connection,
    start_job: StartJob,
    faulty: Faulty,
    where: str,
) -> None:
    jobs = [start_job() for _ in range(WAITS)]

    with faulty('status=503,rate=0.1', f'cut={where},rate=0.05') as faults:
        ended = list(conn.ims.wait_for_jobs(jobs))
        look_until_all_happened(conn, jobs, faults)

    assert {each.id for each in ended} == {each.id for each in jobs}
    assert all(each.is_successful for each in ended)
    assert all(faults.counts.values())


@pytest.mark.parametrize(
    'fault',
    [
        'status=500',
        'status=429,retry-after=0',
        'status=503,body=html',
        'cut=after',
        'body=truncated',
        'body=garbage',
    ],
)
def test_a_job_that_ends_while_looks_fail_is_seen_to_have_ended(
    conn: connection.Connection,
    start_job: StartJob,
    faulty: Faulty,
    fault: str,
) -> None:
    job = start_job()
    running = conn.ims.get_job(job)

    # Every look fails for longer than the job takes.
    with faulty(f'{fault},path=*/jobs/*,after=1,count=7') as faults:
        ended = conn.ims.wait_for_job(running, interval=0.05)

    assert ended.is_successful
    assert faults.injected == 7


def test_a_wait_is_longer_than_its_tokens_last(
    conn: connection.Connection, start_job: StartJob, faulty: Faulty
) -> None:
    job = start_job()

    with faulty('token-seconds=0.2') as faults:
        conn.session.invalidate()
        ended = conn.ims.wait_for_job(job, interval=0.1)

    assert ended.is_successful
    assert faults.injected > 1


@pytest.mark.parametrize('fault', ['status=503', 'cut=before', 'body=html'])
def test_an_identity_service_with_a_bad_minute_does_not_end_a_wait(
    conn: connection.Connection,
    start_job: StartJob,
    faulty: Faulty,
    fault: str,
) -> None:
    job = start_job()

    with faulty(
        'token-seconds=0.2', f'{fault},on=identity,after=1,count=3'
    ) as faults:
        conn.session.invalidate()
        ended = conn.ims.wait_for_job(job, interval=0.1)

    assert ended.is_successful
    assert all(faults.counts.values())


# ====== READS ======


@pytest.mark.parametrize('method', ['cloud_images', 'images'])
def test_a_listing_completes_in_a_bad_minute(
    conn: connection.Connection, faulty: Faulty, method: str
) -> None:
    with faulty('status=503,rate=0.3', 'cut=middle,rate=0.1') as faults:
        listed = getattr(conn.ims, method)(name='many', limit=PAGE)
        found = sorted(each.id for each in listed)

    assert found == sorted(_ALL_IDS)
    assert all(faults.counts.values())


@pytest.mark.parametrize(
    'fault',
    [
        'status=500',
        'status=502,body=html',
        'status=504',
        'status=429,retry-after=0',
        'cut=before',
        'cut=middle',
        'cut=after',
        'body=truncated',
        'body=garbage',
        'body=html',
        'body=empty',
    ],
)
def test_reading_survives_faults_that_pass(
    conn: connection.Connection, faulty: Faulty, fault: str
) -> None:
    image_id = new_image(conn)

    with faulty(f'{fault},count=3') as faults:
        image = conn.ims.get_image(image_id)

    assert image.status == 'queued'
    assert faults.injected == 3


def test_an_answer_that_does_not_come_is_asked_for_again(
    conn: connection.Connection,
    faulty: Faulty,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conn.ims, 'retry_policy', retry.Policy(silence=0.3))

    with faulty('slow=1.5,count=1') as faults:
        quotas = list(conn.ims.image_quotas())

    assert quotas
    assert faults.injected == 1


@pytest.mark.parametrize(
    ('fault', 'kind'),
    [
        ('status=503', exceptions.CloudImageHttpError),
        ('cut=before', exceptions.NoAnswerError),
    ],
)
def test_a_service_that_stays_away_is_said_to_have_been_tried(
    conn: connection.Connection,
    faulty: Faulty,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    kind: type[Exception],
) -> None:
    policy = retry.Policy(retries=3, first_pause=0.01, longest_pause=0.01)
    monkeypatch.setattr(conn.ims, 'retry_policy', policy)

    with (
        faulty(f'{fault},on=image'),
        pytest.raises(kind, match='tried 4 times'),
    ):
        list(conn.ims.image_quotas())


# ====== WRITES ======


def test_a_deletion_whose_answer_is_lost_is_done(
    conn: connection.Connection, faulty: Faulty
) -> None:
    image_id = new_image(conn)

    with faulty('cut=after,method=DELETE,count=1') as faults:
        conn.ims.delete_image(image_id, ignore_missing=False)

    assert faults.injected == 1
    with pytest.raises(exceptions.NotFoundError):
        conn.ims.get_image(image_id)


def test_a_deletion_that_was_turned_away_is_not_taken_for_done(
    conn: connection.Connection, faulty: Faulty
) -> None:
    with (
        faulty('status=503,method=DELETE,count=1') as faults,
        pytest.raises(exceptions.NotFoundError),
    ):
        conn.ims.delete_image(str(uuid.uuid4()), ignore_missing=False)

    assert faults.injected == 1


@pytest.mark.parametrize(
    ('version', 'patch'),
    [
        (
            'v2.1',
            [
                {'op': 'remove', 'path': '/colour'},
                {'op': 'replace', 'path': '/tags', 'value': ['b', 'a']},
            ],
        ),
        ('v2.0', [{'remove': '/colour'}, {'add': '/min_ram', 'value': 512}]),
    ],
)
def test_a_patch_that_removes_is_done_when_its_answer_is_lost(
    conn: connection.Connection,
    faulty: Faulty,
    version: str,
    patch: list[dict[str, object]],
) -> None:
    image_id = new_image(conn)
    conn.ims.update_image(image_id, colour='red')

    with faulty('cut=after,method=PATCH,count=1') as faults:
        answer = conn.ims.patch(
            f'/images/{image_id}',
            json=patch,
            headers={
                'Content-Type': f'application/openstack-images-{version}'
                '-json-patch'
            },
        )

    assert faults.injected == 1
    assert answer.status_code == 200
    assert answer.json()['id'] == image_id
    assert 'colour' not in answer.json()


def test_a_patch_that_never_fitted_is_refused_for_all_faults(
    conn: connection.Connection, faulty: Faulty
) -> None:
    path = f'/images/{new_image(conn)}'
    patch = [
        {'op': 'remove', 'path': '/colour'},
        {'op': 'replace', 'path': '/name', 'value': 'other'},
    ]

    with faulty('cut=after,method=PATCH,count=1') as faults:
        answer = conn.ims.patch(
            path,
            json=patch,
            headers={
                'Content-Type': 'application/openstack-images-v2.1-json-patch'
            },
        )

    assert faults.injected == 1
    assert answer.status_code == 409


def test_an_extensions_patch_is_done_when_its_answer_is_lost(
    conn: connection.Connection, faulty: Faulty
) -> None:
    image = next(_IMAGE_IDS)
    conn.ims.update_cloud_image(image, description='old')

    with faulty('cut=after,method=PATCH,count=1') as faults:
        changed = conn.ims.update_cloud_image(image, description=None)

    assert faults.injected == 1
    assert changed.description is None
    assert conn.ims.get_cloud_image(image).description is None


@pytest.mark.parametrize('fault', ['status=503', 'cut=after'])
def test_a_request_that_creates_is_sent_once(
    cloud: Cloud, faulty: Faulty, fault: str
) -> None:
    entry = cloud.server.clouds()['clouds']['alice']
    with connection.Connection(
        **entry, connect_retries=5, status_code_retries=5
    ) as conn:
        conn.ims.get('/schemas/image')  # has a token from now on

        with (
            faulty(f'{fault},on=image') as faults,
            contextlib.suppress(exceptions.NoAnswerError),
        ):
            conn.ims.post('/images', json={'name': 'once'})

    assert [each.met for each in faults] == [1]


def test_a_token_that_ended_is_renewed_for_a_request_that_creates(
    conn: connection.Connection, faulty: Faulty
) -> None:
    name = f'renewed-{uuid.uuid4().hex}'
    with faulty('token-seconds=0.05'):
        conn.session.invalidate()
        conn.session.get_token()
    time.sleep(0.1)

    with faulty('status=503,on=identity,count=2') as faults:
        conn.ims.create_image_metadata(name)

    assert faults.injected == 2
    assert len(list(conn.ims.images(name=name))) == 1


# ====== SHAPES ======


@pytest.mark.parametrize('shape', ['text', 'wrapped', 'flat', 'listed'])
def test_a_refusal_in_another_shape_is_read(
    conn: connection.Connection, faulty: Faulty, shape: str
) -> None:
    fault = f'status=409,code=IMG.0046,body={shape},path=/v2/cloudimages'
    with (
        faulty(fault) as faults,
        pytest.raises(sdk_exceptions.HttpException) as caught,
    ):
        conn.ims.get_cloud_image(next(_IMAGE_IDS))

    assert faults.injected > 0
    assert 'A fault was asked for: Conflict' in str(caught.value)
    if shape != 'text':
        assert 'IMG.0046' in str(caught.value)
