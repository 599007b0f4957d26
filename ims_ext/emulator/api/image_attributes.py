# SPDX-License-Identifier: Apache-2.0
"""The attributes of an image: types, limits, defaults, and the wire's view.

Shared by the native and the extension operations::

    attributes = defaults(os_version='Ubuntu 18.04 server 64bit')
    image = state.images.add(Image.new(project_id, name, attributes))
    return view(image, request.project_id)
"""

from collections.abc import Callable
from typing import Any

from ims_ext import os_versions
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.errors import TooLarge
from ims_ext.emulator.state import Image

INTEGERS = frozenset({'min_disk', 'min_ram', 'size', 'virtual_size'})
BOOLEANS = frozenset({'protected', 'os_hidden'})

#: Set by the service alone.
READ_ONLY = frozenset(
    {
        'id',
        'owner',
        'status',
        'created_at',
        'updated_at',
        'active_at',
        'checksum',
        'os_hash_algo',
        'os_hash_value',
        'size',
        'virtual_size',
        'file',
        'self',
        'schema',
        'direct_url',
        'locations',
        '__image_size',
        '__image_source_type',
        '__imagetype',
        '__isregistered',
        '__os_bit',
        '__os_type',
        '__platform',
        '__root_origin',
        'virtual_env_type',
    }
)

#: Where an image's data is, kept where that is not the usual place.
LOCATIONS = 'locations'

#: Glance's own names, which nobody may give a property.
_RESERVED = frozenset({'location', 'deleted', 'deleted_at'})
_RESERVED_PREFIX = 'os_glance_'
#: What Glance refuses when an image is made, if not later.
NOT_CREATED = frozenset({'stores'})

#: Attributes that every image has; they can be changed, but not removed.
BASE = READ_ONLY | {
    'name',
    'visibility',
    'tags',
    'protected',
    'os_hidden',
    'min_disk',
    'min_ram',
    'disk_format',
    'container_format',
}

#: What the service alone changes, though a native creation may say it:
#: sharing, export and the deletion of backups go by these.
SERVICE_OWNED = frozenset(
    {
        '__os_feature_list',
        '__originalimagename',
        '__backup_id',
        '__productcode',
        '__data_origin',
        '__lazyloading',
        '__system__cmkid',
        '__account_code',
        '__system_support_market',
        '__is_offshelved',
        '__sequence_num',
        '__support_agent_list',
        '__support_arm',
        '__image_location',
        '__whole_image',
        'deleted',
        'deleted_at',
    }
)

DISK_FORMATS = (
    'zvhd2',
    'zvhd',
    'vhd',
    'raw',
    'qcow2',
    'vmdk',
    'vhdx',
    'qed',
    'vdi',
    'qcow',
    'iso',
)
CONTAINER_FORMATS = ('bare', 'ovf', 'ova')

#: What an image runs whose creator did not say.
DEFAULT_OS_VERSION = 'Other Linux(64 bit)'

_MAX_NAME = 255
_MAX_TAG = 255
_MAX_TAGS = 128
_MAX_PROPERTIES = 128
_MAX_PROPERTY_VALUE = 65535
_MAX_DISK = 1024


def defaults(os_version: str | None = None) -> dict[str, Any]:
    """Return the attributes of a new private image.

    :param os_version: A documented version; others are refused.
    :raises: :class:`~ims_ext.emulator.errors.ImsError` with IMG.0056 for a
        version that is not documented.
    """
    return {
        'container_format': 'bare',
        'disk_format': 'zvhd2',
        'min_disk': 0,
        'min_ram': 0,
        'protected': False,
        'os_hidden': False,
        'size': None,
        'virtual_size': None,
        'checksum': None,
        'os_hash_algo': None,
        'os_hash_value': None,
        'virtual_env_type': 'FusionCompute',
        '__image_size': '0',
        '__image_source_type': 'uds',
        '__imagetype': 'private',
        '__isregistered': 'true',
        '__root_origin': 'file',
        **os_attributes(os_version or DEFAULT_OS_VERSION),
    }


def os_attributes(os_version: str) -> dict[str, str]:
    """Return the attributes that follow from the version, and it itself.

    :raises: :class:`~ims_ext.emulator.errors.ImsError` with IMG.0056 for a
        version that is not documented.
    """
    found = os_versions.find(os_version)
    if found is None:
        raise ImsError('IMG.0056')
    return {
        '__os_version': found.version,
        '__os_type': found.os_type,
        '__platform': found.platform,
        '__os_bit': str(found.os_bit),
    }


