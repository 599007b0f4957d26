# SPDX-License-Identifier: Apache-2.0
"""Programs that tests run, and what becomes of those that lack one.

They are skipped, with the program's name; in CI (``CI=true``) they fail.
"""

from collections.abc import Iterator
import contextlib
import errno
import os
from pathlib import Path
import shutil

import pytest

#: An image that Debian's grub-rescue-pc brings.
ISO = Path('/usr/lib/grub-rescue/grub-rescue-cdrom.iso')

#: The programs, and files that serve as such, with Debian's package.
PACKAGES = {
    'gpg': 'gnupg',
    'gpgv': 'gpgv',
    str(ISO): 'grub-rescue-pc',
    'chromium': 'chromium',
    'lz4': 'lz4',
    'mkfs.ext4': 'e2fsprogs',
    'mkudffs': 'udftools',
    'qemu-img': 'qemu-utils',
    'redis-server': 'redis-server',
    'zstd': 'zstd',
}


#: The environment of programs that are for the administrator, which a user's
#: path leaves out.
ENVIRONMENT = {
    **os.environ,
    'PATH': f'{os.environ.get("PATH", os.defpath)}:/usr/sbin:/sbin',
}


def demand(program: str) -> None:
    """Stop a test that lacks a program, before it tries to do without.

    One that runs the program at once need not call it.

    :param program: A key of :data:`PACKAGES`.
    """
    if not (shutil.which(program) or Path(program).is_file()):
        raise FileNotFoundError(errno.ENOENT, "is missing", program)


@contextlib.contextmanager
def outcome_of_a_missing_one() -> Iterator[None]:
    """Skip what is stopped by a missing program, or fail it in CI."""
    try:
        yield
    except FileNotFoundError as error:
        package = PACKAGES.get(str(error.filename))
        if package is None:
            raise
        message = f"{error.filename} is missing: apt-get install {package}"
        if os.environ.get('CI'):
            pytest.fail(message)
        pytest.skip(message)
