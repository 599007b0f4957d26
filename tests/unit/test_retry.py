# SPDX-License-Identifier: Apache-2.0
"""What is asked again, how often, and what is sent once."""

from collections.abc import Callable
import contextlib
import datetime
import email.utils
import io
import logging
import pickle
import ssl
import time
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests
import requests_mock
import urllib3

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext.transport import failures
from ims_ext.transport import retry

from .conftest import AUTH_URL
from .conftest import IMS_URL
from .conftest import PROJECT_ID

Connect = Callable[..., connection.Connection]

QUOTA = f'{IMS_URL}/v1/cloudimages/quota'
IMAGE = f'{IMS_URL}/v2/images/i1'
TOKENS = f'{AUTH_URL}/auth/tokens'

CUT: dict[str, Any] = {'exc': requests.exceptions.ConnectionError}
BUSY: dict[str, Any] = {'status_code': 503}
GOOD: dict[str, Any] = {'json': {'quotas': {'resources': []}}}
IN_DOUBT: dict[str, Any] = {'status_code': 504}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of the usual policy, which take no time here."""
    made: list[float] = []
    monkeypatch.setattr(proxy.Proxy, 'retry_policy', retry.Policy())
    monkeypatch.setattr(time, 'sleep', made.append)
    return made


def sent(answers: requests_mock.Mocker, url: str) -> int:
    """Return how many requests went to a URL."""
    return sum(
        str(each.url).partition('?')[0] == url
        for each in answers.request_history
    )


# ====== WHAT PASSES ======


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])
@pytest.mark.parametrize('status', sorted(failures.PASSING_STATUSES))
def test_what_can_be_sent_again_is_sent_again(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    method: str,
    status: int,
) -> None:
    fault = {'status_code': status}
    answers.request(method, QUOTA, [fault, fault, GOOD])

    assert conn.ims.request('/v1/cloudimages/quota', method).ok
    assert sent(answers, QUOTA) == 3


@pytest.mark.parametrize('status', [400, 403, 404, 409, 413, 501, 505])
def test_a_refusal_is_not_asked_about_again(
    conn: connection.Connection, answers: requests_mock.Mocker, status: int
) -> None:
    answers.get(QUOTA, status_code=status)

    assert conn.ims.get('/v1/cloudimages/quota').status_code == status
    assert sent(answers, QUOTA) == 1


@pytest.mark.parametrize(
    'fault',
    [
        requests.exceptions.ConnectionError,
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ReadTimeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
        requests.exceptions.SSLError(
            urllib3.exceptions.SSLError(ssl.SSLEOFError())
        ),
    ],
)
def test_a_connection_that_is_cut_is_made_again(
    conn: connection.Connection, answers: requests_mock.Mocker, fault: Any
) -> None:
    answers.get(QUOTA, [{'exc': fault}, GOOD])

    assert conn.ims.get('/v1/cloudimages/quota').ok


@pytest.mark.parametrize(
    'fault',
    [
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidHeader,
        requests.exceptions.SSLError(
            urllib3.exceptions.SSLError(ssl.SSLCertVerificationError())
        ),
    ],
)
def test_what_stays_as_it_is_is_not_tried_again(
    conn: connection.Connection, answers: requests_mock.Mocker, fault: Any
) -> None:
    answers.get(QUOTA, [{'exc': fault}, GOOD])

    with pytest.raises(ksa_exceptions.ConnectionError):
        conn.ims.get('/v1/cloudimages/quota')


@pytest.mark.parametrize(
    ('text', 'content_type'),
    [
        ('', 'application/json'),
        ('{"quotas": {"reso', 'application/json'),
        ('<html>Please log in</html>', 'text/html'),
        ('oops', ''),
        ('[' * 100_000, 'application/json'),
        ('[' + '{"a": 1},' * 20_000, 'application/json'),
    ],
)
def test_a_good_answer_that_cannot_be_read_is_asked_for_again(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    text: str,
    content_type: str,
) -> None:
    broken = {'text': text, 'headers': {'Content-Type': content_type}}
    answers.get(QUOTA, [broken, GOOD])

    assert conn.ims.get('/v1/cloudimages/quota').json() == GOOD['json']


def test_an_answer_that_never_can_be_read_is_refused(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, text='<html>Please log in</html>')

    with pytest.raises(exceptions.InvalidAnswerError, match='6 times'):
        conn.ims.get('/v1/cloudimages/quota')


@pytest.mark.parametrize(
    'others',
    [
        {'headers': {'Accept': 'text/plain'}},
        {'headers': {'Accept': 'application/octet-stream'}},
        {'stream': True},
    ],
)
def test_what_is_not_asked_for_as_json_may_be_anything(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    others: dict[str, Any],
) -> None:
    answers.get(QUOTA, text='QFI\xfb')

    assert conn.ims.get('/v1/cloudimages/quota', **others).text == 'QFI\xfb'


def test_large_answers_with_brackets_in_strings_can_be_read(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    body = {'names': ['{[' * 10] * 10_000}
    answers.get(QUOTA, json=body)

    assert conn.ims.get('/v1/cloudimages/quota').json() == body
    assert sent(answers, QUOTA) == 1


# ====== WHAT IS SENT ONCE ======


@pytest.mark.parametrize('fault', [BUSY, CUT, IN_DOUBT, {'text': '{'}])
@pytest.mark.parametrize(
    'settings', [{}, {'connect_retries': 5, 'ims_status_code_retries': 5}]
)
def test_a_request_that_creates_is_sent_once(
    connect: Connect,
    answers: requests_mock.Mocker,
    fault: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    conn = connect(**settings)
    url = f'{IMS_URL}/v2/cloudimages/action'
    answers.post(url, [fault, {'json': {'job_id': 'j1'}}])

    with contextlib.suppress(exceptions.NoAnswerError):
        conn.ims.post('/v2/cloudimages/action', json={})

    assert sent(answers, url) == 1


@pytest.mark.parametrize('method', ['PUT', 'DELETE'])
def test_what_is_said_to_start_something_is_sent_once(
    conn: connection.Connection, answers: requests_mock.Mocker, method: str
) -> None:
    answers.request(method, QUOTA, [BUSY, GOOD])

    response = conn.ims.request(
        '/v1/cloudimages/quota', method, repeatable=False
    )

    assert response.status_code == 503


def test_a_search_that_is_posted_is_sent_again_where_that_is_said(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(QUOTA, [BUSY, CUT, GOOD])

    assert conn.ims.post('/v1/cloudimages/quota', repeatable=True).ok


def test_an_images_data_is_sent_once(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    url = f'{IMAGE}/file'
    answers.put(url, [BUSY, {'status_code': 204}])

    for data in (b'data', io.BytesIO(b'data'), iter([b'data'])):
        answers.reset_mock()
        answers.put(url, [BUSY, {'status_code': 204}])
        conn.ims.put('/images/i1/file', data=data)
        assert sent(answers, url) == 1


def test_a_body_that_can_be_read_again_is_sent_whole_each_time(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    bodies = []

    def receive(request: Any, context: Any) -> str:
        bodies.append(request.body.read())
        context.status_code = 204 if len(bodies) == 3 else 503
        return ''

    answers.put(f'{IMAGE}/file', text=receive)
    data = io.BytesIO(b'head data')
    data.seek(5)

    conn.ims.put('/images/i1/file', data=data, repeatable=True)

    assert bodies == [b'data'] * 3


# ====== HOW OFTEN, HOW LONG ======


def test_pauses_grow_and_are_not_alike(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    answers.get(QUOTA, **BUSY)

    conn.ims.get('/v1/cloudimages/quota')

    policy = retry.Policy()
    full = policy.first_pause
    for pause in pauses:
        assert full / 2 <= pause <= full
        full = min(2 * full, policy.longest_pause)
    assert pauses[-1] > policy.longest_pause / 2
    assert len(set(pauses)) == len(pauses)


def test_a_service_that_stays_away_is_given_up_in_the_end(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    answers.get(QUOTA, **CUT)

    with pytest.raises(exceptions.NoAnswerError) as caught:
        conn.ims.get('/v1/cloudimages/quota')

    assert 100 < sum(pauses) <= retry.Policy().patience
    assert isinstance(caught.value, sdk_exceptions.SDKException)
    assert isinstance(caught.value, ksa_exceptions.ConnectFailure)
    assert f'tried {len(pauses) + 1} times' in str(caught.value)


def test_a_silent_service_is_said_to_have_timed_out(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, exc=requests.exceptions.ReadTimeout)

    with pytest.raises(ksa_exceptions.ConnectTimeout, match='tried'):
        conn.ims.get('/v1/cloudimages/quota')


def test_status_500_is_not_believed_to_pass_for_long(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    answers.get(QUOTA, status_code=500)

    conn.ims.get('/v1/cloudimages/quota')

    assert len(pauses) == retry.Policy().doubtful_retries


def test_a_refusal_says_how_often_it_was_tried(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, status_code=500, json={'error': {'message': 'No.'}})

    with pytest.raises(exceptions.CloudImageHttpError, match='tried 6 times'):
        list(conn.ims.image_quotas())


@pytest.mark.parametrize(
    ('given', 'least', 'most'),
    [
        ('7', 7, 8),
        ('0', 0, 0.25),
        ('86400', 60, 66),
        ('soon', 0, 0.25),
        ('-1', 0, 0.25),
        ('9' * 5000, 0, 66),
        ('Wed, 21 Oct 2015 07:28:00 GMT', 0, 0.25),
    ],
)
def test_the_cloud_says_when_to_come_back(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
    given: str,
    least: float,
    most: float,
) -> None:
    told = {'status_code': 429, 'headers': {'Retry-After': given}}
    answers.get(QUOTA, [told, GOOD])

    conn.ims.get('/v1/cloudimages/quota')

    assert least <= pauses[0] <= most


def test_the_cloud_may_say_it_as_a_date(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=20)
    told = {
        'status_code': 503,
        'headers': {'Retry-After': email.utils.format_datetime(then, True)},
    }
    answers.get(QUOTA, [told, GOOD])

    conn.ims.get('/v1/cloudimages/quota')

    assert 15 < pauses[0] < 23


@pytest.mark.parametrize(
    ('settings', 'fault', 'requests_sent'),
    [
        ({'ims_connect_retries': 2}, CUT, 3),
        ({'ims_connect_retries': 0}, CUT, 1),
        ({'connect_retries': 30}, CUT, 31),
        ({'ims_status_code_retries': 2}, BUSY, 3),
        ({'status_code_retries': 0}, BUSY, 1),
        ({'ims_status_code_retries': 2}, {'status_code': 500}, 3),
        # openstacksdk's own default, which is for conn.image.
        ({'image_status_code_retries': 1}, BUSY, 21),
    ],
)
def test_what_the_configuration_says_bounds_it(
    connect: Connect,
    answers: requests_mock.Mocker,
    settings: dict[str, Any],
    fault: dict[str, Any],
    requests_sent: int,
) -> None:
    conn = connect(**settings)
    answers.get(QUOTA, **fault)

    with contextlib.suppress(exceptions.NoAnswerError):
        conn.ims.get('/v1/cloudimages/quota')

    assert sent(answers, QUOTA) == requests_sent


def test_the_configurations_delay_is_the_pause(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    pauses: list[float],
) -> None:
    # Not all versions of openstacksdk take these from clouds.yaml.
    conn.ims.status_code_retry_delay = 3.5
    conn.ims.connect_retry_delay = 1.5
    answers.get(QUOTA, [BUSY, CUT, GOOD])

    conn.ims.get('/v1/cloudimages/quota')

    assert pauses == [3.5, 1.5]


def test_another_policy_can_be_had_for_a_request(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, [BUSY, BUSY, GOOD])

    once = conn.ims.retry_policy.once()
    busy = conn.ims.get('/v1/cloudimages/quota', retry_policy=once)
    assert busy.status_code == 503
    assert conn.ims.get('/v1/cloudimages/quota').ok


def test_silence_is_bounded_unless_the_configuration_says_how(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, **GOOD)

    connect().ims.get('/v1/cloudimages/quota')
    assert answers.last_request.timeout == retry.Policy().silence
    connect(api_timeout=7).ims.get('/v1/cloudimages/quota')
    assert answers.last_request.timeout == 7


def test_silence_is_bounded_for_what_is_sent_once_too(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    answers.post(f'{IMS_URL}/v2/images', json={'id': 'i1', 'name': 'golden'})

    connect().ims.create_image_metadata('golden')
    assert answers.last_request.timeout == retry.Policy().silence_once
    connect(api_timeout=7).ims.create_image_metadata('golden')
    assert answers.last_request.timeout == 7


def test_taking_in_an_images_data_may_take_as_long_as_it_does(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.put(f'{IMS_URL}/v2/images/i1/file', status_code=204)

    conn.ims.put('/images/i1/file', data=b'image')

    assert answers.last_request.timeout is None


def test_what_is_tried_again_is_logged_without_secrets(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers.get(QUOTA, [BUSY, CUT, GOOD])
    caplog.set_level(logging.INFO, 'ims_ext')

    conn.ims.get('/v1/cloudimages/quota')

    levels = [each.levelname for each in caplog.records]
    assert levels == ['INFO', 'WARNING']
    assert 'GET /v1/cloudimages/quota: HTTP 503; again in' in caplog.text
    assert 'secret' not in caplog.text


# ====== TOKENS ======


def test_a_token_that_ended_is_renewed(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, [GOOD, {'status_code': 401}, GOOD])

    for _ in range(2):
        assert conn.ims.get('/v1/cloudimages/quota').ok
    assert sent(answers, TOKENS) == 2


def test_a_token_that_another_thread_is_renewing_is_waited_for(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    def refuse(request: Any, context: Any) -> str:
        conn.session.invalidate()
        context.status_code = 401
        return ''

    good = {
        'json': conn.session.auth.get_access(conn.session)._data,
        'headers': {'X-Subject-Token': 'renewed'},
    }
    answers.post(TOKENS, **good)
    answers.get(QUOTA, [{'text': refuse}, GOOD])

    assert conn.ims.get('/v1/cloudimages/quota').ok


def test_a_new_token_that_is_refused_too_is_told(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, status_code=401)

    assert conn.ims.get('/v1/cloudimages/quota').status_code == 401
    assert sent(answers, QUOTA) == 2


def test_a_request_that_creates_is_sent_again_with_a_new_token(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(QUOTA, [{'status_code': 401}, GOOD])

    assert conn.ims.post('/v1/cloudimages/quota').ok
    assert sent(answers, QUOTA) == 2


def test_the_project_is_found_out_through_a_bad_minute(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    first = connect()
    good = {
        'json': first.session.auth.get_access(first.session)._data,
        'headers': {'X-Subject-Token': 'good'},
    }
    conn = connect()
    answers.post(TOKENS, [BUSY, CUT, good])

    assert conn.ims.get_project_id() == PROJECT_ID


def test_an_identity_service_that_stays_away_is_said_to_have_been_tried(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    conn = connect()
    answers.post(TOKENS, **BUSY)

    for call in (conn.ims.get_project_id, conn.ims.image_quotas):
        with pytest.raises(ksa_exceptions.HttpError) as caught:
            list(call())

        assert 'tried 21 times' in '\n'.join(caught.value.__notes__)


def test_an_identity_service_without_connection_is_told_as_any_other(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    conn = connect()
    answers.post(TOKENS, **CUT)

    with pytest.raises(exceptions.NoAnswerError, match='tried 21 times'):
        conn.ims.get_project_id()


@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_a_faulty_identity_service_is_asked_again_before_anything_is_sent(
    connect: Connect, answers: requests_mock.Mocker, method: str
) -> None:
    conn = connect()
    answers.request(method, QUOTA, [{'status_code': 401}, GOOD])
    good = {
        'json': conn.session.auth.get_access(conn.session)._data,
        'headers': {'X-Subject-Token': 'renewed'},
    }
    answers.post(TOKENS, [BUSY, CUT, good])

    assert conn.ims.request('/v1/cloudimages/quota', method).ok
    assert answers.last_request.headers['X-Auth-Token'] == 'renewed'


def test_a_wrong_password_is_told_at_once(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    conn = connect()
    answers.post(TOKENS, status_code=401)

    with pytest.raises(ksa_exceptions.Unauthorized):
        conn.ims.get('/v1/cloudimages/quota')
    assert sent(answers, TOKENS) == 1


# ====== LOST ANSWERS ======


@pytest.mark.parametrize('fault', [CUT, IN_DOUBT, {'status_code': 500}])
def test_what_is_gone_after_a_lost_answer_was_deleted(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    fault: dict[str, Any],
) -> None:
    answers.delete(IMAGE, [fault, {'status_code': 404}])

    conn.ims.delete_image('i1', ignore_missing=False)

    assert sent(answers, IMAGE) == 2


@pytest.mark.parametrize(
    'fault',
    [
        BUSY,
        {'status_code': 429},
        {
            'exc': requests.exceptions.ConnectionError(
                urllib3.exceptions.NewConnectionError(None, 'refused')  # type: ignore[arg-type]
            )
        },
    ],
)
def test_what_is_gone_after_a_refusal_was_never_there(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    fault: dict[str, Any],
) -> None:
    answers.delete(IMAGE, [fault, {'status_code': 404}])

    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.delete_image('i1', ignore_missing=False)


def test_an_operation_that_is_missing_has_deleted_nothing(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    missing = {'error_code': 'APIGW.0101', 'error_msg': 'No such API.'}
    answers.delete(IMAGE, [CUT, {'status_code': 404, 'json': missing}])

    with pytest.raises(exceptions.UnsupportedOperationError):
        conn.ims.delete_image('i1', ignore_missing=False)


@pytest.mark.parametrize(
    ('image', 'status'),
    [
        ({'id': 'i1', 'name': 'new', 'max_ram': '2048'}, 200),
        ({'id': 'i1', 'name': 'new', 'max_ram': '2048', 'colour': 'r'}, 409),
        ({'id': 'i1', 'name': 'old', 'max_ram': '2048'}, 409),
        ({'id': 'i1', 'name': 'new'}, 409),
    ],
)
def test_a_refused_patch_is_looked_after_where_an_answer_was_lost(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    image: dict[str, Any],
    status: int,
) -> None:
    url = f'{IMS_URL}/v2/cloudimages/i1'
    answers.patch(url, [CUT, {'status_code': 409}])
    answers.get(IMAGE, json=image)
    patch = [
        {'op': 'remove', 'path': '/colour'},
        {'op': 'replace', 'path': '/name', 'value': 'new'},
        {'op': 'add', 'path': '/max_ram', 'value': 2048},
    ]

    response = conn.ims.patch('/v2/cloudimages/i1', json=patch)

    assert response.status_code == status


# ====== WHAT OPENSTACKSDK ASKS FOR ======


def test_openstacksdks_arguments_are_taken_by_position_too(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(QUOTA, status_code=404)

    with pytest.raises(ksa_exceptions.NotFound):
        conn.ims.request('/v1/cloudimages/quota', 'GET', 'Sorry', True)


def test_a_conflict_is_tried_again_where_openstacksdk_asks_for_that(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.put(QUOTA, [{'status_code': 409}, GOOD])

    response = conn.ims.put(
        '/v1/cloudimages/quota', json={}, retriable_status_codes=[409]
    )

    assert response.ok


def test_an_error_can_be_taken_to_another_process() -> None:
    error = exceptions.NoAnswerTimeoutError("No answer to GET /v2/images")
    rebuilt = pickle.loads(pickle.dumps(error))

    assert type(rebuilt) is type(error)
    assert str(rebuilt) == str(error)
