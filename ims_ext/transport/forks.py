# SPDX-License-Identifier: Apache-2.0
"""Sockets of a forked process's own.

A connection that two processes share gives one of them the other's answer.
So a child begins with no connections: those that it inherits stay open for
the parent, and are neither used nor closed.
"""

import os
from typing import Any
import weakref

import requests
from requests import adapters

#: Sessions that have been used.
_sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()

#: What has been inherited: closing it could wait for a lock that a thread of
#: the parent held, and has in the child for ever.
_inherited: list[Any] = []


def protect(session: requests.Session) -> None:
    """Have a session open connections of its own in forked processes.

    :param session: The session.
    """
    _sessions.add(session)


def _begin() -> None:
    for session in list(_sessions):
        for adapter in session.adapters.values():
            if isinstance(adapter, adapters.HTTPAdapter):
                _inherited.append(dict(vars(adapter)))
                # As for one that is pickled, which takes no connections along.
                adapter.__setstate__(adapter.__getstate__())


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_begin)
