# SPDX-License-Identifier: Apache-2.0
"""Schemas and API versions, from the library and from commands."""

import json
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext.emulator.server import EmulatorServer

from .openstack_command import Run


@pytest.mark.parametrize(
    ('noun', 'documented'),
    [
        ('image', 'os_hidden'),
        ('images', 'images'),
        ('member', 'member_id'),
        ('members', 'members'),
    ],
)
def test_a_schema_tells_properties(
    alice: connection.Connection, noun: str, documented: str
) -> None:
    schema = getattr(alice.ims, f'get_{noun}_schema')()

    assert schema.name == noun
    assert documented in schema.properties


def test_a_command_shows_a_schema_to_programs(run: Run) -> None:
    done = run('ims', 'schema', 'show', 'member', '-f', 'json')

    schema: dict[str, Any] = json.loads(done.stdout)
    assert schema['name'] == 'member'
    assert schema['properties']['status']['enum'] == [
        'pending',
        'accepted',
        'rejected',
    ]


def test_a_command_shows_a_schema_to_people(run: Run) -> None:
    done = run('ims', 'schema', 'show', 'images')

    assert 'images (array)' in done.stdout


def test_versions_are_listed_and_shown(alice: connection.Connection) -> None:
    versions = list(alice.ims.api_versions())
    one = alice.ims.get_api_version('v2.0')

    assert [each.id for each in versions][:3] == ['v2.2', 'v2.1', 'v2.0']
    assert versions[0].status == 'CURRENT'
    assert one.to_dict() == versions[2].to_dict()
    with pytest.raises(sdk_exceptions.NotFoundException):
        alice.ims.get_api_version('v9')


def test_commands_list_and_show_versions(
    run: Run, emulator: EmulatorServer
) -> None:
    listed = run('ims', 'version', 'list', '-f', 'json')
    shown = run('ims', 'version', 'show', 'v2.2', '-f', 'json')

    first = {
        'ID': 'v2.2',
        'Status': 'CURRENT',
        'URL': f'{emulator.image_url}/v2/',
    }
    assert json.loads(listed.stdout)[0] == first
    assert list(json.loads(shown.stdout).values()) == list(first.values())
