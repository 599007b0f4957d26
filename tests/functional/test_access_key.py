# SPDX-License-Identifier: Apache-2.0
"""Permanent access keys, as the clouds' IAM and Keystone's EC2 manage them."""

import json
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest

from .openstack_command import Run
from .plain_http import Client

PATH = '/v3.0/OS-CREDENTIAL/credentials'


def create(client: Client, **options: Any) -> dict[str, Any]:
    """Make a permanent access key."""
    answer = client.identity('POST', PATH, json={'credential': options})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()['credential']
    return made


def buckets(client: Client, key: dict[str, Any]) -> Any:
    """Return what the buckets say to an access key."""
    s3 = boto3.client(
        's3',
        endpoint_url=client.bucket_url,
        region_name='eu-emu-1',
        aws_access_key_id=key['access'],
        aws_secret_access_key=key['secret'],
        config=botocore.config.Config(retries={'max_attempts': 1}),
    )
    return s3.list_buckets()['Buckets']


def test_a_new_key_opens_the_buckets_of_its_project(importer: Client) -> None:
    key = create(importer, description='of the backup')

    assert [each['Name'] for each in buckets(importer, key)] == ['images']
    assert (key['status'], key['description']) == ('active', 'of the backup')


def test_keys_are_listed_and_shown_without_their_secrets(
    tenant: Client,
) -> None:
    key = create(tenant)

    listed = tenant.identity('GET', PATH).json()['credentials']
    shown = tenant.identity('GET', f'{PATH}/{key["access"]}').json()

    assert key['access'] in {each['access'] for each in listed}
    assert shown['credential']['user_id'] == tenant.user_id
    assert 'secret' not in {*shown['credential'], *listed[0]}


def test_a_key_that_is_switched_off_opens_nothing(tenant: Client) -> None:
    key = create(tenant)
    path = f'{PATH}/{key["access"]}'

    off = {'credential': {'status': 'inactive'}}
    answer = tenant.identity('PUT', path, json=off)
    assert answer.json()['credential']['status'] == 'inactive'
    with pytest.raises(botocore.exceptions.ClientError, match='InvalidAccess'):
        buckets(tenant, key)

    tenant.identity('PUT', path, json={'credential': {'status': 'active'}})
    assert buckets(tenant, key) == []


def test_a_deleted_key_opens_nothing(tenant: Client) -> None:
    key = create(tenant)

    answer = tenant.identity('DELETE', f'{PATH}/{key["access"]}')

    assert answer.status_code == 204
    with pytest.raises(botocore.exceptions.ClientError, match='InvalidAccess'):
        buckets(tenant, key)


def test_a_user_has_two_keys_at_most(tenant: Client) -> None:
    create(tenant)
    answer = tenant.identity('POST', PATH, json={'credential': {}})
    assert answer.status_code == 400
    assert 'akSkNumExceed' in answer.json()['error']['message']


@pytest.mark.parametrize(
    'body',
    [
        {},
        {'credential': 'x'},
        {'credential': {'description': 5}},
        {'credential': {'description': 'x' * 256}},
    ],
    ids=repr,
)
def test_what_is_no_key_is_refused(tenant: Client, body: Any) -> None:
    assert tenant.identity('POST', PATH, json=body).status_code == 400


def test_nobody_touches_anothers_keys(
    tenant: Client, neighbour: Client
) -> None:
    key = create(tenant)
    others = {'credential': {'user_id': tenant.user_id}}

    answers = [
        neighbour.identity('GET', f'{PATH}/{key["access"]}'),
        neighbour.identity('DELETE', f'{PATH}/{key["access"]}'),
        neighbour.identity('GET', f'{PATH}?user_id={tenant.user_id}'),
        neighbour.identity('POST', PATH, json=others),
    ]

    assert [each.status_code for each in answers] == [404, 404, 403, 403]


def test_keystones_ec2_keys_are_the_same_keys(importer: Client) -> None:
    path = f'/v3/users/{importer.user_id}/credentials/OS-EC2'
    body = {'tenant_id': importer.project_id}

    made = importer.identity('POST', path, json=body).json()['credential']
    shown = importer.identity('GET', f'{path}/{made["access"]}').json()

    assert shown['credential'] == made
    assert [each['Name'] for each in buckets(importer, made)] == ['images']
    assert importer.identity('GET', f'{PATH}/{made["access"]}').ok
    assert importer.identity('DELETE', f'{path}/{made["access"]}').ok
    assert importer.identity(
        'GET', f'{path}/{made["access"]}'
    ).status_code == (404)


def test_an_ec2_key_is_for_a_project_of_the_users(
    tenant: Client, neighbour: Client
) -> None:
    path = f'/v3/users/{tenant.user_id}/credentials/OS-EC2'
    body = {'tenant_id': neighbour.project_id}
    assert tenant.identity('POST', path, json=body).status_code == 403


def test_the_command_lists_them(run: Run) -> None:
    done = run('ec2', 'credentials', 'list', '-f', 'json')
    assert json.loads(done.stdout)[0]['Access']
