# SPDX-License-Identifier: Apache-2.0
"""Metadata definitions: namespaces, and what is in them."""

from collections.abc import Iterator
from typing import Any
import uuid

import pytest

from .clouds import WholeGlance

PATH = '/metadefs/namespaces'
PROPERTY = {'title': 'Speed', 'type': 'string', 'enum': ['88mph']}


@pytest.fixture
def name(glance: WholeGlance) -> Iterator[str]:
    """Give the name of a public namespace, gone after the test."""
    name = f'namespace-{uuid.uuid4()}'
    answer = glance.send(
        'admin',
        'POST',
        PATH,
        json={'namespace': name, 'visibility': 'public'},
    )
    assert answer.status_code == 201, answer.text
    yield name
    glance.send('admin', 'PUT', f'{PATH}/{name}', json={'namespace': name})
    glance.send('admin', 'DELETE', f'{PATH}/{name}')


def test_a_namespace_has_all_that_is_in_it(glance: WholeGlance) -> None:
    name = f'namespace-{uuid.uuid4()}'
    body = {
        'namespace': name,
        'description': 'All of it',
        'visibility': 'public',
        'resource_type_associations': [
            {'name': 'OS::Glance::Image', 'prefix': 'hw_'}
        ],
        'properties': {'speed': PROPERTY},
        'objects': [
            {'name': 'car', 'required': ['a'], 'properties': {'a': PROPERTY}}
        ],
        'tags': [{'name': 'fast'}],
    }
    made = glance.send('admin', 'POST', PATH, json=body)
    path = f'{PATH}/{name}'
    shown = glance.send('alice', 'GET', path).json()
    prefixed = glance.send(
        'alice', 'GET', f'{path}?resource_type=OS::Glance::Image'
    ).json()
    gone = glance.send('admin', 'DELETE', path)
    assert (made.status_code, gone.status_code) == (201, 204)
    assert made.headers['Location'].endswith(f'/v2{path}')
    assert set(shown) == {
        *body,
        'owner',
        'protected',
        'created_at',
        'updated_at',
        'self',
        'schema',
    }
    assert set(made.json()) == set(shown)
    assert shown['properties'] == {'speed': PROPERTY}
    assert shown['tags'] == [{'name': 'fast'}]
    (kept,) = shown['objects']
    assert set(kept) == {
        'name',
        'required',
        'properties',
        'created_at',
        'updated_at',
        'self',
        'schema',
    }
    assert set(prefixed['properties']) == {'hw_speed'}
    assert prefixed['objects'][0]['required'] == ['hw_a']
    assert set(prefixed['objects'][0]['properties']) == {'hw_a'}


@pytest.mark.parametrize(
    ('user', 'body', 'status'),
    [
        ('alice', {'namespace': 'x'}, 403),
        ('admin', {}, 400),
        ('admin', {'namespace': 1}, 400),
        ('admin', {'namespace': 'x' * 81}, 400),
        ('admin', {'namespace': 'x', 'visibility': 'shared'}, 400),
        ('admin', {'namespace': 'x', 'protected': 'yes'}, 400),
        ('admin', {'namespace': 'x', 'description': 'x' * 501}, 400),
        ('admin', {'namespace': 'x', 'own': 'x'}, 400),
        ('admin', {'namespace': 'x', 'self': 'x'}, 403),
        ('admin', {'namespace': 'x', 'created_at': 'x'}, 403),
        ('admin', {'namespace': 'x', 'properties': {'a': {}}}, 400),
    ],
    ids=str,
)
def test_a_namespace_that_makes_no_sense_is_refused(
    glance: WholeGlance, user: str, body: Any, status: int
) -> None:
    assert glance.send(user, 'POST', PATH, json=body).status_code == status


def test_a_name_is_one_namespaces(glance: WholeGlance, name: str) -> None:
    answer = glance.send('admin', 'POST', PATH, json={'namespace': name})
    assert answer.status_code == 409


def test_who_may_not_read_a_namespace_does_not_find_it(
    glance: WholeGlance, name: str
) -> None:
    body = {'namespace': name, 'visibility': 'private'}
    glance.send('admin', 'PUT', f'{PATH}/{name}', json=body)
    for path in ('', '/objects', '/properties', '/tags', '/resource_types'):
        answer = glance.send('alice', 'GET', f'{PATH}/{name}{path}')
        assert answer.status_code == 404
    listed = glance.send('alice', 'GET', f'{PATH}?limit=1000').json()
    assert name not in [each['namespace'] for each in listed['namespaces']]


