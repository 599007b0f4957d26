# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline promote``, ``rollback`` and ``adopt``."""

from collections.abc import Iterator
import json
from pathlib import Path
import shutil
import subprocess

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from ..web_server import WebServer
from .openstack_command import Run
from .pipelines import Deployment

BODY = """\
defaults:
  targets: [de, nl]
  channels: {prod: {version: promoted, soak: 7d}}
images:
  app:   # the one that all servers have
    os_version: Ubuntu 18.04 server 64bit
    versions:
      "1": {source: {file: disk.qcow2}}
      "2": {source: {file: disk.qcow2}}
      "3": {source: {file: disk.qcow2}}

    # Changed by: openstack ims pipeline promote
    promoted: '1'  # since May
  bare:
    targets: [de]
    os_version: Ubuntu 18.04 server 64bit
    versions:
      "1": {source: {file: disk.qcow2}}
    channels: {prod: {version: "1"}}
"""

Result = subprocess.CompletedProcess[str]


class Promoted(Deployment):
    """A deployment, and the command that is run for it."""

    def __init__(self, server: EmulatorServer, folder: Path, run: Run) -> None:
        super().__init__(server, folder)
        self._run = run
        self.write(BODY)

    def run(self, command: str, *words: str) -> Result:
        """Run a command about the manifest."""
        return self._run(
            *('ims', 'pipeline', command, 'm.yaml', *words),
            **self.environment,
        )

    def channel(self, region: str) -> str | None:
        """Return the version that the channel is at."""
        with self.connect('alice', region_name=region) as conn:
            found = conn.ims.find_pipeline_image(
                'platform', 'app', 'prod', ignore_missing=True
            )
            return found.name if found else None

    def changing(self) -> list[str]:
        """Return the requests that have changed something."""
        return [
            f'{each.method} {each.path}'
            for each in self.server.requests
            if each.method not in ('GET', 'HEAD')
            and each.service != 'identity'
        ]


@pytest.fixture
def promoted(tmp_path: Path, run: Run) -> Iterator[Promoted]:
    """Give a deployment on an empty cloud."""
    with EmulatorServer(job_seconds=0.05, regions=['eu-de', 'eu-nl']) as cloud:
        yield Promoted(cloud, tmp_path, run)


@pytest.fixture
def soaked(promoted: Promoted) -> Promoted:
    """Give a deployment whose images have been there for eight days."""
    assert promoted.run('apply').returncode == 0
    promoted.server.clock.advance('8d')
    done = promoted.run('apply')
    assert done.returncode == 0, done.stderr
    assert promoted.channel('eu-de') == 'app-1'
    promoted.server.requests.clear()
    return promoted


def test_a_promotion_changes_the_version_alone(soaked: Promoted) -> None:
    before = soaked.manifest.read_text()

    done = soaked.run('promote', 'app', '2')

    assert done.returncode == 0, done.stderr
    assert soaked.manifest.read_text() == before.replace("'1'", "'2'")
    assert "-    promoted: '1'  # since May" in done.stdout
    assert "+    promoted: '2'  # since May" in done.stdout
    assert '> app prod  de  1 -> 2  soaked 8d of 7d' in done.stdout
    assert soaked.changing() == []


def test_a_promotion_that_is_only_tried_writes_nothing(
    promoted: Promoted,
) -> None:
    before = promoted.manifest.read_text()

    done = promoted.run('promote', 'app', '2', '--dry-run')

    assert done.returncode == 0, done.stderr
    assert "+    promoted: '2'" in done.stdout
    assert 'prod stays at none: soaked 0s of 7d' in done.stdout
    assert promoted.manifest.read_text() == before


def test_a_rollback_goes_to_what_the_channel_was_at(soaked: Promoted) -> None:
    made = soaked.made()
    done = soaked.run('promote', 'app', '3', '--apply')
    assert done.returncode == 0, done.stdout + done.stderr
    assert soaked.channel('eu-nl') == 'app-3'

    done = soaked.run('rollback', 'app', '--apply')

    assert done.returncode == 0, done.stderr
    assert '3 -> 1, prod was at it before, by the journal' in done.stderr
    assert soaked.channel('eu-de') == soaked.channel('eu-nl') == 'app-1'
    assert soaked.manifest.read_text().endswith(BODY)
    # Nothing was imported for it.
    assert soaked.made() == made
    done = soaked.run('rollback', 'app')
    assert done.returncode == 1
    assert 'app has no version before 1 at all of its targets' in done.stderr


def test_a_rollback_without_a_journal_goes_to_the_version_before(
    soaked: Promoted,
) -> None:
    soaked.run('promote', 'app', '3', '--apply')
    shutil.rmtree(soaked.folder / 'state')

    done = soaked.run('rollback', 'app')

    assert '3 -> 2, the version before 3; this machine has no journal' in (
        done.stderr
    )
    assert '> app prod  nl  3 -> 2' in done.stdout


def test_a_rollback_takes_a_promotion_back_that_has_not_come(
    soaked: Promoted,
) -> None:
    soaked.run('promote', 'app', '3')

    done = soaked.run('rollback', 'app')

    assert '3 -> 1, prod is still at it' in done.stderr
    assert 'nothing to do' in done.stdout


def test_a_rollback_goes_where_it_is_told(soaked: Promoted) -> None:
    soaked.run('promote', 'app', '3', '--apply')

    done = soaked.run('rollback', 'app', '--to', '2', '--apply')

    assert done.returncode == 0, done.stderr
    assert soaked.channel('eu-de') == 'app-2'


