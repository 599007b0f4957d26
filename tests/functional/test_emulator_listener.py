# SPDX-License-Identifier: Apache-2.0
"""The emulator's ports, as HTTP servers."""

import warnings

from ims_ext.emulator.server import EmulatorServer


def test_starting_uses_nothing_that_is_announced_to_go() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with EmulatorServer():
            pass
