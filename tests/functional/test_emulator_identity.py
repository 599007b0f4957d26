# SPDX-License-Identifier: Apache-2.0
"""The emulator's identity service, as clients of Keystone see it."""

from collections.abc import Callable
import datetime
from pathlib import Path
from typing import Any

from keystoneauth1 import discover
from keystoneauth1 import session as ks_session
from openstack import connection
from openstack import exceptions
import pytest
import requests

from ims_ext.emulator.openstack import authentication
from ims_ext.emulator.seed import Account
from ims_ext.emulator.server import EmulatorServer

from .own_cloud import Cloud
from .plain_http import Client

PASSWORD = {
    'name': 'alice',
    'domain': {'id': 'default'},
    'password': 'alice-secret',
}
ALPHA = {'project': {'name': 'alpha', 'domain': {'name': 'Default'}}}


def authenticate(
    server: EmulatorServer, scope: Any = None, **identity: Any
) -> requests.Response:
    """Ask for a token, with alice's password where nothing else is given."""
    identity = identity or {'password': {'user': PASSWORD}}
    auth = {'identity': {'methods': list(identity), **identity}}
    if scope is not None:
        auth['scope'] = scope
    return requests.post(
        f'{server.auth_url}/auth/tokens', json={'auth': auth}, timeout=10
    )


def access_key(
    server: EmulatorServer, token: str, **options: Any
) -> requests.Response:
    """Ask for temporary access keys, the token in the header."""
    root = server.auth_url.removesuffix('/v3')
    identity = {'methods': ['token'], 'token': options}
    return requests.post(
        f'{root}/v3.0/OS-CREDENTIAL/securitytokens',
        json={'auth': {'identity': identity}},
        headers={'X-Auth-Token': token},
        timeout=10,
    )


@pytest.fixture
def token(emulator: EmulatorServer) -> str:
    """Give a token of alice's for project alpha."""
    return authenticate(emulator, ALPHA).headers['X-Subject-Token']


# ====== DISCOVERY ======


def test_the_root_lists_version_3(emulator: EmulatorServer) -> None:
    url = emulator.auth_url.removesuffix('/v3')
    found = discover.Discover(ks_session.Session(), url)
    assert found.url_for('3') == f'{emulator.auth_url}/'


def test_the_root_answers_300(emulator: EmulatorServer) -> None:
    url = emulator.auth_url.removesuffix('v3')
    assert requests.get(url, timeout=10).status_code == 300


# ====== TOKENS ======


def test_a_password_gives_a_token_for_a_project(
    emulator: EmulatorServer,
) -> None:
    token = authenticate(emulator, ALPHA).json()['token']
    assert token['project']['name'] == 'alpha'


def test_a_token_carries_the_catalog(emulator: EmulatorServer) -> None:
    catalog = authenticate(emulator, ALPHA).json()['token']['catalog']
    urls = {each['type']: each['endpoints'][0]['url'] for each in catalog}
    expected = {
        'identity': emulator.auth_url,
        'image': emulator.image_url,
        'object': emulator.bucket_url,
    }
    assert {name: urls.get(name) for name in expected} == expected


def test_the_catalog_sends_the_extension_to_the_image_service(
    emulator: EmulatorServer,
) -> None:
    catalog = authenticate(emulator, ALPHA).json()['token']['catalog']
    assert 'ims' not in {each['type'] for each in catalog}


def test_without_a_scope_a_token_is_for_the_users_project(
    emulator: EmulatorServer,
) -> None:
    token = authenticate(emulator).json()['token']
    assert token['project']['name'] == 'alpha'


def test_a_token_can_be_for_a_domain(emulator: EmulatorServer) -> None:
    scope = {'domain': {'name': 'Default'}}
    token = authenticate(emulator, scope).json()['token']
    assert token['domain'] == {'id': 'default', 'name': 'Default'}


def test_a_token_can_be_for_nothing_in_particular(
    emulator: EmulatorServer,
) -> None:
    token = authenticate(emulator, 'unscoped').json()['token']
    assert not {'project', 'domain', 'catalog'} & set(token)


def test_a_token_gives_another_token(
    emulator: EmulatorServer, token: str
) -> None:
    answer = authenticate(emulator, ALPHA, token={'id': token})
    assert answer.json()['token']['methods'] == ['token']


def test_a_token_from_a_token_does_not_outlive_it(
    emulator: EmulatorServer,
) -> None:
    first = authenticate(emulator)
    second = authenticate(
        emulator, token={'id': first.headers['X-Subject-Token']}
    )
    expiry = first.json()['token']['expires_at']
    assert second.json()['token']['expires_at'] == expiry


