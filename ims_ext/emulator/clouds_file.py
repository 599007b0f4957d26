# SPDX-License-Identifier: Apache-2.0
"""A clouds.yaml that is there for as long as an emulator runs."""

from collections.abc import Iterator, Mapping
import contextlib
import os
from pathlib import Path
import stat
import tempfile
from typing import Any

#: The first line of a file that an emulator has written.
_MARK = '# Written by ims-emulator, which replaces and removes it.\n'


class CloudsFileError(Exception):
    """A file that cannot be written, with the reason."""


def check(path: Path) -> None:
    """Remove the file that an emulator has left there, and nothing else.

    Whoever waits for the file is not told by an old one that the emulator is
    ready.

    :raises: :class:`CloudsFileError` where something else is there.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or not _is_ours(path):
            raise CloudsFileError(
                f"{path} is there, and no emulator has written it"
            )
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CloudsFileError(f"{path}: {error.strerror}") from error


@contextlib.contextmanager
def written(path: Path, content: Mapping[str, Any]) -> Iterator[None]:
    """Have a file for a while, which appears as a whole.

    :param path: The file; only this user can read it.
    :param content: The content of a clouds.yaml.
    :raises: :class:`CloudsFileError`
    """
    import yaml

    text = _MARK + yaml.safe_dump(dict(content))
    check(path)
    try:
        # Made with mode 0600.
        number, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with open(number, 'w', encoding='utf-8') as file:
            file.write(text)
        os.replace(name, path)
    except OSError as error:
        raise CloudsFileError(f"{path}: {error.strerror}") from error
    try:
        yield
    finally:
        with contextlib.suppress(CloudsFileError):
            check(path)


def _is_ours(path: Path) -> bool:
    with open(path, 'rb') as file:
        return file.read(len(_MARK)) == _MARK.encode()
