# SPDX-License-Identifier: Apache-2.0
"""Tables of how a class's resources are made and read.

openstacksdk finds out anew for each resource what its class has and under
which names. A :class:`Table` has found it out once a class.

openstacksdk's own making is the measure: every table makes samples, and one
that makes any of them otherwise, as with a class that has ways of its own or
a version of openstacksdk that does it in another way, is not used.
"""

from collections.abc import Callable, Mapping
import inspect
from typing import Any

from openstack import connection as sdk_connection
from openstack import fields
from openstack import format as sdk_format
from openstack import resource as sdk_resource

from ims_ext import attributes
from ims_ext import sdk
from ims_ext import wire_names
from ims_ext.transport import response_body

#: What a constructor has for itself: the cloud's attributes by these names
#: cannot be given to it.
RESERVED = frozenset(('self', '_synchronized', 'connection', 'microversion'))

Converter = Callable[[Any], Any]

#: Values that the samples have under each name.
_SAMPLES: tuple[Any, ...] = (None, '1', 'true', 7, True, ['x'], {'x': 1})

#: Kinds of attributes that read as openstacksdk's do.
_KNOWN = (
    attributes.BodyAttribute,
    attributes.UriAttribute,
    fields.Body,
    fields.URI,
    fields.Computed,
)


_tables: 'dict[type, Table | None]' = {}


def table(kind: type[sdk_resource.Resource]) -> 'Table | None':
    """Return the table of a class, or ``None`` if it has none that is right.

    :param kind: The class.
    """
    try:
        return _tables[kind]
    except KeyError:
        pass
    # While it is made, and compared, openstacksdk does without.
    _tables[kind] = None
    try:
        made = Table(kind)
        made.check()
    except (sdk.NotKnownError, *response_body.STUMBLES):
        return None
    _tables[kind] = made
    return made


def make_plainly(
    kind: Any,
    attrs: Mapping[str, Any],
    connection: Any = None,
    microversion: str | None = None,
) -> Any:
    """Return a resource that the cloud has, as openstacksdk makes it.

    :param kind: The class of the resource.
    :param attrs: What the cloud sent of it.
    :param connection: The connection that it comes from.
    :param microversion: The API's microversion.
    """
    given = {
        name: value for name, value in attrs.items() if name not in RESERVED
    }
    own = given.get('properties')
    if isinstance(own, dict):
        # openstacksdk adds to it, perhaps in two threads at once.
        given['properties'] = own = dict(own)
    if len(given) < len(attrs) and sdk.keeps_unknown(kind):
        # As in openstacksdk, whose lists leave out "self".
        others = {
            name: attrs[name]
            for name in attrs
            if name in RESERVED and name != 'self'
        }
        if others and (own is None or isinstance(own, dict)):
            given['properties'] = {**(own or {}), **others}
    return kind(
        _synchronized=True,
        connection=connection,
        microversion=microversion,
        **given,
    )


