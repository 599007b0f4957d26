# SPDX-License-Identifier: Apache-2.0
"""Which failures pass, and how long and how often to ask again.

There is one list of passing statuses, one policy and one loop: for requests,
the identity service, buckets, imports and what makes something. Waiting for a
job has its own schedule, and asks the policy whether to go on.
"""

from collections import Counter
from collections.abc import Callable, Iterator
import dataclasses
import logging
import random
import ssl
import sys
import time
from typing import Literal, NoReturn, Self, TypeVar

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
import requests
import urllib3

from ims_ext import exceptions

#: Statuses of a server or gateway that may answer well in a moment.
PASSING_STATUSES = frozenset((408, 429, 500, 502, 503, 504))

#: Those of them that say that nothing has been done.
_UNDONE_STATUSES = frozenset((429, 503))

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

Kind = Literal['connection', 'status', 'doubtful']


@dataclasses.dataclass(frozen=True)
class Policy:
    """How often and for how long to ask again.

    ``conn.ims.retry_policy`` is the one of a connection: for its requests,
    its buckets and their keys, its imports and the waits for its jobs.
    ``retry_policy`` of a request replaces it for that one.

    :ivar patience: Seconds from the first failure after which nothing is
        asked any more.
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

    def most(self, kind: Kind) -> int:
        """Return how often to ask again after failures of a kind."""
        if kind == 'connection':
            own = self.connect_retries
        else:
            own = self.status_retries
        usual = self.doubtful_retries if kind == 'doubtful' else self.retries
        if own is None:
            return usual
        return min(usual, own) if kind == 'doubtful' else own

    def pause(self, failures: int, failure: 'Failure') -> float:
        """Return for how many seconds to wait before asking again.

        :param failures: How many there were in a row.
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
            doublings = min(failures - 1, 30)
            full = min(self.first_pause * 2**doublings, self.longest_pause)
            delay = random.uniform(full / 2, full)  # noqa: S311
        asked = min(failure.retry_after or 0.0, self.longest_retry_after)
        jitter = random.uniform(0, _RETRY_AFTER_JITTER)  # noqa: S311
        return max(delay, asked * (1 + jitter))


def _first(*given: _Number | None) -> _Number | None:
    """Return the first one that is given."""
    return next((each for each in given if each is not None), None)


@dataclasses.dataclass(frozen=True)
class Failure:
    """Something that may pass.

    :ivar kind: What the number of retries depends on.
    :ivar reason: What went wrong, in words.
    :ivar retry_after: Seconds that the cloud asks for, or ``None``.
    :ivar is_undone: Whether it is known that the request had no effect.
    :ivar is_final: Whether it is not to be asked again, for another reason.
    """

    kind: Kind
    reason: str
    retry_after: float | None = None
    is_undone: bool = False
    is_final: bool = False


