# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image list --project``: where identity can say, it does."""

import argparse
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

from ims_ext.cli import image_list

from .conftest import AUTH_URL
from .conftest import IMS_URL

PROJECT_ID = 32 * 'a'


@pytest.fixture
def find(conn: connection.Connection, answers: requests_mock.Mocker) -> Any:
    """Give a function that finds the project of ``--project``."""
    answers.get(f'{IMS_URL}/v2/cloudimages', json={'images': []})
    conn.config.config['identity_endpoint_override'] = AUTH_URL

    def find_project(name: str) -> str | None:
        arguments = argparse.Namespace(project=name, project_domain=None)
        return image_list.find_project(conn.ims, conn, arguments)

    return find_project


def identity_says(
    answers: requests_mock.Mocker,
    name: str,
    *projects: dict[str, str],
    status: int = 404,
) -> None:
    answers.get(f'{AUTH_URL}/projects/{name}', status_code=status)
    answers.get(f'{AUTH_URL}/projects', json={'projects': list(projects)})


def test_a_name_is_its_projects_id(
    find: Any, answers: requests_mock.Mocker
) -> None:
    identity_says(answers, 'alpha', {'id': PROJECT_ID, 'name': 'alpha'})

    assert find('alpha') == PROJECT_ID


@pytest.mark.parametrize('name', ['nobody', PROJECT_ID])
def test_a_project_that_identity_does_not_know_is_an_error(
    find: Any, answers: requests_mock.Mocker, name: str
) -> None:
    identity_says(answers, name)

    with pytest.raises(sdk_exceptions.NotFoundException, match=name):
        find(name)


def test_a_project_with_images_exists_whatever_identity_says(
    find: Any, answers: requests_mock.Mocker
) -> None:
    identity_says(answers, PROJECT_ID)
    answers.get(
        f'{IMS_URL}/v2/cloudimages',
        json={'images': [{'id': 'i', 'name': 'n'}]},
    )

    assert find(PROJECT_ID) == PROJECT_ID


def test_an_ambiguous_name_is_told_with_the_ids(
    find: Any, answers: requests_mock.Mocker
) -> None:
    identity_says(
        answers,
        'alpha',
        {'id': 'p1', 'name': 'alpha'},
        {'id': 'p2', 'name': 'alpha'},
    )

    with pytest.raises(sdk_exceptions.DuplicateResource, match='p1, p2'):
        find('alpha')


def test_who_may_not_look_projects_up_gives_ids(
    find: Any, answers: requests_mock.Mocker
) -> None:
    for name in (PROJECT_ID, 'alpha'):
        identity_says(answers, name, status=403)
    answers.get(f'{AUTH_URL}/projects', status_code=403)

    assert find(PROJECT_ID) == PROJECT_ID
    with pytest.raises(sdk_exceptions.NotFoundException, match='ID'):
        find('alpha')
