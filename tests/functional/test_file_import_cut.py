# SPDX-License-Identifier: Apache-2.0
"""What is said when the cloud goes away in the middle of an upload."""

from collections.abc import Callable, Iterator
from pathlib import Path

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import config
from openstack import connection
import pytest
import yaml

from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer
from ims_ext.transport import retry


@pytest.fixture
def server() -> Iterator[EmulatorServer]:
    """An emulator that a test may stop."""
    with EmulatorServer(job_seconds=0.1) as started:
        yield started


@pytest.fixture
def conn(
    server: EmulatorServer, tmp_path: Path
) -> Iterator[connection.Connection]:
    path = tmp_path / 'clouds.yaml'
    path.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
    configuration = config.OpenStackConfig(
        config_files=[str(path)],
        secure_files=[],
        vendor_files=[],
        load_envvars=False,
    )
    with connection.Connection(
        config=configuration.get_one('alice')
    ) as connected:
        # What has been stopped does not come back.
        connected.ims.retry_policy = retry.Policy(
            retries=0, doubtful_retries=0
        )
        yield connected


@pytest.fixture
def stop_half_way(server: EmulatorServer) -> Callable[[int, int], None]:
    """A progress callback that stops the cloud when half is sent."""

    def stop(done: int, total: int) -> None:
        if done >= total / 2:
            server.stop()

    return stop


def test_a_cut_upload_to_a_bucket_says_what_was_sent_and_where(
    conn: connection.Connection,
    disks: dict[str, Path],
    stop_half_way: Callable[[int, int], None],
) -> None:
    with pytest.raises(exceptions.ObjectStoreError) as caught:
        conn.ims.create_image_from_file(
            disks['raw'],
            'golden',
            bucket='images',
            object_key='golden.raw',
            progress=stop_half_way,
        )

    message = str(caught.value)
    assert 'images:golden.raw' in message
    assert 'bytes' in message or 'MiB' in message


def test_a_cut_native_upload_says_which_image_is_left(
    conn: connection.Connection,
    disks: dict[str, Path],
    stop_half_way: Callable[[int, int], None],
) -> None:
    with pytest.raises(ksa_exceptions.ConnectFailure) as caught:
        conn.ims.create_image_from_file(
            disks['raw'], 'golden', progress=stop_half_way
        )

    notes = '\n'.join(caught.value.__notes__)
    assert 'Left behind: the image ' in notes
    assert 'in status queued' in notes
    assert 'The same call or command goes on from there' in notes
