# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline validate`` and ``schema``."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from .openstack_command import Run

VALID = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
variables: {OS: null}
targets:
  here: {cloud: alice, bucket: images}
images:
  app:
    os_version: ${OS}
    versions:
      "1": {source: {url: 'https://a.example/1.qcow2'}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of the commands, with one manifest that is valid."""
    (tmp_path / 'm.yaml').write_text(VALID)
    return tmp_path


def test_a_manifest_is_valid(run: Run, folder: Path) -> None:
    done = run('ims', 'pipeline', 'validate', 'm.yaml', '--var', 'OS=CentOS')

    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('m.yaml: valid, pipeline platform')


def test_all_faults_of_all_manifests_are_told(run: Run, folder: Path) -> None:
    images = ''.join(f'  i{n}: {{min_disk: x{n}}}\n' for n in range(60))
    head, _, _ = VALID.partition('  app:')
    (folder / 'bad.yaml').write_text(f'{head}{images}')
    (folder / 'tab.yaml').write_text('a:\n\tb: 1\n')

    done = run(
        *('ims', 'pipeline', 'validate', 'bad.yaml', 'm.yaml', 'tab.yaml'),
        *('missing.yaml', '--var', 'OS=x'),
    )

    told = done.stderr.splitlines()
    assert done.returncode == 1
    # Each of the images has two, whatever their number is.
    assert sum(each.startswith('bad.yaml:') for each in told) == 120
    assert 'tab.yaml:2:1: a tab; YAML is indented with blanks' in told
    assert told[-1].startswith('missing.yaml:1:1: cannot be read: No such')
    assert done.stdout.startswith('m.yaml: valid')


def test_faults_are_told_to_programs(run: Run, folder: Path) -> None:
    (folder / 'bad.yaml').write_text(VALID.replace('kind:', 'knid:'))

    done = run(
        *('ims', 'pipeline', 'validate', 'bad.yaml', 'm.yaml', '-f', 'json'),
        OS='any',
    )

    assert done.returncode == 1
    bad, good = json.loads(done.stdout)
    assert not bad['valid']
    assert bad['faults'][1] == {
        'file': 'bad.yaml',
        'line': 2,
        'column': 1,
        'message': "'knid' is not known here; did you mean kind?",
    }
    assert (good['valid'], good['pipeline'], good['images']) == (
        True,
        'platform',
        1,
    )


def test_the_schema_is_printed(run: Run, folder: Path) -> None:
    done = run('ims', 'pipeline', 'schema')

    assert done.returncode == 0
    schema = json.loads(done.stdout)
    jsonschema.validate(yaml.safe_load(VALID), schema)


@pytest.mark.parametrize(
    ('command', 'said'),
    [
        ('validate', 'arguments are required'),
        ('validate m.yaml -f xml', 'invalid choice'),
        ('validate m.yaml --var OS', 'no NAME=VALUE'),
        ('schema m.yaml', 'unrecognized arguments'),
    ],
)
def test_wrong_usage_ends_with_1(
    run: Run, folder: Path, command: str, said: str
) -> None:
    done = run('ims', 'pipeline', *command.split())

    assert done.returncode == 1
    assert said in done.stderr
    assert 'Traceback' not in done.stderr


def test_a_lock_is_written_beside_the_manifest(run: Run, folder: Path) -> None:
    (folder / 'a.img').write_bytes(b'a')
    (folder / 'm.yaml').write_text(
        VALID.replace("url: 'https://a.example/1.qcow2'", 'file: a.img')
    )
    command = ('ims', 'pipeline', 'lock', 'm.yaml', '--var', 'OS=CentOS')

    done = run(*command, '-f', 'json')

    assert done.returncode == 0, done.stderr
    (shown,) = json.loads(done.stdout)
    assert (shown['Image'], shown['Version']) == ('app', '1')
    locked = yaml.safe_load((folder / 'm.lock.yaml').read_text())
    assert locked['images'] == {'app': {'1': shown['Digest'] or None}}

    (folder / 'a.img').unlink()
    done = run(*command)
    assert done.returncode == 1
    assert 'm.yaml:11:28: there is no file a.img' in done.stderr
