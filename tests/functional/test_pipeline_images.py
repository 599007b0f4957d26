# SPDX-License-Identifier: Apache-2.0
"""``conn.ims``: images of pipelines, seen by those who use them."""

from collections.abc import Iterator
import subprocess
import sys

from openstack import exceptions
import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.pipeline import identity

from .pipelines import Fleet

BODY = """\
defaults:
  targets: [de]
  channels:
    dev: {version: newest}
    prod: {version: promoted, share: [beta]}
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    versions:
      "1": {source: {file: disk.qcow2}}
      "2": {source: {file: disk.qcow2}}
    promoted: "1"
"""


@pytest.fixture(scope='module')
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Give a fleet that has been applied."""
    with EmulatorServer(job_seconds=0.05, regions=['eu-de', 'eu-nl']) as cloud:
        fleet = Fleet(cloud, tmp_path_factory.mktemp('fleet'))
        assert fleet.apply(BODY).exit_code == 0
        yield fleet


def test_the_images_of_a_pipeline_are_listed(fleet: Fleet) -> None:
    with fleet.connect('alice', region_name='eu-de') as conn:
        conn.ims.create_image(name='by hand')

        found = list(conn.ims.pipeline_images())

        assert sorted(each.name for each in found) == ['app-1', 'app-2']
        _, words = identity.read(found[0].description)
        assert words is not None
        assert words.identity.pipeline == 'platform'
        for wanted, count in (
            ({'pipeline': 'platform', 'image': 'app'}, 2),
            ({'pipeline': 'other'}, 0),
            ({'image': 'web'}, 0),
            ({'version': '2'}, 1),
            ({'channel': 'prod'}, 1),
        ):
            assert len(list(conn.ims.pipeline_images(**wanted))) == count


def test_who_shares_an_image_finds_it_by_its_channel(fleet: Fleet) -> None:
    with fleet.connect('bob', region_name='eu-de') as conn:
        image = conn.ims.find_pipeline_image('platform', 'app', 'prod')

        assert image.name == 'app-1'
        # It is not shared with them.
        assert conn.ims.find_pipeline_image('platform', 'app', 'dev') is None
        with pytest.raises(exceptions.NotFoundException, match='dev of app'):
            conn.ims.find_pipeline_image(
                'platform', 'app', 'dev', ignore_missing=False
            )


def test_no_pipeline_is_loaded_where_none_runs() -> None:
    script = (
        'import sys; from ims_ext import service; service.proxy_class(); '
        'print(sorted(m for m in sys.modules if "ims_ext.pipeline" in m))'
    )
    done = subprocess.run(
        [sys.executable, '-c', script],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == str(
        [
            'ims_ext.pipeline',
            'ims_ext.pipeline.capability',
            'ims_ext.pipeline.identity',
        ]
    )