def test_what_is_promoted_already_is_not_written(promoted: Promoted) -> None:
    before = promoted.manifest.stat().st_mtime_ns

    done = promoted.run('promote', 'app', '1')

    assert (done.returncode, '@@' in done.stdout) == (0, False)
    assert 'app: 1 is promoted already' in done.stderr
    assert promoted.manifest.stat().st_mtime_ns == before


def test_a_promotion_that_moves_no_channel_says_so(
    promoted: Promoted,
) -> None:
    done = promoted.run('promote', 'bare', '1')

    assert done.returncode == 0, done.stderr
    assert 'No channel of bare is at its promoted version' in done.stderr
    text = promoted.manifest.read_text()
    assert '  bare:\n    promoted: "1"\n    targets: [de]\n' in text


@pytest.mark.parametrize(
    ('command', 'said'),
    [
        ('promote app 9', "there is no version '9'"),
        ('promote ap 1', "no image 'ap'; did you mean app?"),
        ('promote app', 'arguments are required: <version>'),
        ('promote app 1 --apply --dry-run', 'not allowed with'),
        ('rollback bare', 'bare has no promoted version'),
        ('rollback app --to 9', "there is no version '9'"),
        ('rollback app', 'app has no version before 1'),
        ('adopt app', "'app' is no IMAGE@VERSION"),
        ('adopt ap@1', "no image 'ap'; did you mean app?"),
        ('adopt app@9', "app has no version '9'"),
    ],
)
def test_what_there_is_not_is_told(
    promoted: Promoted, command: str, said: str
) -> None:
    before = promoted.manifest.read_text()

    done = promoted.run(*command.split())

    assert done.returncode == 1
    assert said in done.stderr
    assert 'Traceback' not in done.stderr
    assert promoted.manifest.read_text() == before
    assert promoted.changing() == []


def test_a_variable_is_not_written_over(promoted: Promoted) -> None:
    promoted.write('variables: {P: "1"}\n' + BODY.replace("'1'", '"${P}"'))

    done = promoted.run('promote', 'app', '2')

    assert done.returncode == 1
    assert 'm.yaml:22:15: promoted is ${P}; give the variable' in done.stderr


def test_an_image_is_taken_over(promoted: Promoted) -> None:
    with promoted.connect('alice', region_name='eu-de') as conn:
        theirs = conn.ims.create_image(
            name='bare-1',
            filename=str(promoted.folder / 'disk.qcow2'),
            disk_format='qcow2',
            container_format='bare',
            description='by hand',
            wait=True,
        )
    promoted.server.requests.clear()

    tried = promoted.run('adopt', 'bare@1', '--dry-run')
    assert 'de  taken over: bare-1' in tried.stdout
    assert promoted.changing() == []

    done = promoted.run('adopt', 'bare@1')
    assert done.returncode == 0, done.stdout + done.stderr
    with promoted.connect('alice', region_name='eu-de') as conn:
        (ours,) = conn.ims.pipeline_images(pipeline='platform')
        assert ours.id == theirs.id
    again = promoted.run('adopt', 'bare@1')
    assert again.returncode == 0
    assert 'no image of its name to take over' in again.stderr


def test_a_version_that_is_found_upstream_can_be_promoted(
    promoted: Promoted,
) -> None:
    promoted.write(
        BODY.replace('promoted: ', 'min_ram: 512 # ').replace(
            '    versions:\n      "1": {source: {file: disk.qcow2}}\n'
            '      "2": {source: {file: disk.qcow2}}\n'
            '      "3": {source: {file: disk.qcow2}}\n',
            '    versions_from: {url: "http://127.0.0.1:9/{version}.img"}\n',
        )
    )
    (promoted.folder / 'm.lock.yaml').write_text(
        json.dumps(
            {
                'apiVersion': 'ims-ext/v1',
                'kind': 'ImagePipelineLock',
                'name': 'platform',
                'images': {'app': {'20261101': None}},
            }
        )
    )

    done = promoted.run('promote', 'app', '20261102')
    assert done.returncode == 1
    assert (
        "app has no version '20261102'; did you mean 20261101" in done.stderr
    )
    assert 'its versions could not be found' in done.stderr

    done = promoted.run('promote', 'app', '20261101')
    assert done.returncode == 0, done.stderr
    assert 'promoted: "20261101"\n' in promoted.manifest.read_text()


def test_where_a_target_cannot_be_seen_no_version_is_chosen(
    soaked: Promoted,
) -> None:
    soaked.run('promote', 'app', '3', '--apply')
    text = soaked.manifest.read_text()
    soaked.manifest.write_text(
        text.replace('nl: {cloud: alice', 'nl: {cloud: away')
    )
    path = soaked.folder / 'clouds.yaml'
    clouds = yaml.safe_load(path.read_text())
    with WebServer().running() as other:
        # It is no image service.
        clouds['clouds']['away'] = {
            **clouds['clouds']['alice'],
            'ims_endpoint_override': other.url,
        }
        path.write_text(yaml.safe_dump(clouds))

        done = soaked.run('rollback', 'app')

        assert done.returncode == 1
        assert 'no version before 3 at all of its targets; nl could not' in (
            done.stderr
        )
        assert 'name one with --to' in done.stderr
        done = soaked.run('rollback', 'app', '--to', '2')
        assert done.returncode == 0, done.stderr
        assert 'prod stays at 3: nl could not be seen' in done.stdout
