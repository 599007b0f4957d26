# SPDX-License-Identifier: Apache-2.0
"""From a disk image's file on this machine to an image in the cloud."""

from collections.abc import Callable
import contextlib
import os
from typing import TYPE_CHECKING, Any, Unpack

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext import local_file
from ims_ext import objectstore
from ims_ext import validation
from ims_ext.extension import creation as _creation
from ims_ext.extension import job as _job
from ims_ext.extension import native as _native
from ims_ext.extension import tag_rules
from ims_ext.file_import import bucket as _bucket_import
from ims_ext.file_import import bucket_order as _bucket_order
from ims_ext.file_import import existing as _existing
from ims_ext.file_import import native as _native_import
from ims_ext.file_import import record as import_record

if TYPE_CHECKING:
    from _typeshed import StrPath

#: Called with the bytes that have been sent and the bytes in all.
ByteProgress = Callable[[int, int], None]

#: What native metadata has room for, of what can be said of an import.
_NATIVE_ATTRIBUTES = ('min_ram', 'os_version', 'tags')


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
        resume: bool = True,
        once: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        progress: ByteProgress | None = None,
        job_progress: _job.JobProgress | None = None,
        **attrs: Unpack[_creation.ImportAttributes],
    ) -> _job.Job:
        """Create an image from a disk image's file on this machine.

        The file is looked into first: its format and size decide the route,
        and one that refers to data outside itself is refused. What was
        judged is what is sent: where the file changes meanwhile, it ends.

        - With a bucket, the file is uploaded there, in parts, and imported
          from there: by operation 4, or by operation 9 where ``quick`` asks
          for it or a RAW or ZVHD2 file has 128 GiB or more. An ISO file gets
          ``type='IsoImage'`` and needs an ``os_version``; a data disk takes
          ``type='DataImage'``, and operation 8 instead of 4.
        - Without one, image metadata are created and the file is uploaded to
          the image service, which takes less than 2 GiB. No job is involved;
          the one returned has no ID, and tells the image and its state.

        If an attempt ends early, what it leaves behind is in the notes of the
        exception (``error.__notes__``). However it ended, the same call goes
        on from there: parts that were uploaded are not sent again, and the
        import is not started twice. What that takes is kept in the user's
        state folder until the import has ended.

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
            default the disk's virtual size, rounded up, and for a data disk
            40 at least, which all of the clouds take.
        :param quick: Whether to use the quick import; by default where it is
            necessary.
        :param keep_object: Whether the uploaded object is to stay in the
            bucket after the import.
        :param safe_mode: Whether to use H's safe mode for the import
            (operation 29); needs a bucket.
        :param resume: Whether to go on with an earlier call for the same
            file, name and bucket that was interrupted. Otherwise what that
            one has left is deleted, and this one begins anew; an import
            that it has started is left to itself.
        :param once: Whether an image of the project's own that has the name
            and the tags is taken, where there is one already or is about to
            be, instead of making another; what it was made of, and its other
            attributes, are not looked at. An interrupted call is gone on
            with before.
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
        :raises: :class:`~ims_ext.exceptions.ImportBusyError` where another
            process is at the same import.
        :raises: :class:`~ims_ext.exceptions.ImportChangedError` where an
            interrupted call has started the import, and the file or an
            attribute is not as it was.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        _job.check_seconds('timeout', timeout, _job.DEFAULT_TIMEOUT)
        existing = None
        if once:
            given: Any = attrs.get('tags') or {}
            attrs['tags'] = tags = tag_rules.check_tags(given)
            existing = _existing.Existing(name, tags, bucket is not None)
        with local_file.LocalFile(path) as file:
            disk = diskimage.inspect_file(file, disk_format=disk_format)
            route = diskimage.choose_route(
                disk, has_bucket=bucket is not None, quick=quick
            )
            request = _import_request(route, attrs)
            min_disk = diskimage.check_min_disk(
                disk, min_disk, data_disk=request is _creation.DataImageImport
            )
            _settle_iso(disk, attrs)
            _check_key(disk, object_key)
            if bucket is None:
                _check_native(
                    object_key=object_key,
                    keep_object=keep_object,
                    safe_mode=safe_mode,
                    type=request is _creation.DataImageImport,
                )
                metadata = {
                    'name': validation.check_name(name),
                    'disk_format': disk.disk_format,
                    'min_disk': min_disk,
                    **_native_attributes(disk, attrs),
                }
                return self._import_natively(
                    _native_import.NativeOrder(file, metadata),
                    existing=existing,
                    resume=resume,
                    wait=wait,
                    timeout=timeout,
                    progress=progress,
                )
            order = _bucket_order.BucketOrder(
                file=file,
                bucket=bucket,
                object_key=object_key,
                disk_format=disk.disk_format,
                request=request,
                # Whatever can be refused is, before the first byte is sent.
                body=_import_body(
                    request,
                    bucket,
                    object_key
                    or _bucket_order.free_key(name, disk.disk_format),
                    name,
                    min_disk,
                    attrs,
                ),
                safe_mode=safe_mode,
                keep_object=keep_object,
            )
            return self._import_from_bucket(
                order,
                existing=existing,
                resume=resume,
                wait=wait,
                timeout=timeout,
                progress=progress,
                job_progress=job_progress,
            )

    def _import_from_bucket(
        self,
        order: _bucket_order.BucketOrder,
        *,
        existing: _existing.Existing | None,
        resume: bool,
        wait: bool,
        timeout: float | None,
        progress: ByteProgress | None,
        job_progress: _job.JobProgress | None,
    ) -> _job.Job:
        name = order.body['name']
        with contextlib.ExitStack() as stack:
            if order.object_key:
                # Two files under one key would take each other's place.
                stack.enter_context(
                    self._slot(
                        f"into {order.bucket}:{order.object_key}",
                        object=f'{order.bucket}:{order.object_key}',
                    )
                )
            slot = stack.enter_context(
                self._slot(
                    f"{order.file.path} as {name!r} by way of the bucket "
                    f"{order.bucket}",
                    file=os.path.realpath(order.file.path),
                    name=name,
                    bucket=order.bucket,
                    key=order.object_key,
                )
            )
            if existing and not slot.load() and (there := existing.find(self)):
                return self._taken(there, wait, timeout, job_progress)
            importing = _bucket_import.BucketImport(
                self, slot, order, progress
            )
            job = importing.start(resume=resume)
            if wait:
                try:
                    left_object = job.left_object
                    job = self.wait_for_job(
                        job, timeout=timeout, progress=job_progress
                    )
                    job.left_object = left_object
                except BaseException as error:
                    importing.note(error)
                    raise
            importing.finish(job, is_over=wait)
        return job

    def _import_natively(
        self,
        order: _native_import.NativeOrder,
        *,
        existing: _existing.Existing | None,
        resume: bool,
        wait: bool,
        timeout: float | None,
        progress: ByteProgress | None,
    ) -> _job.Job:
        with self._slot(
            f"{order.file.path} as {order.name!r}",
            file=os.path.realpath(order.file.path),
            name=order.name,
        ) as slot:
            if existing and not slot.load() and (there := existing.find(self)):
                return self._taken(there, wait, timeout, None)
            image = _native_import.NativeImport(
                self, slot, order, progress
            ).run(resume=resume, wait=wait, timeout=timeout)
        return _job.Job.existing(
            status='SUCCESS' if image.status == 'active' else 'RUNNING',
            entities={'image_id': image.id, 'image_name': image.name},
            connection=self._get_connection(),
        )

    def _taken(
        self,
        job: _job.Job,
        wait: bool,
        timeout: float | None,
        progress: _job.JobProgress | None,
    ) -> _job.Job:
        if not wait:
            return job
        return self.wait_for_job(job, timeout=timeout, progress=progress)

    def _slot(self, what: str, **identity: Any) -> import_record.Slot:
        """Return the place for an import's record, in this project."""
        return import_record.Slot(
            what,
            {
                'endpoint': self.root_url(),
                'project': self.get_project_id(),
                **identity,
            },
        )


