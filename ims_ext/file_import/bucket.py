# SPDX-License-Identifier: Apache-2.0
"""A file's way through a bucket: an upload, an import, and going on with it.

However it ends, what it has come to is in its record, and the same import
goes on from there.
"""

import logging
import shlex
import time
from typing import Any

from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext import objectstore
from ims_ext import reconcile
from ims_ext import sdk
from ims_ext.extension import creation as _creation
from ims_ext.extension import image_job
from ims_ext.extension import job as _job
from ims_ext.extension import job_image
from ims_ext.file_import import bucket_order
from ims_ext.file_import import record as import_record
from ims_ext.file_import import recovery as import_recovery
from ims_ext.objectstore import checkpoint as _upload

_logger = logging.getLogger(__name__)

#: Refusals that would be the same next time. Those of an access key would
#: not: one that ends in the middle of an upload is given anew.
_DEFINITIVE = (
    exceptions.BucketAccessError,
    exceptions.BucketNotFoundError,
    exceptions.ValidationError,
)


class BucketImport:
    """An import through a bucket, with its record.

    :param proxy: ``conn.ims``.
    :param slot: The place for its record, entered.
    :param order: What is asked for.
    :param progress: Called with the bytes sent and the bytes in all.
    """

    def __init__(
        self,
        proxy: Any,
        slot: import_record.Slot,
        order: bucket_order.BucketOrder,
        progress: _upload.ByteProgress | None,
    ) -> None:
        self._proxy = proxy
        self._slot = slot
        self._order = order
        self._progress = progress
        self._store = objectstore.ObjectStore(
            sdk.connection_of(proxy), proxy.retry_policy
        )
        self._record: import_record.Record

    def start(self, *, resume: bool) -> _job.Job:
        """Upload the file and start the import, as far as that is missing.

        :param resume: Whether to go on with an earlier attempt; what it has
            left is deleted otherwise.
        :returns: The job, started or found.
        """
        self._store.check_bucket(self._order.bucket)
        self._take_record(resume)
        try:
            job = self._running_job()
            if job is None:
                self._upload()
                job = self._start()
        except KeyboardInterrupt as error:
            if not hasattr(error, '__notes__'):
                # Between the steps that say of themselves what is left.
                self._note_interrupted(error)
            raise
        job.left_object = self._object_url
        return job

    def finish(self, job: _job.Job, *, is_over: bool) -> None:
        """Forget the import, and delete the object that is needed no more.

        :param job: The job.
        :param is_over: Whether it has ended, and well.
        """
        if is_over and not self._order.keep_object:
            self._delete_object(job)
        self._slot.remove()

    def note(self, error: BaseException) -> None:
        """Say in an error of the job what is left.

        :param error: What waiting for the job has raised.
        """
        if isinstance(error, exceptions.JobFailedError):
            self._record.forget_request()
            self._slot.save(self._record)
            self._note_object(error)
        else:
            # The job has its own note.
            self._note_left(error, f"the uploaded object {self._object_url}")

    def _note_left(self, error: BaseException, left: str) -> None:
        if self._slot.is_kept:
            import_recovery.note(error, left)
        else:
            error.add_note(f"Left behind: {left}; {self._deleting}")

    @property
    def _deleting(self) -> str:
        """What deletes that which the upload leaves."""
        return objectstore.deleting_words(
            self._order.bucket, self._record.key, self._record.upload
        )

    def _note_interrupted(self, error: KeyboardInterrupt) -> None:
        record = self._record
        if record.upload.is_begun:
            self._note_left(
                error,
                objectstore.left_words(
                    self._order.bucket, record.key, record.upload
                ),
            )

    @property
    def _object_url(self) -> str:
        return f'{self._order.bucket}:{self._record.key}'

    # ====== THE RECORD ======

    def _take_record(self, resume: bool) -> None:
        """Go on with the record of an earlier attempt, or begin one."""
        record = self._slot.load()
        if record is not None:
            self._attach(record)
            if self._is_of_use(record, resume):
                record.fingerprint = self._order.file.fingerprint
                return
            self._discard(record)
        key = self._order.object_key
        if key and self._store.exists(self._order.bucket, key):
            raise exceptions.ValidationError(
                f"The bucket {self._order.bucket} has an object {key} "
                f"already: name another key, or import the object that is "
                f"there"
            )
        self._attach(
            import_record.Record(
                fingerprint=self._order.file.fingerprint,
                judged=self._order.file.judged,
                asked=self._order.asked,
                key=key
                or bucket_order.free_key(
                    self._order.body['name'], self._order.disk_format
                ),
                upload=_upload.Checkpoint.new(
                    self._order.file.size, is_own_key=not key
                ),
            )
        )

    def _attach(self, record: import_record.Record) -> None:
        self._record = record
        record.upload.save = lambda: self._slot.save(record)

    def _is_of_use(self, record: import_record.Record, resume: bool) -> bool:
        """Whether to go on with a record.

        :raises: :class:`~ims_ext.exceptions.ImportChangedError`
        """
        if not resume:
            return False
        file = self._order.file
        is_asked = record.asked_at is not None
        if not record.is_of(file):
            if is_asked:
                raise self._changed(f"the file {file.path} has changed")
            _logger.warning(
                "%s has changed since an earlier attempt to upload it; the "
                "upload begins anew",
                file.path,
            )
            return False
        if record.asked != self._order.asked:
            if is_asked:
                names = sorted(
                    name
                    for name in record.asked.keys() | self._order.asked.keys()
                    if record.asked.get(name) != self._order.asked.get(name)
                )
                raise self._changed(f"{', '.join(names)} would be different")
            record.asked = self._order.asked
        return True

    def _changed(self, what: str) -> exceptions.ImportChangedError:
        which = "perhaps"
        if self._record.job_id:
            which = f"as the job {self._record.job_id}"
        elif self._record.image_id:
            which = f"as the image {self._record.image_id}"
        return exceptions.ImportChangedError(
            f"An earlier run was interrupted after it had started the import "
            f"of {self._object_url} ({which}), and {what} since. Run it "
            f"again as it was to go on with that import; or, with "
            f"resume=False (--no-resume), leave that import to itself and "
            f"begin a new one"
        )

    def _discard(self, record: import_record.Record) -> None:
        """Delete what an earlier attempt has left, and its record."""
        if record.asked_at is not None and not self._has_ended(record):
            _logger.warning(
                "An earlier run has started an import of %s, which perhaps "
                "goes on; the object is left for it",
                self._object_url,
            )
        else:
            self._discard_upload(record)
        self._slot.remove()

    def _discard_upload(self, record: import_record.Record) -> None:
        bucket = self._order.bucket
        try:
            self._store.discard(bucket, record.key, record.upload)
        except exceptions.BucketAccessError as error:
            # It would be denied next time, too.
            left = objectstore.left_words(bucket, record.key, record.upload)
            _logger.warning(
                "An earlier run has left %s, which cannot be deleted: %s",
                left,
                error,
            )

    def _has_ended(self, record: import_record.Record) -> bool:
        job = self._known_job(record)
        return job is not None and job.is_finished

    # ====== THE UPLOAD ======

    def _upload(self) -> None:
        order, record = self._order, self._record
        checkpoint = record.upload
        if checkpoint.is_complete:
            if self._store.holds(order.bucket, record.key, checkpoint):
                return
            _logger.warning(
                "The object %s, uploaded earlier, is not there any more; it "
                "is uploaded again",
                self._object_url,
            )
            checkpoint.begin_again()
        try:
            self._store.send(
                order.file,
                order.bucket,
                record.key,
                checkpoint,
                progress=self._progress,
            )
        except BaseException as error:
            self._upload_failed(error)
            raise

    def _upload_failed(self, error: BaseException) -> None:
        """Leave what serves the next attempt, and delete what does not."""
        order, checkpoint = self._order, self._record.upload
        if not checkpoint.is_begun:
            return
        left = objectstore.left_words(
            order.bucket, self._record.key, checkpoint
        )
        if (
            self._slot.is_kept
            and order.file.is_unchanged
            and not isinstance(error, _DEFINITIVE)
        ):
            import_recovery.note(error, left)
            return
        try:
            self._store.discard(order.bucket, self._record.key, checkpoint)
            checkpoint.is_begun = False
            self._slot.remove()
        except (exceptions.ObjectStoreError, KeyboardInterrupt):
            self._note_left(error, left)

    # ====== THE IMPORT ======

    def _start(self) -> _job.Job:
        """Have the object imported."""
        record = self._record
        record.asked_at = time.time()
        self._slot.save(record)
        try:
            job: _job.Job = self._proxy._start_job(
                self._request(), safe_mode=self._order.safe_mode
            )
        except BaseException as error:
            self._start_failed(error)
            raise
        self._note_job(job)
        return job

    def _start_failed(self, error: BaseException) -> None:
        if (
            isinstance(error, sdk_exceptions.HttpException)
            and reconcile.loss_of(error) is None
        ):
            # Nothing has been made of it; next time it may be put right.
            self._record.forget_request()
            self._slot.save(self._record)
        self._note_object(error)

    def _note_object(self, error: BaseException) -> None:
        again = (
            "the same call or command goes on with it, what was wrong put "
            "right; "
        )
        error.add_note(
            f"Left behind: the uploaded object {self._object_url}; "
            f"{again if self._slot.is_kept else ''}'openstack ims image "
            f"create --object {shlex.quote(self._object_url)} …' imports it "
            f"without another upload, {self._deleting}"
        )

    def _note_job(self, job: _job.Job) -> None:
        self._record.job_id = job.id or None
        self._record.image_id = None if job.id else job.image_id
        self._slot.save(self._record)

    def _request(self) -> _creation.ImportRequest:
        body = {**self._order.body, 'image_url': self._object_url}
        return self._order.request.new(**body)

    def _running_job(self) -> _job.Job | None:
        """Return the job that an earlier attempt has started."""
        record = self._record
        if record.asked_at is None:
            return None
        job = self._known_job(record)
        if job is None:
            job = self._look_for_job(record.asked_at)
        if job is None or self._is_history(job):
            record.forget_request()
            self._slot.save(record)
            return None
        request = self._request()
        job.started_by(
            job_image.Request(
                request.effects,
                import_recovery.EarlierMoment(record.asked_at),
                request.trace(),
            )
        )
        return job

    def _look_for_job(self, asked_at: float) -> _job.Job | None:
        """Return the job of an earlier attempt that got no answer."""
        try:
            found = import_recovery.find_made(
                self._proxy, self._request().trace(), asked_at
            )
        except BaseException as error:
            self._note_left(error, f"the uploaded object {self._object_url}")
            raise
        if found is not None:
            self._note_job(found)
        return found

    def _known_job(self, record: import_record.Record) -> _job.Job | None:
        """Return the job that a record names, if the cloud knows it."""
        if record.job_id:
            try:
                found: _job.Job = self._proxy.get_job(record.job_id)
            except (
                sdk_exceptions.BadRequestException,
                sdk_exceptions.NotFoundException,
            ):
                return None
            return found
        if record.image_id:
            return image_job.ImageJob.of(
                {'id': record.image_id, 'name': self._order.body['name']},
                connection=sdk.connection_of(self._proxy),
            ).look(self._proxy)
        return None

    def _is_history(self, job: _job.Job) -> bool:
        """Whether the image was made, and deleted since."""
        if not job.is_successful or not job.image_id:
            return False
        try:
            self._proxy.get_image(job.image_id)
        except sdk_exceptions.NotFoundException:
            _logger.warning(
                "An earlier run has imported %s as the image %s, which is "
                "not there any more; it is imported again",
                self._object_url,
                job.image_id,
            )
            return True
        return False

    def _delete_object(self, job: _job.Job) -> None:
        """Delete what was uploaded; the image is there even if that fails."""
        try:
            self._store.delete(self._order.bucket, self._record.key)
        except exceptions.ObjectStoreError as error:
            _logger.warning(
                "The image is there, but the uploaded object %s could not be "
                "deleted: %s",
                self._object_url,
                error,
            )
        else:
            job.left_object = None
