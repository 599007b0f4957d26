# SPDX-License-Identifier: Apache-2.0
"""Waiting for a job ends when what it was for can be seen."""

from collections.abc import Callable
import itertools
import logging
import pickle
import time
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext.extension import job_effect

from .conftest import IMS_URL
from .conftest import PROJECT_ID

JOB = f'{IMS_URL}/v1/{PROJECT_ID}/jobs/j1'
LIST = f'{IMS_URL}/v2/cloudimages'
NATIVE = f'{IMS_URL}/v2/images/i1'
MEMBERS = f'{NATIVE}/members'
ACTION = f'{LIST}/action'
MEMBER = 'a' * 32
SOURCE = '11111111-2222-3333-4444-555555555555'

IMAGE = {'id': 'i1', 'name': 'golden', 'status': 'active', 'min_ram': 0}


def calls(**attrs: Any) -> dict[str, tuple[str, Callable[..., Any]]]:
    """Return every call that makes an image, with its operation."""
    wait = {'wait': True, **attrs}
    return {
        'create_image_from_object': (
            ACTION,
            lambda ims: ims.create_image_from_object(
                'bucket:k.qcow2', 'golden', 40, **wait
            ),
        ),
        'quick_import_image': (
            f'{LIST}/quickimport/action',
            lambda ims: ims.quick_import_image(
                'bucket:k', 'golden', 40, os_version='Ubuntu 22.04', **wait
            ),
        ),
        'create_data_image_from_object': (
            f'{IMS_URL}/v1/cloudimages/dataimages/action',
            lambda ims: ims.create_data_image_from_object(
                'bucket:k', 'golden', 40, **wait
            ),
        ),
        'create_image_from_server': (
            ACTION,
            lambda ims: ims.create_image_from_server(SOURCE, 'golden', **wait),
        ),
        'create_image_from_volume': (
            ACTION,
            lambda ims: ims.create_image_from_volume(
                SOURCE, 'golden', os_version='Ubuntu 22.04', **wait
            ),
        ),
        'create_whole_image': (
            f'{IMS_URL}/v1/cloudimages/wholeimages/action',
            lambda ims: ims.create_whole_image(
                'golden', server=SOURCE, **wait
            ),
        ),
    }


