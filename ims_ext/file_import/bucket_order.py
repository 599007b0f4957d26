# SPDX-License-Identifier: Apache-2.0
"""The request for an import of a file through a bucket."""

from collections.abc import Mapping
import dataclasses
import re
from typing import Any
import uuid

from ims_ext import local_file
from ims_ext.extension import creation as _creation
from ims_ext.file_import import record as import_record


@dataclasses.dataclass(frozen=True)
class BucketOrder:
    """The import that is asked for.

    :ivar file: The file.
    :ivar bucket: The bucket.
    :ivar object_key: The object's key, where one was named.
    :ivar disk_format: The file's format.
    :ivar request: The operation that imports the object.
    :ivar body: Its parameters, checked; the object's address is filled in.
    :ivar safe_mode: Whether it is sent to the safe mode.
    :ivar keep_object: Whether the object stays.
    """

    file: local_file.LocalFile
    bucket: str
    object_key: str | None
    disk_format: str
    request: type[_creation.ImportRequest]
    body: Mapping[str, Any]
    safe_mode: bool
    keep_object: bool

    @property
    def asked(self) -> dict[str, str]:
        """The attributes that tell it from another for the same image."""
        others = {
            name: value
            for name, value in self.body.items()
            if name != 'image_url'
        }
        return import_record.digests(
            {
                **others,
                'operation': self.request.base_path,
                'safe_mode': self.safe_mode,
            }
        )


def free_key(name: str, disk_format: str) -> str:
    """Return a key for an upload that nobody else has chosen.

    :param name: The image's name.
    :param disk_format: The file's format.
    """
    stem = re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.') or 'image'
    return f'{stem}-{uuid.uuid4().hex[:12]}.{disk_format}'
