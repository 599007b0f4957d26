# SPDX-License-Identifier: Apache-2.0
"""Tells an extra that is not installed from an import that fails."""

import importlib.util
from types import TracebackType


def is_missing(error: ImportError) -> bool:
    """Whether an import fails since a package is not installed.

    It is a package that this one imports itself. Where an installed package
    fails to import something, or a part of this one does, pip cannot mend it
    by an extra, and the error is better shown as it is.

    :param error: What the import raised.
    """
    return (
        isinstance(error, ModuleNotFoundError)
        and error.name is not None
        and not importlib.util.find_spec(error.name.partition('.')[0])
        and _importer(error.__traceback__).partition('.')[0] == 'ims_ext'
    )


def _importer(traceback: TracebackType | None) -> str:
    """Return the name of the module whose import failed to find another."""
    found = ''
    while traceback is not None:
        name = str(traceback.tb_frame.f_globals.get('__name__'))
        if name.partition('.')[0] not in ('importlib', '_frozen_importlib'):
            found = name
        traceback = traceback.tb_next
    return found
