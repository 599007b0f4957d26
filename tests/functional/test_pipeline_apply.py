# SPDX-License-Identifier: Apache-2.0
"""Applying manifests to clouds: once, and then there is nothing to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.pipeline import identity

from .pipelines import Fleet

BODY = """\
defaults:
  tags: {team: platform}
  retention: {keep: 2}
  channels:
    dev: {version: newest, share: [beta]}
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    description: An application
    min_disk: 10
    versions:
      "1": {source: {file: disk.qcow2}}
      "2": {source: {file: disk.qcow2}}
"""
NEWER = BODY + '      "3": {source: {file: disk.qcow2}}\n'


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Give a folder for a manifest, and an emulator with two regions."""
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'state'))
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.1) as server:
        yield Fleet(server, tmp_path)


def test_a_manifest_is_applied_once(fleet: Fleet) -> None:
    first = fleet.apply(BODY)

    assert first.failed == []
    assert first.exit_code == 0
    assert fleet.plan(BODY) == []
    again = fleet.apply(BODY)
    assert again.done == []
    assert again.exit_code == 0


def test_images_carry_what_the_manifest_names(fleet: Fleet) -> None:
    fleet.apply(BODY)

    for region in ('eu-de', 'eu-nl'):
        image = fleet.images(region)['app-2']
        assert image.status == 'active'
        assert image.tag_map['team'] == 'platform'
        assert image.tag_map['ims-image'] == 'app@2'
        text, words = identity.read(image.description)
        assert text == 'An application'
        assert words is not None
        assert words.channels == ('dev',)


def test_a_new_version_takes_the_place_of_the_oldest(fleet: Fleet) -> None:
    fleet.apply(BODY)

    outcome = fleet.apply(NEWER)

    assert outcome.failed == []
    assert fleet.plan(NEWER) == []
    for region in ('eu-de', 'eu-nl'):
        assert sorted(fleet.images(region)) == ['app-2', 'app-3']


def test_no_object_stays_in_a_bucket(fleet: Fleet) -> None:
    fleet.apply(BODY)

    assert not [each for each in fleet.events if each['kind'] == 'item.failed']
    with fleet.connect('alice', region_name='eu-de') as conn:
        from ims_ext.objectstore import ObjectStore

        store = ObjectStore(conn)
        assert store.clear('images', 'ims-pipeline/') == []


def test_an_upload_tells_the_bytes_that_it_has_moved(fleet: Fleet) -> None:
    fleet.apply(BODY)

    told = [
        each['bytes']
        for each in fleet.events
        if each['kind'] == 'step.done' and each['step'] == 'upload'
    ]
    size = (fleet.folder / 'disk.qcow2').stat().st_size
    assert told == [size, size]
