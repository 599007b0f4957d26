# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with a board."""

from openstack import exceptions as sdk_exceptions

from ims_ext.pipeline.steps.work import NotNowError


class BoardError(sdk_exceptions.SDKException):
    """A board that cannot be used, and why."""


class BoardLostError(BoardError):
    """A board that has not answered for too long."""


class ClaimLostError(NotNowError):
    """Work that is somebody else's by now."""


class BusyError(NotNowError):
    """Work that there is no room for yet."""


class FullError(BusyError):
    """A target makes as many images as it may at a time."""


class LeftError(NotNowError):
    """Work that is left to the workers: nobody waits for it any more."""


class WorkerError(Exception):
    """What a worker says of work that has failed.

    :param reason: Why.
    :param code: What the error is called.
    :param is_final: Whether it is not to be tried again.
    :param left: What is left behind, if anything.
    """

    def __init__(
        self, reason: str, code: str, is_final: bool, left: str | None = None
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.is_final = is_final
        if left:
            self.add_note(left)
