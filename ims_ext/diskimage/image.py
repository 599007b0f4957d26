# SPDX-License-Identifier: Apache-2.0
"""A disk image as its content describes it."""

import dataclasses
import pathlib

GIB = 2**30


@dataclasses.dataclass(frozen=True)
class DiskImage:
    """A disk image as its content describes it.

    :param name: What messages call it: the path, or an object's name.
    :param disk_format: One of :data:`~ims_ext.diskimage.IMPORT_FORMATS`.
    :param size: The file's length in bytes.
    :param virtual_size: The size of the disk in it, in bytes; ``None`` for
        zvhd and zvhd2, which only the cloud can look into.
    :param path: The file; ``None`` for a stream.
    """

    name: str
    disk_format: str
    size: int
    virtual_size: int | None
    path: pathlib.Path | None = None

    @property
    def min_disk(self) -> int | None:
        """The smallest disk that holds it, in GiB; ``None`` if unknown."""
        if self.virtual_size is None:
            return None
        return max(1, -(-self.virtual_size // GIB))
