# SPDX-License-Identifier: Apache-2.0
"""The documented bounds of what is sent, checked before it is."""

from collections.abc import Collection, Iterable, Mapping
import difflib
import logging
import re
from typing import Any
import uuid

from ims_ext import exceptions
from ims_ext import os_versions
from ims_ext import resource

#: GiB that a system disk may have.
SYSTEM_DISK_SIZES = range(1, 1024 + 1)
#: GiB that a data disk may have.
DATA_DISK_SIZES = range(1, 2048 + 1)

IMAGE_TYPES = ('ECS', 'BMS', 'FusionCompute', 'Ironic', 'IsoImage')
#: The clouds document the first two; private ones have the others.
ARCHITECTURES = ('x86', 'arm', 'x86_64', 'aarch64')
FIRMWARE_TYPES = ('bios', 'uefi')
OS_TYPES = ('Linux', 'Windows', 'Other')

_BUCKET = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')

_logger = logging.getLogger(__name__)


def check_name(
    name: Any, what: str = "The image's name", longest: int = 128
) -> str:
    """Return an image's name.

    :param name: Letters, digits, spaces, ``-``, ``_`` and ``.``, with no
        space at either end.
    :param what: What it is the name of, the subject of the message.
    :param longest: 128, but 255 in native metadata.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    if not isinstance(name, str) or not name:
        raise exceptions.ValidationError(f"{what} is missing")
    if len(name) > longest:
        raise exceptions.ValidationError(
            f"{what} has {len(name)} characters; {longest} are allowed"
        )
    if name != name.strip(' '):
        raise exceptions.ValidationError(
            f"{what} begins or ends with a space: {name!r}"
        )
    # Letters of any script: H documents them, the others do not exclude them.
    wrong = sorted({c for c in name if not (c.isalnum() or c in ' -_.')})
    if wrong:
        raise exceptions.ValidationError(
            f"{what} contains {_listed(wrong)}; letters, digits, spaces, "
            f"'-', '_' and '.' are allowed: {name!r}"
        )
    return name


def check_description(description: Any) -> str:
    """Return a description.

    :param description: Up to 1,024 characters without ``<``, ``>`` and line
        ends.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    text = check_text('The description', description)
    if len(text) > 1024:
        raise exceptions.ValidationError(
            f"The description has {len(text)} characters; 1024 are allowed"
        )
    wrong = sorted(set(text) & set('<>\r\n'))
    if wrong:
        raise exceptions.ValidationError(
            f"The description contains {_listed(wrong)}; '<', '>' and line "
            f"ends are not allowed"
        )
    return text


def check_min_disk(size: Any, allowed: range = SYSTEM_DISK_SIZES) -> int:
    """Return the size of the smallest disk that an image fits on.

    :param size: GiB.
    :param allowed: The sizes that are possible.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    number = check_number('min_disk', size, 'GiB')
    if number not in allowed:
        raise exceptions.ValidationError(
            f"min_disk is {number} GiB; {allowed[0]} to {allowed[-1]} GiB "
            f"are allowed"
        )
    return number


def check_number(name: str, value: Any, unit: str) -> int:
    """Return a whole number that is not negative.

    :param name: The parameter's name.
    :param value: The number.
    :param unit: Its unit, for the message.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    try:
        if isinstance(value, bool) or int(value) != float(value):
            raise ValueError
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if number < 0:
        raise exceptions.ValidationError(
            f"{name} is {value!r}; it must be a whole number of {unit}"
        )
    return number


def check_flag(name: str, value: Any) -> bool:
    """Return a boolean.

    :param name: The parameter's name.
    :param value: ``True`` or ``False``, or a string of these in any case.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    flag = resource.FlexibleBool.deserialize(value)
    if flag is None:
        raise exceptions.ValidationError(
            f"{name} is {value!r}; true or false are allowed"
        )
    return flag


def check_choice(name: str, value: Any, allowed: Collection[str]) -> str:
    """Return one of the permitted values, written as documented.

    :param name: The parameter's name.
    :param value: The value, in any case.
    :param allowed: The permitted values.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    for choice in allowed:
        if str(value).casefold() == choice.casefold():
            return choice
    raise exceptions.ValidationError(
        f"{name} is {value!r}; {', '.join(allowed)} are allowed"
    )


