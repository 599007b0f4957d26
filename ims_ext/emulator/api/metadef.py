# SPDX-License-Identifier: Apache-2.0
"""Namespaces of metadata definitions: what properties mean, and where.

Administrators make them; everybody reads those that are public, or their
project's.
"""

from collections.abc import Mapping
import operator
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from ims_ext.emulator.api import metadef_schema
from ims_ext.emulator.api.glance_access import check_administrator
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import answer
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Metadef
from ims_ext.emulator.state import State

OBJECT = 'object'
PROPERTY = 'property'
TAG = 'tag'
TYPE = 'resource_type'
#: Types that have been used, in no namespace.
KNOWN_TYPE = 'known_type'

PATH = '/v2/metadefs/namespaces'
_PARTS = ('resource_type_associations', 'properties', 'objects', 'tags')
_MAX_LIMIT = 1000
_DEFAULT_LIMIT = 25
_SORT_KEYS = ('created_at', 'updated_at', 'namespace')


def find(state: State, request: Request, name: str) -> Metadef:
    """Return a namespace that the caller may read.

    :raises: :class:`~ims_ext.emulator.errors.NotFound` for all others.
    """
    found = state.metadefs.get(name)
    if found is None or not _may_read(request, found):
        raise NotFound(f"Namespace {name} not found")
    return found


def find_own(state: State, request: Request, name: str) -> Metadef:
    """Return a namespace that the caller may change.

    :raises: :class:`~ims_ext.emulator.errors.NotFound` for one that they may
        not read, ``Forbidden`` for the others.
    """
    found = find(state, request, name)
    check_administrator(request)
    return found


def check_unprotected(namespace: Metadef) -> None:
    """Refuse to delete anything of a protected namespace.

    :raises: :class:`~ims_ext.emulator.errors.Forbidden`
    """
    if namespace.body.get('protected'):
        raise Forbidden(
            f"Namespace {namespace.namespace} is protected: nothing of it is "
            f"deleted."
        )


def _may_read(request: Request, namespace: Metadef) -> bool:
    return (
        request.caller.is_admin
        or namespace.body['visibility'] == 'public'
        or namespace.body['owner'] == request.project_id
    )


class MetadefsApi:
    """The operations on namespaces."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state

    @route('GET', PATH)
    def list(self, request: Request) -> Answer:
        """List namespaces, a page at a time."""
        arguments = request.args
        limit = _limit(arguments.get('limit'))
        visibility = arguments.get('visibility')
        if visibility not in (None, 'public', 'private'):
            raise BadRequest(f"Invalid visibility value: {visibility}")
        found = [
            each
            for each in _sorted(self.state.metadefs.namespaces(), arguments)
            if _may_read(request, each) and self._fits(each, arguments)
        ]
        marker = arguments.get('marker')
        if marker is not None:
            names = [each.namespace for each in found]
            if marker not in names:
                raise NotFound(f"Namespace {marker} not found")
            found = found[names.index(marker) + 1 :]
        kept = {
            name: value
            for name, value in arguments.items()
            if name != 'marker'
        }
        body: dict[str, Any] = {
            'namespaces': [
                _view(each) | self._associations(each)
                for each in found[:limit]
            ],
            'first': _link(kept),
            'schema': '/v2/schemas/metadefs/namespaces',
        }
        if 0 < limit < len(found):
            last = found[limit - 1].namespace
            body['next'] = _link({**kept, 'marker': last})
        return body

    def _fits(self, namespace: Metadef, arguments: Mapping[str, str]) -> bool:
        visibility = namespace.body['visibility']
        if arguments.get('visibility', visibility) != visibility:
            return False
        wanted = arguments.get('resource_types')
        if not wanted:
            return True
        types = self.state.metadefs.parts(namespace.namespace, TYPE)
        return not {each.name for each in types}.isdisjoint(wanted.split(','))

    def _associations(self, namespace: Metadef) -> dict[str, Any]:
        found = self.state.metadefs.parts(namespace.namespace, TYPE)
        views = [association_view(each) for each in found]
        return {'resource_type_associations': views} if views else {}

    @route('POST', PATH)
    def create(self, request: Request) -> Answer:
        """Make a namespace, with what is in it."""
        body = request.json_object()
        metadef_schema.check(body, metadef_schema.NAMESPACE)
        check_administrator(request)
        parts = {name: body[name] for name in _PARTS if name in body}
        namespace = Metadef(
            body['namespace'], 'namespace', '', _settled(request, body)
        )
        with self.state.transaction():
            try:
                self.state.metadefs.add(namespace)
                for part in _parts(namespace.namespace, parts):
                    self.state.metadefs.add(part)
            except KeyError as error:
                raise Conflict(f"There is {error} already.") from error
            for each in parts.get('resource_type_associations', ()):
                know_type(self.state, each['name'])
        response = answer((201, _view(namespace) | parts))
        response.headers['Location'] = f'{PATH}/{namespace.namespace}'
        return response

    @route('GET', PATH + '/<namespace>')
    def show(self, request: Request, namespace: str) -> Answer:
        """Show a namespace with what is in it."""
        found = find(self.state, request, namespace)
        metadefs = self.state.metadefs
        prefix = ''
        wanted = request.args.get('resource_type')
        if wanted:
            used = metadefs.get(namespace, TYPE, wanted)
            prefix = str(used.body.get('prefix') or '') if used else ''
        inner: dict[str, Any] = {
            'objects': [
                _prefixed(object_view(each), prefix)
                for each in metadefs.parts(namespace, OBJECT)
            ],
            'properties': {
                f'{prefix}{each.name}': each.body
                for each in metadefs.parts(namespace, PROPERTY)
            },
            'tags': [
                {'name': each.name} for each in metadefs.parts(namespace, TAG)
            ],
        }
        return {
            **_view(found),
            **self._associations(found),
            **{name: value for name, value in inner.items() if value},
        }

    @route('PUT', PATH + '/<namespace>')
    def update(self, request: Request, namespace: str) -> Answer:
        """Say anew what a namespace is; what is in it stays."""
        body = request.json_object()
        metadef_schema.check(body, metadef_schema.NAMESPACE)
        with self.state.transaction():
            found = find_own(self.state, request, namespace)
            found.body = _settled(request, body)
            try:
                self.state.metadefs.save(found, body['namespace'])
            except KeyError as error:
                raise Conflict(f"There is {error} already.") from error
        return _view(found)

    @route('DELETE', PATH + '/<namespace>')
    def delete(self, request: Request, namespace: str) -> Response:
        """Delete a namespace that is not protected, and all in it."""
        with self.state.transaction():
            found = find_own(self.state, request, namespace)
            check_unprotected(found)
            self.state.metadefs.delete(found)
        return answer((204, None))


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit():
        raise BadRequest("limit must be a whole number.")
    return min(int(text), _MAX_LIMIT)


def _sorted(
    found: list[Metadef], arguments: Mapping[str, str]
) -> list[Metadef]:
    """Return namespaces, which are newest first, as they are asked for."""
    key = arguments.get('sort_key', 'created_at')
    direction = arguments.get('sort_dir', 'desc')
    if key not in _SORT_KEYS or direction not in ('asc', 'desc'):
        raise BadRequest("Invalid sort_key or sort_dir.")
    oldest_first = found[::-1]
    oldest_first.sort(key=operator.attrgetter(key))
    return oldest_first if direction == 'asc' else oldest_first[::-1]


def _link(arguments: Mapping[str, str]) -> str:
    return f'{PATH}?{urlencode(arguments)}' if arguments else PATH


def _settled(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a namespace's body."""
    kept = {name: body[name] for name in body if name not in _PARTS}
    del kept['namespace']
    given = {'visibility': 'private', 'protected': False}
    return {**given, 'owner': request.project_id, **kept}


