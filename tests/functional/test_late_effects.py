# SPDX-License-Identifier: Apache-2.0
"""The client on a cloud whose effects come later than their answers."""

from collections.abc import Iterator
from pathlib import Path
import threading
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext.emulator.delays import Delays
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Image

from .eventually import eventually
from .own_cloud import Cloud
from .own_cloud import own_project

#: Longer than any test takes.
SECONDS = 3600.0


@pytest.fixture(scope='module')
def late_emulator() -> Iterator[EmulatorServer]:
    """Give an emulator whose uploads and deletions take effect later."""
    with EmulatorServer(job_seconds=0, delays=Delays(0.6, 0.6)) as server:
        yield server


@pytest.fixture(scope='module')
def held_emulator() -> Iterator[EmulatorServer]:
    """Give an emulator where effects come when the clock is advanced."""
    delays = Delays(**dict.fromkeys(('delete', 'tags', 'share'), SECONDS))
    with EmulatorServer(job_seconds=0, delays=delays) as server:
        yield server


@pytest.fixture(scope='module')
def unseen_emulator() -> Iterator[EmulatorServer]:
    """Give an emulator where new images and jobs are seen an hour later."""
    delays = Delays(create=SECONDS, job=SECONDS)
    with EmulatorServer(job_seconds=0, delays=delays) as server:
        yield server


@pytest.fixture
def held(held_emulator: EmulatorServer) -> Iterator[Cloud]:
    """Give a project of the test's own there."""
    with own_project(held_emulator) as cloud:
        yield cloud


@pytest.fixture
def unseen(unseen_emulator: EmulatorServer) -> Iterator[Cloud]:
    """Give a project of the test's own there."""
    with own_project(unseen_emulator) as cloud:
        yield cloud


@pytest.fixture
def late(late_emulator: EmulatorServer) -> Iterator[Cloud]:
    """Give a project of the test's own there."""
    with own_project(late_emulator) as cloud:
        yield cloud


def ended(ims: Any, job: Any) -> Any:
    """Return a job that has ended, without following its effects."""

    def look() -> Any:
        found = ims.get_job(job)
        return found if found.is_finished else None

    return eventually(look)


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


def test_what_was_acknowledged_comes_after_a_restart(
    disks: dict[str, Path], name: str, tmp_path: Path
) -> None:
    delays = Delays(upload=3600, delete=3600)
    with (
        EmulatorServer(state_dir=tmp_path, delays=delays) as server,
        own_project(server) as cloud,
    ):
        ims = cloud.conn.ims
        made = ims.create_image_from_file(disks['qcow2'], name)
        deleted = ims.create_image_metadata(name)
        ims.delete_image(deleted)

    with EmulatorServer(state_dir=tmp_path) as server:
        images = server._state.images
        before = images.get(made.image_id), images.get(deleted.id)
        server.clock.advance(3600)
        after = images.get(made.image_id), images.get(deleted.id)

    assert [each and each.status for each in before] == ['queued', 'queued']
    assert [each and each.status for each in after] == ['active', None]


def test_a_new_image_is_not_seen_at_once(unseen: Cloud, name: str) -> None:
    ims = unseen.conn.ims

    image = ims.create_image_metadata(name)

    with pytest.raises(sdk_exceptions.NotFoundException):
        ims.get_image(image.id)
    assert image.id not in {each.id for each in ims.images()}
    unseen.server.clock.advance(SECONDS)
    assert ims.get_image(image.id).name == name
    assert image.id in {each.id for each in ims.images()}


def test_an_image_of_a_job_is_not_seen_at_once(
    unseen: Cloud, name: str
) -> None:
    ims = unseen.conn.ims
    job = ims.create_image_from_server(unseen.server_id('web'), name)

    assert name not in {each.name for each in ims.cloud_images()}
    unseen.server.clock.advance(SECONDS)
    assert name in {each.name for each in ims.cloud_images()}
    assert ims.wait_for_job(job).image_id is not None


def test_a_new_job_is_not_seen_at_once(unseen: Cloud, name: str) -> None:
    ims = unseen.conn.ims
    job = ims.create_image_from_server(unseen.server_id('web'), name)

    with pytest.raises(sdk_exceptions.HttpException, match=r'IMG\.0023'):
        ims.get_job(job)
    unseen.server.clock.advance(SECONDS)
    assert ims.get_job(job).id == job.id


