# SPDX-License-Identifier: Apache-2.0
"""Versions of operating systems: what is asked and what is read."""

from typing import Any

from openstack import connection
import pytest
import requests_mock

from ims_ext import exceptions

from .conftest import IMS_URL

OS_VERSION = f'{IMS_URL}/v1/cloudimages/os_version'

BODY = [
    {
        'platform': 'SUSE',
        'version_list': [
            {
                'platform': 'SUSE',
                'os_version_key': 'SUSE Linux Enterprise Server 15 64bit',
                'os_version': 'SUSE Linux Enterprise Server 15 64bit',
                'os_bit': 64,
                'os_type': 'Linux',
            }
        ],
    },
    {'platform': 'Other', 'version_list': [{'os_version': 'Other(32 bit)'}]},
    {'platform': 'CoreOS', 'version_list': None},
]


def test_versions_are_one_list_whatever_their_platform(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(OS_VERSION, json=BODY)

    suse, other = conn.ims.os_versions()

    assert suse.os_version == 'SUSE Linux Enterprise Server 15 64bit'
    assert suse.os_version_key == suse.os_version
    assert (suse.os_bit, suse.os_type) == (64, 'Linux')
    assert (suse.platform, other.platform) == ('SUSE', 'Other')
    assert not suse.properties


@pytest.mark.parametrize(
    ('given', 'sent'),
    [
        ({}, ''),
        ({'tag': None}, ''),
        ({'tag': 'arm'}, 'tag=arm'),
        ({'tag': ['kvm', 'uefi']}, 'tag=kvm&tag=uefi'),
    ],
)
def test_tags_are_sent_one_by_one(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    given: dict[str, Any],
    sent: str,
) -> None:
    answers.get(OS_VERSION, json=[])

    list(conn.ims.os_versions(**given))

    assert answers.last_request.query == sent


@pytest.mark.parametrize('query', [{'tags': 'arm'}, {'tag': [5]}])
def test_a_filter_that_does_not_exist_is_refused_unsent(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    query: dict[str, Any],
) -> None:
    with pytest.raises(exceptions.ValidationError):
        conn.ims.os_versions(**query)

    assert answers.call_count == 0


def test_a_strange_answer_is_called_so(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(OS_VERSION, json={'versions': []})

    with pytest.raises(exceptions.InvalidAnswerError, match='versions'):
        list(conn.ims.os_versions())
