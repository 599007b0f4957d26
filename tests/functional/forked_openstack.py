# SPDX-License-Identifier: Apache-2.0
"""The ``openstack`` command again and again: a process that forks for each.

Run as a script. Each line of its input is a command, as JSON; each line of
its output is an exit status. All modules are loaded before the first one,
which is most of what a command takes; each command then is a process of its
own, as from a shell.
"""

import contextlib
import gc
import json
import logging
import os
import sys
from typing import Any
import warnings

from openstackclient import shell
import s3_description

from ims_ext.objectstore import sending


def main() -> None:
    """Run commands until there are no more."""
    load()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            command = json.loads(line)
            become(command)
            sys.exit(shell.main(command['arguments']))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def load() -> None:
    """Load what commands need."""
    with (
        open(os.devnull, 'w') as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.suppress(SystemExit),
        warnings.catch_warnings(),
    ):
        shell.main(['ims', 'image', 'list', '--help'])
    # It has put its own handler there, as each command does.
    logging.getLogger().handlers.clear()
    # As commands that use a bucket do.
    s3_description.keep()
    sending.isolated_session().create_client(
        's3', region_name='a', aws_access_key_id='a', aws_secret_access_key='a'
    )
    # What is frozen stays shared between the processes.
    gc.collect()
    gc.freeze()


def become(command: dict[str, Any]) -> None:
    """Make of this process what a shell would have started."""
    os.environ.clear()
    os.environ.update(command['environment'])
    os.chdir(command['directory'])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(command['stdout'], os.O_WRONLY), 1)
    os.dup2(os.open(command['stderr'], os.O_WRONLY), 2)
    sys.argv = ['openstack', *command['arguments']]


if __name__ == '__main__':
    main()
