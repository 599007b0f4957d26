# SPDX-License-Identifier: Apache-2.0
"""Full-ECS images: what is sent, and what is not."""

from typing import Any

from openstack import connection
from openstack.block_storage.v3 import backup as _backup
import pytest
import requests_mock

from ims_ext import exceptions

ACTION = 'https://ims.example.com/v1/cloudimages/wholeimages/action'
SERVER = '877a2cda-ba63-4e1e-b95f-e67e48b6129a'
BACKUP = '9b27efab-4a17-4c06-bfa2-3e0cf021d3c3'
VAULT = 'de9fcf45-11b2-432c-8562-5c5428574600'


@pytest.fixture
def cloud(answers: requests_mock.Mocker) -> requests_mock.Mocker:
    """A cloud that starts every job that it is asked for."""
    answers.post(ACTION, json={'job_id': 'j1'})
    return answers


@pytest.mark.parametrize(
    ('attrs', 'sent'),
    [
        ({'server': SERVER}, {'instance_id': SERVER}),
        (
            {'server': SERVER, 'vault_id': VAULT, 'tags': ['a.1']},
            {'instance_id': SERVER, 'vault_id': VAULT, 'tags': ['a.1']},
        ),
        (
            {'server': SERVER, 'max_ram': '2048', 'description': 'all'},
            {'instance_id': SERVER, 'max_ram': 2048, 'description': 'all'},
        ),
        ({'backup': BACKUP}, {'backup_id': BACKUP}),
        ({'backup': _backup.Backup(id=BACKUP)}, {'backup_id': BACKUP}),
        (
            {'backup': BACKUP, 'whole_image_type': 'cbr'},
            {'backup_id': BACKUP, 'whole_image_type': 'CBR'},
        ),
        (
            {'backup': BACKUP, 'vault_id': None, 'tags': {'a': '1'}},
            {
                'backup_id': BACKUP,
                'image_tags': [{'key': 'a', 'value': '1'}],
            },
        ),
    ],
)
def test_a_full_ecs_image_is_asked_for_as_documented(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    attrs: Any,
    sent: dict[str, Any],
) -> None:
    job = conn.ims.create_whole_image('golden', **attrs)

    assert cloud.last_request.method == 'POST'
    assert cloud.last_request.url == ACTION
    assert cloud.last_request.json() == {'name': 'golden', **sent}
    assert job.id == 'j1'


@pytest.mark.parametrize(
    ('attrs', 'reason'),
    [
        ({}, 'one of the two'),
        ({'server': SERVER, 'backup': BACKUP}, 'one of the two'),
        ({'backup': BACKUP, 'vault_id': VAULT}, 'vault_id goes with'),
        (
            {'server': SERVER, 'whole_image_type': 'CBR'},
            'whole_image_type goes with',
        ),
        ({'backup': BACKUP, 'whole_image_type': 'VBS'}, 'CSBS, CBR'),
        ({'server': SERVER, 'os_version': 'CentOS'}, 'os_version'),
        ({'server': SERVER, 'tags': {'a=b': 'c'}}, 'tag'),
        ({'server': ''}, 'server'),
        ({'backup': ''}, 'backup'),
    ],
)
def test_what_is_not_permitted_is_refused_unsent(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    attrs: Any,
    reason: str,
) -> None:
    with pytest.raises(exceptions.ValidationError, match=reason):
        conn.ims.create_whole_image('golden', **attrs)

    assert cloud.call_count == 0


def test_a_backups_name_without_block_storage_is_refused_with_the_way_out(
    conn: connection.Connection, cloud: requests_mock.Mocker
) -> None:
    with pytest.raises(
        exceptions.EndpointNotFoundError, match=r'nightly.*give its ID'
    ):
        conn.ims.create_whole_image('golden', backup='nightly')
