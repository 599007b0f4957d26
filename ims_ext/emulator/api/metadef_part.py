# SPDX-License-Identifier: Apache-2.0
"""What is in a namespace: objects, properties, tags, and what it is for."""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

from ims_ext.emulator.api import metadef
from ims_ext.emulator.api import metadef_schema
from ims_ext.emulator.api.metadef import KNOWN_TYPE
from ims_ext.emulator.api.metadef import OBJECT
from ims_ext.emulator.api.metadef import PATH
from ims_ext.emulator.api.metadef import PROPERTY
from ims_ext.emulator.api.metadef import TAG
from ims_ext.emulator.api.metadef import TYPE
from ims_ext.emulator.api.metadef import find
from ims_ext.emulator.api.metadef import find_own
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Metadef

#: What properties belong to, in any OpenStack cloud.
RESOURCE_TYPES = (
    'OS::Cinder::Volume',
    'OS::Glance::Image',
    'OS::Nova::Aggregate',
    'OS::Nova::Flavor',
    'OS::Nova::Server',
)
#: The header with which new tags leave the others.
_APPEND = 'X-Openstack-Append'

_ONE = PATH + '/<namespace>'


def _property_view(part: Metadef) -> dict[str, Any]:
    return {'name': part.name, **part.body}


def _as_given(view: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part without what an object is shown with where it has none."""
    return {
        name: value
        for name, value in view.items()
        if name not in ('required', 'properties') or name in body
    }


def _tag_view(part: Metadef) -> dict[str, Any]:
    return {'name': part.name, **metadef.times(part)}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of part.

    :ivar name: What records are kept under.
    :ivar schema: What bodies follow.
    :ivar view: Returns a part as the wire has it.
    """

    name: str
    schema: Mapping[str, Any]
    view: Callable[[Metadef], dict[str, Any]]


_KINDS = {
    'objects': Kind(OBJECT, metadef_schema.OBJECT, metadef.object_view),
    'properties': Kind(PROPERTY, metadef_schema.PROPERTY, _property_view),
    'tags': Kind(TAG, metadef_schema.TAG, _tag_view),
}


class MetadefPartsApi:
    """The operations on objects, properties and tags."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state
        self._metadefs = service.state.metadefs

    @route('GET', _ONE + '/<any(objects, properties, tags):kind>')
    def list(self, request: Request, namespace: str, kind: str) -> Answer:
        """List a namespace's parts of a kind."""
        found = find(self.state, request, namespace)
        parts = self._metadefs.parts(found.namespace, _KINDS[kind].name)
        if kind == 'properties':
            return {'properties': {each.name: each.body for each in parts}}
        return {
            kind: [_KINDS[kind].view(each) for each in parts],
            'schema': f'v2/schemas/metadefs/{kind}',
        }

    @route('POST', _ONE + '/<any(objects, properties):kind>')
    def create(self, request: Request, namespace: str, kind: str) -> Answer:
        """Add a part to a namespace."""
        body = request.json_object()
        metadef_schema.check(body, _KINDS[kind].schema)
        return 201, _as_given(self._add(request, namespace, kind, body), body)

    @route('POST', _ONE + '/tags')
    def set_tags(self, request: Request, namespace: str) -> Answer:
        """Give a namespace tags, in place of the others or beside them."""
        body = request.json_object()
        metadef_schema.check(body, metadef_schema.TAGS)
        names = [each['name'] for each in body['tags']]
        if len(set(names)) < len(names):
            raise Conflict("A tag is named twice.")
        with self.state.transaction():
            find_own(self.state, request, namespace)
            if request.headers.get(_APPEND, '').lower() != 'true':
                self._metadefs.delete_parts(namespace, TAG)
            # The newest comes first.
            for name in reversed(names):
                self._new(namespace, TAG, name, {})
        return 201, {'tags': [{'name': name} for name in names]}

    @route('POST', _ONE + '/tags/<name>')
    def add_tag(self, request: Request, namespace: str, name: str) -> Answer:
        """Add one tag to a namespace."""
        return 201, self._add(request, namespace, 'tags', {'name': name})

    def _add(
        self,
        request: Request,
        namespace: str,
        kind: str,
        body: dict[str, Any],
    ) -> dict[str, Any]:
        given = dict(body)
        name = given.pop('name')
        if len(name) > metadef_schema.MAX_NAME:
            raise BadRequest("A name has too many characters.")
        with self.state.transaction():
            find_own(self.state, request, namespace)
            part = self._new(namespace, _KINDS[kind].name, name, given)
        return _KINDS[kind].view(part)

    def _new(
        self, namespace: str, kind: str, name: str, body: dict[str, Any]
    ) -> Metadef:
        try:
            return self._metadefs.add(Metadef(namespace, kind, name, body))
        except KeyError as error:
            raise Conflict(f"There is a {kind} {name} already.") from error

    @route('GET', _ONE + '/<any(objects, properties, tags):kind>/<name>')
    def show(
        self, request: Request, namespace: str, kind: str, name: str
    ) -> Answer:
        """Show one part of a namespace."""
        find(self.state, request, namespace)
        wanted = request.args.get('resource_type')
        if kind == 'properties' and wanted:
            name = self._without_prefix(namespace, name, wanted)
        return _KINDS[kind].view(self._part(namespace, kind, name))

    def _without_prefix(self, namespace: str, name: str, used: str) -> str:
        """Return a property's own name, of that which a type has for it."""
        association = self._metadefs.get(namespace, TYPE, used)
        prefix = association.body.get('prefix') if association else None
        if not prefix or not name.startswith(prefix):
            raise NotFound(f"There is no property {name} of {used}.")
        return name.removeprefix(str(prefix))

    def _part(self, namespace: str, kind: str, name: str) -> Metadef:
        found = self._metadefs.get(namespace, _KINDS[kind].name, name)
        if found is None:
            raise NotFound(f"There is no {name} among the {kind}.")
        return found

    @route('PUT', _ONE + '/<any(objects, properties, tags):kind>/<name>')
    def update(
        self, request: Request, namespace: str, kind: str, name: str
    ) -> Answer:
        """Say anew what a part is, its name included."""
        body = request.json_object()
        metadef_schema.check(body, _KINDS[kind].schema)
        with self.state.transaction():
            find_own(self.state, request, namespace)
            part = self._part(namespace, kind, name)
            given = dict(body)
            new_name = given.pop('name')
            part.body = {} if kind == 'tags' else given
            try:
                self._metadefs.save(part, new_name)
            except KeyError as error:
                raise Conflict(f"There is {error} already.") from error
        return _as_given(_KINDS[kind].view(part), body)

    @route('DELETE', _ONE + '/<any(objects, properties, tags):kind>/<name>')
    def delete(
        self, request: Request, namespace: str, kind: str, name: str
    ) -> Answer:
        """Delete one part of a namespace that is not protected."""
        with self.state.transaction():
            found = find_own(self.state, request, namespace)
            part = self._part(namespace, kind, name)
            metadef.check_unprotected(found)
            self._metadefs.delete(part)
        return 204, None

    @route('DELETE', _ONE + '/<any(objects, properties, tags):kind>')
    def delete_all(
        self, request: Request, namespace: str, kind: str
    ) -> Answer:
        """Delete all parts of a kind."""
        with self.state.transaction():
            found = find_own(self.state, request, namespace)
            metadef.check_unprotected(found)
            self._metadefs.delete_parts(namespace, _KINDS[kind].name)
        return 204, None


class ResourceTypesApi:
    """The operations on what namespaces are for."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state

    def start(self) -> None:
        """Have the types that every cloud has."""
        with self.state.transaction():
            for name in RESOURCE_TYPES:
                metadef.know_type(self.state, name)

    @route('GET', '/v2/metadefs/resource_types')
    def list(self, request: Request) -> Answer:
        """List all types of resources."""
        found = self.state.metadefs.parts('', KNOWN_TYPE)
        return {'resource_types': [_tag_view(each) for each in found]}

    @route('GET', _ONE + '/resource_types')
    def list_of(self, request: Request, namespace: str) -> Answer:
        """List what a namespace is for."""
        find(self.state, request, namespace)
        found = self.state.metadefs.parts(namespace, TYPE)
        return {
            'resource_type_associations': [
                metadef.association_view(each) for each in found
            ]
        }

    @route('POST', _ONE + '/resource_types')
    def create(self, request: Request, namespace: str) -> Answer:
        """Say that a namespace is for one more type of resource."""
        body = request.json_object()
        metadef_schema.check(body, metadef_schema.ASSOCIATION)
        given = dict(body)
        name = given.pop('name')
        with self.state.transaction():
            find_own(self.state, request, namespace)
            part = Metadef(namespace, TYPE, name, given)
            try:
                self.state.metadefs.add(part)
            except KeyError as error:
                raise Conflict(f"It is for {name} already.") from error
            metadef.know_type(self.state, name)
        return 201, metadef.association_view(part)

    @route('DELETE', _ONE + '/resource_types/<name>')
    def delete(self, request: Request, namespace: str, name: str) -> Answer:
        """Say that a namespace is for a type of resource no more."""
        with self.state.transaction():
            found = find_own(self.state, request, namespace)
            part = self.state.metadefs.get(namespace, TYPE, name)
            if part is None:
                raise NotFound(f"The namespace is not for {name}.")
            metadef.check_unprotected(found)
            self.state.metadefs.delete(part)
        return 204, None
