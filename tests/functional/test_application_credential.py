# SPDX-License-Identifier: Apache-2.0
"""Application credentials, as programs use them instead of a password."""

import json
from typing import Any

from keystoneauth1 import session as ks_session
from keystoneauth1.identity import v3
from openstack import connection
from openstack import exceptions
import pytest
import requests

from .openstack_command import Run
from .own_cloud import Cloud
from .plain_http import Client

SECRET = 'between program and cloud'


def create(cloud: Cloud, **attributes: Any) -> Any:
    """Make a credential of a user, unlike all others."""
    return cloud.conn.identity.create_application_credential(
        cloud.conn.current_user_id,
        **{'name': 'robot', 'secret': SECRET, **attributes},
    )


def connect(cloud: Cloud, credential: Any) -> connection.Connection:
    """Connect as a program does that has a credential."""
    auth = v3.ApplicationCredential(
        cloud.server.auth_url,
        application_credential_id=credential.id,
        application_credential_secret=SECRET,
    )
    return connection.Connection(
        session=ks_session.Session(auth), region_name='eu-emu-1'
    )


def token(cloud: Cloud, scope: Any = None, **claim: Any) -> requests.Response:
    """Ask for a token as somebody who writes the request by hand."""
    auth: dict[str, Any] = {
        'identity': {
            'methods': ['application_credential'],
            'application_credential': claim,
        }
    }
    if scope is not None:
        auth['scope'] = scope
    return requests.post(
        f'{cloud.server.auth_url}/auth/tokens', json={'auth': auth}, timeout=10
    )


def test_a_credential_opens_its_project(cloud: Cloud) -> None:
    with connect(cloud, create(cloud)) as conn:
        assert conn.current_project_id == cloud.conn.current_project_id
        assert {each.name for each in conn.compute.servers()} >= {'web'}


def test_a_credential_is_known_by_name_and_user(cloud: Cloud) -> None:
    create(cloud)
    user = {'id': cloud.conn.current_user_id}

    answer = token(cloud, name='robot', user=user, secret=SECRET)

    found = answer.json()['token']['application_credential']
    assert (found['name'], found['restricted']) == ('robot', True)


@pytest.mark.parametrize('claim', [{'secret': 'wrong'}, {'id': 'unknown'}])
def test_whoever_does_not_know_it_is_refused(
    cloud: Cloud, claim: dict[str, str]
) -> None:
    made = create(cloud)
    answer = token(cloud, **{'id': made.id, 'secret': SECRET, **claim})
    assert answer.status_code == 401


def test_a_credential_that_has_ended_opens_nothing(cloud: Cloud) -> None:
    made = create(cloud, expires_at='2999-12-31T23:59:59Z')
    state = cloud.server._state
    state.database.execute(
        'UPDATE application_credentials SET expires_at = ?',
        (state.clock() - 1,),
    )
    assert token(cloud, id=made.id, secret=SECRET).status_code == 401


def test_a_token_does_not_outlive_its_credential(cloud: Cloud) -> None:
    end = cloud.server._state.clock() + 60
    made = create(cloud)
    cloud.server._state.database.execute(
        'UPDATE application_credentials SET expires_at = ? WHERE id = ?',
        (end, made.id),
    )
    first = connect(cloud, made)
    expires = first.session.auth.get_access(first.session).expires
    assert expires.timestamp() == pytest.approx(end, abs=1)


def test_a_credential_is_not_for_another_scope(cloud: Cloud) -> None:
    made = create(cloud)
    answer = token(cloud, 'unscoped', id=made.id, secret=SECRET)
    assert answer.status_code == 401


def test_a_token_of_a_credential_gives_none_for_another_scope(
    cloud: Cloud,
) -> None:
    with connect(cloud, create(cloud)) as conn:
        identity = {'methods': ['token'], 'token': {'id': conn.auth_token}}
        answer = requests.post(
            f'{cloud.server.auth_url}/auth/tokens',
            json={
                'auth': {
                    'identity': identity,
                    'scope': {'domain': {'id': 'default'}},
                }
            },
            timeout=10,
        )
    assert answer.status_code == 401


@pytest.mark.parametrize('unrestricted', [False, True])
def test_only_an_unrestricted_credential_makes_more(
    cloud: Cloud, unrestricted: bool
) -> None:
    made = create(cloud, unrestricted=unrestricted)
    user_id = cloud.conn.current_user_id
    with connect(cloud, made) as conn:
        if unrestricted:
            conn.identity.create_application_credential(user_id, 'another')
        else:
            with pytest.raises(exceptions.ForbiddenException):
                conn.identity.create_application_credential(user_id, 'more')
            with pytest.raises(exceptions.ForbiddenException):
                conn.identity.delete_application_credential(user_id, made.id)


def test_a_deleted_credential_takes_its_tokens_with_it(cloud: Cloud) -> None:
    made = create(cloud)
    user_id = cloud.conn.current_user_id
    answer = token(cloud, id=made.id, secret=SECRET)
    headers = {'X-Auth-Token': answer.headers['X-Subject-Token']}
    url = f'{cloud.server.image_url}/v2/images'
    assert requests.get(url, headers=headers, timeout=10).status_code == 200

    cloud.conn.identity.delete_application_credential(user_id, made.id)

    assert requests.get(url, headers=headers, timeout=10).status_code == 401
    assert token(cloud, id=made.id, secret=SECRET).status_code == 401


def test_a_secret_is_shown_once(cloud: Cloud) -> None:
    made = create(cloud, secret=None)
    user_id = cloud.conn.current_user_id

    shown = cloud.conn.identity.get_application_credential(user_id, made.id)

    assert made.secret
    assert shown.secret is None


def test_a_name_is_taken_once(cloud: Cloud) -> None:
    create(cloud)
    with pytest.raises(exceptions.ConflictException):
        create(cloud)


@pytest.mark.parametrize(
    'attributes',
    [
        {'name': ''},
        {'name': 5},
        {'description': ['x']},
        {'secret': 5},
        {'unrestricted': 'yes'},
        {'expires_at': 'tomorrow'},
        {'expires_at': '2001-01-01T00:00:00Z'},
        {'roles': [{'name': 'admin'}]},
        {'roles': 'member'},
        {'access_rules': [{'path': '/v2/images', 'method': 'GET'}]},
    ],
    ids=repr,
)
def test_what_cannot_be_kept_is_refused(
    tenant: Client, attributes: dict[str, Any]
) -> None:
    body = {'application_credential': {'name': 'robot', **attributes}}
    answer = tenant.identity(
        'POST',
        f'/v3/users/{tenant.user_id}/application_credentials',
        json=body,
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()['error']['message']


def test_nobody_sees_anothers(tenant: Client, neighbour: Client) -> None:
    path = f'/v3/users/{tenant.user_id}/application_credentials'
    assert neighbour.identity('GET', path).status_code == 403


def test_the_command_manages_them(run: Run) -> None:
    noun = ('application', 'credential')
    made = run(*noun, 'create', 'of-the-command', '-f', 'json')
    try:
        listed = run(*noun, 'list', '-f', 'value', '-c', 'Name')
        assert json.loads(made.stdout)['Secret']
        assert 'of-the-command' in listed.stdout.split()
    finally:
        deleted = run(*noun, 'delete', 'of-the-command')
    assert deleted.returncode == 0, deleted.stderr
