# SPDX-License-Identifier: Apache-2.0
"""What comes later than its answer: looked for, or brought forward."""

from collections.abc import Callable
import dataclasses
import time
from typing import TypeVar

from ims_ext.emulator.server import EmulatorServer

from .openstack_command import PATIENCE

T = TypeVar('T')


def eventually(look: Callable[[], T]) -> T:
    """Return what a function returns, once that is true.

    :param look: Returns what is to be true at last.
    """
    end = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found or time.monotonic() > end:
            assert found, "It never came"
            return found
        time.sleep(0.01)


def settle(emulator: EmulatorServer) -> None:
    """Let the time pass in which effects are late."""
    longest = max(dataclasses.astuple(emulator.delays))
    if longest:
        emulator.clock.advance(longest)