def view(image: Image, project_id: str) -> dict[str, Any]:
    """Return an image as the wire has it.

    :param project_id: Who looks: to a project that an image was shared
        with, its type is ``shared``.
    """
    path = f'/v2/images/{image.id}'
    body = {
        **image.attributes,
        'id': image.id,
        'name': image.name,
        'owner': image.owner,
        'status': image.status,
        'visibility': image.visibility,
        'created_at': image.created_at,
        'updated_at': image.updated_at,
        'tags': image.tags,
        'self': path,
        'file': f'{path}/file',
        'schema': '/v2/schemas/image',
    }
    # For those to tell who know of several; see store.py.
    body.pop(LOCATIONS, None)
    if image.visibility == 'shared' and image.owner != project_id:
        body['__imagetype'] = 'shared'
    return body


def check(attribute: str, value: Any) -> Any:
    """Return a value that a client may give an attribute.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest` or ``TooLarge``
        for a value out of bounds, ``ImsError`` for an unknown OS version.
    """
    checker: Callable[[str, Any], Any] = _CHECKS.get(
        attribute, _check_property
    )
    return checker(attribute, value)


def check_reserved(attribute: str) -> None:
    """Refuse a name that Glance keeps for itself.

    :raises: :class:`~ims_ext.emulator.errors.Forbidden`
    """
    if attribute in _RESERVED or attribute.startswith(_RESERVED_PREFIX):
        raise Forbidden(f"Attribute '{attribute}' is reserved.")


def check_tag(tag: Any) -> str:
    """Return a tag that is not too long."""
    if not isinstance(tag, str) or not tag:
        raise BadRequest("A tag must be a string that is not empty.")
    if len(tag) > _MAX_TAG:
        raise BadRequest(f"A tag has at most {_MAX_TAG} characters.")
    return tag


def check_count(image: Image) -> None:
    """Refuse an image with too many tags or properties."""
    if len(image.tags) > _MAX_TAGS:
        raise TooLarge(f"An image has at most {_MAX_TAGS} tags.")
    own = sum(1 for name in image.attributes if name not in BASE)
    if own > _MAX_PROPERTIES:
        raise TooLarge(f"An image has at most {_MAX_PROPERTIES} properties.")


def _check_tags(attribute: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise BadRequest("The tags must be a list of strings.")
    return sorted({check_tag(each) for each in value})


def _check_name(attribute: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _MAX_NAME:
        raise BadRequest(
            f"An image's name is a string of at most {_MAX_NAME} characters."
        )
    return value


def _check_boolean(attribute: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest(f"The value of '{attribute}' must be a boolean.")
    return value


def _check_size(attribute: str, value: Any) -> int:
    # The largest value is the database's, where the cloud names none.
    largest = _MAX_DISK if attribute == 'min_disk' else 2**31 - 1
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not 0 <= value <= largest
    ):
        raise BadRequest(
            f"The value of '{attribute}' must be an integer from 0 to "
            f"{largest}."
        )
    return value


def _one_of(*permitted: str) -> Callable[[str, Any], str]:
    def check_choice(attribute: str, value: Any) -> str:
        if not isinstance(value, str) or value not in permitted:
            raise BadRequest(
                f"Invalid value '{value}' for '{attribute}'; permitted: "
                + ', '.join(permitted)
            )
        return value

    return check_choice


def _check_property(attribute: str, value: Any) -> str:
    if not attribute or len(attribute) > _MAX_NAME:
        raise BadRequest(f"A property's name has 1 to {_MAX_NAME} characters.")
    if not isinstance(value, str):
        raise BadRequest(f"The value of '{attribute}' must be a string.")
    if len(value) > _MAX_PROPERTY_VALUE:
        raise BadRequest(f"The value of '{attribute}' is too long.")
    return value


def _check_os_version(attribute: str, value: Any) -> str:
    version = _check_property(attribute, value)
    os_attributes(version)
    return version


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    'name': _check_name,
    'tags': _check_tags,
    'protected': _check_boolean,
    'os_hidden': _check_boolean,
    'min_disk': _check_size,
    'min_ram': _check_size,
    'visibility': _one_of('private', 'shared', 'public', 'community'),
    'disk_format': _one_of(*DISK_FORMATS),
    'container_format': _one_of(*CONTAINER_FORMATS),
    '__os_version': _check_os_version,
}
