# SPDX-License-Identifier: Apache-2.0
"""How it is found out what became of a request whose answer was lost."""

import datetime
import email.utils
import pickle
import ssl
import time
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
import pytest
import requests
import requests_mock
from urllib3 import exceptions as urllib3_exceptions

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext import reconcile
from ims_ext.extension import image_job
from ims_ext.reconcile import image as image_trace
from ims_ext.transport import retry

from .conftest import AUTH_URL
from .conftest import IMS_URL
from .conftest import PROJECT_ID

ACTION = f'{IMS_URL}/v2/cloudimages/action'
IMAGES = f'{IMS_URL}/v2/images'
TOKENS = f'{AUTH_URL}/auth/tokens'
#: What the server's clock says; ours is another one.
NOW = datetime.datetime(2031, 5, 4, 3, 2, 1, tzinfo=datetime.UTC)
BROKEN: dict[str, Any] = {'exc': requests.exceptions.ConnectionError('cut')}
LATE: dict[str, Any] = {'exc': requests.exceptions.ReadTimeout('late')}
STARTED: dict[str, Any] = {'json': {'job_id': 'j1'}}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made; they take no time."""
    made: list[float] = []
    monkeypatch.setattr(reconcile, '_sleep', made.append)
    return made


@pytest.fixture(autouse=True)
def forgotten(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what other tests have made, and ask once for all the rest."""
    monkeypatch.setattr(image_trace, '_OWN', image_trace._Own())
    policy = retry.Policy(first_pause=0.001, retries=4)
    monkeypatch.setattr(proxy.Proxy, 'retry_policy', policy)


def image(image_id: str = 'i1', age: float = 0, **others: Any) -> Any:
    """Return what the cloud tells of an image.

    :param age: How many seconds ago it was created.
    """
    created = NOW - datetime.timedelta(seconds=age)
    return {
        'id': image_id,
        'name': 'golden',
        'owner': PROJECT_ID,
        'status': 'saving',
        'created_at': created.strftime('%Y-%m-%dT%H:%M:%SZ'),
        '__data_origin': 'file,images:a.qcow2',
        **others,
    }


def listing(*images: Any) -> dict[str, Any]:
    """Return the answer that lists images."""
    return {
        'json': {'images': list(images)},
        'headers': {'Date': email.utils.format_datetime(NOW, usegmt=True)},
    }


def create(conn: connection.Connection) -> Any:
    """Ask for an image."""
    ims: Any = conn.ims  # type: ignore[attr-defined]
    return ims.create_image_from_object('images:a.qcow2', 'golden', 40)


def sent(answers: requests_mock.Mocker, url: str) -> int:
    """Return how many requests went to a URL."""
    return sum(
        request.url.partition('?')[0] == url
        for request in answers.request_history
    )


# ====== WITHOUT FAULTS ======


