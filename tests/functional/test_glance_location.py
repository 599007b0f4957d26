# SPDX-License-Identifier: Apache-2.0
"""Administrators, community images, locations and deactivated images."""

from collections.abc import Iterator
import hashlib
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer

from .glance_cloud import Glance
from .glance_cloud import running

#: Neither text nor anything that has a name.
DATA = bytes(range(256)) * 6
OTHER = b'other data'


@pytest.fixture(scope='module')
def glance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glance]:
    """Give an emulator with a whole Glance."""
    folder = tmp_path_factory.mktemp('web')
    (folder / 'disk').write_bytes(DATA)
    (folder / 'other').write_bytes(OTHER)
    with running(folder) as glance:
        yield glance


def add(url: str, position: str = '-', **others: Any) -> dict[str, Any]:
    location = {'url': url, 'metadata': {}, **others}
    return {'op': 'add', 'path': f'/locations/{position}', 'value': location}


def remove(position: int) -> dict[str, Any]:
    return {'op': 'remove', 'path': f'/locations/{position}'}


# ====== LOCATIONS ======


def test_an_image_without_data_has_no_location(glance: Glance) -> None:
    image = glance.show(glance.image())
    assert image['locations'] == []
    assert 'direct_url' not in image


def test_an_uploaded_image_has_one_that_is_no_path_of_the_machine(
    glance: Glance,
) -> None:
    image_id = glance.image()
    glance.upload(image_id, DATA)
    image = glance.show(image_id)
    url = f'file:///fast/{image_id}'
    assert (image['direct_url'], image['locations']) == (
        url,
        [{'url': url, 'metadata': {'store': 'fast'}}],
    )


def test_data_on_the_web_is_an_images(glance: Glance) -> None:
    image_id = glance.image()
    url = f'{glance.web}/disk'
    answer = glance.patch(image_id, add(url))
    image = glance.show(image_id)
    assert (
        answer.status_code,
        image['status'],
        image['size'],
        image['stores'],
        image['locations'][0]['url'],
    ) == (200, 'active', len(DATA), 'web', url)
    assert glance.alice.get(f'/v2/images/{image_id}/file').content == DATA


def test_a_location_of_the_machine_is_refused(glance: Glance) -> None:
    image_id = glance.image()
    answer = glance.patch(image_id, add('file:///etc/passwd'))
    assert answer.status_code == 400
    assert glance.show(image_id)['status'] == 'queued'


def test_locations_come_in_their_order(glance: Glance) -> None:
    image_id = glance.image()
    web = glance.web
    answer = glance.patch(
        image_id,
        add(f'{web}/disk'),
        add(f'{web}/disk#b'),
        add(f'{web}/disk#a', '0'),
    )
    assert [each['url'] for each in answer.json()['locations']] == [
        f'{web}/disk#a',
        f'{web}/disk',
        f'{web}/disk#b',
    ]


@pytest.mark.parametrize(
    ('change', 'status'),
    [
        ({'op': 'add', 'path': '/locations', 'value': {}}, 400),
        ({'op': 'add', 'path': '/locations/-', 'value': {}}, 400),
        ({'op': 'add', 'path': '/locations/-', 'value': 'x'}, 400),
        ({'op': 'add', 'path': '/locations/-'}, 400),
        ({'op': 'replace', 'path': '/locations/0', 'value': []}, 400),
        ({'op': 'replace', 'path': '/locations', 'value': 'x'}, 400),
        ({'op': 'replace', 'path': '/locations', 'value': []}, 403),
        ({'op': 'remove', 'path': '/locations'}, 400),
        (remove(0), 403),
    ],
    ids=str,
)
def test_a_change_of_locations_that_makes_no_sense_is_refused(
    glance: Glance, change: Any, status: int
) -> None:
    image_id = glance.image()
    glance.patch(image_id, add(f'{glance.web}/disk'))
    before = glance.show(image_id)
    assert glance.patch(image_id, change).status_code == status
    assert glance.show(image_id)['locations'] == before['locations']


