# SPDX-License-Identifier: Apache-2.0
"""The ``openstack`` command as a process of its own, without long starts."""

from collections.abc import Callable
import json
import os
from pathlib import Path
import select
import signal
import subprocess
import sys
import tempfile

#: For how long a command may take before its test fails, in seconds.
PATIENCE = 120

Run = Callable[..., subprocess.CompletedProcess[str]]

_OUTPUTS = ('stdout', 'stderr')


def script(name: str) -> str:
    """Return the path of a command that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def environment_for(clouds_file: Path, cloud: str = 'alice') -> dict[str, str]:
    """Return the environment of a process that is to use a cloud."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }
    environment['OS_CLIENT_CONFIG_FILE'] = str(clouds_file)
    environment['OS_CLOUD'] = cloud
    environment['NO_PROXY'] = environment['no_proxy'] = '127.0.0.1'
    return environment


class OpenStackCommand:
    """Runs ``openstack``: each time a process, forked from one that is ready.

    It is started with the first command.
    """

    def __init__(self) -> None:
        self._forking: subprocess.Popen[str] | None = None

    def run(
        self, *arguments: str, environment: dict[str, str], directory: Path
    ) -> subprocess.CompletedProcess[str]:
        """Return the finished process of a command, its output as text.

        Its standard input is empty.

        :param arguments: What follows ``openstack`` on the command line.
        :param environment: All of its environment.
        :param directory: The directory that it runs in.
        :raises: :class:`subprocess.TimeoutExpired` after
            :data:`PATIENCE` seconds.
        """
        with tempfile.TemporaryDirectory() as folder:
            outputs = {name: Path(folder, name) for name in _OUTPUTS}
            for path in outputs.values():
                path.touch()
            status = self._status_of(
                {
                    'arguments': arguments,
                    'environment': environment,
                    'directory': str(directory),
                    **{name: str(path) for name, path in outputs.items()},
                }
            )
            return subprocess.CompletedProcess(
                ['openstack', *arguments],
                status,
                **{
                    name: path.read_text('utf-8')
                    for name, path in outputs.items()
                },
            )

    def stop(self) -> None:
        """End what forks the processes, and a process that does not end."""
        if self._forking is not None:
            os.killpg(self._forking.pid, signal.SIGKILL)
            self._forking.communicate()
            self._forking = None

    def _status_of(self, command: dict[str, object]) -> int:
        forking = self._started()
        assert forking.stdin
        assert forking.stdout
        forking.stdin.write(json.dumps(command) + '\n')
        forking.stdin.flush()
        if not select.select([forking.stdout], [], [], PATIENCE)[0]:
            self.stop()
            raise subprocess.TimeoutExpired('openstack', PATIENCE)
        return int(forking.stdout.readline())

    def _started(self) -> subprocess.Popen[str]:
        if self._forking is None:
            self._forking = subprocess.Popen(
                [
                    sys.executable,
                    str(Path(__file__).with_name('forked_openstack.py')),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        return self._forking