def test_a_job_that_is_not_seen_yet_is_waited_for(
    unseen: Cloud, name: str
) -> None:
    ims = unseen.conn.ims
    job = ims.create_image_from_server(unseen.server_id('web'), name)
    seen = []

    def advance(job: Any) -> None:
        if not seen:
            unseen.server.clock.advance(SECONDS)
        seen.append(job.status)

    ended = ims.wait_for_job(job, interval=0.1, progress=advance)

    assert ended.image_id is not None
    assert len(seen) > 1


def test_what_a_job_sets_is_seen_after_its_end(held: Cloud, name: str) -> None:
    ims = held.conn.ims
    job = ims.create_image_from_server(
        held.server_id('web'),
        name,
        description='nightly',
        max_ram=4096,
        tags={'stage': 'test'},
    )
    job = ended(ims, job)

    at_its_end = ims.get_cloud_image(job.image_id)
    held.server.clock.advance(SECONDS)
    later = ims.get_cloud_image(job.image_id)

    assert (at_its_end.tags, at_its_end.description) == ([], '')
    assert at_its_end.max_ram is None
    assert later.tags == ['stage=test']
    assert (later.description, later.max_ram) == ('nightly', 4096)


def test_what_was_changed_since_is_not_changed_back(
    held: Cloud, name: str
) -> None:
    ims = held.conn.ims
    job = ims.create_image_from_server(
        held.server_id('web'), name, description='nightly'
    )
    job = ended(ims, job)

    ims.update_cloud_image(job.image_id, description='weekly')
    held.server.clock.advance(SECONDS)

    assert ims.get_cloud_image(job.image_id).description == 'weekly'


@pytest.mark.parametrize('route', ['native', 'jobs'])
def test_a_member_is_seen_later(held: Cloud, name: str, route: str) -> None:
    ims = held.conn.ims
    image = ims.create_image_metadata(name)
    project = held.connect_other().current_project_id

    if route == 'native':
        ims.add_member(image.id, member=project)
    else:
        job = ims.add_image_members(image, [project])
        ended(ims, job)

    assert list(ims.members(image)) == []
    held.server.clock.advance(SECONDS)
    assert [each.member_id for each in ims.members(image)] == [project]


@pytest.mark.parametrize('route', ['native', 'jobs'])
def test_a_member_is_seen_for_a_while_after_its_removal(
    held: Cloud, name: str, route: str
) -> None:
    ims = held.conn.ims
    image = ims.create_image_metadata(name)
    project = held.connect_other().current_project_id
    ims.add_member(image.id, member=project)
    held.server.clock.advance(SECONDS)

    if route == 'native':
        ims.remove_member(project, image.id)
    else:
        job = ims.remove_image_members(image, [project])
        ended(ims, job)

    assert [each.member_id for each in ims.members(image)] == [project]
    held.server.clock.advance(SECONDS)
    assert list(ims.members(image)) == []


def test_a_project_cannot_be_added_again_before_it_is_seen(
    held: Cloud, name: str
) -> None:
    ims = held.conn.ims
    image = ims.create_image_metadata(name)
    ims.add_member(image.id, member='somebody')

    with pytest.raises(sdk_exceptions.ConflictException):
        ims.add_member(image.id, member='somebody')


def test_data_that_the_service_cannot_take_kill_the_image(
    late: Cloud, disks: dict[str, Path], name: str
) -> None:
    with late.server.faults.active('upload=killed,count=1') as faults:
        ims = late.conn.ims
        with pytest.raises(sdk_exceptions.ResourceFailure, match='killed'):
            ims.create_image_from_file(disks['qcow2'], name, wait=True)

    assert faults.injected == 1


def test_many_effects_need_one_thread(held: Cloud, name: str) -> None:
    state = held.server._state
    project_id = held.conn.current_project_id
    before = threading.active_count()
    images = [
        state.images.add(Image.new(project_id, f'{name}-{number}'))
        for number in range(50)
    ]

    for image in images:
        held.conn.ims.delete_image(image.id)
    threads = threading.active_count()
    held.server.clock.advance(SECONDS)

    assert threads - before < 20
    assert state.images.count(project_id) == 0


@pytest.mark.parametrize(
    'text', ['', 'upload', 'upload=x', 'upload=-1', 'copy=1', 'delete=1e9']
)
def test_a_delay_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='delayed'):
        Delays.parse(text)


@pytest.mark.parametrize('wait', [True, False])
def test_an_image_that_the_job_does_not_tell_is_found(
    held: Cloud, name: str, wait: bool
) -> None:
    ims = held.conn.ims
    with held.server.faults.active('job=untold,count=1') as faults:
        job = ims.create_image_from_server(
            held.server_id('web'), name, wait=wait
        )
        job = job if wait else ims.wait_for_job(job)

    assert faults.injected == 1
    assert ims.get_cloud_image(job.image_id).name == name
