# SPDX-License-Identifier: Apache-2.0
"""An object that is read, gone on with after a cut."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ims_ext import exceptions
from ims_ext.objectstore import bucket_retry
from ims_ext.transport import retry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024 * 1024
#: Cuts after one another without a byte between them.
_MOST_CUTS = 4


class Download:
    """An object's bytes: those that it had when it was looked at.

    :param client: The object store's client.
    :param bucket: The bucket's name.
    :param key: The object's key.
    :param etag: What the object is known by.
    :param size: Its bytes.
    :param policy: How often and for how long the bucket is asked again.
    :param translated: Turns what botocore raises into our exceptions.
    :ivar size: Its bytes.
    """

    def __init__(
        self,
        client: 'S3Client',
        bucket: str,
        key: str,
        etag: str,
        size: int,
        policy: retry.Policy,
        translated: Callable[[str, str], Any],
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._etag = etag
        self._policy = policy
        self._translated = translated
        self.size = size

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes, a piece at a time.

        :raises: as :meth:`.ObjectStore.check_bucket`, and
            :class:`~ims_ext.exceptions.ObjectStoreError` where the object
            has become another one.
        """
        done = cuts = 0
        while done < self.size:
            body = self._open(done)
            try:
                while chunk := self._next(body):
                    done += len(chunk)
                    cuts = 0
                    yield chunk
            finally:
                body.close()
            if done < self.size:
                cuts += 1
                if cuts >= _MOST_CUTS:
                    raise exceptions.ObjectStoreError(
                        f"The object store ends {self._bucket}:{self._key} "
                        f"after {done} of {self.size} bytes, again and again"
                    )

    def _open(self, start: int) -> Any:
        def get() -> Any:
            return self._client.get_object(
                Bucket=self._bucket,
                Key=self._key,
                IfMatch=self._etag,
                Range=f'bytes={start}-',
            )['Body']

        with self._translated(self._bucket, self._key):
            return bucket_retry.persist(get, self._policy)

    def _next(self, body: Any) -> bytes:
        """Return some next bytes; none where there are no more to come."""
        from botocore import exceptions as botocore_exceptions
        from urllib3 import exceptions as urllib3_exceptions

        try:
            return bytes(body.read(_CHUNK))
        except (
            botocore_exceptions.BotoCoreError,
            urllib3_exceptions.HTTPError,
            OSError,
        ):
            return b''