def test_a_location_is_there_once(glance: Glance) -> None:
    image_id = glance.image()
    glance.patch(image_id, add(f'{glance.web}/disk'))
    answer = glance.patch(image_id, add(f'{glance.web}/disk'))
    assert answer.status_code == 400


def test_an_administrator_removes_all_but_the_last(glance: Glance) -> None:
    image_id = glance.image()
    web = glance.web
    glance.patch(image_id, add(f'{web}/disk'), add(f'{web}/other'))
    statuses = [
        glance.patch(image_id, remove(0), client=client).status_code
        for client in (glance.alice, glance.admin, glance.admin)
    ]
    assert statuses == [403, 200, 403]
    assert glance.show(image_id)['direct_url'] == f'{web}/other'


def test_what_the_data_is_can_be_said_once(glance: Glance) -> None:
    said = {
        'checksum': hashlib.md5(DATA, usedforsecurity=False).hexdigest(),
        'os_hash_algo': 'sha512',
        'os_hash_value': hashlib.sha512(DATA).hexdigest(),
    }
    image_id = glance.image()
    web = glance.web
    glance.patch(image_id, add(f'{web}/disk', validation_data=said))
    image = glance.show(image_id)
    assert {name: image[name] for name in said} == said
    same = glance.patch(image_id, add(f'{web}/disk#b', validation_data=said))
    said['checksum'] = '0' * 32
    other = glance.patch(image_id, add(f'{web}/disk#c', validation_data=said))
    assert (same.status_code, other.status_code) == (200, 409)


# ====== LOCATIONS THAT ARE LOOKED INTO ======


def locate(glance: Glance, image_id: str, **body: Any) -> int:
    answer = glance.alice.request(
        'POST', f'/v2/images/{image_id}/locations', json=body
    )
    return answer.status_code


def test_data_on_the_web_is_read_for_its_digests(glance: Glance) -> None:
    image_id = glance.image()
    assert locate(glance, image_id, url=f'{glance.web}/disk') == 202
    assert glance.task(image_id)['type'] == 'location_import'
    image = glance.show(image_id)
    assert (
        image['status'],
        image['size'],
        image['os_hash_value'],
        image['stores'],
    ) == ('active', len(DATA), hashlib.sha512(DATA).hexdigest(), 'web')


def test_data_on_the_web_is_copied_to_a_store(glance: Glance) -> None:
    image_id = glance.image()
    locate(glance, image_id, url=f'{glance.web}/disk')
    glance.task(image_id)
    glance.begin(image_id, 'copy-image', glance.admin, stores=['slow'])
    assert glance.task(image_id)['type'] == 'api_image_import'
    glance.admin.request('DELETE', f'/v2/stores/web/{image_id}')
    assert glance.show(image_id)['stores'] == 'slow'
    assert glance.alice.get(f'/v2/images/{image_id}/file').content == DATA


def test_data_that_is_not_what_was_said_is_no_images(glance: Glance) -> None:
    image_id = glance.image()
    said = {'os_hash_algo': 'sha256', 'os_hash_value': '00' * 32}
    url = f'{glance.web}/disk'
    assert locate(glance, image_id, url=url, validation_data=said) == 202
    assert glance.task(image_id)['status'] == 'failure'
    image = glance.show(image_id)
    assert (image['status'], image['os_hash_value']) == ('queued', None)


@pytest.mark.parametrize(
    'said',
    [
        {'os_hash_value': '00' * 64},
        {'os_hash_algo': 'sha512'},
        {'os_hash_algo': 'sha123', 'os_hash_value': '00' * 64},
        {'os_hash_algo': 'sha512', 'os_hash_value': '00' * 32},
        {'os_hash_algo': 'shake_128', 'os_hash_value': ''},
        {'os_hash_algo': 'sha512', 'os_hash_value': 'no digits'},
    ],
    ids=str,
)
def test_a_digest_that_is_none_is_refused(glance: Glance, said: Any) -> None:
    url = f'{glance.web}/disk'
    image_id = glance.image()
    assert locate(glance, image_id, url=url, validation_data=said) == 400


def test_an_image_with_data_gets_no_location(glance: Glance) -> None:
    image_id = glance.image()
    glance.upload(image_id, DATA)
    assert locate(glance, image_id, url=f'{glance.web}/disk') == 409


