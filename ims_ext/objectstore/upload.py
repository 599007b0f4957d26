# SPDX-License-Identifier: Apache-2.0
"""A resumable multipart upload; imported only where one takes place."""

from collections.abc import Callable, Iterator
from concurrent import futures
import contextlib
import hashlib
import threading
from typing import IO, TYPE_CHECKING, TypeVar, cast

from botocore.exceptions import ClientError

from ims_ext import local_file
from ims_ext import workers
from ims_ext.objectstore import access
from ims_ext.objectstore import bucket_retry
from ims_ext.objectstore import checkpoint as _checkpoint
from ims_ext.objectstore import cleanup
from ims_ext.objectstore.body import Body
from ims_ext.objectstore.body import Stopped
from ims_ext.transport import retry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024**2
#: Seconds that an upload which ends early waits for answers under way.
_GRACE = 5.0

T = TypeVar('T')


def transfer(
    client: 'S3Client',
    file: local_file.LocalFile,
    watch: _checkpoint.Watch,
    checkpoint: _checkpoint.Checkpoint,
    policy: retry.Policy,
) -> None:
    """Upload a file; returns when the object is there.

    What ends it early, a Ctrl-C included, leaves what has been sent: the
    checkpoint tells of it. Answers that are under way are waited for, but
    not for long: a store that has stalled takes minutes.

    :param client: The S3 client.
    :param file: The file.
    :param watch: Where it goes; told how far it has come.
    :param checkpoint: How far it has come in an earlier attempt.
    :param policy: How often and for how long each request is sent again.
    :raises: what botocore and ``watch`` raise, and ``OSError``.
    """
    running = _Transfer(client, file, watch, checkpoint, policy)
    reason: BaseException | None = None
    # One more for what sends none of the file: the thread that is
    # interrupted sends nothing, so that no answer gets lost.
    with workers.Workers(access.CONNECTIONS + 1, 'ims-upload') as pool:
        try:
            pool.submit(running.run, pool).result()
        except Stopped as stopped:
            reason = stopped.__cause__ or stopped
        finally:
            running.stop()
    if reason is not None:
        raise reason