def _parts(namespace: str, given: dict[str, Any]) -> list[Metadef]:
    """Return what is in a new namespace."""
    found = [
        Metadef(namespace, kind, each['name'], _without_name(each))
        for kind, name in (
            (TYPE, 'resource_type_associations'),
            (OBJECT, 'objects'),
            (TAG, 'tags'),
        )
        for each in given.get(name, ())
    ]
    found += [
        Metadef(namespace, PROPERTY, name, _without_name(each))
        for name, each in given.get('properties', {}).items()
    ]
    return found


def _without_name(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != 'name'}


def know_type(state: State, name: str) -> None:
    """Have a resource type among those that there are."""
    if state.metadefs.get('', KNOWN_TYPE, name) is None:
        state.metadefs.add(Metadef('', KNOWN_TYPE, name, {}))


# ====== VIEWS ======


def times(metadef: Metadef) -> dict[str, str]:
    """Return when something was made, and changed last."""
    return {
        'created_at': metadef.created_at,
        'updated_at': metadef.updated_at,
    }


def _view(namespace: Metadef) -> dict[str, Any]:
    return {
        'namespace': namespace.namespace,
        **namespace.body,
        **times(namespace),
        'self': f'{PATH}/{namespace.namespace}',
        'schema': '/v2/schemas/metadefs/namespace',
    }


def object_view(metadef: Metadef) -> dict[str, Any]:
    """Return an object as the wire has it."""
    return {
        'name': metadef.name,
        'required': [],
        'properties': {},
        **metadef.body,
        **times(metadef),
        'self': f'{PATH}/{metadef.namespace}/objects/{metadef.name}',
        'schema': '/v2/schemas/metadefs/object',
    }


def association_view(metadef: Metadef) -> dict[str, Any]:
    """Return what a namespace is for, as the wire has it."""
    return {'name': metadef.name, **metadef.body, **times(metadef)}


def _prefixed(view: dict[str, Any], prefix: str) -> dict[str, Any]:
    if not prefix:
        return view
    if 'properties' in view:
        view['properties'] = {
            f'{prefix}{name}': value
            for name, value in view['properties'].items()
        }
    if view.get('required'):
        view['required'] = [f'{prefix}{name}' for name in view['required']]
    return view
