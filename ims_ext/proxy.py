# SPDX-License-Identifier: Apache-2.0
"""The base of ``conn.ims``: the service's root, its paths and requests."""

import functools
import re
from typing import Any, cast

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import resource as sdk_resource
import requests

from ims_ext import catalog
from ims_ext import exceptions
from ims_ext import inherited
from ims_ext import resource
from ims_ext import sdk
from ims_ext.transport import exchange
from ims_ext.transport import guarded_session
from ims_ext.transport import redirect
from ims_ext.transport import request_check
from ims_ext.transport import retry

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


class Proxy(inherited.InheritedOperations):
    """The image service: openstacksdk's image proxy and the extensions.

    Every method of ``conn.image`` is here unchanged. The extensions' methods
    come from the capabilities in :mod:`ims_ext.extension`.
    """

    skip_discovery = True

    #: How long and how often a request that may be repeated is repeated; it
    #: may be set on a connection's ``ims``.
    retry_policy: retry.Policy = retry.Policy()

    #: The catalog's URL, and the login that has brought it.
    _known_endpoint: tuple[Any, str] | None = None

    def root_url(self) -> str:
        """Return the service's root, below which every version lives.

        It comes from the first of these that is there:
        ``ims_endpoint_override`` and ``image_endpoint_override`` in the
        cloud's configuration, the catalog's ``ims``, the catalog's ``image``.

        :returns: A URL without version and without trailing slash.
        :raises: :class:`~ims_ext.exceptions.EndpointNotFoundError` where
            none of them is.
        """
        config = self._own_connection.config
        endpoint = (
            self.endpoint_override
            or self._configured_endpoint
            or self._catalog_endpoint(config)
        )
        return _VERSION_SUFFIX.sub('', endpoint.rstrip('/'))

    @functools.cached_property
    def _configured_endpoint(self) -> str | None:
        """The cloud's configured one: read once, as openstacksdk's are."""
        found: str | None = self._own_connection.config.get_endpoint('image')
        return found

    def _catalog_endpoint(self, config: Any) -> str:
        """Return the catalog's URL, looked for once a token."""
        # What the last login has brought, where the plug-in keeps that.
        login = getattr(self.auth or self.session.auth, 'auth_ref', None)
        known = self._known_endpoint
        if login is not None and known is not None and known[0] is login:
            return known[1]
        found = catalog.endpoint(self, config)
        login = getattr(self.auth or self.session.auth, 'auth_ref', None)
        self._known_endpoint = (login, found)
        return found

    @property
    def _own_connection(self) -> connection.Connection:
        # The service's descriptor gives every proxy its connection.
        return cast(connection.Connection, self._get_connection())

    def _get_connection(self) -> Any:
        return sdk.connection_of(self)

    def _connection_with_project(self) -> Any:
        """Return the connection, once its project is known.

        A resource asks for it when it is made: openstacksdk asks the identity
        service once then, and waits for it without end.
        """
        self.get_project_id()
        return self._get_connection()

    def get_endpoint(self, *args: Any, **kwargs: Any) -> str:
        """Return the URL of Glance's v2 API, as for ``conn.image``."""
        return f'{self.root_url()}/v2'

    def get_project_id(self, auth: Any = None) -> str | None:
        """Return the ID of the connection's project.

        The identity service, where it has to be asked, is asked again after
        faults that pass, as with any request.

        :param auth: Another authentication plug-in than the connection's.
        """
        return self.project_id_by(self.retry_policy.configured(self), auth)

    def project_id_by(
        self, policy: retry.Policy, auth: Any = None
    ) -> str | None:
        """Return the ID of the connection's project, by another policy.

        :param policy: How long and how often to ask the identity service.
        :param auth: Another authentication plug-in than the connection's.
        """
        with_auth = auth or self.auth
        guarded = guarded_session.guarded(self.session)
        return retry.ask(
            lambda: guarded.get_project_id(with_auth), policy, 'identity'
        )

    def request(
        self,
        url: str,
        method: str,
        *args: Any,
        repeatable: bool | None = None,
        retry_policy: retry.Policy | None = None,
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
        :param retry_policy: Another policy than :attr:`retry_policy`; the
            cloud's configuration does not bound it.
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
        bounds = (
            kwargs.pop('connect_retries', None),
            kwargs.pop('status_code_retries', None),
        )
        policy = retry_policy or self.retry_policy.configured(self, *bounds)
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
        if not isinstance(value, sdk_resource.Resource):
            resource_type = resource.native(resource_type)
        # What makes the resource is openstacksdk's.
        self.get_project_id()
        return super()._get_resource(resource_type, value, **attrs)
