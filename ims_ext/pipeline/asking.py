# SPDX-License-Identifier: Apache-2.0
"""What is asked of the services beside the images', again where it passes.

Of ``conn.ims`` all is asked again that may be. The others' proxies are
openstacksdk's own, which ask once.
"""

from collections.abc import Callable
import dataclasses
from typing import Any, TypeVar

from ims_ext.extension import ambiguity
from ims_ext.transport import retry

T = TypeVar('T')

#: Seconds from the first failure after which nothing is asked any more: a
#: plan does without, and says so.
_PATIENCE = 20.0


def project_id(conn: Any) -> str:
    """Return the ID of the project that a connection is in.

    :param conn: The connection.
    :raises: What the identity service refuses it with.
    """
    return str(_ask(conn, conn.session.get_project_id, 'identity') or '')


def project_name(conn: Any) -> str:
    """Return the name of the project that a connection is in.

    :param conn: The connection.
    :raises: What the identity service refuses it with.
    """
    access = _ask(
        conn, lambda: conn.session.auth.get_access(conn.session), 'identity'
    )
    return str(access.project_name or access.project_id)


def find_project(conn: Any, name: str) -> str | None:
    """Return the ID of a project, ``None`` where none is seen.

    :param conn: The connection that looks for it.
    :param name: Its name.
    :raises: What the identity service refuses it with.
    """
    found = _ask(
        conn,
        lambda: ambiguity.told(
            'project',
            name,
            lambda: conn.identity.find_project(name, ignore_missing=True),
            lambda: conn.identity.projects(name=name),
        ),
        'identity',
    )
    return str(found.id) if found else None


def servers(conn: Any, **query: Any) -> list[Any]:
    """Return the servers of the project that a connection is in.

    :param conn: The connection.
    :param query: What they are looked for by.
    :raises: What the compute service refuses it with.
    """
    found: list[Any] = _ask(
        conn,
        lambda: list(conn.compute.servers(details=True, **query)),
        'compute',
    )
    return found


def _ask(conn: Any, question: Callable[[], T], service: str) -> T:
    policy: retry.Policy = conn.ims.retry_policy.configured(conn.ims)
    patience = min(policy.patience, _PATIENCE)
    return retry.ask(
        question, dataclasses.replace(policy, patience=patience), service
    )
