# SPDX-License-Identifier: Apache-2.0
"""Files of image definitions, and what in them cannot be understood."""

from collections.abc import Mapping
import functools
from pathlib import Path
from typing import Any

from ims_ext import exceptions
from ims_ext import extras
from ims_ext.document import reading
from ims_ext.document import schema
from ims_ext.document.reading import Document

_SUFFIXES = ('.yml', '.yaml')

_TEXT: Mapping[str, Any] = {'type': ['string', 'number']}
_MAYBE: Mapping[str, Any] = {'type': ['string', 'number', 'null']}
_FLAG: Mapping[str, Any] = {'type': 'boolean'}
#: GiB of disks and MiB of memory that images can need.
_SIZES: Mapping[str, Any] = {
    key: {'type': 'integer', 'minimum': 0, 'maximum': most}
    for key, most in (('min_disk', 2048), ('min_ram', 1024**2))
}


def files(folder: Path) -> list[Path]:
    """Return the files of definitions in a folder, or the one that it is.

    :param folder: The folder, or a file.
    :raises: :class:`~ims_ext.exceptions.ValidationError` where there is none
    """
    if not folder.is_dir():
        return [folder]
    found = sorted(
        each for each in folder.iterdir() if each.suffix in _SUFFIXES
    )
    if not found:
        raise exceptions.ValidationError(
            f"{folder} has no file that ends with {' or '.join(_SUFFIXES)}"
        )
    return found


def read(path: Path) -> Document:
    """Return a file's definitions, in shapes that can be relied on.

    :param path: The file.
    :raises: :class:`~ims_ext.document.reading.DocumentError`;
        :class:`OSError`
    """
    document = reading.read_file(path)
    try:
        problems = schema.problems(document, _schema())
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        raise exceptions.MissingExtraError(
            'pipeline', "A pipeline's manifest"
        ) from error
    if problems:
        raise reading.DocumentError(problems)
    return document


@functools.cache
def _schema() -> Mapping[str, Any]:
    """Return the shapes of what is read; more keys are no fault."""
    version = {
        'type': 'object',
        'required': ['version', 'url'],
        'properties': {
            **dict.fromkeys(
                (
                    *('version', 'url', 'mirror_url', 'checksum'),
                    *('checksum_url', 'checksums_url', 'build_date'),
                    *('os_version', 'image_description', 'source', 'id'),
                ),
                _TEXT,
            ),
            'hidden': _FLAG,
        },
    }
    image = {
        'type': 'object',
        'required': ['name', 'versions'],
        'properties': {
            'name': {
                **_TEXT,
                'pattern': r'\S',
                'errorMessage': "has a character",
            },
            'versions': {'type': 'array', 'items': version},
            'meta': {
                'type': 'object',
                'additionalProperties': {
                    'type': ['string', 'number', 'boolean', 'null']
                },
            },
            'tags': {'type': ['array', 'null'], 'items': _TEXT},
            **dict.fromkeys(('enable', 'multi', 'keep'), _FLAG),
            **_SIZES,
            **dict.fromkeys(
                (
                    *('shortname', 'format', 'login', 'password', 'status'),
                    *('visibility', 'separator', 'latest_url'),
                    'latest_checksum_url',
                ),
                _MAYBE,
            ),
        },
    }
    return {
        'type': 'object',
        'required': ['images'],
        'properties': {'images': {'type': 'array', 'items': image}},
    }
