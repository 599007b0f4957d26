# SPDX-License-Identifier: Apache-2.0
"""Operations 24 and 25: sharing images with other projects."""

import json
import pathlib
import subprocess
from typing import Any
import uuid

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests

from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import State
from ims_ext.extension import member_result

from .openstack_command import Run
from .plain_http import Client
from .plain_http import code

MEMBERS = '/v1/cloudimages/members'
NOBODY = 'f' * 32


@pytest.fixture
def owner(emulator: EmulatorServer) -> Client:
    """Alice, in project alpha."""
    return Client(emulator)


@pytest.fixture
def other(emulator: EmulatorServer) -> Client:
    """Bob, in project beta."""
    return Client(emulator, 'bob')


@pytest.fixture
def image_id(owner: Client, name: str) -> str:
    """An active image of Alice's, with that name."""
    return owner.active_image(name=name)


def add(
    client: Client, images: list[str], projects: list[str]
) -> requests.Response:
    """Send operation 24, sharing."""
    body = {'images': images, 'projects': projects}
    return client.request('POST', MEMBERS, json=body)


def remove(
    client: Client, images: list[str], projects: list[str]
) -> requests.Response:
    """Send operation 24, ending the sharing."""
    body = {'images': images, 'projects': projects}
    return client.request('DELETE', MEMBERS, json=body)


def answer(
    client: Client, images: list[str], status: str, **others: Any
) -> requests.Response:
    """Send operation 24, accepting or rejecting."""
    body = {
        'images': images,
        'project_id': client.project_id,
        'status': status,
        **others,
    }
    return client.request('PUT', MEMBERS, json=body)


def listed(client: Client, name: str, status: str) -> bool:
    """Return whether a shared image is listed under an answer."""
    found = client.images(name=name, visibility='shared', member_status=status)
    return bool(found)


# ====== THE WHOLE WAY ======


def test_an_image_goes_from_its_owner_to_who_accepts_it_and_back(
    alice: connection.Connection,
    bob: connection.Connection,
    image_id: str,
) -> None:
    beta = bob.current_project_id
    shared = alice.ims.add_image_members(image_id, beta, wait=True)
    pending = bob.ims.find_cloud_image(image_id)

    accepted = bob.ims.update_image_members(
        image_id, beta, 'accepted', wait=True
    )
    found = bob.ims.find_cloud_image(image_id)
    [member] = alice.ims.image_members(image_id)
    same = bob.ims.get_image_member(image_id, beta)

    removed = alice.ims.remove_image_members(image_id, beta, wait=True)

    assert shared.job_type == 'imsAddImageMembersJob'
    assert accepted.job_type == 'imsUpdateImageMembersJob'
    assert removed.job_type == 'imsDelImageMembersJob'
    assert shared.results == [
        {'image_id': image_id, 'project_id': beta, 'status': 'success'}
    ]
    assert removed.results == []
    for job in (shared, accepted, removed):
        [result] = member_result.read(job, [image_id], [beta])
        assert result.is_successful
    assert pending is None
    assert found.image_type == 'shared'
    assert (member.member_id, member.status) == (beta, 'accepted')
    assert (same.member_id, same.status) == (beta, 'accepted')
    assert bob.ims.find_cloud_image(image_id) is None
    assert list(alice.ims.image_members(image_id)) == []


@pytest.mark.parametrize('status', ['accepted', 'rejected'])
def test_an_answer_decides_what_lists_an_image(
    owner: Client, other: Client, image_id: str, name: str, status: str
) -> None:
    owner.finish(add(owner, [image_id], [other.project_id]))
    before = listed(other, name, 'pending')
    owner.finish(remove(owner, [image_id], [other.project_id]))
    owner.finish(add(owner, [image_id], [other.project_id]))

    other.finish(answer(other, [image_id], status))

    assert before
    assert not listed(other, name, 'pending')
    assert listed(other, name, status)
    assert bool(other.names(name=name)) == (status == 'accepted')


# ====== PARTS THAT FAIL ======


