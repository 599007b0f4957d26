# SPDX-License-Identifier: Apache-2.0
"""The client where the system is not POSIX, with a cloud."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

from ims_ext.emulator.server import EmulatorServer

LESSER = Path(__file__).parents[1] / 'unit' / 'lesser_system.py'

IMPORT = """
import json, sys, ims_ext
conn = ims_ext.connect(
    load_yaml_config=False, load_envvars=False, **json.loads(sys.argv[1])
)
job = conn.ims.create_image_from_file(
    sys.argv[2], 'golden', bucket=sys.argv[3] or None, min_disk=40,
    os_version='Ubuntu 18.04 server 64bit', wait=True,
)
print(conn.ims.get_cloud_image(job.image_id).status)
"""


@pytest.mark.parametrize('bucket', ['images', ''], ids=['bucket', 'native'])
def test_a_file_becomes_an_image(bucket: str, tmp_path: Path) -> None:
    disk = tmp_path / 'disk.raw'
    disk.write_bytes(bytes(1024 * 1024))
    with EmulatorServer(job_seconds=0.1) as server:
        cloud = json.dumps(server.clouds()['clouds']['alice'])
        done = subprocess.run(
            [sys.executable, str(LESSER), IMPORT, cloud, str(disk), bucket],
            env={**os.environ, 'XDG_STATE_HOME': str(tmp_path)},
            capture_output=True,
            text=True,
        )

    assert done.stdout.strip() == 'active', done.stderr
