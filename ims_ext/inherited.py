# SPDX-License-Identifier: Apache-2.0
"""The operations of openstacksdk's image proxy, with answers that are checked.

They are openstacksdk's own, and keep their signatures. What they get in place
of the proxy is a session that checks what they take for granted, and raises
refusals with the service's code and advice.
"""

import functools
import inspect
import io
from typing import Any

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
from ims_ext.transport import request_check
from ims_ext.transport import response_body
from ims_ext.transport import session

#: openstacksdk's methods, to be called with a session in place of a proxy:
#: they hand it on to the resources.
_sdk: Any = image_proxy.Proxy

#: openstacksdk's lists: of objects, and the one that is an object of them.
_object_list = vars(sdk_resource.Resource)['list'].__func__
_property_list = vars(metadef_property.MetadefProperty)['list'].__func__


class InheritedOperations(image_proxy.Proxy):
    """openstacksdk's image proxy, whose operations check their answers."""

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
        checked = self._checked_session(resource_type, "Finding")
        match = resource_type.existing(
            id=wanted, connection=checked.known_connection(), **attrs
        )
        try:
            return match.fetch(checked, **attrs)
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
                    f"without data; "
                    f"{exceptions.deleting_words(upload.image.id)}"
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
    def operate(self: InheritedOperations, *args: Any, **kwargs: Any) -> Any:
        checked = session.CheckedSession(self, check, name)
        return method(checked, *args, **kwargs)

    return operate


def _waiting(name: str) -> Any:
    """Return an inherited method that looks at a resource repeatedly."""
    method = getattr(_sdk, name)

    signature = inspect.signature(method)

    @functools.wraps(method)
    def wait(self: InheritedOperations, *args: Any, **kwargs: Any) -> Any:
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


def _replace(name: str, method: Any) -> None:
    # Not all of openstacksdk's versions have all of them.
    if hasattr(_sdk, name):
        setattr(InheritedOperations, name, method(name))


for _name, _kind in _OPERATIONS.items():
    _replace(
        _name,
        functools.partial(_operation, check=response_body.describes(_kind)),
    )
for _name in _OTHER_OPERATIONS:
    _replace(
        _name, functools.partial(_operation, check=response_body.anything)
    )
for _name in _WAITS:
    _replace(_name, _waiting)
