# SPDX-License-Identifier: Apache-2.0
"""A command that asks again for long, on a service that does not recover."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from .openstack_command import Run


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Path]:
    """Give a clouds.yaml for a service that answers 503."""
    with EmulatorServer(faults=['status=503,on=image']) as server:
        clouds = server.clouds()
        clouds['clouds']['alice'] |= {
            'ims_status_code_retries': 3,
            'ims_status_code_retry_delay': 1.2,
        }
        path = tmp_path / 'clouds.yaml'
        path.write_text(yaml.safe_dump(clouds), 'utf-8')
        yield path


@pytest.mark.parametrize('verbosity', [(), ('-q',)], ids=str)
def test_a_command_that_asks_again_says_so(
    run: Run, broken: Path, verbosity: tuple[str, ...]
) -> None:
    done = run(
        *(*verbosity, 'ims', 'job', 'show', 'j1'),
        OS_CLIENT_CONFIG_FILE=str(broken),
    )

    assert done.returncode == 1
    assert done.stdout == ''
    assert done.stderr.count('Still waiting for the cloud (HTTP 503') == 1
    assert 'Ctrl-C ends it' in done.stderr
