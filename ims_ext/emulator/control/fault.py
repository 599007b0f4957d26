# SPDX-License-Identifier: Apache-2.0
"""The control route of faults, seen and changed while the emulator runs.

``GET`` shows the faults and how often each has happened, ``PUT`` replaces
them, ``DELETE`` ends them and shows them a last time.
"""

from typing import Any

from ims_ext.emulator import errors
from ims_ext.emulator.control import query
from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.fault import FaultError
from ims_ext.emulator.fault.sets import FaultSet
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route

#: Where the faults are seen and changed.
PATH = '/_emulator/faults'


class FaultControl:
    """``faults``."""

    mount = 'control'
    dialect = Dialect.KEYSTONE

    def __init__(self, emulator: Steered) -> None:
        self._emulator = emulator

    @route('GET', PATH, anonymous=True)
    def show(self, request: Request) -> Answer:
        """Show the faults, and how often each has happened."""
        return fault_view(self._emulator.faults.current)

    @route('PUT', PATH, anonymous=True)
    def replace(self, request: Request) -> Answer:
        """Replace the faults; counts begin again."""
        body = query.members(request, ('faults', 'seed'))
        texts = body.get('faults')
        if not isinstance(texts, list) or not all(
            isinstance(text, str) for text in texts
        ):
            raise errors.BadRequest("faults must be a list of strings.")
        seed = body.get('seed')
        if seed is not None and type(seed) is not int:
            raise errors.BadRequest("seed must be a whole number.")
        try:
            return fault_view(self._emulator.faults.set(texts, seed))
        except FaultError as error:
            raise errors.BadRequest(str(error)) from error

    @route('DELETE', PATH, anonymous=True)
    def clear(self, request: Request) -> Answer:
        """End all faults, and show them a last time."""
        last = self._emulator.faults.current
        self._emulator.faults.clear()
        return fault_view(last)


def fault_view(faults: FaultSet) -> dict[str, Any]:
    """Return faults as a JSON object."""
    return {
        'seed': faults.seed,
        'faults': [
            {
                'fault': each.fault.text,
                'requests': each.met,
                'injected': each.injected,
            }
            for each in faults
        ],
    }