def test_what_can_be_shared_is_shared_though_the_job_fails(
    alice: connection.Connection, other: Client, image_id: str
) -> None:
    projects = [NOBODY, other.project_id]

    with pytest.raises(exceptions.JobFailedError) as caught:
        alice.ims.add_image_members(image_id, projects, wait=True)

    assert caught.value.code == 'IMG.0108'
    assert caught.value.job.results == [
        {'image_id': image_id, 'project_id': NOBODY, 'status': 'fail'},
        {
            'image_id': image_id,
            'project_id': other.project_id,
            'status': 'success',
        },
    ]
    [member] = alice.ims.image_members(image_id)
    assert member.member_id == other.project_id


def test_nobody_becomes_a_member_twice(
    owner: Client, other: Client, image_id: str
) -> None:
    owner.finish(add(owner, [image_id], [other.project_id]))

    job = owner.finish(add(owner, [image_id], [other.project_id]))

    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0112'


def test_who_is_no_member_is_not_removed(
    owner: Client, other: Client, image_id: str
) -> None:
    job = owner.finish(remove(owner, [image_id], [other.project_id]))

    assert job['error_code'] == 'IMG.0113'
    assert job['entities']['results'] == [
        {
            'image_id': image_id,
            'project_id': other.project_id,
            'status': 'fail',
        }
    ]


def test_who_is_no_member_answers_nothing(
    owner: Client, image_id: str
) -> None:
    job = owner.finish(answer(owner, [image_id], 'accepted'))

    assert job['error_code'] == 'IMG.0114'


def test_an_image_has_128_members_at_most(tmp_path: pathlib.Path) -> None:
    with EmulatorServer(state_dir=tmp_path):
        pass
    state = State(tmp_path)
    with state.transaction():
        projects = [
            state.projects.add(f'p{number}', 'default', 'eu-emu-1').id
            for number in range(129)
        ]
    state.close()
    with EmulatorServer(state_dir=tmp_path, job_seconds=0) as server:
        client = Client(server)
        image_id = client.active_image(name='golden')
        job = client.finish(add(client, [image_id], projects))
        members = client.get(
            f'/v1/{client.project_id}/cloudimages/{image_id}/members'
        ).json()['members']

    assert job['error_code'] == 'IMG.0088'
    assert len(members) == 128
    assert [each['status'] for each in job['entities']['results']] == [
        *(['success'] * 128),
        'fail',
    ]


# ====== REFUSALS ======


def test_an_image_is_not_shared_with_oneself(
    alice: connection.Connection, image_id: str
) -> None:
    with pytest.raises(exceptions.NotShareableError) as caught:
        alice.ims.add_image_members(image_id, alice.current_project_id)

    assert caught.value.code == 'IMG.0076'


@pytest.mark.parametrize(
    ('attributes', 'expected'),
    [
        ({'__system__cmkid': 'k1'}, 'IMG.0098'),
        ({'__whole_image': 'true'}, 'IMG.0135'),
    ],
)
def test_some_images_are_not_shared(
    owner: Client,
    other: Client,
    name: str,
    attributes: dict[str, str],
    expected: str,
) -> None:
    image_id = owner.active_image(name=name, **attributes)
    native = f'/v2/images/{image_id}/members'

    assert code(add(owner, [image_id], [other.project_id])) == expected
    assert (
        code(owner.request('POST', native, json={'member': other.project_id}))
        == expected
    )


@pytest.mark.parametrize('call', [add, remove])
def test_only_the_owner_decides_who_is_a_member(
    owner: Client, other: Client, image_id: str, call: Any
) -> None:
    assert code(call(other, [image_id], [NOBODY])) == 'IMG.0027'
    owner.share(image_id, other)
    assert code(call(other, [image_id], [NOBODY])) == 'IMG.0047'


def test_a_public_image_is_not_shared(owner: Client) -> None:
    [image, *_] = owner.images(__imagetype='gold')

    assert code(add(owner, [image['id']], [NOBODY])) == 'IMG.0089'


def test_only_the_member_itself_answers(
    owner: Client, other: Client, image_id: str
) -> None:
    owner.share(image_id, other)

    refused = answer(
        owner, [image_id], 'accepted', project_id=other.project_id
    )

    assert code(refused) == 'IMG.0030'


def test_an_image_that_is_not_shared_is_not_there_to_be_answered(
    other: Client, image_id: str
) -> None:
    assert code(answer(other, [image_id], 'accepted')) == 'IMG.0027'