def test_locations_are_listed_to_administrators(glance: Glance) -> None:
    image_id = glance.image()
    glance.upload(image_id, DATA)
    path = f'/v2/images/{image_id}/locations'
    assert glance.alice.get(path).status_code == 403
    expected = glance.show(image_id)['locations']
    assert glance.admin.get(path).json() == expected


# ====== DEACTIVATED ======


def test_nobody_has_the_data_of_a_deactivated_image(glance: Glance) -> None:
    image_id = glance.image()
    glance.upload(image_id, DATA)
    path = f'/v2/images/{image_id}'
    actions = f'{path}/actions'
    assert glance.alice.request(
        'POST', f'{actions}/deactivate'
    ).status_code == 204  # fmt: skip
    assert glance.show(image_id)['status'] == 'deactivated'
    statuses = [
        client.get(f'{path}/file').status_code
        for client in (glance.alice, glance.admin)
    ]
    glance.alice.request('POST', f'{actions}/reactivate')
    assert (statuses, glance.show(image_id)['status']) == (
        [403, 200],
        'active',
    )


def test_an_image_without_data_is_not_deactivated(glance: Glance) -> None:
    path = f'/v2/images/{glance.image()}/actions/deactivate'
    assert glance.alice.request('POST', path).status_code == 403
    assert glance.bob.request('POST', path).status_code == 404


# ====== WHO SEES WHAT ======


def test_a_community_image_is_found_by_who_knows_it(glance: Glance) -> None:
    image_id = glance.image(visibility='community', name='common')

    def lists(**query: str) -> bool:
        answer = glance.bob.get('/v2/images', **query).json()
        return image_id in [each['id'] for each in answer['images']]

    assert (
        glance.bob.get(f'/v2/images/{image_id}').status_code,
        lists(),
        lists(visibility='community'),
        lists(visibility='all'),
    ) == (200, False, True, True)
    answer = glance.bob.request('DELETE', f'/v2/images/{image_id}')
    assert answer.status_code == 403


def test_an_administrator_has_all_images(glance: Glance) -> None:
    image_id = glance.image()
    path = f'/v2/images/{image_id}'
    listed = glance.admin.get('/v2/images', limit=1000).json()['images']
    assert image_id in [each['id'] for each in listed]
    change = {'op': 'replace', 'path': '/visibility', 'value': 'public'}
    mine = glance.patch(image_id, change).status_code
    theirs = glance.patch(image_id, change, client=glance.admin).status_code
    assert (mine, theirs) == (403, 200)
    assert glance.bob.get(path).status_code == 200
    assert glance.admin.request('DELETE', path).status_code == 204


def test_an_administrator_gives_images_away(glance: Glance) -> None:
    owner = glance.bob.project_id
    image_id = glance.image(glance.admin, owner=owner)
    assert glance.bob.get(f'/v2/images/{image_id}').json()['owner'] == owner
    change = {'op': 'replace', 'path': '/owner', 'value': 'somebody'}
    mine = glance.patch(image_id, change, client=glance.bob).status_code
    theirs = glance.patch(image_id, change, client=glance.admin).status_code
    assert (mine, theirs) == (403, 200)


def test_there_is_no_administrator_otherwise(
    quick_emulator: EmulatorServer,
) -> None:
    assert 'admin' not in quick_emulator.clouds()['clouds']


@pytest.mark.parametrize('disk_format', ['ami', 'ploop'])
def test_there_are_more_formats(glance: Glance, disk_format: str) -> None:
    image_id = glance.image(disk_format=disk_format, container_format='ami')
    image = glance.show(image_id)
    assert (image['disk_format'], image['container_format']) == (
        disk_format,
        'ami',
    )


def test_the_versions_are_glances(glance: Glance) -> None:
    versions = glance.alice.get('/versions').json()['versions']
    found = {each['id']: each['status'] for each in versions}
    assert (len(found), found['v2.18'], found['v2.0']) == (
        19,
        'CURRENT',
        'SUPPORTED',
    )
