# SPDX-License-Identifier: Apache-2.0
"""Images' metadata, changed: attributes, properties, tags."""

from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack.image.v2.image import Image
import pytest

from ims_ext import exceptions

from .clouds import V20
from .clouds import V21
from .clouds import Cloud
from .clouds import MakeImage
from .clouds import patch

# ====== UPDATE ======


def test_attributes_are_replaced(
    image: Image, alice: connection.Connection
) -> None:
    alice.ims.update_image(image, name='renamed', min_ram=2048)
    changed = alice.ims.get_image(image.id)
    assert (changed.name, changed.min_ram) == ('renamed', 2048)


def test_an_update_answers_what_a_query_does(
    image: Image, alice: connection.Connection
) -> None:
    changed = alice.ims.update_image(image, name='renamed', min_ram=2048)
    found = alice.ims.get_image(image.id)
    assert changed.to_dict() == found.to_dict()


def test_a_property_is_added_then_replaced(
    image: Image, alice: connection.Connection
) -> None:
    for value in ('one', 'two'):
        alice.ims.update_image(image.id, own=value)
    assert alice.ims.get_image(image.id).properties['own'] == 'two'


def test_one_property_of_an_object_stands_for_all_of_them(
    cloud: Cloud, make_image: MakeImage, alice: connection.Connection
) -> None:
    # openstacksdk removes the properties that it is not given, when it knows
    # them. Glance lets go of them, the clouds not of their own.
    image = make_image(own='property')
    if cloud.is_emulator:
        with pytest.raises(exceptions.ForbiddenError, match='read-only'):
            alice.ims.update_image(image, other='one')
    else:
        changed = alice.ims.update_image(image, other='one')
        assert changed.properties == {'other': 'one'}