@pytest.mark.parametrize(
    ('method', 'change'),
    [
        ('POST', {'images': 'i1'}),
        ('POST', {'images': []}),
        ('POST', {'images': [1]}),
        ('POST', {'images': ['']}),
        ('POST', {'projects': []}),
        ('POST', {'projects': None}),
        ('POST', {'projects': [None]}),
        ('DELETE', {'images': {}}),
        ('DELETE', {'projects': ['']}),
        ('PUT', {'status': 'pending'}),
        ('PUT', {'status': ['accepted']}),
        ('PUT', {'images': None}),
        ('PUT', {'vault_id': ''}),
        ('PUT', {'vault_id': 1}),
        ('PUT', {'project_id': 1}),
        ('POST', {'images': [f'i{number}' for number in range(10001)]}),
    ],
)
def test_a_request_without_sense_is_refused(
    owner: Client, image_id: str, method: str, change: dict[str, Any]
) -> None:
    good = {
        'images': [image_id],
        'projects': [NOBODY],
        'project_id': owner.project_id,
        'status': 'accepted',
    }

    refused = owner.request(method, MEMBERS, json={**good, **change})

    assert code(refused).startswith('IMG.')


# ====== FULL-SERVER IMAGES ======


@pytest.fixture
def backup(tmp_path: pathlib.Path) -> Backup:
    """A backup of Alice's in CBR, in the state that is in tmp_path."""
    with EmulatorServer(state_dir=tmp_path) as server:
        project_id = Client(server).project_id
    state = State(tmp_path)
    made = state.backups.add(
        Backup(
            project_id=project_id,
            name='nightly',
            kind='CBR',
            status='available',
            server_id=str(uuid.uuid4()),
            size=40,
            system_size=40,
            os_version='Ubuntu 18.04 server 64bit',
        )
    )
    state.close()
    return made


def test_a_full_server_image_from_cbr_is_accepted_into_a_vault(
    tmp_path: pathlib.Path, backup: Backup
) -> None:
    with EmulatorServer(state_dir=tmp_path, job_seconds=0) as server:
        owner, other = Client(server), Client(server, 'bob')
        image_id = owner.active_image(
            __whole_image='true', __backup_id=backup.id
        )
        owner.finish(add(owner, [image_id], [other.project_id]))
        without = answer(other, [image_id], 'accepted')
        done = other.finish(
            answer(other, [image_id], 'accepted', vault_id=other.new_vault())
        )

    assert code(without) == 'IMG.0184'
    assert done['status'] == 'SUCCESS'


@pytest.mark.parametrize('delete_backup', [True, False])
def test_a_backup_goes_with_its_image_only_if_wanted(
    tmp_path: pathlib.Path, backup: Backup, delete_backup: bool
) -> None:
    with EmulatorServer(state_dir=tmp_path) as server:
        owner = Client(server)
        image_id = owner.active_image(
            __whole_image='true', __backup_id=backup.id
        )
        deleted = owner.request(
            'DELETE',
            f'/v2/images/{image_id}',
            json={'delete_backup': delete_backup},
        )
    state = State(tmp_path)
    kept = state.backups.get(backup.id, backup.project_id)
    state.close()

    assert deleted.status_code == 204
    assert (kept is None) == delete_backup


def test_no_backup_of_another_goes_with_an_image(
    tmp_path: pathlib.Path, backup: Backup
) -> None:
    with EmulatorServer(state_dir=tmp_path) as server:
        other = Client(server, 'bob')
        image_id = other.active_image(__backup_id=backup.id)
        other.request(
            'DELETE', f'/v2/images/{image_id}', json={'delete_backup': True}
        )
    state = State(tmp_path)
    kept = state.backups.get(backup.id, backup.project_id)
    state.close()

    assert kept is not None


# ====== LOOKING ======


def test_a_member_sees_itself_alone(
    owner: Client, other: Client, image_id: str
) -> None:
    owner.share(image_id, other)
    path = f'/v1/{other.project_id}/cloudimages/{image_id}/members'

    seen = other.get(path).json()['members']

    assert [each['member_id'] for each in seen] == [other.project_id]
    assert other.get(f'{path}/{NOBODY}').status_code == 404


