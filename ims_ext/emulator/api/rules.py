# SPDX-License-Identifier: Apache-2.0
"""The documented rules for values in requests, and the code of each breach.

Every function takes a value as it came from a client, whatever that is, and
returns it in the type that the service keeps, or raises
:class:`~ims_ext.emulator.errors.ImsError`.
"""

from collections.abc import Mapping
import re
from typing import Any
import uuid

from ims_ext import os_versions
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Request

#: GiB that a system disk may have.
SYSTEM_DISK = range(1, 1024 + 1)
#: GiB that a data disk may have where it comes with a system disk.
DATA_DISK = range(1, 2048 + 1)
#: How many tags an image may have.
TAG_LIMIT = 10
#: The enterprise project that images belong to by default.
DEFAULT_ENTERPRISE_PROJECT = '0'

# H documents Chinese characters beside the letters that all clouds take.
_LETTERS = r'A-Za-z0-9\u4e00-\u9fff'
_NAME = re.compile(rf'[{_LETTERS}._ -]+')
_BUCKET = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')
_BANNED_IN_DESCRIPTIONS = frozenset('<>\r\n')
_BANNED_IN_TAGS = frozenset('=*<>\\,|/')


def json_body(request: Request) -> Any:
    """Return a request's JSON value.

    :raises: IMG.0007 without one, IMG.0001 for what is no JSON.
    """
    value = request.json_value()
    if value is None or value in ({}, []):
        raise ImsError('IMG.0007')
    return value


def json_object(request: Request) -> dict[str, Any]:
    """Return a request's JSON object.

    :raises: As :func:`json_body`, and IMG.0001 for another kind of value.
    """
    value = json_body(request)
    if not isinstance(value, dict):
        raise ImsError('IMG.0001', "The request body must be a JSON object.")
    return value


def own_project(request: Request, project_id: str) -> None:
    """Refuse another project than the caller's.

    :param project_id: As in the path or the body.
    :raises: IMG.0030
    """
    if project_id != request.project_id:
        raise ImsError('IMG.0030')


