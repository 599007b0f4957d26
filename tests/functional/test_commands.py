# SPDX-License-Identifier: Apache-2.0
"""``openstack ims …`` as a real process, for people and for programs."""

import json
from pathlib import Path
import re
import signal
import subprocess
import time
from typing import Any

from openstack import connection
import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from .openstack_command import Run
from .openstack_command import environment_for
from .openstack_command import script
from .terminal import on_a_terminal

UBUNTU = 'Ubuntu 18.04 server 64bit'


def test_the_main_job_ends_with_an_active_image(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--os-version', UBUNTU, '--min-disk', '40'),
        *('--tag', 'env=prod', '--wait', '-f', 'json', name),
    )

    image = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stderr == ''
    assert image['name'] == name
    assert image['status'] == 'active'
    assert image['min_disk'] == 40
    assert image['os_version'] == UBUNTU
    assert image['tags'] == ['env=prod']


def test_without_waiting_the_job_is_printed_for_job_wait(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    started = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '-f', 'value', '-c', 'job_id', name),
    )
    waited = run('ims', 'job', 'wait', started.stdout.strip(), '-f', 'json')
    shown = run('ims', 'job', 'show', started.stdout.strip(), '-f', 'json')

    job = json.loads(waited.stdout)
    assert job['status'] == 'SUCCESS'
    assert job['progress'] == '100%'
    assert job['image_name'] == name
    assert job['image_id']
    assert json.loads(shown.stdout) == job


def test_without_waiting_the_object_that_stays_is_told(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    started = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '-f', 'json', name),
    )

    assert json.loads(started.stdout)['left_object'].startswith('images:')


def test_an_object_is_imported(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--object-key', f'{name}.qcow2'),
        *('--keep-object', '--wait', name),
    )

    done = run(
        *('ims', 'image', 'create', '--object', f'images:{name}.qcow2'),
        *('--min-disk', '10', '--wait', '-f', 'value', '-c', 'status'),
        f'{name}-2',
    )

    assert done.stdout.strip() == 'active'


def test_an_image_is_registered(
    run: Run,
    alice: connection.Connection,
    disks: dict[str, Path],
    name: str,
) -> None:
    run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--object-key', f'{name}.qcow2'),
        *('--keep-object', '--wait', name),
    )
    alice.ims.create_image(
        f'{name}-2',
        disk_format='qcow2',
        container_format='bare',
        allow_duplicates=True,
        validate_checksum=False,
    )

    done = run(
        *('ims', 'image', 'register', '--object', f'images:{name}.qcow2'),
        *('--wait', '-f', 'value', '-c', 'status', f'{name}-2'),
    )

    assert done.stdout.strip() == 'active'


def test_images_are_listed_by_filters_and_columns(
    run: Run, image_id: str, name: str
) -> None:
    done = run(
        *('ims', 'image', 'list', '--private', '--name', name),
        *('-f', 'json', '--long', '-c', 'ID', '-c', 'Disk Format'),
    )

    assert json.loads(done.stdout) == [
        {'ID': image_id, 'Disk Format': 'qcow2'}
    ]


def test_images_are_sorted_by_the_service(run: Run) -> None:
    done = run(
        *('ims', 'image', 'list', '--public', '--sort', 'name:desc'),
        *('-f', 'value', '-c', 'Name'),
    )

    names = done.stdout.splitlines()
    assert len(names) >= 2
    assert names == sorted(names, reverse=True)


def test_a_limit_is_the_most_that_is_listed(run: Run) -> None:
    done = run('ims', 'image', 'list', '--limit', '2', '-f', 'value')

    assert len(done.stdout.splitlines()) == 2


def test_an_image_is_shown_by_name_and_by_id(
    run: Run, image_id: str, name: str
) -> None:
    by_name = run('ims', 'image', 'show', name, '-f', 'json')
    by_id = run('ims', 'image', 'show', image_id, '-f', 'json')

    assert json.loads(by_name.stdout) == json.loads(by_id.stdout)
    assert json.loads(by_id.stdout)['is_registered'] is True


