# SPDX-License-Identifier: Apache-2.0
"""Commands whose output goes to a terminal."""

import os
import pty
import subprocess
import termios
from typing import Literal


def on_a_terminal(
    command: list[str],
    environment: dict[str, str],
    shown: Literal['stdout', 'stderr'] = 'stderr',
    columns: int = 100,
) -> tuple[str, str]:
    """Run a command with a terminal for one of its outputs.

    :param command: The command with its arguments.
    :param environment: All of its environment.
    :param shown: What the terminal shows.
    :param columns: The terminal's width.
    :returns: The other output, and what the terminal has been sent.
    """
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, columns))
    outputs = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        text=True,
        **(outputs | {shown: slave}),  # type: ignore[call-overload]
    )
    os.close(slave)
    sent = bytearray()
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        sent += chunk
    os.close(master)
    output, errors = process.communicate()
    return output or errors or '', sent.decode()
