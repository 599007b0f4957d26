# SPDX-License-Identifier: Apache-2.0
"""What all capabilities share: the service's root and its paths."""

import functools
import inspect
import io
import re
from typing import Any, cast

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack import resource as sdk_resource
from openstack.image.v2 import _proxy as image_proxy
from openstack.image.v2 import image as _image
from openstack.image.v2 import metadef_namespace
from openstack.image.v2 import metadef_property
import requests

from ims_ext import exceptions
from ims_ext import paging
from ims_ext import resource
from ims_ext import sdk
from ims_ext.transport import caller
from ims_ext.transport import exchange
from ims_ext.transport import redirect
from ims_ext.transport import request_check
from ims_ext.transport import response_body
from ims_ext.transport import retry
from ims_ext.transport import session

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

    def _get_connection(self) -> Any:
        return sdk.connection_of(self)

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

    def get_project_id(
        self, auth: Any = None, retry_policy: retry.Policy | None = None
    ) -> str | None:
        """Return the ID of the connection's project.

        The identity service, where it has to be asked, is asked again after
        faults that pass, as with any request.

        :param auth: Another authentication plug-in than the connection's.
        :param retry_policy: Another policy than :attr:`retry_policy`.
        """
        policy = retry_policy or self.retry_policy.configured(self)
        with_auth = auth or self.auth
        return retry.ask_identity(
            lambda: self.session.get_project_id(with_auth), policy
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

    # openstacksdk's own operations get a session that checks what they take
    # for granted, and raises refusals with the service's code and advice.

    def _checked_session(
        self,
        kind: type[sdk_resource.Resource],
        doing: str = "Getting",
        refusal: str | None = None,
    ) -> Any:
        return session.CheckedSession(
            self,
            response_body.describes(kind),
            f"{doing} {kind.__name__}",
            refusal,
        )

    def _find(
        self,
        resource_type: Any,
        name_or_id: Any,
        ignore_missing: bool = True,
        **attrs: Any,
    ) -> Any:
        # As openstacksdk's find(), but with lists that are checked; and by an
        # ID only where it is one.
        resource_type = resource.native(resource_type)
        found = None
        if isinstance(name_or_id, str) and not request_check.leads_elsewhere(
            name_or_id
        ):
            found = self._find_by_id(resource_type, name_or_id, attrs)
        if found is None:
            found = self._find_by_name(resource_type, name_or_id, attrs)
        if found is None and not ignore_missing:
            raise exceptions.NotFoundError(
                f"No {resource_type.__name__} found for {name_or_id}"
            )
        return found

    def _find_by_id(
        self, resource_type: Any, wanted: str, attrs: dict[str, Any]
    ) -> Any:
        match = resource_type.existing(
            id=wanted, connection=self._get_connection(), **attrs
        )
        try:
            return match.fetch(
                self._checked_session(resource_type, "Finding"), **attrs
            )
        except (
            sdk_exceptions.BadRequestException,
            sdk_exceptions.ForbiddenException,
            sdk_exceptions.NotFoundException,
        ):
            return None

    def _find_by_name(
        self, resource_type: Any, name: str, attrs: dict[str, Any]
    ) -> Any:
        filters = sdk.query_names(resource_type)
        if 'name' in filters:
            attrs = {'name': name, **attrs}
        found = sdk.one_match(
            resource_type, name, self._list(resource_type, **attrs)
        )
        if found is None and 'is_hidden' in filters:
            hidden = self._list(resource_type, **{**attrs, 'is_hidden': True})
            found = sdk.one_match(resource_type, name, hidden)
        return found

    def _get(
        self, resource_type: Any, value: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        checked = self._checked_session(
            resource_type,
            refusal=f"No {resource_type.__name__} found for "
            f"{sdk.id_of(value)}",
        )
        found = sdk.operation('get')(
            checked, resource_type, value, *args, **kwargs
        )
        if not set(sdk.body_attributes(found)) - {sdk.id_name(resource_type)}:
            # openstacksdk leaves everything as it is where there is nothing.
            raise exceptions.InvalidAnswerError(
                f"Getting {resource_type.__name__}: the response has none of "
                f"its attributes"
            )
        return found

    def _list(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        resource_type = resource.native(resource_type)
        method = getattr(resource_type.list, '__func__', None)
        if method is _object_list:
            resource_type = paging.Pages(resource_type)
        elif method is _property_list:
            return sdk.operation('list')(
                session.CheckedSession(
                    self,
                    response_body.describes_properties,
                    f"Listing {resource_type.__name__}",
                ),
                resource_type,
                *args,
                **kwargs,
            )
        return super()._list(resource_type, *args, **kwargs)

    def _create(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        resource_type = resource.native(resource_type)
        checked = self._checked_session(resource_type, "Creating")
        return sdk.operation('create')(checked, resource_type, *args, **kwargs)

    def _update(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        checked = self._checked_session(resource_type, "Updating")
        return sdk.operation('update')(checked, resource_type, *args, **kwargs)

    def _delete(self, resource_type: Any, *args: Any, **kwargs: Any) -> Any:
        checked = self._checked_session(resource_type, "Deleting")
        return sdk.operation('delete')(checked, resource_type, *args, **kwargs)

    def _upload_image(self, name: str, *args: Any, **kwargs: Any) -> Any:
        upload = session.UploadSession(
            self,
            response_body.describes(_image.Image),
            "Creating Image",
        )
        try:
            return sdk.operation('upload_image')(upload, name, *args, **kwargs)
        except BaseException as error:
            # openstacksdk makes one of its own of what it does not know.
            reason = upload.error or error
            if upload.image is not None:
                reason.add_note(
                    f"Left behind: the image {upload.image.id}, perhaps "
                    f"without data"
                )
            if reason is error:
                raise
        raise reason

    @functools.wraps(image_proxy.Proxy.download_image)
    def download_image(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> requests.Response:
        # What the caller's file raises reaches the caller as it is.
        output = kwargs.get('output')
        sink = caller.Sink(output) if isinstance(output, io.IOBase) else None
        if sink is not None:
            kwargs['output'] = sink
        checked = self._checked_session(_image.Image, "Downloading")
        try:
            response: requests.Response = _sdk.download_image(
                checked, *args, **kwargs
            )
        except sdk_exceptions.SDKException:
            if sink is None or sink.error is None:
                raise
        else:
            return response
        raise sink.error

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
        return super()._get_resource(resource_type, value, **attrs)


#: openstacksdk's methods, to be called with a session in place of a proxy:
#: they hand it on to the resources.
_sdk: Any = image_proxy.Proxy

#: openstacksdk's lists: of objects, and the one that is an object of them.
_object_list = vars(sdk_resource.Resource)['list'].__func__
_property_list = vars(metadef_property.MetadefProperty)['list'].__func__

#: Inherited methods that hand the proxy on to a resource of a class.
_OPERATIONS: dict[str, type[sdk_resource.Resource]] = {
    'add_tag': _image.Image,
    'add_tag_to_metadef_namespace': metadef_namespace.MetadefNamespace,
    'delete_all_metadef_objects': metadef_namespace.MetadefNamespace,
    'delete_all_metadef_properties': metadef_namespace.MetadefNamespace,
    'delete_image': _image.Image,
    'remove_tag': _image.Image,
    'remove_tag_from_metadef_namespace': metadef_namespace.MetadefNamespace,
    'remove_tags_from_metadef_namespace': metadef_namespace.MetadefNamespace,
    'stage_image': _image.Image,
}
#: Those that read a body which is no resource.
_OTHER_OPERATIONS = (
    'cached_image_nodes',
    'clean_cache',
    'clear_cache',
    'prune_cache',
    'queue_image',
)
_WAITS = ('wait_for_delete', 'wait_for_status', 'wait_for_task')


def _operation(name: str, check: response_body.Check) -> Any:
    """Return an inherited method whose resource gets a checked session."""
    method = getattr(_sdk, name)

    @functools.wraps(method)
    def operate(self: Proxy, *args: Any, **kwargs: Any) -> Any:
        checked = session.CheckedSession(self, check, name)
        return method(checked, *args, **kwargs)

    return operate


def _waiting(name: str) -> Any:
    """Return an inherited method that looks at a resource repeatedly."""
    method = getattr(_sdk, name)

    signature = inspect.signature(method)

    @functools.wraps(method)
    def wait(self: Proxy, *args: Any, **kwargs: Any) -> Any:
        given = signature.bind(self, *args, **kwargs).arguments
        # Its name is another one in each of them.
        _, waited, *_ = given.values()
        checked = session.CheckedSession(
            self,
            response_body.tells(
                type(waited), given.get('attribute', 'status')
            ),
            f"Waiting for {type(waited).__name__}",
        )
        return method(checked, *args, **kwargs)

    return wait


for _name, _kind in _OPERATIONS.items():
    setattr(Proxy, _name, _operation(_name, response_body.describes(_kind)))
for _name in _OTHER_OPERATIONS:
    # Not all of openstacksdk's versions have them.
    if hasattr(_sdk, _name):
        setattr(Proxy, _name, _operation(_name, response_body.anything))
for _name in _WAITS:
    setattr(Proxy, _name, _waiting(_name))