@pytest.mark.parametrize(
    'user',
    [
        {**PASSWORD, 'password': 'wrong'},
        {**PASSWORD, 'name': 'nobody'},
        {**PASSWORD, 'domain': {'name': 'nowhere'}},
    ],
    ids=['password', 'user', 'domain'],
)
def test_whoever_cannot_prove_who_they_are_is_refused(
    emulator: EmulatorServer, user: dict[str, Any]
) -> None:
    answer = authenticate(emulator, password={'user': user})
    assert (answer.status_code, answer.json()['error']['title']) == (
        401,
        'Unauthorized',
    )


@pytest.mark.parametrize(
    'scope',
    [
        {'project': {'name': 'beta', 'domain': {'id': 'default'}}},
        {'project': {'name': 'nothing', 'domain': {'id': 'default'}}},
        {'project': {'id': 'nothing'}},
        {'domain': {'id': 'nothing'}},
    ],
    ids=['of another', 'unknown name', 'unknown id', 'unknown domain'],
)
def test_nobody_gets_a_token_for_what_is_not_theirs(
    emulator: EmulatorServer, scope: dict[str, Any]
) -> None:
    assert authenticate(emulator, scope).status_code == 401


@pytest.mark.parametrize(
    'body',
    [b'', b'[', b'[]', b'{"auth": 1}', b'{"auth": {"identity": {}}}'],
    ids=repr,
)
def test_a_request_that_makes_no_sense_is_refused(
    emulator: EmulatorServer, body: bytes
) -> None:
    answer = requests.post(
        f'{emulator.auth_url}/auth/tokens', data=body, timeout=10
    )
    assert (answer.status_code, answer.json()['error']['code']) == (400, 400)


def test_a_token_can_be_validated(
    emulator: EmulatorServer, token: str
) -> None:
    answer = requests.get(
        f'{emulator.auth_url}/auth/tokens',
        headers={'X-Auth-Token': token, 'X-Subject-Token': token},
        timeout=10,
    )
    assert answer.json()['token']['user']['name'] == 'alice'


def test_a_revoked_token_opens_nothing(
    emulator: EmulatorServer, token: str
) -> None:
    headers = {'X-Auth-Token': token, 'X-Subject-Token': token}
    url = f'{emulator.auth_url}/auth/tokens'
    requests.get(
        f'{emulator.image_url}/v2/images', headers=headers, timeout=10
    )
    requests.delete(url, headers=headers, timeout=10)
    answer = requests.get(
        f'{emulator.image_url}/v2/images', headers=headers, timeout=10
    )
    assert answer.status_code == 401


def test_a_token_outlives_a_restart(tmp_path: Path) -> None:
    with EmulatorServer(state_dir=tmp_path) as first:
        token = authenticate(first).headers['X-Subject-Token']
    with EmulatorServer(state_dir=tmp_path) as second:
        answer = requests.get(
            f'{second.image_url}/v2/images',
            headers={'X-Auth-Token': token},
            timeout=10,
        )
    assert answer.status_code == 200


# ====== WHAT IS AROUND ======


def test_a_user_sees_their_own_project(alice: connection.Connection) -> None:
    assert [each.name for each in alice.identity.projects()] == ['alpha']


def test_a_user_does_not_see_anothers_project(
    alice: connection.Connection, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.ForbiddenException):
        alice.identity.get_project(bob.current_project_id)


def test_a_user_can_look_themselves_up(alice: connection.Connection) -> None:
    assert alice.identity.get_user(alice.current_user_id).name == 'alice'


def test_a_user_sees_the_role_and_where_they_have_it(
    alice: connection.Connection,
) -> None:
    identity = alice.identity
    project_id = alice.current_project_id

    assert 'member' in {role.name for role in identity.roles()}
    found = list(identity.role_assignments(user_id=alice.current_user_id))
    assert {each.scope.get('project', {}).get('id') for each in found} == {
        project_id,
        None,
    }
    assert not list(identity.role_assignments(user_id='another'))
    one = list(identity.role_assignments(scope_project_id=project_id))
    assert [each.scope for each in one] == [{'project': {'id': project_id}}]


@pytest.mark.parametrize('kind', ['groups', 'trusts'])
def test_there_are_no_groups_and_trusts(
    alice: connection.Connection, kind: str
) -> None:
    assert list(getattr(alice.identity, kind)()) == []


def test_a_user_is_shown_as_the_clouds_do(tenant: Client) -> None:
    path = f'/v3.0/OS-USER/users/{tenant.user_id}'
    user = tenant.identity('GET', path).json()['user']
    assert (user['id'], user['domain_id']) == (tenant.user_id, 'default')