def test_nothing_is_asked_before_or_after_where_nothing_goes_wrong(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    conn.authorize()
    before = answers.call_count
    answers.post(ACTION, **STARTED)

    create(conn)

    assert answers.call_count == before + 1


def test_a_refusal_is_not_looked_into(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, status_code=400, json={})

    with pytest.raises(exceptions.BadRequestError):
        create(conn)

    assert sent(answers, ACTION) == 1
    assert sent(answers, IMAGES) == 0


# ====== WHAT IS TAKEN FOR THE IMAGE ======


def test_the_image_is_gone_on_with(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, [listing(image())])

    job = create(conn)

    assert job.image_id == 'i1'
    assert job.image_name == 'golden'
    assert job.status == 'RUNNING'
    assert not job.id
    assert sent(answers, ACTION) == 1


def test_a_record_may_appear_late(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, [listing(), listing(), listing(image())])

    assert create(conn).image_id == 'i1'
    assert sent(answers, ACTION) == 1


@pytest.mark.parametrize(
    'other',
    [
        image(age=10),
        image(name='Golden'),
        image(owner='f' * 32),
        image(__data_origin='file,images:b.qcow2'),
        image(__data_origin='instance,i1'),
    ],
    ids=['older', 'name', 'owner', 'object', 'server'],
)
def test_an_image_that_cannot_be_it_is_not_taken_for_it(
    conn: connection.Connection, answers: requests_mock.Mocker, other: Any
) -> None:
    answers.post(ACTION, [BROKEN, STARTED])
    answers.get(IMAGES, [listing(other)])

    assert create(conn).id == 'j1'


@pytest.mark.parametrize(
    'told', [None, '', 'odd', 'elsewhere,x', 'file,eu-1,images:a.qcow2']
)
def test_a_source_that_is_not_told_or_unheard_of_speaks_against_nothing(
    conn: connection.Connection, answers: requests_mock.Mocker, told: Any
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, [listing(image(__data_origin=told))])

    assert create(conn).image_id == 'i1'


def test_time_goes_by_the_servers_clock(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, slept = time.time, [0.0]
    monkeypatch.setattr(time, 'time', lambda: real() + slept[0])

    def sleep(request: Any, context: Any) -> str:
        # The machine does, and its steady clock stands still.
        slept[0] = 60.0
        raise requests.exceptions.ConnectionError("cut")

    answers.post(ACTION, text=sleep)
    answers.get(IMAGES, [listing(image(age=55), image('i2', age=70))])

    assert create(conn).image_id == 'i1'


@pytest.mark.parametrize('created', [None, 5, 'soon'])
def test_an_image_of_unknown_age_may_be_it_or_not(
    conn: connection.Connection, answers: requests_mock.Mocker, created: Any
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, [listing(image(created_at=created))])

    with pytest.raises(exceptions.OutcomeUnknownError) as caught:
        create(conn)

    assert caught.value.candidates == ['i1']


@pytest.mark.parametrize('date', [{}, {'Date': 'soon'}])
def test_without_the_servers_time_an_image_may_be_it_or_not(
    conn: connection.Connection, answers: requests_mock.Mocker, date: Any
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, json={'images': [image()]}, headers=date)

    with pytest.raises(exceptions.OutcomeUnknownError, match='i1'):
        create(conn)


def test_several_are_named(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, [listing(image('i1'), image('i2'))])

    with pytest.raises(exceptions.OutcomeUnknownError) as caught:
        create(conn)

    assert caught.value.candidates == ['i1', 'i2']
    assert 'openstack image list --name golden' in str(caught.value)
    assert sent(answers, ACTION) == 1


@pytest.mark.parametrize('odd', [None, '', 5, 'i1?x', '../i1'])
def test_an_image_without_id_leaves_it_open(
    conn: connection.Connection, answers: requests_mock.Mocker, odd: Any
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, [listing(image(odd))])

    with pytest.raises(exceptions.OutcomeUnknownError, match='without ID'):
        create(conn)


def test_all_pages_that_are_new_enough_are_looked_at(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    others = [image(f'x{n}', __data_origin='file,b:c') for n in range(100)]
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, [listing(*others), listing(image())])

    assert create(conn).image_id == 'i1'
    assert answers.last_request is not None
    assert answers.last_request.qs['marker'] == ['x99']


# ====== OTHER ATTEMPTS OF THIS PROCESS ======


def test_the_image_of_another_job_of_ours_is_not_taken_for_it(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, [STARTED, BROKEN, {'json': {'job_id': 'j2'}}])
    answers.get(IMAGES, [listing(image('i1'))])
    answers.get(
        f'{IMS_URL}/v1/{PROJECT_ID}/jobs/j1',
        json={'job_id': 'j1', 'entities': {'image_id': 'i1'}},
    )
    create(conn)

    assert create(conn).id == 'j2'


def test_an_image_is_taken_for_one_attempt_only(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(
        IMAGES, [listing(image('i1')), listing(image('i2'), image('i1'))]
    )

    assert [create(conn).image_id, create(conn).image_id] == ['i1', 'i2']


def test_an_image_of_another_cloud_with_the_same_id_is_no_reason_against_it(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    then = time.monotonic() - 60
    with monkeypatch.context() as earlier:
        earlier.setattr(image_trace.time, 'monotonic', lambda: then)
        image_trace._OWN.claim(['i1'])
    answers.post(ACTION, **BROKEN)
    answers.get(IMAGES, **listing(image()))

    assert create(conn).image_id == 'i1'


def test_a_job_of_ours_that_has_no_image_yet_leaves_it_open(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, [STARTED, BROKEN])
    answers.get(IMAGES, [listing(image('i1'))])
    answers.get(
        f'{IMS_URL}/v1/{PROJECT_ID}/jobs/j1',
        json={'job_id': 'j1', 'status': 'INIT', 'entities': {}},
    )
    create(conn)

    with pytest.raises(exceptions.OutcomeUnknownError, match='i1'):
        create(conn)


# ====== WHAT FOLLOWS FROM A FAILURE ======


@pytest.mark.parametrize('status', [429, 503])
def test_a_request_that_was_turned_away_is_sent_again(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
    status: int,
) -> None:
    refused = {'status_code': status, 'headers': {'Retry-After': '7'}}
    answers.post(ACTION, [refused, STARTED])
    answers.get(IMAGES, [listing()])

    assert create(conn).id == 'j1'
    assert 7 <= pauses[0] < 8


@pytest.mark.parametrize(
    'cause',
    [
        urllib3_exceptions.NewConnectionError(Any, 'refused'),  # type: ignore[arg-type]
        urllib3_exceptions.ConnectTimeoutError('no route'),
    ],
)
def test_a_request_that_never_left_is_sent_again_without_a_look(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cause: Exception,
) -> None:
    error = urllib3_exceptions.MaxRetryError(Any, ACTION, cause)  # type: ignore[arg-type]
    unsent = {'exc': requests.exceptions.ConnectionError(error)}
    answers.post(ACTION, [unsent, STARTED])

    assert create(conn).id == 'j1'
    assert sent(answers, IMAGES) == 0


@pytest.mark.parametrize(
    'fault',
    [
        {'status_code': 503},
        {'status_code': 500},
        {'exc': requests.exceptions.ConnectionError('cut')},
        {'exc': requests.exceptions.ReadTimeout('late')},
        {'text': '<html>'},
    ],
)
@pytest.mark.parametrize('expires', [False, True])
def test_without_a_token_nothing_was_sent_and_patience_is_not_doubled(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    fault: dict[str, Any],
    expires: bool,
) -> None:
    if expires:
        # The first token is refused, and there is no other.
        conn.authorize()
        answers.post(ACTION, status_code=401)
    answers.post(TOKENS, **fault)
    before = sent(answers, TOKENS)

    with pytest.raises(ksa_exceptions.ClientException) as caught:
        create(conn)

    assert not isinstance(caught.value, exceptions.OutcomeUnknownError)
    assert sent(answers, TOKENS) - before in (5, 6)
    assert sent(answers, IMAGES) == 0


def test_a_token_that_ends_meanwhile_does_not_lose_the_answer(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    conn.authorize()
    plugin: Any = conn.session.auth

    def started(request: Any, context: Any) -> dict[str, str]:
        plugin.invalidate()
        return {'job_id': 'j1'}

    answers.post(ACTION, json=started)
    answers.post(TOKENS, status_code=503)

    assert create(conn).id == 'j1'
    assert sent(answers, ACTION) == 1


def test_what_the_identity_service_refuses_later_is_no_proof_of_anything() -> (
    None
):
    # openstacksdk asks it for what an answer's object is to know, too.
    error = ksa_exceptions.ServiceUnavailable()

    assert reconcile.loss_of(error) is reconcile.Loss.BROKEN


def test_a_certificate_that_is_not_trusted_is_no_loss() -> None:
    error = ksa_exceptions.SSLError('no')
    error.__cause__ = requests.exceptions.SSLError(
        ssl.SSLCertVerificationError('self-signed')
    )

    assert reconcile.loss_of(error) is None


@pytest.mark.parametrize('fault', [LATE, {'status_code': 504}])
def test_what_may_be_under_way_is_waited_for_and_not_sent_again(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
    fault: Any,
) -> None:
    answers.post(ACTION, [fault, STARTED])
    answers.get(IMAGES, [listing()])

    with pytest.raises(exceptions.OutcomeUnknownError, match='golden'):
        create(conn)

    assert sent(answers, ACTION) == 1
    assert 50 < sum(pauses) < 90


@pytest.mark.parametrize(
    'fault',
    [
        {'text': '<html>Welcome to this hotel</html>'},
        {'text': '{"job_i'},
        {'text': ''},
        {'json': {'job_id': None}},
        {'json': {'job_id': ' '}},
        {'json': {'job_id': 5}},
        {'json': ['j1']},
        {'json': None},
    ],
)
def test_a_success_that_cannot_be_read_is_not_sent_again(
    conn: connection.Connection, answers: requests_mock.Mocker, fault: Any
) -> None:
    answers.post(ACTION, [fault, STARTED])
    answers.get(IMAGES, [listing()])

    with pytest.raises(exceptions.OutcomeUnknownError):
        create(conn)

    assert sent(answers, ACTION) == 1


def test_where_nothing_can_be_seen_after_a_break_it_is_sent_again(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    answers.post(ACTION, [BROKEN, STARTED])
    answers.get(IMAGES, [listing()])

    assert create(conn).id == 'j1'
    assert sum(pauses) > 9


def test_a_refusal_of_a_second_request_is_looked_into(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    taken = {'status_code': 400, 'json': {'error': {'code': 'IMG.0009'}}}
    answers.post(ACTION, [BROKEN, taken])
    looks = [listing()] * (len(reconcile._SOON) + 1)
    answers.get(IMAGES, [*looks, listing(image())])

    assert create(conn).image_id == 'i1'


def test_a_refusal_of_a_second_request_says_what_may_be_left(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, [BROKEN, {'status_code': 403, 'json': {}}])
    answers.get(IMAGES, [listing()])

    with pytest.raises(exceptions.ForbiddenError) as caught:
        create(conn)

    assert "perhaps the image 'golden'" in caught.value.__notes__[0]


def test_a_look_that_fails_leaves_it_open(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(ACTION, [BROKEN])
    answers.get(IMAGES, status_code=403)

    with pytest.raises(exceptions.OutcomeUnknownError, match='looking'):
        create(conn)

    assert sent(answers, ACTION) == 1


def test_a_ctrl_c_says_what_may_be_on_its_way(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reconcile, '_sleep', interrupt)
    answers.post(ACTION, [LATE])

    with pytest.raises(KeyboardInterrupt) as caught:
        create(conn)

    assert 'openstack image list --name golden' in caught.value.__notes__[0]


def test_a_ctrl_c_after_a_clear_refusal_leaves_nothing(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reconcile, '_sleep', interrupt)
    answers.post(ACTION, status_code=429)

    with pytest.raises(KeyboardInterrupt) as caught:
        create(conn)

    assert not hasattr(caught.value, '__notes__')


def test_what_is_raised_survives_the_way_to_another_process() -> None:
    error = exceptions.OutcomeUnknownError("Look", ['i1', 'i2'])

    rebuilt = pickle.loads(pickle.dumps(error))

    assert type(rebuilt) is exceptions.OutcomeUnknownError
    assert str(rebuilt) == "Look"
    assert rebuilt.candidates == ['i1', 'i2']


# ====== JOBS WITHOUT ID ======


@pytest.mark.parametrize(
    ('status', 'expected'),
    [
        ('queued', 'RUNNING'),
        ('saving', 'RUNNING'),
        ('odd', 'RUNNING'),
        ('active', 'SUCCESS'),
        ('killed', 'FAIL'),
        ('deleted', 'FAIL'),
    ],
)
def test_a_job_without_id_is_seen_through_its_image(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    status: str,
    expected: str,
) -> None:
    answers.get(f'{IMAGES}/i1', json=image(status=status))
    job = image_job.ImageJob.of(image())

    now = conn.ims.get_job(job)  # type: ignore[attr-defined]

    assert now.status == expected
    assert now.image_id == 'i1'


def test_waiting_for_a_job_without_id_ends_with_its_image(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    states = [{'json': image(status=each)} for each in ('saving', 'active')]
    answers.get(f'{IMAGES}/i1', states)
    ims: Any = conn.ims  # type: ignore[attr-defined]

    ended = ims.wait_for_job(image_job.ImageJob.of(image()), interval=0.01)

    assert ended.is_successful


def test_an_image_that_is_there_no_longer_is_a_failed_job(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(f'{IMAGES}/i1', status_code=404)
    ims: Any = conn.ims  # type: ignore[attr-defined]

    with pytest.raises(exceptions.JobFailedError, match='image i1') as caught:
        ims.wait_for_job(image_job.ImageJob.of(image()))

    assert caught.value.job.image_name == 'golden'


def test_many_jobs_without_id_are_told_apart(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    jobs = [image_job.ImageJob.of(image(each)) for each in ('i1', 'i2')]
    for each in ('i1', 'i2'):
        answers.get(f'{IMAGES}/{each}', json=image(each, status='active'))
    ims: Any = conn.ims  # type: ignore[attr-defined]

    ended = {job.image_id for job in ims.wait_for_jobs(jobs)}

    assert ended == {'i1', 'i2'}


def test_a_job_of_several_images_ends_with_the_last(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    job = image_job.ImageJob.of(
        image('i1', status='active'), image('i2', status='saving')
    )
    answers.get(f'{IMAGES}/i1', json=image('i1', status='active'))
    answers.get(f'{IMAGES}/i2', json=image('i2', status='active'))

    now = conn.ims.get_job(job)  # type: ignore[attr-defined]

    assert job.status == 'RUNNING'
    assert now.status == 'SUCCESS'
    assert [each.image_id for each in now.sub_jobs] == ['i1', 'i2']


def test_jobs_without_id_survive_the_way_to_another_process() -> None:
    followed = image_job.ImageJob.of(image())
    observed = image_job.ObservedJob.watching('the object', lambda ims: None)

    for job in (followed, observed):
        rebuilt = pickle.loads(pickle.dumps(job))
        assert rebuilt.status == 'RUNNING'
        assert rebuilt.image_id == job.image_id


def test_a_job_without_id_that_outlasts_the_time_is_named(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(f'{IMAGES}/i1', json=image())
    ims: Any = conn.ims  # type: ignore[attr-defined]

    with pytest.raises(exceptions.JobTimeoutError, match='image i1'):
        ims.wait_for_job(image_job.ImageJob.of(image()), timeout=0.01)