def test_attributes_are_set_and_unset(
    run: Run, alice: connection.Connection, image_id: str
) -> None:
    run(
        *('ims', 'image', 'set', image_id, '--description', 'as built'),
        *('--property', 'is_kvm_supported=true', '--property', 'colour=red'),
    )
    changed = alice.ims.get_cloud_image(image_id)
    run(
        *('ims', 'image', 'unset', image_id, '--description'),
        *('--property', 'is_kvm_supported', '--property', 'colour'),
    )
    restored = alice.ims.get_cloud_image(image_id)

    assert changed.description == 'as built'
    assert changed.is_kvm_supported is True
    assert changed.properties['colour'] == 'red'
    assert restored.description is None
    assert restored.is_kvm_supported is None
    assert 'colour' not in restored.properties


def test_a_protected_image_is_not_deleted_until_unprotected(
    run: Run, alice: connection.Connection, image_id: str
) -> None:
    run('ims', 'image', 'set', image_id, '--protected')
    refused = run('ims', 'image', 'delete', image_id)
    run('ims', 'image', 'set', image_id, '--unprotected')
    done = run('ims', 'image', 'delete', image_id)

    assert refused.returncode == 1
    assert done.returncode == 0
    assert alice.ims.find_cloud_image(image_id) is None


def test_a_deletion_that_fails_does_not_keep_the_others(
    run: Run, alice: connection.Connection, image_id: str
) -> None:
    done = run('ims', 'image', 'delete', 'no-such-image', image_id)

    assert done.returncode == 1
    assert 'no-such-image' in done.stderr
    assert 'Failed to delete 1 of 2 images' in done.stderr
    assert alice.ims.find_cloud_image(image_id) is None


# ====== PEOPLE AND PROGRAMS ======


def test_progress_is_shown_on_a_terminal_and_beside_the_output(
    environment: dict[str, str],
    disks: dict[str, Path],
    name: str,
) -> None:
    output, shown = on_a_terminal(
        [
            script('openstack'),
            *('ims', 'image', 'create', '--file', str(disks['iso'])),
            *('--os-version', UBUNTU, '--bucket', 'images', '--wait'),
            *('-f', 'json', name),
        ],
        environment,
    )

    assert 'Uploading: 100%' in shown
    assert 'Importing: 100%' in shown
    assert json.loads(output)['status'] == 'active'