def test_a_user_changes_their_password(cloud: Cloud) -> None:
    client = Client(cloud.server, cloud.user)
    auth = cloud.server.clouds()['clouds'][cloud.user]['auth']
    path = f'/v3/users/{client.user_id}/password'

    def change(old: str, new: str) -> int:
        body = {'user': {'original_password': old, 'password': new}}
        return client.identity('POST', path, json=body).status_code

    assert change('wrong', 'new') == 401
    assert change(auth['password'], 'new') == 204
    # The tokens of before are over.
    assert client.get('/v2/images').status_code == 401
    user = {'name': cloud.user, 'domain': {'id': 'default'}, 'password': 'new'}
    answer = authenticate(cloud.server, password={'user': user})
    assert answer.status_code == 201


def test_nobody_changes_anothers_password(
    tenant: Client, neighbour: Client
) -> None:
    body = {'user': {'original_password': 'x', 'password': 'y'}}
    path = f'/v3/users/{tenant.user_id}/password'
    assert neighbour.identity('POST', path, json=body).status_code == 403


def test_users_of_one_project_see_the_same(tmp_path: Path) -> None:
    carol, dave = (
        Account('carol', 'a:b', 'gamma'),
        Account('dave', 'secret', 'gamma'),
    )
    with EmulatorServer(users=[carol, dave]) as server:
        projects = {
            authenticate(
                server,
                password={
                    'user': {
                        'name': each.name,
                        'password': each.password,
                        'domain': {'id': 'default'},
                    }
                },
            ).json()['token']['project']['id']
            for each in (carol, dave)
        }
    assert len(projects) == 1


def test_a_user_comes_while_the_emulator_runs(
    emulator: EmulatorServer, alice: connection.Connection
) -> None:
    alices = {each.id for each in alice.compute.servers()}
    emulator.add_user(Account('erin', 'secret', 'epsilon'))
    entry = emulator.clouds()['clouds']['erin']

    with connection.Connection(**entry) as erin:
        servers = {each.id: each.name for each in erin.compute.servers()}
        images = [each.visibility for each in erin.ims.cloud_images()]

    assert set(servers.values()) == {'web', 'db', 'batch'}
    assert not alices & set(servers)
    assert set(images) == {'public'}


@pytest.mark.parametrize(
    ('command', 'expected'),
    [
        (('catalog', 'list'), 'image'),
        (('project', 'list'), 'alpha'),
        (('endpoint', 'list'), 'eu-emu-1'),
        (('user', 'show', 'alice'), 'alice'),
        (('token', 'issue'), 'expires'),
    ],
    ids=' '.join,
)
def test_the_openstack_command_works(
    run: Callable[..., Any], command: tuple[str, ...], expected: str
) -> None:
    assert expected in run(*command).stdout


# ====== TEMPORARY ACCESS KEYS ======


def test_a_token_gives_a_temporary_access_key(
    emulator: EmulatorServer, token: str
) -> None:
    answer = access_key(emulator, token, duration_seconds=900)
    assert (answer.status_code, set(answer.json()['credential'])) == (
        201,
        {'access', 'secret', 'securitytoken', 'expires_at'},
    )


def test_an_access_key_lives_as_long_as_asked_for(
    emulator: EmulatorServer, token: str
) -> None:
    long, short = (
        datetime.datetime.fromisoformat(
            access_key(emulator, token, duration_seconds=seconds).json()[
                'credential'
            ]['expires_at']
        )
        for seconds in (86400, 900)
    )
    assert long - short > datetime.timedelta(hours=23)


def test_the_token_can_be_in_the_body(
    emulator: EmulatorServer, token: str
) -> None:
    answer = access_key(emulator, '', id=token, duration_seconds=900)
    assert answer.status_code == 201


@pytest.mark.parametrize('seconds', [899, 86401, '900', True, None])
def test_an_access_key_lives_neither_too_short_nor_too_long(
    emulator: EmulatorServer, token: str, seconds: Any
) -> None:
    answer = access_key(emulator, token, duration_seconds=seconds)
    assert answer.status_code == 400


def test_a_wrong_token_gives_no_access_key(emulator: EmulatorServer) -> None:
    assert access_key(emulator, 'wrong').status_code == 401


def test_a_body_with_half_a_character_is_refused(
    emulator: EmulatorServer,
) -> None:
    answer = requests.post(
        f'{emulator.auth_url}/auth/tokens',
        data=b'{"auth": {"identity": {"methods": ["password"], "password": '
        b'{"user": {"name": "\xed\xa0\x80", "domain": {"id": "default"}, '
        b'"password": "x"}}}}}',
        timeout=10,
    )
    assert answer.status_code == 400


def test_a_method_that_is_named_again_is_not_tried_again() -> None:
    auth = {'identity': {'methods': ['password', 'token', 'password']}}
    claim = authentication.parse({'auth': auth})
    assert claim.methods == ('password', 'token')
