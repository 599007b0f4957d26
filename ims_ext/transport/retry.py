# SPDX-License-Identifier: Apache-2.0
"""The one retry policy, and the loop that asks again by it.

There is one list of passing statuses, one policy and one loop: for requests,
the identity service, buckets, imports and what makes something. Waiting for a
job has its own schedule, and asks the policy whether to go on.
"""

from collections import Counter
from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import logging
import random
import sys
import time
from typing import NoReturn, Self, TypeVar

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ksa_exceptions
import requests

from ims_ext import exceptions
from ims_ext.exceptions import masking
from ims_ext.transport import failures
from ims_ext.transport import silence

#: More than a Retry-After may add to the pause, as a share of it: clients
#: that were all sent away until the same moment do not come back at once.
_RETRY_AFTER_JITTER = 0.1

#: Seconds of silence after which something else is done instead.
_SILENCE_ONCE = 30.0
#: Seconds that are spent on what can be done without, or is asked again by
#: others.
_BRIEF_PATIENCE = 10.0

_logger = logging.getLogger(__name__)

_Result = TypeVar('_Result')
_Number = TypeVar('_Number', int, float)


@dataclasses.dataclass(frozen=True)
class Policy:
    """A retry policy: how often and for how long to ask again.

    ``conn.ims.retry_policy`` is the one of a connection: for its requests,
    its buckets and their keys, its imports and the waits for its jobs.
    ``retry_policy`` of a request replaces it for that one.

    :ivar patience: Seconds from the first failure after which nothing is
        asked any more.
    :ivar strange_patience: Likewise, where no connection comes about to a
        host that has never answered this process: a wrong name or port.
    :ivar job_patience: Likewise, of the looks at a job that is waited for.
    :ivar retries: How often to ask again at most after failed connections,
        and after statuses that pass.
    :ivar doubtful_retries: Likewise, after what is as often an answer that
        stays: status 500, and answers that cannot be read.
    :ivar first_pause: Seconds before asking again for the first time; the
        pause doubles each time. From half of it to all of it is waited.
    :ivar longest_pause: Seconds that a pause grows to.
    :ivar longest_retry_after: Seconds that a ``Retry-After`` of the cloud is
        believed up to.
    :ivar silence: Seconds without a byte after which a connection counts as
        failed, where the cloud's configuration has no ``api_timeout``.
    :ivar silence_once: Likewise for a request that is sent once: nobody asks
        again for its answer, so it is waited for longer.
    :ivar connect_retries: In place of ``retries``, for connections; set by
        ``ims_connect_retries`` of the cloud's configuration.
    :ivar status_retries: In place of the others, for statuses; set by
        ``ims_status_code_retries``.
    :ivar connect_delay: Seconds between attempts to connect, in place of
        growing pauses; set by ``ims_connect_retry_delay``.
    :ivar status_delay: Likewise after statuses; set by
        ``ims_status_code_retry_delay``.
    """

    patience: float = 120.0
    strange_patience: float = 8.0
    job_patience: float = 600.0
    retries: int = 20
    doubtful_retries: int = 5
    first_pause: float = 0.25
    longest_pause: float = 10.0
    longest_retry_after: float = 60.0
    silence: float = 60.0
    silence_once: float = 120.0
    connect_retries: int | None = None
    status_retries: int | None = None
    connect_delay: float | None = None
    status_delay: float | None = None

    def configured(
        self,
        settings: adapter.Adapter,
        connect_retries: int | None = None,
        status_retries: int | None = None,
    ) -> Self:
        """Return the policy as the cloud's configuration bounds it.

        :param settings: What has the configuration's ``connect_retries`` and
            the like, ``None`` where it does not say.
        :param connect_retries: Overrides it for a request.
        :param status_retries: Likewise.
        """
        return dataclasses.replace(
            self,
            connect_retries=_first(
                connect_retries, settings.connect_retries, self.connect_retries
            ),
            status_retries=_first(
                status_retries,
                settings.status_code_retries,
                self.status_retries,
            ),
            connect_delay=_first(
                settings.connect_retry_delay, self.connect_delay
            ),
            status_delay=_first(
                settings.status_code_retry_delay, self.status_delay
            ),
        )

    def once(self) -> Self:
        """Return the policy for what is not asked again at all.

        Its caller has a way of its own to go on after a failure.
        """
        return dataclasses.replace(
            self,
            retries=0,
            doubtful_retries=0,
            connect_retries=None,
            status_retries=None,
            silence=min(self.silence, _SILENCE_ONCE),
        )

    def briefly(self) -> Self:
        """Return the policy for what is not worth waiting for longer."""
        return dataclasses.replace(
            self,
            patience=min(self.patience, _BRIEF_PATIENCE),
            retries=min(self.retries, self.doubtful_retries),
        )

    def for_jobs(self) -> Self:
        """Return the policy for the looks at a job that is waited for.

        A look is one of many, which are no more frequent than they need be.
        """
        return dataclasses.replace(
            self,
            patience=self.job_patience,
            first_pause=2.0 * self.first_pause,
            longest_pause=1.5 * self.longest_pause,
            retries=sys.maxsize,
            doubtful_retries=sys.maxsize,
            connect_retries=None,
            status_retries=None,
        )

    def most(self, kind: failures.Kind) -> int:
        """Return how often to ask again after failures of a kind."""
        if kind == 'connection':
            own = self.connect_retries
        else:
            own = self.status_retries
        usual = self.doubtful_retries if kind == 'doubtful' else self.retries
        if own is None:
            return usual
        return min(usual, own) if kind == 'doubtful' else own

    def pause(self, number: int, failure: failures.Failure) -> float:
        """Return for how many seconds to wait before asking again.

        :param number: How many failures there were in a row.
        :param failure: The last one.
        """
        # Not urllib3's backoff: its first pause is none, and its longest
        # ones are all alike, so that clients stay in step.
        delay = (
            self.connect_delay
            if failure.kind == 'connection'
            else self.status_delay
        )
        if delay is None:
            # Beyond that the longest pause is reached, whatever the first.
            doublings = min(number - 1, 30)
            full = min(self.first_pause * 2**doublings, self.longest_pause)
            delay = random.uniform(full / 2, full)  # noqa: S311
        asked = min(failure.retry_after or 0.0, self.longest_retry_after)
        jitter = random.uniform(0, _RETRY_AFTER_JITTER)  # noqa: S311
        return max(delay, asked * (1 + jitter))


