# SPDX-License-Identifier: Apache-2.0
"""A file's way to the image service itself, and going on with it.

Metadata first, then the data, all of it at once: what can be gone on with
after an interruption is the image that waits for its data.
"""

from collections.abc import Mapping
import dataclasses
import logging
import threading
import time
from typing import Any

from openstack import exceptions as sdk_exceptions
from openstack.image.v2 import image as _image

from ims_ext import exceptions
from ims_ext import local_file
from ims_ext import reconcile
from ims_ext.extension import job as _job
from ims_ext.file_import import record as import_record
from ims_ext.file_import import recovery as import_recovery
from ims_ext.objectstore import body as _body
from ims_ext.objectstore import checkpoint as _upload
from ims_ext.reconcile import image as image_trace
from ims_ext.transport import failures
from ims_ext.transport import retry

_logger = logging.getLogger(__name__)

#: Seconds to wait for another process that is making the same metadata.
_PATIENCE = 30.0
#: How an image is left whose data has not come.
_WITHOUT_DATA = "without data, in status queued"
#: What an image's status cannot become good from.
_BAD_STATUSES = ('killed', 'deleted', 'pending_delete')


@dataclasses.dataclass(frozen=True)
class NativeOrder:
    """The import that is asked for.

    :ivar file: The file.
    :ivar metadata: What ``create_image_metadata`` takes.
    """

    file: local_file.LocalFile
    metadata: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The image's name."""
        return str(self.metadata['name'])


