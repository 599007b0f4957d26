# SPDX-License-Identifier: Apache-2.0
"""Resources made from tables, in microseconds.

openstacksdk takes a millisecond or two to make a resource of 60 attributes:
it finds out anew for each what its class has and under which names. Here
that is found out once a class, and kept in a :class:`Table`.

What a table makes equals what openstacksdk makes, whose own making is the
measure: every table makes samples, and one that makes any of them otherwise,
as with a class that has ways of its own or a version of openstacksdk that
does it in another way, is not used. Then, and for answers with a name that is
not clear, openstacksdk makes the resource.
"""

from collections.abc import Callable, Mapping
import inspect
from typing import Any

from openstack import connection as sdk_connection
from openstack import fields
from openstack import format as sdk_format
from openstack import resource as sdk_resource

from ims_ext import sdk
from ims_ext import wire_names
from ims_ext.transport import response_body

#: What a constructor has for itself: the cloud's attributes by these names
#: cannot be given to it.
RESERVED = frozenset(('self', '_synchronized', 'connection', 'microversion'))

Converter = Callable[[Any], Any]

#: Values that the samples have under each name.
_SAMPLES: tuple[Any, ...] = (None, '1', 'true', 7, True, ['x'], {'x': 1})


class Builder:
    """Makes the resources that one answer has.

    :param kind: The class of the resources.
    :param connection: The connection that they come from. Where it is, in
        terms of cloud and project, is asked now: what is made of the answer
        later shall need no request.
    :param microversion: The API's microversion.
    """

    def __init__(
        self,
        kind: type[sdk_resource.Resource],
        connection: sdk_connection.Connection | None = None,
        microversion: str | None = None,
    ) -> None:
        self.kind: Any = kind
        self._connection = connection
        self._location = connection.current_location if connection else None
        self._microversion = microversion
        #: Whether properties that are spelt like attributes are told apart.
        self.is_sorting_out = getattr(kind, 'tells_properties_apart', False)

    def make(self, attrs: dict[str, Any]) -> Any:
        """Return a resource that the cloud has.

        :param attrs: What the cloud sent of it.
        :raises: :class:`~ims_ext.exceptions.InvalidAnswerError` for what
            openstacksdk cannot read.
        """
        if self.is_sorting_out:
            attrs = wire_names.sort_out(self.kind, attrs)
        found = table(self.kind)
        made = None
        if found and found.is_making:
            try:
                made = found.make(
                    attrs,
                    copied(self._location),
                    self._connection,
                    self._microversion,
                )
            except response_body.STUMBLES:
                # openstacksdk decides whether it can be read.
                made = None
        return self._make_plainly(attrs) if made is None else made

    def _make_plainly(self, attrs: Mapping[str, Any]) -> Any:
        with response_body.answered(f"Reading {self.kind.__name__}"):
            made = make_plainly(
                self.kind,
                attrs,
                _Here(self._connection, self._location)
                if self._connection
                else None,
                self._microversion,
            )
        sdk.connect(made, self._connection)
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


class _Here:
    """A connection that knows where it is."""

    def __init__(
        self, connection: sdk_connection.Connection, location: Any
    ) -> None:
        self._connection = connection
        self._location = location

    @property
    def current_location(self) -> Any:
        return copied(self._location)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def copied(location: Any) -> Any:
    """Return a copy of a location, so that a resource has one of its own."""
    if isinstance(location, dict):
        return type(location)(
            {name: copied(value) for name, value in location.items()}
        )
    return location


# ====== TABLES ======


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


class Table:
    """How a class's resources are made of what the cloud sends, and read.

    :param kind: The class.
    :raises: :class:`~ims_ext.sdk.NotKnownError` for one whose attributes
        are read in other ways than those that are known here.
    """

    def __init__(self, kind: type[sdk_resource.Resource]) -> None:
        self._kind = kind
        self._assembly = sdk.Assembly(kind)
        _check_readable(kind)
        self._entries = self._assembly.entries
        self._order = [name for name, _ in sdk.attributes(kind)]
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
                sdk.comparable(made) != sdk.comparable(plain)
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
    found = dict(reversed([*sdk.attributes(kind)]))
    for name, component in found.items():
        if (
            type(component) not in (fields.Body, fields.URI, fields.Computed)
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
    for python, component in sdk.attributes(kind, component_type):
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
    for name, component in sdk.attributes(kind, component_type):
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
        return sdk.read(component, value)

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
