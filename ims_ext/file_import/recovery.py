# SPDX-License-Identifier: Apache-2.0
"""The recovery of an interrupted import, and the words for it."""

import time
from typing import Any

from ims_ext import reconcile

#: Seconds after which a request that was sent has been worked off: before
#: that, an image which is not seen may still appear.
_SETTLING = 10.0
_BETWEEN_LOOKS = 0.25
#: Seconds by which this machine's clock may have been set meanwhile.
_CLOCK_TOLERANCE = 5.0
#: Seconds that are looked back where it was certainly set back.
_CLOCK_IS_WRONG = 86_400.0

#: How to go on, and how not to.
GO_ON = (
    "The same call or command goes on from there; with resume=False "
    "(--no-resume), what is left is deleted and it begins anew"
)

_sleep = time.sleep


class EarlierMoment(reconcile.Moment):
    """When an earlier process was about to send a request.

    :param asked_at: By this machine's clock.
    """

    def __init__(self, asked_at: float) -> None:
        super().__init__()
        self._asked_at = asked_at

    @property
    def elapsed(self) -> float:
        """Seconds since then, rather too many than too few."""
        elapsed = time.time() - self._asked_at
        return (elapsed if elapsed >= 0 else _CLOCK_IS_WRONG) + (
            _CLOCK_TOLERANCE
        )


def find_made(
    proxy: Any, trace: reconcile.Trace[reconcile.Result], asked_at: float
) -> reconcile.Result | None:
    """Return what the request of an earlier process has made.

    :param proxy: ``conn.ims``.
    :param trace: How it is recognised.
    :param asked_at: When it was about to be sent, by this machine's clock.
    :returns: ``None`` where it has not been sent, or had no effect.
    :raises: :class:`~ims_ext.exceptions.OutcomeUnknownError` where several
        may be it.
    """
    moment = EarlierMoment(asked_at)
    elapsed = time.time() - asked_at
    left = _SETTLING - elapsed if elapsed > 0 else _SETTLING
    deadline = time.monotonic() + left
    while True:
        found = trace.find(proxy, moment)
        if found is not None or time.monotonic() >= deadline:
            return found
        _sleep(_BETWEEN_LOOKS)


def note(error: BaseException, left: str) -> None:
    """Say in an error what is left, and how to go on with it.

    :param error: What ended the import early.
    :param left: What is left.
    """
    error.add_note(f"Left behind: {left}. {GO_ON}")
