# SPDX-License-Identifier: Apache-2.0
"""The import of objects: the conditions, and the work of the job.

Every object is read once, in pieces: while it is copied its checksum is
taken. Then the copy is judged, as a file on its way to a cloud is. The data
is kept as it came. The clouds convert it
to a format of their own; here an image says which format it really has.
"""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from ims_ext.emulator import private_files
from ims_ext.emulator.bucket.store import NoSuchObject
from ims_ext.emulator.bucket.store import ObjectStoreError
from ims_ext.emulator.bucket.store import StoredObject
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Job
from ims_ext.emulator.work import image_making
from ims_ext.emulator.work.image_making import ImageMaking
from ims_ext.emulator.work.job import JobFailure
from ims_ext.emulator.work.job import Progress

if TYPE_CHECKING:
    from ims_ext.diskimage import DiskImage

#: What the jobs' ``params`` call this work.
WORK = 'import'

GIB = 2**30
#: The largest objects, in bytes.
IMPORT_LIMIT = 128 * GIB
QUICK_IMPORT_LIMIT = 1024 * GIB

_CHUNK = 1024**2
_ZEROS = bytes(_CHUNK)
#: Ends the names of files that are not complete.
_SUFFIX = '.import'
#: Formats of disks; what the service takes besides is ISO files.
_DISK_FORMATS = frozenset(
    {
        'zvhd',
        'zvhd2',
        'qcow2',
        'qcow',
        'vhd',
        'vhdx',
        'vmdk',
        'vdi',
        'qed',
        'raw',
    }
)
_QUICK_FORMATS = frozenset({'raw', 'zvhd2'})
#: Formats that an image's metadata declares. The others are what the service
#: converts to: a vmdk may be registered for an image declared as vhd.
_DECLARED = frozenset({'raw', 'qcow2', 'qcow', 'iso', 'vmdk', 'vhdx', 'vdi'})


@dataclasses.dataclass(frozen=True)
class Source:
    """An object, and the image that it is to become.

    :ivar image_id: The image; it exists, with the status ``saving``.
    :ivar min_disk: GiB that the disk in it may have; ``None`` for any size.
    :ivar kind: What the object must be: a file of a ``disk``, one for
        ``quick`` import, an ``iso``, or ``any`` of them.
    :ivar declared: What the image's metadata says that it is, or ``None``.
    """

    image_id: str
    bucket: str
    key: str
    min_disk: int | None
    kind: Literal['disk', 'quick', 'iso', 'any']
    declared: str | None = None

    @property
    def limit(self) -> int:
        """The object's largest size in bytes."""
        return QUICK_IMPORT_LIMIT if self.kind == 'quick' else IMPORT_LIMIT


def check_object(service: Service, project_id: str, source: Source) -> None:
    """Refuse an object that, without reading it, is known to be unfit.

    :raises: IMG.0069 for a bucket that cannot be accessed, IMG.0057 for an
        object that does not exist or is empty, IMG.0059 for one that is too
        large.
    """
    try:
        with _open(service, project_id, source) as stored:
            _check_size(stored, source)
    except JobFailure as error:
        raise ImsError(error.code, error.reason) from error


class ObjectImport(ImageMaking):
    """Jobs that import objects.

    Their ``sources`` are :class:`Source` as dictionaries.
    """

    def carry_out(self, job: Job, progress: Progress) -> list[dict[str, Any]]:
        """Read the objects; return attributes of the images."""
        sources = _sources(job)
        return [
            self._read(
                job.project_id,
                source,
                _Share(progress, done / len(sources), 1 / len(sources)),
            )
            for done, source in enumerate(sources)
        ]

    def _read(
        self, project_id: str, source: Source, share: '_Share'
    ) -> dict[str, Any]:
        """Copy an object; return the attributes that follow from it."""
        path = self._service.state.image_file(source.image_id)
        part = path.with_name(path.name + _SUFFIX)
        try:
            with _open(self._service, project_id, source) as stored:
                _check_size(stored, source)
                with open(part, 'wb', opener=private_files.opener) as file:
                    checksum = _Copy(stored, file, share).finish()
            found = _look_into(part, source)
            _check_disk(found, source)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        attributes = {
            'disk_format': found.disk_format,
            'size': found.size,
            'virtual_size': found.virtual_size,
            'checksum': checksum,
            '__image_size': str(found.size),
        }
        if found.disk_format == 'iso':
            attributes['virtual_env_type'] = 'IsoImage'
        return attributes


def check_limit(service: Service, project_id: str) -> None:
    """Refuse one more import than a project may have at a time.

    :raises: IMG.0194, where a fault sets a limit.
    """
    under_way = sum(
        job.project_id == project_id and job.params.get('work') == WORK
        for job in service.state.jobs.unfinished()
    )
    if service.faults.refuses_import(under_way):
        raise ImsError(
            'IMG.0194',
            "The maximum number of images that can be imported at one time "
            "has been reached.",
        )


