# SPDX-License-Identifier: Apache-2.0
"""The journal of a manifest's runs never ends one."""

from collections.abc import Callable
import os
from pathlib import Path
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from ims_ext.pipeline import events
from ims_ext.pipeline import journal

ITEM = {
    'id': 'make:a@1:de',
    'action': 'make',
    'image': 'a',
    'version': '1',
    'target': 'de',
}
STARTED = {
    'pipeline': 'p',
    'manifest': 'p.yaml',
    'version': '1',
    'actions': [ITEM],
    'targets': ['de'],
}
ENDED = {'exit': 3, 'done': 2, 'failed': 1, 'skipped': 4, 'seconds': 2.5}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal's file, which is not there yet."""
    return tmp_path / 'p.sqlite'


def test_a_run_is_kept_with_its_events(path: Path) -> None:
    found: list[events.Event] = []
    with journal.Journal(path, 'r1') as kept:
        tell = events.Events('r1', [found.append, kept])
        tell('run.started', **STARTED)
        tell('item.done', **ITEM, seconds=1, image_id='i')
        tell('run.ended', **ENDED)

    with journal.Journal(path) as kept:
        (run,) = kept.runs()
        assert list(kept.events('r1')) == found
        assert not list(kept.events('another'))
    assert run == journal.RunRecord(
        'r1', 'p', 'p.yaml', found[0]['time'], found[2]['time'], 3, 2, 1, 4
    )


def test_a_run_that_was_killed_is_one_without_an_end(path: Path) -> None:
    with journal.Journal(path, 'r1') as kept:
        events.Events('r1', [kept])('run.started', **STARTED)

    with journal.Journal(path) as kept:
        assert [each.ended for each in kept.runs()] == [None]


def test_of_progress_the_end_is_kept(path: Path) -> None:
    with journal.Journal(path, 'r1') as kept:
        tell = events.Events('r1', [kept])
        tell('progress', id='a', step='upload', done=1, total=9)
        tell('progress', id='a', step='upload', done=9, total=9)

        assert [each['done'] for each in kept.events('r1')] == [9]


def test_what_has_begun_is_known_until_it_is_settled(path: Path) -> None:
    with journal.Journal(path, 'r1') as kept:
        kept.intend('make:a@1:de', 'a-1')
        kept.intend('make:b@1:de', 'b-1')
        kept.intend('make:c@1:de', 'c-1')
        kept.started('make:b@1:de', 'job', 'image')
        kept.settled('make:c@1:de')

    with journal.Journal(path, 'r2') as kept:
        first, second = kept.intents()
        assert (first.action, first.name, first.run) == (
            'make:a@1:de',
            'a-1',
            'r1',
        )
        assert first.job_id is None
        assert (second.job_id, second.image_id) == ('job', 'image')
        kept.settled(first.action)
        assert kept.intents() == [second]


