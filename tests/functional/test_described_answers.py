# SPDX-License-Identifier: Apache-2.0
"""Real answers are as the emulator's OpenAPI document says."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import pytest
import requests

from ims_ext.emulator.server import EmulatorServer

from ..described_cloud import Described
from ..described_cloud import document_of
from .plain_http import Client
from .plain_http import disk

#: Values of parameters in paths that no list tells.
KNOWN = {'version': 'v2', 'type_id': 'default'}
#: Lists that tell IDs, by the parameter that takes them.
LISTS = {
    'server_id': ('compute', '/v2.1/servers', 'servers'),
    'flavor_id': ('compute', '/v2.1/flavors', 'flavors'),
    'volume_id': ('block-storage', '/v3/volumes', 'volumes'),
    'role_id': ('identity', '/v3/roles', 'roles'),
    'region_id': ('identity', '/v3/regions', 'regions'),
    'service_id': ('identity', '/v3/services', 'services'),
    'endpoint_id': ('identity', '/v3/endpoints', 'endpoints'),
    'domain_id': ('identity', '/v3/domains', 'domains'),
}
ABOUT_IMAGES = {'image_id', 'member_id', 'job_id', 'tag', 'key'}


@pytest.fixture(scope='module')
def cloud() -> Iterator[EmulatorServer]:
    with EmulatorServer(job_seconds=0.05, glance='documented') as server:
        yield server


@pytest.fixture(scope='module')
def described(cloud: EmulatorServer) -> Described:
    """Give the document of the emulator."""
    return Described(document_of(cloud))


def user(cloud: EmulatorServer, described: Described, name: str) -> Client:
    """Return a user all of whose answers are held against the document."""
    client = Client(cloud, name)
    client._session.hooks['response'].append(described.check)
    return client


@pytest.fixture(scope='module')
def alice(cloud: EmulatorServer, described: Described) -> Client:
    return user(cloud, described, 'alice')


@pytest.fixture(scope='module')
def bob(cloud: EmulatorServer, described: Described) -> Client:
    return user(cloud, described, 'bob')


def new_image(alice: Client, job: requests.Response) -> str:
    """Return the image that a job has made."""
    ended = alice.finish(job)
    assert ended['status'] == 'SUCCESS', ended
    job_id = ended['job_id']
    assert alice.get(f'/v1/cloudimages/job/{job_id}').status_code == 200
    return str(ended['entities']['image_id'])


def make_images(alice: Client, directory: Path) -> str:
    """Make images in all ways; return one that was imported."""
    alice.put('disk.qcow2', disk(directory, 'qcow2'))
    alice.put('disk.raw', disk(directory, 'raw', 2**20))
    image_id = new_image(alice, alice.create(tags=['a.b'], description='x'))
    new_image(alice, alice.quick_import())
    data = {'name': 'd', 'image_url': 'images:disk.qcow2', 'min_disk': 40}
    for version in ('v1', 'v2.1'):
        path = f'/{version}/cloudimages/dataimages/action'
        new_image(alice, alice.request('POST', path, json=data))
        path = f'/{version}/cloudimages/{image_id}/copy'
        new_image(alice, alice.request('POST', path, json={'name': version}))
        path = f'/{version}/cloudimages/{image_id}/file'
        target = {'bucket_url': f'images:{version}', 'file_format': 'qcow2'}
        alice.finish(alice.request('POST', path, json=target))
    good = {'name': 'safe', 'os_version': 'Ubuntu 18.04 server 64bit'}
    path = '/v2.1/cloudimages/action'
    body = {**good, 'image_url': 'images:disk.qcow2', 'min_disk': 40}
    new_image(alice, alice.request('POST', path, json=body))
    body = {**good, 'image_url': 'images:disk.raw', 'min_disk': 40}
    path = '/v2.1/cloudimages/quickimport/action'
    new_image(alice, alice.request('POST', path, json=body))
    return image_id


def change(alice: Client, image_id: str) -> None:
    """Give an image attributes and tags, and take them away."""
    entry = {'op': 'replace', 'path': '/name', 'value': 'new'}
    alice.patch(image_id, entry)
    alice.request(
        'PATCH',
        f'/v2/images/{image_id}',
        json=[entry],
        headers={
            'Content-Type': 'application/openstack-images-v2.1-json-patch'
        },
    )
    native = f'/v2/images/{image_id}/tags/blue'
    tag = {'key': 'colour', 'value': 'red'}
    own = f'/v2/{alice.project_id}/images/{image_id}/tags'
    several = f'/v1/{alice.project_id}/cloudimages/{image_id}/tags/delete'
    for method, path, body in (
        ('PUT', native, None),
        ('DELETE', native, None),
        ('PUT', '/v1/cloudimages/tags', {'image_id': image_id, 'tag': 'x.y'}),
        ('POST', own, {'tag': tag}),
        ('POST', f'{own}/action', {'action': 'create', 'tags': [tag]}),
        ('DELETE', f'{own}/colour', None),
        ('POST', own, {'tag': tag}),
        ('DELETE', several, {'tags': [tag]}),
        ('POST', own, {'tag': tag}),
        (
            'POST',
            f'/v2/{alice.project_id}/images/resource_instances/action',
            {'action': 'filter', 'tags': [{'key': 'colour', 'values': []}]},
        ),
        (
            'POST',
            f'/v2/{alice.project_id}/images/resource_instances/action',
            {'action': 'count'},
        ),
    ):
        answer = alice.request(method, path, json=body)
        assert answer.ok, (method, path, answer.text)


def share(alice: Client, bob: Client, image_id: str) -> None:
    """Share an image in both ways, and end that."""
    pairs = {'images': [image_id], 'projects': [bob.project_id]}
    members = '/v1/cloudimages/members'
    alice.finish(alice.request('POST', members, json=pairs))
    reply = {
        'images': [image_id],
        'project_id': bob.project_id,
        'status': 'accepted',
    }
    bob.finish(bob.request('PUT', members, json=reply))
    of_image = f'/v1/{alice.project_id}/cloudimages/{image_id}/members'
    for path in (of_image, f'/v2/images/{image_id}/members'):
        assert alice.get(path).json()['members']
        assert alice.get(f'{path}/{bob.project_id}').ok
    alice.finish(alice.request('DELETE', members, json=pairs))
    alice.share(image_id, bob)
    bob.answer_share(image_id, 'rejected')
    native = f'/v2/images/{image_id}/members/{bob.project_id}'
    assert alice.request('DELETE', native).status_code == 204


def make_natively(alice: Client) -> None:
    """Make images natively, and register an object for one."""
    image_id = alice.active_image(name='native')
    assert alice.get(f'/v2/images/{image_id}/file').content == b'data'
    assert alice.request('HEAD', f'/v1/images/{image_id}').ok
    assert alice.request('DELETE', f'/v2/images/{image_id}').ok
    image_id = alice.create_metadata(
        name='registered',
        disk_format='qcow2',
        min_disk=40,
        __os_version='Ubuntu 18.04 server 64bit',
    )
    alice.finish(alice.register(image_id, 'images:disk.qcow2'))
    assert alice.request('DELETE', f'/v1.1/images/{image_id}').ok


def use_servers(alice: Client) -> None:
    """Make images of servers, and refuse what cannot be."""
    vault = alice.cbr('GET', '/vaults').json()['vaults'][0]
    body = {'name': 's', 'instance_id': vault['resources'][0]['id']}
    path = '/v2/cloudimages/action'
    new_image(alice, alice.request('POST', path, json=body))
    path = '/v1/cloudimages/wholeimages/action'
    whole = {**body, 'vault_id': vault['id']}
    answer = alice.request('POST', path, json=whole)
    alice.finish(answer)


def test_every_documented_operation_answers_as_described(
    described: Described, alice: Client, bob: Client, tmp_path: Path
) -> None:
    image_id = make_images(alice, tmp_path)
    change(alice, image_id)
    share(alice, bob, image_id)
    make_natively(alice)
    use_servers(alice)
    agency = {
        'name': 'copied',
        'region': 'elsewhere',
        'project_name': 'elsewhere',
        'agency_name': 'none',
    }
    path = f'/v1/cloudimages/{image_id}/cross_region_copy'
    assert alice.request('POST', path, json=agency).status_code == 400
    read_all(described, alice, image_id)

    image = described.document['servers'][0]['url']
    missing = {
        f'{method} {path}'
        for method, path, _ in described.operations()
        if described.document['paths'][path]['servers'][0]['url'] == image
    } - described.seen
    # One region has no other to copy to.
    assert missing == {'POST /v1/cloudimages/{image_id}/cross_region_copy'}


def read_all(described: Described, alice: Client, image_id: str) -> None:
    """Read everything that can be read with what lists tell."""
    values = {
        **KNOWN,
        'image_id': image_id,
        'project_id': alice.project_id,
        'user_id': alice.user_id,
    }
    for name, (service, path, key) in LISTS.items():
        listed = alice._session.get(alice.root(service) + path).json()[key]
        values[name] = listed[0]['id']
    for method, path, said in [*described.operations()]:
        names = {*re.findall(r'{(\w+)}', path)}
        if (
            method == 'GET'
            and names <= {*values}
            and 'bucket' not in said['tags']
        ):
            item: Any = described.document['paths'][path]
            url = item['servers'][0]['url'] + path.format(**values)
            answer = alice._session.get(
                url, headers={'X-Subject-Token': alice.token}, timeout=60
            )
            assert answer.status_code < 500, (url, answer.text)


def test_refusals_are_as_described(
    described: Described, alice: Client
) -> None:
    for method, path, said in [*described.operations()]:
        if 'bucket' in said['tags'] or path.startswith('/v2/schemas'):
            continue
        item: Any = described.document['paths'][path]
        url = item['servers'][0]['url'] + re.sub(r'{\w+}', 'nothing', path)
        alice._session.request(method, url, data='[', timeout=60)
        described.check(requests.request(method, url, timeout=60))