def text(name: str, value: Any, code: str = 'IMG.0001') -> str:
    """Return a string.

    :param name: What the message calls the value.
    :param code: The code for anything else.
    """
    if not isinstance(value, str):
        raise ImsError(code, f"The value of {name} must be a string.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # JSON's escapes can spell halves of characters.
        raise ImsError(code, f"The value of {name} is not text.") from error
    return value


def image_name(value: Any) -> str:
    """Return an image's name.

    :raises: IMG.0013 without one, IMG.0002 above 128 characters, IMG.0003
        for characters that are not permitted.
    """
    if value is None or value == '':
        raise ImsError('IMG.0013')
    name = text('name', value, 'IMG.0003')
    if len(name) > 128:
        raise ImsError('IMG.0002')
    if name != name.strip() or not _NAME.fullmatch(name):
        raise ImsError('IMG.0003')
    return name


def description(value: Any) -> str:
    """Return a description; empty without one.

    :raises: IMG.0004 above 1,024 characters, IMG.0054 for characters that
        are not permitted.
    """
    if value is None:
        return ''
    words = text('description', value, 'IMG.0054')
    if len(words) > 1024:
        raise ImsError('IMG.0004')
    if _BANNED_IN_DESCRIPTIONS & set(words):
        raise ImsError('IMG.0054')
    return words


def whole_number(name: str, value: Any, code: str = 'IMG.0055') -> int:
    """Return a number that is 0 or more; digits in a string will do.

    :param name: What the message calls the value.
    :param code: The code for anything else.
    """
    if isinstance(value, str) and re.fullmatch(r'[0-9]{1,18}', value):
        value = int(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not 0 <= value < 10**18
    ):
        raise ImsError(code, f"The value of {name} must be a whole number.")
    return value


def disk_size(value: Any, allowed: range = SYSTEM_DISK) -> int:
    """Return a size of disk in GiB.

    :raises: IMG.0055 without one, or for one that is not allowed.
    """
    if value is None:
        raise ImsError('IMG.0055', "min_disk is not specified.")
    size = whole_number('min_disk', value)
    if size not in allowed:
        raise ImsError(
            'IMG.0055',
            f"The value of min_disk must be from {allowed[0]} to "
            f"{allowed[-1]} GB.",
        )
    return size


def memory(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes for the memory that an image asks for.

    :param body: Has ``min_ram`` and ``max_ram`` in MB, or does not.
    :raises: IMG.0055
    """
    smallest, largest = body.get('min_ram'), body.get('max_ram')
    attributes: dict[str, Any] = {'min_ram': 0}
    if smallest is not None:
        attributes['min_ram'] = whole_number('min_ram', smallest)
    if largest is not None:
        # A string on the wire, unlike min_ram.
        attributes['max_ram'] = str(whole_number('max_ram', largest))
    return attributes


def flag(name: str, value: Any) -> bool:
    """Return a truth value, given as JSON's or in words; false without one.

    :raises: IMG.0001
    """
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ('true', 'false'):
        return value.lower() == 'true'
    raise ImsError('IMG.0001', f"The value of {name} must be true or false.")


def operating_system(
    version: Any, os_type: Any, types: tuple[str, ...] = ('Linux', 'Windows')
) -> dict[str, str]:
    """Return the attributes that describe an operating system.

    :param version: A documented version, or ``None``.
    :param os_type: What to go by without a version, or ``None``.
    :param types: The permitted values of ``os_type``.
    :raises: IMG.0056, IMG.0122
    """
    if os_type is not None and os_type not in types:
        raise ImsError('IMG.0122')
    if version is None or version == '':
        return _unknown_system(os_type or 'Linux')
    known = os_versions.find(text('os_version', version, 'IMG.0056'))
    if known is None:
        raise ImsError('IMG.0056')
    return {
        '__os_version': known.version,
        '__os_type': known.os_type,
        '__platform': known.platform,
        '__os_bit': str(known.os_bit),
    }


def _unknown_system(os_type: str) -> dict[str, str]:
    attributes = {'__os_type': os_type, '__platform': 'Other'}
    if os_type == 'Linux':
        attributes['__os_version'] = 'Other Linux(64 bit)'
    if os_type == 'Windows':
        attributes['__platform'] = 'Windows'
    return {**attributes, '__os_bit': '64'}


def firmware(value: Any, architecture: Any) -> dict[str, str]:
    """Return the attributes for how, and on what, an image boots.

    :param value: ``bios``, ``uefi`` or ``None``.
    :param architecture: ``x86``, ``arm`` or ``None``.
    :raises: IMG.0141, IMG.0212
    """
    if architecture not in (None, '', 'x86', 'arm', 'x86_64', 'aarch64'):
        raise ImsError('IMG.0212')
    if value not in (None, '', 'bios', 'uefi'):
        raise ImsError('IMG.0141')
    if architecture in ('arm', 'aarch64'):
        if value == 'bios':
            raise ImsError('IMG.0141', "Images for Arm boot with uefi only.")
        return {'hw_firmware_type': 'uefi', '__support_arm': 'true'}
    return {'hw_firmware_type': value or 'bios'}


def enterprise_project(value: Any) -> str:
    """Return the ID of an enterprise project: a UUID, or ``0``.

    :raises: IMG.0155
    """
    if value is None or value in ('', DEFAULT_ENTERPRISE_PROJECT):
        return DEFAULT_ENTERPRISE_PROJECT
    return identifier(value, 'IMG.0155')


def identifier(value: Any, code: str) -> str:
    """Return a UUID.

    :param code: The code for anything else.
    """
    try:
        return str(uuid.UUID(text('the ID', value, code)))
    except ValueError as error:
        raise ImsError(code) from error


def image_tags(body: Mapping[str, Any]) -> list[str]:
    """Return the tags of an image to be made, as ``key=value``.

    Of tags with the same key the last one counts.

    :param body: Has ``tags`` (``["key.value"]``), ``image_tags``
        (``[{"key": ..., "value": ...}]``), or neither.
    :raises: IMG.0001 where it has both, IMG.0115 for a tag that is not
        permitted, IMG.0116 for too many.
    """
    plain = body.get('tags') or []
    objects = body.get('image_tags') or []
    if plain and objects:
        raise ImsError('IMG.0001', "Use either tags or image_tags.")
    if not isinstance(plain, list) or not isinstance(objects, list):
        raise ImsError('IMG.0115', "The image tags must be a list.")
    tags = dict(
        [_plain_tag(tag) for tag in plain]
        + [_tag_object(tag) for tag in objects]
    )
    if len(tags) > TAG_LIMIT:
        raise ImsError('IMG.0116')
    return [f'{key}={value}' for key, value in tags.items()]


def _plain_tag(tag: Any) -> tuple[str, str]:
    # H: the first dot ends the key, further ones belong to the value.
    key, _, value = text('tags', tag, 'IMG.0115').partition('.')
    return checked_tag(key, value)


def _tag_object(tag: Any) -> tuple[str, str]:
    if not isinstance(tag, dict):
        raise ImsError('IMG.0115', "A tag has a key and a value.")
    return checked_tag(tag.get('key'), tag.get('value', ''))


def checked_tag(key: Any, value: Any) -> tuple[str, str]:
    """Return a tag's key and value.

    :raises: IMG.0115
    """
    key = text('key', key, 'IMG.0115')
    value = text('value', value, 'IMG.0115')
    if not key or len(key) > 36 or len(value) > 43:
        raise ImsError(
            'IMG.0115',
            "The image tag is invalid: keys have 1 to 36 characters, values "
            "at most 43.",
        )
    for part in (key, value):
        if part != part.strip() or _BANNED_IN_TAGS & set(part):
            raise ImsError('IMG.0115')
        if not part.isprintable():
            raise ImsError('IMG.0115')
    return key, value


def object_address(value: Any) -> tuple[str, str]:
    """Return an object's bucket and key.

    :param value: ``bucket:key``.
    :raises: IMG.0017 for another form, IMG.0068 without a bucket, IMG.0109
        for what cannot name a bucket, IMG.0175 for a space in the key.
    """
    address = text('image_url', value, 'IMG.0017')
    bucket, separator, key = address.partition(':')
    if not separator or not key or key.startswith('//'):
        raise ImsError(
            'IMG.0017', "The format of image_url is bucket name:object key."
        )
    if not bucket:
        raise ImsError('IMG.0068')
    if not _BUCKET.fullmatch(bucket):
        raise ImsError('IMG.0109')
    if ' ' in key:
        raise ImsError('IMG.0175')
    return bucket, key
