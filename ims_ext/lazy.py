# SPDX-License-Identifier: Apache-2.0
"""Resources that are put together only once somebody looks at them.

openstacksdk takes a millisecond or two to make a resource of 37 attributes,
and a list has thousands. A deferred resource keeps what the cloud sent, and
reads single attributes from it. Whatever else is done with it completes it
first: it is then, class included, what openstacksdk would have made at once.

A resource is a :class:`dict`, and some of Python's own functions read a dict
past its methods; what they need is explained where it is provided for. Out of
reach are an unbound method (``dict.get(image, 'name')``), and extensions in C
that read the memory of a dict: give them ``image.to_dict()``. ``type(image)``
is a subclass of the image's class until the image is complete:
``isinstance()`` and ``image.__class__`` say the same before and after.
"""

from collections.abc import Callable, Mapping
import copy
import functools
import inspect
import opcode
import sys
import threading
from typing import Any, Self, TypeVar, cast

from openstack import connection as sdk_connection
from openstack import fields
from openstack import resource as sdk_resource

from ims_ext import wire_names
from ims_ext.transport import response_body

R = TypeVar('R', bound=sdk_resource.Resource)

#: The attribute with what a deferred resource will be made of.
_STATE = '_deferred'

#: What a deferred resource's dict has until it is complete. The JSON encoder
#: asks a dict for its items only where there are some. No text: whoever reads
#: past the methods shall stumble over it rather than get half a resource.
_FILLER: Any = object()

#: What a constructor has for itself: the cloud's attributes by these names
#: cannot be given to it.
_RESERVED = frozenset(('self', '_synchronized', 'connection', 'microversion'))

#: Where openstacksdk decides on what an attribute is made of. Of a class that
#: does so in another way, no attribute can be read before it is complete.
_DECIDING = (
    '__getattribute__',
    '_allow_unknown_attrs_in_body',
    '_attributes_iterator',
    '_collect_attrs',
    '_compute_attributes',
    '_consume_attrs',
    '_consume_body_attrs',
    '_consume_mapped_attrs',
    '_get_mapping',
)

#: Special methods that a deferred resource has as they are: they belong to
#: the class, or must not complete anything.
_KEPT = frozenset(
    (
        '__class__',
        '__class_getitem__',
        '__del__',
        '__getattribute__',
        '__init__',
        '__init_subclass__',
        '__new__',
        '__sizeof__',
        '__subclasshook__',
    )
)

#: Instructions that read a mapping's keys() and then its items, as in
#: ``{**image}`` and ``call(**image)``.
_MERGING = frozenset(
    opcode.opmap[name]
    for name in ('DICT_UPDATE', 'DICT_MERGE')
    if name in opcode.opmap
)

_UNREAD = object()

_get = object.__getattribute__

#: Held while a resource becomes complete, which takes microseconds: what it
#: becomes is made before.
_lock = threading.RLock()

Reader = Callable[[dict[str, Any]], Any]


class LazyMixin:
    """Makes ``existing()`` of a resource class put the construction off."""

    @classmethod
    def existing(
        cls,
        connection: sdk_connection.Connection | None = None,
        **attrs: Any,
    ) -> Self:
        """Return a resource that the cloud has, to be made when looked at.

        :param connection: The connection that it comes from.
        :param attrs: Its attributes, under either name.
        """
        kind: Any = cls
        origin = Origin(kind, connection, attrs.pop('microversion', None))
        attrs = wire_names.sort_out_both(kind, attrs)
        return cast(Self, origin.defer_sorted(attrs))


