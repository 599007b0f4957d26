# SPDX-License-Identifier: Apache-2.0
"""The control routes that show what has happened: requests, and counts."""

from ims_ext.emulator import errors
from ims_ext.emulator.control import query
from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route

_CONDITIONS = ('service', 'operation', 'status', 'since')


class SeenControl:
    """``requests`` and ``counts``."""

    mount = 'control'
    dialect = Dialect.KEYSTONE

    def __init__(self, emulator: Steered) -> None:
        self._emulator = emulator

    @route('GET', '/_emulator/requests', anonymous=True)
    def requests(self, request: Request) -> Answer:
        """Show the newest requests, oldest first, with what came of them."""
        given = query.parameters(request, (*_CONDITIONS, 'after', 'limit'))
        log = self._emulator.requests
        last = log.last_number
        limit = query.number(given, 'limit', len(log))
        try:
            found = log.select(
                after=query.number(given, 'after', 0),
                **{name: given.get(name) for name in _CONDITIONS},
            )
        except ValueError as error:
            raise errors.BadRequest(f"{error}.") from error
        return {
            'requests': [each.as_dict() for each in found[-limit or None :]]
            if limit
            else [],
            'last': last,
        }

    @route('DELETE', '/_emulator/requests', anonymous=True)
    def clear(self, request: Request) -> Answer:
        """Forget all requests."""
        self._emulator.requests.clear()
        return 204, None

    @route('GET', '/_emulator/counts', anonymous=True)
    def counts(self, request: Request) -> Answer:
        """Show how many things were made, deleted ones included."""
        names = ('kind', 'name', 'project', 'region')
        given = query.parameters(request, names)
        try:
            found = self._emulator.counts.select(
                **{name: given.get(name) for name in names}
            )
        except ValueError as error:
            raise errors.BadRequest(f"{error}.") from error
        totals: dict[str, int] = {}
        for each in found:
            totals[each.kind] = totals.get(each.kind, 0) + each.number
        return {'totals': totals, 'counts': [e.as_dict() for e in found]}
