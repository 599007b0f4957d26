# SPDX-License-Identifier: Apache-2.0
"""The image service's endpoint in the catalog, and the lack of one."""

from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext.transport import guarded_session
from ims_ext.transport import redirect

#: Service types that the service may be found under, the best first.
SERVICE_TYPES = ('ims', 'image')


def endpoint(proxy: Any, config: Any) -> str:
    """Return the image service's URL from the catalog.

    :param proxy: Whose session and authentication are used.
    :param config: The cloud's configuration, which chooses interface and
        region.
    :raises: :class:`~ims_ext.exceptions.EndpointNotFoundError` with the
        endpoints that there are, where none is the one wanted.
    """
    session = guarded_session.guarded(proxy.session)
    for service_type in SERVICE_TYPES:
        try:
            found: str | None = session.get_endpoint(
                proxy.auth,
                service_type=service_type,
                interface=config.get_interface(service_type),
                region_name=config.get_region_name(service_type),
                skip_discovery=True,
            )
        except ksa_exceptions.EndpointNotFound:
            found = None
        if found:
            redirect.check_endpoint(found)
            return found
    raise exceptions.EndpointNotFoundError(_missing(proxy, config))


def _missing(proxy: Any, config: Any) -> str:
    """Say which endpoint the catalog lacks, and which it has."""
    interface = config.get_interface('ims') or 'public'
    if not isinstance(interface, str):
        interface = ' or '.join(interface)
    region = config.get_region_name('ims')
    text = f"The catalog names no image service with interface {interface}"
    if region:
        text += f" in region {region}"
    access = _access(proxy)
    places = sorted(_places(access))
    if places:
        text += f"; it has it with {', '.join(places)}"
    elif access is not None and not access.project_scoped:
        scope = "a domain" if access.domain_scoped else "no project"
        return (
            f"{text}: the token is for {scope}, and the image service is one "
            f"of projects: set project_name (or project_id) in the cloud's "
            f"entry"
        )
    return (
        f"{text}: check the cloud's region_name and interface, or set "
        f"ims_endpoint_override to the service's URL"
    )


def _access(proxy: Any) -> Any:
    """Return what the token says, ``None`` where there is none to be had."""
    auth = proxy.auth or proxy.session.auth
    try:
        return auth.get_access(guarded_session.guarded(proxy.session))
    except (
        AttributeError,
        ksa_exceptions.ClientException,
        sdk_exceptions.SDKException,
    ):
        # Not all ways of authentication have one.
        return None


def _places(access: Any) -> set[str]:
    """Return where the catalog has the service, in words."""
    if access is None or not access.has_service_catalog():
        return set()
    return {
        f"{each.get('interface')} in {each.get('region_id') or 'no region'}"
        for service in access.service_catalog.normalize_catalog()
        if service.get('type') in SERVICE_TYPES
        for each in service.get('endpoints') or ()
    }
