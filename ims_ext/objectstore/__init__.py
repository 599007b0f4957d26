# SPDX-License-Identifier: Apache-2.0
"""The bucket side of an import or export: the object store speaks S3."""

from collections.abc import Collection, Iterator
import contextlib
import email.utils
import importlib.util
import os
import shlex
import threading
from typing import TYPE_CHECKING

from ims_ext import exceptions
from ims_ext import local_file
from ims_ext import validation
from ims_ext.exceptions import masking
from ims_ext.objectstore import access as _access
from ims_ext.objectstore import checkpoint as _checkpoint
from ims_ext.transport import retry

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef
    from openstack.connection import Connection

    from ims_ext.objectstore import cleanup as _cleanup
    from ims_ext.objectstore import download as _download

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
    :param retry_policy: How often and for how long buckets are asked again,
        and the identity service for a key.
    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without the
        ``obs`` extra.
    """

    def __init__(
        self,
        connection: 'Connection',
        retry_policy: retry.Policy | None = None,
    ) -> None:
        if not importlib.util.find_spec('boto3'):
            raise exceptions.MissingExtraError(
                'obs', "Moving an image through a bucket"
            )
        self._connection = connection
        self._policy = retry_policy or retry.Policy()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
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

        from ims_ext.objectstore import bucket_retry

        def look() -> None:
            try:
                self._client.head_bucket(Bucket=bucket)
            except ClientError as error:
                if _access.status(error) not in (400, 403):
                    raise
                # An answer to HEAD has no body, so it cannot say why.
                self._client.list_objects(Bucket=bucket, MaxKeys=1)

        with self._translated(bucket):
            bucket_retry.persist(look, self._policy, is_reachable=False)

    def upload(
        self,
        path: 'str | os.PathLike[str]',
        bucket: str,
        key: str,
        *,
        progress: _checkpoint.ByteProgress | None = None,
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
        with local_file.LocalFile(path) as file:
            checkpoint = _checkpoint.Checkpoint.new(file.size)
            try:
                self.send(file, bucket, key, checkpoint, progress=progress)
            except BaseException as error:
                try:
                    self.discard(bucket, key, checkpoint)
                except (exceptions.ObjectStoreError, KeyboardInterrupt):
                    left = left_words(bucket, key, checkpoint)
                    rid = deleting_words(bucket, key, checkpoint)
                    error.add_note(f"Left behind: {left}; {rid}")
                raise

    def send(
        self,
        file: local_file.LocalFile,
        bucket: str,
        key: str,
        checkpoint: _checkpoint.Checkpoint,
        *,
        progress: _checkpoint.ByteProgress | None = None,
    ) -> None:
        """Upload a file, from where an earlier attempt has got to.

        Parts that are there are compared with the file and not sent again. A
        failed upload leaves its parts for the next attempt; who does not
        want one uses :meth:`discard`.

        :param file: The file.
        :param bucket: The bucket's name.
        :param key: The object's key.
        :param checkpoint: How far it has come: of the earlier attempt, or a
            new one; kept up to date.
        :param progress: As for :meth:`upload`; parts that are there count as
            sent.
        :raises: as :meth:`check_bucket`.
        """
        check_object(bucket, key)
        from ims_ext.objectstore import upload as _upload

        watch = _checkpoint.Watch(bucket, key, file.size, progress)
        failure = None
        try:
            with self._translated(bucket, key, watch):
                _upload.transfer(
                    self._client, file, watch, checkpoint, self._policy
                )
        except exceptions.ObjectStoreError as error:
            failure = error
        if not file.is_unchanged:
            raise exceptions.ObjectStoreError(
                f"{file.path} changed while it was uploaded to {bucket}:"
                f"{key}: upload it again when nothing writes to it"
            ) from failure
        if failure is not None:
            raise failure
        watch.finish()

    def discard(
        self, bucket: str, key: str, checkpoint: _checkpoint.Checkpoint
    ) -> None:
        """Delete what an upload has left: its parts, or its object.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :param checkpoint: How far it has come.
        :raises: as :meth:`check_bucket`.
        """
        from ims_ext.objectstore import bucket_retry

        with self._translated(bucket, key):
            bucket_retry.persist(
                self._leftovers(bucket, key, checkpoint).discard,
                self._policy.briefly(),
            )

    def holds(
        self, bucket: str, key: str, checkpoint: _checkpoint.Checkpoint
    ) -> bool:
        """Return whether what was uploaded is in the bucket.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :param checkpoint: How far the upload has come.
        :raises: as :meth:`check_bucket`.
        """
        from ims_ext.objectstore import bucket_retry

        with self._translated(bucket, key):
            return bucket_retry.persist(
                self._leftovers(bucket, key, checkpoint).holds_object,
                self._policy,
            )

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that is not there is no error.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :raises: as :meth:`check_bucket`.
        """
        check_object(bucket, key)
        from ims_ext.objectstore import bucket_retry

        with self._translated(bucket, key):
            bucket_retry.persist(
                lambda: self._client.delete_object(Bucket=bucket, Key=key),
                self._policy,
            )

    def clear(
        self, bucket: str, prefix: str, keep: Collection[str] = ()
    ) -> list[str]:
        """Delete objects and abort uploads, whoever has left them.

        :param bucket: The bucket's name.
        :param prefix: What the keys of all of them begin with.
        :param keep: What the keys begin with that are left alone.
        :returns: The keys, those of uploads among them.
        :raises: as :meth:`check_bucket`.
        """
        check_object(bucket, prefix)
        from ims_ext.objectstore import bucket_retry
        from ims_ext.objectstore import cleanup as _cleanup

        with self._translated(bucket):
            return bucket_retry.persist(
                lambda: _cleanup.clear(self._client, bucket, prefix, keep),
                self._policy.briefly(),
            )

    def exists(self, bucket: str, key: str) -> bool:
        """Return whether an object is in a bucket.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :raises: as :meth:`check_bucket`.
        """
        return self._head(bucket, key) is not None

    def size(self, bucket: str, key: str) -> int | None:
        """Return an object's bytes.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :returns: ``None`` where it is not there.
        :raises: as :meth:`check_bucket`.
        """
        head = self._head(bucket, key)
        return None if head is None else head['ContentLength']

    def read(self, bucket: str, key: str) -> '_download.Download':
        """Return an object whose bytes can be read.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :raises: as :meth:`check_bucket`, and
            :class:`~ims_ext.exceptions.ObjectStoreError` where there is no
            such object.
        """
        from ims_ext.objectstore import download as _download

        head = self._head(bucket, key)
        if head is None:
            raise exceptions.ObjectStoreError(
                f"There is no object {bucket}:{key}"
            )
        return _download.Download(
            self._client,
            bucket,
            key,
            head['ETag'],
            head['ContentLength'],
            self._policy,
            self._translated,
        )

    def age(self, bucket: str, key: str) -> float | None:
        """Return how old an object is, in seconds.

        By the store's own clock, which counts whole seconds.

        :param bucket: The bucket's name.
        :param key: The object's key.
        :returns: ``None`` where it is not there.
        :raises: as :meth:`check_bucket`.
        """
        head = self._head(bucket, key)
        if head is None:
            return None
        try:
            told = head['ResponseMetadata']['HTTPHeaders'].get('date', '')
            now = email.utils.parsedate_to_datetime(told)
            return (now - head['LastModified']).total_seconds()
        except (KeyError, TypeError, ValueError) as error:
            raise exceptions.ObjectStoreError(
                f"The object store at {self.endpoint} does not tell how old "
                f"{bucket}:{key} is"
            ) from error

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
        if self._process != os.getpid():
            # Connections that two processes share give answers to the wrong
            # one.
            self._begin()
        with self._lock:
            if self._made_client is None:
                from ims_ext.objectstore import body as _body

                client = _access.make_client(self._connection, self._policy)
                _body.count_only_what_is_sent(client)
                self._made_client = client
            return self._made_client

    def _head(self, bucket: str, key: str) -> 'HeadObjectOutputTypeDef | None':
        """Return what is told of an object, ``None`` if it is not there."""
        check_object(bucket, key)
        from botocore.exceptions import ClientError

        from ims_ext.objectstore import bucket_retry

        def look() -> 'HeadObjectOutputTypeDef | None':
            try:
                return self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if _access.status(error) != 404:
                    raise
                return None

        with self._translated(bucket, key):
            return bucket_retry.persist(look, self._policy)

    def _leftovers(
        self, bucket: str, key: str, checkpoint: _checkpoint.Checkpoint
    ) -> '_cleanup.Leftovers':
        from ims_ext.objectstore import cleanup as _cleanup

        return _cleanup.Leftovers(self._client, bucket, key, checkpoint)

    @contextlib.contextmanager
    def _translated(
        self,
        bucket: str,
        key: str | None = None,
        watch: '_checkpoint.Watch | None' = None,
    ) -> Iterator[None]:
        """Turn what botocore raises into our own exceptions."""
        from botocore.exceptions import BotoCoreError
        from botocore.exceptions import ClientError
        from botocore.parsers import ResponseParserError

        target = f'{bucket}:{key}' if key else f'bucket {bucket}'
        with masking.clean_errors():
            try:
                yield
            except ClientError as error:
                raise _refusal(error, bucket, target, watch) from error
            except (BotoCoreError, ResponseParserError, OSError) as error:
                raise exceptions.ObjectStoreError(
                    f"The object store at {self.endpoint} failed on {target}"
                    f"{watch.sent if watch else ''}: {_access.words(error)}"
                ) from error


