# SPDX-License-Identifier: Apache-2.0
"""When a job is looked at next, and what ends a wait."""

from collections.abc import Callable, Iterator
import contextlib
import itertools
import threading
import time
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests
import requests_mock

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext.extension import job as _job
from ims_ext.extension import job_watch
from ims_ext.transport import retry

from .conftest import IMS_URL
from .conftest import PROJECT_ID

JOB_URL = f'{IMS_URL}/v1/{PROJECT_ID}/jobs/j1'
MINUTE = 60.0
#: Seconds that nothing here takes when all is well.
LONG = 30.0


def told(progress: float | None = None, status: str = 'RUNNING') -> _job.Job:
    return _job.Job.existing(
        job_id='j1',
        status=status,
        entities={} if progress is None else {'process_percent': progress},
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only pauses move."""
    now = [1000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, 'sleep', sleep)
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    return now


@pytest.fixture(autouse=True)
def _usual_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait as long as usual."""
    monkeypatch.setattr(proxy.Proxy, 'retry_policy', retry.Policy())


def running(answers: requests_mock.Mocker, *faults: Any) -> None:
    """Prepare a job that runs, is not to be seen, and has ended."""
    body = {'job_id': 'j1', 'status': 'RUNNING'}
    ended = {'job_id': 'j1', 'status': 'SUCCESS'}
    answers.get(JOB_URL, [{'json': body}, *faults, {'json': ended}])


# ====== LOOKS THAT FAIL ======


@pytest.mark.parametrize(
    'fault',
    [
        {'status_code': 500},
        {'status_code': 503},
        {'status_code': 408},
        {'exc': requests.exceptions.ConnectionError},
        {'exc': requests.exceptions.ChunkedEncodingError},
        {'exc': requests.exceptions.ReadTimeout},
        {'text': '<html>Back soon</html>'},
        {'text': ''},
    ],
)
def test_a_wait_outlasts_minutes_without_an_answer(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    clock: list[float],
    fault: dict[str, Any],
) -> None:
    began = clock[0]
    running(answers, *[fault] * 40)

    assert conn.ims.wait_for_job('j1').is_successful
    assert clock[0] - began > 5 * MINUTE


def test_a_wait_ends_after_ten_minutes_without_an_answer(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    clock: list[float],
) -> None:
    began = clock[0]
    answers.get(JOB_URL, status_code=503)

    with pytest.raises(sdk_exceptions.HttpException) as caught:
        conn.ims.wait_for_job('j1')

    assert 9 * MINUTE < clock[0] - began <= 10 * MINUTE
    assert 'The job j1 was tried' in '\n'.join(caught.value.__notes__)


def test_an_answer_between_failures_begins_a_new_count(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    clock: list[float],
) -> None:
    fault = {'status_code': 503}
    body = {'json': {'job_id': 'j1', 'status': 'RUNNING'}}
    running(answers, *[fault] * 30, body, *[fault] * 30, body, *[fault] * 30)

    assert conn.ims.wait_for_job('j1').is_successful


def test_a_failing_look_asks_once(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    clock: list[float],
) -> None:
    answers.get(JOB_URL, status_code=503)
    watch = job_watch.WatchedJob(conn.ims._job('j1'), 1.0)

    assert not watch.look(conn.ims._look_once)

    assert sum(each.url == JOB_URL for each in answers.request_history) == 1
    assert 0.25 <= watch.pause <= 0.5


def test_the_cloud_says_when_to_look_again(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(JOB_URL, status_code=429, headers={'Retry-After': '40'})
    watch = job_watch.WatchedJob(conn.ims._job('j1'), 1.0)

    watch.look(conn.ims._look_once)

    assert 40 <= watch.pause <= 44


@pytest.mark.parametrize('status', [400, 401, 403, 404, 410])
def test_a_refusal_ends_a_wait(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    clock: list[float],
    status: int,
) -> None:
    # Twice: after 401, a new token is tried.
    running(answers, *[{'status_code': status}] * 2)

    with pytest.raises(sdk_exceptions.HttpException) as caught:
        conn.ims.wait_for_job('j1')

    assert caught.value.status_code == status


# ====== THE NEXT LOOK ======


def pauses(
    clock: list[float], looks: list[_job.Job], first: float = 1.0
) -> list[float]:
    """Return the pauses that follow looks which tell all this."""
    watch = job_watch.WatchedJob(looks[0], first)
    made = []
    for each in looks:
        watch.look(lambda job, each=each: each)  # type: ignore[misc]
        made.append(watch.pause)
        clock[0] += watch.pause
    return made


def test_a_job_that_stands_still_is_asked_ever_less(
    clock: list[float],
) -> None:
    stuck = [told(0.0), told(0.9), *[told(0.99)] * 20]

    made = pauses(clock, stuck)

    assert made[2] < 1
    assert made[3:] == sorted(made[3:])
    assert made[-1] > 10


def test_a_job_that_goes_on_is_expected_again(clock: list[float]) -> None:
    looks = [told(0.0), told(0.5), told(0.5), told(0.5), told(0.9)]

    made = pauses(clock, looks)

    elapsed = sum(made[:-1])
    assert made[-1] == pytest.approx(elapsed / 9)


def test_the_first_look_tells_when_a_job_may_have_ended(
    clock: list[float],
) -> None:
    watch = job_watch.WatchedJob(told(), 1.0)
    clock[0] += 2

    # A quarter is done after no less than two seconds.
    watch.look(lambda job: told(0.25))

    assert watch.pause == pytest.approx(6)


def test_a_second_look_comes_no_earlier_than_asked_for(
    clock: list[float],
) -> None:
    watch = job_watch.WatchedJob(told(), 5.0)
    clock[0] += 2

    # It may have ended in half a second, or have begun long ago.
    watch.look(lambda job: told(0.8))

    assert watch.pause == 5


# ====== MANY ======


@pytest.fixture
def unanswered() -> Iterator[Callable[[_job.Job], _job.Job]]:
    """Looks that get no answer for as long as the test lasts."""
    answered = threading.Event()

    def get(job: _job.Job) -> _job.Job:
        if job.id == 'ended':
            return _job.Job.existing(job_id='ended', status='SUCCESS')
        answered.wait(LONG)
        return job

    yield get
    answered.set()


def lookers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == 'ims-job']


def watches(*ids: str) -> list[job_watch.WatchedJob[_job.Job]]:
    return [
        job_watch.WatchedJob(_job.Job.existing(job_id=each), 0.01)
        for each in ids
    ]


def test_a_wait_can_be_left_while_answers_do_not_come(
    unanswered: Callable[[_job.Job], _job.Job],
) -> None:
    began = time.monotonic()
    waiting = job_watch.look_at_all(
        watches('a', 'b', 'ended'), unanswered, 3600
    )

    assert next(waiting).job.id == 'ended'
    waiting.close()

    assert time.monotonic() - began < LONG
    # Neither does the interpreter wait for them.
    assert all(each.daemon for each in lookers())


def test_a_wait_that_is_interrupted_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = set(lookers())
    numbers = itertools.count()

    def get(job: _job.Job) -> _job.Job:
        if next(numbers) > 20:
            raise KeyboardInterrupt
        return job

    with pytest.raises(KeyboardInterrupt):
        for _ in job_watch.look_at_all(watches('a', 'b', 'c'), get, 3600):
            pass

    for each in set(lookers()) - before:
        each.join(LONG)
    assert set(lookers()) <= before


def test_the_caller_is_told_in_its_own_thread(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    running(answers)
    threads = []

    list(
        conn.ims.wait_for_jobs(
            ['j1'],
            interval=0.01,
            progress=lambda job: threads.append(threading.current_thread()),
        )
    )

    assert set(threads) == {threading.current_thread()}


def test_connections_and_rate_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_watch, '_RATE', 200.0)
    moments: list[float] = []
    busy = most = 0
    lock = threading.Lock()

    def get(job: _job.Job) -> _job.Job:
        nonlocal busy, most
        with lock:
            moments.append(time.monotonic())
            busy += 1
            most = max(most, busy)
        time.sleep(0.1)
        with lock:
            busy -= 1
        return _job.Job.existing(job_id=job.id, status='SUCCESS')

    many = watches(*map(str, range(60)))
    ended = [each.job.id for each in job_watch.look_at_all(many, get, 3600)]

    assert len(set(ended)) == 60
    assert most <= job_watch._CONNECTIONS
    assert moments[-1] - moments[0] >= 59 / 200.0


def test_a_job_is_looked_at_shortly_before_the_time_is_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_watch, '_LAST_LOOK', 60.0)
    states = iter(['RUNNING', 'SUCCESS'])
    job = _job.Job.existing(job_id='j1', status='INIT')
    watch = job_watch.WatchedJob(job, LONG)

    def get(job: _job.Job) -> _job.Job:
        return _job.Job.existing(job_id=job.id, status=next(states))

    *_, last = job_watch.look_at_all([watch], get, 60.4)

    assert last.job.is_successful


