# SPDX-License-Identifier: Apache-2.0
"""Targets that cannot be seen whole, or are full: what fits is done there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.pipeline.planning import showing

from .pipelines import Fleet

BODY = """\
defaults:
  retention: {keep: 1}
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    versions:
      "1": {source: {file: disk.qcow2}}
"""
NEWER = BODY + '      "2": {source: {file: disk.qcow2}}\n'


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Give a fleet that has been applied, and has a new version to come."""
    with EmulatorServer(job_seconds=0.05, regions=['eu-de', 'eu-nl']) as cloud:
        fleet = Fleet(cloud, tmp_path)
        assert fleet.apply(BODY).exit_code == 0
        yield fleet


@pytest.mark.parametrize(
    'fault',
    [
        # The lists break off, are refused, or are somebody else's page.
        'body=truncated,on=image,method=GET,path=/v2/cloudimages',
        'status=403,on=image,method=GET,path=/v2/cloudimages',
        'status=200,body=html,on=image,method=GET,path=/v2/cloudimages',
        # Who shares an image cannot be seen.
        'status=403,on=image,method=GET,path=/v2/images/*/members',
    ],
)
def test_nothing_is_made_or_deleted_where_a_list_cannot_be_had(
    fleet: Fleet, fault: str
) -> None:
    made = fleet.made()
    fleet.server.requests.clear()
    with fleet.server.faults.active(fault):
        outcome = fleet.apply(NEWER)

    assert outcome.exit_code == 3
    assert outcome.plan is not None
    assert sorted(outcome.plan.unseen) == ['de', 'nl']
    assert fleet.made() == made
    changing = [
        f'{each.method} {each.path}'
        for each in fleet.server.requests
        if each.method not in ('GET', 'HEAD') and each.service == 'image'
    ]
    assert changing == []

    assert fleet.apply(NEWER).exit_code == 0
    for region in ('eu-de', 'eu-nl'):
        assert list(fleet.images(region)) == ['app-2']


@pytest.mark.parametrize(
    'fault',
    [
        'status=403,on=compute,method=GET',
        'cut=before,on=compute,method=GET',
    ],
)
def test_nothing_is_deleted_where_servers_cannot_be_had(
    fleet: Fleet, fault: str
) -> None:
    with fleet.server.faults.active(fault):
        outcome = fleet.apply(NEWER)

    assert outcome.failed == []
    for region in ('eu-de', 'eu-nl'):
        assert sorted(fleet.images(region)) == ['app-1', 'app-2']
    assert outcome.plan is not None
    kept = [each for each in outcome.plan.actions if each.item.version == '1']
    assert len(kept) == 2
    assert all('servers could not be seen' in each.reason for each in kept)
    told = list(showing.left(outcome.plan))
    assert len(told) == 2
    assert all('app 1' in each or 'app@1' in each for each in told)
    assert fleet.apply(NEWER).exit_code == 0
    assert list(fleet.images('eu-nl')) == ['app-2']


def test_a_full_project_gets_what_fits_and_the_rest_when_it_may_have_more(
    tmp_path: Path,
) -> None:
    images = 'images:\n' + ''.join(
        f'  app{each}:\n'
        '    targets: [de]\n'
        '    os_version: Ubuntu 18.04 server 64bit\n'
        '    versions: {"1": {source: {file: disk.qcow2}}}\n'
        for each in range(4)
    )
    with EmulatorServer(
        job_seconds=0.05, regions=['eu-de', 'eu-nl'], image_quota=3
    ) as cloud:
        fleet = Fleet(cloud, tmp_path)
        had = len(fleet.images('eu-de'))
        with fleet.application(images) as application:
            quota = application.plan().quotas[0]
        assert (quota.limit, quota.then) == (3, had + 4)
        assert quota.is_exceeded

        outcome = fleet.apply(images)

        assert outcome.exit_code == 3
        assert len(fleet.images('eu-de')) == 3
        assert len(outcome.failed) == had + 1
        reasons = [reason for _, reason in outcome.failed]
        assert all('quota' in each.lower() for each in reasons), reasons

        cloud._state.notes.set_image_quota(
            cloud.project_id('alice', 'eu-de'), 10
        )
        outcome = fleet.apply(images)
        assert (outcome.exit_code, len(outcome.done)) == (0, had + 1)
        assert set(fleet.made().values()) == {1}
