# SPDX-License-Identifier: Apache-2.0
"""Images that somebody has changed: told line by line, and led back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.pipeline import identity

from .pipelines import Fleet

BODY = """\
images:
  app:
    targets: [de, nl]
    os_version: Ubuntu 18.04 server 64bit
    description: An application
    min_disk: 10
    min_ram: 1024
    max_ram: 8192
    hw_firmware_type: bios
    protected: false
    tags: {team: platform, use: web}
    properties: {maintainer: us}
    share: [beta]
    versions:
      "1": {source: {file: disk.qcow2}}
"""

Harm = Callable[[Any, Any], object]


@pytest.fixture(scope='module')
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Give a fleet that has been applied, for tests that repair it."""
    with EmulatorServer(job_seconds=0.05, regions=['eu-de', 'eu-nl']) as cloud:
        fleet = Fleet(cloud, tmp_path_factory.mktemp('fleet'))
        outcome = fleet.apply(BODY)
        assert (outcome.failed, outcome.exit_code) == ([], 0)
        yield fleet


def reasons(fleet: Fleet, body: str = BODY) -> list[str]:
    """Return a plan's actions with their reasons."""
    with fleet.application(body) as application:
        return [
            f'{each.kind.symbol} {each.item.target} {each.reason}'
            for each in application.plan().actions
        ]


def changed(**attributes: Any) -> Harm:
    """Return what changes attributes of an image."""
    return lambda ims, image: ims.update_cloud_image(image, **attributes)


DRIFTS: dict[str, tuple[Harm, str]] = {
    'name': (changed(name='mine'), '~ nl name mine -> app-1'),
    'min_ram': (changed(min_ram=2048), '~ nl min_ram 2048 -> 1024'),
    'min_disk': (
        lambda ims, image: ims.update_image(image.id, min_disk=20),
        '~ nl min_disk 20 -> 10',
    ),
    'max_ram': (changed(max_ram=4096), '~ nl max_ram 4096 -> 8192'),
    'firmware': (
        changed(hw_firmware_type='uefi'),
        '~ nl hw_firmware_type uefi -> bios',
    ),
    'protected': (
        lambda ims, image: ims.update_image(image.id, is_protected=True),
        '~ nl protected True -> False',
    ),
    'description': (
        lambda ims, image: ims.update_cloud_image(
            image, description=image.description.replace('An', 'No', 1)
        ),
        '~ nl description No application -> An application',
    ),
    'tag': (
        lambda ims, image: ims.set_image_tag(image, 'team', 'other'),
        '~ nl tag team other -> platform',
    ),
    'tag gone': (
        lambda ims, image: ims.delete_image_tag(image, 'use'),
        '~ nl tag use none -> web',
    ),
    'own tag': (
        lambda ims, image: ims.delete_image_tag(image, 'ims-image'),
        '~ nl tag ims-image none -> app@1',
    ),
    'member': (
        lambda ims, image: ims.remove_image_members(
            image, [e.member_id for e in ims.members(image.id)], wait=True
        ),
        's nl share with 1 project',
    ),
    'property': (
        changed(properties={'maintainer': 'them'}),
        '~ nl property maintainer them -> us',
    ),
}


@pytest.mark.parametrize('drift', DRIFTS)
def test_what_somebody_has_changed_is_told_alone_and_led_back(
    fleet: Fleet, drift: str
) -> None:
    harm, line = DRIFTS[drift]
    before = fleet.images('eu-nl')['app-1'].id
    with fleet.connect('alice', region_name='eu-nl') as conn:
        harm(conn.ims, conn.ims.get_cloud_image(before))

    found = reasons(fleet)

    assert found[0] == line
    # Whoever is shared with again has to answer again.
    assert [each[0] for each in found[1:]] in ([], ['A'])
    assert fleet.apply(BODY).exit_code == 0
    assert reasons(fleet) == []
    assert fleet.images('eu-nl')['app-1'].id == before


def test_a_description_of_somebody_is_led_back_with_the_pipelines_words(
    fleet: Fleet,
) -> None:
    image = fleet.images('eu-de')['app-1']
    with fleet.connect('alice', region_name='eu-de') as conn:
        conn.ims.update_cloud_image(image, description="Mine")

    found = reasons(fleet)

    assert len(found) == 1
    assert 'description Mine -> An application' in found[0]
    assert fleet.apply(BODY).exit_code == 0
    text, words = identity.read(fleet.images('eu-de')['app-1'].description)
    assert text == 'An application'
    assert words is not None
    assert (words.identity.image, words.identity.version) == ('app', '1')
    assert reasons(fleet) == []


def test_a_title_that_has_changed_renames_what_is_there(
    fleet: Fleet,
) -> None:
    renamed = BODY + '    name: "{image} of {version}"\n'
    before = fleet.images('eu-de')['app-1'].id

    assert reasons(fleet, renamed) == [
        '~ de name app-1 -> app of 1',
        '~ nl name app-1 -> app of 1',
    ]
    assert fleet.apply(renamed).exit_code == 0
    assert fleet.images('eu-de')['app of 1'].id == before
    assert fleet.apply(BODY).exit_code == 0
    assert reasons(fleet) == []
