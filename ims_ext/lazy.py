# SPDX-License-Identifier: Apache-2.0
"""Resources that are made when somebody looks at them.

A whole resource costs some 15 microseconds, twice as much as reading the
JSON that it comes from, and a list has thousands that nobody may look at. A
deferred resource keeps what the cloud sent. Whatever is done with it makes it
whole first: it is then, class included, what would have been made at once.

A resource is a :class:`dict`, and the methods of dict are not the only way to
its entries. Python's own other ways (``{**image}``, ``dict(image)``,
``json.dumps(image)``) ask an object whose class iterates in a way of its own
for ``keys()`` and items, as a deferred one's does. Only classes are deferred
whose keys and items are their entries. Out of reach are an unbound method
(``dict.get(image, 'name')``), and extensions in C that read the memory of a
dict: give them ``image.to_dict()``, or turn deferring off by ``ims_lazy:
false`` in the cloud's configuration. ``type(image)`` is a subclass of the
image's class until the image is whole: ``isinstance()`` and
``image.__class__`` say the same before and after.
"""

import functools
import threading
from typing import Any, TypeVar, cast

from openstack import connection as sdk_connection
from openstack import resource as sdk_resource

from ims_ext import construction
from ims_ext import resource_table

R = TypeVar('R', bound=sdk_resource.Resource)

#: The attribute with what a deferred resource will be made of.
_STATE = '_deferred'

#: What a deferred resource's dict has until it is whole. The JSON encoder
#: asks a dict for its items only where there are some. No text: whoever reads
#: past the methods shall stumble over it rather than get half a resource.
_FILLER: Any = object()

#: Special methods that a deferred resource has as they are: they belong to
#: the class, or must not make anything.
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

#: Values of the setting that say no.
_NEGATIVE = frozenset(('false', 'no', 'off', '0'))

_get = object.__getattribute__

#: Held while a resource becomes whole, which takes microseconds: what it
#: becomes is made before.
_lock = threading.RLock()


class Builder(construction.Builder):
    """Makes the resources that one answer has, at once or when looked at.

    :param kind: The class of the resources.
    :param connection: The connection that they come from. Its setting
        ``ims_lazy`` says whether they may be deferred.
    :param microversion: The API's microversion.
    """

    def __init__(
        self,
        kind: type[sdk_resource.Resource],
        connection: sdk_connection.Connection | None = None,
        microversion: str | None = None,
    ) -> None:
        kind = getattr(kind, '_whole_type', kind)
        super().__init__(kind, connection, microversion)
        self._deferred: Any = (
            _deferred_type(kind) if _may_defer(connection) else None
        )

    def defer(self, attrs: dict[str, Any]) -> Any:
        """Return a resource that is made when it is looked at.

        Where its class or the connection does not allow that, it is made.

        :param attrs: What the cloud sent of it; the caller's no more.
        """
        if self._deferred is None:
            return self.make(attrs)
        deferred = dict.__new__(self._deferred)
        dict.__setitem__(deferred, _FILLER, None)
        object.__setattr__(deferred, _STATE, (attrs, self))
        return deferred


def _may_defer(connection: sdk_connection.Connection | None) -> bool:
    """Whether a connection's configuration lets resources be deferred."""
    region = getattr(connection, 'config', None)
    settings = getattr(region, 'config', None) or {}
    return str(settings.get('ims_lazy', True)).lower() not in _NEGATIVE


def _make_whole(resource: Any) -> None:
    """Make a deferred resource what would have been made at once."""
    try:
        attrs, builder = _get(resource, _STATE)
    except AttributeError:
        # Another thread was faster.
        return
    made = builder.make(attrs)
    with _lock:
        if type(resource) is type(made):
            return
        # Cut short by an interrupt at any point, it can be begun again. The
        # dict is never empty: another thread may be encoding it.
        dict.update(resource, made)
        dict.pop(resource, _FILLER, None)
        state = _get(resource, '__dict__')
        state.update(_get(made, '__dict__'))
        object.__setattr__(resource, '__class__', type(made))
        del state[_STATE]


@functools.cache
def _deferred_type(kind: type[R]) -> type[R] | None:
    """Return the class that resources have until they are whole, if any."""
    table = resource_table.table(kind)
    if table is None or not table.is_making or table.has_more_keys:
        return None
    namespace: dict[str, Any] = {
        name: _making_whole(kind, name)
        for name in dir(kind)
        if name.startswith('__')
        and not name.startswith('__annot')
        and name not in _KEPT
        and callable(getattr(kind, name))
    }

    def read_attribute(self: Any, name: str) -> Any:
        if name == '__class__':
            return kind
        _make_whole(self)
        return getattr(self, name)

    namespace.update(
        __doc__=kind.__doc__,
        __getattribute__=read_attribute,
        __hash__=None,
        __module__=kind.__module__,
        __new__=lambda _, *args, **kwargs: kind(*args, **kwargs),
        __qualname__=kind.__qualname__,
        # The memory must be laid out as in the whole one's class.
        __slots__=(),
        _whole_type=kind,
    )
    metaclass: Any = type(kind)
    return cast(type[R], metaclass(kind.__name__, (kind,), namespace))


def _making_whole(kind: type[Any], name: str) -> Any:
    """Return a special method that makes the resource whole first."""
    method = getattr(kind, name)

    @functools.wraps(method)
    def make_whole_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        _make_whole(self)
        return method(self, *args, **kwargs)

    return make_whole_first
