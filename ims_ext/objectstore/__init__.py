# SPDX-License-Identifier: Apache-2.0
"""The bucket side of an import or export: the object store speaks S3."""

from collections.abc import Iterator
import contextlib
import importlib.util
import os
import threading
from typing import TYPE_CHECKING

from ims_ext import exceptions
from ims_ext import validation
from ims_ext.objectstore import access as _access
from ims_ext.objectstore import upload as _upload

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client
    from openstack.connection import Connection

#: Bytes that an object's key may have.
_MAX_KEY = 1024

#: The store's words for "it is the access key".
_CREDENTIAL_CODES = {
    'AuthorizationHeaderMalformed',
    'ExpiredToken',
    'InvalidAccessKeyId',
    'InvalidToken',
    'RequestTimeTooSkewed',
    'SignatureDoesNotMatch',
    'TokenRefreshRequired',
}


class ObjectStore:
    """A cloud's buckets, as far as images need them.

    The endpoint and the access key are found as described at
    :func:`~ims_ext.objectstore.access.find_endpoint` and
    :func:`~ims_ext.objectstore.access.find_credentials`, when they are first
    needed.

    :param connection: The cloud.
    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without the
        ``obs`` extra.
    """

    def __init__(self, connection: 'Connection') -> None:
        if not importlib.util.find_spec('boto3'):
            raise exceptions.MissingExtraError(
                'obs', "Moving an image through a bucket"
            )
        self._connection = connection
        self._lock = threading.Lock()
        self._made_client: S3Client | None = None

    def check_bucket(self, bucket: str) -> None:
        """Make sure that a bucket is there and open to us.

        :param bucket: The bucket's name.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a name that
            no bucket can have,
            :class:`~ims_ext.exceptions.BucketNotFoundError`,
            :class:`~ims_ext.exceptions.BucketAccessError`,
            :class:`~ims_ext.exceptions.BucketCredentialsError`,
            :class:`~ims_ext.exceptions.ObjectStoreError`
        """
        validation.check_bucket(bucket)
        from botocore.exceptions import ClientError

        with self._translated(bucket):
            try:
                self._client.head_bucket(Bucket=bucket)
            except ClientError as error:
                if _status(error) not in (400, 403):
                    raise
                # An answer to HEAD has no body, so it cannot say why.
                self._client.list_objects(Bucket=bucket, MaxKeys=1)

    def upload(
        self,
        path: 'str | os.PathLike[str]',
        bucket: str,
        key: str,
        *,
        progress: _upload.ByteProgress | None = None,
    ) -> None:
        """Upload a file, in parts where it is large; memory stays flat.

        A failed upload leaves no parts behind, or its exception has a note
        (``error.__notes__``) that says so, a Ctrl-C included.

        :param path: The file; it must not change meanwhile.
        :param bucket: The bucket's name.
        :param key: The object's key.
        :param progress: Called with the bytes sent and the file's size, by
            one thread at a time and never with less than before.
        :raises: as :meth:`check_bucket`.
        """
        check_object(bucket, key)
        before = _upload.Fingerprint.of(path)
        watch = _upload.Watch(bucket, key, before.size, progress)
        client = self._client
        with watch.listening(client):
            try:
                self._send(client, os.fspath(path), watch, before)
            except BaseException as error:
                self._clean_up(watch, error)
                raise
        watch.finish()

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that is not there is no error.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :raises: as :meth:`check_bucket`.
        """
        check_object(bucket, key)
        with self._translated(bucket, key):
            self._client.delete_object(Bucket=bucket, Key=key)

    def exists(self, bucket: str, key: str) -> bool:
        """Return whether an object is in a bucket.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :raises: as :meth:`check_bucket`.
        """
        check_object(bucket, key)
        from botocore.exceptions import ClientError

        with self._translated(bucket, key):
            try:
                self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if _status(error) != 404:
                    raise
                return False
        return True

    def object_url(self, bucket: str, key: str) -> str:
        """Return an object's address as the image service writes it.

        :param bucket: The bucket's name.
        :param key: The object's key.
        """
        check_object(bucket, key)
        return f'{bucket}:{key}'

    @property
    def endpoint(self) -> str:
        """The object store's URL."""
        return self._client.meta.endpoint_url

    @property
    def _client(self) -> 'S3Client':
        with self._lock:
            if self._made_client is None:
                self._made_client = _access.make_client(self._connection)
            return self._made_client

    def _send(
        self,
        client: 'S3Client',
        path: str,
        watch: _upload.Watch,
        before: _upload.Fingerprint,
    ) -> None:
        from ims_ext.objectstore import transfer as _transfer

        failure = None
        try:
            with self._translated(watch.bucket, watch.key, watch):
                _transfer.transfer(client, path, watch)
        except exceptions.ObjectStoreError as error:
            failure = error
        if _upload.Fingerprint.of(path) != before:
            raise exceptions.ObjectStoreError(
                f"{path} changed while it was uploaded to {watch.bucket}:"
                f"{watch.key}: upload it again when nothing writes to it"
            ) from failure
        if failure is not None:
            raise failure

    def _clean_up(self, watch: '_upload.Watch', error: BaseException) -> None:
        """Delete what is left of an upload, or note in the error what is."""
        try:
            if watch.completed:
                left = f"the object {watch.bucket}:{watch.key}"
                self.delete(watch.bucket, watch.key)
            elif watch.upload_id is not None:
                left = (
                    f"perhaps the parts of an unfinished upload to "
                    f"{watch.bucket}:{watch.key}, upload ID "
                    f"{watch.upload_id}; any S3 client can abort it"
                )
                # s3transfer has tried already, without saying how it ended.
                self._abort(watch.bucket, watch.key, watch.upload_id)
        except exceptions.ObjectStoreError:
            error.add_note(f"Left behind: {left}")

    def _abort(self, bucket: str, key: str, upload_id: str) -> None:
        from botocore.exceptions import ClientError

        with self._translated(bucket, key):
            try:
                self._client.abort_multipart_upload(
                    Bucket=bucket, Key=key, UploadId=upload_id
                )
            except ClientError as error:
                if _status(error) != 404:
                    raise

    @contextlib.contextmanager
    def _translated(
        self,
        bucket: str,
        key: str | None = None,
        watch: '_upload.Watch | None' = None,
    ) -> Iterator[None]:
        """Turn what botocore raises into our own exceptions."""
        from botocore.exceptions import BotoCoreError
        from botocore.exceptions import ClientError
        from s3transfer.exceptions import CancelledError

        target = f'{bucket}:{key}' if key else f'bucket {bucket}'
        try:
            yield
        except ClientError as error:
            raise _refusal(error, bucket, target, watch) from error
        except (BotoCoreError, CancelledError, OSError) as error:
            raise exceptions.ObjectStoreError(
                f"The object store at {self.endpoint} failed on {target}"
                f"{watch.sent if watch else ''}: {_access.words(error)}"
            ) from error


