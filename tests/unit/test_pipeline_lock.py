# SPDX-License-Identifier: Apache-2.0
"""One run a manifest and machine."""

import errno
import json
import logging
import os
from pathlib import Path
import signal
import subprocess
import sys

import pytest

from ims_ext.pipeline import lock

HOLD = """
import pathlib, sys
from ims_ext.pipeline import lock
with lock.RunLock(pathlib.Path(sys.argv[1]), 'first'):
    print('held', flush=True)
    sys.stdin.read()
"""


def holding(path: Path) -> subprocess.Popen[str]:
    """Start a process that holds a lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, '-c', HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == 'held\n'
    return process


def test_a_second_run_is_told_whose_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / 'a.lock'
    with holding(path) as process:
        with pytest.raises(lock.RunLockedError) as caught:
            lock.RunLock(path, 'second').acquire()
        process.communicate()

    holder = caught.value.holder
    assert holder.pid == process.pid
    assert holder.run == 'first'
    assert str(process.pid) in str(caught.value)
    assert 'run first of' in str(caught.value)
    with lock.RunLock(path, 'third') as held:
        held.check()


@pytest.mark.skipif(os.name != 'posix', reason="has no SIGKILL")
def test_a_run_that_is_killed_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / 'a.lock'
    with holding(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with lock.RunLock(path, 'second') as held:
            assert json.loads(path.read_text())['run'] == 'second'
            held.check()


@pytest.mark.skipif(os.name != 'posix', reason="has no SIGSTOP")
def test_a_run_that_is_stopped_keeps_its_lock(tmp_path: Path) -> None:
    path = tmp_path / 'a.lock'
    with holding(path) as process:
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(lock.RunLockedError, match='run first'):
                lock.RunLock(path, 'second').acquire()
        finally:
            process.send_signal(signal.SIGCONT)
        process.communicate()


def test_two_runs_of_one_process_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / 'a.lock'
    with (
        lock.RunLock(path, 'first'),
        pytest.raises(lock.RunLockedError, match='run first'),
    ):
        lock.RunLock(path, 'second').acquire()


def test_the_file_is_private_and_goes_with_the_run(tmp_path: Path) -> None:
    path = tmp_path / 'a.lock'
    with lock.RunLock(path, 'first'):
        if os.name == 'posix':
            assert path.stat().st_mode & 0o777 == 0o600
    assert os.name != 'posix' or not path.exists()


@pytest.mark.skipif(os.name != 'posix', reason="open files cannot be deleted")
def test_a_lock_whose_folder_is_deleted_is_taken_anew(tmp_path: Path) -> None:
    folder = tmp_path / 'state'
    folder.mkdir()
    path = folder / 'a.lock'
    with lock.RunLock(path, 'first') as held:
        path.unlink()
        folder.rmdir()

        held.check()

        with pytest.raises(lock.RunLockedError, match='run first'):
            lock.RunLock(path, 'second').acquire()


@pytest.mark.skipif(os.name != 'posix', reason="open files cannot be deleted")
def test_a_lock_that_another_run_took_is_lost(tmp_path: Path) -> None:
    path = tmp_path / 'a.lock'
    with lock.RunLock(path, 'first') as held:
        path.unlink()
        with (
            lock.RunLock(path, 'second'),
            pytest.raises(lock.RunLockedError, match='run second'),
        ):
            held.check()


def test_a_lock_that_was_released_is_not_held(tmp_path: Path) -> None:
    held = lock.RunLock(tmp_path / 'a.lock', 'first')
    held.acquire()
    held.release()
    held.release()

    with pytest.raises(lock.RunLockedError):
        held.check()


def test_a_damaged_file_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / 'a.lock'
    path.write_bytes(b'\xff' * 9000)

    with lock.RunLock(path, 'first'):
        assert json.loads(path.read_text())['run'] == 'first'


def test_without_locks_the_run_goes_on_and_that_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(lock, '_lock', refuse)
    with (
        caplog.at_level(logging.WARNING),
        lock.RunLock(tmp_path / 'a.lock', 'first') as held,
    ):
        held.check()

    assert 'No locks available' in caplog.text
