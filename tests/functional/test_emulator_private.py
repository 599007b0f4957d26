# SPDX-License-Identifier: Apache-2.0
"""The state of an emulator is its user's alone."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import stat

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import StateError

from .plain_http import Client
from .plain_http import disk

#: Everything that is kept under a name of its own.
FILES = ['lock', 'state.sqlite']
BESIDE = [
    f'{name}-{kind}'
    for name in FILES[1:]
    for kind in ('wal', 'shm', 'journal')
]
DIRECTORIES = ['images', 'objects']


@contextlib.contextmanager
def _permissive() -> Iterator[None]:
    """Let all files be made for everybody, unless said otherwise."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def _fill(state: Path, data: bytes) -> None:
    """Keep images and an object, in each of the ways that there are."""
    with EmulatorServer(state_dir=state, job_seconds=0) as server:
        client = Client(server)
        image_id = client.active_image(name='native')
        client.put('disk.qcow2', data)
        for request in (
            client.create(),
            client.request(
                'POST',
                f'/v1/cloudimages/{image_id}/copy',
                json={'name': 'copied'},
            ),
        ):
            client.finish(request)
        for path in _all(state):
            _check_private(path)


def _all(state: Path) -> list[Path]:
    return [state, *state.rglob('*')]


def _check_private(path: Path) -> None:
    found = path.lstat()
    mode = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
    assert stat.S_IMODE(found.st_mode) == mode, path
    assert found.st_uid == os.geteuid()


def test_all_that_is_kept_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with _permissive():
        _fill(tmp_path / 'state', disk(tmp_path, 'qcow2'))

    names = {path.name for path in _all(tmp_path / 'state')}
    assert names >= {*FILES, *DIRECTORIES}


def test_an_older_state_is_taken_away_from_others(tmp_path: Path) -> None:
    state = tmp_path / 'state'
    _fill(state, disk(tmp_path, 'qcow2'))
    for path in _all(state):
        path.chmod(0o777)

    with EmulatorServer(state_dir=state):
        for path in _all(state):
            _check_private(path)


def test_a_directory_that_was_there_is_taken_away_from_others(
    tmp_path: Path,
) -> None:
    state = tmp_path / 'state'
    state.mkdir(mode=0o777)
    state.chmod(0o777)

    _fill(state, disk(tmp_path, 'qcow2'))


@pytest.mark.parametrize('dangling', [False, True])
@pytest.mark.parametrize('started', [False, True])
@pytest.mark.parametrize('name', [*FILES, *BESIDE, 'images/x', 'objects/x'])
def test_no_link_in_the_state_is_followed_to_a_file(
    tmp_path: Path, name: str, started: bool, dangling: bool
) -> None:
    state, other = tmp_path / 'state', tmp_path / 'other'
    if started:
        _start(state)
    state.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
    state.joinpath(name).unlink(missing_ok=True)
    if not dangling:
        other.write_bytes(b'precious')
        other.chmod(0o640)
    state.joinpath(name).symlink_to(other)

    with pytest.raises(StateError, match=r'symbolic link|no state'):
        _start(state)

    if dangling:
        assert not other.exists()
    else:
        assert other.read_bytes() == b'precious'
        assert stat.S_IMODE(other.stat().st_mode) == 0o640


@pytest.mark.parametrize('name', ['', *DIRECTORIES])
def test_no_link_in_the_state_is_followed_to_a_directory(
    tmp_path: Path, name: str
) -> None:
    state, other = tmp_path / 'state', tmp_path / 'other'
    other.mkdir(mode=0o755)
    other.joinpath('precious').write_bytes(b'content')
    link = state / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(other)

    with pytest.raises(StateError, match=r'symbolic link|no state'):
        _start(state)

    assert os.listdir(other) == ['precious']
    assert stat.S_IMODE(other.stat().st_mode) == 0o755


@pytest.mark.parametrize('name', FILES)
def test_a_directory_in_place_of_a_file_is_refused(
    tmp_path: Path, name: str
) -> None:
    tmp_path.joinpath('state', name).mkdir(parents=True)

    with pytest.raises(StateError, match=r'is no file|no state'):
        _start(tmp_path / 'state')


@pytest.mark.parametrize('name', ['objects/precious', 'HEAD', 'notes.txt'])
def test_a_directory_of_something_else_is_not_touched(
    tmp_path: Path, name: str
) -> None:
    precious = tmp_path / 'project' / name
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b'content')
    precious.parent.chmod(0o755)
    (tmp_path / 'project' / 'README').write_bytes(b'')

    with pytest.raises(StateError, match='no state'):
        _start(tmp_path / 'project')

    assert precious.read_bytes() == b'content'
    assert stat.S_IMODE(precious.parent.stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize('name', ['', *FILES, *DIRECTORIES])
def test_what_belongs_to_another_user_is_refused(
    tmp_path: Path, name: str
) -> None:
    state = tmp_path / 'state'
    _start(state)
    os.chown(state / name, 12345, 12345)

    with pytest.raises(StateError, match='belongs to another user') as refused:
        _start(state)

    # And what was refused keeps nothing locked.
    os.chown(state / name, os.geteuid(), os.getegid())
    _start(state)
    assert refused.value


def _start(state: Path) -> None:
    with EmulatorServer(state_dir=state):
        pass
