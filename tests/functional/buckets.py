# SPDX-License-Identifier: Apache-2.0
"""The bucket side of the emulator on its own, with keys made up here."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import datetime
import io
import os
from pathlib import Path
import socket
from typing import TYPE_CHECKING, Any, cast
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from boto3.s3.transfer import TransferConfig
from boto3.s3.transfer import create_transfer_manager
from botocore.config import Config
from botocore.exceptions import ClientError
import botocore.session
import pytest

from ims_ext.emulator import listener

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = 'eu-emu-1'
MIB = 1024**2


@dataclasses.dataclass
class Key:
    """An access key."""

    access: str
    secret: str
    project_id: str
    security_token: str | None = None
    expires_at: datetime.datetime | None = None


def in_minutes(minutes: int) -> datetime.datetime:
    """Return a time relative to now."""
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(
        minutes=minutes
    )


#: The keys of two projects, permanent and temporary ones.
KEYS = {
    key.access: key
    for key in (
        Key('ALPHA', 'secret-of-alpha', 'alpha'),
        Key('BETA', 'secret-of-beta', 'beta'),
        Key('TEMP', 'secret-of-temp', 'alpha', 'token', in_minutes(15)),
        Key('ENDED', 'secret-of-ended', 'alpha', 'token', in_minutes(-1)),
    )
}


class Everybody:
    """An admission of everybody's bodies."""

    def body_limit(self, environ: WSGIEnvironment) -> int:
        return 64 * MIB

    def is_known(self, environ: WSGIEnvironment) -> bool:
        return True

    def body_buffer(self, environ: WSGIEnvironment) -> None:
        return None


@contextlib.contextmanager
def serving(application: WSGIApplication) -> Iterator[str]:
    """Serve on a free port of the loopback; gives the URL."""
    listening = socket.create_server(('127.0.0.1', 0))
    port = listening.getsockname()[1]
    stop = listener.serve([listening], application, Everybody())
    try:
        yield f'http://127.0.0.1:{port}'
    finally:
        stop()


def s3(url: str, key: Key, **config: Any) -> 'S3Client':
    """Return an S3 client with a key, as any S3 user would make it."""
    config.setdefault('retries', {'total_max_attempts': 1})
    client = botocore.session.Session().create_client(
        's3',
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key.access,
        aws_secret_access_key=key.secret,
        aws_session_token=key.security_token,
        config=Config(**config),
    )
    return cast('S3Client', client)


def refused(call: Callable[[], Any]) -> str:
    """Return the code that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response['Error']['Code'])


def files(directory: Path) -> list[str]:
    """Return the names of the files that a store has."""
    return sorted(os.listdir(directory / 'objects'))


def upload(client: 'S3Client', data: bytes, key: str) -> None:
    """Upload in parts, several at a time."""
    config = TransferConfig(
        multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB
    )
    with create_transfer_manager(client, config) as manager:
        manager.upload(io.BytesIO(data), 'images', key).result()


def read(client: 'S3Client', key: str, **options: Any) -> bytes:
    """Read an object."""
    return client.get_object(Bucket='images', Key=key, **options)[
        'Body'
    ].read()