def new_job(
    service: Service,
    project_id: str,
    job_type: str,
    entities: dict[str, Any],
    sources: list[Source],
    **params: Any,
) -> Job:
    """Make and keep the job of an import; part of a transaction.

    :param entities: What the job says about its results.
    :param params: More for the job's ``params``.
    """
    return image_making.new_job(
        service,
        project_id,
        job_type,
        WORK,
        entities,
        [dataclasses.asdict(source) for source in sources],
        **params,
    )


#: Keeps a part of an import, or of another job about an image.
new_sub_job = image_making.new_sub_job


class _Share:
    """The part of a job's progress that belongs to one object."""

    def __init__(
        self, progress: Progress, begin: float, length: float
    ) -> None:
        self._progress = progress
        self._begin = begin
        self._length = length

    def report(self, fraction: float) -> None:
        """Say how much of the object has been done, from 0 to 1."""
        self._progress.report(self._begin + self._length * fraction)


class _Copy:
    """A copy of an object in a file.

    Zeros become holes in the file, as they are where disks are empty.
    """

    def __init__(
        self, stored: StoredObject, file: BinaryIO, share: _Share
    ) -> None:
        self.size = stored.size
        self._stream = stored.stream
        self._file = file
        self._share = share
        self._done = 0
        # The checksum is Glance's, and protects nothing.
        self._checksum = hashlib.md5(usedforsecurity=False)

    def _go_on(self) -> bytes:
        """Copy the next piece, and return it."""
        self._share.report(self._done / self.size)
        data = self._stream.read(_CHUNK)
        self._checksum.update(data)
        if data == _ZEROS[: len(data)]:
            self._file.seek(len(data), os.SEEK_CUR)
        else:
            self._file.write(data)
        self._done += len(data)
        return data

    def finish(self) -> str:
        """Copy all of it; return its checksum."""
        while self._go_on():
            pass
        self._file.truncate(self._done)
        if self._done != self.size:
            raise JobFailure(
                'IMG.0057', "The object ended before all of it was read."
            )
        return self._checksum.hexdigest()


def _sources(job: Job) -> list[Source]:
    return [Source(**source) for source in job.params['sources']]


def _open(service: Service, project_id: str, source: Source) -> StoredObject:
    try:
        return service.buckets.open(project_id, source.bucket, source.key)
    except NoSuchObject as error:
        raise JobFailure(
            'IMG.0057',
            f"The image file {source.key} does not exist in the bucket "
            f"{source.bucket}.",
        ) from error
    except ObjectStoreError as error:
        raise JobFailure(
            'IMG.0069',
            f"The bucket {source.bucket} cannot be accessed: {error}",
        ) from error


def _check_size(stored: StoredObject, source: Source) -> None:
    if stored.size == 0:
        raise JobFailure('IMG.0057', f"The image file {source.key} is empty.")
    if stored.size > source.limit:
        raise JobFailure(
            'IMG.0059',
            f"The image file {source.key} is larger than "
            f"{source.limit // GIB} GB.",
        )


def _look_into(path: Path, source: Source) -> 'DiskImage':
    from ims_ext import diskimage
    from ims_ext.exceptions import DiskImageError
    from ims_ext.local_file import LocalFile

    try:
        with LocalFile(path) as file:
            return diskimage.inspect_file(
                file,
                disk_format=(
                    source.declared if source.declared in _DECLARED else None
                ),
                name=source.key,
            )
    except DiskImageError as error:
        raise JobFailure('IMG.0057', str(error)) from error


def _check_disk(found: 'DiskImage', source: Source) -> None:
    """Refuse an image of the wrong kind, or with too large a disk."""
    is_iso = found.disk_format == 'iso'
    if source.kind == 'quick':
        if found.disk_format not in _QUICK_FORMATS:
            raise JobFailure(
                'IMG.0158',
                f"Quick import takes raw and zvhd2, and {source.key} is "
                f"{found.disk_format}.",
            )
    elif source.kind == 'iso':
        if not is_iso:
            raise JobFailure(
                'IMG.0057',
                f"{source.key} is no ISO file, but {found.disk_format}.",
            )
    elif source.kind == 'disk' and found.disk_format not in _DISK_FORMATS:
        raise JobFailure(
            'IMG.0072',
            f"{source.key} is {found.disk_format}, which is imported with "
            f"the type IsoImage only."
            if is_iso
            else None,
        )
    needed = found.min_disk
    if is_iso or needed is None or source.min_disk is None:
        return
    if needed > source.min_disk:
        raise JobFailure(
            'IMG.0055',
            f"The disk in {source.key} has {needed} GB, and min_disk is "
            f"{source.min_disk} GB.",
        )
