# SPDX-License-Identifier: Apache-2.0
"""The emulator as its control routes see it."""

from collections.abc import Mapping
from typing import Protocol

from ims_ext.emulator.clock import Clock
from ims_ext.emulator.control.counts import Counts
from ims_ext.emulator.control.jobs import Jobs
from ims_ext.emulator.control.request_log import RequestLog
from ims_ext.emulator.fault.sets import Faults
from ims_ext.emulator.service import Service


class Steered(Protocol):
    """An emulator that runs.

    :ivar clock: Its time.
    :ivar requests: What it has been asked.
    :ivar jobs: Its jobs.
    :ivar counts: What was made in it.
    :ivar faults: What goes wrong.
    """

    clock: Clock
    requests: RequestLog
    jobs: Jobs
    counts: Counts
    faults: Faults

    @property
    def service(self) -> Service:
        """The context of its capabilities."""

    @property
    def uptime(self) -> float:
        """Seconds since it was started."""

    @property
    def urls(self) -> Mapping[str, str]:
        """The URLs of its services, by service, and its ``control`` URL."""

    def reset(self) -> None:
        """Have everything as at the start."""
