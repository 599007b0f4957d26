# SPDX-License-Identifier: Apache-2.0
"""Images' metadata: created, found, deleted."""

from typing import Any
import uuid

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack.image.v2.image import Image
import pytest

from ims_ext import exceptions

from .clouds import FORMATS
from .clouds import Cloud
from .clouds import MakeImage

# ====== CREATE ======


def test_a_new_image_is_what_was_asked_for(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    image = make_image(
        'an image', min_disk=1, min_ram=512, tags=['b', 'a'], own='property'
    )
    found = alice.ims.get_image(image.id)
    expected = {
        'name': 'an image',
        'status': 'queued',
        'owner': alice.current_project_id,
        'visibility': 'private',
        'disk_format': 'raw',
        'container_format': 'bare',
        'min_disk': 1,
        'min_ram': 512,
        'is_protected': False,
        'is_hidden': False,
        'size': None,
        'virtual_size': None,
        'checksum': None,
        'hash_algo': None,
        'hash_value': None,
        'file': f'/v2/images/{image.id}/file',
        'schema': '/v2/schemas/image',
    }
    assert {name: found[name] for name in expected} == expected
    assert sorted(found.tags) == ['a', 'b']
    assert found.properties['own'] == 'property'


def test_a_creation_answers_what_a_query_does(
    image: Image, alice: connection.Connection
) -> None:
    found = alice.ims.get_image(image.id)
    assert image.to_dict() == found.to_dict()


def test_times_are_utc_to_the_second(image: Image) -> None:
    times = [image.created_at, image.updated_at]
    assert all(len(time) == 20 and time[10::9] == 'TZ' for time in times)


def test_an_image_can_have_the_id_that_its_creator_chose(
    make_image: MakeImage, unknown_id: str
) -> None:
    assert make_image(id=unknown_id).id == unknown_id


def test_two_images_cannot_have_the_same_id(
    make_image: MakeImage, image: Image
) -> None:
    with pytest.raises(exceptions.ConflictError):
        make_image(id=image.id)


def test_the_visibility_without_being_told(
    cloud: Cloud, alice: connection.Connection, make_image: MakeImage
) -> None:
    # The reference has images begin as private; Glance's begin as shared,
    # which gives nobody access until there are members.
    expected = 'private' if cloud.is_emulator else 'shared'
    answer = alice.ims.post('/images', json=FORMATS).json()
    alice.ims.delete_image(answer['id'])
    assert answer['visibility'] == expected


def test_the_formats_without_being_told(
    cloud: Cloud, alice: connection.Connection
) -> None:
    # The reference names defaults; Glance has none.
    expected = ['bare', 'zvhd2'] if cloud.is_emulator else [None, None]
    answer = alice.ims.post('/images', json={}).json()
    alice.ims.delete_image(answer['id'])
    assert [answer[name] for name in FORMATS][::-1] == expected


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({'name': 'x' * 256}, 400),
        ({'name': 1}, 400),
        ({'min_disk': '1'}, 400),
        ({'min_disk': None}, 400),
        ({'min_disk': 1.5}, 400),
        ({'min_ram': -1}, 400),
        ({'protected': 'yes'}, 400),
        ({'os_hidden': 'yes'}, 400),
        ({'disk_format': 'exe'}, 400),
        ({'container_format': 'exe'}, 400),
        ({'visibility': 'secret'}, 400),
        ({'tags': ['x' * 256]}, 400),
        ({'tags': 'x'}, 400),
        ({'tags': [1]}, 400),
        ({'id': 'no-uuid'}, 400),
        ({'id': None}, 400),
        ({'own': None}, 400),
        ({'own': 1}, 400),
        ({'own': {}}, 400),
        ('an image', 400),
        ({'visibility': 'public'}, 403),
        ({'owner': 'somebody'}, 403),
        ({'status': 'active'}, 403),
        ({'size': 1}, 403),
        ({'virtual_size': 1}, 403),
        ({'checksum': 'x'}, 403),
        ({'created_at': '2020-01-01T00:00:00Z'}, 403),
        ({'updated_at': '2020-01-01T00:00:00Z'}, 403),
        ({'locations': []}, 403),
        ({'file': 'x'}, 403),
        ({'self': 'x'}, 403),
        ({'schema': 'x'}, 403),
        ({'direct_url': 'x'}, 403),
        ({'stores': 'x'}, 403),
        ({'location': 'x'}, 403),
        ({'deleted': 'x'}, 403),
        ({'deleted_at': 'x'}, 403),
        ({'os_glance_own': 'x'}, 403),
        ({'os_glance_import_task': 'x'}, 403),
        ({'os_glancing': 'x'}, 201),
        ({'tags': [str(n) for n in range(129)]}, 413),
        ({str(n): 'x' for n in range(129)}, 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_metadata_that_makes_no_sense_is_refused(
    alice: connection.Connection, body: Any, status: int
) -> None:
    answer = alice.ims.post('/images', json=body)
    assert answer.status_code == status


def test_what_is_refused_raises_with_the_reason(
    make_image: MakeImage,
) -> None:
    with pytest.raises(exceptions.BadRequestError, match='min_disk'):
        make_image(min_disk='much')


# ====== FIND ======


@pytest.mark.parametrize('attribute', ['id', 'name'])
def test_an_image_is_found(
    image: Image, alice: connection.Connection, attribute: str
) -> None:
    found = alice.ims.find_image(image[attribute])
    assert found is not None
    assert found.id == image.id


def test_a_hidden_image_is_found_by_its_name(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    hidden = make_image(os_hidden=True)
    found = alice.ims.find_image(hidden.name)
    assert found is not None
    assert found.id == hidden.id


def test_a_name_of_two_images_finds_neither(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    name = str(uuid.uuid4())
    for _ in range(2):
        make_image(name)
    with pytest.raises(sdk_exceptions.DuplicateResource):
        alice.ims.find_image(name)


def test_a_part_of_a_name_finds_nothing(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    image = make_image()
    assert alice.ims.find_image(image.name[:-1]) is None


def test_what_is_not_found_is_none(
    alice: connection.Connection, unknown_id: str
) -> None:
    assert alice.ims.find_image(unknown_id) is None


def test_what_is_not_found_raises_if_wished(
    alice: connection.Connection, unknown_id: str
) -> None:
    with pytest.raises(sdk_exceptions.NotFoundException):
        alice.ims.find_image(unknown_id, ignore_missing=False)


@pytest.mark.parametrize('method', ['GET', 'PATCH', 'DELETE', 'POST'])
def test_no_id_at_all_is_not_found(
    alice: connection.Connection, method: str
) -> None:
    answer = alice.ims.request('/images/', method)
    assert answer.status_code == 404


@pytest.mark.parametrize('path', ['', 'file/', 'members/', 'tags/x/'])
def test_a_path_has_no_slash_at_its_end(
    image: Image, alice: connection.Connection, path: str
) -> None:
    assert alice.ims.get(f'/images/{image.id}/{path}').status_code == 404


@pytest.mark.parametrize('image_id', [str(uuid.uuid4()), 'no UUID'])
def test_an_id_that_no_image_has_is_not_found(
    alice: connection.Connection, image_id: str
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        alice.ims.get_image(image_id)


def test_anothers_private_image_is_not_found(
    image: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        bob.ims.get_image(image.id)


# ====== DELETE ======


def test_a_deleted_image_is_gone(
    image: Image, alice: connection.Connection
) -> None:
    alice.ims.delete_image(image)
    with pytest.raises(exceptions.NotFoundError):
        alice.ims.get_image(image.id)


def test_an_image_is_deleted_once(
    image: Image, alice: connection.Connection
) -> None:
    alice.ims.delete_image(image)
    with pytest.raises(exceptions.NotFoundError):
        alice.ims.delete_image(image, ignore_missing=False)


def test_what_is_not_there_need_not_be_deleted(
    alice: connection.Connection, unknown_id: str
) -> None:
    assert alice.ims.delete_image(unknown_id) is None


def test_a_protected_image_cannot_be_deleted(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    image = make_image(protected=True)
    with pytest.raises(exceptions.ForbiddenError, match='protected'):
        alice.ims.delete_image(image)


def test_an_image_that_is_protected_no_more_can_be_deleted(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    image = make_image(protected=True)
    alice.ims.update_image(image, is_protected=False)
    alice.ims.delete_image(image, ignore_missing=False)
    assert alice.ims.find_image(image.id) is None


def test_anothers_private_image_cannot_be_deleted(
    image: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        bob.ims.delete_image(image, ignore_missing=False)


def test_deleting_the_backup_too_is_the_clouds_own(
    cloud: Cloud, image: Image, alice: connection.Connection
) -> None:
    # The reference gives the deletion a body, which Glance refuses.
    answer = alice.ims.delete(
        f'/images/{image.id}', json={'delete_backup': True}
    )
    assert answer.status_code == (204 if cloud.is_emulator else 400)
