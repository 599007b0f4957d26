# SPDX-License-Identifier: Apache-2.0
"""The service itself: endpoint, versions, schemas, tokens, errors."""

from collections.abc import Callable
from typing import Any

from keystoneauth1 import discover
from openstack import connection
import pytest
import requests

from ims_ext import exceptions

from .clouds import Cloud

# ====== ENDPOINT AND VERSIONS ======


def test_the_catalogs_image_service_is_the_endpoint(
    alice: connection.Connection,
) -> None:
    types = {each['type'] for each in alice.service_catalog}
    endpoint = alice.session.get_endpoint(service_type='image')
    assert 'ims' not in types
    assert endpoint.startswith(alice.ims.root_url())


def test_the_openstack_proxy_lists_the_same(
    alice: connection.Connection,
) -> None:
    ids = [
        [image.id for image in proxy.images()]
        for proxy in (alice.image, alice.ims)
    ]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(('path', 'status'), [('/', 300), ('/versions', 200)])
def test_versions_are_listed_without_a_token(
    alice: connection.Connection, path: str, status: int
) -> None:
    answer = requests.get(alice.ims.root_url() + path, timeout=30)
    versions = answer.json()['versions']
    assert (answer.status_code, [sorted(each) for each in versions]) == (
        status,
        [['id', 'links', 'status']] * len(versions),
    )


def test_one_version_is_the_current_one(alice: connection.Connection) -> None:
    current = [
        version.id
        for version in alice.ims.api_versions()
        if version.status == 'CURRENT'
    ]
    # The clouds document v2.2; a new Glance has come further.
    assert len(current) == 1
    assert current[0].startswith('v2.')


def test_a_version_says_where_it_is(alice: connection.Connection) -> None:
    version = next(alice.ims.api_versions())
    assert version.url == f'{alice.ims.root_url()}/v2/'


def test_discovery_finds_version_2(alice: connection.Connection) -> None:
    root = alice.ims.root_url()
    found = discover.Discover(alice.session, root)
    assert found.url_for('2') == f'{root}/v2/'


def test_one_version_has_a_document_of_its_own(
    cloud: Cloud, alice: connection.Connection
) -> None:
    # The reference has GET /v2.0; to Glance, that is no path at all.
    if cloud.is_emulator:
        assert alice.ims.get_api_version('v2.0').id == 'v2.0'
    else:
        with pytest.raises(exceptions.NotFoundError):
            alice.ims.get_api_version('v2.0')


# ====== SCHEMAS ======

#: The attributes of an image that Glance and the reference both have.
IMAGE_TYPES = {
    'id': 'string',
    'status': 'string',
    'visibility': 'string',
    'protected': 'boolean',
    'os_hidden': 'boolean',
    'created_at': 'string',
    'updated_at': 'string',
    'min_disk': 'integer',
    'min_ram': 'integer',
    'tags': 'array',
    'self': 'string',
    'file': 'string',
    'schema': 'string',
    'name': ['null', 'string'],
    'checksum': ['null', 'string'],
    'os_hash_algo': ['null', 'string'],
    'os_hash_value': ['null', 'string'],
    'size': ['null', 'integer'],
    'virtual_size': ['null', 'integer'],
}
MEMBER_TYPES = {
    'image_id': 'string',
    'member_id': 'string',
    'status': 'string',
    'created_at': 'string',
    'updated_at': 'string',
    'schema': 'string',
}
#: What no client may set.
READ_ONLY = {
    'status',
    'created_at',
    'updated_at',
    'checksum',
    'os_hash_algo',
    'os_hash_value',
    'size',
    'virtual_size',
    'self',
    'file',
    'schema',
}


def types(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: each.get('type') for name, each in properties.items()}


def test_the_schema_of_an_image_has_the_attributes_types(
    alice: connection.Connection,
) -> None:
    found = types(alice.ims.get_image_schema().properties)
    assert {name: found.get(name) for name in IMAGE_TYPES} == IMAGE_TYPES


def test_the_schema_of_an_image_says_what_cannot_be_set(
    alice: connection.Connection,
) -> None:
    properties = alice.ims.get_image_schema().properties
    found = {name for name in IMAGE_TYPES if properties[name].get('readOnly')}
    assert found == READ_ONLY


def test_other_attributes_of_an_image_are_strings(
    alice: connection.Connection,
) -> None:
    schema = alice.ims.get_image_schema()
    assert schema.additional_properties == {'type': 'string'}


def test_the_schema_of_a_list_of_images_has_the_schema_of_an_image(
    alice: connection.Connection,
) -> None:
    properties = alice.ims.get_images_schema().properties
    assert (
        sorted(properties),
        properties['images']['items']['properties'],
    ) == (
        ['first', 'images', 'next', 'schema'],
        alice.ims.get_image_schema().properties,
    )


def test_the_schema_of_a_member_has_the_attributes_types(
    alice: connection.Connection,
) -> None:
    found = types(alice.ims.get_member_schema().properties)
    assert found == MEMBER_TYPES


def test_the_schema_of_a_member_says_what_cannot_be_set(
    alice: connection.Connection,
) -> None:
    properties = alice.ims.get_member_schema().properties
    found = [name for name in properties if properties[name].get('readOnly')]
    assert found == ['schema']


def test_the_schema_of_a_list_of_members_has_the_schema_of_a_member(
    alice: connection.Connection,
) -> None:
    properties = alice.ims.get_members_schema().properties
    assert (
        sorted(properties),
        properties['members']['items']['properties'],
    ) == (['members', 'schema'], alice.ims.get_member_schema().properties)


@pytest.mark.parametrize(
    ('name', 'rels'),
    [
        ('image', ['describedby', 'enclosure', 'self']),
        ('images', ['describedby', 'first', 'next']),
        ('members', ['describedby']),
    ],
)
def test_a_schema_names_its_links(
    alice: connection.Connection, name: str, rels: list[str]
) -> None:
    schema = alice.ims.get(f'/schemas/{name}').json()
    assert (schema['name'], sorted(e['rel'] for e in schema['links'])) == (
        name,
        rels,
    )


def test_an_image_follows_its_schema(
    alice: connection.Connection, make_image: Callable[..., Any]
) -> None:
    image = make_image()
    names = set(alice.ims.get(f'/images/{image.id}').json())
    documented = set(alice.ims.get_image_schema().properties)
    # openstacksdk adds these to what it creates.
    own = {name for name in names if name.startswith('owner_specified.')}
    assert names - own <= documented


# ====== REFUSALS ======


@pytest.mark.parametrize('headers', [{}, {'X-Auth-Token': 'none'}], ids=str)
def test_without_a_token_nothing_is_listed(
    alice: connection.Connection, headers: dict[str, str]
) -> None:
    answer = requests.get(
        alice.ims.get_endpoint() + '/images', headers=headers, timeout=30
    )
    assert answer.status_code == 401


def test_a_path_that_is_none_is_not_found(
    alice: connection.Connection,
) -> None:
    assert alice.ims.get('/nothing').status_code == 404


@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('POST', '/schemas/image'),
        ('PUT', '/images'),
        ('DELETE', '/images'),
    ],
)
def test_a_method_that_a_path_does_not_have_is_refused(
    alice: connection.Connection, method: str, path: str
) -> None:
    assert alice.ims.request(path, method).status_code == 405


def test_an_error_has_the_page_in_words(
    alice: connection.Connection, unknown_id: str
) -> None:
    with pytest.raises(exceptions.NotFoundError) as caught:
        alice.ims.get_image(unknown_id)
    assert f'No image found with ID {unknown_id}' in str(caught.value)
