# SPDX-License-Identifier: Apache-2.0
"""The private names of openstacksdk and keystoneauth that are used here.

No other module says any. Each function says what it gives; where a version
of openstacksdk has a name no more, it is given in a slower way, or the caller
is told that it cannot be, and does without.
"""

from collections.abc import Iterator, Mapping
import copy
from typing import Any

from openstack import connection as sdk_connection
from openstack import fields
from openstack import resource as sdk_resource

#: The kinds of attributes of a resource.
COMPONENTS = (fields.Body, fields.Header, fields.Computed, fields.URI)

#: The parts of a resource that differ from one to the next.
_VARYING = frozenset(
    (
        '_body',
        '_computed',
        '_connection',
        '_header',
        '_original_body',
        '_uri',
        'microversion',
    )
)

#: Methods that decide how a resource is made of what the cloud sends.
_MAKING = (
    '__init__',
    '__new__',
    '__setattr__',
    '_alternate_id',
    '_collect_attrs',
    '_compute_attributes',
    '_consume_attrs',
    '_consume_body_attrs',
    '_consume_mapped_attrs',
    '_consume_uri_attrs',
    '_get_mapping',
    '_pack_attrs_under_properties',
    '_update_location',
)

#: Methods that decide what is read from it.
_READING = (
    '__getattribute__',
    '__getitem__',
    '_attr_to_dict',
    '_attributes',
    '_attributes_iterator',
    'keys',
)

#: Modules whose classes are what is usual.
_USUAL = frozenset(('builtins', 'openstack.resource', 'ims_ext.resource'))

_get = object.__getattribute__


class NotKnownError(Exception):
    """This version of openstacksdk makes resources in an unknown way."""


# ====== CLASSES OF RESOURCES ======


def attributes(
    kind: type[sdk_resource.Resource], *components: type[Any]
) -> Iterator[tuple[str, Any]]:
    """Give the attributes of a class in openstacksdk's order.

    One that a class and its base have is given twice, the class's first.

    :param kind: The class of the resources.
    :param components: The kinds of attributes, all by default.
    """
    for each in kind.__mro__:
        for name, member in vars(each).items():
            if isinstance(member, components or COMPONENTS):
                yield name, member


def id_name(kind: type[sdk_resource.Resource]) -> str:
    """Return the name under which the cloud sends a resource's ID."""
    find = getattr(kind, '_alternate_id', None)
    return (find and find()) or 'id'


def is_made_as_usual(kind: type[sdk_resource.Resource]) -> bool:
    """Whether no class of a resource's own decides on how it is made."""
    return not kind._allow_unknown_attrs_in_body and _has_usual(kind, _MAKING)


def is_read_as_usual(kind: type[sdk_resource.Resource]) -> bool:
    """Whether no class of a resource's own decides on what is read of it."""
    return not kind._allow_unknown_attrs_in_body and _has_usual(kind, _READING)


def _has_usual(
    kind: type[sdk_resource.Resource], names: tuple[str, ...]
) -> bool:
    return all(
        each.__module__ in _USUAL
        for name in names
        for each in [_owner(kind, name)]
        if each
    )


def _owner(kind: type[Any], name: str) -> type[Any] | None:
    """Return which of a class's bases, or itself, defines a name."""
    return next((each for each in kind.__mro__ if name in vars(each)), None)


def may_read_headers(kind: type[sdk_resource.Resource]) -> bool:
    """Whether a class reads what it does not declare to be a header."""
    name = '_consume_header_attrs'
    return not _has_usual(kind, (name,))


def keeps_unknown(kind: type[sdk_resource.Resource]) -> bool:
    """Whether what no attribute names becomes one of the properties."""
    return kind._store_unknown_attrs_as_properties


def derived(
    kind: type[sdk_resource.Resource], *mixins: type[Any], **namespace: Any
) -> Any:
    """Return a class of the same name that has more than its base.

    :param kind: The base.
    :param mixins: Classes that come before it.
    :param namespace: Further attributes of the class.
    """

    def alternate_id(cls: type[Any]) -> str:
        # openstacksdk looks for it in the very class only.
        return kind._alternate_id()

    namespace.update(
        __doc__=kind.__doc__,
        __module__=kind.__module__,
        __qualname__=kind.__qualname__,
        _alternate_id=classmethod(alternate_id),
    )
    metaclass: Any = type(kind)
    return metaclass(kind.__name__, (*mixins, kind), namespace)


# ====== RESOURCES ======


def body_attributes(resource: sdk_resource.Resource) -> dict[str, Any]:
    """Return what a resource has of the cloud's, by the cloud's names."""
    return resource._body.attributes


