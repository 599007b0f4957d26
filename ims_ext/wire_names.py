# SPDX-License-Identifier: Apache-2.0
"""The meaning of a key: an attribute by its wire name, or a property.

``__os_version`` is what the cloud says of an image's ``os_version``; a key
``os_version`` is a property that somebody has given the image, and an image
may have both. openstacksdk takes either key for the attribute.
"""

from collections.abc import Iterator, Mapping
import functools
from typing import Any

from openstack import fields
from openstack import resource as sdk_resource

#: The kinds of attributes of a resource.
COMPONENTS = (fields.Body, fields.Header, fields.Computed, fields.URI)

#: What every resource has, under whatever name the cloud sends it.
_COMMON = frozenset(('id', 'name'))


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


def sent_attributes(
    kind: type[sdk_resource.Resource],
) -> Iterator[tuple[str, Any]]:
    """Give the attributes of a class that the cloud sends.

    :param kind: The class of the resources.
    """
    return attributes(kind, fields.Body, fields.Header)


def attribute_names(kind: type[sdk_resource.Resource]) -> dict[str, str]:
    """Return the attributes' names, by those that the cloud sends them by."""
    names: dict[str, str] = {}
    for name, component in attributes(kind, fields.Body):
        names.setdefault(name, component.name)
    return {wire: name for name, wire in names.items()}


@functools.cache
def lookalikes(kind: type[sdk_resource.Resource]) -> Mapping[str, str]:
    """Return the attributes' names by which the cloud does not send them.

    :param kind: A class of resources.
    :returns: The wire names, by the attributes' names.
    """
    sent: set[str] = set()
    names: dict[str, str] = {}
    for name, component in attributes(kind):
        names.setdefault(name, component.name)
        if isinstance(component, fields.Body | fields.URI):
            sent.add(component.name)
    return {
        name: wire
        for name, wire in names.items()
        if name not in sent and name not in _COMMON
    }


@functools.cache
def _lookalike_names(kind: type[sdk_resource.Resource]) -> frozenset[str]:
    return frozenset(lookalikes(kind))


def sort_out(
    kind: type[sdk_resource.Resource], body: dict[str, Any]
) -> dict[str, Any]:
    """Return what the cloud sent, with properties among the properties.

    :param kind: The class of the resource.
    :param body: What the cloud sent of it, not changed.
    """
    names = _lookalike_names(kind)
    if names.isdisjoint(body):
        return body
    return _moved(body, [name for name in body if name in names])


def sort_out_both(
    kind: type[sdk_resource.Resource], attrs: dict[str, Any]
) -> dict[str, Any]:
    """Return attributes that came under either name, sorted out.

    Where one came under both names, the one that is not the cloud's is a
    property.

    :param kind: The class of the resource.
    :param attrs: The attributes, not changed.
    """
    names = lookalikes(kind)
    return _moved(
        attrs,
        [name for name in attrs if name in names and names[name] in attrs],
    )


def _moved(attrs: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return attributes, some of them moved to the properties."""
    if not names:
        return attrs
    moved = {name: value for name, value in attrs.items() if name not in names}
    own = attrs.get('properties')
    if own is not None and not isinstance(own, dict):
        # A property of this name, as openstacksdk keeps it.
        own = {'properties': own}
    moved['properties'] = {
        **(own or {}),
        **{name: attrs[name] for name in names},
    }
    return moved
