# SPDX-License-Identifier: Apache-2.0
"""Operations 1 and 2: listing images, and changing their attributes."""

import datetime
from typing import Any

import pytest

from .plain_http import Client
from .plain_http import code

UNKNOWN = '11111111-2222-3333-4444-555555555555'


@pytest.fixture
def alice(tenant: Client) -> Client:
    return tenant


@pytest.fixture
def bob(neighbour: Client) -> Client:
    return neighbour


def moment(offset: datetime.timedelta, form: str) -> str:
    return (datetime.datetime.now(datetime.UTC) + offset).strftime(form)


HOUR = datetime.timedelta(hours=1)
ISO_FORM = '%Y-%m-%dT%H:%M:%SZ'
PLAIN_FORM = '%Y-%m-%d %H:%M:%S'


# ====== WHO SEES WHAT ======


def test_a_project_sees_its_own_and_the_public_images(
    alice: Client, bob: Client
) -> None:
    alice.create_metadata(name='mine')
    bob.create_metadata(name='theirs')
    names = alice.names()
    assert 'mine' in names
    assert 'theirs' not in names
    assert 'CentOS 7.6 64bit' in names


def test_an_image_shared_but_not_accepted_is_not_listed(
    alice: Client, bob: Client
) -> None:
    image_id = alice.create_metadata(name='offered')
    alice.share(image_id, bob)
    assert 'offered' not in bob.names()


@pytest.mark.parametrize('status', ['pending', 'accepted', 'rejected'])
def test_member_status_finds_the_images_answered_so(
    alice: Client, bob: Client, status: str
) -> None:
    for each in ('pending', 'accepted', 'rejected'):
        image_id = alice.create_metadata(name=each)
        alice.share(image_id, bob)
        if each != 'pending':
            bob.answer_share(image_id, each)
    assert bob.names(
        member_status=status, visibility='shared', __imagetype='shared'
    ) == [status]


def test_an_accepted_image_is_of_the_type_shared(
    alice: Client, bob: Client
) -> None:
    image_id = alice.create_metadata(name='offered')
    alice.share(image_id, bob)
    bob.answer_share(image_id, 'accepted')
    (image,) = bob.images(id=image_id)
    assert image['__imagetype'] == 'shared'
    assert image['owner'] == alice.project_id


def test_the_images_one_has_shared_are_of_the_type_shared(
    alice: Client, bob: Client
) -> None:
    image_id = alice.create_metadata(name='offered')
    alice.share(image_id, bob)
    assert alice.names(__imagetype='shared') == ['offered']
    assert alice.names(__imagetype='private') == []


# ====== FILTERS ======


def test_images_are_found_by_type(alice: Client) -> None:
    alice.create_metadata(name='mine')
    assert alice.names(__imagetype='private') == ['mine']
    assert len(alice.names(__imagetype='gold', protected='true')) == 3
    assert len(alice.names(__imagetype='market')) == 2


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('name', 'wanted'),
        ('__os_version', 'CentOS 7.0 64bit'),
        ('__os_type', 'Linux'),
        ('__platform', 'CentOS'),
        ('__os_bit', '64'),
        ('disk_format', 'qcow2'),
        ('container_format', 'bare'),
        ('min_disk', '77'),
        ('min_ram', '512'),
        ('status', 'queued'),
        ('visibility', 'private'),
        ('virtual_env_type', 'FusionCompute'),
        ('virtual_environment_type', 'FusionCompute'),
        ('protected', 'True'),
        ('__whole_image', 'false'),
        ('__support_kvm', 'true'),
        ('__support_s4l', 'true'),
        ('__system__cmkid', 'key'),
        ('__system_cmkid', 'key'),
        ('enterprise_project_id', 'all_granted_eps'),
        ('enterprise_project_id', '0'),
        ('architecture', 'x86'),
        ('__isregistered', 'true'),
        ('tag', 'env=prod'),
    ],
)
def test_an_image_is_found_by(alice: Client, name: str, value: str) -> None:
    alice.create_metadata(
        name='wanted',
        __os_version='CentOS 7.0 64bit',
        disk_format='qcow2',
        min_disk=77,
        min_ram=512,
        protected=True,
        tags=['env=prod'],
        __support_kvm='true',
        __support_s4l='true',
        __system__cmkid='key',
    )
    found = alice.names(owner=alice.project_id, **{name: value})
    assert found == ['wanted']


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('name', 'wante'),
        ('__os_type', 'Windows'),
        ('__os_bit', '32'),
        ('disk_format', 'raw'),
        ('min_disk', '7'),
        ('status', 'active'),
        ('visibility', 'public'),
        ('visibility', 'shared'),
        ('virtual_env_type', 'Ironic'),
        ('protected', 'true'),
        ('__whole_image', 'true'),
        ('__support_kvm', 'true'),
        ('enterprise_project_id', UNKNOWN),
        ('architecture', 'arm'),
        ('__isregistered', 'false'),
        ('tag', 'env=test'),
        ('id', UNKNOWN),
    ],
)
def test_an_image_is_not_found_by(
    alice: Client, name: str, value: str
) -> None:
    alice.create_metadata(
        name='other', disk_format='qcow2', min_disk=77, tags=['env=prod']
    )
    assert alice.names(owner=alice.project_id, **{name: value}) == []


