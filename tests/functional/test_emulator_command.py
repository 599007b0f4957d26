# SPDX-License-Identifier: Apache-2.0
"""The command ``ims-emulator``, as a process of its own."""

from collections.abc import Callable, Iterator
import contextlib
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
import requests

from ims_ext.emulator.main import main
from ims_ext.emulator.server import EmulatorServer

#: For how long a process may take before its test fails, in seconds.
PATIENCE = 60

COMMAND = str(Path(sys.executable).with_name('ims-emulator'))

Execute = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Give an environment where temporary files can be counted."""
    (tmp_path / 'tmp').mkdir()
    return {**os.environ, 'TMPDIR': str(tmp_path / 'tmp'), 'OS_TOKEN': 'old'}


@pytest.fixture
def execute(environment: dict[str, str]) -> Execute:
    """Give a function that runs ``ims-emulator`` to its end."""

    def run(*arguments: str, **others: Any) -> Any:
        return subprocess.run(
            [COMMAND, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            **others,
        )

    return run


@contextlib.contextmanager
def serve(
    environment: dict[str, str], *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run ``ims-emulator serve``; give what it says to export, too."""
    process = subprocess.Popen(
        [COMMAND, 'serve', '--port', '0', '--bucket-port', '0', *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        variables = {}
        for line in process.stdout:
            word, _, assignment = line.strip().partition(' ')
            if word == 'export':
                name, _, value = assignment.partition('=')
                variables[name] = value
            if line.startswith('  openstack'):
                break
        yield process, variables
    finally:
        process.kill()
        process.wait()


def token(variables: dict[str, str]) -> requests.Response:
    """Ask for a token with what ``serve`` says to export."""
    user = {
        'name': variables['OS_USERNAME'],
        'password': variables['OS_PASSWORD'],
        'domain': {'id': variables['OS_USER_DOMAIN_ID']},
    }
    identity = {'methods': ['password'], 'password': {'user': user}}
    return requests.post(
        variables['OS_AUTH_URL'] + '/auth/tokens',
        json={'auth': {'identity': identity}},
        timeout=10,
    )


# ====== SERVE ======


def test_what_serve_prints_is_enough_to_use_it(
    environment: dict[str, str],
) -> None:
    with serve(environment) as (_, variables):
        assert token(variables).status_code == 201


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_serve_well(
    environment: dict[str, str], number: signal.Signals
) -> None:
    with serve(environment) as (process, _):
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0


def test_serve_leaves_no_temporary_files(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with serve(environment) as (process, _):
        process.terminate()
        process.wait(PATIENCE)
    assert list((tmp_path / 'tmp').iterdir()) == []


def test_a_kept_state_survives_a_killed_process(
    environment: dict[str, str], tmp_path: Path
) -> None:
    state = '--state', str(tmp_path / 'state')
    with serve(environment, *state) as (process, variables):
        first = token(variables).json()['token']['project']['id']
        process.kill()
        process.wait()
    with serve(environment, *state) as (_, variables):
        assert token(variables).json()['token']['project']['id'] == first


def test_a_state_directory_belongs_to_one_emulator(
    environment: dict[str, str], execute: Execute, tmp_path: Path
) -> None:
    state = '--state', str(tmp_path / 'state')
    with serve(environment, *state):
        second = execute('exec', *state, '--', 'true')
    assert (second.returncode, len(second.stderr.splitlines())) == (1, 1)


def test_the_state_directory_is_its_owners_alone(
    execute: Execute, tmp_path: Path
) -> None:
    execute('exec', '--state', str(tmp_path / 'state'), '--', 'true')
    assert (tmp_path / 'state').stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize('option', ['--port', '--bucket-port'])
def test_a_port_in_use_is_one_clear_message(
    execute: Execute, option: str
) -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = str(taken.getsockname()[1])
        result = execute('exec', option, port, '--', 'true')
    assert (result.returncode, result.stderr) == (
        1,
        f'ims-emulator: Cannot listen on 127.0.0.1, port {port}: '
        'Address already in use\n',
    )


def test_a_file_is_no_state_directory(
    execute: Execute, tmp_path: Path
) -> None:
    (tmp_path / 'file').touch()
    result = execute('exec', '--state', str(tmp_path / 'file'), '--', 'true')
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)


def test_listening_for_others_warns(execute: Execute) -> None:
    result = execute('exec', '--host', '0.0.0.0', '--', 'true')
    assert 'WARNING' in result.stderr


@pytest.mark.parametrize(
    'arguments',
    [
        ['--port', 'x'],
        ['--port', '65536'],
        ['--job-seconds', '-1'],
        ['--job-seconds', 'nan'],
        ['--user', 'carol'],
        ['--user', 'carol::gamma'],
        ['--host', 'example'],
        ['--region', ''],
    ],
    ids=' '.join,
)
def test_bad_options_are_refused(
    execute: Execute, arguments: list[str]
) -> None:
    result = execute('serve', *arguments)
    assert (result.returncode, 'Traceback' in result.stderr) == (2, False)


# ====== EXEC ======


@pytest.mark.parametrize('action', [('exec', '--', 'true'), ('demo',)])
def test_ctrl_c_while_the_emulator_starts_is_130(
    monkeypatch: pytest.MonkeyPatch, action: tuple[str, ...]
) -> None:
    def interrupted(server: EmulatorServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(EmulatorServer, 'start', interrupted)
    assert main(action) == 130


@pytest.mark.parametrize(
    ('script', 'code'),
    [('exit 0', 0), ('exit 42', 42), ('kill -KILL $$', 137)],
)
def test_exec_ends_with_the_commands_code(
    execute: Execute, script: str, code: int
) -> None:
    assert execute('exec', '--', 'sh', '-c', script).returncode == code


def test_a_command_that_is_not_found_is_127(execute: Execute) -> None:
    result = execute('exec', '--', 'no-such-command')
    assert (result.returncode, result.stderr) == (
        127,
        'ims-emulator: no-such-command: not found\n',
    )


def test_exec_without_a_command_is_refused(execute: Execute) -> None:
    result = execute('exec', '--')
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)


def test_exec_passes_standard_input_on(execute: Execute) -> None:
    assert execute('exec', '--', 'cat', input='text').stdout == 'text'


def test_exec_points_clients_to_the_emulator_alone(execute: Execute) -> None:
    script = (
        'import json, os; print(json.dumps('
        '[name for name in os.environ if name.startswith("OS_")]))'
    )
    result = execute('exec', '--', sys.executable, '-c', script)
    assert set(json.loads(result.stdout)) == {
        'OS_CLIENT_CONFIG_FILE',
        'OS_CLOUD',
    }


def test_only_the_user_can_read_the_passwords(execute: Execute) -> None:
    result = execute(
        'exec', '--', 'sh', '-c', 'stat -c %a "$OS_CLIENT_CONFIG_FILE"'
    )
    assert result.stdout == '600\n'


@pytest.mark.parametrize(
    ('options', 'expected'), [((), False), (('--access-keys',), True)]
)
def test_permanent_access_keys_are_told_on_request_only(
    execute: Execute, options: tuple[str, ...], expected: bool
) -> None:
    script = 'cat "$OS_CLIENT_CONFIG_FILE"'
    result = execute('exec', *options, '--', 'sh', '-c', script)
    assert (' sk: ' in result.stdout) is expected


def test_exec_leaves_no_temporary_files(
    execute: Execute, tmp_path: Path
) -> None:
    execute('exec', '--', 'true')
    assert list((tmp_path / 'tmp').iterdir()) == []


def test_more_users_and_another_region_can_be_had(execute: Execute) -> None:
    result = execute(
        'exec',
        '--user',
        'carol:se:cret:gamma',
        '--region',
        'mars',
        '--',
        str(Path(sys.executable).with_name('openstack')),
        '--os-cloud',
        'carol',
        'catalog',
        'list',
    )
    assert 'mars' in result.stdout


def test_ctrl_c_is_the_commands_affair(
    environment: dict[str, str],
) -> None:
    script = 'trap "exit 7" INT; echo ready; while :; do sleep 0.1; done'
    process = ready(script, environment)
    # What a terminal does: the signal goes to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    assert end(process) == 7


def test_exec_hands_a_termination_on(environment: dict[str, str]) -> None:
    script = 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done'
    process = ready(script, environment)
    process.terminate()
    assert end(process) == 9


def ready(script: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Return the process of a script's cloud, once the script says a line."""
    process = subprocess.Popen(
        [COMMAND, 'exec', '--', 'sh', '-c', script],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> int:
    """Return a process's code; one that does not end takes its group along."""
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