class NativeImport:
    """An upload to the image service, with its record.

    :param proxy: ``conn.ims``.
    :param slot: The place for its record, entered.
    :param order: What is asked for.
    :param progress: Called with the bytes sent and the bytes in all.
    """

    def __init__(
        self,
        proxy: Any,
        slot: import_record.Slot,
        order: NativeOrder,
        progress: _upload.ByteProgress | None,
    ) -> None:
        self._proxy = proxy
        self._slot = slot
        self._order = order
        self._watch = _upload.Watch('', '', order.file.size, progress)
        self._record: import_record.Record
        self._is_resumed = False

    def run(
        self, *, resume: bool, wait: bool, timeout: float | None
    ) -> _image.Image:
        """Make the image, as far as that is missing.

        :param resume: Whether to go on with an earlier attempt.
        :param wait: Whether to wait until the image is active.
        :param timeout: Seconds to wait at most.
        :returns: The image.
        """
        image = self._earlier_image(resume)
        self._is_resumed = image is not None
        if image is None:
            image = self._create()
        image = self._send(image, timeout)
        try:
            if wait and image.status != 'active':
                # Queued for now: the service takes data in after a while.
                image = self._wait_for(image, 'active', _BAD_STATUSES, timeout)
        except BaseException as error:
            self._note(error, image.id, "being taken in")
            raise
        if self._is_resumed:
            with self._creating():
                # A lock that was left where it was killed goes with this.
                pass
        self._slot.remove()
        return image

    # ====== AN EARLIER ATTEMPT ======

    def _earlier_image(self, resume: bool) -> _image.Image | None:
        """Return the image of an earlier attempt, where it is of use."""
        record = self._slot.load()
        asked = import_record.digests(self._order.metadata)
        self._record = record or import_record.Record(
            fingerprint=self._order.file.fingerprint,
            judged=self._order.file.judged,
            asked=asked,
            key='',
            upload=_upload.Checkpoint.new(self._order.file.size),
        )
        if record is None:
            return None
        image = self._found(record, resume)
        change = None
        if not record.is_of(self._order.file):
            change = f"the file {self._order.file.path} has changed"
        elif record.asked != asked:
            change = "other attributes are asked for"
        if image is None or not self._is_of_use(image, change, resume):
            record.fingerprint = self._order.file.fingerprint
            record.judged = self._order.file.judged
            record.asked = asked
            record.forget_request()
            return None
        return image

    def _found(
        self, record: import_record.Record, resume: bool
    ) -> _image.Image | None:
        """Return the image of an earlier attempt, if it can be told."""
        try:
            return self._find(record)
        except exceptions.OutcomeUnknownError as error:
            if resume:
                import_recovery.note(error, "perhaps one of these images")
                raise
            _logger.warning("What an earlier run has left stays: %s", error)
            return None

    def _find(self, record: import_record.Record) -> _image.Image | None:
        if record.asked_at is None:
            return None
        if record.image_id is None:
            with self._creating():
                found = import_recovery.find_made(
                    self._proxy, self._trace(), record.asked_at
                )
            if found is None:
                return None
            record.image_id = str(found.id)
            self._slot.save(record)
        try:
            image: _image.Image = self._proxy.get_image(record.image_id)
        except sdk_exceptions.NotFoundException:
            return None
        return image

    def _trace(self) -> '_WaitingImage':
        others = {record.image_id for record in self._slot.others()}
        return _WaitingImage(self._order.metadata, others)

    def _is_of_use(
        self, image: _image.Image, change: str | None, resume: bool
    ) -> bool:
        """Whether to go on with an image of an earlier attempt.

        :raises: :class:`~ims_ext.exceptions.ImportChangedError`
        """
        is_bad = image.status in _BAD_STATUSES
        if resume and change is None and not is_bad:
            return True
        if image.status == 'queued' or is_bad:
            _logger.warning(
                "The image %s, which an earlier run has left in status %s, "
                "is deleted%s",
                image.id,
                image.status,
                f": {change}" if change else "",
            )
            self._proxy.delete_image(image.id)
            return False
        if not resume:
            _logger.warning(
                "An earlier run has uploaded the image %s; it is left as it "
                "is",
                image.id,
            )
            return False
        raise exceptions.ImportChangedError(
            f"An earlier run was interrupted after it had uploaded the image "
            f"{image.id}, and {change} since. Run it again as it was to go "
            f"on with that image; or, with resume=False (--no-resume), leave "
            f"it as it is and make a new one"
        )

    # ====== METADATA ======

    def _creating(self) -> Any:
        """Keep other processes from making what could be mistaken."""
        return import_record.exclusively(
            {
                'endpoint': self._proxy.root_url(),
                'project': self._proxy.get_project_id(),
                'waiting': self._order.name,
            },
            _PATIENCE,
        )

    def _create(self) -> _image.Image:
        with self._creating():
            self._record.asked_at = time.time()
            self._slot.save(self._record)
            try:
                image: _image.Image = self._proxy.create_image_metadata(
                    **self._order.metadata
                )
            except Exception as error:
                if reconcile.loss_of(error) is None and not isinstance(
                    error, exceptions.OutcomeUnknownError
                ):
                    # A refusal: nothing has been made.
                    self._slot.remove()
                raise
            self._record.image_id = str(image.id)
            self._slot.save(self._record)
        return image

    # ====== DATA ======

    def _send(
        self, image: _image.Image, timeout: float | None
    ) -> _image.Image:
        """Send the data until the image has them."""
        # An interrupted attempt may have sent all of it.
        is_lost = self._is_resumed
        is_first = True

        def attempt() -> _image.Image:
            nonlocal image, is_first
            image = image if is_first else self._look(image)
            is_first = False
            image = self._settled(image, timeout)
            if image.status != 'active' and not self._record.is_sent:
                self._put_noted(image)
                self._record.is_sent = True
                self._slot.save(self._record)
                image = self._look(image)
            self._watch.finish()
            return image

        def failure_in(error: Exception) -> failures.Failure | None:
            nonlocal is_lost
            if not isinstance(error, _DataError):
                return None
            failure = _failure_of(error.reason, is_lost)
            is_lost = is_lost or failure is not None
            return failure

        def give_up(
            error: Exception, attempts: retry.Attempts
        ) -> _image.Image:
            raise error

        try:
            return retry.run(
                attempt,
                self._proxy.retry_policy,
                failure_in=failure_in,
                give_up=give_up,
            )
        except _DataError as error:
            reason = error.reason
        self._failed(reason, image, _failure_of(reason, is_lost) is not None)
        raise reason

    def _put_noted(self, image: _image.Image) -> None:
        """Send the data; an interruption's error says what is left."""
        try:
            self._put(image)
        except Exception as error:
            raise _DataError(error) from error
        except BaseException as error:
            self._note(error, image.id, _WITHOUT_DATA)
            raise

    def _put(self, image: _image.Image) -> None:
        file = self._order.file
        body = _body.Body(file, 0, file.size, self._watch, threading.Event())
        try:
            response = self._proxy.put(
                f'/images/{image.id}/file',
                data=body,
                headers={
                    'Content-Type': 'application/octet-stream',
                    'Accept': '',
                },
                repeatable=False,
            )
        except _body.Stopped as stopped:
            if stopped.__cause__ is None:
                raise
            raise stopped.__cause__ from None
        exceptions.raise_from_response(
            response, f"Cannot upload {file.path} to the image {image.id}"
        )
        if not file.is_unchanged:
            raise exceptions.DiskImageError(
                f"{file.path} changed while it was uploaded: upload it again "
                f"when nothing writes to it"
            )

    def _settled(
        self, image: _image.Image, timeout: float | None
    ) -> _image.Image:
        """Wait until an image has got all data that were sent to it."""
        if image.status != 'saving':
            return image
        try:
            return self._wait_for(
                image, ('active', 'queued'), _BAD_STATUSES, timeout
            )
        except BaseException as error:
            self._note(error, image.id, "being taken in")
            raise

    def _look(self, image: _image.Image) -> _image.Image:
        try:
            return self._seen(image)
        except BaseException as error:
            self._note(error, image.id, "being taken in")
            raise

    def _seen(self, image: _image.Image) -> _image.Image:
        """Return an image as it is now, which may not be seen for a moment.

        :raises: :class:`~openstack.exceptions.NotFoundException` where it is
            gone.
        """
        try:
            seen: _image.Image = reconcile.seen(
                lambda: self._proxy.get_image(image.id)
            )
        except sdk_exceptions.NotFoundException as error:
            # Nothing to go on with.
            self._slot.remove()
            raise exceptions.NotFoundError(
                f"The image {image.id} is not there any more: it was deleted "
                f"before it had its data, by somebody or by the cloud. Run "
                f"it again to make another one"
            ) from error
        return seen

    def _failed(
        self, error: Exception, image: _image.Image, may_pass: bool
    ) -> None:
        """Delete the image that has no data, unless it serves next time."""
        if may_pass and self._slot.is_kept:
            self._note(error, image.id, _WITHOUT_DATA)
            return
        try:
            self._proxy.delete_image(image.id)
        except Exception:
            self._note(error, image.id, _WITHOUT_DATA)
        else:
            self._slot.remove()

    def _wait_for(
        self,
        image: _image.Image,
        statuses: str | tuple[str, ...],
        failures: tuple[str, ...],
        timeout: float | None,
    ) -> _image.Image:
        """Wait until an image has one of some statuses."""
        wanted = (statuses,) if isinstance(statuses, str) else statuses
        deadline = time.monotonic() + (timeout or _job.DEFAULT_TIMEOUT)
        pause = _job.DEFAULT_INTERVAL / 4
        while image.status not in wanted:
            if image.status in failures:
                raise sdk_exceptions.ResourceFailure(
                    f"The image {image.id} has got the status {image.status}"
                )
            if time.monotonic() > deadline:
                raise sdk_exceptions.ResourceTimeout(
                    f"The image {image.id} still has the status {image.status}"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 5.0)
            image = self._seen(image)
        return image

    def _note(self, error: BaseException, image_id: str, how: str) -> None:
        if isinstance(error, sdk_exceptions.NotFoundException):
            # Of the image, nothing is left.
            return
        left = f"the image {image_id}, {how}"
        if self._slot.is_kept:
            import_recovery.note(error, left)
        else:
            error.add_note(
                f"Left behind: {left}; {exceptions.deleting_words(image_id)}"
            )