def test_who_is_no_administrator_changes_nothing(
    glance: WholeGlance, name: str
) -> None:
    statuses = [
        glance.send('alice', method, f'{PATH}/{name}{path}', json=body)
        for method, path, body in (
            ('PUT', '', {'namespace': name}),
            ('DELETE', '', None),
            ('POST', '/objects', {'name': 'x'}),
            ('POST', '/tags', {'tags': []}),
            ('POST', '/tags/x', None),
            ('POST', '/properties', {'name': 'x', **PROPERTY}),
            ('POST', '/resource_types', {'name': 'OS::Nova::Flavor'}),
        )
    ]
    assert [each.status_code for each in statuses] == [403] * 7


def test_an_update_says_all_anew(glance: WholeGlance, name: str) -> None:
    body = {'namespace': name, 'display_name': 'Shown'}
    answer = glance.send('admin', 'PUT', f'{PATH}/{name}', json=body)
    shown = answer.json()
    assert (
        answer.status_code,
        shown['display_name'],
        shown['visibility'],
        shown['protected'],
    ) == (200, 'Shown', 'private', False)


def test_nothing_of_a_protected_namespace_is_deleted(
    glance: WholeGlance, name: str
) -> None:
    path = f'{PATH}/{name}'
    for kind in ('objects', 'properties'):
        body = {'name': 'x', **(PROPERTY if kind == 'properties' else {})}
        glance.send('admin', 'POST', f'{path}/{kind}', json=body)
    glance.send('admin', 'POST', f'{path}/tags/x')
    glance.send(
        'admin', 'PUT', path, json={'namespace': name, 'protected': True}
    )
    paths = ('', '/objects/x', '/properties/x', '/tags/x', '/objects', '/tags')
    statuses = [
        glance.send('admin', 'DELETE', f'{path}{each}').status_code
        for each in paths
    ]
    assert statuses == [403] * 6


@pytest.mark.parametrize(
    ('kind', 'body', 'keys'),
    [
        (
            'objects',
            {'name': 'x', 'description': 'x'},
            {
                'name',
                'description',
                'created_at',
                'updated_at',
                'self',
                'schema',
            },
        ),
        (
            'properties',
            {'name': 'x', **PROPERTY},
            {'name', 'title', 'type', 'enum'},
        ),
    ],
)
def test_a_part_is_added_shown_changed_and_deleted(
    glance: WholeGlance,
    name: str,
    kind: str,
    body: dict[str, Any],
    keys: set[str],
) -> None:
    path = f'{PATH}/{name}/{kind}'
    made = glance.send('admin', 'POST', path, json=body)
    again = glance.send('admin', 'POST', path, json=body)
    shown = glance.send('alice', 'GET', f'{path}/x')
    renamed = glance.send(
        'admin', 'PUT', f'{path}/x', json={**body, 'name': 'y'}
    )
    statuses = [
        glance.send('admin', method, f'{path}/{each}').status_code
        for method, each in (
            ('GET', 'x'),
            ('GET', 'y'),
            ('DELETE', 'y'),
            ('DELETE', 'y'),
        )
    ]
    assert (made.status_code, again.status_code, renamed.status_code) == (
        201,
        409,
        200,
    )
    assert set(made.json()) == set(renamed.json()) == keys
    more = {'required', 'properties'} if kind == 'objects' else set()
    assert set(shown.json()) == keys | more
    assert statuses == [404, 200, 204, 404]


def test_properties_are_listed_by_their_names(
    glance: WholeGlance, name: str
) -> None:
    path = f'{PATH}/{name}/properties'
    glance.send('admin', 'POST', path, json={'name': 'x', **PROPERTY})
    listed = glance.send('alice', 'GET', path).json()
    del listed['properties']['x']['type']
    assert set(listed) == {'properties'}
    assert set(listed['properties']) == {'x'}


def test_objects_are_listed(glance: WholeGlance, name: str) -> None:
    path = f'{PATH}/{name}/objects'
    glance.send('admin', 'POST', path, json={'name': 'x'})
    listed = glance.send('alice', 'GET', path).json()
    assert [each['name'] for each in listed['objects']] == ['x']
    assert listed['schema'] == 'v2/schemas/metadefs/objects'


def test_tags_are_replaced_or_added_to(glance: WholeGlance, name: str) -> None:
    path = f'{PATH}/{name}/tags'

    def tags() -> list[str]:
        listed = glance.send('alice', 'GET', path).json()['tags']
        return sorted(each['name'] for each in listed)

    found = []
    for names, headers in (
        (['a', 'b'], {}),
        (['c'], {}),
        (['d'], {'X-Openstack-Append': 'True'}),
    ):
        body = {'tags': [{'name': each} for each in names]}
        answer = glance.send('admin', 'POST', path, json=body, headers=headers)
        assert answer.status_code == 201
        assert answer.json()['tags'] == body['tags']
        found.append(tags())
    assert found == [['a', 'b'], ['c'], ['c', 'd']]
    assert glance.send('admin', 'DELETE', path).status_code == 204
    assert tags() == []


