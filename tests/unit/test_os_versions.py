# SPDX-License-Identifier: Apache-2.0
"""What the table of documented operating system versions says."""

import subprocess
import sys

import pytest

from ims_ext import os_versions

# The documented values of __platform, and the two row titles of the
# references' tables that the list of values leaves out.
PLATFORMS = {
    'CentOS',
    'CoreOS',
    'Debian',
    'EulerOS',
    'Fedora',
    'NeoKylin',
    'OpenSUSE',
    'Oracle Linux',
    'Other',
    'Red Hat',
    'SUSE',
    'Ubuntu',
    'Windows',
    'openEuler',
}


@pytest.mark.parametrize(
    ('version', 'platform', 'os_type', 'os_bit'),
    [
        ('Ubuntu 18.04 server 64bit', 'Ubuntu', 'Linux', 64),
        ('Ubuntu 14.04.4 server 32bit', 'Ubuntu', 'Linux', 32),
        ('Windows Server 2008 R2 WEB 64bit', 'Windows', 'Windows', 64),
        ('Windows 7 Professional 32bit', 'Windows', 'Windows', 32),
        ('Red Hat Linux Enterprise 6.4 32bit', 'Red Hat', 'Linux', 32),
        ('Redhat Linux Enterprise 7.6 64bit', 'Red Hat', 'Linux', 64),
        ('Redhat 7.6 64bit', 'Red Hat', 'Linux', 64),
        ('openSUSE 42.3 64bit', 'OpenSUSE', 'Linux', 64),
        ('Debian GNU/Linux 10.0.0 64bit', 'Debian', 'Linux', 64),
        ('CoreOS 1068.10.0', 'CoreOS', 'Linux', 64),
        ('openEuler 20.03 64bit', 'openEuler', 'Linux', 64),
        ('NeoKylin Server release 5.0 U2 64bit', 'NeoKylin', 'Linux', 64),
        ('Other Linux(64 bit)', 'Other', 'Linux', 64),
        ('Other(32 bit)', 'Other', 'Linux', 32),
    ],
)
def test_a_documented_version_is_found(
    version: str, platform: str, os_type: str, os_bit: int
) -> None:
    assert os_versions.find(version) == os_versions.OsVersion(
        version=version, platform=platform, os_type=os_type, os_bit=os_bit
    )


@pytest.mark.parametrize(
    'version', ['', 'Ubuntu', 'ubuntu 18.04 server 64bit', 'Plan 9 64bit']
)
def test_only_the_exact_name_is_found(version: str) -> None:
    assert os_versions.find(version) is None


def test_every_platform_is_spelled_in_the_one_way() -> None:
    found = {version.platform for version in os_versions.all_versions()}
    assert found == PLATFORMS


def test_the_bits_agree_with_the_name() -> None:
    wrong = [
        version
        for version in os_versions.all_versions()
        if version.platform != 'CoreOS'
        and f'{version.os_bit}bit' not in version.version.replace(' ', '')
    ]
    assert wrong == []


def test_names_are_single_versions_in_plain_characters() -> None:
    wrong = [
        version.version
        for version in os_versions.all_versions()
        if version.version.replace(' bit', 'bit').count('bit') > 1
        or not version.version.isascii()
        or version.version != ' '.join(version.version.split())
    ]
    assert wrong == []


def test_all_three_clouds_lists_are_there() -> None:
    only_there = [
        'Windows 7 Enterprise 64bit',
        'Red Hat Linux Enterprise 8.0 64bit',
        'Windows Server 2019 Standard 64bit',
    ]
    assert [v for v in only_there if os_versions.find(v) is None] == []


def test_the_nearest_version_is_suggested_first() -> None:
    assert os_versions.nearest('ubuntu 18.04 64bit')[0] == (
        'Ubuntu 18.04 server 64bit'
    )


def test_case_does_not_count_in_suggestions() -> None:
    assert os_versions.nearest('CENTOS 7.3 64BIT', 1) == ['CentOS 7.3 64bit']


def test_no_more_versions_are_suggested_than_asked_for() -> None:
    assert len(os_versions.nearest('Fedora 31 64bit', 2)) == 2


def test_nothing_is_suggested_for_something_else_altogether() -> None:
    assert os_versions.nearest('qqqqq') == []


def test_importing_the_module_reads_no_table() -> None:
    program = (
        'from ims_ext import os_versions; '
        'assert os_versions._table.cache_info().currsize == 0'
    )
    subprocess.run([sys.executable, '-c', program], check=True)
