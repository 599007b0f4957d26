# SPDX-License-Identifier: Apache-2.0
"""Sharing: what the owner's project and the member's project can do."""

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack.image.v2.image import Image
import pytest

from ims_ext import exceptions

from .clouds import Cloud
from .clouds import MakeImage
from .clouds import patch
from .clouds import upload

STATUSES = ['pending', 'accepted', 'rejected']


@pytest.fixture
def offered(make_image: MakeImage) -> Image:
    """Give an image that alice is about to share."""
    return make_image(visibility='shared')


@pytest.fixture
def shared(
    offered: Image, alice: connection.Connection, bob: connection.Connection
) -> Image:
    """Give an image that alice shares with bob's project."""
    alice.ims.add_member(offered, member_id=bob.current_project_id)
    return offered


def answer_with(bob: connection.Connection, image: Image, status: str) -> None:
    bob.ims.update_member(bob.current_project_id, image, status=status)


def lists(conn: connection.Connection, image: Image, **query: str) -> bool:
    """Whether a project's list has an image."""
    return image.id in {each.id for each in conn.ims.images(**query)}


# ====== SHARE ======


def test_a_new_member_has_not_answered(
    offered: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    project = bob.current_project_id
    member = alice.ims.add_member(offered, member_id=project)
    assert (member.member_id, member.image_id, member.status) == (
        project,
        offered.id,
        'pending',
    )


def test_a_member_is_what_was_answered_when_it_was_added(
    offered: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    project = bob.current_project_id
    added = alice.ims.add_member(offered, member_id=project)
    found = alice.ims.get_member(project, offered)
    names = ['status', 'created_at', 'updated_at', 'schema']
    assert [added[each] for each in names] == [found[each] for each in names]


def test_nobody_is_a_member_twice(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.ConflictError):
        alice.ims.add_member(shared, member_id=bob.current_project_id)


def test_nobody_knows_whether_a_project_exists(
    offered: Image, alice: connection.Connection
) -> None:
    member = alice.ims.add_member(offered, member_id='no-such-project')
    assert member.status == 'pending'


@pytest.mark.parametrize(
    'body', [{}, {'member': None}, {'member': ''}, []], ids=str
)
def test_a_member_that_makes_no_sense_is_refused(
    offered: Image, alice: connection.Connection, body: object
) -> None:
    answer = alice.ims.post(f'/images/{offered.id}/members', json=body)
    assert answer.status_code == 400


def test_who_cannot_see_an_image_cannot_share_it(
    offered: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        bob.ims.add_member(offered, member_id=bob.current_project_id)


def test_a_member_cannot_share_the_image_on(
    shared: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.ForbiddenError):
        bob.ims.add_member(shared, member_id='no-such-project')


def test_a_private_image_becomes_shared_with_its_first_member(
    cloud: Cloud,
    image: Image,
    alice: connection.Connection,
    bob: connection.Connection,
) -> None:
    # As documented; Glance wants the visibility changed before.
    answer = alice.ims.post(
        f'/images/{image.id}/members', json={'member': bob.current_project_id}
    )
    visibility = alice.ims.get_image(image.id).visibility
    assert (answer.status_code, visibility) == (
        (200, 'shared') if cloud.is_emulator else (403, 'private')
    )


def test_an_image_can_be_shared_with_its_own_project(
    offered: Image, alice: connection.Connection
) -> None:
    # IMG.0076 forbids it to the clouds' own operations only.
    answer = alice.ims.post(
        f'/images/{offered.id}/members',
        json={'member': alice.current_project_id},
    )
    assert answer.status_code == 200


# ====== ANSWER ======


@pytest.mark.parametrize('status', STATUSES)
def test_the_owner_sees_what_a_member_answered(
    shared: Image,
    alice: connection.Connection,
    bob: connection.Connection,
    status: str,
) -> None:
    answer_with(bob, shared, status)
    found = [each.status for each in alice.ims.members(shared)]
    assert found == [status]


def test_an_answer_can_change(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    for status in ('accepted', 'rejected', 'pending'):
        answer_with(bob, shared, status)
    project = bob.current_project_id
    assert alice.ims.get_member(project, shared).status == 'pending'


def test_the_owner_cannot_answer_for_a_member(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.ForbiddenError):
        alice.ims.update_member(
            bob.current_project_id, shared, status='accepted'
        )


def test_who_is_no_member_cannot_answer(
    offered: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        answer_with(bob, offered, 'accepted')


def test_a_member_cannot_answer_for_another(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    alice.ims.add_member(shared, member_id='no-such-project')
    with pytest.raises(exceptions.NotFoundError):
        bob.ims.update_member('no-such-project', shared, status='accepted')


@pytest.mark.parametrize(
    'body', [{'status': 'maybe'}, {'status': None}, {}, []], ids=str
)
def test_an_answer_that_makes_no_sense_is_refused(
    shared: Image, bob: connection.Connection, body: object
) -> None:
    answer = bob.ims.put(
        f'/images/{shared.id}/members/{bob.current_project_id}', json=body
    )
    assert answer.status_code == 400


# ====== WHAT A MEMBER LISTS AND SEES ======


@pytest.mark.parametrize('status', STATUSES)
@pytest.mark.parametrize('asked', [None, *STATUSES, 'all'])
def test_a_member_lists_images_by_its_answer(
    shared: Image, bob: connection.Connection, status: str, asked: str | None
) -> None:
    answer_with(bob, shared, status)
    query = {} if asked is None else {'member_status': asked}
    expected = asked == 'all' or status == (asked or 'accepted')
    assert lists(bob, shared, **query) == expected


@pytest.mark.parametrize(
    ('visibility', 'expected'),
    [('shared', True), ('all', True), ('private', False), ('public', False)],
)
def test_a_member_lists_an_image_as_shared(
    shared: Image,
    bob: connection.Connection,
    visibility: str,
    expected: bool,
) -> None:
    answer_with(bob, shared, 'accepted')
    assert lists(bob, shared, visibility=visibility) == expected


def test_a_member_lists_what_an_owner_shares(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    answer_with(bob, shared, 'accepted')
    assert lists(bob, shared, owner=alice.current_project_id)


@pytest.mark.parametrize('status', [None, *STATUSES])
def test_the_owner_lists_the_image_whatever_was_answered(
    shared: Image, alice: connection.Connection, status: str | None
) -> None:
    query = {'member_status': status} if status else {}
    assert lists(alice, shared, **query)


@pytest.mark.parametrize('status', STATUSES)
def test_a_member_sees_the_image_whatever_it_answered(
    shared: Image, bob: connection.Connection, status: str
) -> None:
    answer_with(bob, shared, status)
    assert bob.ims.get_image(shared.id).visibility == 'shared'


def test_a_member_downloads_the_image(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    upload(alice, shared, b'12345')
    assert bob.ims.download_image(shared.id).content == b'12345'


def test_a_member_sees_no_other_members(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    alice.ims.add_member(shared, member_id='no-such-project')
    found = [each.member_id for each in bob.ims.members(shared)]
    assert found == [bob.current_project_id]


def test_the_owner_sees_all_members(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    alice.ims.add_member(shared, member_id='no-such-project')
    found = {each.member_id for each in alice.ims.members(shared)}
    assert found == {bob.current_project_id, 'no-such-project'}


def test_who_is_no_member_does_not_find_the_members(
    offered: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        list(bob.ims.members(offered))


def test_a_member_that_is_none_is_not_found(
    offered: Image, alice: connection.Connection
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        alice.ims.get_member('no-such-project', offered)


def test_a_member_is_found_by_its_project(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    found = alice.ims.find_member(bob.current_project_id, shared)
    assert found is not None
    assert found.status == 'pending'


# ====== WHAT A MEMBER CANNOT DO ======


def test_a_member_cannot_change_the_image(
    shared: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.ForbiddenError):
        bob.ims.update_image(shared.id, name='taken')


def test_a_member_cannot_delete_the_image(
    shared: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.ForbiddenError):
        bob.ims.delete_image(shared)


def test_a_member_cannot_tag_the_image(
    shared: Image, bob: connection.Connection
) -> None:
    with pytest.raises(sdk_exceptions.ForbiddenException):
        bob.ims.add_tag(shared.id, 'blue')


def test_a_member_gives_the_image_no_data(
    shared: Image, bob: connection.Connection
) -> None:
    assert upload(bob, shared, b'12345').status_code == 403


def test_a_member_cannot_end_the_sharing(
    shared: Image, bob: connection.Connection
) -> None:
    with pytest.raises(exceptions.ForbiddenError):
        bob.ims.remove_member(bob.current_project_id, shared)


# ====== END ======


def test_who_is_a_member_no_more_does_not_find_the_image(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    alice.ims.remove_member(bob.current_project_id, shared)
    with pytest.raises(exceptions.NotFoundError):
        bob.ims.get_image(shared.id)


def test_a_member_that_is_none_cannot_be_removed(
    offered: Image, alice: connection.Connection
) -> None:
    with pytest.raises(exceptions.NotFoundError):
        alice.ims.remove_member(
            'no-such-project', offered, ignore_missing=False
        )


def test_a_member_that_is_none_need_not_be_removed(
    offered: Image, alice: connection.Connection
) -> None:
    assert alice.ims.remove_member('no-such-project', offered) is None


def test_a_member_does_not_find_an_image_made_private(
    shared: Image, alice: connection.Connection, bob: connection.Connection
) -> None:
    patch(
        alice,
        shared,
        {'op': 'replace', 'path': '/visibility', 'value': 'private'},
    )
    with pytest.raises(exceptions.NotFoundError):
        bob.ims.get_image(shared.id)


def test_an_image_that_is_shared_no_more(
    cloud: Cloud,
    shared: Image,
    alice: connection.Connection,
    bob: connection.Connection,
) -> None:
    # What the first member made shared, the last one's end makes private;
    # Glance leaves the visibility alone.
    alice.ims.remove_member(bob.current_project_id, shared)
    expected = 'private' if cloud.is_emulator else 'shared'
    assert alice.ims.get_image(shared.id).visibility == expected


def test_members_go_with_the_image(
    shared: Image, alice: connection.Connection
) -> None:
    alice.ims.delete_image(shared)
    with pytest.raises(exceptions.NotFoundError):
        list(alice.ims.members(shared))