def test_one_tag_is_added_shown_renamed_and_deleted(
    glance: WholeGlance, name: str
) -> None:
    path = f'{PATH}/{name}/tags'
    made = glance.send('admin', 'POST', f'{path}/x')
    again = glance.send('admin', 'POST', f'{path}/x')
    shown = glance.send('alice', 'GET', f'{path}/x')
    renamed = glance.send('admin', 'PUT', f'{path}/x', json={'name': 'y'})
    gone = glance.send('admin', 'DELETE', f'{path}/y')
    long = glance.send('admin', 'POST', f'{path}/{"x" * 81}')
    assert [
        each.status_code for each in (made, again, renamed, gone, long)
    ] == [201, 409, 200, 204, 400]
    assert set(shown.json()) == {'name', 'created_at', 'updated_at'}
    assert set(made.json()) == set(renamed.json()) == set(shown.json())


def test_a_namespace_is_for_types_of_resources(
    glance: WholeGlance, name: str
) -> None:
    path = f'{PATH}/{name}/resource_types'
    body = {'name': 'OS::Own::Type', 'prefix': 'own_'}
    made = glance.send('admin', 'POST', path, json=body)
    again = glance.send('admin', 'POST', path, json=body)
    listed = glance.send('alice', 'GET', path).json()
    known = glance.send('alice', 'GET', '/metadefs/resource_types').json()
    filtered = glance.send(
        'alice', 'GET', f'{PATH}?resource_types=OS::Own::Type'
    ).json()
    gone = glance.send('admin', 'DELETE', f'{path}/OS::Own::Type')
    missing = glance.send('admin', 'DELETE', f'{path}/OS::Own::Type')
    assert [
        each.status_code for each in (made, again, gone, missing)
    ] == [201, 409, 204, 404]  # fmt: skip
    keys = {'name', 'prefix', 'created_at', 'updated_at'}
    assert set(made.json()) == keys
    (used,) = listed['resource_type_associations']
    assert set(used) == keys
    types = {each['name']: each for each in known['resource_types']}
    assert set(types['OS::Own::Type']) == {'name', 'created_at', 'updated_at'}
    assert [each['namespace'] for each in filtered['namespaces']] == [name]


def test_namespaces_are_listed_a_page_at_a_time(
    glance: WholeGlance, name: str
) -> None:
    body = {'namespace': f'{name}-2', 'visibility': 'public'}
    glance.send('admin', 'POST', PATH, json=body)
    query = f'{PATH}?limit=1&sort_key=namespace&sort_dir=desc'
    first = glance.send('alice', 'GET', query).json()
    second = glance.send(
        'alice', 'GET', first['next'].removeprefix('/v2')
    ).json()
    glance.send('admin', 'DELETE', f'{PATH}/{name}-2')
    assert [each['namespace'] for each in first['namespaces']] == [f'{name}-2']
    assert [each['namespace'] for each in second['namespaces']] == [name]
    assert first['schema'] == '/v2/schemas/metadefs/namespaces'
    assert first['first'].startswith('/v2/metadefs/namespaces?')


@pytest.mark.parametrize(
    'query', ['limit=-1', 'sort_dir=up', 'visibility=all']
)
def test_a_list_that_makes_no_sense_is_refused(
    glance: WholeGlance, query: str
) -> None:
    assert glance.send('alice', 'GET', f'{PATH}?{query}').status_code == 400


@pytest.mark.parametrize(
    ('path', 'name', 'required'),
    [
        ('namespace', 'namespace', ['namespace']),
        ('namespaces', 'namespaces', None),
        ('object', 'object', ['name']),
        ('objects', 'objects', None),
        ('property', 'property', ['name', 'title', 'type']),
        ('properties', 'properties', None),
        ('tag', 'tag', ['name']),
        ('tags', 'tags', None),
        ('resource_type', 'resource_type_association', ['name']),
        ('resource_types', 'resource_type_associations', None),
    ],
)
def test_each_definition_has_a_schema(
    glance: WholeGlance, path: str, name: str, required: list[str] | None
) -> None:
    schema = glance.send('alice', 'GET', f'/schemas/metadefs/{path}').json()
    assert schema['name'] == name
    found = schema.get('required')
    assert (found and sorted(found)) == required