# ====== BAD INPUT ======


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the message of a command that failed as it should."""
    assert done.returncode == 1, done
    assert 'Traceback' not in done.stderr
    assert done.stdout == ''
    return done.stderr


@pytest.fixture
def files(tmp_path: Path, disks: dict[str, Path], make_disk: Any) -> Path:
    """A folder of files that cannot become images."""
    (tmp_path / 'empty.qcow2').touch()
    (tmp_path / 'letter.txt').write_text("Dear image service,\n" * 500)
    (tmp_path / 'cut.qcow2').write_bytes(disks['qcow2'].read_bytes()[:80])
    backing = ('-b', str(disks['qcow2']), '-F', 'qcow2')
    overlay = make_disk('overlay.qcow2', 'qcow2', '1G', *backing)
    overlay.rename(tmp_path / 'overlay.qcow2')
    make_disk('big.qcow2', 'qcow2', '2T').rename(tmp_path / 'big.qcow2')
    return tmp_path


@pytest.mark.parametrize(
    ('file', 'words'),
    [
        ('missing.qcow2', 'missing.qcow2'),
        ('', 'directory'),
        ('empty.qcow2', 'empty'),
        ('letter.txt', 'no disk image'),
        ('cut.qcow2', 'cut.qcow2'),
        ('overlay.qcow2', 'backing file'),
        ('big.qcow2', '1024'),
    ],
)
def test_a_file_that_cannot_become_an_image_is_refused(
    run: Run, files: Path, name: str, file: str, words: str
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(files / file)),
        *('--bucket', 'images', name),
    )

    assert words in refused(done)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (['--min-disk', '0'], '--min-disk'),
        (['--min-disk', '1025'], '1024 GiB'),
        (['--description', 'a<b'], 'description'),
        (['--tag', 'env=pr/od'], 'env'),
        (['--tag', '=prod'], 'key is missing'),
        (['--bucket', 'no-such-bucket'], 'no-such-bucket'),
        (['--bucket', 'No Bucket'], 'No Bucket'),
        (['--quick'], 'raw'),
        (['--disk-format', 'vmdk'], 'qcow2'),
        (['--iso'], 'no ISO file'),
        (['--architecture', 'arm', '--hw-firmware-type', 'bios'], 'UEFI'),
    ],
)
def test_what_is_out_of_bounds_is_refused(
    run: Run,
    disks: dict[str, Path],
    name: str,
    options: list[str],
    words: str,
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', *options, name),
    )

    assert words in refused(done)


def test_an_iso_file_needs_its_operating_system(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['iso'])),
        *('--bucket', 'images', name),
    )

    assert '--os-version' in refused(done)


def test_a_name_that_is_not_permitted_is_refused(
    run: Run, disks: dict[str, Path]
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', 'golden/1'),
    )

    assert "'/'" in refused(done)


def test_an_os_version_that_the_cloud_refuses_is_explained(
    run: Run, disks: dict[str, Path], name: str
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', 'images', '--os-version', 'Ubuntu 18.4 server 64bit'),
        name,
    )

    message = refused(done)
    assert 'IMG.0056' in message
    assert UBUNTU in message
    assert 'Left behind: the uploaded object images:' in message
    [left] = re.findall(
        rf"'(openstack ims image create --object images:{name}\S*) …' imports",
        message,
    )
    assert f"'aws s3 rm s3://images/{name}" in message
    again = run(
        *left.split()[1:],
        *('--min-disk', '10', '--os-version', UBUNTU, '--wait', name),
    )
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    'command',
    [
        ['ims', 'image', 'show', 'no-such-image'],
        ['ims', 'image', 'set', 'no-such-image', '--name', 'x'],
        ['ims', 'image', 'unset', 'no-such-image', '--description'],
        ['ims', 'image', 'delete', 'no-such-image'],
        ['ims', 'image', 'register', '--object', 'a-b:c', 'no-such-image'],
    ],
)
def test_an_unknown_image_is_named(run: Run, command: list[str]) -> None:
    assert 'no-such-image' in refused(run(*command))


def test_an_unknown_job_is_named(run: Run) -> None:
    assert 'no-such-job' in refused(run('ims', 'job', 'show', 'no-such-job'))


def test_nothing_to_change_is_said(run: Run, name: str) -> None:
    assert 'Nothing' in refused(run('ims', 'image', 'set', name))
    assert 'Nothing' in refused(run('ims', 'image', 'unset', name))


def test_options_for_files_do_not_go_with_objects(run: Run, name: str) -> None:
    done = run(
        *('ims', 'image', 'create', '--object', 'images:a.qcow2'),
        *('--min-disk', '1', '--keep-object', name),
    )

    assert '--keep-object' in refused(done)


def test_an_object_needs_a_min_disk(run: Run, name: str) -> None:
    done = run('ims', 'image', 'create', '--object', 'images:a.qcow2', name)

    assert '--min-disk' in refused(done)


def test_a_wrong_password_is_said(run: Run) -> None:
    done = run('--os-password', 'wrong', 'ims', 'image', 'list')

    assert 'auth' in refused(done).lower()


def test_a_service_that_the_catalog_lacks_is_said(run: Run) -> None:
    done = run('--os-interface', 'internal', 'ims', 'image', 'list')

    assert 'ims_endpoint_override' in refused(done)


def test_ctrl_c_while_waiting_says_what_is_left(
    tmp_path: Path, disks: dict[str, Path], name: str
) -> None:
    clouds = tmp_path / 'clouds.yaml'
    # The command still waits when the signal comes, however late that is.
    with EmulatorServer(job_seconds=3600) as server:
        clouds.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
        # Hardly a fault, but it counts.
        server.faults.set(['slow=0.001,on=image,path=/v1/*/jobs/*'])
        process = subprocess.Popen(
            [
                script('openstack'),
                *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
                *('--bucket', 'images', '--wait', name),
            ],
            env=environment_for(clouds),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not server.faults.injected:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()

    assert process.returncode == 130
    assert output == ''
    assert 'Interrupted' in errors
    assert 'Left behind: the job ' in errors
    assert 'Left behind: the uploaded object images:' in errors
    assert 'Traceback' not in errors
