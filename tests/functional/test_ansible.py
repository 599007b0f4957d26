# SPDX-License-Identifier: Apache-2.0
"""The modules of the Ansible collection, in playbooks that people write."""

from collections.abc import Iterator
import dataclasses
import json
from pathlib import Path
import subprocess
from typing import Any

import pytest
import yaml

import ims_ext
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.work.empty_disk import write_empty_disk

from .openstack_command import PATIENCE
from .openstack_command import environment_for
from .openstack_command import script
from .own_cloud import Cloud
from .plain_http import Client
from .tenants import add_tenant

PLAYBOOKS = Path(__file__).with_name('playbooks')
COLLECTIONS = Path(ims_ext.__file__).with_name('ansible')
COLLECTION = COLLECTIONS / 'ansible_collections/ims_ext/cloud'
MODULES = sorted(e.stem for e in COLLECTION.glob('plugins/modules/*.py'))

#: The playbooks.
ALL = sorted(PLAYBOOKS.glob('*.yml'))
#: Playbooks for which there is an image already, ``to-`` and their name.
WITH_IMAGE = ('change', 'delete', 'export', 'share', 'tags')

MANIFEST = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
targets:
  here: {{cloud: {user}, bucket: {bucket}}}
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    versions: {{"1": {{source: {{file: disk.qcow2}}}}}}
"""


class Workshop:
    """A project of its own, and playbooks that are run there.

    :ivar cloud: The project.
    :ivar bucket: The name of a bucket.
    """

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        self.cloud = Cloud(server, add_tenant(server))
        self.bucket = f'bucket-{self.cloud.user}'
        self.folder = folder
        self._client = Client(server, self.cloud.user)
        self._client.s3.create_bucket(Bucket=self.bucket)
        write_empty_disk(folder / 'disk.qcow2')
        other = add_tenant(server)
        self.variables = {
            'folder': str(folder),
            'bucket': self.bucket,
            'other': other,
            'project': server.project_id(other),
            'backup': self.cloud.backup('web-csbs').id,
        }
        self.environment = environment_for(
            folder / 'clouds.yaml', self.cloud.user
        ) | {
            'ANSIBLE_COLLECTIONS_PATH': str(COLLECTIONS),
            'ANSIBLE_HOME': str(folder / 'ansible'),
            'ANSIBLE_LOCALHOST_WARNING': 'false',
            'ANSIBLE_INVENTORY_UNPARSED_WARNING': 'false',
            'ANSIBLE_STDOUT_CALLBACK': 'ansible.builtin.default',
            'ANSIBLE_RETRY_FILES_ENABLED': 'false',
            'ANSIBLE_NOCOLOR': 'true',
            'LC_ALL': 'C.UTF-8',
            'XDG_STATE_HOME': str(folder / 'state'),
        }
        (folder / 'clouds.yaml').write_text(
            yaml.safe_dump(server.clouds()), 'utf-8'
        )
        (folder / 'platform.yaml').write_text(
            MANIFEST.format(user=self.cloud.user, bucket=self.bucket), 'utf-8'
        )

    def add_object(self) -> None:
        """Put a disk image into the bucket."""
        self._client.s3.upload_file(
            str(self.folder / 'disk.qcow2'), self.bucket, 'disk.qcow2'
        )

    def add_image(self, name: str) -> None:
        """Make an image of a server."""
        self.cloud.conn.ims.create_image_from_server(
            'web', name, tags={'made_by': 'test'}, wait=True
        )

    def changing_requests(self) -> list[str]:
        """Return the requests that have changed something, and forget them."""
        log = self.cloud.server.requests
        found = [
            f'{each.method} {each.path}'
            for each in log
            if each.service != 'identity'
            and each.method not in ('GET', 'HEAD')
        ]
        log.clear()
        return found

    def write(self, *tasks: tuple[str, dict[str, Any]]) -> Path:
        """Write a playbook with tasks, whose failures are ignored."""
        path = self.folder / 'tasks.yml'
        play = {
            'hosts': 'localhost',
            'gather_facts': False,
            'ignore_errors': True,
            'tasks': [
                {'name': 'It', f'ims_ext.cloud.{module}': options}
                for module, options in tasks
            ],
        }
        path.write_text(yaml.safe_dump([play]), 'utf-8')
        return path

    def play(self, *words: Path | str) -> str:
        """Run playbooks with options; return what they have shown."""
        done = subprocess.run(
            [
                *(script('ansible-playbook'), *map(str, words)),
                *('--extra-vars', json.dumps(self.variables)),
            ],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=3 * PATIENCE,
            check=False,
        )
        return f'{done.stdout}\nexit={done.returncode}'


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator whose log has this module's requests alone."""
    with EmulatorServer(job_seconds=0) as emulator:
        yield emulator