def test_arm_images_are_found_by_architecture(alice: Client) -> None:
    alice.create_metadata(name='for-arm', __support_arm='true')
    alice.create_metadata(name='for-x86')
    assert alice.names(architecture='arm') == ['for-arm']


def test_a_flavor_finds_public_images_only(alice: Client) -> None:
    alice.create_metadata(name='mine')
    names = alice.names(flavor_id='s3.large.2')
    assert names
    assert 'mine' not in names


def test_several_ids_are_separated_by_commas(alice: Client) -> None:
    ids = [alice.create_metadata(name=name) for name in 'abc']
    assert sorted(alice.names(id=f'{ids[0]},{ids[2]}')) == ['a', 'c']


def test_an_old_tag_with_a_dot_is_found_with_an_equals_sign(
    alice: Client,
) -> None:
    alice.create_metadata(name='old', tags=['env.prod'])
    assert alice.names(tag='env=prod') == ['old']


def test_old_and_new_tags_are_found_together(alice: Client) -> None:
    alice.create_metadata(name='old', tags=['env.prod'])
    alice.create_metadata(name='other', tags=['env=test'])
    alice.create_metadata(name='new', tags=['env=prod'])
    assert alice.names(tag='env=prod') == ['new', 'old']


def test_all_tags_asked_for_must_be_there(alice: Client) -> None:
    alice.create_metadata(name='both', tags=['a=1', 'b=2'])
    alice.create_metadata(name='one', tags=['a=1'])
    answer = alice.get('/v2/cloudimages?tag=a%3D1&tag=b%3D2')
    assert [image['name'] for image in answer.json()['images']] == ['both']


@pytest.mark.parametrize('form', [ISO_FORM, PLAIN_FORM])
@pytest.mark.parametrize('name', ['created_at', 'updated_at'])
@pytest.mark.parametrize(
    ('operator', 'offset', 'found'),
    [
        ('gt', -HOUR, True),
        ('gte', -HOUR, True),
        ('lt', -HOUR, False),
        ('lte', HOUR, True),
        ('eq', HOUR, False),
        ('neq', HOUR, True),
    ],
)
def test_images_are_found_by_time(
    alice: Client,
    form: str,
    name: str,
    operator: str,
    offset: datetime.timedelta,
    found: bool,
) -> None:
    alice.create_metadata(name='mine')
    when = f'{operator}:{moment(offset, form)}'
    names = alice.names(owner=alice.project_id, **{name: when})
    assert bool(names) is found


def test_an_image_is_found_by_the_time_it_says(alice: Client) -> None:
    image_id = alice.create_metadata(name='mine')
    (image,) = alice.images(id=image_id)
    assert alice.names(
        owner=alice.project_id, created_at=f'eq:{image["created_at"]}'
    ) == ['mine']


