# SPDX-License-Identifier: Apache-2.0
"""The folder of what pipelines keep on this machine.

It is a cache and a journal: all of it may be deleted at any time.
"""

import hashlib
import os
from pathlib import Path
import secrets

from ims_ext import exceptions
from ims_ext import extras


def folder() -> Path:
    """Return the folder, which nobody else can look into.

    ``$XDG_STATE_HOME/ims-ext/pipelines`` on Linux.

    :raises: :class:`OSError` where it cannot be made.
    """
    try:
        import platformdirs
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        raise exceptions.MissingExtraError(
            'pipeline', "Running a pipeline"
        ) from error
    path = Path(platformdirs.user_state_dir('ims-ext')) / 'pipelines'
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def file_for(manifest: Path, suffix: str) -> Path:
    """Return the file of a manifest: one a manifest and machine.

    :param manifest: The manifest's path.
    :param suffix: What the file is for: ``.lock``, ``.sqlite``.
    """
    whole = os.path.realpath(manifest)
    digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
    return folder() / f'{manifest.stem}-{digest}{suffix}'


def machine() -> str:
    """Return what this machine's runs are told from those of others by."""
    path = folder() / 'machine'
    try:
        return _read(path)
    except (OSError, ValueError):
        pass
    new = secrets.token_hex(4)
    temporary = path.with_name(f'machine.{os.getpid()}')
    temporary.write_text(new, 'ascii')
    try:
        # The first of two wins.
        os.link(temporary, path)
    except FileExistsError:
        return _read(path)
    except OSError:
        temporary.replace(path)
        return new
    finally:
        temporary.unlink(missing_ok=True)
    return new


def _read(path: Path) -> str:
    text = path.read_text('ascii')
    if len(text) != 8 or not text.isalnum():
        raise ValueError(f"{path} is damaged")
    return text