def _first(*given: _Number | None) -> _Number | None:
    """Return the first one that is given."""
    return next((each for each in given if each is not None), None)


class Attempts:
    """The attempts at one thing.

    :param policy: How long and how often to try.
    :ivar count: How many have failed so far.
    """

    def __init__(self, policy: Policy) -> None:
        self.count = 0
        self._policy = policy
        self._counts: Counter[failures.Kind] = Counter()
        self._began = 0.0
        self._paused = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the first failure."""
        if not self.count:
            return 0.0
        return max(time.monotonic() - self._began, self._paused)

    def pause(self, failure: failures.Failure) -> float | None:
        """Count a failure.

        :param failure: What went wrong this time.
        :returns: For how many seconds to wait before trying again; ``None``
            where it is enough.
        """
        if not self.count:
            self._began = time.monotonic()
        self.count += 1
        self._counts[failure.kind] += 1
        most = self._policy.most(failure.kind)
        if failure.is_final or self._counts[failure.kind] > most:
            return None
        pause = self._policy.pause(self.count, failure)
        if pause > self.left(failure):
            return None
        for tell in tuple(_listeners):
            tell(self, failure, pause)
        self._paused += pause
        return pause

    def left(self, failure: failures.Failure) -> float:
        """Return for how many seconds at most it is still tried.

        :param failure: What went wrong the last time.
        """
        patience = self._policy.patience
        if failure.is_strange:
            patience = min(patience, self._policy.strange_patience)
        return patience - self.seconds

    def __str__(self) -> str:
        times = 'once' if self.count == 1 else f'{self.count} times'
        return f'tried {times} in {self.seconds:.0f} seconds'


#: Called before each pause: with the attempts, the failure, and the seconds
#: until the next attempt. By whichever thread pauses.
Listener = Callable[[Attempts, failures.Failure, float], None]

_listeners: list[Listener] = []


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have somebody told of each pause, whoever makes it, for a while.

    :param listener: Called before each pause.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def run(
    attempt: Callable[[], _Result],
    policy: Policy,
    *,
    failure_in: Callable[[Exception], failures.Failure | None],
    give_up: Callable[[Exception, Attempts], _Result],
    wait: Callable[[float, failures.Failure, Attempts], None] | None = None,
) -> _Result:
    """Try something until it succeeds, or it is enough.

    :param attempt: Tries it; may be called several times.
    :param policy: How long and how often.
    :param failure_in: Returns the failure that may pass which an exception
        stands for, or ``None``: then it is raised.
    :param give_up: Returns or raises what stands for the last failure.
    :param wait: Waits some seconds before the next attempt; sleeps and logs
        by default.
    :returns: What ``attempt`` or ``give_up`` returns.
    """
    attempts = Attempts(policy)
    while True:
        try:
            return attempt()
        except Exception as error:
            failure = failure_in(error)
            if failure is None:
                raise
            pause = attempts.pause(failure)
            if pause is None:
                return give_up(error, attempts)
        (wait or _wait)(pause, failure, attempts)


def _wait(pause: float, failure: failures.Failure, attempts: Attempts) -> None:
    _logger.info("%s; again in %.1f seconds", failure.reason, pause)
    sleep(pause)


def sleep(seconds: float) -> None:
    """Wait some seconds.

    :param seconds: How many.
    """
    time.sleep(seconds)


def last_answer(error: Exception, attempts: Attempts) -> requests.Response:
    """Give up with the last answer, or with why there was none.

    :param error: What the last attempt raised.
    :param attempts: The attempts.
    """
    if isinstance(error, failures.FailedResponseError):
        return error.response
    raise error


def ask(
    question: Callable[[], _Result], policy: Policy, service: str
) -> _Result:
    """Ask a service beside the image service until it answers.

    :param question: Asks; may be called several times.
    :param policy: How long and how often.
    :param service: The service, for what is said: "identity".
    :returns: What it returns.
    :raises: What it raises, where asking again would not help or has not
        helped.
    """

    def no_answer(error: Exception, attempts: Attempts) -> NoReturn:
        raise_unanswered(
            error,
            f"No answer of the {service} service",
            f"It was {attempts}",
            is_unsent=True,
        )

    def asked() -> _Result:
        with silence.during(f"the {service} service", silence.LIMIT):
            return question()

    with masking.clean_errors():
        return run(
            asked, policy, failure_in=failures.in_error, give_up=no_answer
        )


def raise_unanswered(
    error: Exception, what: str, tried: str, *, is_unsent: bool
) -> NoReturn:
    """Raise what stands for a request that had no answer.

    :param error: What came in the way the last time.
    :param what: What there is none to, an error's first words.
    :param tried: How often and for how long, a sentence.
    :param is_unsent: Whether the request was never sent, for want of a token.
    :raises: :class:`~ims_ext.exceptions.NoAnswerError` where there was no
        connection, otherwise ``error``.
    """
    if not isinstance(error, ksa_exceptions.ConnectionError):
        error.add_note(tried)
        # keystoneauth's errors have no place of their own for it.
        vars(error)['is_unsent'] = is_unsent
        raise error
    cls = exceptions.NoAnswerError
    if isinstance(error, ksa_exceptions.ConnectTimeout):
        cls = exceptions.NoAnswerTimeoutError
    why = failures.in_words(error)
    raise cls(f"{what}: {why}. {tried}", is_unsent) from error
