# SPDX-License-Identifier: Apache-2.0
"""The private names of openstacksdk and keystoneauth that are used here.

No other module says any. Each function says what it gives; where a version
of openstacksdk has a name no more, it is given in a slower way, or the caller
is told that it cannot be, and does without.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
import copy
from typing import Any, cast
import weakref

from keystoneauth1 import adapter as ksa_adapter
from openstack import connection as sdk_connection
from openstack import exceptions
from openstack import fields
from openstack import resource as sdk_resource
from openstack.image.v2 import _proxy as image_proxy

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


def id_name(kind: type[sdk_resource.Resource]) -> str:
    """Return the name under which the cloud sends a resource's ID."""
    try:
        return kind._alternate_id() or 'id'
    except AttributeError:
        return next(
            (each.name for each in _id_attributes(kind).values()), 'id'
        )


def _id_attributes(kind: type[sdk_resource.Resource]) -> dict[str, Any]:
    """Return what stands in for an ID, which the very class has to have."""
    return {
        name: each
        for name, each in vars(kind).items()
        if isinstance(each, fields.Body) and each.alternate_id
    }


def query_names(kind: type[sdk_resource.Resource]) -> dict[str, str]:
    """Return the service's names of a list's parameters, by ours.

    :param kind: The class of the resources.
    """
    parameters = kind._query_mapping
    try:
        mapping: Any = parameters._mapping
    except AttributeError:
        # It is all that they consist of.
        [mapping] = vars(parameters).values()
    return cast(dict[str, str], mapping)


def wire_query(
    kind: type[sdk_resource.Resource],
    params: dict[str, Any],
    path: str | None = None,
) -> dict[str, Any]:
    """Return a list's parameters as the service takes them.

    :param kind: The class of the resources.
    :param params: The parameters; those that are unknown are left out.
    :param path: The list's path, whose parts are among them.
    :raises: :class:`NotKnownError`
    """
    try:
        mapping = kind._query_mapping
        known = mapping._validate(
            params, base_path=path, allow_unknown_params=True
        )
        return mapping._transpose(known, kind)
    except AttributeError as error:
        raise NotKnownError(kind.__qualname__) from error


def next_link(kind: type[sdk_resource.Resource]) -> Callable[..., Any]:
    """Return what reads where a list's next page is.

    :param kind: The class of the resources.
    :raises: :class:`NotKnownError`
    """
    try:
        return kind._get_next_link
    except AttributeError as error:
        raise NotKnownError(kind.__qualname__) from error


def one_match(
    kind: type[sdk_resource.Resource], name_or_id: str, found: Iterable[Any]
) -> Any:
    """Return the one resource that is called so, or ``None``.

    :param kind: The class of the resources.
    :param name_or_id: The name or the ID.
    :param found: The resources.
    :raises: :class:`~openstack.exceptions.DuplicateResource` where several
        are.
    """
    try:
        match = kind._get_one_match
    except AttributeError:
        pass
    else:
        return match(name_or_id, found)
    matching = [each for each in found if name_or_id in (each.id, each.name)]
    if len(matching) > 1:
        raise exceptions.DuplicateResource(
            f"More than one {kind.__name__} exists with the name "
            f"'{name_or_id}'."
        )
    return matching[0] if matching else None


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

    if hasattr(kind, '_alternate_id'):
        namespace['_alternate_id'] = classmethod(alternate_id)
    else:
        namespace.update(_id_attributes(kind))
    namespace.update(
        __doc__=kind.__doc__,
        __module__=kind.__module__,
        __qualname__=kind.__qualname__,
    )
    metaclass: Any = type(kind)
    return metaclass(kind.__name__, (*mixins, kind), namespace)


# ====== REQUESTS ======


def connection_of(proxy: Any) -> Any:
    """Return the connection of a proxy, or of a resource, if it has one."""
    try:
        return proxy._connection
    except AttributeError:
        return proxy.session._sdk_connection


def session_of(kind: type[sdk_resource.Resource], session: Any) -> Any:
    """Return what sends a resource's requests, made sure of to be able to."""
    try:
        check = kind._get_session
    except AttributeError:
        return session
    return check(session)


