# SPDX-License-Identifier: Apache-2.0
"""The client where the system is not POSIX, and imports that fail."""

from collections.abc import Iterator
from pathlib import Path
import pkgutil
import subprocess
import sys

import pytest

import ims_ext
from ims_ext import exceptions
from ims_ext.pipeline import engine
from ims_ext.pipeline import file_locks

LESSER = Path(__file__).with_name('lesser_system.py')


def run(code: str, *arguments: str) -> str:
    """Return what code prints on a system that has less."""
    done = subprocess.run(
        [sys.executable, str(LESSER), code, *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_client_s_modules_need_nothing_of_posix() -> None:
    others = ('ims_ext.emulator', 'ims_ext.ansible')
    names = [
        module.name
        for module in pkgutil.walk_packages(ims_ext.__path__, 'ims_ext.')
        if not module.name.startswith(others)
    ]
    assert len(names) > 200
    run(
        'import importlib, sys\n'
        'for name in sys.argv[1:]: importlib.import_module(name)',
        *names,
    )


def test_a_file_is_read_at_any_place(tmp_path: Path) -> None:
    path = tmp_path / 'disk.raw'
    path.write_bytes(b'one\r\ntwo\x1athree')
    shown = run(
        'import sys\n'
        'from ims_ext.local_file import LocalFile\n'
        'with LocalFile(sys.argv[1]) as file:\n'
        '    print(file.read_at(5, 9), file.read_at(0, 5))',
        str(path),
    )
    assert shown.strip() == repr(b'two\x1athree') + ' ' + repr(b'one\r\n')


def test_a_disk_image_is_judged(tmp_path: Path) -> None:
    path = tmp_path / 'disk.raw'
    path.write_bytes(bytes(1024 * 1024))
    shown = run(
        'import sys\n'
        'from ims_ext import diskimage\n'
        'print(diskimage.inspect(sys.argv[1]).disk_format)',
        str(path),
    )
    assert shown.strip() == 'raw'


def test_temporary_files_are_made_and_removed(tmp_path: Path) -> None:
    shown = run(
        'import pathlib, sys\n'
        'from ims_ext.pipeline.sources.space import Workspace\n'
        'parent = pathlib.Path(sys.argv[1])\n'
        'first, second = Workspace(parent), Workspace(parent)\n'
        # Nobody can tell a leftover from what is in use.
        'print(first.folder.is_dir(), second.folder.is_dir())\n'
        'first.close()\n'
        'second.close()\n'
        'print(first.folder.exists())',
        str(tmp_path),
    )
    assert shown.split() == ['True', 'True', 'False']


def test_a_lock_is_somebody_s_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / 'lock'
    with path.open('wb') as first, path.open('wb') as second:
        file_locks.lock(first.fileno())
        with pytest.raises(BlockingIOError):
            file_locks.lock(second.fileno())
        file_locks.unlock(first.fileno())
        file_locks.lock(second.fileno(), wait=True)


# ====== IMPORTS THAT FAIL ======


@pytest.fixture
def no_taskflow() -> Iterator[None]:
    """Have taskflow not loaded, and whatever takes its place forgotten."""
    own = {
        name: module
        for name, module in sys.modules.items()
        if name.partition('.')[0] == 'taskflow'
    }
    for name in own:
        del sys.modules[name]
    yield
    for name in list(sys.modules):
        if name.partition('.')[0] == 'taskflow':
            del sys.modules[name]
    sys.modules.update(own)


@pytest.fixture
def taskflow(
    no_taskflow: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give the file of a package that takes taskflow's place."""
    folder = tmp_path / 'taskflow'
    folder.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder / '__init__.py'


def test_an_extra_that_is_not_installed_is_named(no_taskflow: None) -> None:
    sys.modules['taskflow'] = None  # type: ignore[assignment]
    with pytest.raises(exceptions.MissingExtraError, match='pipeline'):
        engine.load()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('import not_there_at_all', 'not_there_at_all'),
        ('from os import not_there', 'not_there'),
        ('', 'taskflow.engines'),
    ],
)
def test_an_installed_package_s_own_fault_is_shown(
    taskflow: Path, content: str, message: str
) -> None:
    taskflow.write_text(content)
    with pytest.raises(ImportError, match=message) as raised:
        engine.load()
    assert not isinstance(raised.value, exceptions.MissingExtraError)