class Origin:
    """Where resources come from: what those of one answer share.

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
        #: The class that the resources have when they are complete.
        self.kind: Any = getattr(kind, '_completed_type', kind)
        self._connection = connection
        self._here = _Here(connection) if connection else None
        self._microversion = microversion
        self._deferred: Any = None
        if self.kind.__init__ is sdk_resource.Resource.__init__:
            # One whose making is its own may be made into anything.
            self._deferred = _deferred_type(self.kind)

    def defer(self, attrs: dict[str, Any]) -> Any:
        """Return a resource that is made when it is looked at.

        :param attrs: What the cloud sent of it; the caller's no more.
        """
        if issubclass(self.kind, LazyMixin):
            attrs = wire_names.sort_out(self.kind, attrs)
        return self.defer_sorted(attrs)

    def defer_sorted(self, attrs: dict[str, Any]) -> Any:
        """Return a resource whose attributes are known to be no properties.

        :param attrs: Its attributes, under either name; the caller's no
            more.
        """
        if self._deferred is None:
            return self.make(attrs)
        deferred = dict.__new__(self._deferred)
        dict.__setitem__(deferred, _FILLER, None)
        object.__setattr__(deferred, _STATE, (attrs, self, None))
        return deferred

    def make(self, attrs: Mapping[str, Any]) -> Any:
        """Return a resource as openstacksdk makes it.

        :param attrs: What the cloud sent of it.
        """
        given = {
            name: value
            for name, value in attrs.items()
            if name not in _RESERVED
        }
        own = given.get('properties')
        if isinstance(own, dict):
            # openstacksdk adds to it, perhaps in two threads at once.
            given['properties'] = own = dict(own)
        if (
            len(given) < len(attrs)
            and self.kind._store_unknown_attrs_as_properties
        ):
            # As in openstacksdk, whose lists leave out "self".
            others = {
                name: attrs[name]
                for name in attrs
                if name in _RESERVED and name != 'self'
            }
            if others and (own is None or isinstance(own, dict)):
                given['properties'] = {**(own or {}), **others}
        with response_body.answered(f"Reading {self.kind.__name__}"):
            made = self.kind(
                _synchronized=True,
                connection=self._here,
                microversion=self._microversion,
                **given,
            )
        made._connection = self._connection
        return made


class _Here:
    """A connection that knows where it is."""

    def __init__(self, connection: sdk_connection.Connection) -> None:
        self._connection = connection
        self._location = connection.current_location

    @property
    def current_location(self) -> Any:
        return copy.deepcopy(self._location)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def id_name(kind: type[sdk_resource.Resource]) -> str:
    """Return the name under which the cloud sends a resource's ID."""
    return kind._alternate_id() or 'id'


# ====== COMPLETING ======


def _made(resource: Any) -> Any:
    """Return what openstacksdk would have made at once, made now."""
    try:
        attrs, origin, made = _get(resource, _STATE)
    except AttributeError:
        # Another thread was faster, and this is it.
        return resource
    if made is None:
        made = origin.make(attrs)
        with _lock:
            # Another thread may have completed it in the meantime.
            if _STATE in _get(resource, '__dict__'):
                object.__setattr__(resource, _STATE, (attrs, origin, made))
    return made


def _complete(resource: Any) -> None:
    """Make a deferred resource what openstacksdk would have made at once."""
    made = _made(resource)
    with _lock:
        if type(resource) is type(made):
            return
        # Cut short by an interrupt at any point, it can be begun again. The
        # dict is never empty: another thread may be encoding it.
        dict.update(resource, made)
        dict.pop(resource, _FILLER, None)
        state = _get(resource, '__dict__')
        state.update(made.__dict__)
        object.__setattr__(resource, '__class__', type(made))
        del state[_STATE]


def _completing(kind: type[Any], name: str) -> Any:
    """Return a special method that completes the resource first."""
    method = getattr(kind, name)

    @functools.wraps(method)
    def complete_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        _complete(self)
        return method(self, *args, **kwargs)

    return complete_first


# ====== THE CLASS OF A DEFERRED RESOURCE ======