def microversion(
    kind: type[sdk_resource.Resource], session: Any
) -> str | None:
    """Return the microversion of the API that a resource is asked for in."""
    try:
        find = kind._get_microversion
    except AttributeError:
        return cast(str | None, session.default_microversion)
    return find(session)


def prepared(resource: sdk_resource.Resource, **how: Any) -> Any:
    """Return a resource's request: ``url``, ``body`` and ``headers``.

    :param resource: The resource.
    :param how: ``requires_id``, ``prepend_key``, ``patch``, ``base_path``.
    """
    return resource._prepare_request(**how)


def translate(
    resource: sdk_resource.Resource, response: Any, **how: Any
) -> None:
    """Make a resource what a response says.

    :param resource: The resource, which is changed.
    :param response: The response.
    :param how: ``error_message``, the first words where it is a refusal.
    """
    if hasattr(sdk_resource.Resource, '_translate_response'):
        resource._translate_response(response, **how)
        return
    exceptions.raise_from_response(response, how.get('error_message'))
    body = {**response.json()}
    body.pop('self', None)
    current = type(resource).existing(connection_of(resource), **body)
    take_over(resource, current)


def clean(resource: sdk_resource.Resource, *names: str) -> None:
    """Leave attributes of a resource out of what is sent to change it.

    :param resource: The resource.
    :param names: Their names, as the cloud knows them.
    """
    resource._body.clean(only=names)


def operation(name: str) -> Callable[..., Any]:
    """Return one of the operations that all of openstacksdk's proxies have.

    A session may be given to it in place of a proxy: it hands it on to the
    resource.

    :param name: ``get``, ``list``, ``create``, ``update``, ``delete``,
        ``upload_image`` or ``upload_image_put``.
    """
    found: Callable[..., Any] = getattr(image_proxy.Proxy, f'_{name}')
    return found


def create(proxy: Any, *args: Any, **kwargs: Any) -> Any:
    """Create a resource as a proxy does it, in whatever way of its own."""
    return proxy._create(*args, **kwargs)


def pace(
    adapter: ksa_adapter.Adapter, gate: AbstractContextManager[object]
) -> None:
    """Have each request of an adapter sent within a ``with`` block.

    Where keystoneauth has the name no more, they are sent as before.

    :param adapter: What sends the requests: ``conn.ims``.
    :param gate: Has them wait.
    """
    adapter._rate_semaphore = gate  # type: ignore[assignment]


# ====== CONNECTIONS ======

#: Proxies of connections that do not keep any themselves.
_kept: weakref.WeakKeyDictionary[Any, dict[str, Any]] = (
    weakref.WeakKeyDictionary()
)


def proxies(connection: sdk_connection.Connection) -> dict[str, Any]:
    """Return the proxies that a connection has made, by service type."""
    try:
        return cast(dict[str, Any], connection._proxies)
    except AttributeError:
        return _kept.setdefault(connection, {})


def vendor_profile(
    connection: sdk_connection.Connection, name: str
) -> dict[str, Any]:
    """Return what a cloud's profile says, as the configuration read it.

    :param connection: The connection.
    :param name: The profile's name.
    """
    profile: dict[str, Any] = {}
    try:
        loader = connection.config._openstack_config
        if loader:
            loader._expand_vendor_profile(
                connection.name, profile, {'profile': name}
            )
    except AttributeError:
        return {}
    return profile


# ====== RESOURCES ======


def id_of(value: Any) -> Any:
    """Return the ID of a resource, or what stands for one as it is."""
    return value.id if isinstance(value, sdk_resource.Resource) else value


def body_attributes(resource: sdk_resource.Resource) -> dict[str, Any]:
    """Return what a resource has of the cloud's, by the cloud's names."""
    try:
        return resource._body.attributes
    except AttributeError:
        return resource.to_dict(
            headers=False,
            computed=False,
            ignore_none=True,
            original_names=True,
        )


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


def connect(resource: Any, connection: Any) -> None:
    """Say which connection a resource, or a proxy, comes from."""
    resource._connection = connection