class Table:
    """The table by which a class's resources are made, and read.

    :param kind: The class.
    :raises: :class:`~ims_ext.sdk.NotKnownError` for one whose attributes
        are read in other ways than those that are known here.
    """

    def __init__(self, kind: type[sdk_resource.Resource]) -> None:
        self._kind = kind
        self._assembly = sdk.Assembly(kind)
        _check_readable(kind)
        self._entries = self._assembly.entries
        self._order = [name for name, _ in wire_names.attributes(kind)]
        self._body = _readers(kind, fields.Body)
        self._uri = _readers(kind, fields.URI)
        self._computed = _readers(kind, fields.Computed)
        self._empty = {**dict.fromkeys(self._order), **self._entries}
        id_name = sdk.id_name(kind)
        # openstacksdk reads an ID as it is, under either name.
        self._id_names = tuple(dict.fromkeys(('id', id_name)))
        self._body_names = _given_names(kind, fields.Body)
        self._uri_names = _given_names(kind, fields.URI)
        self._others = {*RESERVED, *_given_names(kind, fields.Computed)}
        self._may_read_headers = sdk.may_read_headers(kind)
        self._keeps_unknown = sdk.keeps_unknown(kind)
        #: Whether resources are made from it, too, and not only read.
        self.is_making = sdk.is_made_as_usual(kind)
        #: Whether ``keys()`` gives more than the dict has: parts of the path.
        self.has_more_keys = bool(self._uri)

    def make(
        self,
        attrs: Mapping[str, Any],
        location: Any = None,
        connection: sdk_connection.Connection | None = None,
        microversion: str | None = None,
    ) -> Any:
        """Return a resource, or ``None`` where it takes openstacksdk.

        :param attrs: What the cloud sent of it.
        :param location: Where it is.
        :param connection: The connection that it comes from.
        :param microversion: The API's microversion.
        """
        body: dict[str, Any] = {}
        uri: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for given, value in attrs.items():
            if given in self._body_names:
                for name in self._body_names[given]:
                    body[name] = value
            elif given in self._uri_names:
                for name in self._uri_names[given]:
                    uri[name] = value
            elif given == 'self':
                # An image's path, which openstacksdk leaves out.
                continue
            elif given in self._others or (
                self._may_read_headers and '-' in given
            ):
                return None
            else:
                unknown[given] = value
        if self._keeps_unknown:
            own = body.get('properties')
            if isinstance(own, dict):
                body['properties'] = {**own, **unknown}
            elif unknown:
                known = {'properties': own} if 'properties' in body else {}
                body['properties'] = {**known, **unknown}
        entries = self._entries.copy()
        _read(entries, self._body, body, is_stored=True)
        if location is not None:
            entries['location'] = location
        self._read_id(entries, body)
        return self._assembly.assemble(
            entries, body, uri, location, connection, microversion
        )

    def _read_id(self, entries: dict[str, Any], body: Any) -> None:
        for name in self._id_names:
            if name in body:
                entries['id'] = body[name]
                return
        entries['id'] = None

    def entries(self, resource: sdk_resource.Resource) -> dict[str, Any]:
        """Return what ``to_dict()`` gives of a resource."""
        body, _, computed = sdk.parts(resource)
        entries = self._entries.copy()
        _read(entries, self._body, body, is_stored=True)
        _read(entries, self._computed, computed, is_stored=True)
        self._read_id(entries, body)
        return entries

    def items(self, resource: sdk_resource.Resource) -> list[tuple[str, Any]]:
        """Return what ``items()`` gives of a resource."""
        body, uri, computed = sdk.parts(resource)
        values = self._empty.copy()
        _read(values, self._body, body, is_stored=False)
        _read(values, self._computed, computed, is_stored=False)
        _read(values, self._uri, uri, is_stored=False)
        self._read_id(values, body)
        return [(name, values[name]) for name in self._order]

    def check(self) -> None:
        """Compare what is made from the table with openstacksdk's own.

        :raises: :class:`~ims_ext.sdk.NotKnownError` where they differ.
        """
        for sample in self._samples():
            plain = make_plainly(self._kind, sample)
            made = self.make(sample) if self.is_making else plain
            base = sdk_resource.Resource
            if (
                _comparable(made) != _comparable(plain)
                or self.entries(made) != base.to_dict(plain)
                or self.items(made) != base.items(plain)
            ):
                raise sdk.NotKnownError(self._kind.__qualname__)

    def _samples(self) -> list[dict[str, Any]]:
        """Return answers with every name, and with something of each kind."""
        names = list(dict.fromkeys((*self._body_names, *self._uri_names)))
        every = {
            name: _SAMPLES[number % len(_SAMPLES)]
            for number, name in enumerate(names)
            if name != 'properties'
        }
        return [every, {'id': 'x', 'not known': 1, 'properties': {'own': 2}}]


