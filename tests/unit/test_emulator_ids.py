# SPDX-License-Identifier: Apache-2.0
"""IDs, keys and tokens that can be written down."""

import ast
from pathlib import Path
import threading
from typing import Any
import uuid

import ims_ext.emulator
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import State
from ims_ext.emulator.state.identity import Token
from ims_ext.emulator.state.ids import Seed

EMULATOR = Path(ims_ext.emulator.__file__).parent

#: What gives another value each time.
UNPREDICTABLE = {'uuid1', 'uuid4', 'urandom'}
MODULES = {'random', 'secrets'}


def everything(server: EmulatorServer) -> list[Any]:
    """Return all that an emulator has from the start."""
    state = server._state
    tables = (
        *('projects', 'users', 'access_keys', 'images', 'servers'),
        *('volumes', 'backups'),
    )
    return [
        tuple(value for value in row if not _is_time(value))
        for table in tables
        for row in state.database.execute(f'SELECT * FROM {table}')
    ]


def _is_time(value: Any) -> bool:
    if isinstance(value, float):
        return True
    return isinstance(value, str) and value.endswith('Z') and 'T' in value


def begun(seed: Seed | None = None, **others: Any) -> list[Any]:
    with EmulatorServer(seed=seed, **others) as server:
        return everything(server)


def test_every_start_has_the_same_ids_and_keys() -> None:
    assert begun() == begun(0)


def test_another_seed_has_other_ids_and_keys() -> None:
    other = {str(value) for row in begun(7) for value in row}
    with EmulatorServer() as server:
        state = server._state
        key = state.access_keys.permanent(state.users.list()[0].id)
        projects = {each.id for each in _projects(state)}
    assert key is not None
    assert other.isdisjoint({*projects, key.access, key.secret})


def _projects(state: State) -> list[Any]:
    return [state.projects.find(name, 'default') for name in ('alpha', 'beta')]


def test_a_random_seed_is_another_one_each_time() -> None:
    assert begun('random') != begun('random')


def test_a_user_more_changes_nothing_of_the_others() -> None:
    from ims_ext.emulator.seed import Account

    users = (Account('anna', 'secret', 'aaa'),)
    assert set(begun()) < set(begun(users=users))


def test_a_state_goes_on_with_its_seed(tmp_path: Path) -> None:
    first = begun('random', state_dir=tmp_path)
    assert begun(state_dir=tmp_path) == first


def test_the_sequence_of_a_state_goes_on(tmp_path: Path) -> None:
    def made(directory: Path | None) -> str:
        state = State(directory)
        try:
            return state.images.add(Image.new('alpha', 'x')).id
        finally:
            state.close()

    first, second = made(tmp_path), made(tmp_path)
    assert first != second
    assert first == made(None)


def test_an_id_that_a_client_has_taken_is_left_out() -> None:
    state = State()
    taken = state.images.add(Image.new('alpha', 'x')).id
    state.close()
    state = State()
    state.images.add(Image.new('alpha', 'first', id=taken))
    assert state.images.add(Image.new('alpha', 'second')).id != taken
    state.close()


def test_ids_look_as_those_of_the_services() -> None:
    state = State()
    made = state.ids.uuid('image', 'alpha')
    assert uuid.UUID(made).version == 4
    assert str(uuid.UUID(made)) == made
    assert len(state.ids.hex('job', 'alpha')) == 32
    assert len(state.ids.text('token', 'alice', 96)) == 128
    state.close()


def test_what_others_make_does_not_change_a_project_s_ids() -> None:
    alone = State()
    shared = State()
    shared.ids.uuid('image', 'beta')
    assert alone.ids.uuid('image', 'alpha') == shared.ids.uuid(
        'image', 'alpha'
    )
    alone.close()
    shared.close()


def test_threads_never_get_the_same_id() -> None:
    state = State()
    found: list[str] = []

    def take() -> None:
        found.extend(state.ids.uuid('image', 'alpha') for _ in range(50))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 400
    state.close()


def test_tokens_follow_from_the_seed_and_never_repeat(tmp_path: Path) -> None:
    def token(directory: Path | None, seed: Seed = 0) -> str:
        with EmulatorServer(state_dir=directory, seed=seed) as server:
            tokens = server._state.tokens
            user = server._state.users.list()[0].id
            return tokens.add(
                Token(user, None, None, (), 'audit', 0, 4_000_000_000)
            )

    first, second = token(tmp_path), token(tmp_path)
    assert first == token(None)
    assert len({first, second, token(None, 1)}) == 3


def test_no_module_has_a_source_of_its_own() -> None:
    """IDs come from one place, or they are not the same at every start."""
    found = [
        f'{path.relative_to(EMULATOR)}: {name}'
        for path in EMULATOR.rglob('*.py')
        if path.name != 'ids.py'
        for name in _unpredictable(path)
    ]
    assert found == []


def _unpredictable(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in UNPREDICTABLE:
            names.append(node.attr)
        if isinstance(node, ast.Import):
            names += [a.name for a in node.names if a.name in MODULES]
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            names.append(str(node.module))
    return names
