# SPDX-License-Identifier: Apache-2.0
"""The base of all resources: types as they are meant, not as they travel.

The service sends booleans as ``true``, ``"true"`` and ``"True"``, numbers as
strings and timestamps in two notations; the formatters here read them all.
Resources that the cloud has are put together when they are looked at.
"""

from collections.abc import Generator, Iterable, Mapping
import contextlib
import copy
import datetime
import functools
import re
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from keystoneauth1 import adapter
from openstack import format as sdk_format
from openstack import resource as sdk_resource
import requests

from ims_ext import attributes
from ims_ext import exceptions
from ims_ext import lazy
from ims_ext import page_end
from ims_ext import paging
from ims_ext import resource_table
from ims_ext import sdk
from ims_ext import wire_names
from ims_ext.transport import response_body

Body = attributes.body
QueryParameters = sdk_resource.QueryParameters
URI = attributes.uri


class OpenQueryParameters(sdk_resource.QueryParameters):
    """Query parameters of which the service may know more than are listed.

    Names that begin with ``__`` are the service's own, and go through.
    """

    def _validate(
        self, query: dict[str, Any], *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        known = {k: v for k, v in query.items() if not k.startswith('__')}
        checked: dict[str, Any] = super()._validate(known, *args, **kwargs)
        return {**checked, **self._own(query)}

    def _transpose(
        self, query: dict[str, Any], resource_type: Any
    ) -> dict[str, Any]:
        return {
            **self._own(query),
            **super()._transpose(query, resource_type),
        }

    @staticmethod
    def _own(query: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in query.items() if k.startswith('__')}


#: "04-Jun-2015 18:11:06:586", H's notation of a job's begin.
_LEGACY_TIME = re.compile(
    r'(\d{2}-[A-Z][a-z]{2}-\d{4} \d{2}:\d{2}:\d{2}):(\d{1,6})$'
)

_BOOLEANS = {'true': True, '1': True, 'false': False, '0': False}


class FlexibleBool(sdk_format.Formatter[bool | None]):
    """A boolean that travels as JSON boolean or as a string of any case."""

    @classmethod
    def deserialize(cls, value: Any) -> bool | None:
        """Return what the value says, ``None`` where it says neither."""
        if isinstance(value, bool):
            return value
        return _BOOLEANS.get(str(value).strip().lower())


class FlexibleInt(sdk_format.Formatter[int | None]):
    """A whole number that travels as JSON number or as a string."""

    @classmethod
    def deserialize(cls, value: Any) -> int | None:
        """Return the number, ``None`` where there is none to read."""
        try:
            return int(value)
        except (TypeError, ValueError, OverflowError):
            return None


class CaselessStr(str):
    """A string that equals another whatever their case."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.casefold() == other.casefold()
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.casefold())


def parse_time(value: Any) -> datetime.datetime | None:
    """Return a timestamp of the service as an aware datetime in UTC.

    :param value: ISO 8601 with or without zone, or
        ``04-Jun-2015 18:11:06:586``.
    :returns: The time, or ``None`` for an empty or unreadable one.
    """
    if not isinstance(value, str) or not value:
        return None
    legacy = _LEGACY_TIME.match(value)
    try:
        if legacy:
            parsed = datetime.datetime.strptime(
                f'{legacy[1]}.{legacy[2]}', '%d-%b-%Y %H:%M:%S.%f'
            )
        else:
            parsed = datetime.datetime.fromisoformat(value)
        if parsed.tzinfo is None:
            return parsed.replace(tzinfo=datetime.UTC)
        return parsed.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


class ResourceMixin:
    """The base of all resources of ``conn.ims``, openstacksdk's included.

    They are made, and read as a whole, at little cost, and can be copied.
    """

    #: Whether answers are read by their wire names alone: a key that is only
    #: spelt like an attribute is one of the properties.
    tells_properties_apart: ClassVar[bool] = False

    #: The class that it goes by in a pickle, where that is another one.
    _pickled_type: ClassVar[type[Any] | None] = None
    _connection: Any

    @classmethod
    def existing(cls, connection: Any = None, **attrs: Any) -> Self:
        """Return a resource that the cloud has, to be made when looked at.

        :param connection: The connection that it comes from.
        :param attrs: Its attributes, under either name.
        """
        kind: Any = cls
        builder = lazy.Builder(
            kind, connection, attrs.pop('microversion', None)
        )
        if cls.tells_properties_apart:
            attrs = wire_names.sort_out_both(kind, attrs)
            builder.is_sorting_out = False
        return cast(Self, builder.defer(attrs))

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return all of the resource, as openstacksdk does, at less cost.

        :param args: As for :meth:`openstack.resource.Resource.to_dict`.
        :param kwargs: Likewise.
        """
        kind: Any = type(self)
        resource = cast(sdk_resource.Resource, self)
        table = None if args or kwargs else resource_table.table(kind)
        if table:
            try:
                return table.entries(resource)
            except response_body.STUMBLES:
                # openstacksdk decides whether it can be read.
                pass
        whole: dict[str, Any] = sdk_resource.Resource.to_dict(
            resource, *args, **kwargs
        )
        return whole

    toDict = to_dict  # noqa: N815
    copy = to_dict

    def keys(self) -> Any:
        """Return the attributes' names, each once.

        openstacksdk names some twice, those that a class declares again, and
        Python refuses to merge a mapping that does: ``call(**image)``.
        """
        resource = cast(sdk_resource.Resource, self)
        return [*dict.fromkeys(sdk_resource.Resource.keys(resource))]

    def items(self) -> Any:
        """Return all attributes, each with its value."""
        kind: Any = type(self)
        resource = cast(sdk_resource.Resource, self)
        table = resource_table.table(kind)
        if table:
            try:
                return table.items(resource)
            except response_body.STUMBLES:
                pass
        return sdk_resource.Resource.items(resource)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Give what it takes to make the resource again, in any process.

        A connection cannot be taken along: another process has its own.
        """
        return _restored, (
            self._pickled_type or type(self),
            sdk.content(cast(sdk_resource.Resource, self)),
        )

    def __copy__(self) -> Self:
        """Return a resource with the same attributes and connection."""
        content = sdk.copied_content(cast(sdk_resource.Resource, self))
        return self._made_again(content)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a resource with copies of the attributes.

        The connection is the same: a copy of it would be another login.
        """
        content = sdk.content(cast(sdk_resource.Resource, self))
        return self._made_again(copy.deepcopy(content, memo))

    def _made_again(self, content: Any) -> Self:
        kind: Any = type(self)
        made = sdk.restored(kind, content)
        sdk.connect(made, self._connection)
        return cast(Self, made)


def _restored(kind: type[sdk_resource.Resource], content: Any) -> Any:
    return sdk.restored(native(kind), content)


@functools.cache
def native(kind: Any) -> Any:
    """Return a class of openstacksdk with what all of ours have.

    :param kind: The class. One that is ours is returned as it is.
    """
    if issubclass(kind, ResourceMixin):
        return kind
    return sdk.derived(kind, ResourceMixin, _pickled_type=kind)


class Resource(ResourceMixin, sdk_resource.Resource):
    """A resource of the image service.

    What the cloud sends and no attribute names is kept in ``properties``.
    One that the cloud has, from ``existing()`` or a list, costs next to
    nothing until it is looked at: see :mod:`ims_ext.lazy`.
    """

    _store_unknown_attrs_as_properties = True

    tells_properties_apart = True

    if TYPE_CHECKING:
        # openstacksdk's returns anything for any name: none is misspelt then.
        __getattribute__: None  # type: ignore[assignment, misc]

    #: Whether a list goes on after the last item of a page, and does not say
    #: itself where it ends.
    pages_by_marker: ClassVar[bool] = True

    properties: dict[str, Any] | None = Body('properties')
    """What the cloud sent beyond the attributes documented here. *Type: dict*
    """

    #: The method of ``conn.ims`` that gets the resource, where the service has
    #: no path for one.
    getter: ClassVar[str | None] = None

    def fetch(
        self, session: adapter.Adapter, *args: Any, **kwargs: Any
    ) -> Self:
        """Get the resource as it is now.

        :param session: ``conn.ims``.
        :param args: As for :meth:`openstack.resource.Resource.fetch`.
        :param kwargs: Likewise.
        :returns: The same resource, changed.
        :raises: :class:`~openstack.exceptions.NotFoundException` where there
            is none any more.
        """
        if self.getter is None:
            return super().fetch(session, *args, **kwargs)
        get = getattr(session, self.getter, None)
        if get is None:
            raise ValueError(
                f"{type(self).__name__} is got by conn.ims, not by {session!r}"
            )
        sdk.take_over(self, get(self))
        return self

    #: What answers repeat of what is known from the path.
    repeated: ClassVar[frozenset[str]] = frozenset()

    def _translate_response(
        self,
        response: requests.Response,
        has_body: bool | None = None,
        error_message: str | None = None,
        *,
        resource_response_key: str | None = None,
    ) -> None:
        exceptions.raise_from_response(response, error_message)
        if has_body is not False:
            purpose = error_message or f"Reading {type(self).__name__}"
            if not response.content:
                raise exceptions.InvalidAnswerError(
                    f"{purpose}: the response has no body"
                )
            response = response_body.checked(
                response, response_body.describes(type(self)), purpose
            )
        super()._translate_response(
            cast(requests.Response, _SortedOut(type(self), response)),
            has_body=has_body,
            error_message=error_message,
            resource_response_key=resource_response_key,
        )

    @classmethod
    def list(
        cls, session: adapter.Adapter, *args: Any, **kwargs: Any
    ) -> Generator[Any, None, None]:
        """List resources, as openstacksdk does, at less cost.

        :param session: The proxy to send requests by.
        :param args: As for :meth:`openstack.resource.Resource.list`.
        :param kwargs: Likewise.
        :raises: As :func:`ims_ext.paging.list_resources`.
        """
        return paging.list_resources(cls, session, *args, **kwargs)

    @classmethod
    def _get_next_link(
        cls,
        uri: str,
        response: requests.Response,
        data: Any,
        marker: str | None,
        limit: Any,
        total_yielded: int,
    ) -> tuple[str | None, Mapping[str, Any]]:
        """Page by marker until the end is shown, or by the answer's link."""
        link, linked = None, {}
        with contextlib.suppress(sdk.NotKnownError):
            link, linked = sdk.next_link(sdk_resource.Resource)(
                uri, response, data, marker, None, total_yielded
            )
        if link and linked:
            # Some links lead to a host that only the cloud itself can reach.
            return uri, linked
        items = data.get(cls.resources_key) if cls.resources_key else data
        if not limit or page_end.is_last(
            len(items), int(limit), taken=total_yielded, body=data
        ):
            return None, {}
        paging.check_marker(marker)
        return uri, {'marker': marker, 'limit': limit}


class _SortedOut:
    """A response whose JSON has properties among the properties."""

    def __init__(
        self, kind: type[Resource], response: requests.Response
    ) -> None:
        self._kind = kind
        self._response = response

    def json(self) -> Any:
        """Return the body, of a resource by its wire names."""
        body = self._response.json()
        key = self._kind.resource_key
        if key and isinstance(body.get(key), dict):
            return {**body, key: self._sorted_out(body[key])}
        return self._sorted_out(body)

    def _sorted_out(self, body: dict[str, Any]) -> dict[str, Any]:
        told = {
            name: value
            for name, value in body.items()
            if name not in self._kind.repeated
        }
        return wire_names.sort_out(self._kind, told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)


class JobRequest(Resource):
    """The request of an operation that the cloud works off as a job.

    A subclass has the operation's path, and its documented parameters as
    attributes.
    """

    #: The HTTP method that goes with the path.
    method: ClassVar[str] = 'POST'

    #: What it is for, the subject of an error's message.
    purpose: ClassVar[str]

    job_id = Body('job_id')
    """The ID of the job that the cloud has started."""

    def trace(self) -> Any:
        """Return how it is found out whether the request took effect.

        :returns: A :class:`~ims_ext.reconcile.Trace`, or ``None``
            where the request is sent once whatever happens.
        """
        return None

    def effects(self, job: Any) -> Iterable[Any]:
        """Return what can be seen once the job has ended well.

        Whoever waits for the job waits until it is seen, or for half a
        minute.

        :param job: The :class:`~ims_ext.extension.job.Job`, ended.
        :returns: Each a :class:`~ims_ext.extension.job_effect.Effect`.
        """
        return ()
