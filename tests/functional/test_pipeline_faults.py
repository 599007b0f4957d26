# SPDX-License-Identifier: Apache-2.0
"""Applies while a fifth of all answers is lost and a fifth an error."""

from collections.abc import Iterator
import os
from pathlib import Path

import pytest
import yaml

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
  app3:
    targets: [de]
    versions: {"VERSION": {source: {server: web, target: de}}}
  app4:
    targets: [de]
    versions: {"VERSION": {source: {volume: rescued-system, target: de}}}
"""
#: What decides which requests fail: one of these, unless more are asked for.
SEEDS = [
    int(each) for each in os.environ.get('IMS_EXT_TEST_SEEDS', '1').split(',')
]
#: Images that it makes, at all targets.
COUNT = 7
#: What befalls whatever is asked of any service.
FAULTS = [
    f'{fault},rate=0.2,on={service}'
    for service in (
        'identity',
        'compute',
        'block-storage',
        'image',
        'bucket',
    )
    for fault in ('cut=after', 'status=503')
]


@pytest.fixture(params=SEEDS)
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
        # Short pauses, as often as usual.
        clouds = yaml.safe_load((tmp_path / 'clouds.yaml').read_text())
        for each in clouds['clouds'].values():
            each['ims_connect_retry_delay'] = 0.05
            each['ims_status_code_retry_delay'] = 0.05
        (tmp_path / 'clouds.yaml').write_text(yaml.safe_dump(clouds))
        yield made


def changing(server: EmulatorServer) -> list[str]:
    """Return the requests that were to change something."""
    return [
        f'{each.method} {each.path}'
        for each in server.requests
        if each.method not in ('GET', 'HEAD') and each.service != 'identity'
    ]


def test_each_image_is_made_once_whatever_is_lost(
    deployment: Deployment,
) -> None:
    command = Command(deployment.folder, deployment.environment)
    server = deployment.server
    for version in ('1', '2'):
        deployment.write(BODY.replace('VERSION', version))
        with server.faults.active(*FAULTS):
            done = command.run('apply', str(deployment.manifest))

        assert done.code == 0, done
        made = {
            key: count
            for key, count in deployment.made().items()
            if key[1].endswith(version)
        }
        assert set(made.values()) == {1}, made
        assert len(made) == COUNT
    server.requests.clear()
    again = command.run('apply', str(deployment.manifest))
    assert again.code == 0, again
    assert changing(server) == []
    assert {name[-1] for name in deployment.images('eu-de')} == {'2'}
    assert deployment.temporary_files() == []
    assert deployment.clear_bucket() == []


@pytest.mark.parametrize('deployment', [1], indirect=True)
@pytest.mark.parametrize(
    ('service', 'told'),
    [
        ('identity', 'x de could not be seen: No answer of the identity'),
        ('image', 'x de could not be seen: No answer to GET'),
        ('bucket', 'make app0@1 de failed: The object store at'),
        ('block-storage', 'make app4@1 de failed: No answer of the block'),
    ],
)
def test_a_service_that_drops_every_connection_ends_an_apply(
    deployment: Deployment, service: str, told: str
) -> None:
    command = Command(deployment.folder, deployment.environment)
    deployment.write(
        BODY.replace('VERSION', '1').replace('attempts: 5', 'attempts: 1')
    )
    with deployment.server.faults.active(f'cut=before,on={service}'):
        done = command.run('apply', str(deployment.manifest))

    assert done.code == 3, done
    said = [
        each
        for each in (done.said + done.complained).splitlines()
        if each.strip().startswith(told)
    ]
    assert len(said) == 1, done
    assert 'closed' in said[0]
    assert 'Error(' not in done.said
    assert command.run('apply', str(deployment.manifest)).code == 0
    assert set(deployment.made().values()) == {1}