def _settle_iso(disk: diskimage.DiskImage, attrs: Any) -> None:
    """Have an ISO file's type be that of one, and no other's."""
    if disk.disk_format != 'iso':
        if attrs.get('type') == 'IsoImage':
            raise exceptions.ValidationError(
                f"{disk.name} is no ISO file, but {disk.disk_format}: leave "
                f"out that it is one (--iso, or the type IsoImage)"
            )
        return
    attrs.setdefault('type', 'IsoImage')
    if attrs['type'] != 'IsoImage':
        raise exceptions.ValidationError(
            f"{disk.name} is an ISO file: its type is IsoImage, not "
            f"{attrs['type']}"
        )


def _check_key(disk: diskimage.DiskImage, key: str | None) -> None:
    """Refuse a key that calls an object what it is not."""
    said = diskimage.check_key(disk.disk_format, key or '')
    if said:
        raise exceptions.ValidationError(
            f"The object key {key} says {said}, but the content of "
            f"{disk.name} is {disk.disk_format}: let it end in "
            f".{disk.disk_format}, or leave it out"
        )


def _import_request(
    route: diskimage.Route, attrs: Any
) -> type[_creation.ImportRequest]:
    """Return the operation that imports a file once it is in a bucket."""
    if route is diskimage.Route.QUICK_IMPORT:
        return _creation.QuickImport
    if str(attrs.get('type')).casefold() == 'dataimage':
        return _creation.DataImageImport
    return _creation.ImageCreation


def _import_body(
    request: type[_creation.ImportRequest],
    bucket: str,
    key: str,
    name: str,
    min_disk: int,
    attrs: Any,
) -> dict[str, Any]:
    """Return the parameters of an import, each one checked."""
    if request is _creation.DataImageImport:
        # The operation is for nothing else, and takes no type.
        del attrs['type']
    objectstore.check_object(bucket, key)
    return _creation.import_body(
        request, f'{bucket}:{key}', name, min_disk, attrs
    )


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
