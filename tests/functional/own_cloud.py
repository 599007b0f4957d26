# SPDX-License-Identifier: Apache-2.0
"""A project of a test's own, whose servers and volumes it may use up."""

from collections.abc import Iterator
import contextlib
from typing import Any

from openstack import connection
import pytest

import ims_ext
from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer

from .eventually import settle
from .tenants import add_tenant


class Cloud:
    """What a test does with its emulator.

    :param server: The emulator.
    :param user: Who uses it.

    :ivar server: The emulator.
    :ivar user: Who uses it.
    :ivar user: Who uses it.
    :ivar conn: The connection of the user.
    """

    def __init__(self, server: EmulatorServer, user: str = 'alice') -> None:
        self.server = server
        self.user = user
        self.user = user
        self.conn = self.connect(user)

    def connect(self, user: str) -> connection.Connection:
        """Return a connection of a user."""
        entry = dict(self.server.clouds(access_keys=True)['clouds'][user])
        # Loaded below, whatever the environment says of hooks.
        del entry['vendor_hook']
        conn = connection.Connection(**entry)
        ims_ext.load(conn)
        return conn

    def settle(self) -> None:
        """Let the time pass in which effects are late."""
        settle(self.server)

    def connect_other(self) -> connection.Connection:
        """Return a connection of somebody in another project."""
        return self.connect(add_tenant(self.server))

    def server_id(self, name: str) -> str:
        """Return the ID of a server."""
        return str(
            self.conn.compute.find_server(name, ignore_missing=False).id
        )

    def volume_id(self, name: str) -> str:
        """Return the ID of a volume."""
        return str(self.volume(name).id)

    def volume(self, name: str) -> Any:
        """Return a volume."""
        return self.conn.block_storage.find_volume(name, ignore_missing=False)

    def backup(self, name: str) -> Any:
        """Return a backup."""
        return self.conn.block_storage.find_backup(name, ignore_missing=False)

    def has_backup(self, name: str) -> bool:
        """Whether there is a backup of a name."""
        backups = self.conn.block_storage.backups()
        return name in {backup.name for backup in backups}

    def image(self, job: Any) -> Any:
        """Return the image that a job has made."""
        return self.conn.ims.get_cloud_image(job.image_id)

    def post(self, path: str, **body: Any) -> str:
        """Send a body as it is; return the code that it is refused with."""
        with pytest.raises(exceptions.BadRequestError) as caught:
            exceptions.raise_from_response(self.conn.ims.post(path, json=body))
        return str(caught.value.code)


@contextlib.contextmanager
def own_cloud(job_seconds: float = 0) -> Iterator[Cloud]:
    """Run an emulator for as long as the block lasts."""
    with EmulatorServer(job_seconds=job_seconds) as server:
        cloud = Cloud(server)
        try:
            yield cloud
        finally:
            cloud.conn.close()


@contextlib.contextmanager
def own_project(server: EmulatorServer) -> Iterator[Cloud]:
    """Use a running emulator as somebody whose project nobody else is in."""
    cloud = Cloud(server, add_tenant(server))
    try:
        yield cloud
    finally:
        cloud.conn.close()


@contextlib.contextmanager
def refused(code: str) -> Iterator[None]:
    """Expect the block to be refused with a code."""
    with pytest.raises(exceptions.BadRequestError) as caught:
        yield
    assert caught.value.code == code
