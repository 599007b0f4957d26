# SPDX-License-Identifier: Apache-2.0
"""Old versions: what is free goes, and what is kept is named with why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ims_ext.emulator.server import EmulatorServer

from .pipelines import Fleet

HEAD = """\
defaults:
  targets: [de, nl]
  retention: {keep: 3}
  channels: {prod: {version: promoted}}
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    promoted: "%s"
    versions:
"""


def body(count: int, promoted: str = '8', first: int = 1) -> str:
    """Return a manifest's images with so many versions."""
    return HEAD % promoted + ''.join(
        f'      "{each}": {{source: {{file: disk.qcow2}}}}\n'
        for each in range(first, count + 1)
    )


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Give a folder for a manifest, and an emulator with two regions."""
    with EmulatorServer(job_seconds=0.05, regions=['eu-de', 'eu-nl']) as cloud:
        yield Fleet(cloud, tmp_path)


def test_of_old_versions_the_free_ones_go_and_the_others_are_explained(
    fleet: Fleet,
) -> None:
    everything = body(8).replace('keep: 3', 'keep: 8')
    assert fleet.apply(everything).exit_code == 0
    images = fleet.images('eu-de')
    theirs = fleet.server.project_id('bob', 'eu-de')
    with fleet.connect('alice', region_name='eu-de') as conn:
        conn.compute.create_server(
            name='shop',
            flavor_id='s3.medium.2',
            image_id=images['app-1'].id,
            networks='none',
        )
        conn.ims.add_image_members(images['app-2'].id, [theirs], wait=True)
        conn.ims.update_image(images['app-3'].id, is_protected=True)
        text = images['app-4'].description.replace('platform', 'other')
        conn.ims.update_cloud_image(images['app-4'], description=text)
        conn.ims.set_image_tag(images['app-4'], 'ims-pipeline', 'other')
        conn.ims.update_cloud_image(images['app-5'], description="Mine")
        for tag in ('ims-pipeline', 'ims-image', 'ims-digest'):
            conn.ims.delete_image_tag(images['app-5'], tag)
    with fleet.connect('bob', region_name='eu-de') as conn:
        conn.ims.update_image_members(
            images['app-2'].id, theirs, 'accepted', wait=True
        )

    with fleet.application(body(8)) as application:
        plan = application.plan()
    told = {
        f'{each.kind} {each.item.version}': each.reason
        for each in plan.actions
        if each.item.target == 'de'
    }
    assert told == {
        'keep 1': 'kept: 1 server uses it',
        'keep 2': 'kept: 1 project has accepted it',
        'keep 3': 'kept: it is protected',
    }

    outcome = fleet.apply(body(8))

    assert (outcome.failed, outcome.exit_code) == ([], 0)
    assert sorted(fleet.images('eu-de')) == [
        f'app-{each}' for each in range(1, 9)
    ]
    assert sorted(fleet.images('eu-nl')) == ['app-6', 'app-7', 'app-8']


def test_where_a_version_fails_nothing_goes_and_no_channel_moves(
    fleet: Fleet,
) -> None:
    kept = body(1, '1').replace('keep: 3', 'keep: 1')
    newer = body(2, '2').replace('keep: 3', 'keep: 1')
    assert fleet.apply(kept).exit_code == 0
    before = {
        region: fleet.images(region)['app-1'].description
        for region in ('eu-de', 'eu-nl')
    }
    # The second try of the copy fails too.
    with fleet.application(newer) as application:
        plan = application.plan()
        copies = [
            each
            for each in plan.actions
            if each.details.get('route') == 'copy-region'
        ]
        assert len(copies) == 1
    with fleet.server.faults.active(
        'status=400,on=image,method=POST,path=/v1/cloudimages/*/cross_region*'
    ):
        outcome = fleet.apply(newer)

    assert outcome.exit_code == 3
    for region, description in before.items():
        image = fleet.images(region)['app-1']
        assert image.description == description
    assert sorted(fleet.images('eu-de')) == ['app-1', 'app-2']
    assert list(fleet.images('eu-nl')) == ['app-1']

    assert fleet.apply(newer).exit_code == 0
    for region in before:
        assert list(fleet.images(region)) == ['app-2']
    assert set(fleet.made().values()) == {1}


def test_a_new_version_and_the_end_of_the_oldest_are_one_plan(
    fleet: Fleet,
) -> None:
    old = body(3, '3')
    assert fleet.apply(old).exit_code == 0

    planned = fleet.plan(body(4, '3'))

    assert planned == [
        '+ app@4 de',
        '+ app@4 nl',
        '- app@1 de',
        '- app@1 nl',
    ]