class _Transfer:
    """A file on its way."""

    def __init__(
        self,
        client: 'S3Client',
        file: local_file.LocalFile,
        watch: _checkpoint.Watch,
        checkpoint: _checkpoint.Checkpoint,
        policy: retry.Policy,
    ) -> None:
        self._policy = policy
        self.stopping = threading.Event()
        self._client = client
        self._file = file
        self._watch = watch
        self._checkpoint = checkpoint
        self._leftovers = cleanup.Leftovers(
            client, watch.bucket, watch.key, checkpoint
        )
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._is_left = False

    def stop(self) -> None:
        """Send nothing more; what is answered later changes nothing."""
        self.stopping.set()
        try:
            self._ended.wait(_GRACE)
        finally:
            with self._lock:
                self._is_left = True

    def run(self, pool: workers.Workers) -> None:
        """Upload the file."""
        try:
            self._run(pool)
        except ClientError as error:
            if _is_gone(error):
                # Next time, there is no use in asking for it again.
                with self._noting() as checkpoint:
                    checkpoint.begin_again()
            raise
        finally:
            self._ended.set()

    def _run(self, pool: workers.Workers) -> None:
        checkpoint = self._checkpoint
        if checkpoint.is_begun and self._is_there():
            self._watch.add(self._file.size)
        elif self._file.size < checkpoint.part_size:
            self._put()
        else:
            self._send_in_parts(pool)
        with self._noting():
            checkpoint.is_complete = True
            checkpoint.save()

    @contextlib.contextmanager
    def _noting(self) -> Iterator[_checkpoint.Checkpoint]:
        """Hold what may change the checkpoint, or stop here."""
        with self._lock:
            if self._is_left:
                raise Stopped
            yield self._checkpoint

    def _is_there(self) -> bool:
        """Whether an earlier attempt got to the end, perhaps unheard."""
        return self._checkpoint.etag is not None and self._persist(
            self._leftovers.holds_object
        )

    def _put(self) -> None:
        etag = self._md5(0, self._file.size)
        with self._noting() as checkpoint:
            checkpoint.etag = etag
            checkpoint.is_begun = True
            checkpoint.save()
        body = self._body(0, self._file.size)

        def put() -> str:
            body.seek(0)
            answer = self._client.put_object(
                Bucket=self._watch.bucket, Key=self._watch.key, Body=body
            )
            return answer.get('ETag', '').strip('"') or etag

        told = self._persist(put)
        with self._noting():
            # An encrypted object has one of its own.
            checkpoint.etag = told

    def _send_in_parts(self, pool: workers.Workers) -> None:
        was_begun = self._checkpoint.is_begun
        known = self._known_parts() if was_begun else {}
        if self._checkpoint.upload_id is None:
            self._begin()
        etags = self._send_parts(pool, known)
        self._complete(etags)
        if was_begun:
            # What an earlier attempt had just asked for comes late at times.
            self._persist(self._leftovers.abort_strays)

    def _known_parts(self) -> dict[int, tuple[str, int]]:
        """Return etag and size of the parts that are there."""
        found = self._persist(self._leftovers.parts)
        if found is None:
            with self._noting() as checkpoint:
                checkpoint.begin_again()
        self._persist(self._leftovers.abort_strays)
        return found or {}

    def _begin(self) -> None:
        with self._noting() as checkpoint:
            checkpoint.is_begun = True
            checkpoint.save()
        attempts = 0

        def create() -> str:
            nonlocal attempts
            attempts += 1
            answer = self._client.create_multipart_upload(
                Bucket=self._watch.bucket, Key=self._watch.key
            )
            return answer['UploadId']

        upload_id = self._persist(create)
        with self._noting():
            checkpoint.upload_id = upload_id
            checkpoint.save()
        if attempts > 1:
            self._persist(self._leftovers.abort_strays)

    def _send_parts(
        self, pool: workers.Workers, known: dict[int, tuple[str, int]]
    ) -> list[str]:
        """Send what is missing, and return the etags of all parts."""
        count = -(-self._file.size // self._checkpoint.part_size)
        sending = [
            pool.submit(self._send_part, number, known.get(number))
            for number in range(1, count + 1)
        ]
        try:
            done, _ = futures.wait(
                sending, return_when=futures.FIRST_EXCEPTION
            )
            errors = [future.exception() for future in done]
            for error in errors:
                if error is not None:
                    raise error
        except BaseException:
            self.stopping.set()
            for future in sending:
                future.cancel()
            futures.wait(sending)
            raise
        return [future.result() for future in sending]

    def _send_part(self, number: int, known: tuple[str, int] | None) -> str:
        """Send a part unless it is there, and return its etag."""
        if self.stopping.is_set():
            raise Stopped
        part_size = self._checkpoint.part_size
        offset = (number - 1) * part_size
        size = min(part_size, self._file.size - offset)
        if known == (self._md5(offset, size) if known else None, size):
            self._watch.add(size)
            return known[0]
        body = self._body(offset, size)

        def send() -> str:
            body.seek(0)
            answer = self._client.upload_part(
                Bucket=self._watch.bucket,
                Key=self._watch.key,
                UploadId=self._checkpoint.upload_id or '',
                PartNumber=number,
                Body=body,
            )
            return answer.get('ETag', '').strip('"')

        return self._persist(send)

    def _complete(self, etags: list[str]) -> None:
        with self._noting() as checkpoint:
            checkpoint.etag = cleanup.joint_etag(etags)
            checkpoint.save()

        def complete() -> str | None:
            try:
                answer = self._client.complete_multipart_upload(
                    Bucket=self._watch.bucket,
                    Key=self._watch.key,
                    UploadId=checkpoint.upload_id or '',
                    MultipartUpload={
                        'Parts': [
                            {'PartNumber': number, 'ETag': etag}
                            for number, etag in enumerate(etags, 1)
                        ]
                    },
                )
            except ClientError as error:
                # The answer to an earlier request may have been lost.
                if _is_gone(error) and self._leftovers.holds_object():
                    return checkpoint.etag
                raise
            return answer.get('ETag', '').strip('"') or checkpoint.etag

        etag = self._persist(complete)
        with self._noting():
            checkpoint.etag = etag

    def _persist(self, send: Callable[[], T]) -> T:
        """Send a request until it is answered, or the upload has ended."""

        def pause(seconds: float) -> None:
            if self.stopping.wait(seconds):
                raise Stopped

        return bucket_retry.persist(send, self._policy, pause)

    def _body(self, offset: int, size: int) -> 'IO[bytes]':
        body = Body(self._file, offset, size, self._watch, self.stopping)
        # As much of one as a request needs.
        return cast('IO[bytes]', body)

    def _md5(self, offset: int, size: int) -> str:
        """Return the etag that a stretch of the file has as an object."""
        md5 = hashlib.md5(usedforsecurity=False)
        end = offset + size
        while offset < end:
            if self.stopping.is_set():
                raise Stopped
            data = self._file.read_at(offset, min(_CHUNK, end - offset))
            md5.update(data)
            offset += len(data)
        return md5.hexdigest()


def _is_gone(error: ClientError) -> bool:
    """Whether the store does not know the upload (any more)."""
    return error.response['Error'].get('Code') == 'NoSuchUpload'
