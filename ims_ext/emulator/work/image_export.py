# SPDX-License-Identifier: Apache-2.0
"""The export of images to objects: the conditions, and the job's work.

The emulator keeps data as it came. So a quick export, and one in the format
that an image has, writes the bytes as they are; so does one to zvhd, which
no free tool makes. For the other formats ``qemu-img`` converts, where it is
on the machine.
"""

import logging
import os
from pathlib import Path
import shutil
from typing import BinaryIO, cast

from ims_ext.emulator.bucket.store import NoSuchObject
from ims_ext.emulator.bucket.store import ObjectStoreError
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import State
from ims_ext.emulator.work.job import JobFailure
from ims_ext.emulator.work.job import Progress

LOG = logging.getLogger(__name__)

GIB = 2**30
#: The largest image, in bytes, whose export is not a quick one.
PLAIN_LIMIT = 128 * GIB
#: The smallest image, in bytes, that cannot be exported at all.
LIMIT = 1024 * GIB

WORK = 'export'

#: Public images of these platforms cost a licence, by the reference's list.
_CHARGED_PLATFORMS = frozenset(
    {'Windows', 'SUSE', 'Red Hat', 'RedHat', 'Ubuntu', 'Oracle Linux'}
)

#: Bytes that an export leaves free on the machine's disk: a small image may
#: stand for any number of them.
RESERVE = GIB
#: Ends the names of files that are converted to.
_SUFFIX = '.export'

#: The attribute of images of the marketplace, and of what is made of them.
PRODUCT = '__productcode'


def exportable_image(
    state: State, image_id: str, project_id: str, quick: bool
) -> Image:
    """Return an image that a project may export.

    :param quick: Whether quickly.
    :raises: IMG.0027 for one that it may not see, IMG.0077 for a public
        one, IMG.0047 for another's, IMG.0046 for one that is not active,
        and the code of what else speaks against it.
    """
    image = state.images.visible(image_id, project_id, at_once=True)
    if image is None:
        raise ImsError('IMG.0027')
    if is_market(image):
        raise ImsError('IMG.0078')
    if image.visibility == 'public':
        raise ImsError('IMG.0077')
    if image.owner != project_id:
        raise ImsError('IMG.0047')
    if image.status != 'active':
        raise ImsError('IMG.0046')
    _check_kind(image)
    _check_origin(state, image)
    _check_size(state, image, quick)
    return image


def is_whole(image: Image) -> bool:
    """Whether it is a full-server image."""
    return bool(image.get('__whole_image') == 'true')


def is_iso(image: Image) -> bool:
    """Whether it was made from an ISO file."""
    return bool(
        image.get('virtual_env_type') == 'IsoImage'
        or image.get('disk_format') == 'iso'
    )


def _check_kind(image: Image) -> None:
    if is_whole(image):
        raise ImsError('IMG.0128')
    if is_iso(image):
        raise ImsError('IMG.0167')
    if image.get('__system__cmkid'):
        raise ImsError('IMG.0071', "An encrypted image cannot be exported.")


def is_market(image: Image) -> bool:
    """Whether it is of the marketplace."""
    return bool(image.get('__imagetype') == 'market')


def _check_origin(state: State, image: Image) -> None:
    if image.get(PRODUCT):
        raise ImsError('IMG.0078')
    if image.get('__backup_id'):
        raise ImsError('IMG.0080')
    parent = state.images.get(image.get('__originalimagename') or '')
    if image.get('__account_code') or (
        parent is not None
        and parent.visibility == 'public'
        and parent.get('__platform') in _CHARGED_PLATFORMS
    ):
        raise ImsError('IMG.0079')


def _check_size(state: State, image: Image, quick: bool) -> None:
    try:
        size = state.image_file(image.id).stat().st_size
    except FileNotFoundError as error:
        # The emulator's public images have none, nor have their copies.
        raise ImsError('IMG.0071', "The image has no data.") from error
    if size >= LIMIT:
        raise ImsError(
            'IMG.0160',
            f"Images of {LIMIT // GIB} GB and more cannot be exported.",
        )
    if size > PLAIN_LIMIT and not quick:
        raise ImsError(
            'IMG.0160',
            f"Images above {PLAIN_LIMIT // GIB} GB can be exported quickly "
            f"only.",
        )


def check_target(
    service: Service, project_id: str, bucket: str, key: str
) -> None:
    """Refuse an object that cannot be written, or is there already.

    :raises: IMG.0069, IMG.0070
    """
    try:
        service.buckets.open(project_id, bucket, key).close()
    except NoSuchObject:
        return
    except ObjectStoreError as error:
        raise ImsError(
            'IMG.0069', f"The bucket {bucket} cannot be accessed: {error}"
        ) from error
    raise ImsError(
        'IMG.0070', f"The bucket {bucket} has an object {key} already."
    )


def check_not_under_way(
    state: State, image_id: str, bucket: str, key: str
) -> None:
    """Refuse a second export of an image, or to an object, at a time.

    :raises: IMG.0148, IMG.0070
    """
    for job in state.jobs.unfinished():
        if job.params.get('work') != WORK:
            continue
        if job.params['image_id'] == image_id:
            raise ImsError('IMG.0148')
        if (job.params['bucket'], job.params['key']) == (bucket, key):
            raise ImsError(
                'IMG.0070', f"Another image is being exported to {key}."
            )


