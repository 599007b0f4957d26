# SPDX-License-Identifier: Apache-2.0
"""pytest's fixtures for others: as the example in the documentation has it."""

from pathlib import Path
import shutil
import subprocess
import sys

import pytest

EXAMPLE = Path(__file__).parents[2] / 'doc/source/user/example'


#: openstacksdk's own classes use what it has announced to remove.
OF_OPENSTACKSDK = ('-W', 'ignore::PendingDeprecationWarning')


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder that knows nothing of this project."""
    return subprocess.run(
        [
            *(sys.executable, '-m', 'pytest', '-q', '-W', 'error'),
            *('-p', 'no:cacheprovider', *options, str(folder)),
        ],
        cwd=folder,
        env={'PATH': '/usr/bin:/bin', 'PYTHONPATH': str(folder)},
        capture_output=True,
        text=True,
    )


def test_the_documented_example_passes_with_warnings_as_errors(
    tmp_path: Path,
) -> None:
    folder = tmp_path / 'example'
    shutil.copytree(EXAMPLE, folder)

    done = run(folder, *OF_OPENSTACKSDK)

    assert done.returncode == 0, done.stdout
    assert '6 passed' in done.stdout
    assert done.stderr == ''


def test_projects_of_tests_are_apart(tmp_path: Path) -> None:
    (tmp_path / 'test_apart.py').write_text(
        'import pytest\n'
        "@pytest.mark.parametrize('time', [1, 2])\n"
        'def test_alone(ims_cloud, time):\n'
        '    own = ims_cloud.project_id\n'
        '    assert not list(ims_cloud.conn.ims.cloud_images(owner=own))\n'
        "    ims_cloud.conn.ims.create_image('one')\n"
    )

    assert '2 passed' in run(tmp_path, *OF_OPENSTACKSDK).stdout


def test_an_emulator_in_the_tests_process_is_quiet(tmp_path: Path) -> None:
    (tmp_path / 'test_quiet.py').write_text(
        'import threading, urllib.request\n'
        'from ims_ext.emulator.server import EmulatorServer\n'
        'def test_quiet(ims_own_emulator, caplog, capfd):\n'
        '    url = ims_own_emulator.auth_url\n'
        '    with urllib.request.urlopen(url) as answer:\n'
        '        assert answer.status == 200\n'
        '    with EmulatorServer() as other:\n'
        '        assert other.counts\n'
        '        running = threading.active_count()\n'
        '    assert threading.active_count() < running\n'
        "    assert capfd.readouterr() == ('', '')\n"
        '    assert not caplog.records\n'
    )

    done = run(tmp_path)

    assert '1 passed' in done.stdout, done.stdout
    assert done.stderr == ''


def test_faults_and_time_are_undone(tmp_path: Path) -> None:
    (tmp_path / 'test_undone.py').write_text(
        'def test_first(ims_faults, ims_clock):\n'
        "    ims_faults.set(['status=503'])\n"
        "    ims_clock.advance('1d')\n"
        'def test_second(ims_emulator):\n'
        '    assert not ims_emulator.faults.current\n'
        '    assert ims_emulator.clock.advanced == 0\n'
    )

    done = run(tmp_path, '-p', 'no:randomly')
    assert '2 passed' in done.stdout


def test_a_user_who_is_not_there_is_told_with_those_who_are(
    tmp_path: Path,
) -> None:
    (tmp_path / 'test_login.py').write_text(
        'import pytest\n'
        'def test_login(ims_login):\n'
        "    with pytest.raises(LookupError, match=\"'nobody'; .*alice\"):\n"
        "        ims_login('nobody')\n"
    )

    done = run(tmp_path)

    assert '1 passed' in done.stdout, done.stdout


@pytest.mark.parametrize('module', ['waitress', 'werkzeug'])
def test_a_missing_extra_is_named(tmp_path: Path, module: str) -> None:
    (tmp_path / 'conftest.py').write_text(
        f'import sys\nsys.modules[{module!r}] = None\n'
    )
    (tmp_path / 'test_extra.py').write_text('def test(ims_cloud): pass\n')

    assert "pip install 'ims-ext[emulator]'" in run(tmp_path).stdout


def test_whoever_does_not_use_it_imports_nothing_for_it(
    tmp_path: Path,
) -> None:
    (tmp_path / 'test_own.py').write_text(
        'import sys\n'
        'def test():\n'
        "    found = {'openstack', 'werkzeug', 'ims_ext.emulator.server'}\n"
        '    assert not found & set(sys.modules)\n'
    )

    assert '1 passed' in run(tmp_path).stdout