def test_properties_are_added_beside_the_others(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    image = make_image(own='property')
    alice.ims.update_image_properties(image, other='one')
    properties = alice.ims.get_image(image.id).properties
    assert (properties['own'], properties['other']) == ('property', 'one')


def test_a_property_is_removed(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    image = make_image(own='property')
    patch(alice, image, {'op': 'remove', 'path': '/own'})
    assert 'own' not in alice.ims.get_image(image.id).properties


@pytest.mark.parametrize(
    ('kind', 'operations'),
    [
        (
            V21,
            [
                {'op': 'replace', 'path': '/name', 'value': 'renamed'},
                {'op': 'add', 'path': '/new', 'value': 'x'},
                {'op': 'remove', 'path': '/own'},
            ],
        ),
        (
            V20,
            [
                {'replace': '/name', 'value': 'renamed'},
                {'add': '/new', 'value': 'x'},
                {'remove': '/own'},
            ],
        ),
    ],
    ids=['v2.1', 'v2.0'],
)
def test_both_kinds_of_patches_change_an_image(
    make_image: MakeImage,
    alice: connection.Connection,
    kind: str,
    operations: list[Any],
) -> None:
    image = make_image(own='property')
    patch(alice, image, *operations, kind=kind)
    changed = alice.ims.get_image(image.id)
    assert (
        changed.name,
        changed.properties.get('new'),
        changed.properties.get('own'),
    ) == ('renamed', 'x', None)


def replace(path: str, value: Any) -> dict[str, Any]:
    return {'op': 'replace', 'path': path, 'value': value}


def add(path: str, value: Any) -> dict[str, Any]:
    return {'op': 'add', 'path': path, 'value': value}


def remove(path: str) -> dict[str, Any]:
    return {'op': 'remove', 'path': path}


@pytest.mark.parametrize(
    ('operation', 'status'),
    [
        (add('/new', 'x'), 200),
        (add('/own', 'x'), 200),
        (add('/min_ram', 1), 200),
        (add('/a~1b', 'x'), 200),
        (add('/a~0b', 'x'), 200),
        (replace('/own', 'x'), 200),
        (replace('/name', None), 200),
        (replace('/disk_format', 'qcow2'), 200),
        (replace('/visibility', 'shared'), 200),
        (replace('/tags', ['c', 'd', 'c']), 200),
        (add('/tags', ['e']), 200),
        (remove('/own'), 200),
        (replace('/new', 'x'), 409),
        (remove('/new'), 409),
        (replace('/status', 'active'), 403),
        (add('/status', 'active'), 403),
        (replace('/id', 'x'), 403),
        (replace('/owner', 'x'), 403),
        (replace('/size', 1), 403),
        (replace('/checksum', 'x'), 403),
        (replace('/created_at', 'x'), 403),
        (replace('/self', 'x'), 403),
        (replace('/visibility', 'public'), 403),
        (add('/os_glance_own', 'x'), 403),
        (replace('/os_glance_own', 'x'), 403),
        (remove('/os_glance_own'), 403),
        (add('/os_glancing', 'x'), 200),
        (add('/location', 'x'), 403),
        (add('/deleted', 'x'), 403),
        (replace('/deleted_at', 'x'), 403),
        (add('/direct_url', 'x'), 403),
        (add('/file', 'x'), 403),
        (remove('/name'), 403),
        (remove('/min_disk'), 403),
        (remove('/tags'), 403),
        (add('/tags/-', 'e'), 400),
        (replace('/tags/0', 'e'), 400),
        (remove('/tags/a'), 400),
        (replace('/tags', 'x'), 400),
        (replace('/a/b', 'x'), 400),
        (add('/a/', 'x'), 400),
        (add('//', 'x'), 400),
        (add('/a~2b', 'x'), 400),
        (replace('name', 'x'), 400),
        (replace('/name', 1), 400),
        (replace('/min_disk', 'x'), 400),
        (replace('/protected', 'x'), 400),
        (replace('/disk_format', 'exe'), 400),
        (replace('/visibility', 'secret'), 400),
        (add('/own', 1), 400),
        (add('/own', None), 400),
        ({'op': 'move', 'path': '/name', 'value': 'x'}, 400),
        ({'op': 'test', 'path': '/name', 'value': 'x'}, 400),
        ({'op': 'replace', 'path': '/name'}, 400),
        ({'op': 'replace', 'value': 'x'}, 400),
        ({'path': '/name', 'value': 'x'}, 400),
        ('x', 400),
    ],
    ids=str,
)
def test_a_patch_follows_the_rules(
    make_image: MakeImage,
    alice: connection.Connection,
    operation: Any,
    status: int,
) -> None:
    image = make_image(own='property', tags=['a', 'b'])
    assert patch(alice, image, operation).status_code == status


def test_of_a_refused_patch_nothing_is_kept(
    image: Image, alice: connection.Connection
) -> None:
    patch(alice, image, replace('/name', 'renamed'), replace('/id', 'x'))
    assert alice.ims.get_image(image.id).name == image.name


@pytest.mark.parametrize('kind', ['application/json', 'text/plain'])
def test_a_patch_of_another_type_is_refused(
    image: Image, alice: connection.Connection, kind: str
) -> None:
    answer = patch(alice, image, replace('/name', 'x'), kind=kind)
    assert answer.status_code == 415


def test_a_missing_property_cannot_be_replaced(
    image: Image, alice: connection.Connection
) -> None:
    alice.ims.update_image(image.id, own='one')
    patch(alice, image, remove('/own'))

    answer = patch(alice, image, replace('/own', 'two'))

    assert answer.status_code == 409


def test_an_image_that_is_another_one_by_now_is_looked_at_again(
    image: Image, alice: connection.Connection
) -> None:
    stale = alice.ims.update_image(image.id, own='one')
    patch(alice, image, remove('/own'))

    assert alice.ims.update_image_properties(stale, own='two')

    assert alice.ims.get_image(image.id).properties['own'] == 'two'


def test_anothers_private_image_cannot_be_changed(
    image: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        bob.ims.update_image(image, name='taken')


# ====== TAGS ======


def test_a_tag_is_added_once_however_often(
    image: Image, alice: connection.Connection
) -> None:
    for _ in range(2):
        alice.ims.add_tag(image.id, 'blue')
    assert alice.ims.get_image(image.id).tags == ['blue']


def test_a_tag_is_removed(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    image = make_image(tags=['blue', 'red'])
    alice.ims.remove_tag(image.id, 'blue')
    assert alice.ims.get_image(image.id).tags == ['red']


@pytest.mark.parametrize('tag', ['two words', 'a?b', 'a.b', 'x' * 255])
def test_a_tag_may_be(
    image: Image, alice: connection.Connection, tag: str
) -> None:
    alice.ims.update_image(image.id, tags=[tag])
    assert alice.ims.get_image(image.id).tags == [tag]


def test_tags_are_replaced(
    make_image: MakeImage, alice: connection.Connection
) -> None:
    image = make_image(tags=['blue', 'red'])
    # Of an object, openstacksdk would change tag after tag: see "/tags/0".
    alice.ims.update_image(image.id, tags=['red', 'green'])
    assert sorted(alice.ims.get_image(image.id).tags) == ['green', 'red']


def test_a_tag_that_is_not_there_cannot_be_removed(
    image: Image, alice: connection.Connection
) -> None:
    with pytest.raises(sdk_exceptions.NotFoundException):
        alice.ims.remove_tag(image.id, 'blue')


def test_too_long_a_tag_is_refused(
    image: Image, alice: connection.Connection
) -> None:
    with pytest.raises(sdk_exceptions.BadRequestException):
        alice.ims.add_tag(image.id, 'x' * 256)


def test_a_tag_with_a_slash_has_no_path(
    image: Image, alice: connection.Connection
) -> None:
    answer = alice.ims.put(f'/images/{image.id}/tags/a%2Fb')
    assert answer.status_code == 404
