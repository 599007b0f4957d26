# SPDX-License-Identifier: Apache-2.0
"""Requests that make something: never sent twice without looking first.

The service knows no key that would let it recognise a request that comes a
second time. So such a request is sent once; where its answer is lost, it is
looked whether it took effect, by what the cloud lists anyway: nothing is
asked before, and nothing is marked.

::

    class GoldenTrace(reconcile.Trace[Image]):
        what = "the image 'golden'"
        advice = "openstack image list --name golden"

        def find(self, proxy, moment):
            return …  # what the request has made since the moment, or None

    image = reconcile.make_once(proxy, GoldenTrace(), lambda: proxy._create(…))

How images are recognised is in :mod:`ims_ext.reconcile.image`.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import dataclasses
import datetime
import email.utils
import enum
import logging
import time
from typing import Any, Generic, Protocol, TypeVar

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
import requests

from ims_ext import exceptions
from ims_ext.transport import failures
from ims_ext.transport import retry

_logger = logging.getLogger(__name__)

#: Seconds by which created images may seem older than they are: clocks and
#: headers tell whole seconds, and a service has several clocks.
TOLERANCE = 2.0

#: Seconds before each look where the request has been worked off, or has
#: not been: the record may only appear a little later.
_SOON = (0.3, 0.7, 1.5, 2.5, 5.0)
#: Likewise, where it may be under way still.
_LATER = (0.5, 1.5, 3.0, 5.0, 10.0, 15.0, 25.0)

Result = TypeVar('Result')
ResultSent = TypeVar('ResultSent', covariant=True)


def _sleep(seconds: float) -> None:
    # By a name of its own: tests need not wait.
    time.sleep(seconds)


class Loss(enum.Enum):
    """The state of knowledge of a request that got no answer."""

    #: It never reached the service.
    UNSENT = "the service could not be reached"
    #: It was turned away before anything was done, says the status.
    REFUSED = "the service had no time for it"
    #: It was worked off, or not: the connection or the service broke.
    BROKEN = "the answer was lost"
    #: It may be under way still.
    LATE = "no answer came in time"
    #: It was accepted, and the answer is no use.
    UNREADABLE = "the answer cannot be read"


class Moment:
    """When an attempt began, on whatever clock."""

    def __init__(self) -> None:
        self._steady = time.monotonic()
        self._wall = time.time()

    @property
    def elapsed(self) -> float:
        """Seconds since then, rather too many than too few."""
        # The steady clock stands still while a machine sleeps.
        return max(
            time.monotonic() - self._steady, time.time() - self._wall, 0.0
        )

    def on_clock_of(
        self, response: requests.Response
    ) -> datetime.datetime | None:
        """Return the moment by the clock of who has just answered.

        :param response: The answer.
        :returns: The time, in UTC, or ``None`` where the answer has none.
        """
        now = server_time(response)
        if now is None:
            return None
        return now - datetime.timedelta(seconds=self.elapsed)


def server_time(response: requests.Response) -> datetime.datetime | None:
    """Return what time it was at the server when it answered.

    :param response: The answer.
    :returns: Its ``Date``, which is whole seconds, in UTC, or ``None``.
    """
    try:
        told = email.utils.parsedate_to_datetime(response.headers['Date'])
    except (KeyError, TypeError, ValueError):
        return None
    if told.tzinfo is None:
        return told.replace(tzinfo=datetime.UTC)
    return told.astimezone(datetime.UTC)


class Trace(Generic[Result]):
    """The trace by which it is found out whether a request took effect.

    :cvar what: What it makes, as in "Left behind: perhaps …".
    :cvar advice: What to look at where that cannot be known.
    :cvar can_look: Whether there is anything to look for.
    :cvar shows_late: Whether what it makes may be under way unseen.
    :cvar is_repeatable: Whether the service itself makes sure that a second
        request has no effect beyond the first one's.
    :cvar makes_images: Whether it makes images, and :meth:`find` returns a
        job that tells which.
    """

    what: str
    advice: str
    can_look: bool = True
    shows_late: bool = False
    is_repeatable: bool = False
    makes_images: bool = False

    def alone(self) -> contextlib.AbstractContextManager[Any]:
        """Keep others of this process from making the same meanwhile."""
        return contextlib.nullcontext()

    def find(self, proxy: Any, moment: Moment) -> Result | None:
        """Look whether the request took effect.

        :param proxy: ``conn.ims``.
        :param moment: When it was first sent.
        :returns: What goes on or is there, ``None`` where nothing is seen.
        :raises: :class:`~ims_ext.exceptions.OutcomeUnknownError` where it
            cannot be told apart from something else.
        """
        return None

    def accepted(self, proxy: Any, moment: Moment) -> Result | None:
        """Return what goes on after a success that :meth:`find` misses."""
        return None

    def taken(self, result: Result, *, again: bool) -> Result:
        """Note what was answered, and return it.

        :param result: The answer.
        :param again: Whether an earlier request may have taken effect too.
        """
        return result

    def refused(self, error: Exception) -> None:
        """Raise what a refusal means after an attempt with lost answer.

        :param error: The refusal; raised by itself where nothing is here.
        """

    def unknown(
        self, why: str, candidates: Sequence[str] = ()
    ) -> exceptions.OutcomeUnknownError:
        """Return the error that says that nothing more can be found out.

        :param why: What keeps it from being known, a sentence's beginning.
        :param candidates: IDs of images that it may be.
        """
        return exceptions.OutcomeUnknownError(
            f"{why}: whether {self.what} is being made is not known. The "
            f"request is not sent again, so that nothing is made twice. "
            f"Look with: {self.advice}",
            candidates,
        )


class Send(Protocol[ResultSent]):
    """Sends the request, once, and returns what its answer stands for."""

    def __call__(self) -> ResultSent:
        """Send it."""


def make_once(proxy: Any, trace: Trace[Result], send: Send[Result]) -> Result:
    """Send a request that makes something, and find out what became of it.

    It is sent again only where it cannot have taken effect or, after looks
    in vain, has not; a bounded number of times, after growing pauses.

    :param proxy: ``conn.ims``.
    :param trace: How it is recognised that it took effect.
    :param send: Sends it, without any retries of its own. Raises
        :class:`~ims_ext.exceptions.InvalidAnswerError` for a success that
        cannot be read.
    :returns: What ``send`` or ``trace`` returns.
    :raises: What ``send`` raises: a refusal, or what came in the way each
        time; with a note where it may have taken effect after all.
    :raises: :class:`~ims_ext.exceptions.OutcomeUnknownError` where it may
        have taken effect, and that cannot be found out.
    """
    with trace.alone():
        return _Attempt(proxy, trace, send).result()


def find_soon(
    proxy: Any, trace: Trace[Result], moment: Moment
) -> Result | None:
    """Look for what a request has made, which may be seen a little later.

    :param proxy: ``conn.ims``.
    :param trace: How it is recognised.
    :param moment: When the request was sent.
    :returns: ``None`` where nothing is seen.
    :raises: :class:`~ims_ext.exceptions.OutcomeUnknownError` where it cannot
        be told apart from something else, and what looking raises.
    """
    return soon(lambda: trace.find(proxy, moment))


def soon(look: Callable[[], Result | None]) -> Result | None:
    """Look for what may be seen a little later.

    :param look: Looks, and returns ``None`` where nothing is seen.
    :returns: What it returns; ``None`` once the time is over in which it may
        appear.
    """
    for pause in (0.0, *_SOON):
        if pause:
            _sleep(pause)
        found = look()
        if found is not None:
            return found
    return None


def seen(look: Callable[[], Result]) -> Result:
    """Look at what was made a moment ago until the cloud shows it.

    :param look: Looks, and raises
        :class:`~openstack.exceptions.NotFoundException` where it is not to be
        seen.
    :returns: What it returns.
    :raises: What it raises, once the time is over in which it may appear.
    """
    for pause in _SOON:
        try:
            return look()
        except sdk_exceptions.NotFoundException:
            _sleep(pause)
    return look()


class _Attempt(Generic[Result]):
    """A request, sent as often as it takes, and its one effect."""

    def __init__(
        self, proxy: Any, trace: Trace[Result], send: Send[Result]
    ) -> None:
        self._proxy = proxy
        self._trace = trace
        self._send = send
        self._moment = Moment()
        #: Whether the request may have taken effect.
        self._doubt = False
        #: Whether it has reached the service before.
        self._has_arrived = False
        self._policy = proxy.retry_policy.configured(proxy)
        #: Why the last sending failed, if it did.
        self._loss: Exception | None = None

    def result(self) -> Result:
        with self._noting_interruption():
            return retry.run(
                self._attempt,
                self._policy,
                failure_in=self._failure_in,
                give_up=self._give_up,
                wait=self._wait,
            )

    def _attempt(self) -> Result:
        """Send the request, or find what an earlier sending has made."""
        if self._loss is not None and self._has_arrived:
            # Gateways may say 503 of what the service has carried out.
            found = self._look((0.0,), self._loss)
            if found is not None:
                return found
        before = self._doubt
        self._doubt = True  # for a Ctrl-C
        try:
            result = self._send()
        except Exception as error:
            self._doubt = before
            found = self._recover(error)
            if found is None:
                raise
            return found
        self._doubt = False
        return self._trace.taken(result, again=self._has_arrived)

    def _recover(self, error: Exception) -> Result | None:
        """Return what the request has made, ``None`` to send it again."""
        loss = loss_of(error)
        if loss is None:
            return self._after_refusal(error)
        self._loss = error
        if failures.is_unsent(error):
            # The identity service has been asked as often as makes sense.
            return None
        _logger.info("%s: %s", loss.value.capitalize(), error)
        self._has_arrived |= loss is not Loss.UNSENT
        if loss in (Loss.UNSENT, Loss.REFUSED):
            return None
        self._doubt = True
        return self._look_for(loss, error)

    def _failure_in(self, error: Exception) -> failures.Failure | None:
        if error is not self._loss:
            # A refusal, or nothing more can be found out.
            return None
        failure = failures.in_error(error)
        assert failure is not None  # noqa: S101
        return dataclasses.replace(
            failure,
            kind='doubtful' if self._doubt else failure.kind,
            is_final=failures.is_unsent(error),
        )

    def _give_up(self, error: Exception, attempts: retry.Attempts) -> Result:
        raise self._noted(error)

    def _wait(
        self, pause: float, failure: failures.Failure, attempts: retry.Attempts
    ) -> None:
        _logger.info("Sending it again in %.1f seconds", pause)
        _sleep(pause)

    def _after_refusal(self, error: Exception) -> Result:
        """Return what an earlier sending has made, or raise the refusal."""
        if self._has_arrived:
            found = self._look(_SOON, error)
            if found is not None:
                return found
            self._trace.refused(error)
        raise self._noted(error)

    def _look_for(self, loss: Loss, error: Exception) -> Result | None:
        """Look after a loss; return ``None`` where it did not happen."""
        trace = self._trace
        if trace.is_repeatable:
            pauses: tuple[float, ...] = (0.0,)
        else:
            pauses = _LATER if loss is Loss.LATE else _SOON
        found = self._look(pauses, error)
        if found is None and loss is Loss.UNREADABLE:
            found = trace.accepted(self._proxy, self._moment)
        if found is not None or trace.is_repeatable:
            return found
        is_open = loss in (Loss.LATE, Loss.UNREADABLE)
        if is_open or trace.shows_late or not trace.can_look:
            reason = f"{error}".rstrip('. ')
            if loss is not Loss.UNREADABLE:
                reason = f"{loss.value.capitalize()} ({reason})"
            raise trace.unknown(reason) from error
        return None

    def _look(
        self, pauses: Sequence[float], error: Exception
    ) -> Result | None:
        trace = self._trace
        if not trace.can_look:
            return None
        unclear = None
        for pause in pauses:
            if pause:
                _sleep(pause)
            try:
                found = trace.find(self._proxy, self._moment)
                unclear = None
            except exceptions.OutcomeUnknownError as several:
                # It may become clear which is whose.
                unclear = several
                continue
            except (
                sdk_exceptions.HttpException,
                sdk_exceptions.InvalidResponse,
                ksa_exceptions.ClientException,
            ) as failure:
                raise trace.unknown(
                    f"The answer was lost ({error}), and looking for what "
                    f"it has made failed too ({failure})"
                ) from error
            if found is not None:
                _logger.info("The request took effect: %s", trace.what)
                return found
        if unclear is not None:
            raise unclear from error
        return None

    def _noted(self, error: Exception) -> Exception:
        if self._doubt:
            error.add_note(self._note())
        return error

    def _note(self) -> str:
        return (
            f"Left behind: perhaps {self._trace.what}, though it was not "
            f"seen; look with: {self._trace.advice}"
        )

    @contextlib.contextmanager
    def _noting_interruption(self) -> Iterator[None]:
        """Say of a Ctrl-C that the request may be on its way."""
        try:
            yield
        except Exception:
            raise
        except BaseException as error:
            if self._doubt:
                error.add_note(self._note())
            raise


# ====== WHAT A FAILURE MEANS ======


def loss_of(error: Exception) -> Loss | None:
    """Return what a failure says about the request.

    :param error: What sending it raised.
    :returns: ``None`` for a refusal, and for what is no failure of sending.
    """
    if failures.is_unsent(error):
        return Loss.UNSENT
    if isinstance(error, exceptions.InvalidAnswerError):
        return Loss.UNREADABLE
    failure = failures.in_error(error)
    if failure is None:
        return None
    if isinstance(error, ksa_exceptions.HttpError):
        # The identity service's, which openstacksdk asks afterwards too.
        return Loss.BROKEN
    if failure.is_undone:
        is_refusal = failure.kind == 'status'
        return Loss.REFUSED if is_refusal else Loss.UNSENT
    is_late = (
        isinstance(error, ksa_exceptions.ConnectTimeout)
        or getattr(error, 'status_code', None) == 504
    )
    return Loss.LATE if is_late else Loss.BROKEN