def left_words(
    bucket: str, key: str, checkpoint: _checkpoint.Checkpoint
) -> str:
    """Return what an upload leaves, in words for a message.

    :param bucket: The bucket's name.
    :param key: The object's key.
    :param checkpoint: How far it has come.
    """
    if checkpoint.is_complete:
        return f"the object {bucket}:{key}"
    if checkpoint.upload_id is not None:
        return (
            f"perhaps the parts of an unfinished upload to {bucket}:{key}, "
            f"upload ID {checkpoint.upload_id}"
        )
    return f"perhaps an unfinished upload to {bucket}:{key}"


def deleting_words(
    bucket: str, key: str, checkpoint: _checkpoint.Checkpoint | None = None
) -> str:
    """Return what deletes that which an upload leaves, for a message.

    :param bucket: The bucket's name.
    :param key: The object's key.
    :param checkpoint: How far the upload has come; ``None`` for an object.
    """
    if checkpoint is None or checkpoint.is_complete:
        command = f's3 rm {shlex.quote(f"s3://{bucket}/{key}")}'
    elif checkpoint.upload_id is None:
        return f"'aws s3api list-multipart-uploads --bucket {bucket}' tells"
    else:
        command = (
            f's3api abort-multipart-upload --bucket {bucket} '
            f'--key {shlex.quote(key)} '
            f'--upload-id {shlex.quote(checkpoint.upload_id)}'
        )
    return f"'aws {command}', or any S3 client, deletes it"


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


def _refusal(
    error: 'ClientError',
    bucket: str,
    target: str,
    watch: _checkpoint.Watch | None,
) -> exceptions.ObjectStoreError:
    """Return our exception for a refusal by the object store."""
    code = error.response['Error'].get('Code', '')
    reason = error.response['Error'].get('Message') or code
    status = _access.status(error)
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
