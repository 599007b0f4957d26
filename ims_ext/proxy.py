# SPDX-License-Identifier: Apache-2.0
"""What all capabilities share: the service's root and its paths."""

from collections.abc import Generator, Iterator
import contextlib
import re
from typing import Any, cast

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack import resource as sdk_resource
from openstack.image.v2 import _proxy as image_proxy
import requests

from ims_ext import exceptions

#: Service types of the catalog that the service may be found under.
_SERVICE_TYPES = ('ims', 'image')

#: A path that names its version: "/v1/cloudimages/tags", "v2.1/…".
_VERSIONED_PATH = re.compile(r'/?v\d+(\.\d+)?(/|$)')

#: The version, and what comes after it, at the end of an endpoint.
_VERSION_SUFFIX = re.compile(r'/v\d+(\.\d+)?(/.*)?$')


@contextlib.contextmanager
def _telling_errors() -> Iterator[None]:
    try:
        yield
    except sdk_exceptions.HttpException as error:
        exceptions.reraise(error)


def _told(items: Generator[Any, None, None]) -> Generator[Any, None, None]:
    with _telling_errors():
        yield from items


class Proxy(image_proxy.Proxy):
    """The image service: openstacksdk's image proxy and the extensions.

    Every method of ``conn.image`` is here unchanged. The extensions' methods
    come from the capabilities in :mod:`ims_ext.extension`.
    """

    skip_discovery = True

    def root_url(self) -> str:
        """Return the service's root, below which every version lives.

        It comes from the first of these that is there:
        ``ims_endpoint_override`` in the cloud's configuration, the catalog's
        ``ims``, the catalog's ``image``.

        :returns: A URL without version and without trailing slash.
        :raises: :class:`~ims_ext.exceptions.EndpointNotFoundError` where
            none of them is.
        """
        endpoint = self.endpoint_override or self._catalog_endpoint()
        return _VERSION_SUFFIX.sub('', endpoint.rstrip('/'))

    @property
    def _own_connection(self) -> connection.Connection:
        # The service's descriptor gives every proxy its connection.
        return cast(connection.Connection, self._get_connection())

    def _catalog_endpoint(self) -> str:
        config = self._own_connection.config
        for service_type in _SERVICE_TYPES:
            try:
                endpoint = self.session.get_endpoint(
                    self.auth,
                    service_type=service_type,
                    interface=config.get_interface(service_type),
                    region_name=config.get_region_name(service_type),
                    skip_discovery=True,
                )
            except ksa_exceptions.EndpointNotFound:
                endpoint = None
            if endpoint:
                return endpoint
        region = config.get_region_name('ims')
        raise exceptions.EndpointNotFoundError(
            "The catalog names no image service"
            + (f" in region {region}" if region else "")
            + ": check the cloud's region_name, or set ims_endpoint_override "
            "to the service's URL"
        )

    def get_endpoint(self, *args: Any, **kwargs: Any) -> str:
        """Return the URL of Glance's v2 API, as for ``conn.image``."""
        return f'{self.root_url()}/v2'

    def request(
        self, url: str, method: str, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request to the service.

        :param url: A documented path. One that begins with a version
            (``/v1/cloudimages/quota``) is below the service's root, any
            other (``/images``) below Glance's v2 endpoint.
        :param method: The HTTP method.
        :param args: As for :meth:`openstack.proxy.Proxy.request`.
        :param kwargs: Likewise.
        :returns: The answer, whatever its status.
        """
        if '://' not in url:
            kwargs.setdefault(
                'endpoint_override',
                self.root_url()
                if _VERSIONED_PATH.match(url)
                else self.get_endpoint(),
            )
        return super().request(url, method, *args, **kwargs)

    # What openstacksdk raises for the inherited operations is given the
    # service's code and advice, as for the extensions'.

    def _find(self, *args: Any, **kwargs: Any) -> Any:
        with _telling_errors():
            return super()._find(*args, **kwargs)

    def _get(self, *args: Any, **kwargs: Any) -> Any:
        with _telling_errors():
            return super()._get(*args, **kwargs)

    def _list(self, *args: Any, **kwargs: Any) -> Any:
        found = super()._list(*args, **kwargs)
        return _told(found) if isinstance(found, Generator) else found

    def _create(self, *args: Any, **kwargs: Any) -> Any:
        with _telling_errors():
            return super()._create(*args, **kwargs)

    def _update(self, *args: Any, **kwargs: Any) -> Any:
        with _telling_errors():
            return super()._update(*args, **kwargs)

    def _delete(self, *args: Any, **kwargs: Any) -> Any:
        with _telling_errors():
            return super()._delete(*args, **kwargs)

    def _get_resource(
        self, resource_type: Any, value: Any, **attrs: Any
    ) -> Any:
        # An image of the extensions and one of Glance are the same image:
        # each may be given where the other is expected.
        if (
            isinstance(value, sdk_resource.Resource)
            and not isinstance(value, resource_type)
            and value.resources_key == resource_type.resources_key == 'images'
        ):
            value = value.id
        return super()._get_resource(resource_type, value, **attrs)
