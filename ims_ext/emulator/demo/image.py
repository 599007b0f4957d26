# SPDX-License-Identifier: Apache-2.0
"""The command of the demonstration: a disk image becomes an image."""

from pathlib import Path

from ims_ext.emulator.seed import FIRST_BUCKET


def command(path: Path) -> list[str]:
    """Return the arguments of ``openstack`` that make a file an image.

    :param path: The disk image.
    """
    return [
        *('ims', 'image', 'create', '--file', str(path)),
        *('--bucket', FIRST_BUCKET, '--tag', 'env=demo'),
        *('--os-version', 'Ubuntu 18.04 server 64bit', '--wait', 'golden'),
    ]
