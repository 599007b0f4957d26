# SPDX-License-Identifier: Apache-2.0
"""Runs Python without what only POSIX has: on Windows, none of it is there.

``python lesser_system.py CODE [ARGUMENT…]``
"""

import importlib
import os
import signal
import sys

#: The standard library and dependencies find out themselves what there is.
LOADED = (
    *('concurrent.futures.thread', 'logging', 'random', 'tempfile'),
    *('boto3', 'jsonschema', 'openstack.connection', 'openstackclient.shell'),
    *('platformdirs', 'redis', 'requests', 'subprocess', 'yaml'),
)
MODULES = ('fcntl', 'grp', 'pwd', 'resource', 'termios')
NAMES = {
    os: (
        *('O_CLOEXEC', 'O_DIRECTORY', 'O_NOFOLLOW', 'O_NONBLOCK'),
        *('fchmod', 'geteuid', 'getuid', 'pread', 'pwrite'),
        *('register_at_fork', 'sched_getaffinity'),
    ),
    signal: ('SIGHUP', 'SIGKILL', 'SIGPIPE', 'SIGXFSZ'),
}


def main(code: str) -> None:
    """Take the names away, and run the code."""
    # By this the standard library decides how it removes folders.
    os.supports_dir_fd.clear()
    for name in LOADED:
        importlib.import_module(name)
    sys.modules.update(dict.fromkeys(MODULES))
    for module, names in NAMES.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    exec(code, {'__name__': '__main__'})


if __name__ == '__main__':
    main(sys.argv.pop(1))
