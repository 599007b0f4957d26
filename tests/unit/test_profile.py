# SPDX-License-Identifier: Apache-2.0
"""The clouds that the emulator can be like, and what is said of them."""

import argparse
import csv
import dataclasses
from pathlib import Path
import re

import pytest

from ims_ext import os_versions
from ims_ext.emulator import options
from ims_ext.emulator import profile
from ims_ext.emulator.delays import Delays
from ims_ext.emulator.profile import ALL_CLOUDS
from ims_ext.emulator.profile import PROFILES
from ims_ext.emulator.profile import Profile
from ims_ext.emulator.server import EmulatorServer

DOCS = Path(__file__).parents[2] / 'doc' / 'source'
LETTERS = {'flexible-engine': 'F', 'otc': 'O', 'huawei': 'H'}


def rows(path: str) -> list[dict[str, str]]:
    with (DOCS / path).open(encoding='utf-8') as file:
        return list(csv.DictReader(file))


def seconds(value: float) -> str:
    return f'{value:g} s' if value else 'none'


def described(each: Profile) -> dict[str, str]:
    """Return a profile in the words of the documentation."""
    delays = dataclasses.asdict(each.delays)
    disk = each.system_disk
    largest = f'{each.largest_page:,}'
    return {
        'Region': f'``{each.region}``',
        'Operations that are missing': str(len(each.missing) or 'none'),
        'Errors of the service': (
            '``error_code``' if each.flat_errors else '``error``'
        ),
        'Images of a project': str(each.image_quota),
        'Images of a page': largest,
        'Pages link to the next': 'yes' if each.links_pages else 'no',
        'Native upload below': f'{each.upload_limit // 2**30} GB',
        '``min_disk`` of an imported disk': f'{disk[0]} to {disk[-1]:,} GB',
        'Enterprise projects': (
            'yes' if each.has_enterprise_projects else 'no'
        ),
        'Jobs tell ``process_percent``': (
            'yes' if each.tells_progress else 'no'
        ),
        'Operating systems': str(
            len(os_versions.all_versions()) - len(each.other_os_versions)
        ),
        'Red Hat is called': each.platform('Red Hat'),
        'A job runs for': seconds(each.job_seconds),
        **{f'Delay of ``{name}``': seconds(delays[name]) for name in delays},
    }


@pytest.mark.parametrize(
    'each',
    [ALL_CLOUDS, *PROFILES.values()],
    ids=[ALL_CLOUDS.name or 'all', *PROFILES],
)
def test_what_a_profile_does_is_documented(each: Profile) -> None:
    column = f'``{each.name}``' if each.name else 'All'
    documented = {
        row['What']: row[column] for row in rows('user/emulator-profiles.csv')
    }

    assert documented == described(each)


@pytest.mark.parametrize('name', PROFILES)
def test_what_a_cloud_does_not_document_is_missing(name: str) -> None:
    missing = {
        tuple(row['Request'].split(' ', 1))
        for row in rows('reference/operations.csv')
        if LETTERS[name] not in row['Clouds'].split()
    }
    found = {
        (method, re.sub('<([^>]*)>', r'{\1}', path))
        for method, path in PROFILES[name].missing
    }

    assert found == missing


@pytest.mark.parametrize('name', PROFILES)
def test_operating_systems_of_other_clouds_are_known_ones(name: str) -> None:
    known = {each.version for each in os_versions.all_versions()}

    assert PROFILES[name].other_os_versions < known


def test_a_cloud_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match='otc, flexible-engine, huawei'):
        EmulatorServer(like='elsewhere')


def test_what_is_given_counts_more_than_the_cloud() -> None:
    server = EmulatorServer(
        like='otc',
        region='eu-nl',
        job_seconds=0,
        image_quota=7,
        delays=Delays(upload=1),
    )

    settings = server._settings
    assert settings.profile is profile.OTC
    assert settings.regions == ('eu-nl',)
    assert (settings.job_seconds, settings.image_quota) == (0, 7)
    assert settings.delays == Delays(upload=1)


def test_a_delay_that_is_given_leaves_the_others_as_they_are() -> None:
    arguments = parsed('--like=otc', '--delay=upload=0', '--delay=share=9')
    scenario = {'delays': {'delete': 7, 'share': 8}}

    server = EmulatorServer(
        like=arguments.like,
        scenario=scenario,
        delays=options.delays(arguments),
    )

    assert server.delays == dataclasses.replace(
        profile.OTC.delays, upload=0, delete=7, share=9
    )


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add(parser, 0)
    return parser.parse_args(arguments)