@pytest.fixture
def workshop(server: EmulatorServer, tmp_path: Path) -> Iterator[Workshop]:
    """Give a project with playbooks."""
    workshop = Workshop(server, tmp_path)
    yield workshop
    workshop.cloud.conn.close()


@dataclasses.dataclass
class Runs:
    """All playbooks, checked, run, and run again in one project.

    :ivar shown: What each run has shown, by the run.
    :ivar sent: The requests of each run that have changed something.
    """

    shown: dict[str, str]
    sent: dict[str, list[str]]

    def play(self, run: str, playbook: Path) -> str:
        """Return what a run has shown of a playbook."""
        name = yaml.safe_load(playbook.read_text('utf-8'))[0]['name']
        for each in self.shown[run].split('PLAY ['):
            if each.startswith(f'{name}]'):
                return each
        pytest.fail(f"{name} was not played:\n{self.shown[run]}")


@pytest.fixture(scope='module')
def shared_workshop(
    server: EmulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workshop]:
    """Give the project that all playbooks are run in."""
    workshop = Workshop(server, tmp_path_factory.mktemp('playbooks'))
    yield workshop
    workshop.cloud.conn.close()


@pytest.fixture(scope='module')
def runs(shared_workshop: Workshop) -> Runs:
    """Give the runs of all playbooks."""
    workshop = shared_workshop
    workshop.add_object()
    for each in WITH_IMAGE:
        workshop.add_image(f'to-{each}')
    runs = Runs({}, {})
    for name, options in (
        ('check', ['--check']),
        ('first', ['--diff']),
        ('second', []),
    ):
        workshop.changing_requests()
        runs.shown[name] = workshop.play(*ALL, *options)
        runs.sent[name] = workshop.changing_requests()
    return runs


def test_a_check_sends_nothing_that_changes_anything(runs: Runs) -> None:
    assert 'exit=0' in runs.shown['check'], runs.shown['check']
    assert runs.sent['check'] == []


def test_a_second_run_sends_nothing_that_changes_anything(runs: Runs) -> None:
    assert 'exit=0' in runs.shown['second'], runs.shown['second']
    assert 'changed=0' in runs.shown['second'], runs.shown['second']
    assert runs.sent['second'] == []


@pytest.mark.parametrize('playbook', ALL, ids=lambda each: each.stem)
def test_a_playbook_changes_something_once_and_tells_before(
    runs: Runs, playbook: Path
) -> None:
    checked = runs.play('check', playbook)
    assert 'changed: [localhost]' in checked, checked

    first = runs.play('first', playbook)
    assert 'changed: [localhost]' in first, first
    assert '+++ after' in first or 'Plan:' in first

    second = runs.play('second', playbook)
    assert 'changed: [localhost]' not in second, second


def test_an_image_is_as_it_was_declared(
    runs: Runs, shared_workshop: Workshop
) -> None:
    assert runs.sent['first'] != []
    image = shared_workshop.cloud.conn.ims.find_cloud_image('golden')
    assert image.min_disk == 50
    assert image.min_ram == 1024
    assert image.description == 'Made by Ansible'
    assert image.os_version == 'Ubuntu 18.04 server 64bit'
    assert image.is_protected is True
    assert image.is_kvm_supported is True
    assert image.properties['build'] == '42'
    assert image.tag_map == {'team': 'platform'}


