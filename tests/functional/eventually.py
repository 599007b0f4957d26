# SPDX-License-Identifier: Apache-2.0
"""Looking until something is seen that comes later than its answer."""

from collections.abc import Callable
import time
from typing import TypeVar

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
