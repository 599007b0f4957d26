# SPDX-License-Identifier: Apache-2.0
"""The collection openstack.cloud, beside ours in one playbook."""

import os
from pathlib import Path
import shutil
import subprocess
import sys
import zipfile

import openstack
import yaml

import ims_ext
from ims_ext.emulator.server import EmulatorServer

from .conftest import CHECKOUT
from .conftest import home
from .conftest import kept_environment
from .conftest import unavailable
from .outcome import PATIENCE

PLAYBOOK = CHECKOUT / 'doc/source/user/recipes/servers.yml'
COLLECTION = 'ansible_collections/openstack/cloud/'
#: Some Python that the newest package is for. Only a few of its files are
#: taken: none of them is for one Python alone.
NEWEST = '3.13'


def collections() -> Path:
    """Return a folder that has the collection.

    It comes with the package ``ansible``, which is as large as a hundred
    collections and is not installed.
    """
    folder = home() / 'openstack-cloud'
    if not (folder / 'ready').exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [
            *(sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps'),
            *('--only-binary', ':all:', '--python-version', NEWEST),
            *('--dest', str(folder), 'ansible'),
        ]
        if subprocess.run(command, check=False).returncode:
            unavailable('openstack.cloud')
        [package] = folder.glob('ansible-*.whl')
        with zipfile.ZipFile(package) as files:
            names = files.namelist()
            files.extractall(
                folder, [each for each in names if each.startswith(COLLECTION)]
            )
        package.unlink()
        (folder / 'ready').touch()
    return folder


def test_servers_of_theirs_are_made_of_images_of_ours(tmp_path: Path) -> None:
    found = [collections(), Path(ims_ext.__file__).with_name('ansible')]
    clouds = tmp_path / 'clouds.yaml'

    def play(*options: str) -> str:
        """Run the playbook; return what it has shown."""
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name('ansible-playbook')),
                *(str(PLAYBOOK), *options),
            ],
            env=kept_environment()
            | {
                'ANSIBLE_COLLECTIONS_PATH': os.pathsep.join(map(str, found)),
                'ANSIBLE_HOME': str(tmp_path / 'ansible'),
                'ANSIBLE_NOCOLOR': 'true',
                'LC_ALL': 'C.UTF-8',
                'OS_CLIENT_CONFIG_FILE': str(clouds),
                'OS_CLOUD': 'alice',
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    with EmulatorServer(job_seconds=0) as server:
        clouds.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
        checked = play('--check')
        first = play()
        second = play()
        with openstack.connect(
            load_envvars=False, **server.clouds()['clouds']['alice']
        ) as conn:
            [image] = conn.image.images(name='web-1')
            made = [
                each.image.id
                for each in conn.compute.servers()
                if each.name in ('web-1-1', 'web-1-2')
            ]

    assert 'changed=2' in checked, checked
    assert 'changed=2' in first, first
    assert 'changed=0' in second, second
    assert made == [image.id, image.id]
