# SPDX-License-Identifier: Apache-2.0
"""The cleanup of what an attempt to upload has left in the bucket."""

from collections.abc import Collection, Sequence
import hashlib
import logging
import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ims_ext.objectstore import access
from ims_ext.objectstore import checkpoint as _checkpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MD5 = re.compile(r'[0-9a-f]{32}')
#: Answers to whoever may not list uploads, or where that cannot be done.
_NO_LIST = frozenset((403, 405, 501))

_logger = logging.getLogger(__name__)


class Leftovers:
    """The parts of an upload, and the object that it becomes.

    :param client: The S3 client.
    :param bucket: The bucket's name.
    :param key: The object's key.
    :param checkpoint: What is known of the upload.
    """

    def __init__(
        self,
        client: 'S3Client',
        bucket: str,
        key: str,
        checkpoint: _checkpoint.Checkpoint,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._checkpoint = checkpoint
        self._can_list = True

    def holds_object(self) -> bool:
        """Return whether the object is there, and this upload's."""
        try:
            found = self._client.head_object(
                Bucket=self._bucket, Key=self._key
            )
        except ClientError as error:
            if access.status(error) != 404:
                raise
            return False
        if found['ContentLength'] != self._checkpoint.size:
            return False
        # Encrypted ones have etags that nobody can compute.
        return self._checkpoint.is_own_key or (
            found.get('ETag', '').strip('"') == self._checkpoint.etag
        )

    def parts(self) -> dict[int, tuple[str, int]] | None:
        """Return etag and size of the parts that are there, by number.

        :returns: ``None`` where there is no such upload (any more); nothing
            of what may not be listed.
        """
        if self._checkpoint.upload_id is None:
            return None
        try:
            return self._parts_of(self._checkpoint.upload_id)
        except ClientError as error:
            if access.status(error) == 404:
                return None
            if access.status(error) not in _NO_LIST:
                raise
            _logger.warning(
                "The parts of %s:%s that are there cannot be listed, so all "
                "are sent again: %s",
                self._bucket,
                self._key,
                error,
            )
            return {}

    def _parts_of(self, upload_id: str) -> dict[int, tuple[str, int]]:
        pages = self._client.get_paginator('list_parts').paginate(
            Bucket=self._bucket, Key=self._key, UploadId=upload_id
        )
        return {
            part['PartNumber']: (
                part.get('ETag', '').strip('"'),
                part.get('Size', 0),
            )
            for page in pages
            for part in page.get('Parts', ())
        }

    def abort_strays(self) -> None:
        """Abort uploads that were begun in vain: their IDs never arrived.

        Nothing has been sent to these. Where others may have chosen the same
        key, one with parts in it is theirs.
        """
        if not self._can_list:
            return
        try:
            pages = self._client.get_paginator(
                'list_multipart_uploads'
            ).paginate(Bucket=self._bucket, Prefix=self._key)
            strays = [
                found['UploadId']
                for page in pages
                for found in page.get('Uploads', ())
                if found['Key'] == self._key
                and found['UploadId'] != self._checkpoint.upload_id
            ]
        except ClientError as error:
            if access.status(error) not in _NO_LIST:
                raise
            self._can_list = False
            _logger.warning(
                "An interrupted request may have left an empty upload to "
                "%s:%s, but this access key may not list them: %s",
                self._bucket,
                self._key,
                error,
            )
            return
        for upload_id in strays:
            if self._checkpoint.is_own_key or not self._has_parts(upload_id):
                self._abort(upload_id)

    def discard(self) -> None:
        """Delete everything that the upload has left."""
        checkpoint = self._checkpoint
        if not checkpoint.is_begun:
            return
        if checkpoint.upload_id is not None:
            self._abort(checkpoint.upload_id)
        is_in_parts = checkpoint.size >= checkpoint.part_size
        if is_in_parts and (
            checkpoint.is_own_key or checkpoint.upload_id is None
        ):
            self.abort_strays()
        if checkpoint.etag is None and not checkpoint.is_own_key:
            is_there = checkpoint.is_complete
        else:
            is_there = self.holds_object()
        if is_there:
            self._client.delete_object(Bucket=self._bucket, Key=self._key)

    def _has_parts(self, upload_id: str) -> bool:
        try:
            return bool(self._parts_of(upload_id))
        except ClientError as error:
            if access.status(error) not in _NO_LIST | {404}:
                raise
            # What cannot be known to be empty stays.
            return access.status(error) != 404

    def _abort(self, upload_id: str) -> None:
        try:
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=self._key, UploadId=upload_id
            )
        except ClientError as error:
            if access.status(error) != 404:
                raise


def clear(
    client: 'S3Client', bucket: str, prefix: str, keep: Collection[str]
) -> list[str]:
    """Delete the objects below a prefix, and abort the uploads to there.

    :param client: The S3 client.
    :param bucket: The bucket's name.
    :param prefix: What the keys begin with.
    :param keep: What the keys begin with that are left alone.
    :returns: The keys, those of uploads among them.
    """
    kept = tuple(keep)
    found = []
    uploads = client.get_paginator('list_multipart_uploads')
    for page in uploads.paginate(Bucket=bucket, Prefix=prefix):
        for upload in page.get('Uploads', ()):
            if not upload['Key'].startswith(kept):
                client.abort_multipart_upload(
                    Bucket=bucket,
                    Key=upload['Key'],
                    UploadId=upload['UploadId'],
                )
                found.append(upload['Key'])
    objects = client.get_paginator('list_objects_v2')
    for listed in objects.paginate(Bucket=bucket, Prefix=prefix):
        for each in listed.get('Contents', ()):
            if not each['Key'].startswith(kept):
                client.delete_object(Bucket=bucket, Key=each['Key'])
                found.append(each['Key'])
    return found


def joint_etag(etags: Sequence[str]) -> str | None:
    """Return the etag of an object made of parts, where it can be told.

    :param etags: The parts' etags, without quotes.
    """
    if not all(_MD5.fullmatch(etag) for etag in etags):
        return None
    md5 = hashlib.md5(usedforsecurity=False)
    for etag in etags:
        md5.update(bytes.fromhex(etag))
    return f'{md5.hexdigest()}-{len(etags)}'
