# SPDX-License-Identifier: Apache-2.0
"""What all capabilities share: the service's root and its paths."""

from collections.abc import Callable, Generator
import functools
import inspect
import re
from typing import Any, cast

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import resource as sdk_resource
from openstack.image.v2 import _proxy as image_proxy
import requests

from ims_ext import exceptions
from ims_ext import lazy
from ims_ext.transport import exchange
from ims_ext.transport import redirect
from ims_ext.transport import request_check
from ims_ext.transport import response_body
from ims_ext.transport import retry

#: Service types of the catalog that the service may be found under.
_SERVICE_TYPES = ('ims', 'image')

#: A path that names its version: "/v1/cloudimages/tags", "v2.1/…".
_VERSIONED_PATH = re.compile(r'/?v\d+(\.\d+)?(/|$)')

#: The version, and what comes after it, at the end of an endpoint.
_VERSION_SUFFIX = re.compile(r'/v\d+(\.\d+)?(/.*)?$')


#: What openstacksdk's request takes by position as well.
_BY_POSITION = (
    'error_message',
    'raise_exc',
    'connect_retries',
    'global_request_id',
)


def _told(
    items: Generator[Any, None, None], what: str
) -> Generator[Any, None, None]:
    with response_body.guarded(what):
        yield from items


class Proxy(image_proxy.Proxy):
    """The image service: openstacksdk's image proxy and the extensions.

    Every method of ``conn.image`` is here unchanged. The extensions' methods
    come from the capabilities in :mod:`ims_ext.extension`.
    """

    skip_discovery = True

    #: How long and how often a request that may be repeated is repeated; it
    #: may be set on a connection's ``ims``.
    retry_policy: retry.Policy = retry.Policy()

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

    def get_project_id(self, auth: Any = None) -> str | None:
        """Return the ID of the connection's project.

        The identity service, where it has to be asked, is asked again after
        faults that pass, as with any request.

        :param auth: Another authentication plug-in than the connection's.
        """
        policy = retry.chosen() or self.retry_policy.configured(self)
        with_auth = auth or self.auth
        return retry.through(
            lambda: self.session.get_project_id(with_auth), policy
        )

    def request(
        self,
        url: str,
        method: str,
        *args: Any,
        repeatable: bool | None = None,
        **kwargs: Any,
    ) -> requests.Response:
        """Send a request to the service.

        A request that has the same effect when it is sent again is sent
        again after faults that pass, by :attr:`retry_policy`. Any other is
        sent once. Redirects are followed on the same host only.

        :param url: A documented path. One that begins with a version
            (``/v1/cloudimages/quota``) is below the service's root, any
            other (``/images``) below Glance's v2 endpoint. A whole URL must
            be on the service's host.
        :param method: The HTTP method.
        :param args: As for :meth:`openstack.proxy.Proxy.request`.
        :param repeatable: Whether sending it again has the same effect
            again. By default, that is said of all methods but ``POST``,
            unless the body is a stream.
        :param kwargs: As for :meth:`openstack.proxy.Proxy.request`.
            ``connect_retries`` and ``status_code_retries`` bound the
            policy's.
        :returns: The answer, whatever its status.
        :raises: :class:`~ims_ext.exceptions.NoAnswerError` where there was
            none, which is keystoneauth's ``ConnectFailure`` too.
        :raises: :class:`~ims_ext.exceptions.InvalidAnswerError` where a
            repeatable request's good answer cannot be read.
        :raises: :class:`~ims_ext.exceptions.RedirectRefusedError` where the
            token would have gone to another host.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a request
            that could not be sent as it is meant.
        """
        kwargs.update(zip(_BY_POSITION, args, strict=False))
        request_check.check_request(method, url, kwargs)
        raise_exc = kwargs.pop('raise_exc', False)
        policy = retry.chosen() or self.retry_policy.configured(
            self,
            kwargs.pop('connect_retries', None),
            kwargs.pop('status_code_retries', None),
        )
        sent = exchange.Exchange(
            self, super().request, url, method, repeatable, kwargs
        )
        response = sent.run(policy, lambda: self._set_endpoint(url, kwargs))
        if raise_exc and response.status_code >= 400:
            raise ksa_exceptions.from_response(response, method, url)
        return response

    def _set_endpoint(self, url: str, kwargs: dict[str, Any]) -> None:
        """Say what a path is below, and refuse URLs of other hosts."""
        if redirect.is_whole(url):
            if kwargs.get('authenticated') is not False:
                redirect.check_url(url, self.root_url())
        elif 'endpoint_override' not in kwargs:
            is_versioned = _VERSIONED_PATH.match(url)
            kwargs['endpoint_override'] = (
                self.root_url() if is_versioned else self.get_endpoint()
            )

    # What openstacksdk raises for the inherited operations is given the
    # service's code and advice, as for the extensions'; what it stumbles
    # over in an answer is told as such.

    def _find(
        self,
        resource_type: Any,
        name_or_id: Any,
        ignore_missing: bool = True,
        **attrs: Any,
    ) -> Any:
        with response_body.guarded(_doing("Finding", resource_type)):
            if isinstance(name_or_id, str) and request_check.leads_elsewhere(
                name_or_id
            ):
                # openstacksdk would take it for an ID first.
                found = self._find_by_name(resource_type, name_or_id, attrs)
            else:
                found = super()._find(
                    resource_type,
                    name_or_id,
                    ignore_missing=ignore_missing,
                    **attrs,
                )
        if found is None and not ignore_missing:
            raise exceptions.NotFoundError(
                f"No {resource_type.__name__} found for {name_or_id}"
            )
        return found

    def _find_by_name(
        self, resource_type: Any, name: str, attrs: dict[str, Any]
    ) -> Any:
        filters = resource_type._query_mapping._mapping
        if 'name' in filters:
            attrs = {'name': name, **attrs}
        found = resource_type._get_one_match(
            name, self._list(resource_type, **attrs)
        )
        if found is None and 'is_hidden' in filters:
            hidden = self._list(resource_type, is_hidden=True, **attrs)
            found = resource_type._get_one_match(name, hidden)
        return found

    def _get(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        what = _doing("Getting", resource_type)
        with response_body.guarded(what):
            found = super()._get(resource_type, *args, **kwargs)
        if not set(found._body.attributes) - {lazy.id_name(resource_type)}:
            # openstacksdk leaves everything as it is where there is nothing.
            raise exceptions.InvalidAnswerError(
                f"{what}: the cloud's answer tells nothing"
            )
        return found

    def _list(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        what = _doing("Listing", resource_type)
        with response_body.guarded(what):
            found = super()._list(resource_type, *args, **kwargs)
        return _told(found, what) if isinstance(found, Generator) else found

    def _create(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        what = _doing("Creating", resource_type)
        with response_body.guarded(what):
            created = super()._create(resource_type, *args, **kwargs)
            response_body.check_created(what)
        return created

    def _update(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        with response_body.guarded(_doing("Updating", resource_type)):
            return super()._update(resource_type, *args, **kwargs)

    def _delete(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        with response_body.guarded(_doing("Deleting", resource_type)):
            return super()._delete(resource_type, *args, **kwargs)

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
        if isinstance(value, str) and ('/' in value or '?' in value):
            raise exceptions.ValidationError(
                f"{value!r} is no ID: '/' and '?' are in none"
            )
        return super()._get_resource(resource_type, value, **attrs)


def _doing(what: str, resource_type: Any) -> str:
    return f"{what} {getattr(resource_type, '__name__', resource_type)}"


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return an inherited method that says what was wrong with an answer."""

    @functools.wraps(method)
    def guarded(self: Proxy, *args: Any, **kwargs: Any) -> Any:
        with response_body.guarded(method.__name__):
            found = method(self, *args, **kwargs)
        if isinstance(found, Generator):
            return _told(found, method.__name__)
        return found

    return guarded


for _name, _method in vars(image_proxy.Proxy).items():
    if (
        inspect.isfunction(_method)
        and not _name.startswith('_')
        and _name not in vars(Proxy)
    ):
        setattr(Proxy, _name, _guarded(_method))
