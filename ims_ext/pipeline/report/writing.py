# SPDX-License-Identifier: Apache-2.0
"""Files that are there as a whole, or as they were before."""

from collections.abc import Iterable
import os
from pathlib import Path
import secrets


def write(path: Path, pieces: Iterable[str], mode: int) -> None:
    """Write a file; whoever reads it meanwhile gets the one before.

    :param path: The file; one that is there is replaced.
    :param pieces: Its text.
    :param mode: Its permissions.
    :raises: :class:`OSError`; then the file is as it was.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        # A pipe or a terminal is written to, and never replaced.
        with path.open('w', encoding='utf-8', newline='\n') as out:
            out.writelines(pieces)
        return
    temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}')
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
    )
    try:
        with os.fdopen(descriptor, 'w', encoding='utf-8', newline='\n') as out:
            out.writelines(pieces)
            out.flush()
            os.fsync(out.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