@functools.cache
def _deferred_type(kind: type[R]) -> type[R]:
    """Return the class that resources have until they are complete."""
    readers = _readers(kind)
    namespace: dict[str, Any] = {
        name: _completing(kind, name)
        for name in dir(kind)
        if name.startswith('__')
        and not name.startswith('__annot')
        and name not in _KEPT
        and callable(getattr(kind, name))
    }

    def read_attribute(self: Any, name: str) -> Any:
        read = readers.get(name)
        if read is not None:
            value = read(self)
            if value is not _UNREAD:
                return value
        elif name == '__class__':
            return kind
        if name == 'keys' and _is_merging(sys._getframe(1)):
            return functools.partial(list, dict.keys(_made(self)))
        _complete(self)
        return getattr(self, name)

    def read_item(self: Any, name: Any) -> Any:
        if _is_merging(sys._getframe(1)):
            return dict.__getitem__(_made(self), name)
        if isinstance(name, str) and name in readers:
            component = inspect.getattr_static(kind, name)
            if isinstance(component, fields._BaseComponent):
                return getattr(self, name)
        _complete(self)
        return kind.__getitem__(self, name)

    namespace.update(
        __doc__=kind.__doc__,
        __getattribute__=read_attribute,
        __getitem__=read_item,
        __hash__=None,
        __module__=kind.__module__,
        __new__=lambda _, *args, **kwargs: kind(*args, **kwargs),
        __qualname__=kind.__qualname__,
        # The memory must be laid out as in the complete one's class.
        __slots__=(),
        _completed_type=kind,
    )
    metaclass: Any = type(kind)
    return cast(type[R], metaclass(kind.__name__, (kind,), namespace))


def _is_merging(frame: Any) -> bool:
    """Whether Python's interpreter itself asks for keys or items, to merge.

    ``{**image}`` has no other hook: it takes the entries of a resource's
    dict, without looking into any method, if the class iterates as dict does.
    Where it does not, it takes the keys that keys() gives and their items.
    But openstacksdk's keys() has more than the dict, and some twice; and its
    items may be others than the dict's.
    """
    return frame.f_code.co_code[frame.f_lasti] in _MERGING


# ====== READING SINGLE ATTRIBUTES ======


class _Carrier:
    """Stands in for a resource whose attribute is read."""

    __slots__ = ('_body',)

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body


def _readers(kind: type[sdk_resource.Resource]) -> dict[str, Any]:
    """Return what reads a deferred resource's attributes, by their names.

    Each takes the resource, and returns ``_UNREAD`` where the attribute can
    be told only from the complete one.
    """
    base = sdk_resource.Resource
    if any(
        inspect.getattr_static(kind, name)
        is not inspect.getattr_static(base, name)
        for name in _DECIDING
    ):
        return {}
    sources = _sources(kind)
    readers: dict[str, Any] = {}
    for name in dir(kind):
        member = inspect.getattr_static(kind, name)
        if isinstance(member, property) and member.fget:
            # It reads what it needs from the resource.
            readers[name] = member.fget
        elif isinstance(member, fields.Body):
            packed = kind._store_unknown_attrs_as_properties
            if member.name != 'properties' or not packed:
                readers[name] = _body_reader(member, sources[member.name])
    readers['id'] = _id_reader(
        [
            sources[name]
            for name in ('id', kind._alternate_id())
            if name in sources
        ]
    )
    return readers


def _sources(kind: type[sdk_resource.Resource]) -> dict[str, tuple[str, ...]]:
    """Return the names under which each attribute may have been sent.

    As in openstacksdk: the cloud's and Python's, each of whatever class uses
    it, and then whatever their case.
    """
    mapping: dict[str, str] = dict(kind._body_mapping())
    given = {*mapping, *mapping.values()}
    return {
        wire: tuple(
            sorted(
                name
                for name in given
                if name.lower() in (wire.lower(), python.lower())
            )
        )
        for wire, python in mapping.items()
    }


def _body_reader(component: fields.Body, sources: tuple[str, ...]) -> Any:
    wire = component.name
    is_alias = bool(component.alias)

    def read(resource: Any) -> Any:
        try:
            attrs = _get(resource, _STATE)[0]
        except AttributeError:
            return _UNREAD
        found = [name for name in sources if name in attrs]
        if len(found) == 1:
            try:
                return component.__get__(_Carrier({wire: attrs[found[0]]}))
            except response_body.STUMBLES:
                return _UNREAD
        if found or is_alias:
            return _UNREAD
        return component.__get__(_Carrier({}))

    return read


def _id_reader(all_sources: list[tuple[str, ...]]) -> Any:
    def read(resource: Any) -> Any:
        try:
            attrs = _get(resource, _STATE)[0]
        except AttributeError:
            return _UNREAD
        for sources in all_sources:
            found = [name for name in sources if name in attrs]
            if len(found) > 1:
                return _UNREAD
            if found:
                return attrs[found[0]]
        return None

    return read
