# SPDX-License-Identifier: Apache-2.0
"""Finds the image service and puts its proxy together.

The proxy class is made of all capabilities registered under the entry-point
group ``ims_ext.extension``; another package adds one by registering a class.
"""

from collections.abc import Mapping
import functools
from importlib import metadata
import logging
from typing import Any
import warnings
import weakref

from openstack import connection
from openstack import service_description
import stevedore

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext import sdk
from ims_ext import types

EXTENSION_GROUP = 'ims_ext.extension'

_logger = logging.getLogger(__name__)


class ImsService(service_description.ServiceDescription[proxy.Proxy]):
    """Describes ``conn.ims`` to openstacksdk.

    Unlike openstacksdk's own services, this one discovers nothing: the
    service has one version of each operation, and its path says which. So
    the first request is the first call's own.
    """

    def __get__(self, instance: Any, owner: Any) -> Any:
        """Return the connection's proxy, made when first asked for."""
        if instance is None:
            return self
        found = sdk.proxies(instance).get(self.service_type)
        if found is None:
            found = self._make_proxy(instance)
            sdk.connect(found, instance)
            sdk.proxies(instance)[self.service_type] = found
        return found

    def _make_proxy(self, instance: connection.Connection) -> proxy.Proxy:
        # Not asked: config.has_service(). The Connection class has "ims" as
        # soon as one connection has, and this one's cloud may know nothing
        # of it; its catalog decides, at the first call.
        return instance.config.get_session_client(
            self.service_type, constructor=proxy_class()
        )


#: Connections that the service is switched on for.
_loaded: weakref.WeakSet[connection.Connection] = weakref.WeakSet()

_service = ImsService('ims', supported_versions={'2': proxy.Proxy})


def add_to(conn: connection.Connection) -> None:
    """Switch the image service on for a connection.

    :param conn: The connection. A second call does nothing more.
    """
    if conn in _loaded:
        return
    _loaded.add(conn)
    conn.add_service(_service)
    _run_profile_hook(conn)


def _run_profile_hook(conn: connection.Connection) -> None:
    """Run the vendor hook of the cloud's profile, which ours replaced."""
    settings = conn.config.config
    hook = _profile(conn, settings.get('profile')).get('vendor_hook')
    # Where the entry's own hook is the profile's, openstacksdk runs it.
    if not hook or hook == settings.get('vendor_hook'):
        return
    if hook.partition(':')[0] == 'ims_ext':
        return
    entry_point = metadata.EntryPoint('vendor_hook', hook, 'vendor_hook')
    try:
        entry_point.load()(conn)
    except (ImportError, AttributeError, TypeError) as error:
        _logger.warning(
            "The vendor hook %s of the profile %s cannot be run: %s",
            hook,
            settings['profile'],
            error,
        )


def _profile(conn: connection.Connection, name: str | None) -> dict[str, Any]:
    """Return what the cloud's profile says, as the configuration read it."""
    if not name:
        return {}
    with warnings.catch_warnings():
        # It has warned of this profile when it read the configuration.
        warnings.simplefilter('ignore')
        return sdk.vendor_profile(conn, name)


@functools.cache
def proxy_class() -> type[proxy.Proxy]:
    """Return the class of ``conn.ims``, made of the registered capabilities.

    :returns: A subclass of :class:`ims_ext.proxy.Proxy` and of every class
        registered under ``ims_ext.extension``.
    :raises: :class:`~ims_ext.exceptions.ExtensionConflictError` where two
        capabilities define the same public method or private name.
    """
    manager: stevedore.ExtensionManager[Any] = stevedore.ExtensionManager(
        EXTENSION_GROUP, on_load_failure_callback=_log_load_failure
    )
    found = {
        extension.name: extension.plugin
        for extension in sorted(manager, key=lambda each: each.name)
    }
    return assemble(found)


def assemble(capabilities: Mapping[str, type]) -> type[proxy.Proxy]:
    """Return a proxy class with the given capabilities mixed in.

    :param capabilities: Classes with the capabilities' methods, by the name
        that each is registered under.
    :raises: :class:`~ims_ext.exceptions.ExtensionConflictError` where two of
        them define the same public method, or the same private name without
        one deriving from the other.
    """
    owners: dict[str, str] = {}
    for name, capability in capabilities.items():
        for method in vars(capability):
            if method.startswith('_'):
                continue
            if method in owners:
                raise exceptions.ExtensionConflictError(
                    method, owners[method], name
                )
            owners[method] = name
    _check_private_names(capabilities)
    built_in = _written_out(capabilities)
    # A capability that builds on another derives from it, and brings it.
    bases = [
        capability
        for capability in capabilities.values()
        if not issubclass(built_in, capability)
        and not any(
            issubclass(other, capability)
            for other in capabilities.values()
            if other is not capability
        )
    ]
    if not bases:
        return built_in
    return type(
        built_in.__name__, (*bases, built_in), {'__doc__': built_in.__doc__}
    )


def _written_out(capabilities: Mapping[str, type]) -> type[proxy.Proxy]:
    """Return the class that type checkers know, where all of it is wanted."""
    wanted = set(capabilities.values())
    if wanted.issuperset(types.ImageService.__bases__):
        return types.ImageService
    return proxy.Proxy


def _check_private_names(capabilities: Mapping[str, type]) -> None:
    """Refuse capabilities of which one would call another's helper."""
    shared = set(proxy.Proxy.__mro__)
    owners: dict[str, tuple[type, str]] = {}
    for name, capability in capabilities.items():
        for kind in capability.__mro__:
            if kind in shared:
                continue
            for attribute in vars(kind):
                if not attribute.startswith('_') or _is_pythons(attribute):
                    continue
                owner, other = owners.setdefault(attribute, (kind, name))
                if not issubclass(owner, kind) and not issubclass(kind, owner):
                    raise exceptions.ExtensionConflictError(
                        attribute, other, name
                    )


def _is_pythons(attribute: str) -> bool:
    return attribute.startswith('__') or attribute == '_abc_impl'


def _log_load_failure(
    manager: Any, entry_point: metadata.EntryPoint, error: BaseException
) -> None:
    _logger.warning(
        "The image service extension %s (%s) cannot be loaded and is left "
        "out: %s",
        entry_point.name,
        entry_point.value,
        error,
    )
