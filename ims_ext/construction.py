# SPDX-License-Identifier: Apache-2.0
"""Resources made from tables, in microseconds.

openstacksdk takes a millisecond or two to make a resource of 60 attributes.
A :class:`Builder` makes it from its class's
:class:`~ims_ext.resource_table.Table`. What that has no clear place for,
openstacksdk makes.
"""

from collections.abc import Mapping
from typing import Any

from openstack import connection as sdk_connection
from openstack import resource as sdk_resource

from ims_ext import resource_table
from ims_ext import sdk
from ims_ext import wire_names
from ims_ext.transport import response_body


class Builder:
    """Makes the resources that one answer has.

    :param kind: The class of the resources.
    :param connection: The connection that they come from. Where it is, in
        terms of cloud and project, is asked now: what is made of the answer
        later shall need no request.
    :param microversion: The API's microversion.
    """

    def __init__(
        self,
        kind: type[sdk_resource.Resource],
        connection: sdk_connection.Connection | None = None,
        microversion: str | None = None,
    ) -> None:
        self.kind: Any = kind
        self._connection = connection
        self._location = connection.current_location if connection else None
        self._microversion = microversion
        #: Whether properties that are spelt like attributes are told apart.
        self.is_sorting_out = getattr(kind, 'tells_properties_apart', False)

    def make(self, attrs: dict[str, Any]) -> Any:
        """Return a resource that the cloud has.

        :param attrs: What the cloud sent of it.
        :raises: :class:`~ims_ext.exceptions.InvalidAnswerError` for what
            openstacksdk cannot read.
        """
        if self.is_sorting_out:
            attrs = wire_names.sort_out(self.kind, attrs)
        found = resource_table.table(self.kind)
        made = None
        if found and found.is_making:
            try:
                made = found.make(
                    attrs,
                    copied(self._location),
                    self._connection,
                    self._microversion,
                )
            except response_body.STUMBLES:
                # openstacksdk decides whether it can be read.
                made = None
        return self._make_plainly(attrs) if made is None else made

    def _make_plainly(self, attrs: Mapping[str, Any]) -> Any:
        with response_body.answered(f"Reading {self.kind.__name__}"):
            made = resource_table.make_plainly(
                self.kind,
                attrs,
                _Here(self._connection, self._location)
                if self._connection
                else None,
                self._microversion,
            )
        sdk.connect(made, self._connection)
        return made


class _Here:
    """A connection that knows where it is."""

    def __init__(
        self, connection: sdk_connection.Connection, location: Any
    ) -> None:
        self._connection = connection
        self._location = location

    @property
    def current_location(self) -> Any:
        return copied(self._location)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def copied(location: Any) -> Any:
    """Return a copy of a location, so that a resource has one of its own."""
    if isinstance(location, dict):
        return type(location)(
            {name: copied(value) for name, value in location.items()}
        )
    return location
