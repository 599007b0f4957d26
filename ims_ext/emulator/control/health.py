# SPDX-License-Identifier: Apache-2.0
"""The control routes of the emulator as a whole: its health, its clock."""

from typing import Any

import ims_ext
from ims_ext.emulator import errors
from ims_ext.emulator.control import query
from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.request_record import iso


def health_view(emulator: Steered) -> dict[str, Any]:
    """Return how an emulator is, as a JSON object."""
    return {
        'ready': True,
        'version': ims_ext.__version__,
        'uptime': round(emulator.uptime, 3),
        'regions': list(emulator.service.settings.regions),
        'urls': dict(emulator.urls),
    }


def clock_view(emulator: Steered) -> dict[str, Any]:
    """Return an emulator's time, as a JSON object."""
    now = emulator.clock()
    return {
        'now': iso(now),
        'seconds': round(now, 3),
        'advanced': round(emulator.clock.advanced, 3),
    }


class HealthControl:
    """``health``, ``reset`` and ``clock``."""

    mount = 'control'
    dialect = Dialect.KEYSTONE

    def __init__(self, emulator: Steered) -> None:
        self._emulator = emulator

    @route('GET', '/_emulator/health', anonymous=True)
    def show(self, request: Request) -> Answer:
        """Show that the emulator is ready, its version and its addresses."""
        return health_view(self._emulator)

    @route('POST', '/_emulator/reset', anonymous=True)
    def reset(self, request: Request) -> Answer:
        """Have everything as at the start."""
        self._emulator.reset()
        return health_view(self._emulator)

    @route('GET', '/_emulator/clock', anonymous=True)
    def clock(self, request: Request) -> Answer:
        """Show the emulator's time, and how far ahead it is."""
        return clock_view(self._emulator)

    @route('POST', '/_emulator/clock', anonymous=True)
    def advance(self, request: Request) -> Answer:
        """Let time pass at once."""
        given = query.members(request, ('advance',))
        if 'advance' not in given:
            raise errors.BadRequest("advance must say how much time passes.")
        try:
            self._emulator.clock.advance(given['advance'])
        except ValueError as error:
            raise errors.BadRequest(f"{error}.") from error
        return clock_view(self._emulator)