class FailedResponseError(Exception):
    """An answer that may be a better one when the request is repeated.

    It is between an attempt and :func:`run`; callers never see it.
    """

    def __init__(self, response: requests.Response, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.response = response
        self.failure = failure


class Attempts:
    """The attempts at one thing.

    :param policy: How long and how often to try.
    :ivar count: How many have failed so far.
    """

    def __init__(self, policy: Policy) -> None:
        self.count = 0
        self._policy = policy
        self._counts: Counter[Kind] = Counter()
        self._began = 0.0
        self._paused = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the first failure."""
        if not self.count:
            return 0.0
        return max(time.monotonic() - self._began, self._paused)

    def pause(self, failure: Failure) -> float | None:
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
        if self.seconds + pause > self._policy.patience:
            return None
        self._paused += pause
        return pause

    def __str__(self) -> str:
        times = 'once' if self.count == 1 else f'{self.count} times'
        return f'tried {times} in {self.seconds:.0f} seconds'


def run(
    attempt: Callable[[], _Result],
    policy: Policy,
    *,
    failure_in: Callable[[Exception], Failure | None],
    give_up: Callable[[Exception, Attempts], _Result],
    wait: Callable[[float, Failure, Attempts], None] | None = None,
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


def _wait(pause: float, failure: Failure, attempts: Attempts) -> None:
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
    if isinstance(error, FailedResponseError):
        return error.response
    raise error


def ask_identity(ask: Callable[[], _Result], policy: Policy) -> _Result:
    """Ask the identity service until it answers, or it is enough.

    :param ask: Asks; may be called several times.
    :param policy: How long and how often.
    :returns: What it returns.
    :raises: What it raises, where asking again would not help or has not
        helped.
    """

    def no_answer(error: Exception, attempts: Attempts) -> NoReturn:
        raise_unanswered(
            error,
            "No answer of the identity service",
            f"It was {attempts}",
            is_unsent=True,
        )

    return run(ask, policy, failure_in=in_error, give_up=no_answer)


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
    raise cls(f"{what}: {error}. {tried}", is_unsent) from error


# ====== WHAT PASSES ======


def in_answer(response: requests.Response) -> Failure | None:
    """Return the failure that an answer's status stands for.

    :param response: The answer.
    :returns: ``None`` for a status that asking again would not change.
    """
    return in_status(response.status_code, response.headers.get('Retry-After'))


def in_status(status: int, retry_after: str | None = None) -> Failure | None:
    """Return the failure that a status stands for.

    :param status: The HTTP status.
    :param retry_after: The ``Retry-After`` of the answer, if it has one: a
        number of seconds or a date.
    :returns: ``None`` for a status that asking again would not change.
    """
    if status not in PASSING_STATUSES:
        return None
    return Failure(
        'doubtful' if status == 500 else 'status',
        f'HTTP {status}',
        _seconds(retry_after),
        is_undone=status in _UNDONE_STATUSES,
    )


def good(response: requests.Response) -> requests.Response:
    """Return an answer, unless asking again may give a better one.

    :param response: The answer.
    :raises: :class:`FailedResponseError`, to be told by :func:`in_error`.
    """
    failure = in_answer(response)
    if failure is not None:
        raise FailedResponseError(response, failure)
    return response


def _seconds(retry_after: str | None) -> float | None:
    """Return for how many seconds an answer asks to stay away."""
    if not retry_after:
        return None
    try:
        return max(float(urllib3.Retry().parse_retry_after(retry_after)), 0.0)
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None


def in_error(error: BaseException) -> Failure | None:
    """Return the failure that an exception stands for.

    :param error: What keystoneauth, openstacksdk or this package raised.
    :returns: ``None`` for what asking again would not change.
    """
    if isinstance(error, FailedResponseError):
        return error.failure
    if isinstance(
        error, exceptions.InvalidAnswerError | ksa_exceptions.InvalidResponse
    ):
        return Failure('doubtful', 'an answer that cannot be read')
    if isinstance(error, ksa_exceptions.DiscoveryFailure):
        # The identity service's: why it says nothing of its versions.
        return in_error(error.__context__ or exceptions.InvalidAnswerError())
    if isinstance(error, ksa_exceptions.HttpError):
        # The identity service's: the image service's are answers.
        response = error.response
        status: int | None = error.http_status
    elif isinstance(error, sdk_exceptions.HttpException):
        response, status = error.response, error.status_code
    else:
        return _in_connection(error)
    if response is not None:
        return in_answer(response)
    failure = in_status(status or 0)
    # Whose it is is not known.
    return failure and dataclasses.replace(failure, is_undone=False)


def is_unsent(error: BaseException) -> bool:
    """Whether a request was never sent: there was no token to send it with.

    :param error: What :class:`~ims_ext.transport.exchange.Exchange` raised;
        it has been patient already.
    """
    return getattr(error, 'is_unsent', False)


def _in_connection(error: BaseException) -> Failure | None:
    if not isinstance(error, ksa_exceptions.ConnectionError):
        return None
    causes = list(_causes(error))
    if isinstance(error, ksa_exceptions.UnknownConnectionError):
        passes = any(isinstance(each, _CUTS) for each in causes)
    elif isinstance(error, ksa_exceptions.SSLError):
        # A cut, rather than a certificate that nobody vouches for.
        passes = any(isinstance(each, _TLS_CUTS) for each in causes)
    else:
        passes = True
    if not passes:
        return None
    return Failure(
        'connection',
        str(error) or type(error).__name__,
        is_undone=is_unsent(error)
        or any(isinstance(each, _UNCONNECTED) for each in causes),
    )


#: Connections that end in the middle of an answer.
_CUTS = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.Timeout,
)
_TLS_CUTS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)
#: Connections that never were.
_UNCONNECTED = (
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give the exceptions that one of keystoneauth's was made of."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ksa_exceptions.ConnectionError):
        # Ours, which was made of keystoneauth's.
        cause = cause.__cause__ or cause.__context__
    # What was being handled when the request was made is not of interest.
    if not isinstance(cause, requests.exceptions.RequestException):
        return
    found: list[BaseException] = [cause]
    for each in found:  # grows as it is gone through
        found.extend(new for new in _wrapped(each) if new not in found)
    yield from found


def _wrapped(error: BaseException) -> list[BaseException]:
    inner = (*error.args, getattr(error, 'reason', None))
    return [each for each in inner if isinstance(each, BaseException)]
