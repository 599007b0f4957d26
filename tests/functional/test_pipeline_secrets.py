# SPDX-License-Identifier: Apache-2.0
"""No secret is in what a pipeline's run tells, keeps or writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from ..web_server import File
from ..web_server import WebServer
from .pipeline_process import Command
from .pipelines import Deployment

PLANTED = 'pl4nted-Sesame-0pen'
BODY = """\
defaults:
  os_version: Ubuntu 18.04 server 64bit
  attempts: 1
  targets: [de, nl]
images:
  app0:
    share: [beta]
    versions: {"1": {source: {file: disk.qcow2}}}
  app1: {versions: {"1": {source: {url: "URL"}}}}
  app2: {versions: {"1": {source: {url: "LOST"}}}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Deployment]:
    """Give a manifest, and an emulator whose users have planted passwords."""
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.1) as server:
        yield Deployment(server, tmp_path)


@pytest.mark.parametrize('is_wrong', [False, True])
def test_planted_secrets_are_nowhere(site: Deployment, is_wrong: bool) -> None:
    path = site.folder / 'clouds.yaml'
    clouds = yaml.safe_load(path.read_text())
    secrets = {
        str(value)
        for entry in clouds['clouds'].values()
        for key, value in entry['auth'].items()
        if key in ('password', 'secret_key', 'sk')
    }
    assert len(secrets) > 1
    if is_wrong:
        for entry in clouds['clouds'].values():
            entry['auth']['password'] = PLANTED
        path.write_text(yaml.safe_dump(clouds))
    secrets.add(PLANTED)
    signed = f'X-Amz-Credential=AK&X-Amz-Signature={PLANTED}'
    with WebServer().running() as web:
        disk = (site.folder / 'disk.qcow2').read_bytes()
        web.files[f'/disk.qcow2?{signed}'] = File(disk)
        site.write(
            BODY.replace('URL', f'{web.url}/disk.qcow2?{signed}').replace(
                'LOST', f'{web.url}/lost.qcow2?{signed}'
            )
        )
        command = Command(
            site.folder, {**site.environment, 'OS_PASSWORD': PLANTED}
        )
        manifest = str(site.manifest)
        events, page = site.folder / 'events', site.folder / 'page.html'
        figures, saved = site.folder / 'figures', site.folder / 'plan.json'
        ended = [
            command.run('plan', manifest, '-o', str(saved)),
            command.run('plan', manifest, '--why', 'app1'),
            command.run(
                *('apply', manifest, '--events', str(events)),
                *('--metrics-textfile', str(figures), '--debug'),
            ),
            command.run('show', '--steps'),
            command.run('report', '--html', str(page)),
            command.run('lock', manifest),
            command.run('graph', manifest),
        ]
    assert ended[2].code == 3, ended[2]
    written = [
        each
        for each in site.folder.rglob('*')
        if each.is_file() and each not in (path, site.manifest)
    ]
    assert {events, page, figures, saved} <= set(written)
    assert any(each.suffix == '.sqlite' for each in written)
    found = [
        (each.name, secret)
        for each in written
        for secret in secrets
        if secret.encode() in each.read_bytes()
    ]
    # The file with the lock names no URL, the saved plan no signature.
    assert found == []
