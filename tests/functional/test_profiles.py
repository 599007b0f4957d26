# SPDX-License-Identifier: Apache-2.0
"""The client on an emulator that is like one cloud."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ims_ext import exceptions
from ims_ext.emulator.delays import Delays
from ims_ext.emulator.profile import PROFILES
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Image

from .eventually import eventually
from .own_cloud import Cloud
from .own_cloud import own_project
from .plain_http import Client
from .tenants import bucket

#: As late as the clouds, only sooner.
SOON = Delays(upload=0.04, delete=0.04, create=0.02, tags=0.04, share=0.04)
OS_VERSION = 'Ubuntu 18.04 server 64bit'


@pytest.fixture(scope='module', params=tuple(PROFILES))
def server(request: pytest.FixtureRequest) -> Iterator[EmulatorServer]:
    """Give an emulator that is like one cloud, and quicker."""
    with EmulatorServer(
        like=request.param, job_seconds=0, delays=SOON, image_quota=100
    ) as server:
        yield server


@pytest.fixture
def cloud(server: EmulatorServer) -> Iterator[Cloud]:
    """Give a project of the test's own there."""
    with own_project(server) as cloud:
        yield cloud


@pytest.fixture
def image(cloud: Cloud, disks: dict[str, Path], name: str) -> Any:
    """Give an active image of the project's."""
    job = cloud.conn.ims.create_image_from_file(
        disks['qcow2'], name, wait=True
    )
    return seen(cloud, job.image_id)


@pytest.fixture
def archive(cloud: Cloud, disks: dict[str, Path], name: str) -> Iterator[str]:
    """Give a bucket with a disk's file, ``disk.qcow2``."""
    client = Client(cloud.server, cloud.user)
    with bucket(client, name):
        client.s3.upload_file(str(disks['qcow2']), name, 'disk.qcow2')
        yield name


def seen(cloud: Cloud, image_id: str) -> Any:
    """Return an image, once it is listed."""
    return eventually(
        lambda: next(iter(cloud.conn.ims.cloud_images(id=image_id)), None)
    )


def has(cloud: Cloud, method: str, path: str) -> bool:
    """Whether the cloud that it is like has an operation."""
    return (method, path) not in cloud.server.profile.missing


def expect(is_there: bool, action: Callable[[], Any]) -> Any:
    """Do something that a cloud has, or is refused readably without."""
    if is_there:
        return action()
    with pytest.raises(exceptions.UnsupportedOperationError) as caught:
        action()
    assert 'APIGW.0101' in str(caught.value)
    assert "does not have" in str(caught.value)
    return None


# ====== CREATION ======


def test_an_image_is_made_of_a_file(cloud: Cloud, image: Any) -> None:
    assert image.status == 'active'
    assert cloud.conn.ims.get_image(image.id).size > 0


def test_an_image_is_made_natively(
    cloud: Cloud, disks: dict[str, Path], name: str
) -> None:
    ims = cloud.conn.ims

    made = ims.create_image(
        name, filename=str(disks['qcow2']), disk_format='qcow2', wait=True
    )

    eventually(
        lambda: (
            [each.id for each in ims.images(name=name, status='active')]
            == [made.id]
        )
    )


def test_an_image_is_made_of_a_server(cloud: Cloud, name: str) -> None:
    job = cloud.conn.ims.create_image_from_server(
        cloud.server_id('web'), name, tags={'stage': 'test'}, wait=True
    )

    assert seen(cloud, job.image_id).status == 'active'
    eventually(lambda: seen(cloud, job.image_id).tags == ['stage=test'])


def test_an_image_is_made_of_a_volume(cloud: Cloud, name: str) -> None:
    job = cloud.conn.ims.create_image_from_volume(
        cloud.volume_id('rescued-system'), name, OS_VERSION, wait=True
    )

    assert seen(cloud, job.image_id).status == 'active'


def test_a_full_image_is_made_of_a_backup(cloud: Cloud, name: str) -> None:
    job = cloud.conn.ims.create_whole_image(
        name, backup=cloud.backup('web-csbs').id, wait=True
    )

    assert seen(cloud, job.image_id).status == 'active'


