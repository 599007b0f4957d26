# SPDX-License-Identifier: Apache-2.0
"""Requests that share images, as they are sent, and what is read back."""

from collections.abc import Callable
import datetime
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack.identity.v3 import project
from openstack.image.v2 import image
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext.extension import cloud_image
from ims_ext.extension import job
from ims_ext.extension import member_result

from .conftest import AUTH_URL
from .conftest import IMS_URL
from .conftest import PROJECT_ID

MEMBERS = f'{IMS_URL}/v1/cloudimages/members'
IMAGES = [
    'd164b5df-1bc3-4c3f-893e-3e471fd16e64',
    '0b680482-acaa-4045-b14c-9a8c7dfe9c70',
]
PROJECTS = [
    '9c61004714024f9586705d090530f9fa',
    'edc89b490d7d4392898e19b2deb34797',
]
ONE = f'{IMS_URL}/v1/{PROJECT_ID}/cloudimages/{IMAGES[0]}/members'
MEMBER = {
    'status': 'accepted',
    'created_at': '2026-09-01T02:05:14Z',
    'updated_at': '2026-09-01T02:37:11Z',
    'image_id': IMAGES[0],
    'member_id': PROJECTS[0],
    'schema': '/v2/schemas/member',
    'member_type': 'organization',
    'urn': 'organizations::o-1',
}


@pytest.fixture
def cloud(answers: requests_mock.Mocker) -> requests_mock.Mocker:
    """A cloud that starts every job that it is asked for."""
    for method in ('POST', 'PUT', 'DELETE'):
        answers.register_uri(method, MEMBERS, json={'job_id': 'j1'})
    return answers


@pytest.mark.parametrize(
    ('method', 'call'),
    [
        ('POST', 'add_image_members'),
        ('DELETE', 'remove_image_members'),
    ],
)
def test_many_images_and_projects_are_one_request(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    method: str,
    call: str,
) -> None:
    started = getattr(conn.ims, call)(IMAGES, PROJECTS)

    assert cloud.last_request.method == method
    assert cloud.last_request.url == MEMBERS
    assert cloud.last_request.json() == {
        'images': IMAGES,
        'projects': PROJECTS,
    }
    assert started.id == 'j1'


@pytest.mark.parametrize('status', ['accepted', 'REJECTED'])
def test_many_images_are_answered_in_one_request(
    conn: connection.Connection, cloud: requests_mock.Mocker, status: str
) -> None:
    conn.ims.update_image_members(IMAGES, PROJECTS[0], status)

    assert cloud.last_request.method == 'PUT'
    assert cloud.last_request.url == MEMBERS
    assert cloud.last_request.json() == {
        'images': IMAGES,
        'project_id': PROJECTS[0],
        'status': status.lower(),
    }


