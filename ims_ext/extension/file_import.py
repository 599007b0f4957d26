# SPDX-License-Identifier: Apache-2.0
"""From a disk image's file on this machine to an image in the cloud."""

from collections.abc import Callable, Iterator
import contextlib
import logging
import os
import re
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack
import uuid

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
from openstack.image.v2 import image as _image

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext import objectstore
from ims_ext import validation
from ims_ext.extension import creation as _creation
from ims_ext.extension import job as _job
from ims_ext.extension import native as _native

if TYPE_CHECKING:
    from _typeshed import StrPath

#: Called with the bytes that have been sent and the bytes in all.
ByteProgress = Callable[[int, int], None]

#: What native metadata has room for, of what can be said of an import.
_NATIVE_ATTRIBUTES = ('min_ram', 'os_version', 'tags')

_logger = logging.getLogger(__name__)


class FileImportMixin(_creation.CreationMixin, _native.NativeMixin):
    """``conn.ims``: creating an image from a local file."""

    def create_image_from_file(
        self,
        path: 'StrPath',
        name: str,
        *,
        bucket: str | None = None,
        object_key: str | None = None,
        disk_format: str | None = None,
        min_disk: int | None = None,
        quick: bool | None = None,
        keep_object: bool = False,
        safe_mode: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        progress: ByteProgress | None = None,
        job_progress: _job.JobProgress | None = None,
        **attrs: Unpack[_creation.ImportAttributes],
    ) -> _job.Job:
        """Create an image from a disk image's file on this machine.

        The file is looked into first: its format and size decide the route,
        and one that refers to data outside itself is refused.

        - With a bucket, the file is uploaded there, in parts, and imported
          from there: by operation 4, or by operation 9 where ``quick`` asks
          for it or a RAW or ZVHD2 file has 128 GiB or more. An ISO file gets
          ``type='IsoImage'`` and needs an ``os_version``; a data disk takes
          ``type='DataImage'``, and operation 8 instead of 4.
        - Without one, image metadata are created and the file is uploaded to
          the image service, which takes less than 2 GiB. No job is involved;
          the one returned has no ID, and tells the image and its state.

        If an attempt ends early, what it leaves behind is in the notes of the
        exception (``error.__notes__``).

        :param path: The file.
        :param name: The image's name, up to 128 characters.
        :param bucket: The bucket to upload to.
        :param object_key: The object's key there; one that is not taken yet
            is made up by default.
        :param disk_format: The file's format. Needed for ``zvhd`` and
            ``zvhd2``, which cannot be told from the content, and for
            ``raw`` without partition table; must be right for others.
        :param min_disk: GiB of the smallest disk that the image fits on, up
            to 1024, or 2048 for a data disk that is not imported quickly; by
            default the disk's virtual size, rounded up.
        :param quick: Whether to use the quick import; by default where it is
            necessary.
        :param keep_object: Whether the uploaded object is to stay in the
            bucket after the import.
        :param safe_mode: Whether to use H's safe mode for the import
            (operation 29); needs a bucket.
        :param wait: Whether to wait for the job's end. Where nothing waits,
            the object stays: ``job.left_object`` tells which.
        :param timeout: Seconds to wait at most, an hour by default.
        :param progress: Called with the bytes sent and the bytes in all.
        :param job_progress: Called with the job after each look at it.
        :param attrs: ``os_version``, ``tags`` and what else
            :class:`~ims_ext.extension.creation.ImportAttributes` names.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.image_id`` tells the image.
        :raises: :class:`~ims_ext.exceptions.DiskImageError` for a file that
            cannot become an image.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted; nothing was sent then.
        :raises: :class:`~ims_ext.exceptions.ObjectStoreError` where the
            upload fails.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        _job.check_seconds('timeout', timeout, _job.DEFAULT_TIMEOUT)
        image = diskimage.inspect(path, disk_format=disk_format)
        route = diskimage.choose_route(
            image, has_bucket=bucket is not None, quick=quick
        )
        request = _import_request(route, attrs)
        min_disk = diskimage.check_min_disk(
            image, min_disk, data_disk=request is _creation.DataImageImport
        )
        if image.disk_format == 'iso':
            attrs.setdefault('type', 'IsoImage')
            if attrs['type'] != 'IsoImage':
                raise exceptions.ValidationError(
                    f"{os.fspath(path)} is an ISO file: its type is "
                    f"IsoImage, not {attrs['type']}"
                )
        if bucket is None:
            _check_native(
                object_key=object_key,
                keep_object=keep_object,
                safe_mode=safe_mode,
                type=request is _creation.DataImageImport,
            )
            return self._upload_natively(
                path, image, name, min_disk, attrs, wait, timeout, progress
            )
        key = object_key or _free_key(name, image.disk_format)
        object_url = f'{bucket}:{key}'
        if request is _creation.DataImageImport:
            # The operation is for nothing else, and takes no type.
            del attrs['type']
        # Whatever can be refused is, before the first byte is sent.
        body = _creation.import_body(
            request, object_url, name, min_disk, attrs
        )
        store = objectstore.ObjectStore(self._own_connection)
        store.check_bucket(bucket)
        if object_key and store.exists(bucket, key):
            raise exceptions.ValidationError(
                f"The bucket {bucket} has an object {key} already: name "
                f"another key, or import the object that is there"
            )
        store.upload(path, bucket, key, progress=progress)
        with exceptions.leaving(
            f"the uploaded object {object_url}; it can be imported without "
            f"another upload, or deleted"
        ):
            job = self._start_job(request.new(**body), safe_mode=safe_mode)
            if wait:
                job = self.wait_for_job(
                    job, timeout=timeout, progress=job_progress
                )
        job.left_object = object_url
        if wait and not keep_object:
            _delete_object(store, bucket, key, job)
        return job

    def _upload_natively(
        self,
        path: 'StrPath',
        disk: diskimage.DiskImage,
        name: str,
        min_disk: int,
        attrs: Any,
        wait: bool,
        timeout: float | None,
        progress: ByteProgress | None,
    ) -> _job.Job:
        image = self.create_image_metadata(
            validation.check_name(name),
            disk_format=disk.disk_format,
            min_disk=min_disk,
            **_native_attributes(disk, attrs),
        )
        with (
            self._discarding(image),
            open(path, 'rb') as file,
        ):
            exceptions.raise_from_response(
                self.put(
                    f'/images/{image.id}/file',
                    data=_Upload(file, disk.size, progress),
                    headers={
                        'Content-Type': 'application/octet-stream',
                        'Accept': '',
                    },
                    # A second attempt would have to be made by hand: the
                    # body is used up.
                    connect_retries=0,
                    status_code_retries=0,
                ),
                f"Cannot upload {os.fspath(path)} to the image {image.id}",
            )
        with exceptions.leaving(f"the image {image.id}, being taken in"):
            image = self.get_image(image.id)
            if wait and image.status != 'active':
                image = self.wait_for_status(
                    image,
                    'active',
                    failures=['killed', 'deleted', 'queued'],
                    interval=_job.DEFAULT_INTERVAL,
                    wait=round(timeout or _job.DEFAULT_TIMEOUT),
                )
        return _job.Job.existing(
            status='SUCCESS' if image.status == 'active' else 'RUNNING',
            entities={'image_id': image.id, 'image_name': image.name},
            connection=self._get_connection(),
        )

    @contextlib.contextmanager
    def _discarding(self, image: _image.Image) -> Iterator[None]:
        """Delete the image that has no data yet if the block fails."""
        left = f"the image {image.id} without data, in status queued"
        try:
            with exceptions.leaving(left):
                yield
        except Exception as error:
            with contextlib.suppress(
                sdk_exceptions.SDKException, ksa_exceptions.ClientException
            ):
                self.delete_image(image.id)
                error.__notes__.remove(f"Left behind: {left}")
            raise


class _Upload:
    """A file's bytes as a request's body, each reading told of.

    A request asks for the length first: so one that is sent again, with a
    new token, begins at the beginning.
    """

    def __init__(
        self, file: BinaryIO, size: int, progress: ByteProgress | None
    ) -> None:
        self._file = file
        self._size = size
        self._done = 0
        self._progress = progress

    def __len__(self) -> int:
        self._file.seek(0)
        self._done = 0
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(1 << 20):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._done
        chunk = self._file.read(left if size < 0 else min(size, left))
        self._done += len(chunk)
        if self._progress and chunk:
            self._progress(self._done, self._size)
        return chunk


def _import_request(
    route: diskimage.Route, attrs: Any
) -> type[_creation.ImportRequest]:
    """Return the operation that imports a file once it is in a bucket."""
    if route is diskimage.Route.QUICK_IMPORT:
        return _creation.QuickImport
    if str(attrs.get('type')).casefold() == 'dataimage':
        return _creation.DataImageImport
    return _creation.ImageCreation


def _check_native(**given: Any) -> None:
    """Refuse what only an import through a bucket can do."""
    reasons = {
        'object_key': "there is no object to name",
        'keep_object': "there is no object to keep",
        'safe_mode': "there is no safe mode",
        'type': "there are no data disk images",
    }
    for name, reason in reasons.items():
        if given[name]:
            raise exceptions.ValidationError(
                f"Without a bucket, {reason}: name a bucket, or leave {name} "
                f"out"
            )


def _native_attributes(disk: diskimage.DiskImage, attrs: Any) -> Any:
    """Return what native image metadata can hold, and refuse the rest."""
    given = {key: value for key, value in attrs.items() if value is not None}
    if disk.disk_format == 'iso':
        given.pop('type', None)
    unknown = sorted(set(given) - set(_NATIVE_ATTRIBUTES))
    if unknown:
        raise exceptions.ValidationError(
            f"Without a bucket, an image takes no {', '.join(unknown)}: name "
            f"a bucket, or leave it out"
        )
    return given


def _free_key(name: str, disk_format: str) -> str:
    """Return a key for the upload that nobody else has chosen."""
    stem = re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.') or 'image'
    return f'{stem}-{uuid.uuid4().hex[:12]}.{disk_format}'


def _delete_object(
    store: objectstore.ObjectStore, bucket: str, key: str, job: _job.Job
) -> None:
    """Delete what was uploaded; the image is there even if that fails."""
    try:
        store.delete(bucket, key)
    except exceptions.ObjectStoreError as error:
        _logger.warning(
            "The image is there, but the uploaded object %s:%s could not be "
            "deleted: %s",
            bucket,
            key,
            error,
        )
    else:
        job.left_object = None