def check_object(bucket: str, key: str) -> None:
    """Make sure that an object can be called so.

    :param bucket: The bucket's name.
    :param key: The object's key: up to 1,024 bytes without spaces, which
        the image service refuses (IMG.0175).
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    validation.check_object_url(f'{bucket}:{key}')
    length = len(key.encode())
    if length > _MAX_KEY:
        raise exceptions.ValidationError(
            f"The object's key has {length} bytes; {_MAX_KEY} are allowed"
        )
    if any(c.isspace() or not c.isprintable() for c in key):
        raise exceptions.ValidationError(
            f"The object's key contains blanks or control characters: {key!r}"
        )


def _status(error: 'ClientError') -> int:
    """Return the HTTP status of a refusal."""
    return int(error.response['ResponseMetadata'].get('HTTPStatusCode', 0))


def _refusal(
    error: 'ClientError',
    bucket: str,
    target: str,
    watch: _upload.Watch | None,
) -> exceptions.ObjectStoreError:
    """Return our exception for a refusal by the object store."""
    code = error.response['Error'].get('Code', '')
    reason = error.response['Error'].get('Message') or code
    status = _status(error)
    if code in _CREDENTIAL_CODES:
        return exceptions.BucketCredentialsError(
            f"The object store does not accept the access key: {code}: "
            f"{reason.rstrip('.')}. Check ak and sk in the cloud's "
            f"configuration, or OS_ACCESS_KEY and OS_SECRET_KEY, and this "
            f"machine's clock"
        )
    if code == 'NoSuchBucket' or (status == 404 and watch is None):
        return exceptions.BucketNotFoundError(
            f"Bucket {bucket} does not exist: create it in the cloud's "
            f"object store first, or name another"
        )
    if status == 403:
        return exceptions.BucketAccessError(
            f"Access to {target} is denied: have its owner grant the access "
            f"key's user access, or name a bucket of your own"
        )
    return exceptions.ObjectStoreError(
        f"The object store refused {target}{watch.sent if watch else ''}: "
        f"{code}: {reason}"
    )