class ImageExport:
    """Jobs that export images.

    Their ``params`` have ``image_id``, ``bucket``, ``key`` and
    ``file_format``, which is ``None`` where the bytes stay as they are.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def carry_out(self, job: Job, progress: Progress) -> None:
        """Write the object, and leave nothing else behind."""
        state = self._service.state
        path = state.image_file(job.params['image_id'])
        converted = path.with_name(f'{path.name}.{job.id}{_SUFFIX}').resolve()
        try:
            image = state.images.get(job.params['image_id'])
            if image is None:
                raise _deleted()
            with path.open('rb') as data:
                if _stays(image, job.params['file_format']):
                    self._put(job, data, progress)
                    return
                _convert(
                    image, data, job.params['file_format'], converted, progress
                )
            with converted.open('rb') as data:
                self._put(job, data, progress)
        except FileNotFoundError as error:
            raise _deleted() from error
        finally:
            converted.unlink(missing_ok=True)

    def succeed(self, job: Job, result: None) -> None:
        """Change nothing: the object is there, the image as it was."""

    def fail(self, job: Job) -> None:
        """Change nothing: no object was written."""

    def _put(self, job: Job, data: BinaryIO, progress: Progress) -> None:
        bucket, key = job.params['bucket'], job.params['key']
        try:
            self._service.buckets.put(
                job.project_id,
                bucket,
                key,
                cast(BinaryIO, _Watched(data, progress)),
            ).close()
        except ObjectStoreError as error:
            raise JobFailure(
                'IMG.0069', f"The bucket {bucket} cannot be accessed: {error}"
            ) from error


class _Watched:
    """A file whose reader tells how far it is, and can be told to stop."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size or 1
        self._done = 0
        self._progress = progress

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""
        self._progress.report(self._done / self._size)
        data = self._file.read(size)
        self._done += len(data)
        return data


def _stays(image: Image, file_format: str | None) -> bool:
    """Whether what is written are the bytes that the emulator has."""
    return file_format in (None, 'zvhd', image.get('disk_format'))


def _convert(
    image: Image,
    data: BinaryIO,
    file_format: str,
    target: Path,
    progress: Progress,
) -> None:
    """Convert an image's data to a file in another format.

    :raises: :class:`~ims_ext.emulator.work.job.JobFailure`
    """
    from ims_ext.diskimage import qemu_img

    disk_format = image.get('disk_format')
    cannot = f"The emulator cannot convert {disk_format} to {file_format}: "
    instead = f"{disk_format}, zvhd and quick export are possible."
    if not qemu_img.can_read(disk_format):
        raise JobFailure(
            'IMG.0072',
            f"{cannot}qemu-img does not read {disk_format}; {instead}",
        )
    disk_size = _check_convertible(image, data, disk_format)
    if file_format == 'raw':
        _check_limit(disk_size, file_format)

    def look() -> None:
        progress.report(progress.fraction)
        _check_room(target)

    try:
        qemu_img.convert(
            data,
            disk_format,
            target,
            file_format,
            # What is written to a file in the end; a raw one has holes.
            qemu_img.Limits(output=LIMIT),
            look,
        )
    except qemu_img.MissingError as error:
        raise JobFailure(
            'IMG.0072',
            f"{cannot}{error} on its machine; {instead}",
        ) from error
    except qemu_img.QemuImgError as error:
        # Not for the client: it names files of this machine.
        LOG.error("qemu-img failed: %s", error)
        raise JobFailure(
            'IMG.0071', "The image's data cannot be converted by qemu-img."
        ) from error
    _check_limit(target.stat().st_size, file_format)


def _check_limit(size: int, file_format: str) -> None:
    if size > PLAIN_LIMIT:
        raise JobFailure(
            'IMG.0160',
            f"As {file_format} the image would have more than "
            f"{PLAIN_LIMIT // GIB} GB.",
        )


def _check_room(target: Path) -> None:
    if shutil.disk_usage(target.parent).free < RESERVE:
        raise JobFailure(
            'IMG.0071',
            "The emulator's machine has no room for the converted image.",
        )


def _check_convertible(image: Image, data: BinaryIO, disk_format: str) -> int:
    """Return the size of the disk in an image, in bytes.

    Data that is not what it is said to be, or refers elsewhere, is refused.

    Data that was uploaded natively has not been looked into before, and an
    image with a backing file would bring a file of this machine along. That
    it is not followed is seen to besides, where it is converted.
    """
    from ims_ext import diskimage
    from ims_ext.exceptions import DiskImageError

    size = os.fstat(data.fileno()).st_size
    if disk_format == 'raw':
        return size
    try:
        found = diskimage.inspect_at(
            lambda offset, length: os.pread(data.fileno(), length, offset),
            size,
            image.name or image.id,
            disk_format=disk_format,
        )
    except DiskImageError as error:
        raise JobFailure('IMG.0071', str(error)) from error
    disk_size = found.virtual_size or 0
    if disk_size > LIMIT:
        raise JobFailure(
            'IMG.0160', f"The disk in it has more than {LIMIT // GIB} GB."
        )
    return disk_size


def _deleted() -> JobFailure:
    return JobFailure(
        'IMG.0027', "The image was deleted before it was exported."
    )