def parts(
    resource: sdk_resource.Resource,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what a resource has by the cloud's names: body, URI, computed."""
    state = _get(resource, '__dict__')
    return (
        state['_body'].attributes,
        state['_uri'].attributes,
        state['_computed'].attributes,
    )


class _Carrier:
    """Stands in for a resource whose attribute is read."""

    def __init__(self, component: Any, value: Any) -> None:
        setattr(self, component.key, {component.name: value})


def read(component: Any, value: Any) -> Any:
    """Return an attribute's value.

    :param component: The attribute, as its class declares it.
    :param value: What the cloud sent of it.
    """
    return component.__get__(_Carrier(component, value))


class Assembly:
    """The parts that openstacksdk's resources of a class consist of.

    :param kind: The class of the resources.
    :raises: :class:`NotKnownError` where there are others than are known.
    """

    def __init__(self, kind: type[sdk_resource.Resource]) -> None:
        try:
            empty = kind(_synchronized=True)
            state = _get(empty, '__dict__')
            self._manager = type(empty._body)
            #: What all resources of the class have alike.
            self._constants = {
                name: value
                for name, value in state.items()
                if name not in _VARYING
                and isinstance(value, str | int | float | None)
            }
            #: What each has an empty one of its own of.
            self._containers = {
                name: type(value)
                for name, value in state.items()
                if name not in _VARYING and name not in self._constants
            }
            for name, container in self._containers.items():
                if container not in (list, dict, set) or state[name]:
                    raise NotKnownError(f'{kind.__qualname__}.{name}')
            self._has_original = '_original_body' in state
            self._is_located = hasattr(empty, 'project_id') or hasattr(
                empty, 'availability_zone'
            )
        except AttributeError as error:
            raise NotKnownError from error
        self._kind = kind
        #: The entries that a resource has of which nothing was sent.
        self.entries: dict[str, Any] = dict(
            zip(dict.keys(empty), dict.values(empty), strict=True)
        )

    def assemble(
        self,
        entries: Mapping[str, Any],
        body: dict[str, Any],
        uri: dict[str, Any],
        location: Any,
        connection: sdk_connection.Connection | None,
        microversion: str | None,
    ) -> Any:
        """Return a resource that the cloud has, made of its parts.

        :param entries: What its dict has.
        :param body: What the cloud sent of it, by the cloud's names.
        :param uri: What was known of it from its path.
        :param location: Where it is, in terms of cloud and project.
        :param connection: The connection that it comes from.
        :param microversion: The API's microversion.
        """
        manager = self._manager
        made = dict.__new__(self._kind)
        dict.update(made, entries)
        state = _get(made, '__dict__')
        state.update(self._constants)
        for name, container in self._containers.items():
            state[name] = container()
        state['_connection'] = connection
        state['microversion'] = microversion
        state['_body'] = manager(body, True)
        state['_header'] = manager(None, True)
        state['_uri'] = manager(uri, True)
        state['_computed'] = manager(
            {} if location is None else {'location': location}, True
        )
        if self._has_original:
            state['_original_body'] = body.copy()
        if connection and self._is_located:
            made._update_location()
            dict.__setitem__(made, 'location', made.location)
        return made


def content(resource: sdk_resource.Resource) -> Any:
    """Return all that a resource consists of, but for its connection."""
    len(resource)  # has one that is deferred made
    state = dict(_get(resource, '__dict__'))
    state.pop('_connection', None)
    return state, {key: dict.get(resource, key) for key in dict.keys(resource)}


def copied_content(resource: sdk_resource.Resource) -> Any:
    """Return what :func:`content` does, for another resource to have.

    Only the values of its attributes are those of the resource.
    """
    state, entries = content(resource)
    copies = {name: copy.copy(value) for name, value in state.items()}
    for value in copies.values():
        if isinstance(value, type(resource._body)):
            value.attributes = value.attributes.copy()
            value._dirty = value._dirty.copy()
    return copies, entries


def restored(kind: type[sdk_resource.Resource], content: Any) -> Any:
    """Return a resource that consists of what :func:`content` returned.

    :param kind: The class of the resource.
    :param content: What it consists of, which is not copied.
    """
    state, entries = content
    made = dict.__new__(kind)
    dict.update(made, entries)
    _get(made, '__dict__').update(state)
    return made


def take_over(
    resource: sdk_resource.Resource, current: sdk_resource.Resource
) -> None:
    """Make a resource what another one is, its connection but not its class.

    :param resource: The resource, which is changed.
    :param current: The other one.
    """
    state, entries = copied_content(current)
    _get(resource, '__dict__').update(state)
    dict.update(resource, entries)
    for name in dict.keys(resource) - entries.keys():
        dict.pop(resource, name)


def comparable(resource: sdk_resource.Resource) -> Any:
    """Return what tells a resource from one that is made in another way."""
    state, entries = content(resource)
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


def connect(resource: Any, connection: Any) -> None:
    """Say which connection a resource, or a proxy, comes from."""
    resource._connection = connection
