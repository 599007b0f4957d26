# SPDX-License-Identifier: Apache-2.0
"""Headers of objects: kept when they come, sent back, and conditions."""

from collections.abc import Mapping
import datetime
from email.utils import parsedate_to_datetime
import re

from werkzeug.wrappers import Response

from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket.call import Call
from ims_ext.emulator.bucket.call import http_date
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.record import ObjectEntry

#: Headers that are kept with an object, beside its metadata.
_KEPT = (
    'cache-control',
    'content-disposition',
    'content-encoding',
    'content-language',
    'content-type',
    'expires',
)
_RANGE = re.compile(r'bytes=(\d*)-(\d*)')
_META = 'meta-'
_MAX_META = 8 * 1024


def kept(call: Call) -> dict[str, str]:
    """Return what a request says of the object that it makes.

    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error` for metadata
        of more than 8 KiB.
    """
    headers = {
        name: value
        for name in _KEPT
        if (value := call.request.headers.get(name))
    }
    coding = [
        each
        for each in headers.pop('content-encoding', '').split(',')
        if each.strip() not in ('', 'aws-chunked')
    ]
    if coding:
        headers['content-encoding'] = ','.join(coding).strip()
    headers.setdefault('content-type', 'binary/octet-stream')
    meta = {n: v for n, v in call.options.items() if n.startswith(_META)}
    if sum(len(name) + len(value) for name, value in meta.items()) > _MAX_META:
        raise S3Error('MetadataTooLarge', "The metadata has more than 8 KiB.")
    return headers | meta


def storage_class(call: Call, default: str = 'STANDARD') -> str:
    """Return the storage class that a request asks for, by OBS's name.

    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
    """
    asked = call.options.get('storage-class') or call.request.headers.get(
        'x-default-storage-class'
    )
    if not asked:
        return default
    known = call.dialect.storage_classes
    if asked not in known and asked not in known.values():
        raise S3Error(
            'InvalidStorageClass', f"There is no storage class {asked}."
        )
    return known.get(asked, asked)


def describe(call: Call, entry: ObjectEntry, response: Response) -> None:
    """Give a response the headers that tell of an object."""
    prefix = call.dialect.prefix
    for name, value in entry.headers.items():
        known = prefix + name if name.startswith(_META) else name
        response.headers[known] = value
    for name in _KEPT:
        asked = call.params.get(f'response-{name}')
        if asked is not None:
            try:
                response.headers[name] = asked.encode().decode('latin-1')
            except ValueError:
                raise errors.invalid_argument(
                    f"response-{name} has a line break."
                ) from None
    response.headers['ETag'] = f'"{entry.blob.etag}"'
    response.headers['Last-Modified'] = http_date(entry.modified_at)
    response.headers['Accept-Ranges'] = 'bytes'
    kind = call.dialect.storage_class(entry.storage_class)
    if kind != 'STANDARD':
        response.headers[f'{prefix}storage-class'] = kind


# ====== CONDITIONS ======


def check_conditions(
    call: Call, entry: ObjectEntry, source: bool = False
) -> None:
    """Refuse a request whose conditions an object does not meet.

    :param entry: The object.
    :param source: Whether the conditions are those on a copy's source.
    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error` with status 304
        where the client has the object already, otherwise 412.
    """
    given: Mapping[str, str] = call.request.headers
    prefix = ''
    if source:
        given, prefix = call.options, 'copy-source-'
    match = given.get(f'{prefix}if-match')
    none_match = given.get(f'{prefix}if-none-match')
    modified = _date(given.get(f'{prefix}if-modified-since'))
    unmodified = _date(given.get(f'{prefix}if-unmodified-since'))
    changed = int(entry.modified_at)
    if match is not None:
        if not _names(match, entry):
            raise precondition_failed()
    elif unmodified is not None and changed > unmodified:
        raise precondition_failed()
    unwanted = (
        _names(none_match, entry)
        if none_match is not None
        else modified is not None and changed <= modified
    )
    if unwanted:
        if source:
            raise precondition_failed()
        raise S3Error('NotModified', "The object has not changed.", 304)


def check_replacement(call: Call, old: ObjectEntry | None) -> None:
    """Refuse to put an object whose conditions are not met.

    :param old: The object that is there.
    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
    """
    match = call.request.headers.get('if-match')
    none_match = call.request.headers.get('if-none-match')
    if match is not None and old is None:
        raise errors.no_such_key()
    if (match is not None and old and not _names(match, old)) or (
        none_match is not None and old and _names(none_match, old)
    ):
        raise precondition_failed()


def precondition_failed() -> S3Error:
    """Return the refusal for a condition that is not met."""
    return S3Error(
        'PreconditionFailed', "A precondition of the request is not met.", 412
    )


def _names(etags: str, entry: ObjectEntry) -> bool:
    named = {each.strip().strip('"') for each in etags.split(',')}
    return '*' in named or entry.blob.etag in named


def _date(text: str | None) -> float | None:
    try:
        found = parsedate_to_datetime(text or '')
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return found.timestamp()


# ====== RANGES ======


def wanted_range(text: str, size: int) -> tuple[int, int] | None:
    """Return the first byte of a range, and the one after the last.

    :param text: The header; one that makes no sense does not count.
    :param size: Bytes that there are.
    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error` for a range
        beyond them.
    """
    found = _RANGE.fullmatch(text.replace(' ', ''))
    if not found or not any(found.groups()) or len(text) > 100:
        return None
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), size
        if last:
            if int(last) < start:
                return None
            end = min(int(last) + 1, size)
    if start >= end:
        raise invalid_range()
    return start, end


def invalid_range() -> S3Error:
    """Return the refusal for a part of an object that it does not have."""
    return S3Error(
        'InvalidRange', "The requested range cannot be satisfied.", 416
    )