def test_a_vault_is_sent_where_one_is_given(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    conn.ims.update_image_members(IMAGES, PROJECTS[0], 'accepted', 'v1')

    assert cloud.last_request.json()['vault_id'] == 'v1'


@pytest.mark.parametrize(
    'images',
    [
        'i1',
        ['i1', 'i1'],
        image.Image(id='i1'),
        (each for each in [cloud_image.CloudImage(id='i1'), 'i1']),
    ],
)
def test_images_are_given_in_any_form_and_sent_once(
    conn: connection.Connection, cloud: requests_mock.Mocker, images: Any
) -> None:
    conn.ims.add_image_members(images, PROJECTS)

    assert cloud.last_request.json()['images'] == ['i1']


@pytest.mark.parametrize(
    'projects',
    [
        PROJECTS[0],
        PROJECTS[:1] * 2,
        project.Project(id=PROJECTS[0]),
    ],
)
def test_projects_are_given_in_any_form_and_sent_once(
    conn: connection.Connection, cloud: requests_mock.Mocker, projects: Any
) -> None:
    conn.ims.add_image_members('i1', projects)

    assert cloud.last_request.json()['projects'] == PROJECTS[:1]


@pytest.fixture
def named(
    connect: Callable[..., connection.Connection],
    cloud: requests_mock.Mocker,
) -> connection.Connection:
    """A connection whose identity service knows the project "beta"."""
    conn = connect({'image': IMS_URL, 'identity': AUTH_URL})
    for name, found in (
        ('beta', [{'id': PROJECTS[1], 'name': 'beta'}]),
        ('delta', []),
    ):
        cloud.get(f'{AUTH_URL}/projects/{name}', status_code=404)
        cloud.get(f'{AUTH_URL}/projects?name={name}', json={'projects': found})
    return conn


def test_a_project_is_found_by_its_name(
    named: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    named.ims.add_image_members('i1', ['beta', PROJECTS[0]])

    assert cloud.last_request.json()['projects'] == PROJECTS[::-1]


def test_a_project_that_nobody_knows_is_refused_unsent(
    named: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    with pytest.raises(sdk_exceptions.NotFoundException, match='delta'):
        named.ims.add_image_members('i1', 'delta')

    assert cloud.last_request.url != MEMBERS


def test_who_may_not_look_up_projects_names_them_by_id(
    named: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    cloud.get(f'{AUTH_URL}/projects/p-1', status_code=403)
    cloud.get(f'{AUTH_URL}/projects?name=p-1', status_code=403)

    named.ims.add_image_members('i1', 'p-1')

    assert cloud.last_request.json()['projects'] == ['p-1']


@pytest.mark.parametrize(
    'arguments',
    [
        ([], PROJECTS),
        ('', PROJECTS),
        (IMAGES, []),
        (IMAGES, ''),
        (IMAGES, [f'{number:032x}' for number in range(257)]),
    ],
)
def test_a_batch_without_sense_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    arguments: tuple[Any, Any],
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.add_image_members(*arguments)

    assert cloud.call_count == 0


def test_an_answer_that_is_none_is_refused_unsent(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    with pytest.raises(exceptions.ValidationError, match='pending'):
        conn.ims.update_image_members(IMAGES, PROJECTS[0], 'pending')

    assert cloud.call_count == 0


def test_a_refusal_to_share_is_an_error_of_its_own(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.post(
        MEMBERS,
        status_code=400,
        json={'error': {'code': 'IMG.0076', 'message': 'Not to oneself.'}},
    )

    with pytest.raises(exceptions.NotShareableError):
        conn.ims.add_image_members(IMAGES, PROJECTS)


def test_members_are_listed_with_all_that_is_documented(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(ONE, json={'members': [MEMBER], 'schema': 'members'})

    [found] = conn.ims.image_members(IMAGES[0])

    assert found.properties in (None, {})
    assert found.created_datetime == datetime.datetime(
        2026, 9, 1, 2, 5, 14, tzinfo=datetime.UTC
    )
    assert {name: getattr(found, name) for name in MEMBER} == MEMBER


def test_every_member_is_listed_once_on_whichever_page(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(
        f'{ONE}?limit=1',
        json={'members': [MEMBER], 'page_info': {'next_marker': 'bTE='}},
    )
    answers.get(
        f'{ONE}?limit=1&marker=bTE%3D',
        json={
            'members': [{**MEMBER, 'member_id': PROJECTS[1]}],
            'page_info': {'current_count': 1},
        },
    )

    found = conn.ims.image_members(IMAGES[0], limit=1)

    assert [member.member_id for member in found] == PROJECTS


def test_a_filter_that_members_do_not_have_is_refused(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    with pytest.raises(exceptions.ValidationError, match='colour'):
        conn.ims.image_members(IMAGES[0], colour='red')


def test_a_member_is_got_with_all_that_is_documented(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(f'{ONE}/{PROJECTS[0]}', json={**MEMBER, 'colour': 'red'})

    found = conn.ims.get_image_member(IMAGES[0], PROJECTS[0])
    again = conn.ims.get_image_member(image.Image(id=IMAGES[0]), found)

    assert {name: getattr(again, name) for name in MEMBER} == MEMBER
    assert again.properties == {'colour': 'red'}


def test_a_cloud_without_the_operation_is_told_from_no_such_member(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(f'{ONE}/{PROJECTS[0]}', status_code=404, text='')
    answers.get(
        f'{ONE}/{PROJECTS[1]}',
        status_code=404,
        json={'error': {'code': 'IMG.0114', 'message': 'No member.'}},
    )

    with pytest.raises(exceptions.UnsupportedOperationError, match='Huawei'):
        conn.ims.get_image_member(IMAGES[0], PROJECTS[0])
    with pytest.raises(sdk_exceptions.NotFoundException):
        conn.ims.get_image_member(IMAGES[0], PROJECTS[1])


@pytest.mark.parametrize(
    ('status', 'results', 'expected'),
    [
        # O's examples: no projects, and nothing where sharing was ended.
        (
            'SUCCESS',
            [{'image_id': 'i1', 'status': 'success'}],
            ['success', 'success', 'SUCCESS', 'SUCCESS'],
        ),
        ('SUCCESS', [], ['SUCCESS'] * 4),
        (
            'SUCCESS',
            [
                {'image_id': 'i1', 'project_id': 'p1', 'status': 'success'},
                {'image_id': 'i1', 'project_id': 'p2', 'status': 'fail'},
                {'image_id': 'i2', 'project_id': 'p1', 'status': 'FAILED'},
                {'image_id': 'i2', 'project_id': 'p2', 'status': 'success'},
            ],
            ['success', 'fail', 'FAILED', 'success'],
        ),
        (
            'FAIL',
            [
                {'image_id': 'i1', 'status': 'success'},
                {'image_id': 'i1', 'status': 'fail'},
            ],
            ['fail', 'fail', 'FAIL', 'FAIL'],
        ),
    ],
)
def test_every_pair_has_a_result_whatever_the_cloud_leaves_out(
    status: str, results: list[dict[str, str]], expected: list[str]
) -> None:
    ended = job.Job(status=status, entities={'results': results})

    found = member_result.read(ended, ['i1', 'i2'], ['p1', 'p2'])

    assert [str(each.status) for each in found] == expected
    assert [each.is_successful for each in found] == [
        word.lower() == 'success' for word in expected
    ]
    assert [each[:2] for each in found] == [
        ('i1', 'p1'),
        ('i1', 'p2'),
        ('i2', 'p1'),
        ('i2', 'p2'),
    ]
