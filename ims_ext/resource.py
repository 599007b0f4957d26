# SPDX-License-Identifier: Apache-2.0
"""The base of all resources: types as they are meant, not as they travel.

The service sends booleans as ``true``, ``"true"`` and ``"True"``, numbers as
strings and timestamps in two notations; the formatters here read them all.
"""

from collections.abc import Mapping
import datetime
import re
from typing import Any, ClassVar, Self

from openstack import format as sdk_format
from openstack import resource as sdk_resource
import requests

from ims_ext import exceptions

Body = sdk_resource.Body
QueryParameters = sdk_resource.QueryParameters
URI = sdk_resource.URI

#: "04-Jun-2015 18:11:06:586", H's notation of a job's begin.
_LEGACY_TIME = re.compile(
    r'(\d{2}-[A-Z][a-z]{2}-\d{4} \d{2}:\d{2}:\d{2}):(\d{1,6})$'
)


class FlexibleBool(sdk_format.Formatter[bool | None]):
    """A boolean that travels as JSON boolean or as a string of any case."""

    @classmethod
    def deserialize(cls, value: Any) -> bool | None:
        """Return what the value says, ``None`` where it says neither."""
        if isinstance(value, bool):
            return value
        return {'true': True, '1': True, 'false': False, '0': False}.get(
            str(value).strip().lower()
        )


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
    except ValueError:
        return None
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=datetime.UTC)
    return parsed.astimezone(datetime.UTC)


class Resource(sdk_resource.Resource):
    """A resource of the image service.

    What the cloud sends and no attribute names is kept in ``properties``.
    """

    _store_unknown_attrs_as_properties = True

    #: What the cloud sent beyond the attributes documented here.
    #: *Type: dict*
    properties = Body('properties')

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Give what it takes to make the resource again, in any process.

        A connection cannot be taken along: another process has its own.
        """
        attributes = {**self._uri.attributes, **self._body.attributes}
        return _rebuild, (type(self), attributes)

    def __copy__(self) -> Self:
        """Return a resource with the same attributes and connection."""
        attributes = {**self._uri.attributes, **self._body.attributes}
        return type(self).existing(connection=self._connection, **attributes)

    def _translate_response(
        self,
        response: requests.Response,
        has_body: bool | None = None,
        error_message: str | None = None,
        *,
        resource_response_key: str | None = None,
    ) -> None:
        exceptions.raise_from_response(response, error_message)
        super()._translate_response(
            response,
            has_body=has_body,
            error_message=error_message,
            resource_response_key=resource_response_key,
        )

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
        """Page by marker: a page shorter than asked for is the last."""
        items = data.get(cls.resources_key) if cls.resources_key else data
        if not limit or not marker or len(items) < int(limit):
            return None, {}
        return uri, {'marker': marker, 'limit': limit}


def _rebuild(
    resource_type: type[Resource], attributes: dict[str, Any]
) -> Resource:
    return resource_type.existing(**attributes)


class JobRequest(Resource):
    """The request of an operation that the cloud works off as a job.

    A subclass has the operation's path, and its documented parameters as
    attributes.
    """

    #: The HTTP method that goes with the path.
    method: ClassVar[str] = 'POST'

    #: What it is for, the subject of an error's message.
    purpose: ClassVar[str]

    #: The ID of the job that the cloud has started.
    job_id = Body('job_id')