@pytest.mark.parametrize(
    ('query', 'expected'),
    [
        ({'__imagetype': 'golden'}, 'IMG.0024'),
        ({'__os_type': 'BeOS'}, 'IMG.0122'),
        ({'architecture': 'mips'}, 'IMG.0212'),
        ({'min_disk': 'small'}, 'IMG.0055'),
        ({'min_ram': '-1'}, 'IMG.0055'),
        ({'enterprise_project_id': 'mine'}, 'IMG.0155'),
        ({'marker': UNKNOWN}, 'IMG.0027'),
        ({'tag': ''}, 'IMG.0115'),
        ({'limit': 'all'}, 'IMG.0017'),
        ({'limit': '-1'}, 'IMG.0017'),
        ({'sort_key': 'colour'}, 'IMG.0017'),
        ({'sort_dir': 'up'}, 'IMG.0017'),
        ({'protected': 'maybe'}, 'IMG.0017'),
        ({'__whole_image': '1'}, 'IMG.0017'),
        ({'visibility': 'all'}, 'IMG.0017'),
        ({'status': 'ready'}, 'IMG.0017'),
        ({'member_status': 'all'}, 'IMG.0017'),
        ({'virtual_env_type': 'Vmware'}, 'IMG.0017'),
        ({'__os_bit': '16'}, 'IMG.0017'),
        ({'created_at': '2018-10-28T10:00:00Z'}, 'IMG.0017'),
        ({'created_at': 'before:2018-10-28T10:00:00Z'}, 'IMG.0017'),
        ({'updated_at': 'gt:yesterday'}, 'IMG.0017'),
        ({'updated_at': 'gt:2018-02-30T10:00:00Z'}, 'IMG.0017'),
    ],
)
def test_a_bad_query_is_refused(
    alice: Client, query: dict[str, str], expected: str
) -> None:
    assert code(alice.get('/v2/cloudimages', **query)) == expected


# ====== PAGES AND ORDER ======


def test_the_newest_image_comes_first(alice: Client) -> None:
    for name in ('first', 'second', 'third'):
        alice.create_metadata(name=name)
    assert alice.names(owner=alice.project_id) == ['third', 'second', 'first']


@pytest.mark.parametrize(
    ('direction', 'expected'),
    [('asc', ['a', 'b', 'c']), ('desc', ['c', 'b', 'a'])],
)
def test_images_are_sorted_by_name(
    alice: Client, direction: str, expected: list[str]
) -> None:
    for name in 'bca':
        alice.create_metadata(name=name)
    names = alice.names(
        owner=alice.project_id, sort_key='name', sort_dir=direction
    )
    assert names == expected


@pytest.mark.parametrize('extra', [{}, {'enterprise_project_id': '0'}])
def test_pages_follow_one_another_by_marker(
    alice: Client, extra: dict[str, str]
) -> None:
    for name in 'abcde':
        alice.create_metadata(name=name)
    query: dict[str, Any] = {
        'owner': alice.project_id,
        'sort_key': 'name',
        'sort_dir': 'asc',
        'limit': 2,
        **extra,
    }
    pages = []
    while page := alice.images(**query):
        pages.append([image['name'] for image in page])
        query['marker'] = page[-1]['id']
    assert pages == [['a', 'b'], ['c', 'd'], ['e']]


def test_a_listing_has_no_link_to_the_next_page(alice: Client) -> None:
    answer = alice.get('/v2/cloudimages', limit=1)
    assert list(answer.json()) == ['images']


# ====== HOW AN IMAGE LOOKS ======


def test_an_image_has_the_documented_types(alice: Client) -> None:
    image_id = alice.active_image(name='mine', min_disk=40, protected=True)
    alice.patch(image_id, {'op': 'add', 'path': '/max_ram', 'value': 4096})
    (image,) = alice.images(id=image_id)
    expected = {
        'min_disk': 40,
        'min_ram': 0,
        'max_ram': '4096',
        'protected': True,
        '__isregistered': 'true',
        '__os_bit': '64',
        '__image_size': '4',
        '__imagetype': 'private',
        '__image_source_type': 'uds',
        'status': 'active',
        'tags': [],
        'file': f'/v2/images/{image_id}/file',
        'self': f'/v2/images/{image_id}',
        'schema': '/v2/schemas/image',
    }
    assert expected.items() <= image.items()


# ====== CHANGES ======


def test_an_update_answers_the_whole_image(alice: Client) -> None:
    image_id = alice.active_image(name='old')
    answer = alice.patch(
        image_id, {'op': 'replace', 'path': '/name', 'value': 'new'}
    )
    assert answer.status_code == 200
    assert [answer.json()] == alice.images(id=image_id)
    assert answer.json()['name'] == 'new'