def _check_readable(kind: type[sdk_resource.Resource]) -> None:
    """Refuse classes with attributes that are not known to be read here."""
    if not sdk.is_read_as_usual(kind):
        raise sdk.NotKnownError(kind.__qualname__)
    found = dict(reversed([*wire_names.attributes(kind)]))
    for name, component in found.items():
        if (
            type(component) not in _KNOWN
            or inspect.getattr_static(kind, name) is not component
            or component.deprecated
            or component.aka
            or _leads_to_another(component, found)
            or _may_be_resource(component.type)
            or _may_be_resource(component.list_type)
        ):
            raise sdk.NotKnownError(f'{kind.__qualname__}.{name}')


def _leads_to_another(component: Any, found: Mapping[str, Any]) -> bool:
    """Whether an attribute without value is read from another one sent."""
    if not component.alias:
        return False
    other = found.get(component.alias)
    return other is None or other.name != component.name


def _may_be_resource(data_type: Any) -> bool:
    return isinstance(data_type, type) and issubclass(
        data_type, sdk_resource.Resource
    )


def _given_names(
    kind: type[sdk_resource.Resource], component_type: type[Any]
) -> dict[str, tuple[str, ...]]:
    """Return what each name that may be sent stands for.

    As in openstacksdk: the cloud's names and Python's, each for all that are
    called so, whatever their case.
    """
    first: dict[str, str] = {}
    for python, component in wire_names.attributes(kind, component_type):
        first.setdefault(python, component.name)
    # Where several of Python's names stand for one of the cloud's, the last.
    python_names = {wire: python for python, wire in first.items()}
    return {
        given: tuple(
            wire
            for wire, python in python_names.items()
            if given.lower() in (wire.lower(), python.lower())
        )
        for given in (*python_names, *python_names.values())
    }


# ====== READING ======

#: Names under which a resource has what was sent under one, each with what
#: converts it.
_Readers = dict[str, tuple[tuple[str, Converter | None], ...]]


def _readers(
    kind: type[sdk_resource.Resource], component_type: type[Any]
) -> _Readers:
    readers: dict[str, dict[str, Converter | None]] = {}
    for name, component in wire_names.attributes(kind, component_type):
        if inspect.getattr_static(kind, name) is component:
            of_wire = readers.setdefault(component.name, {})
            of_wire[name] = _converter(component)
    return {wire: tuple(found.items()) for wire, found in readers.items()}


def _converter(component: Any) -> Converter | None:
    """Return what makes an attribute's value of what was sent, if anything."""
    data_type = component.type
    if data_type is None:
        return None
    if issubclass(data_type, sdk_format.Formatter):
        deserialize: Converter = data_type.deserialize
        return deserialize

    def convert(value: Any) -> Any:
        if isinstance(value, data_type) and not issubclass(data_type, list):
            return value
        return _read_value(component, value)

    return convert


def _read(
    values: dict[str, Any],
    readers: _Readers,
    sent: Mapping[str, Any],
    is_stored: bool,
) -> None:
    """Read what was sent into attributes' values.

    :param is_stored: Whether they are for a resource's dict, which has lists
        of its own.
    """
    for wire, value in sent.items():
        for name, convert in readers.get(wire, ()):
            if convert is None or value is None:
                found = value
            else:
                found = convert(value)
            if is_stored and isinstance(found, list) and found:
                found = [*found]
            values[name] = found


class _Carrier:
    """Stands in for a resource whose attribute is read."""

    def __init__(self, component: Any, value: Any) -> None:
        setattr(self, component.key, {component.name: value})


def _read_value(component: Any, value: Any) -> Any:
    """Return an attribute's value.

    :param component: The attribute, as its class declares it.
    :param value: What the cloud sent of it.
    """
    return component.__get__(_Carrier(component, value))


def _comparable(resource: sdk_resource.Resource) -> Any:
    """Return what tells a resource from one that is made in another way."""
    state, entries = sdk.content(resource)
    return (
        {
            name: (
                (value.attributes, value.dirty)
                if hasattr(value, 'dirty')
                else value
            )
            for name, value in state.items()
        },
        list(entries.items()),
    )