def test_an_image_is_shared_with_whom_the_playbook_names(
    runs: Runs, shared_workshop: Workshop
) -> None:
    ims = shared_workshop.cloud.conn.ims
    image = ims.find_cloud_image('build')
    members = [each.member_id for each in ims.members(image.id)]
    assert members == [shared_workshop.variables['project']], runs.shown


def test_an_image_is_taken_by_its_id(workshop: Workshop) -> None:
    workshop.add_image('old')
    image = workshop.cloud.conn.ims.find_cloud_image('old')

    shown = workshop.play(
        workshop.write(('image', {'id': image.id, 'description': 'By ID'}))
    )

    assert 'changed=1' in shown, shown
    image = workshop.cloud.conn.ims.find_cloud_image('old')
    assert image.description == 'By ID'


def test_without_waiting_the_job_is_told(workshop: Workshop) -> None:
    options = {'name': 'golden', 'server': 'web', 'wait': False}
    path = workshop.write(('image', options))

    shown = workshop.play(path, '-v')

    assert 'changed=1' in shown, shown
    assert '"job_id": "' in shown
    assert '"image": {' not in shown


def test_a_failure_says_what_is_wrong(workshop: Workshop) -> None:
    failures: list[tuple[str, dict[str, Any], str]] = [
        ('image', {'name': 'none'}, 'name one of file, object'),
        (
            'image',
            {'name': 'none', 'object': 'bucket:key'},
            'An image from an object needs min_disk',
        ),
        (
            'image_tag',
            {'image': 'none', 'tags': {'a': 'b'}},
            'No image found for none',
        ),
        (
            'image_info',
            {'cloud': {'auth_type': 'none'}, 'region_name': 'here'},
            'leave out region_name',
        ),
        ('pipeline', {'manifest': 'none.yaml'}, 'none.yaml'),
        (
            'pipeline',
            {'manifest': 'platform.yaml', 'images': ['none']},
            'the manifest has no none; there are app',
        ),
    ]
    path = workshop.write(*((each[0], each[1]) for each in failures))

    shown = workshop.play(path)

    assert f'ignored={len(failures)}' in shown, shown
    for _module, _options, message in failures:
        assert message in shown
    assert 'Traceback' not in shown


def test_credentials_in_the_playbook_do(workshop: Workshop) -> None:
    entry = workshop.cloud.server.clouds()['clouds'][workshop.cloud.user]
    options = {name: entry[name] for name in ('auth', 'region_name')}
    path = workshop.write(('quota_info', options))
    del workshop.environment['OS_CLIENT_CONFIG_FILE']
    del workshop.environment['OS_CLOUD']

    shown = workshop.play(path, '-vvv')

    assert 'ok=1' in shown, shown
    assert '"type": "image"' in shown
    assert entry['auth']['password'] not in shown


def test_each_module_is_documented(tmp_path: Path) -> None:
    names = [f'ims_ext.cloud.{each}' for each in MODULES]
    done = subprocess.run(
        [script('ansible-doc'), '--json', '-t', 'module', *names],
        env=environment_for(tmp_path / 'clouds.yaml')
        | {
            'ANSIBLE_COLLECTIONS_PATH': str(COLLECTIONS),
            'ANSIBLE_HOME': str(tmp_path),
            'LC_ALL': 'C.UTF-8',
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )

    told = json.loads(done.stdout)
    assert sorted(told) == names
    for each in told.values():
        assert each['doc']['options']
        assert each['return']
        (example, *_) = yaml.safe_load(each['examples'])
        assert any(key in names for key in example)


def test_the_collection_has_the_packages_version() -> None:
    galaxy = yaml.safe_load((COLLECTION / 'galaxy.yml').read_text('utf-8'))
    assert galaxy['version'] == ims_ext.__version__


def test_all_modules_but_the_pipelines_take_common_defaults() -> None:
    runtime = yaml.safe_load(
        (COLLECTION / 'meta/runtime.yml').read_text('utf-8')
    )
    assert {*runtime['action_groups']['ims'], 'pipeline'} == {*MODULES}
