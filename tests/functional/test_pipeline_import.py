# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline import``: definitions, down to their images."""

from collections.abc import Iterator
import hashlib
import lzma
from pathlib import Path

import pytest

from ims_ext.emulator.server import EmulatorServer

from ..web_server import File
from ..web_server import WebServer
from .openstack_command import Run
from .pipelines import Site

DEFINITIONS = """\
images:
  - name: Example Linux
    enable: true
    shortname: app
    format: qcow2
    login: user
    min_disk: 10
    min_ram: 512
    status: active
    visibility: public
    multi: true
    meta: {{architecture: x86_64, os_distro: example, hw_disk_bus: scsi}}
    tags: [os=example]
    versions:
      - version: '20261101'
        url: {url}/a.qcow2
        mirror_url: {url}/gone.qcow2
        checksum: sha256:{plain}
        build_date: 2026-11-01
      - version: '20261120'
        url: {url}/a.qcow2.xz
        mirror_url: {url}/a.qcow2
        checksum: sha512:{packed}
  - name: Old
    enable: false
    versions: [{{version: '1', url: '{url}/1'}}]
"""


@pytest.fixture
def web() -> Iterator[WebServer]:
    """Give a web server."""
    with WebServer().running() as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, web: WebServer) -> Iterator[Site]:
    """Give an emulator, and definitions of what the web server has."""
    with EmulatorServer(job_seconds=0.05, regions=['eu-de']) as server:
        site = Site(server, tmp_path)
        content = (tmp_path / 'disk.qcow2').read_bytes()
        packed = lzma.compress(content)
        web.files['/a.qcow2'] = File(content)
        web.files['/a.qcow2.xz'] = File(packed)
        (tmp_path / 'definitions').mkdir()
        (tmp_path / 'definitions' / 'one.yml').write_text(
            DEFINITIONS.format(
                url=web.url,
                plain=hashlib.sha256(content).hexdigest(),
                packed=hashlib.sha512(packed).hexdigest(),
            )
        )
        yield site


IMPORT = (
    *('ims', 'pipeline', 'import', '--cloud', 'alice', '--region', 'eu-de'),
    *('--from-openstack-image-manager', 'definitions'),
)


def test_definitions_become_images(
    run: Run, site: Site, clouds: dict[str, str]
) -> None:
    made = run(*IMPORT, '--bucket', 'images', '-o', 'm.yaml')
    assert made.returncode == 0, made.stderr
    assert "definitions/one.yml:10:5: public images are no" in made.stderr
    assert 'Images: 1, versions: 2, not enabled: old\n' in made.stderr

    checked = run('ims', 'pipeline', 'validate', 'm.yaml')
    assert (checked.returncode, checked.stderr) == (0, '')
    planned = run('ims', 'pipeline', 'plan', 'm.yaml', **clouds)
    assert 'Plan: 2 to make, 1 to promote.' in planned.stdout
    applied = run('ims', 'pipeline', 'apply', 'm.yaml', **clouds)
    assert applied.returncode == 0, applied.stdout + applied.stderr

    images = site.images('eu-de')
    newest = images['Example Linux 20261120']
    assert 'Example Linux 20261101' in images
    assert newest.tag_map['os'] == 'example'
    assert newest.min_disk == 10
    assert newest.properties['image_original_user'] == 'user'
    again = run('ims', 'pipeline', 'plan', 'm.yaml', **clouds)
    assert 'nothing to do' in again.stdout


@pytest.fixture
def clouds(site: Site, tmp_path: Path) -> dict[str, str]:
    """Give the environment of the commands."""
    import yaml

    (tmp_path / 'clouds.yaml').write_text(yaml.safe_dump(site.server.clouds()))
    return {
        'OS_CLIENT_CONFIG_FILE': str(tmp_path / 'clouds.yaml'),
        'XDG_STATE_HOME': str(tmp_path / 'state'),
    }


def test_a_manifest_is_printed_and_none_is_written_over(
    run: Run, site: Site, web: WebServer
) -> None:
    done = run(*IMPORT, '--share', 'beta', '--disabled', '--target', 'here')

    assert done.returncode == 0, done.stderr
    (site.folder / 'm.yaml').write_text(done.stdout)
    checked = run('ims', 'pipeline', 'validate', 'm.yaml')
    assert 'images: 2, targets: 1' in checked.stdout
    assert 'share: ' not in done.stderr
    assert web.requests == []

    done = run(*IMPORT, '-o', 'm.yaml')
    assert done.returncode == 1
    assert 'File exists' in done.stderr


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--cloud', 'a'], '--from-openstack-image-manager'),
        (['--from-openstack-image-manager', 'missing'], 'No such file'),
        (
            ['--from-openstack-image-manager', 'definitions', '--cloud', ''],
            'where the images are to be',
        ),
        (
            ['--from-openstack-image-manager', 'definitions', '--name', 'a b'],
            'name is of 1 to 42 letters',
        ),
    ],
)
def test_wrong_usage_ends_with_1(
    run: Run, site: Site, words: list[str], said: str
) -> None:
    done = run('ims', 'pipeline', 'import', *words)

    assert done.returncode == 1
    assert said in done.stderr
    assert 'Traceback' not in done.stderr
