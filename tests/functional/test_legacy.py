# SPDX-License-Identifier: Apache-2.0
"""Abandoned operations, and what is added to Glance's, on the emulator."""

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext.emulator.server import EmulatorServer

from .eventually import settle
from .openstack_command import Run
from .plain_http import Client

pytestmark = pytest.mark.filterwarnings('ignore::DeprecationWarning')


@pytest.fixture
def owner(emulator: EmulatorServer) -> Client:
    """Alice, in project alpha."""
    return Client(emulator)


@pytest.fixture
def image_id(owner: Client, name: str) -> str:
    """An active image of Alice's, with that name."""
    return owner.active_image(
        name=name, min_disk=10, disk_format='qcow2', colour='red'
    )


# ====== LOOKING ======


def test_lists_and_headers_say_the_same(
    alice: connection.Connection, image_id: str, name: str
) -> None:
    [listed] = alice.ims.legacy_images(name=name)
    got = alice.ims.get_legacy_image(image_id)

    told = {
        attribute: value
        for attribute, value in listed.to_dict().items()
        if value is not None
    }
    assert got.id == image_id
    assert got.size == 4
    assert got.min_disk == 10
    assert got.is_public is False
    assert got.is_deleted is False
    assert got.properties['colour'] == 'red'
    assert {key: got.to_dict()[key] for key in told} == told


@pytest.mark.parametrize(
    ('query', 'found'),
    [
        ({'disk_format': 'qcow2', 'size_min': 4, 'size_max': 4}, True),
        ({'status': 'active', 'container_format': 'bare'}, True),
        ({'changes_since': '2016-05-22T06:04:20.425843'}, True),
        ({'disk_format': 'raw'}, False),
        ({'size_min': 5}, False),
        ({'size_max': 3}, False),
        ({'changes_since': '2999-01-01T00:00:00'}, False),
    ],
)
def test_images_are_listed_by_the_documented_filters(
    alice: connection.Connection,
    image_id: str,
    name: str,
    query: dict[str, str],
    found: bool,
) -> None:
    images = list(alice.ims.legacy_images(name=name, **query))

    assert [each.id for each in images] == ([image_id] if found else [])


def test_public_images_are_listed_as_such(
    alice: connection.Connection,
) -> None:
    assert any(each.is_public for each in alice.ims.legacy_images())


def test_whatever_a_name_is_a_header_can_hold_it(
    alice: connection.Connection, owner: Client
) -> None:
    image_id = owner.create_metadata(
        **{'name': '镜像\r\nX-Other: 1', 'a b': 'c', 'größe': 'ß', 'd': '\n'}
    )

    got = alice.ims.get_legacy_image(image_id)
    answer = owner.request('HEAD', f'/v1/images/{image_id}')

    assert got.name == '镜像  X-Other: 1'
    assert got.properties['d'].strip() == ''
    assert 'X-Other' not in answer.headers
    assert answer.content == b''


def test_an_image_without_name_has_none(
    alice: connection.Connection, owner: Client
) -> None:
    image_id = owner.create_metadata()

    assert alice.ims.get_legacy_image(image_id).name is None


def test_images_of_others_are_not_found(
    bob: connection.Connection, image_id: str, name: str
) -> None:
    assert list(bob.ims.legacy_images(name=name)) == []
    with pytest.raises(sdk_exceptions.NotFoundException):
        bob.ims.get_legacy_image(image_id)


# ====== DELETING ======


def test_an_image_is_deleted(
    emulator: EmulatorServer, alice: connection.Connection, image_id: str
) -> None:
    alice.ims.delete_legacy_image(image_id)
    settle(emulator)

    assert alice.ims.find_image(image_id) is None
    alice.ims.delete_legacy_image(image_id)
    with pytest.raises(sdk_exceptions.NotFoundException):
        alice.ims.delete_legacy_image(image_id, ignore_missing=False)


def test_a_protected_image_cannot_be_deleted(
    alice: connection.Connection, owner: Client
) -> None:
    image_id = owner.create_metadata(protected=True)

    with pytest.raises(sdk_exceptions.ForbiddenException):
        alice.ims.delete_legacy_image(image_id)
    with pytest.raises(sdk_exceptions.ForbiddenException):
        alice.ims.delete_image(image_id, delete_backup=True)


def test_a_command_deletes_images_with_their_backups(
    run: Run, alice: connection.Connection, owner: Client, image_id: str
) -> None:
    second = owner.create_metadata()

    done = run('ims', 'image', 'delete', '--delete-backup', image_id, second)

    assert done.returncode == 0, done.stderr
    assert alice.ims.find_image(image_id) is None
    assert alice.ims.find_image(second) is None


# ====== CHANGING ======


def test_an_image_is_changed_with_the_older_patch(
    alice: connection.Connection, image_id: str
) -> None:
    changed = alice.ims.update_image_v20(
        image_id, name='renamed', colour=None, taste='sweet'
    )

    assert changed.name == 'renamed'
    now = alice.ims.get_image(image_id)
    assert now.name == 'renamed'
    assert now.properties['taste'] == 'sweet'
    assert 'colour' not in now.properties


def test_a_member_answers_natively(
    emulator: EmulatorServer,
    alice: connection.Connection,
    bob: connection.Connection,
    image_id: str,
) -> None:
    beta = bob.current_project_id
    alice.ims.add_member(image_id, member_id=beta)
    settle(emulator)

    bob.ims.update_member(beta, image_id, status='accepted')
    settle(emulator)

    assert bob.ims.find_cloud_image(image_id)