KILLED = """
import os, pathlib, signal, sys
from ims_ext.pipeline import journal
kept = journal.Journal(pathlib.Path(sys.argv[1]), 'r1')
kept.intend('make:a@1:de', 'a-1')
kept.started('make:a@1:de', 'job')
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != 'posix', reason="has no SIGKILL")
def test_what_has_begun_is_known_after_a_kill(path: Path) -> None:
    ended = subprocess.run([sys.executable, '-c', KILLED, str(path)])

    assert ended.returncode == -signal.SIGKILL
    with journal.Journal(path, 'r2') as kept:
        assert [each.job_id for each in kept.intents()] == ['job']


@pytest.mark.skipif(os.name != 'posix', reason="has no permissions")
def test_others_cannot_read_it(path: Path) -> None:
    path.touch(0o644)
    with journal.Journal(path, 'r1') as kept:
        kept.intend('make:a@1:de', 'a-1')

        files = list(path.parent.iterdir())
        assert len(files) == 3
        assert {each.stat().st_mode & 0o777 for each in files} == {0o600}


def damaged(path: Path) -> None:
    path.write_bytes(b'not a database' * 1000)


def empty_page(path: Path) -> None:
    with journal.Journal(path, 'r0') as kept:
        tell = events.Events('r0', [kept])
        for number in range(500):
            tell('note', id=str(number), message='x' * 100)
    with path.open('r+b') as file:
        file.seek(4096)
        file.write(b'\xa5' * 12_000)


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute('PRAGMA user_version = 99')
    connection.close()


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE cats (name)')
    connection.close()


@pytest.mark.parametrize('spoil', [damaged, empty_page, newer, foreign])
def test_a_file_of_something_else_is_put_aside(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(path)
    said: list[str] = []

    with journal.Journal(path, 'r1', said.append) as kept:
        events.Events('r1', [kept])('run.started', **STARTED)
        kept.intend('make:a@1:de', 'a-1')
        assert [each.run for each in kept.runs()] == ['r1']
        assert len(kept.intents()) == 1

    assert path.with_suffix('.unreadable').exists()
    assert len(said) == 1
    assert 'put aside as p.unreadable' in said[0]


@pytest.mark.parametrize('spoil', [damaged, newer, foreign])
def test_reading_puts_nothing_aside(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(path)
    before = path.read_bytes()
    said: list[str] = []

    with journal.Journal(path, None, said.append) as kept:
        assert kept.runs() == []

    assert path.read_bytes() == before
    assert len(said) == 1


def test_a_folder_that_is_none_is_told_once(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    said: list[str] = []

    with journal.Journal(tmp_path / 'file' / 'p', 'r1', said.append) as kept:
        events.Events('r1', [kept])('run.started', **STARTED)
        kept.intend('make:a@1:de', 'a-1')
        kept.settled('make:a@1:de')
        assert kept.intents() == []
        assert kept.runs() == []

    assert len(said) == 1


def test_a_full_disk_is_told_once_and_may_get_free(path: Path) -> None:
    said: list[str] = []
    with journal.Journal(path, 'r1', said.append) as kept:
        connection = kept._connection
        assert connection is not None
        tell = events.Events('r1', [kept])
        tell('run.started', **STARTED)
        (pages,) = connection.execute('PRAGMA page_count').fetchone()
        connection.execute(f'PRAGMA max_page_count = {pages}')
        for _ in range(3):
            tell('note', id=None, message='x' * 50_000)
        connection.execute('PRAGMA max_page_count = 100000')
        tell('run.ended', **ENDED)

        assert [each['kind'] for each in kept.events('r1')] == [
            'run.started',
            'run.ended',
        ]
    assert len(said) == 1
    assert 'full' in said[0]


def test_a_journal_that_is_deleted_under_a_run_ends_nothing(
    path: Path,
) -> None:
    with journal.Journal(path, 'r1') as kept:
        tell = events.Events('r1', [kept])
        tell('run.started', **STARTED)
        if os.name == 'posix':
            for each in path.parent.iterdir():
                each.unlink()
        tell('run.ended', **ENDED)


def test_old_runs_are_pruned(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, '_MOST_RUNS', 3)
    for number in range(5):
        with journal.Journal(path, f'r{number}') as kept:
            tell = events.Events(f'r{number}', [kept])
            tell('run.started', **STARTED)
            tell('note', id=None, message='x')

    with journal.Journal(path) as kept:
        assert [each.run for each in kept.runs()] == ['r4', 'r3', 'r2']
        assert not list(kept.events('r1'))
        assert len(list(kept.events('r2'))) == 2


def test_a_run_of_too_many_events_keeps_its_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, '_MOST_EVENTS', 10)
    for run in ('r1', 'r2'):
        with journal.Journal(path, run) as kept:
            tell = events.Events(run, [kept])
            tell('run.started', **STARTED)
            for _ in range(20):
                tell('note', id=None, message='x')
            tell('run.ended', **ENDED)

    with journal.Journal(path) as kept:
        kinds = [each['kind'] for each in kept.events('r2')]
        assert len(kinds) == 11
        assert kinds[-1] == 'run.ended'
        assert [each.run for each in kept.runs()] == ['r2']


def test_threads_write_it_together(path: Path) -> None:
    with journal.Journal(path, 'r1') as kept:
        tell = events.Events('r1', [kept])

        def work(number: int) -> None:
            for each in range(20):
                action = f'make:{number}@{each}:de'
                kept.intend(action, 'x')
                tell('note', id=action, message='x')
                kept.started(action, 'job')
                if each % 2:
                    kept.settled(action)

        threads = [
            threading.Thread(target=work, args=(each,)) for each in range(6)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert len(kept.intents()) == 60
        assert len(list(kept.events('r1'))) == 120
