# SPDX-License-Identifier: Apache-2.0
"""Filters of image lists: those that the service takes, and those it does not.

The second kind is answered here, from what the list says of each image: an
image's own properties, and times that one documented condition cannot say.
"""

from collections.abc import Callable, Collection, Mapping
import dataclasses
from typing import Any

from openstack import resource as sdk_resource

from ims_ext import exceptions
from ims_ext import paging
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext import wire_names
from ims_ext.extension import image_time
from ims_ext.extension import tag_rules as _tag
from ims_ext.transport import request_check

#: What the service sorts by.
SORT_KEYS = (
    'name',
    'container_format',
    'disk_format',
    'status',
    'id',
    'size',
    'created_at',
)

#: Answers to an image that another project shares.
MEMBER_STATUSES = ('accepted', 'pending', 'rejected')

#: What the extension does not know, and clouds with all of Glance do.
_NATIVE_VISIBILITIES = ('community', 'all')

#: F's table writes a filter differently from its address.
_OTHER_SPELLINGS = {'__system_cmkid': '__system__cmkid'}

Condition = Callable[[Any], bool]


@dataclasses.dataclass
class ImageFilter:
    """A list's filters, by who applies them.

    :ivar wire: Parameters of the request.
    :ivar conditions: What else must hold of an image, one by one.
    :ivar is_native: Whether images are wanted that the extension does not
        list, but Glance's operation does.
    :ivar has_own_limit: Whether the caller has said how large a page is.
    """

    wire: dict[str, Any]
    conditions: list[Condition]
    is_native: bool = False
    has_own_limit: bool = False

    def matches(self, image: Any) -> bool:
        """Whether an image of the list is one of those wanted."""
        return all(condition(image) for condition in self.conditions)


def read(
    kind: type[resource.Resource], query: Mapping[str, Any]
) -> ImageFilter:
    """Return filters of images as the service, and as this program, take them.

    :param kind: The class of the images.
    :param query: Filters, under the attributes' names or the service's. Any
        name that begins with ``__`` goes to the service as it is.
    :raises: :class:`~ims_ext.exceptions.ValidationError` for a filter that
        does not exist, or a value that it cannot have.
    """
    found = ImageFilter({'limit': paging.PAGE_SIZE}, [])
    found.has_own_limit = bool(query.get('limit'))
    mapping = names(kind)
    wire_names = set(mapping.values())
    for given, value in query.items():
        key = _OTHER_SPELLINGS.get(given, given)
        if key == 'properties':
            if value is not None:
                found.conditions += _property_conditions(kind, value)
            continue
        if key in ('is_hidden', 'os_hidden'):
            if value is not None and validation.check_flag(key, value):
                found.is_native = True
                found.wire['os_hidden'] = 'true'
            continue
        if not is_wire_name(key):
            _check_known(key, mapping, wire_names)
        else:
            check_underscores('filter', key, wire_names)
        if value is None:
            continue
        if key == 'visibility' and value in _NATIVE_VISIBILITIES:
            found.is_native = True
        if key in image_time.ATTRIBUTES:
            sent, *others = image_time.conditions(key, value)
            found.wire[key] = str(sent)
            found.conditions += [other.holds for other in others]
        else:
            found.wire[key] = _wire_value(key, value)
    return found


def names(kind: type[resource.Resource]) -> dict[str, str]:
    """Return the filters that the service takes, by the attributes' names."""
    return sdk.query_names(kind)


def is_wire_name(name: Any) -> bool:
    """Whether a name is the service's own, documented or not.

    The clouds add attributes faster than their references: what is spelt
    like one of theirs is not checked against a list.
    """
    return isinstance(name, str) and name.startswith('__') and name != '__'


def check_underscores(kind: str, name: str, known: Collection[str]) -> None:
    """Refuse one of the service's names with other underscores in it.

    Where the references contradict themselves, it is in this: the service
    would not know the name, and list everything.

    :param kind: What the name is, for the message: "attribute", "filter".
    :param name: A name that begins with ``__``.
    :param known: The names that are documented.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    letters = name.replace('_', '')
    for each in known:
        if each != name and each.replace('_', '') == letters:
            raise exceptions.ValidationError(
                f"There is no {kind} {name!r} here; did you mean {each}?"
            )


def _check_known(
    key: Any, mapping: Mapping[str, str], wire_names: Collection[str]
) -> None:
    try:
        validation.check_known('filter', [key], mapping, wire_names)
    except exceptions.ValidationError as error:
        raise exceptions.ValidationError(
            f"{error}. Images' own properties are looked for with "
            f"properties={{…}}; a name that begins with '__' is sent as it is"
        ) from None


def _wire_value(key: str, value: Any) -> Any:
    if key == 'limit':
        return (
            validation.check_number(key, value, 'images') or paging.PAGE_SIZE
        )
    if key in ('size_min', 'size_max'):
        return validation.check_number(key, value, 'bytes')
    if key == 'sort_key':
        return validation.check_choice(key, value, SORT_KEYS)
    if key == 'sort_dir':
        return validation.check_choice(key, value, ('asc', 'desc'))
    if key == 'tag':
        return _tag_filter(value)
    if key == 'id' and not isinstance(value, str):
        # F 2022-12 takes several; how they are written is not said.
        several = not isinstance(value, sdk_resource.Resource)
        images = validation.check_several('id', value) if several else [value]
        return ','.join(_image_id(image) for image in images)
    if isinstance(value, bool):
        return str(value).lower()
    return value


def _image_id(image: Any) -> str:
    found = image.id if isinstance(image, sdk_resource.Resource) else image
    return request_check.check_id(found, image, 'an image')


def _tag_filter(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping | list):
        value = [value]
    tags = _tag.check_tags(value)
    if len(tags) != 1:
        raise exceptions.ValidationError(
            f"The list of images can be filtered by one tag, not by "
            f"{len(tags)}"
        )
    return str(tags[0])


# ====== WHAT THE SERVICE DOES NOT FILTER BY ======


def _property_conditions(
    kind: type[resource.Resource], properties: Any
) -> list[Condition]:
    """Return the conditions that images' properties are as they should be."""
    validation.check_mapping('properties', properties)
    attributes = {
        name: python
        for python, component in wire_names.sent_attributes(kind)
        for name in (python, component.name)
        if python != 'properties'
    }
    return [
        _property_condition(
            validation.check_text("A property's name", name),
            attributes.get(name),
            validation.check_text(name, value),
        )
        for name, value in properties.items()
    ]


def _property_condition(
    name: str, attribute: str | None, wanted: str
) -> Condition:
    def holds(image: Any) -> bool:
        own = image.properties or {}
        # As with openstackclient, an attribute of the name will do; but the
        # image's own property goes first.
        value = own.get(name)
        if value is None and attribute:
            value = getattr(image, attribute)
        return value is not None and as_text(value) == as_text(wanted)

    return holds


def as_text(value: Any) -> str:
    """Return a value as the service writes it: truth values in lower case."""
    text = str(value)
    return text.lower() if text.lower() in ('true', 'false') else text