def test_an_end_that_was_seen_counts_however_late_the_caller_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monotonic = time.monotonic
    first, second = watches('1', '2')
    has_begun, may_end = threading.Event(), threading.Event()
    has_ended = threading.Event()

    def get(job: _job.Job) -> _job.Job:
        if job.id == '2':
            has_begun.set()
            may_end.wait(LONG)
            has_ended.set()
        has_begun.wait(LONG)
        return _job.Job.existing(job_id=job.id, status='SUCCESS')

    looks = job_watch.look_at_all([first, second], get, LONG)
    assert next(looks) is first
    may_end.set()
    has_ended.wait(LONG)
    time.sleep(0.5)
    monkeypatch.setattr(time, 'monotonic', lambda: monotonic() + 2 * LONG)

    assert [each.job.id for each in looks] == ['2']


def test_jobs_take_turns() -> None:
    looks: list[str] = []

    def get(job: _job.Job) -> _job.Job:
        looks.append(job.id)
        return job

    many = watches(*map(str, range(12)))
    with contextlib.suppress(exceptions.JobTimeoutError):
        for _ in job_watch.look_at_all(many, get, 1.2):
            pass

    counts = [looks.count(each) for each in set(looks)]
    assert len(counts) == 12
    assert max(counts) - min(counts) <= 2