class _DataError(Exception):
    """The data could not be sent.

    :ivar reason: Why.
    """

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _failure_of(error: Exception, is_lost: bool) -> failures.Failure | None:
    """Return the failure of an upload that another one may follow.

    :param error: What sending the data raised.
    :param is_lost: Whether earlier data may be on their way into the image.
    """
    if reconcile.loss_of(error) is None:
        if is_lost and isinstance(error, sdk_exceptions.ConflictException):
            # It is being taken in.
            return failures.Failure('doubtful', str(error))
        if isinstance(error, sdk_exceptions.NotFoundException):
            # It was made a moment ago: not all of the service knows it yet.
            return failures.Failure('doubtful', str(error))
        return None
    failure = failures.in_error(error)
    return failure and dataclasses.replace(
        failure, kind='doubtful', is_final=failures.is_unsent(error)
    )


class _WaitingImage(image_trace.ImageTrace):
    """An image that waits for its data, as metadata has made it.

    :param metadata: What was asked for.
    :param others: IDs of images that other imports are at.
    """

    def __init__(
        self, metadata: Mapping[str, Any], others: set[str | None]
    ) -> None:
        super().__init__([image_trace.Wanted(str(metadata['name']))], None)
        self._metadata = metadata
        self._others = others

    def may_be(self, record: Mapping[str, Any]) -> bool:
        """Whether an image waits, and has what was asked for."""
        if record.get('id') in self._others or record.get('status') != (
            'queued'
        ):
            return False
        return all(
            record.get(name) in (None, self._metadata.get(name))
            for name in ('disk_format', 'min_disk')
        )
