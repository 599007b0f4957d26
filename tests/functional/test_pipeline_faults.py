# SPDX-License-Identifier: Apache-2.0
"""Applies while a fifth of all answers is lost and a fifth an error."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import ObjectStore

from .pipeline_process import Command
from .pipelines import Deployment

BODY = """\
  up: {cloud: alice, region: eu-nl}
defaults:
  os_version: Ubuntu 18.04 server 64bit
  retention: {keep: 1, never: [in_use]}
  channels: {dev: {version: newest, share: [beta]}}
  attempts: 5
images:
  app0:
    targets: [de, nl]
    versions: {"VERSION": {source: {file: disk.qcow2}}}
  app1:
    targets: [de, up]
    versions: {"VERSION": {source: {file: disk.qcow2}}}
  app2:
    targets: [de]
    versions: {"VERSION": {source: {object: "images:disk.qcow2"}}}
"""
#: What befalls whatever is asked of any service.
FAULTS = [
    f'{fault},rate=0.2,on={service}'
    for service in ('identity', 'compute', 'image', 'bucket')
    for fault in ('cut=after', 'status=503')
]


@pytest.fixture(params=[1, 2, 3])
def deployment(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """Give a manifest's folder, and an emulator that fails by a seed."""
    with EmulatorServer(
        regions=['eu-de', 'eu-nl'],
        job_seconds=0.1,
        fault_seed=request.param,
    ) as server:
        made = Deployment(server, tmp_path)
        with made.connect('alice', region_name='eu-de') as conn:
            ObjectStore(conn).upload(
                tmp_path / 'disk.qcow2', 'images', 'disk.qcow2'
            )
        yield made


def test_each_image_is_made_once_whatever_is_lost(
    deployment: Deployment,
) -> None:
    command = Command(deployment.folder, deployment.environment)
    server = deployment.server
    for version in ('1', '2'):
        deployment.write(BODY.replace('VERSION', version))
        with server.faults.active(*FAULTS):
            for _ in range(5):
                done = command.run('apply', str(deployment.manifest))
                if done.code == 0:
                    break
                # It says why, and the next one goes on.
                assert done.code in (1, 3), done
                assert done.complained, done
                assert 'Traceback' not in done.complained

        assert done.code == 0, done
        made = {
            key: count
            for key, count in deployment.made().items()
            if key[1].endswith(version)
        }
        assert set(made.values()) == {1}, made
        assert len(made) == 5
    server.requests.clear()
    plan = command.run('plan', str(deployment.manifest), '--detailed-exitcode')
    assert plan.code == 0, plan
    assert {name[-1] for name in deployment.images('eu-de')} == {'2'}
    assert deployment.temporary_files() == []
    assert deployment.clear_bucket() == []
