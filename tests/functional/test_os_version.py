# SPDX-License-Identifier: Apache-2.0
"""Versions of operating systems, in the emulated cloud."""

import json

from openstack import connection
import pytest

from ims_ext import exceptions
from ims_ext import os_versions

from .openstack_command import Run


def test_every_documented_version_is_listed_once(
    alice: connection.Connection,
) -> None:
    found = [each.os_version for each in alice.ims.os_versions()]

    assert sorted(found) == sorted(
        each.version for each in os_versions.all_versions()
    )


def test_versions_come_platform_by_platform(
    alice: connection.Connection,
) -> None:
    platforms = [each.platform for each in alice.ims.os_versions()]

    assert platforms == sorted(platforms)


@pytest.mark.parametrize('tags', ['arm', ['arm', 'uefi']])
def test_all_tags_must_hold(
    alice: connection.Connection, tags: str | list[str]
) -> None:
    found = list(alice.ims.os_versions(tag=tags))

    assert {each.os_bit for each in found} == {64}
    assert {each.os_type for each in found} == {'Linux'}


def test_a_tag_that_the_cloud_does_not_know_is_refused(
    alice: connection.Connection,
) -> None:
    with pytest.raises(exceptions.BadRequestError, match=r'IMG\.0017'):
        list(alice.ims.os_versions(tag='colour'))


def test_a_command_lists_versions(run: Run) -> None:
    done = run(
        *('ims', 'os', 'version', 'list', '--tag', 'kvm', '--tag', 'arm'),
        *('--long', '-f', 'json'),
    )

    version = json.loads(done.stdout)[0]
    assert version['OS Type'] == 'Linux'
    assert version['OS Bit'] == 64
    assert version['Key'] == version['OS Version']
