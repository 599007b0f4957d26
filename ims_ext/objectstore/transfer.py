# SPDX-License-Identifier: Apache-2.0
"""The transfer of a file, by boto3; imported only where one takes place."""

from typing import TYPE_CHECKING, Any

from boto3.s3.transfer import TransferConfig
from boto3.s3.transfer import create_transfer_manager
from s3transfer.subscribers import BaseSubscriber
from s3transfer.utils import OSUtils
from s3transfer.utils import ReadFileChunk

from ims_ext.objectstore import access
from ims_ext.objectstore import upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def transfer(client: 'S3Client', path: str, watch: upload.Watch) -> None:
    """Upload a file; returns when it is done.

    :param client: The S3 client.
    :param path: The file.
    :param watch: Where it goes; told how far it has come.
    :raises: what botocore and s3transfer raise, and ``OSError``.
    """
    config = TransferConfig(
        multipart_threshold=upload.PART_SIZE,
        multipart_chunksize=upload.part_size(watch.size),
        max_concurrency=access.CONNECTIONS,
        preferred_transfer_client='classic',
    )
    with create_transfer_manager(client, config, _Files()) as manager:
        manager.upload(
            path, watch.bucket, watch.key, subscribers=[_Progress(watch)]
        ).result()


class _Progress(BaseSubscriber):
    """Tells a watch what has been sent."""

    def __init__(self, watch: upload.Watch) -> None:
        super().__init__()
        self._watch = watch

    def on_progress(
        self, future: Any, bytes_transferred: int, **_: Any
    ) -> None:
        self._watch.add(bytes_transferred)


class _Part(ReadFileChunk):
    """A part of a file that fails when the file has become shorter.

    Otherwise the store would wait for the missing bytes until the request
    times out, and again with each further attempt.
    """

    def read(self, amount: int | None = None) -> bytes:
        data = super().read(amount)
        if not data and amount != 0 and self.tell() < len(self):
            raise OSError("the file has become shorter")
        return data


class _Files(OSUtils):
    """How the transfer manager gets at files."""

    def open_file_chunk_reader_from_fileobj(
        self,
        fileobj: Any,
        chunk_size: int,
        full_file_size: int,
        callbacks: Any,
        close_callbacks: Any = None,
    ) -> _Part:
        return _Part(
            fileobj,
            chunk_size,
            full_file_size,
            callbacks=callbacks,
            enable_callbacks=False,
            close_callbacks=close_callbacks,
        )