def check_object_url(url: Any) -> str:
    """Return the address of an object in a bucket.

    :param url: ``bucket:key``.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    bucket, _, key = str(url).partition(':')
    if not key or key.startswith('//'):
        raise exceptions.ValidationError(
            f"{url!r} is not an object's address; write it bucket:key, for "
            f"example images:golden.qcow2"
        )
    check_bucket(bucket)
    if ' ' in key:
        raise exceptions.ValidationError(
            f"The object's key contains a space, which the image service "
            f"does not allow: {key!r}"
        )
    return f'{bucket}:{key}'


def check_bucket(bucket: Any) -> str:
    """Return a bucket's name.

    :param bucket: 3 to 63 lower-case letters, digits, ``-`` and ``.``,
        beginning and ending with a letter or digit.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    if not _BUCKET.fullmatch(str(bucket)):
        raise exceptions.ValidationError(
            f"{bucket!r} is not a bucket's name: 3 to 63 lower-case letters, "
            f"digits, '-' and '.', beginning and ending with a letter or "
            f"digit"
        )
    return str(bucket)


def check_text(name: str, value: Any) -> str:
    """Return a value that travels as text.

    :param name: The parameter's name.
    :param value: A string, or what has one way of being written: a number, a
        boolean, a UUID.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    if not isinstance(value, str | int | float | uuid.UUID):
        raise exceptions.ValidationError(
            f"{name} is {value!r}; a string is expected"
        )
    try:
        text = str(value)
        text.encode()
    except ValueError:
        raise exceptions.ValidationError(
            f"{name} cannot be written in UTF-8: there is half a character "
            f"in it, or it is a number without end"
        ) from None
    return text


def check_several(name: str, values: Any) -> list[Any]:
    """Return several values as a list.

    :param name: The parameter's name.
    :param values: A list or whatever else can be gone through.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    try:
        return list(values)
    except TypeError:
        raise exceptions.ValidationError(
            f"{name} is {values!r}; a list is expected"
        ) from None


def check_mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Return a mapping of names to values.

    :param name: The parameter's name.
    :param value: The mapping.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    if not isinstance(value, Mapping):
        raise exceptions.ValidationError(
            f"{name} is {value!r}; a mapping of names to values is expected"
        )
    return value


def check_known(
    kind: str,
    given: Iterable[str],
    allowed: Collection[str],
    also: Collection[str] = (),
) -> None:
    """Refuse names that are not among the permitted ones.

    :param kind: What the names are, for the message: "attribute", "filter".
    :param given: The names given.
    :param allowed: The names permitted.
    :param also: Names that are permitted, but not suggested.
    :raises: :class:`~ims_ext.exceptions.ValidationError` that names the
        first unknown one and what it may have been meant to be.
    """
    for name in given:
        if not isinstance(name, str):
            raise exceptions.ValidationError(
                f"The name of {kind} is a string, not {name!r}"
            )
        if name in allowed or name in also:
            continue
        near = difflib.get_close_matches(name, sorted(allowed))
        meant = (
            f"did you mean {' or '.join(near)}?"
            if near
            else (f"allowed are {', '.join(sorted(allowed))}")
        )
        raise exceptions.ValidationError(
            f"There is no {kind} {name!r} here; {meant}"
        )


def check_os_version(version: Any) -> str:
    """Return an operating system's version, with a warning if it is unusual.

    Each cloud has a list of its own, and it grows: so an undocumented value
    is only warned of, with the nearest documented ones, and the cloud
    decides.

    :param version: For example ``Ubuntu 18.04 server 64bit``.
    """
    text = check_text('os_version', version)
    if not os_versions.find(text):
        near = os_versions.nearest(text)
        _logger.warning(
            "The OS version %r is not among the documented ones%s; the cloud "
            "decides",
            text,
            f", the nearest are {_listed(near)}" if near else "",
        )
    return text


def _listed(values: Iterable[str]) -> str:
    return ', '.join(repr(value) for value in values)
