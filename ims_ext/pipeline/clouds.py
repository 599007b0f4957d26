# SPDX-License-Identifier: Apache-2.0
"""Connections to the clouds that a manifest names."""

from collections.abc import Callable, Iterator
import re
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

import ims_ext
from ims_ext import sdk
from ims_ext.exceptions import secret_text
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.pace import Paces

if TYPE_CHECKING:
    from openstack.connection import Connection

    from ims_ext.objectstore import ObjectStore

#: Makes a connection: the cloud's name in clouds.yaml, and what
#: :func:`openstack.connect` takes beside it.
Connect: TypeAlias = 'Callable[..., Connection]'

_ID = re.compile('[0-9a-f]{32}', re.ASCII)


def is_project_id(project: str) -> bool:
    """Whether a project is given by its ID.

    :param project: A name or an ID.
    """
    return bool(_ID.fullmatch(project))


class Clouds:
    """A connection a target, and one a project that accepts images.

    Each is made when it is needed first, and once.

    :param manifest: What names them.
    :param connect: Makes connections.
    :param paces: Have the requests to a target wait.
    """

    def __init__(
        self,
        manifest: Manifest,
        connect: Connect = ims_ext.connect,
        paces: Paces | None = None,
    ) -> None:
        self._manifest = manifest
        self._connect = connect
        self._paces = paces or Paces()
        self._guard = threading.Lock()
        self._slots: dict[tuple[str, ...], _Slot] = {}
        self._stores: dict[str, ObjectStore] = {}

    def target(self, name: str) -> 'Connection':
        """Return the connection to a target's project.

        :param name: The target's name in the manifest.
        :raises: What openstacksdk raises for a configuration that is
            missing or wrong.
        """
        target = self._manifest.targets[name]
        options: dict[str, Any] = {}
        if target.region:
            options['region_name'] = target.region
        if target.project:
            options['auth'] = _in_project(target.project)

        def connect() -> 'Connection':
            connection = self._connect(target.cloud, **options)
            sdk.pace(
                getattr(connection, 'ims'),  # noqa: B009
                self._paces(target),
            )
            return connection

        return self._get(('target', name), connect)

    def store(self, name: str) -> 'ObjectStore':
        """Return the object store of a target's project.

        :param name: The target's name in the manifest.
        """
        from ims_ext.objectstore import ObjectStore

        connection = self.target(name)
        with self._guard:
            # It takes a while to make what sends its requests.
            if name not in self._stores:
                ims: Any = getattr(connection, 'ims')  # noqa: B009
                self._stores[name] = ObjectStore(
                    connection, ims.retry_policy.configured(ims)
                )
            return self._stores[name]

    def acceptor(self, project: str, target: str) -> 'Connection':
        """Return the connection of who accepts images for a project.

        :param project: The project, as the manifest names it.
        :param target: The target whose images are accepted.
        """
        acceptor = self._manifest.accept[project]
        region = acceptor.region or self._manifest.targets[target].region
        options = {'region_name': region} if region else {}
        return self._get(
            ('accept', project, region or ''),
            lambda: self._connect(acceptor.cloud, **options),
        )

    def cloud(self, name: str) -> 'Connection':
        """Return the connection to an entry of clouds.yaml.

        :param name: The entry's name.
        """
        return self._get(('cloud', name), lambda: self._connect(name))

    def secrets(self) -> frozenset[str]:
        """Return the secrets of the entries that are connected to so far."""
        with self._guard:
            slots = list(self._slots.values())
        return frozenset(secret for slot in slots for secret in slot.secrets())

    def close(self) -> None:
        """Close all connections."""
        with self._guard:
            slots, self._slots = list(self._slots.values()), {}
            self._stores.clear()
        for slot in slots:
            slot.close()

    def _get(
        self, key: tuple[str, ...], connect: 'Callable[[], Connection]'
    ) -> 'Connection':
        with self._guard:
            slot = self._slots.setdefault(key, _Slot())
        return slot.get(connect)


class _Slot:
    """A connection that is made once, whoever asks first."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._connection: Connection | None = None

    def get(self, connect: 'Callable[[], Connection]') -> 'Connection':
        with self._guard:
            if self._connection is None:
                self._connection = connect()
            return self._connection

    def secrets(self) -> Iterator[str]:
        if self._connection is not None:
            yield from secret_text.secrets_in(self._connection.config.config)

    def close(self) -> None:
        with self._guard:
            if self._connection is not None:
                self._connection.close()


def _in_project(project: str) -> dict[str, str]:
    """Return what leads to another project than that of the entry."""
    # Empty texts take an entry's own values away; openstacksdk would make
    # the text "None" of nothing.
    if is_project_id(project):
        return {'project_id': project, 'project_name': ''}
    return {'project_id': '', 'project_name': project}
