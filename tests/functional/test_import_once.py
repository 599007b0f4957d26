# SPDX-License-Identifier: Apache-2.0
"""Imports that are asked for again, also from elsewhere, make one image."""

import json
from pathlib import Path
from typing import Any

from openstack import connection
import pytest

from .openstack_command import Run
from .own_cloud import Cloud
from .plain_http import Client

TAGS = {'family': 'web', 'version': '1'}


def own_images(cloud: Cloud) -> list[Any]:
    """Return the images of a cloud's project."""
    ims = cloud.conn.ims
    return list(ims.cloud_images(owner=ims.get_project_id()))


def test_an_image_that_is_there_is_taken(
    cloud: Cloud, disks: dict[str, Path]
) -> None:
    jobs = [
        cloud.conn.ims.create_image_from_file(
            disks['qcow2'], 'web', tags=TAGS, once=True, wait=True
        )
        for _ in range(2)
    ]

    [image] = own_images(cloud)
    assert [job.image_id for job in jobs] == [image.id, image.id]
    assert image.tag_map == TAGS


def test_an_image_with_other_tags_or_of_others_is_another(
    cloud: Cloud, disks: dict[str, Path]
) -> None:
    other = cloud.connect_other()
    for conn, version in ((other, '2'), (cloud.conn, '1'), (cloud.conn, '2')):
        conn.ims.create_image_from_file(
            *(disks['qcow2'], 'web'),
            tags=TAGS | {'version': version},
            once=True,
            wait=True,
        )

    assert sorted(each.tag_map['version'] for each in own_images(cloud)) == [
        '1',
        '2',
    ]


def test_an_image_that_another_machine_has_begun_is_waited_for(
    slow: Cloud,
    disks: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = f'bucket-{slow.user}'
    Client(slow.server, slow.user).s3.create_bucket(Bucket=bucket)

    def create(wait: bool) -> Any:
        return slow.conn.ims.create_image_from_file(
            *(disks['qcow2'], 'web'),
            bucket=bucket,
            tags=TAGS,
            once=True,
            wait=wait,
        )

    create(wait=False)
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    begun = create(wait=False)
    slow.server.clock.advance('1h')
    done = create(wait=True)

    [image] = own_images(slow)
    assert not begun.is_finished
    assert done.is_successful
    assert done.image_id == begun.image_id == image.id


def test_the_command_makes_an_image_once(
    run: Run,
    alice: connection.Connection,
    disks: dict[str, Path],
    name: str,
) -> None:
    command = (
        *('ims', 'image', 'create', '--once', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--tag', 'version=1', '--property', 'a=b'),
        *('--wait', '-f', 'json', name),
    )

    first, second = (json.loads(run(*command).stdout) for _ in range(2))

    assert first['id'] == second['id']
    assert second['status'] == 'active'
    assert len(list(alice.ims.cloud_images(name=name))) == 1