def test_members_are_listed_in_pages(
    emulator: EmulatorServer, owner: Client, image_id: str
) -> None:
    projects = [f'{number:032x}' for number in range(3)]
    for project_id in projects:
        owner.request(
            'POST',
            f'/v2/images/{image_id}/members',
            json={'member': project_id},
        )
    path = f'/v1/{owner.project_id}/cloudimages/{image_id}/members'

    first = owner.get(path, limit=2).json()
    rest = owner.get(
        path, limit=2, marker=first['page_info']['next_marker']
    ).json()

    seen = [each['member_id'] for each in first['members'] + rest['members']]
    assert seen == projects
    assert rest['page_info'] == {'current_count': 1}


@pytest.mark.parametrize(
    'query',
    [{'limit': 0}, {'limit': 1001}, {'marker': '?'}, {'marker': 'YQ=='}],
)
def test_a_page_that_cannot_be_is_refused(
    owner: Client, image_id: str, query: dict[str, Any]
) -> None:
    path = f'/v1/{owner.project_id}/cloudimages/{image_id}/members'

    assert code(owner.get(path, **query)) == 'IMG.0001'


def test_members_of_others_images_are_not_shown(
    owner: Client, other: Client, image_id: str
) -> None:
    hidden = f'/v1/{other.project_id}/cloudimages/{image_id}/members'
    foreign = f'/v1/{owner.project_id}/cloudimages/{image_id}/members'

    assert other.get(hidden).status_code == 404
    assert code(other.get(foreign)) == 'IMG.0030'


def test_a_member_that_is_none_is_not_found(
    alice: connection.Connection, image_id: str
) -> None:
    with pytest.raises(sdk_exceptions.NotFoundException):
        alice.ims.get_image_member(image_id, NOBODY)


# ====== COMMANDS ======


def rows(done: subprocess.CompletedProcess[str]) -> Any:
    """Return what a command printed as JSON."""
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_commands_share_many_images_and_show_each_result(
    run: Run, owner: Client, other: Client, image_id: str, name: str
) -> None:
    second = owner.active_image(name=f'{name}-2')
    both = (
        *('--project', other.project_id, '--project', NOBODY),
        *('-f', 'json', '--wait'),
    )

    added = run('ims', 'image', 'member', 'add', name, second, *both)

    results = rows(added)
    assert added.returncode == 1
    assert 'IMG.0108' in added.stderr
    assert [tuple(each.values()) for each in results] == [
        (image_id, other.project_id, 'success'),
        (image_id, NOBODY, 'fail'),
        (second, other.project_id, 'success'),
        (second, NOBODY, 'fail'),
    ]


def test_commands_accept_show_and_end_the_sharing(
    run: Run, owner: Client, other: Client, image_id: str, name: str
) -> None:
    owner.share(image_id, other)
    member = ('ims', 'image', 'member')

    accepted = run(
        *(*member, 'set', '--accept', name, '--wait', '-f', 'json'),
        cloud='bob',
    )
    listed = run(*member, 'list', name, '-f', 'json')
    shown = run(*member, 'show', name, other.project_id, '-f', 'json')
    started = run(
        *(*member, 'remove', name, '--project', other.project_id),
        *('-f', 'value'),
    )
    waited = run('ims', 'job', 'wait', started.stdout.strip())

    assert rows(accepted) == [
        {
            'Image ID': image_id,
            'Project ID': other.project_id,
            'Status': 'success',
        }
    ]
    assert accepted.returncode == 0
    [first] = rows(listed)
    assert first['Member ID'] == other.project_id
    assert first['Status'] == 'accepted'
    assert rows(shown)['member_id'] == other.project_id
    assert waited.returncode == 0
    assert not listed_members(owner, image_id)


def test_an_image_stays_ones_own_when_it_is_shared(
    run: Run, owner: Client, other: Client, image_id: str, name: str
) -> None:
    listing = ('ims', 'image', 'list', '--name', name, '-f', 'json')
    owner.share(image_id, other)

    own = run(*listing, '--own')
    private = run(*listing, '--private')
    of_another = run(*listing, '--own', cloud='bob')
    both = run(*listing, '--own', '--project', 'alpha')

    assert [each['ID'] for each in rows(own)] == [image_id]
    assert rows(private) == rows(of_another) == []
    assert both.returncode == 1
    assert '--own and --project exclude one another' in both.stderr


def listed_members(client: Client, image_id: str) -> list[Any]:
    """Return an image's members."""
    found: list[Any] = client.get(f'/v2/images/{image_id}/members').json()[
        'members'
    ]
    return found
