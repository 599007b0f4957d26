# SPDX-License-Identifier: Apache-2.0
"""All that can be done with a resource, each returning what comes of it."""

from collections.abc import Callable, Iterable
import copy
import json
import operator
import pickle
import pprint
from typing import Any

from openstack import resource as sdk_resource

Operation = Callable[[Any], Any]


def _call(**given: Any) -> dict[str, Any]:
    return given


def _match(resource: Any) -> Any:
    match resource:
        case {'name': name, **others}:
            return name, others
    return None


def _set(resource: Any, name: str, value: Any) -> None:
    setattr(resource, name, value)


def _changed(change: Callable[[Any], Any]) -> Operation:
    """Return an operation that changes a resource, and tells all of it."""

    def changed(resource: Any) -> Any:
        outcome = change(resource)
        return outcome, state(resource)

    return changed


def _copied(make: Callable[[Any], Any]) -> Operation:
    def copied(resource: Any) -> Any:
        return plain(make(resource)), type(make(resource))

    return copied


def _merged_in_place(resource: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {'own': 1}
    merged |= resource
    return merged


def _updated(resource: Any) -> dict[str, Any]:
    updated: dict[str, Any] = {}
    updated.update(resource)
    return updated


def _printed(resource: Any) -> list[str]:
    return [
        str(resource),
        repr(resource),
        f'{resource}',
        f'{resource!r:>10}',
        pprint.pformat(resource),
        '{name}'.format_map(resource),
        operator.mod('%(id)s', resource),
    ]


def _set_and_patch(resource: Any) -> Any:
    resource.name = 'other'
    request = resource._prepare_request(
        requires_id=False, patch=resource.allow_patch, base_path='/x'
    )
    return request.url, request.body, request.headers


def _pairs(resource: Any) -> list[tuple[Any, Any]]:
    others = ({}, 1, None, {'id': 'i1'}, resource)
    return [
        pair
        for other in others
        for pair in ((other, resource), (resource, other))
    ]


def _deleted(resource: Any) -> None:
    del resource.name


def _deleted_item(resource: Any) -> None:
    del resource['name']


#: Operations that leave a resource as it was.
READING: dict[str, Operation] = {
    'to_dict': lambda it: it.to_dict(),
    'to_dict-original': lambda it: it.to_dict(original_names=True),
    'to_dict-short': lambda it: it.to_dict(computed=False, ignore_none=True),
    'toDict': lambda it: it.toDict(),
    'copy': lambda it: it.copy(),
    'munch': lambda it: it._to_munch(),
    'items': lambda it: it.items(),
    'keys': lambda it: it.keys(),
    'keys-each': lambda it: list(it.keys()),
    'values': lambda it: list(it.values()),
    'get': lambda it: (it.get('name'), it.get('nope', 1)),
    'dict': dict,
    'dict-more': lambda it: dict(it, own=1),
    'dict-of-arguments': lambda it: dict(**it),
    'dict-of-items': lambda it: dict(it.items()),
    'display': lambda it: {**it},
    'display-more': lambda it: {'own': 1, **it, 'other': 2},
    'arguments': lambda it: _call(**it),
    'arguments-more': lambda it: _call(own=1, **it),
    'update': _updated,
    'or': lambda it: it | {'own': 1},
    'or-reflected': lambda it: {'own': 1} | it,
    'or-in-place': _merged_in_place,
    'json': lambda it: json.dumps(it, default=repr),
    'json-indented': lambda it: json.dumps(it, default=repr, indent=1),
    'json-sorted': lambda it: json.dumps(it, default=repr, sort_keys=True),
    'json-in-list': lambda it: json.dumps([it], default=repr),
    'json-in-dict': lambda it: json.dumps({'x': it}, default=repr),
    'len': len,
    'bool': bool,
    'not': operator.not_,
    'list': list,
    'tuple': tuple,
    'star': lambda it: [*it],
    'set': set,
    'sorted': sorted,
    'iteration': lambda it: [str(each) for each in it],
    'reversed': lambda it: list(reversed(it)),
    'fromkeys': dict.fromkeys,
    'zip': lambda it: list(zip(it, range(3), strict=False)),
    'in': lambda it: ('name' in it, 'nope' in it),
    'equal': lambda it: [operator.eq(*each) for each in _pairs(it)],
    'unequal': lambda it: [operator.ne(*each) for each in _pairs(it)],
    'order': lambda it: operator.lt(it, it),
    'hash': hash,
    'printed': _printed,
    'dir': dir,
    'vars': lambda it: sorted(vars(it)),
    'class': lambda it: (it.__class__, type(it).__name__),
    'is': lambda it: isinstance(it, dict) and isinstance(it, type(it)),
    'match': _match,
    'item': lambda it: it['name'],
    'item-id': lambda it: it['id'],
    'item-missing': lambda it: it['nope'],
    'item-number': lambda it: it[0],
    'item-unhashable': lambda it: it[[]],
    'itemgetter': operator.itemgetter('name', 'location'),
    'missing': lambda it: it.nope,
    'getattr': lambda it: (getattr(it, 'nope', 1), hasattr(it, 'nope')),
    'properties': lambda it: getattr(it, 'properties', None),
    'location': lambda it: it.location,
    'id': lambda it: (it.id, sdk_resource.Resource._get_id(it)),
    'private': lambda it: state(it),
    'class-names': lambda it: it._attributes(remote_names=True),
    'copy.copy': _copied(copy.copy),
    'copy.deepcopy': _copied(copy.deepcopy),
    'pickle': _copied(lambda it: pickle.loads(pickle.dumps(it))),
    'request': lambda it: vars(
        it._prepare_request(requires_id=False, base_path='/x')
    ),
}

#: Operations that change it.
CHANGING: dict[str, Operation] = {
    'set': _changed(lambda it: _set(it, 'name', 'other')),
    'set-same': _changed(lambda it: _set(it, 'name', it.name)),
    'set-unknown': _changed(lambda it: _set(it, 'own', 1)),
    'set-item': _changed(lambda it: it.__setitem__('name', 'other')),
    'set-item-operator': _changed(
        lambda it: operator.setitem(it, 'name', 'other')
    ),
    'set-item-unknown': _changed(
        lambda it: operator.setitem(it, 'nope', 'other')
    ),
    'delete': _changed(_deleted),
    'delete-item': _changed(_deleted_item),
    '_update': _changed(lambda it: it._update(name='other', own=2)),
    '_clean_body': _changed(lambda it: it._clean_body()),
    'patch': _set_and_patch,
    'dict-update': _changed(lambda it: it.update({'own': 1})),
    'dict-or-in-place': _changed(lambda it: operator.ior(it, {'own': 1})),
    'pop': _changed(lambda it: it.pop('name', None)),
    'popitem': _changed(lambda it: it.popitem()),
    'setdefault': _changed(lambda it: it.setdefault('own', 1)),
    'clear': _changed(lambda it: it.clear()),
    'properties': _changed(
        lambda it: it.properties.update(own='x') if it.properties else None
    ),
}


def state(resource: Any) -> Any:
    """Return all that a resource consists of."""
    components = [
        (
            getattr(resource, name).attributes,
            getattr(resource, name).dirty,
        )
        for name in ('_body', '_header', '_uri', '_computed')
    ]
    own = {
        name: value
        for name, value in vars(resource).items()
        if name not in ('_body', '_header', '_uri', '_computed')
    }
    stored = [(key, dict.get(resource, key)) for key in dict.keys(resource)]
    return components, own, stored, type(resource)


def plain(value: Any) -> Any:
    """Return a value that can be compared: no resources, no iterators."""
    if isinstance(value, sdk_resource.Resource):
        return type(value).__qualname__, value.to_dict()
    if isinstance(value, dict):
        return type(value), list(value.items())
    if isinstance(value, Iterable) and not isinstance(
        value, str | list | tuple | set
    ):
        return list(value)
    return value


def outcome(operation: Operation, resource: Any) -> Any:
    """Return what comes of an operation: a value, or an exception."""
    try:
        return plain(operation(resource))
    except Exception as error:
        return type(error), str(error)