@pytest.mark.parametrize(
    ('attribute', 'value', 'stored'),
    [
        ('__description', 'for the shop', 'for the shop'),
        ('__support_xen', 'true', 'true'),
        ('__support_kvm', 'true', 'true'),
        ('__support_largememory', 'true', 'true'),
        ('__support_diskintensive', 'true', 'true'),
        ('__support_highperformance', 'true', 'true'),
        ('__support_xen_gpu_type', 'M60_vGPU', 'M60_vGPU'),
        ('__support_kvm_gpu_type', 'V100', 'V100'),
        ('__support_xen_hana', 'true', 'true'),
        ('__support_kvm_infiniband', 'true', 'true'),
        ('__support_fc_inject', 'true', 'true'),
        ('__support_amd', 'false', 'false'),
        ('__support_kvm_hi1822_hisriov', 'true', 'true'),
        ('__support_kvm_hi1822_hivirtionet', 'true', 'true'),
        ('__is_config_init', 'true', 'true'),
        ('enterprise_project_id', UNKNOWN, UNKNOWN),
        ('min_ram', '1024', 1024),
        ('max_ram', '4096', '4096'),
        ('hw_vif_multiqueue_enabled', 'true', 'true'),
        ('hw_firmware_type', 'uefi', 'uefi'),
        ('my.own_attribute', 'anything', 'anything'),
    ],
)
def test_an_attribute_can_be_added(
    alice: Client, attribute: str, value: str, stored: str | int
) -> None:
    image_id = alice.active_image(name='mine')
    answer = alice.patch(
        image_id, {'op': 'add', 'path': f'/{attribute}', 'value': value}
    )
    assert answer.status_code == 200, answer.text
    (image,) = alice.images(id=image_id)
    assert image[attribute] == stored


def test_an_extension_attribute_can_be_removed(alice: Client) -> None:
    image_id = alice.active_image(name='mine', colour='red')
    answer = alice.patch(image_id, {'op': 'remove', 'path': '/colour'})
    assert 'colour' not in answer.json()


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        ({'op': 'replace', 'path': '/name', 'value': ''}, 'IMG.0013'),
        ({'op': 'replace', 'path': '/name', 'value': 'x' * 129}, 'IMG.0002'),
        ({'op': 'replace', 'path': '/name', 'value': 'a*b'}, 'IMG.0003'),
        ({'op': 'replace', 'path': '/name', 'value': ' a'}, 'IMG.0003'),
        ({'op': 'replace', 'path': '/name', 'value': 7}, 'IMG.0003'),
        (
            {'op': 'add', 'path': '/__description', 'value': 'x' * 1025},
            'IMG.0004',
        ),
        ({'op': 'add', 'path': '/__description', 'value': '<b>'}, 'IMG.0054'),
        ({'op': 'add', 'path': '/min_ram', 'value': 'much'}, 'IMG.0055'),
        ({'op': 'add', 'path': '/max_ram', 'value': '-1'}, 'IMG.0055'),
        (
            {'op': 'add', 'path': '/hw_firmware_type', 'value': 'efi'},
            'IMG.0141',
        ),
        (
            {'op': 'add', 'path': '/enterprise_project_id', 'value': 'x'},
            'IMG.0155',
        ),
        ({'op': 'add', 'path': '/__support_xen', 'value': 'yes'}, 'IMG.0001'),
        ({'op': 'add', 'path': '/Colour', 'value': 'red'}, 'IMG.0001'),
        ({'op': 'add', 'path': 'colour', 'value': 'red'}, 'IMG.0001'),
        ({'op': 'add', 'path': '/a/b', 'value': 'red'}, 'IMG.0001'),
        ({'op': 'add', 'path': '/colour', 'value': ['red']}, 'IMG.0001'),
        ({'op': 'add', 'path': '/colour'}, 'IMG.0001'),
        ({'op': 'move', 'path': '/colour', 'value': 'red'}, 'IMG.0001'),
        ({'path': '/colour', 'value': 'red'}, 'IMG.0001'),
        ('colour', 'IMG.0001'),
        ({'op': 'replace', 'path': '/status', 'value': 'x'}, 'IMG.0105'),
        ({'op': 'replace', 'path': '/owner', 'value': 'x'}, 'IMG.0105'),
        ({'op': 'add', 'path': '/__imagetype', 'value': 'gold'}, 'IMG.0105'),
        ({'op': 'replace', 'path': '/min_disk', 'value': '1'}, 'IMG.0105'),
        ({'op': 'remove', 'path': '/name'}, 'IMG.0105'),
        ({'op': 'remove', 'path': '/colour'}, 'IMG.0035'),
        ({'op': 'replace', 'path': '/colour', 'value': 'red'}, 'IMG.0035'),
    ],
)
def test_a_bad_change_is_refused(
    alice: Client, change: dict[str, Any] | str, expected: str
) -> None:
    image_id = alice.active_image(name='mine')
    assert code(alice.patch(image_id, change)) == expected