def test_an_object_becomes_a_data_image_where_the_cloud_can(
    cloud: Cloud, archive: str, name: str
) -> None:
    expect(
        has(cloud, 'POST', '/v1/cloudimages/dataimages/action'),
        lambda: cloud.conn.ims.create_data_image_from_object(
            f'{archive}:disk.qcow2', name, 40, wait=True
        ),
    )


# ====== LISTS ======


def test_images_are_found_by_name_and_tag(cloud: Cloud, image: Any) -> None:
    ims = cloud.conn.ims
    ims.add_image_tag(image, 'stage', 'test')

    assert ims.find_cloud_image(image.name).id == image.id
    assert [each.id for each in ims.cloud_images(tag='stage=test')] == [
        image.id
    ]
    assert [
        each.id for each in ims.images_by_tags(tags={'stage': ['test']})
    ] == [image.id]


def test_all_images_are_listed_however_short_the_pages(
    cloud: Cloud, server: EmulatorServer
) -> None:
    project_id = cloud.conn.current_project_id
    for number in range(610):
        server._state.images.add(
            Image.new(
                project_id,
                f'number-{number}',
                {'__isregistered': 'true'},
                status='active',
            )
        )

    found = list(cloud.conn.ims.cloud_images(owner=project_id))

    assert len({each.id for each in found}) == 610


# ====== CHANGES ======


def test_tags_come_and_go(cloud: Cloud, image: Any) -> None:
    ims = cloud.conn.ims

    ims.create_image_tags(image, {'stage': 'test', 'team': 'core'})
    ims.delete_image_tags(image, ['team'])

    assert {each.key: each.value for each in ims.image_tags(image)} == {
        'stage': 'test'
    }


def test_an_image_is_shared_and_accepted(cloud: Cloud, image: Any) -> None:
    with cloud.connect_other() as other:
        project = other.current_project_id
        cloud.conn.ims.add_image_members(image, [project], wait=True)
        eventually(lambda: list(cloud.conn.ims.members(image)))
        other.ims.update_image_members(image, project, 'accepted', wait=True)

        eventually(
            lambda: (
                image.id
                in {each.id for each in other.ims.cloud_images(id=image.id)}
            )
        )


def test_members_are_told_by_the_extension_where_the_cloud_can(
    cloud: Cloud, image: Any
) -> None:
    path = '/v1/<project_id>/cloudimages/<image_id>/members'
    expect(
        has(cloud, 'GET', path),
        lambda: list(cloud.conn.ims.image_members(image)),
    )


def test_a_deleted_image_is_gone_after_waiting(
    cloud: Cloud, image: Any
) -> None:
    ims = cloud.conn.ims

    ims.delete_image(image.id)
    ims.wait_for_delete(ims.get_image(image.id), interval=0.02, wait=60)

    assert list(ims.cloud_images(id=image.id)) == []


# ====== TRANSFER ======


def test_an_image_is_exported(cloud: Cloud, image: Any, archive: str) -> None:
    job = cloud.conn.ims.export_image(
        image, f'{archive}:exported.qcow2', file_format='qcow2', wait=True
    )

    assert job.is_successful


def test_an_image_is_copied(cloud: Cloud, image: Any, name: str) -> None:
    job = cloud.conn.ims.copy_image(image, f'{name}-copy', wait=True)

    assert seen(cloud, job.image_id).name == f'{name}-copy'


def test_an_image_is_copied_in_safe_mode_where_the_cloud_can(
    cloud: Cloud, image: Any, name: str
) -> None:
    expect(
        has(cloud, 'POST', '/v2.1/cloudimages/<image_id>/copy'),
        lambda: cloud.conn.ims.copy_image(
            image, f'{name}-copy', safe_mode=True, wait=True
        ),
    )


# ====== THE SERVICE ======


def test_operating_systems_are_told_where_the_cloud_can(cloud: Cloud) -> None:
    expect(
        has(cloud, 'GET', '/v1/cloudimages/os_version'),
        lambda: list(cloud.conn.ims.os_versions()),
    )


def test_a_refusal_has_its_code_whatever_its_shape(
    cloud: Cloud, image: Any
) -> None:
    with pytest.raises(exceptions.BadRequestError) as caught:
        cloud.conn.ims.copy_image(image, 'a', cmk_id='none')

    assert caught.value.code == 'IMG.0095'


def test_the_region_is_the_clouds(cloud: Cloud) -> None:
    profile = cloud.server.profile

    assert cloud.conn.config.get_region_name() == profile.region
