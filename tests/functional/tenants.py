# SPDX-License-Identifier: Apache-2.0
"""Projects of a test's own in an emulator that many tests share."""

from collections.abc import Iterator
import contextlib
from typing import TYPE_CHECKING
import uuid

from ims_ext.emulator.seed import Account
from ims_ext.emulator.server import EmulatorServer

if TYPE_CHECKING:
    from .plain_http import Client


def add_tenant(server: EmulatorServer) -> str:
    """Add a user whose project nobody else is in; return the user's name.

    The project has the servers, volumes and backups that every project has
    from the start.
    """
    name = f'tenant-{uuid.uuid4().hex}'
    server.add_user(Account(name, f'secret of {name}', f'project of {name}'))
    return name


@contextlib.contextmanager
def bucket(client: 'Client', name: str = 'images') -> Iterator[None]:
    """Make a bucket, and delete it and all that is in it in the end.

    There is only one of a name, whoever owns it: tests that want the same
    one have it one after the other.
    """
    client.s3.create_bucket(Bucket=name)
    yield
    while True:
        for each in client.s3.list_objects_v2(Bucket=name).get('Contents', ()):
            client.s3.delete_object(Bucket=name, Key=each['Key'])
        try:
            client.s3.delete_bucket(Bucket=name)
        except client.s3.exceptions.ClientError as error:
            # A job has put one more there.
            if error.response['Error']['Code'] != 'BucketNotEmpty':
                raise
        else:
            break