def test_gpu_support_excludes_plain_support(alice: Client) -> None:
    image_id = alice.active_image(name='mine')
    answer = alice.patch(
        image_id,
        {'op': 'add', 'path': '/__support_kvm', 'value': 'true'},
        {'op': 'add', 'path': '/__support_kvm_gpu_type', 'value': 'V100'},
    )
    assert code(answer) == 'IMG.0035'


def test_an_arm_image_boots_with_uefi_only(alice: Client) -> None:
    image_id = alice.active_image(name='mine', __support_arm='true')
    answer = alice.patch(
        image_id, {'op': 'add', 'path': '/hw_firmware_type', 'value': 'bios'}
    )
    assert code(answer) == 'IMG.0141'


def test_of_several_changes_all_are_made_or_none(alice: Client) -> None:
    image_id = alice.active_image(name='old')
    alice.patch(
        image_id,
        {'op': 'replace', 'path': '/name', 'value': 'new'},
        {'op': 'remove', 'path': '/colour'},
    )
    assert alice.images(id=image_id)[0]['name'] == 'old'


def test_an_image_that_is_not_active_cannot_be_updated(alice: Client) -> None:
    image_id = alice.create_metadata(name='mine')
    answer = alice.patch(
        image_id, {'op': 'replace', 'path': '/name', 'value': 'new'}
    )
    assert code(answer) == 'IMG.0046'


def test_an_image_of_others_cannot_be_updated(
    alice: Client, bob: Client
) -> None:
    image_id = alice.active_image(name='offered')
    alice.share(image_id, bob)
    bob.answer_share(image_id, 'accepted')
    answer = bob.patch(
        image_id, {'op': 'replace', 'path': '/name', 'value': 'new'}
    )
    assert code(answer) == 'IMG.0047'


def test_an_image_that_one_cannot_see_does_not_exist(
    alice: Client, bob: Client
) -> None:
    image_id = alice.active_image(name='mine')
    answer = bob.patch(
        image_id, {'op': 'replace', 'path': '/name', 'value': 'new'}
    )
    assert code(answer) == 'IMG.0027'


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ('', 'IMG.0007'),
        ('[]', 'IMG.0007'),
        ('[', 'IMG.0001'),
        ('7', 'IMG.0001'),
    ],
)
def test_an_update_that_is_no_list_of_changes_is_refused(
    alice: Client, body: str, expected: str
) -> None:
    image_id = alice.active_image(name='mine')
    answer = alice.request('PATCH', f'/v2/cloudimages/{image_id}', data=body)
    assert code(answer) == expected


# ====== BOUNDS ======


@pytest.mark.parametrize('path', ['/v2/cloudimages', '/v1/cloudimages/tags'])
@pytest.mark.parametrize(
    'parameter', ['name', 'tag', '__whole_image', 'created_at']
)
def test_a_listing_takes_200_parameters(
    alice: Client, path: str, parameter: str
) -> None:
    values = {
        'tag': 'a=b',
        '__whole_image': 'false',
        'created_at': 'gt:2018-10-28T10:00:00Z',
    }
    value = values.get(parameter, 'x')
    assert alice.get(path, **{parameter: [value] * 200}).status_code == 200
    answer = alice.get(path, **{parameter: [value] * 1001})
    assert code(answer) == 'IMG.0017'


@pytest.mark.parametrize('path', ['/v2/cloudimages', '/v1/cloudimages/tags'])
def test_a_page_is_bounded(alice: Client, path: str) -> None:
    assert alice.get(path, limit=10_000).status_code == 200
    assert code(alice.get(path, limit=10_001)) == 'IMG.0017'


def test_the_id_of_a_project_to_share_with_is_bounded(alice: Client) -> None:
    answer = alice.request(
        'POST',
        '/v1/cloudimages/members',
        json={
            'images': [alice.active_image(name='mine')],
            'projects': ['p' * 256],
        },
    )
    assert code(answer) == 'IMG.0067'