COPY = (
    f'{IMS_URL}/v1/cloudimages/i0/copy',
    lambda ims, **attrs: ims.copy_image('i0', 'golden', wait=True, **attrs),
)
REGISTER = (
    f'{IMS_URL}/v1/cloudimages/i1/upload',
    lambda ims: ims.register_image('i1', 'bucket:k', wait=True),
)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the pauses that are made, by a clock that only they move."""
    pauses: list[float] = []
    monkeypatch.setattr(time, 'sleep', pauses.append)
    monkeypatch.setattr(time, 'monotonic', lambda: 1000.0 + sum(pauses))
    return pauses


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_effect, 'FIRST_PAUSE', 0.001)
    monkeypatch.setattr(job_effect, 'PATIENCE', 30.0)


@pytest.fixture
def cloud(answers: requests_mock.Mocker) -> Callable[..., Any]:
    """Give a cloud whose jobs end well at once, and show images later."""

    def prepare(url: str, *shown: Any, **entities: Any) -> Any:
        answers.register_uri(requests_mock.ANY, url, json={'job_id': 'j1'})
        answers.get(
            JOB,
            json={
                'job_id': 'j1',
                'status': 'SUCCESS',
                'entities': {'image_id': 'i1', **entities},
            },
        )
        answers.get(NATIVE, status_code=404)
        return answers.get(
            LIST,
            [{'json': {'images': [each] if each else []}} for each in shown],
        )

    return prepare


CREATIONS = [*calls().values(), COPY, REGISTER]
NAMES = [*calls(), 'copy_image', 'register_image']


@pytest.mark.parametrize(('url', 'call'), CREATIONS, ids=NAMES)
@pytest.mark.parametrize(
    'early', [None, {**IMAGE, 'status': 'saving'}], ids=['unseen', 'saving']
)
def test_a_new_image_is_seen_when_waiting_is_over(
    conn: connection.Connection,
    cloud: Callable[..., Any],
    url: str,
    call: Any,
    early: Any,
) -> None:
    looked = cloud(url, early, early, IMAGE)

    job = call(conn.ims)

    assert job.image_id == 'i1'
    assert looked.call_count == 3


DESCRIBED = {
    'tags': ({'tags': {'team': 'red', 'old': ''}}, ['team=red', 'old']),
    'dotted tags': ({'tags': ['team.red']}, ['team.red']),
    'image_tags': ({'image_tags': {'team': 'red'}}, ['team=red']),
    'description': ({'description': 'Nightly'}, 'Nightly'),
    'enterprise_project_id': ({'enterprise_project_id': 'e1'}, 'e1'),
    'min_ram': ({'min_ram': 1024}, 1024),
    'max_ram': ({'max_ram': 4096}, '4096'),
    'cmk_id': ({'cmk_id': 'c1'}, 'c1'),
}
WIRE = {
    'dotted tags': 'tags',
    'image_tags': 'tags',
    'description': '__description',
    'cmk_id': '__system__cmkid',
}
#: What an operation does not take.
NOT_TAKEN = {
    'quick_import_image': {'min_ram', 'max_ram', 'cmk_id'},
    'create_data_image_from_object': {'min_ram', 'max_ram'},
    'create_image_from_server': {'cmk_id'},
    'create_image_from_volume': {'cmk_id'},
    'create_whole_image': {'cmk_id'},
}


@pytest.mark.parametrize(
    ('name', 'what'),
    [
        (name, what)
        for name, what in itertools.product(calls(), DESCRIBED)
        if what not in NOT_TAKEN.get(name, ())
    ],
)
def test_what_an_image_was_asked_to_have_is_seen_when_waiting_is_over(
    conn: connection.Connection,
    cloud: Callable[..., Any],
    name: str,
    what: str,
) -> None:
    attrs, value = DESCRIBED[what]
    url, call = calls(**attrs)[name]
    described = {**IMAGE, WIRE.get(what, what): value}
    looked = cloud(url, IMAGE, IMAGE, described)

    call(conn.ims)

    assert looked.call_count == 3


@pytest.mark.parametrize('what', ['description', 'cmk_id'])
def test_what_a_copy_was_asked_to_have_is_seen_when_waiting_is_over(
    conn: connection.Connection, cloud: Callable[..., Any], what: str
) -> None:
    attrs, value = DESCRIBED[what]
    url, call = COPY
    looked = cloud(url, IMAGE, {**IMAGE, WIRE[what]: value})

    call(conn.ims, **attrs)

    assert looked.call_count == 2


@pytest.mark.parametrize(
    'shown',
    [
        {'enterprise_project_id': '0', 'min_ram': None},
        {'enterprise_project_id': None, 'min_ram': '0'},
        {},
    ],
    ids=str,
)
def test_what_is_as_good_as_nothing_is_there_at_once(
    conn: connection.Connection, cloud: Callable[..., Any], shown: Any
) -> None:
    looked = cloud(ACTION, {**IMAGE, 'min_ram': None, **shown})
    _, call = calls(enterprise_project_id='0', min_ram=0)[
        'create_image_from_server'
    ]

    call(conn.ims)

    assert looked.call_count == 1


def test_each_of_several_images_has_what_goes_with_its_name(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cloud: Callable[..., Any],
) -> None:
    cloud(ACTION, image_id='i1,i2')
    tagged = {'id': 'i1', 'name': 'a', 'tags': ['k=1'], 'status': 'active'}
    other = {'id': 'i2', 'name': 'b', 'tags': [], 'status': 'active'}
    first = answers.get(f'{LIST}?id=i1', json={'images': [tagged]})
    second = answers.get(
        f'{LIST}?id=i2',
        [
            {'json': {'images': [other]}},
            {'json': {'images': [{**other, 'tags': ['k=2']}]}},
        ],
    )

    conn.ims.create_data_images_from_volumes(
        [
            {'name': 'a', 'volume_id': SOURCE, 'tags': {'k': '1'}},
            {'name': 'b', 'volume_id': SOURCE, 'tags': {'k': '2'}},
        ],
        wait=True,
    )

    assert (first.call_count, second.call_count) == (1, 2)


# ====== MEMBERS ======

SHARED = [{'member_id': MEMBER, 'status': 'pending'}]
OTHER = [{'member_id': 'b' * 32, 'status': 'pending'}]
ACCEPTED = [{'member_id': MEMBER, 'status': 'accepted'}]


@pytest.mark.parametrize(
    ('call', 'early', 'late'),
    [
        (lambda ims: ims.add_image_members, OTHER, SHARED),
        (lambda ims: ims.remove_image_members, SHARED, OTHER),
        (
            lambda ims: (
                lambda image, project, **wait: ims.update_image_members(
                    image, project, 'accepted', **wait
                )
            ),
            SHARED,
            ACCEPTED,
        ),
    ],
    ids=['add', 'remove', 'update'],
)
def test_members_are_seen_when_waiting_is_over(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cloud: Callable[..., Any],
    call: Any,
    early: Any,
    late: Any,
) -> None:
    cloud(f'{IMS_URL}/v1/cloudimages/members')
    looked = answers.get(
        MEMBERS,
        [{'json': {'members': each}} for each in (early, early, late)],
    )

    call(conn.ims)('i1', MEMBER, wait=True)

    assert looked.call_count == 3


@pytest.mark.parametrize('status', [403, 404])
def test_who_may_not_see_members_has_the_jobs_word(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cloud: Callable[..., Any],
    status: int,
) -> None:
    cloud(f'{IMS_URL}/v1/cloudimages/members')
    looked = answers.get(MEMBERS, status_code=status)

    conn.ims.add_image_members('i1', MEMBER, wait=True)

    assert looked.call_count == 1


def test_a_pair_that_failed_is_not_waited_for(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cloud: Callable[..., Any],
) -> None:
    cloud(
        f'{IMS_URL}/v1/cloudimages/members',
        results=[
            {'image_id': 'i1', 'project_id': MEMBER, 'status': 'success'},
            {'image_id': 'i1', 'project_id': 'b' * 32, 'status': 'fail'},
        ],
    )
    looked = answers.get(MEMBERS, json={'members': SHARED})

    conn.ims.add_image_members('i1', [MEMBER, 'b' * 32], wait=True)

    assert looked.call_count == 1


# ====== BOUNDS ======


def test_what_never_shows_is_told_and_no_failure(
    conn: connection.Connection,
    cloud: Callable[..., Any],
    slept: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloud(ACTION, IMAGE)
    _, call = calls(tags={'team': 'red'})['create_image_from_server']

    with caplog.at_level(logging.WARNING, 'ims_ext'):
        job = call(conn.ims)

    assert job.is_successful
    assert 'i1 lacks the tag team=red' in caplog.text
    assert job_effect.PATIENCE <= sum(slept) < 2 * job_effect.PATIENCE


def test_the_callers_timeout_ends_following_too(
    conn: connection.Connection,
    cloud: Callable[..., Any],
    slept: list[float],
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloud(ACTION, None)
    _, call = calls(timeout=2)['create_image_from_server']

    with caplog.at_level(logging.WARNING, 'ims_ext'):
        job = call(conn.ims)

    assert job.is_successful
    assert 'i1 is not to be seen' in caplog.text
    assert sum(slept) == pytest.approx(2)


def test_who_may_not_look_has_the_jobs_word(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cloud: Callable[..., Any],
    slept: list[float],
) -> None:
    cloud(ACTION)
    looked = answers.get(LIST, status_code=403)
    _, call = calls()['create_image_from_server']

    assert call(conn.ims).is_successful
    assert looked.call_count == 1
    assert slept == []


def test_an_image_that_is_killed_is_told(
    conn: connection.Connection,
    cloud: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    cloud(ACTION, None, {**IMAGE, 'status': 'killed'})
    _, call = calls()['create_image_from_server']

    with caplog.at_level(logging.WARNING, 'ims_ext'):
        call(conn.ims)

    assert 'the image i1 is killed' in caplog.text


# ====== WHATEVER WAITS ======


def test_jobs_that_are_waited_for_together_are_followed(
    conn: connection.Connection, cloud: Callable[..., Any]
) -> None:
    looked = cloud(ACTION, None, IMAGE)
    started = conn.ims.create_image_from_server(SOURCE, 'golden')

    [job] = conn.ims.wait_for_jobs([started])

    assert job.is_successful
    assert looked.call_count == 2


@pytest.mark.parametrize(
    ('job_type', 'looks'),
    [
        ('imsImportImageJob', 2),
        ('imsCreateImageByInstanceJob', 2),
        ('imsVolumeCreateImageJob', 2),
        ('imsCopyImageInRegionJob', 2),
        ('imsNativeImportImageJob', 2),
        ('imsNativeExportImageJob', 0),
        ('imsCopyImageCrossRegionJob', 0),
        ('imsAddImageMembersJob', 0),
    ],
)
def test_of_a_job_that_others_have_started_the_image_is_seen(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cloud: Callable[..., Any],
    job_type: str,
    looks: int,
) -> None:
    looked = cloud(ACTION, None, IMAGE)
    answers.get(
        JOB,
        json={
            'job_id': 'j1',
            'job_type': job_type,
            'status': 'SUCCESS',
            'entities': {'image_id': 'i1'},
        },
    )

    conn.ims.wait_for_job('j1')

    assert looked.call_count == looks


def test_a_job_that_is_not_to_be_seen_at_once_is_waited_for(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    cloud: Callable[..., Any],
) -> None:
    cloud(ACTION, IMAGE)
    ended = {
        'job_id': 'j1',
        'status': 'SUCCESS',
        'entities': {'image_id': 'i1'},
    }
    answers.get(JOB, [{'status_code': 404}, {'json': ended}])

    made = conn.ims.create_image_from_server(SOURCE, 'golden')
    job = conn.ims.wait_for_job(made)

    assert job.is_successful


def test_a_job_that_there_is_not_is_an_error_at_once(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    slept: list[float],
) -> None:
    answers.get(JOB, status_code=404)

    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.wait_for_job('j1')

    assert slept == []


def test_looking_at_a_job_follows_nothing(
    conn: connection.Connection, cloud: Callable[..., Any]
) -> None:
    looked = cloud(ACTION, IMAGE)
    started = conn.ims.create_image_from_server(SOURCE, 'golden')

    assert conn.ims.get_job(started).is_successful
    assert looked.call_count == 0


def test_a_job_that_was_followed_can_be_pickled(
    conn: connection.Connection, cloud: Callable[..., Any]
) -> None:
    cloud(ACTION, IMAGE)
    _, call = calls(tags={'a': 'b'})['create_image_from_server']
    cloud(ACTION, {**IMAGE, 'tags': ['a=b']})

    job = call(conn.ims)

    assert pickle.loads(pickle.dumps(job)).image_id == 'i1'
