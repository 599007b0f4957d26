# SPDX-License-Identifier: Apache-2.0
"""The connection to Redis: asked again while it does not answer."""

from collections.abc import Callable
import os
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from ims_ext import exceptions
from ims_ext.pipeline.board.address import Address
from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.board.errors import BoardLostError
from ims_ext.pipeline.engine import jobboard

if TYPE_CHECKING:
    pass

T = TypeVar('T')

#: Seconds that a board which has answered before is asked again, unless the
#: environment says otherwise, and between two questions.
_PATIENCE, _PAUSE = 120.0, 0.5
#: The variable of the environment that says so.
VARIABLE = 'IMS_EXT_BOARD_PATIENCE'


class Line:
    """A connection to Redis, for all threads of a process.

    :param address: Where the board is.
    :param say: Is told in words while it does not answer.
    """

    def __init__(self, address: Address, say: Callable[[str], None]) -> None:
        jobboard.load()
        import redis
        from redis import maint_notifications
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.address = address
        self._say = say
        self._guard = threading.Lock()
        self._patience = _patience(os.environ.get(VARIABLE, ''))
        self._has_answered = False
        self._is_silent = False
        self._is_given_up = False
        self._closed = threading.Event()
        self.client: redis.Redis = redis.Redis(
            **address.options(),
            # The policy is here.
            retry=Retry(NoBackoff(), 0),
            maint_notifications_config=(
                maint_notifications.MaintNotificationsConfig(enabled=False)
            ),
        )

    def close(self) -> None:
        """Ask nothing any more."""
        self._closed.set()
        self.client.close()

    def ask(self, question: Callable[[], T]) -> T:
        """Return what the board answers, asking until it does.

        :param question: Asks; it may be called several times.
        :raises: :class:`.errors.BoardLostError`, :class:`.errors.BoardError`
        """
        import redis

        ends = time.monotonic() + self._patience
        while True:
            try:
                answer = question()
            except redis.AuthenticationError as error:
                raise BoardError(
                    f"the board {self.address} takes no such user or "
                    f"password ({error})"
                ) from error
            except (redis.ConnectionError, redis.TimeoutError) as error:
                self._wait(error, ends)
                continue
            except redis.ResponseError as error:
                if not _may_pass(error):
                    raise BoardError(
                        f"the board {self.address} refuses: {error}"
                    ) from error
                self._wait(error, ends)
                continue
            with self._guard:
                is_back, self._is_silent = self._is_silent, False
                self._has_answered, self._is_given_up = True, False
            if is_back:
                self._say(f"the board {self.address} answers again")
            return answer

    def _wait(self, error: Exception, ends: float) -> None:
        left = ends - time.monotonic()
        if left <= 0:
            # Whoever else waits need not do so as long again.
            self._is_given_up = True
        if (
            not self._has_answered
            or self._is_given_up
            or self._closed.is_set()
        ):
            raise BoardLostError(
                f"the board {self.address} does not answer ({error}); see "
                "that Redis runs there, and run this again"
            ) from error
        with self._guard:
            is_new, self._is_silent = not self._is_silent, True
        if is_new:
            self._say(
                f"the board {self.address} does not answer ({error}); it is "
                f"asked again for {left:.0f} s"
            )
        self._closed.wait(min(_PAUSE, left))


def _patience(text: str) -> float:
    try:
        return max(0.0, float(text or _PATIENCE))
    except ValueError:
        raise exceptions.ValidationError(
            f"{VARIABLE} is a number of seconds, and not {text!r}"
        ) from None


def _may_pass(error: Exception) -> bool:
    """Whether an error tells of a Redis that is about to start, or move."""
    return str(error).startswith(
        ('LOADING', 'READONLY', 'MASTERDOWN', 'TRYAGAIN', 'CLUSTERDOWN')
    )
