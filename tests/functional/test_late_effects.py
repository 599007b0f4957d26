# SPDX-License-Identifier: Apache-2.0
"""The client on a cloud whose effects come later than their answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.work.settling import Delays

from .own_cloud import Cloud
from .own_cloud import own_project


@pytest.fixture(scope='module')
def late_emulator() -> Iterator[EmulatorServer]:
    """Give an emulator whose uploads and deletions take effect later."""
    with EmulatorServer(job_seconds=0, delays=Delays(0.6, 0.6)) as server:
        yield server


@pytest.fixture
def late(late_emulator: EmulatorServer) -> Iterator[Cloud]:
    """Give a project of the test's own there."""
    with own_project(late_emulator) as cloud:
        yield cloud


def statuses(conn: connection.Connection, image_id: str) -> Iterator[Any]:
    """Give each status of an image, until it is active."""
    last = None
    while last != 'active':
        now = conn.ims.get_image(image_id).status
        if now != last:
            yield now
        last = now


def test_an_image_is_queued_and_saving_before_it_is_active(
    late: Cloud, disks: dict[str, Path], name: str
) -> None:
    job = late.conn.ims.create_image_from_file(disks['qcow2'], name)

    assert list(statuses(late.conn, job.image_id)) == [
        'queued',
        'saving',
        'active',
    ]


def test_waiting_ends_with_an_active_image(
    late: Cloud, disks: dict[str, Path], name: str
) -> None:
    job = late.conn.ims.create_image_from_file(disks['qcow2'], name, wait=True)

    assert late.conn.ims.get_image(job.image_id).status == 'active'


def test_data_are_taken_once(
    late: Cloud, disks: dict[str, Path], name: str
) -> None:
    job = late.conn.ims.create_image_from_file(disks['qcow2'], name)

    again = late.conn.ims.put(
        f'/images/{job.image_id}/file',
        data=b'x',
        headers={'Content-Type': 'application/octet-stream'},
    )

    assert again.status_code == 409


def test_a_deleted_image_is_seen_for_a_while(late: Cloud, name: str) -> None:
    ims = late.conn.ims
    image = ims.create_image_metadata(name)

    ims.delete_image(image)

    assert ims.get_image(image.id).id == image.id
    ims.wait_for_delete(image, interval=0.1, wait=60)
    with pytest.raises(sdk_exceptions.NotFoundException):
        ims.get_image(image.id)


def test_what_was_acknowledged_takes_effect_at_the_end_at_the_latest(
    disks: dict[str, Path], name: str, tmp_path: Path
) -> None:
    delays = Delays(upload=3600, delete=3600)
    with (
        EmulatorServer(state_dir=tmp_path, delays=delays) as server,
        own_project(server) as cloud,
    ):
        ims = cloud.conn.ims
        made = ims.create_image_from_file(disks['qcow2'], name)
        ims.delete_image(ims.create_image_metadata(name))

    with EmulatorServer(state_dir=tmp_path) as server:
        found = {
            each.id: each.status
            for each in server._state.images.with_status('active')
        }
        waiting = server._state.images.with_status('queued')

    assert made.image_id in found
    assert waiting == []


@pytest.mark.parametrize(
    'text', ['', 'upload', 'upload=x', 'upload=-1', 'tags=1', 'delete=1e9']
)
def test_a_delay_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='delayed'):
        Delays.parse(text)
