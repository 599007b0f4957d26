# SPDX-License-Identifier: Apache-2.0
"""What commands write: to terminals, pipes and files, in words of theirs."""

import json
from pathlib import Path
import subprocess

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from .openstack_command import Run
from .openstack_command import environment_for
from .openstack_command import script


def test_an_output_that_nobody_reads_any_more_ends_silently(
    clouds_file: Path,
) -> None:
    environment = environment_for(clouds_file)
    # Each row is written at once, so that the reader is missed.
    environment['PYTHONUNBUFFERED'] = '1'
    for form in ('value', 'json', 'table', 'csv'):
        with subprocess.Popen(
            [script('openstack'), 'ims', 'os', 'version', 'list', '-f', form],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout
            assert process.stderr
            # Whoever reads is gone before anything is written.
            process.stdout.close()
            errors = process.stderr.read()
        assert (process.returncode, errors) == (141, b'')


def test_what_cannot_be_encoded_does_not_hide_the_rest(
    clouds_file: Path, run: Run, disks: dict[str, Path], name: str
) -> None:
    made = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--description', 'für alle ✓', '--wait'),
        name,
    )
    assert made.returncode == 0, made.stderr
    environment = environment_for(clouds_file)
    environment['PYTHONIOENCODING'] = 'ascii'
    for form in (['-f', 'value', '-c', 'description'], []):
        shown = subprocess.run(
            [script('openstack'), 'ims', 'image', 'show', name, *form],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert (shown.returncode, shown.stderr) == (0, '')
        assert 'f?r alle ?' in shown.stdout


@pytest.mark.parametrize(
    ('options', 'told'),
    [
        (('--min-disk', '-3'), "--min-disk is -3"),
        (('--min-ram', '-5', '--bucket', 'images'), "--min-ram"),
        (('--max-ram', '-1', '--bucket', 'images'), "--max-ram"),
    ],
)
def test_messages_speak_of_options(
    options: tuple[str, ...],
    told: str,
    run: Run,
    disks: dict[str, Path],
    name: str,
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *(*options, name),
    )

    assert done.returncode == 1
    assert told in done.stderr
    assert '_' not in done.stderr.replace(name, '')


def test_tables_leave_out_what_nobody_reads(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--wait', name),
    )
    listing = ('ims', 'image', 'list', '--own', '--long')
    for table, whole, column in (
        (run(*listing), run(*listing, '-f', 'json'), 'Checksum'),
        (
            run('ims', 'image', 'show', name),
            run('ims', 'image', 'show', name, '-f', 'json'),
            'schema',
        ),
    ):
        assert column not in table.stdout
        found = json.loads(whole.stdout)
        assert column in (found[0] if isinstance(found, list) else found)
    named = run(*listing, '-c', 'Name', '-c', 'Checksum')
    assert 'Checksum' in named.stdout


def test_documented_os_versions_are_listed_and_the_nearest_are_named(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    listed = run('ims', 'os', 'version', 'list', '--documented', '-f', 'json')
    versions = [each['OS Version'] for each in json.loads(listed.stdout)]
    assert 'Ubuntu 18.04 server 64bit' in versions

    unknown = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--os-version', 'Ubunto 18.04', name),
    )
    assert "'Ubuntu 18.04 server 64bit'" in unknown.stderr

    refused = run('ims', 'os', 'version', 'list', '--documented', '--long')
    assert refused.returncode == 1
    assert '--documented goes with neither' in refused.stderr


def test_a_service_that_is_silent_is_told_of(run: Run, tmp_path: Path) -> None:
    with EmulatorServer() as server:
        clouds = tmp_path / 'clouds.yaml'
        clouds.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
        server.faults.set(['slow=5,on=image,count=1'])
        done = run('ims', 'image', 'list', OS_CLIENT_CONFIG_FILE=str(clouds))

    assert done.returncode == 0, done.stderr
    assert "Waiting for GET /v2/cloudimages, which has not" in done.stderr
    assert "60 at most; Ctrl-C ends it" in done.stderr
