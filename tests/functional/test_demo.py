# SPDX-License-Identifier: Apache-2.0
"""``ims-emulator demo``: the main job, with no cloud and no disk image."""

from pathlib import Path
import subprocess
import sys

import pytest

from ims_ext.emulator.work.empty_disk import write_empty_disk


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name('ims-emulator')
    return subprocess.run(
        [str(script), 'demo', '--job-seconds', '0.1', *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demonstration_ends_with_an_active_image() -> None:
    done = run_demo()

    assert done.returncode == 0
    assert '$ openstack ims image create --file ' in done.stdout
    assert '| status                | active ' in done.stdout


def test_a_file_that_is_named_is_the_one_that_is_used(
    disks: dict[str, Path],
) -> None:
    done = run_demo(str(disks['iso']))

    assert done.returncode == 0
    assert 'IsoImage' in done.stdout


def test_a_file_that_is_not_there_is_told() -> None:
    done = run_demo('no-such-file.qcow2')

    assert done.returncode == 1
    assert 'no-such-file.qcow2' in done.stderr
    assert 'Traceback' not in done.stderr


def test_the_sample_is_a_valid_disk_image(tmp_path: Path) -> None:
    write_empty_disk(tmp_path / 'sample.qcow2')

    subprocess.run(
        ['qemu-img', 'check', '-q', str(tmp_path / 'sample.qcow2')], check=True
    )


def test_the_demonstration_of_a_pipeline_ends_with_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TMPDIR', str(tmp_path))

    done = run_demo('pipeline')

    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Plan: 5 to make, 5 to promote; 2 waiting.' in done.stdout
    assert 'Plan: nothing to do; 2 waiting.' in done.stdout
    assert '> ubuntu-18.04 prod  de  1 -> 2  soaked 8d of 7d' in done.stdout
    assert '- ubuntu-18.04@1     nl  delete  16d old' in done.stdout
    told = done.stderr.splitlines()
    assert told[0] == 'ubuntu-18.04: 1 -> 2, it was asked for'
    assert [each.partition(' ')[0] for each in told[1:]] == ['Run']
    (report,) = tmp_path.glob('ims-pipeline-*/report.html')
    assert 'ubuntu-18.04' in report.read_text('utf-8')


def test_a_disk_image_may_be_called_as_the_demonstration_is() -> None:
    done = run_demo('./pipeline')

    assert done.returncode == 1
    assert '--file pipeline' in done.stdout
