# SPDX-License-Identifier: Apache-2.0
"""What a job tells, and waiting for one."""

from collections.abc import Callable
import pickle
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import job as _job
from ims_ext.transport import retry

PROJECT_ID = '0b1e494e2660441a957313163095fe5c'
JOB_URL = f'https://ims.example.com/v1/{PROJECT_ID}/jobs/j1'


def body(status: str = 'RUNNING', **changes: Any) -> dict[str, Any]:
    return {
        'job_id': 'j1',
        'job_type': 'imsImportImageJob',
        'status': status,
        'begin_time': '2024-11-06T06:21:08.769Z',
        'end_time': '',
        'error_code': None,
        'fail_reason': None,
        'entities': {},
        **changes,
    }


def job(status: str = 'RUNNING', **changes: Any) -> _job.Job:
    return _job.Job.existing(**body(status, **changes))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made; they take no time."""
    made: list[float] = []
    clock = [0.0]

    def sleep(seconds: float) -> None:
        made.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(_job.time, 'sleep', sleep)
    monkeypatch.setattr(_job.time, 'monotonic', lambda: clock[0])
    return made


@pytest.mark.parametrize('status', ['SUCCESS', 'success', 'Success'])
def test_a_status_compares_without_case(status: str) -> None:
    got = job(status)

    assert got.status == 'success'
    assert got.is_successful
    assert got.is_finished
    assert not got.is_failed


@pytest.mark.parametrize('status', ['FAIL', 'fail', 'failed'])
def test_fail_and_failed_are_the_same(status: str) -> None:
    assert job(status).is_failed


@pytest.mark.parametrize('status', ['INIT', 'RUNNING', None, 'DANCING'])
def test_any_other_status_is_not_an_end(status: str | None) -> None:
    assert not job(status).is_finished  # type: ignore[arg-type]


def test_the_entities_are_told_by_name() -> None:
    got = job(
        entities={
            'image_id': 'i1',
            'image_name': 'golden',
            'process_percent': 0.2,
            'current_task': 'CreateImageByInstanceTask',
            'results': [{'image_id': 'i2', 'status': 'success'}],
        }
    )

    assert got.image_id == 'i1'
    assert got.image_name == 'golden'
    assert got.progress == 0.2
    assert got.current_task == 'CreateImageByInstanceTask'
    assert got.results[0]['image_id'] == 'i2'


@pytest.mark.parametrize(
    ('told', 'progress'),
    [
        (0.45, 0.45),
        ('0.45', 0.45),
        (1, 1.0),
        (45, 0.45),
        ('45', 0.45),
        ('45%', 0.45),
        ('0.5 %', 0.005),
        (100, 1.0),
        (250, 1.0),
        (-1, 0.0),
        ('%', None),
    ],
)
def test_progress_is_told_as_a_fraction_or_in_percent(
    told: Any, progress: float | None
) -> None:
    assert job(entities={'process_percent': told}).progress == progress


@pytest.mark.parametrize('entities', [None, {}, 'odd', {'results': None}])
def test_entities_may_be_missing_or_odd(entities: Any) -> None:
    got = job(entities=entities)

    assert got.image_id is None
    assert got.progress is None
    assert got.results == []
    assert got.sub_jobs == []
    assert got.failure == (None, None)


def test_sub_jobs_are_jobs_and_tell_the_image() -> None:
    sub_job = body('SUCCESS', job_id='j2', entities={'image_id': 'i1'})
    got = job(
        'SUCCESS',
        entities={'sub_jobs_result': [sub_job], 'sub_jobs_list': ['j2']},
    )

    assert [each.id for each in got.sub_jobs] == ['j2']
    assert got.sub_jobs[0].is_successful
    assert got.sub_job_ids == ['j2']
    assert got.image_id == 'i1'


def test_what_went_wrong_is_found_in_a_sub_job() -> None:
    sub_job = body('FAIL', error_code='IMG.0057', fail_reason='No disk.')

    got = job('FAIL', entities={'sub_jobs_result': [sub_job]})

    assert got.failure == ('IMG.0057', 'No disk.')


def test_both_notations_of_the_begin_are_read() -> None:
    iso = job().begin_datetime
    legacy = job(begin_time='04-Jun-2015 18:11:06:586').begin_datetime

    assert iso is not None
    assert iso.year == 2024
    assert legacy is not None
    assert legacy.isoformat() == '2015-06-04T18:11:06.586000+00:00'
    assert job().end_datetime is None


def test_a_job_is_got_by_its_id(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(JOB_URL, json=body())

    got = conn.ims.get_job('j1')

    assert got.id == 'j1'
    assert got.status == 'RUNNING'


def test_waiting_ends_with_the_job_and_tells_each_look(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    states = ['INIT', 'RUNNING', 'RUNNING', 'SUCCESS']
    answers.get(JOB_URL, [{'json': body(state)} for state in states])
    seen: list[str] = []

    ended = conn.ims.wait_for_job(
        'j1', progress=lambda each: seen.append(each.status)
    )

    assert ended.is_successful
    assert seen == states


def test_the_pauses_grow_to_a_cap(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    running = [{'json': body()}] * 30
    answers.get(JOB_URL, [*running, {'json': body('SUCCESS')}])

    conn.ims.wait_for_job('j1', interval=2)

    assert pauses[0] == 2
    assert pauses == sorted(pauses)
    assert pauses[-1] == pauses[-2] == 15


def test_a_failed_job_raises_with_code_reason_and_advice(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        JOB_URL,
        json=body('FAIL', error_code='IMG.0057', fail_reason='No disk.'),
    )

    with pytest.raises(exceptions.JobFailedError) as caught:
        conn.ims.wait_for_job('j1')

    assert isinstance(caught.value, sdk_exceptions.ResourceFailure)
    assert caught.value.code == 'IMG.0057'
    assert caught.value.reason == 'No disk.'
    assert caught.value.advice == exceptions.catalogue['IMG.0057'].advice
    assert caught.value.job.id == 'j1'
    for words in ('j1', 'IMG.0057', 'No disk', caught.value.advice):
        assert words in str(caught.value)


def test_a_job_that_outlasts_the_time_is_told_to_go_on(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    answers.get(JOB_URL, json=body())

    with pytest.raises(exceptions.JobTimeoutError, match='j1') as caught:
        conn.ims.wait_for_job('j1', timeout=20)

    assert isinstance(caught.value, sdk_exceptions.ResourceTimeout)
    assert [each.status for each in caught.value.jobs] == ['RUNNING']
    assert sum(pauses) == pytest.approx(20)


@pytest.mark.parametrize(
    'fault',
    [
        {'status_code': 503},
        {'status_code': 429},
        {'status_code': 502, 'text': '<html>Bad gateway</html>'},
        {'exc': requests.exceptions.ConnectionError},
        {'exc': requests.exceptions.ReadTimeout},
    ],
)
def test_waiting_survives_a_bad_minute(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
    fault: dict[str, Any],
) -> None:
    answers.get(
        JOB_URL,
        [{'json': body()}, fault, fault, {'json': body('SUCCESS')}],
    )

    assert conn.ims.wait_for_job('j1').is_successful


def test_waiting_does_not_survive_a_bad_hour(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    answers.get(JOB_URL, status_code=503)
    conn.ims.retry_policy = retry.Policy()

    with pytest.raises(sdk_exceptions.HttpException):
        conn.ims.wait_for_job('j1')


def test_a_job_that_the_project_does_not_have_is_not_waited_for(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(JOB_URL, status_code=404)

    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.wait_for_job('j1')


def test_where_a_job_tells_its_progress_that_decides_the_next_look(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    told = [0.0, 0.01, 0.9]
    running = [{'json': body(entities={'process_percent': p})} for p in told]
    answers.get(JOB_URL, [*running, {'json': body('SUCCESS')}])

    conn.ims.wait_for_job('j1')

    # One hundredth took as long as the first pause: the end is far away.
    # After nine tenths, the rest takes a ninth of the time so far.
    assert pauses[1] > 10
    assert pauses[2] == pytest.approx((pauses[0] + pauses[1]) / 9)


def job_url(number: int) -> str:
    return JOB_URL.replace('j1', f'j{number}')


def test_many_jobs_are_yielded_as_they_end(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    for number in range(1, 6):
        running = [{'json': body(job_id=f'j{number}')}] * (6 - number)
        ended = {'json': body('SUCCESS', job_id=f'j{number}')}
        answers.get(job_url(number), [*running, ended])
    ids = [f'j{number}' for number in range(1, 6)]

    ended_ids = [each.id for each in conn.ims.wait_for_jobs(ids, interval=0.2)]

    assert ended_ids == list(reversed(ids))


def test_a_failed_one_of_many_jobs_does_not_end_the_wait(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(job_url(1), json=body('FAIL', error_code='IMG.0057'))
    answers.get(job_url(2), json=body('SUCCESS', job_id='j2'))

    jobs = conn.ims.wait_for_jobs(['j1', 'j2'])
    ended = {each.id: each.is_failed for each in jobs}

    assert ended == {'j1': True, 'j2': False}


def test_a_job_given_twice_is_waited_for_once(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(JOB_URL, json=body('SUCCESS'))

    assert len(list(conn.ims.wait_for_jobs(['j1', job(), 'j1']))) == 1


def test_waiting_for_no_jobs_ends_at_once(
    conn: connection.Connection,
) -> None:
    assert list(conn.ims.wait_for_jobs([])) == []


def test_waiting_for_many_survives_a_bad_minute(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    fault = {'status_code': 503}
    answers.get(JOB_URL, [fault, fault, {'json': body('SUCCESS')}])

    ended = list(conn.ims.wait_for_jobs(['j1'], interval=0.01))

    assert [each.id for each in ended] == ['j1']


def test_the_time_for_many_jobs_ends_with_those_left_named(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(job_url(1), json=body('SUCCESS'))
    answers.get(job_url(2), json=body(job_id='j2'))
    answers.get(job_url(3), json=body(job_id='j3'))
    waiting = conn.ims.wait_for_jobs(['j1', 'j2', 'j3'], timeout=2)

    assert next(waiting).id == 'j1'
    with pytest.raises(exceptions.JobTimeoutError, match='j2') as caught:
        next(waiting)

    assert sorted(each.id for each in caught.value.jobs) == ['j2', 'j3']


def test_the_wait_for_many_can_be_left(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(job_url(1), json=body('SUCCESS'))
    answers.get(job_url(2), json=body(job_id='j2'))
    waiting = conn.ims.wait_for_jobs(['j1', 'j2'])

    assert next(waiting).id == 'j1'
    waiting.close()


def test_one_job_that_is_not_there_ends_the_wait_for_many(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(job_url(1), json=body())
    answers.get(job_url(2), status_code=404)

    with pytest.raises(sdk_exceptions.NotFoundException, match='j2'):
        list(conn.ims.wait_for_jobs(['j1', 'j2']))


def test_a_wait_that_ends_early_says_that_the_job_goes_on(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(JOB_URL, json=body())

    def interrupt(each: _job.Job) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        conn.ims.wait_for_job('j1', progress=interrupt)

    assert 'the job j1' in '\n'.join(caught.value.__notes__)


def test_a_wait_for_many_that_ends_early_says_which_jobs_go_on(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(job_url(1), json=body('SUCCESS'))
    answers.get(job_url(2), json=body(job_id='j2'))

    def interrupt(each: _job.Job) -> None:
        if each.id == 'j2' and seen:
            raise KeyboardInterrupt
        seen.append(each.id)

    seen: list[str] = []
    waiting = conn.ims.wait_for_jobs(
        ['j1', 'j2'], interval=0.1, progress=interrupt
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        list(waiting)

    [note] = caught.value.__notes__
    assert note.startswith('Left behind: the job j2, which goes on')


def test_a_single_job_may_be_waited_for_as_several(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(JOB_URL, json=body('SUCCESS'))

    assert [each.id for each in conn.ims.wait_for_jobs('j1')] == ['j1']


@pytest.mark.parametrize('missing', ['', None, ' ', 5])
def test_a_job_without_id_is_refused_unsent(
    conn: connection.Connection, answers: requests_mock.Mocker, missing: Any
) -> None:
    for call in (conn.ims.get_job, conn.ims.wait_for_job):
        with pytest.raises(exceptions.ValidationError):
            call(missing)

    assert answers.call_count == 0


@pytest.mark.parametrize('timeout', [0, -1, 'long', float('inf')])
def test_a_wrong_timeout_is_refused_before_anything_is_started(
    conn: connection.Connection, answers: requests_mock.Mocker, timeout: Any
) -> None:
    with pytest.raises(exceptions.ValidationError, match='timeout'):
        conn.ims.create_image_from_object(
            'images:a.qcow2', 'golden', 40, wait=True, timeout=timeout
        )

    assert answers.call_count == 0


def test_what_is_raised_survives_the_way_to_another_process() -> None:
    failed = job('FAIL', error_code='IMG.0057', fail_reason='No disk.')
    errors: list[Exception] = [
        exceptions.JobFailedError(failed),
        exceptions.JobTimeoutError([failed], 5.0),
        exceptions.MissingExtraError('obs', "Uploading"),
        exceptions.ExtensionConflictError('paint', 'first', 'second'),
    ]

    for error in errors:
        rebuilt = pickle.loads(pickle.dumps(error))
        assert type(rebuilt) is type(error)
        assert str(rebuilt) == str(error)


@pytest.mark.parametrize('name', ['timeout', 'interval'])
def test_times_must_be_positive(
    conn: connection.Connection, name: str
) -> None:
    wait: Callable[..., _job.Job] = conn.ims.wait_for_job

    with pytest.raises(exceptions.ValidationError, match=name):
        wait('j1', **{name: 0})
