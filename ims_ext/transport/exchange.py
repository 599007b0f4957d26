# SPDX-License-Identifier: Apache-2.0
"""A request and its answer, through what may go wrong between the two.

Faults that pass, tokens that end, and redirects are dealt with here, in place
of keystoneauth's own ways: those know nothing of what may be sent twice, and
take the token along to wherever a redirect points.
"""

from collections.abc import Callable, Collection, Sequence
import contextlib
import dataclasses
import logging
import time
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ksa_exceptions
import requests

from ims_ext import exceptions
from ims_ext.exceptions import masking
from ims_ext.transport import caller
from ims_ext.transport import failures
from ims_ext.transport import forks
from ims_ext.transport import guarded_session
from ims_ext.transport import host_guard
from ims_ext.transport import origin
from ims_ext.transport import redirect
from ims_ext.transport import resending
from ims_ext.transport import response_body
from ims_ext.transport import retry
from ims_ext.transport import silence

#: Methods whose requests have the same effect when they are sent again.
_REPEATABLE_METHODS = frozenset(('GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'))

_TOKEN = 'X-Auth-Token'  # noqa: S105

#: What an attempt raises; the last of them, the identity service's part.
_FAILURES = (
    ksa_exceptions.ClientException,
    exceptions.InvalidAnswerError,
)

_logger = logging.getLogger(__name__)

Transmit = Callable[..., requests.Response]


class Exchange:
    """A request on its way.

    :param proxy: Whose session, configuration and policy are used.
    :param transmit: Sends it once, as
        :meth:`openstack.proxy.Proxy.request` does.
    :param url: A path, or a whole URL.
    :param method: The HTTP method.
    :param is_repeatable: Whether sending it again has the same effect again;
        ``None`` to go by method and body.
    :param kwargs: What else ``transmit`` takes.
    """

    def __init__(
        self,
        proxy: adapter.Adapter,
        transmit: Transmit,
        url: str,
        method: str,
        is_repeatable: bool | None,
        kwargs: dict[str, Any],
    ) -> None:
        self._proxy = proxy
        self._transmit = transmit
        self._url = url
        self._method = method
        self._kwargs = kwargs
        self._body = _Body(kwargs.get('data'))
        if self._body.is_stream:
            self._kwargs['data'] = self._body.data
        if is_repeatable is None:
            # What is not JSON is an image's data: accepted once, refused
            # from then on.
            is_repeatable = (
                method in _REPEATABLE_METHODS and kwargs.get('data') is None
            )
        self._is_repeatable = is_repeatable
        self._is_sent = False
        self._is_lost = False
        self._has_given_up = False

    def run(
        self, policy: retry.Policy, prepare: Callable[[], None]
    ) -> requests.Response:
        """Return the answer.

        :param policy: How long and how often to ask again.
        :param prepare: Finds out what has to be known before anything is
            sent, from the identity service.
        :raises: :class:`~ims_ext.exceptions.NoAnswerError`,
            :class:`~ims_ext.exceptions.InvalidAnswerError`,
            :class:`~ims_ext.exceptions.RedirectRefusedError`, and what
            keystoneauth raises.
        """
        self._limit_silence(policy)
        forks.protect(self._proxy.session.session)
        with masking.clean_errors():
            response = self._run(policy, prepare)
        if response.status_code >= 400:
            # Exceptions are made of it, by openstacksdk too.
            response = masking.without_secrets(response)
        return response

    def _run(
        self, policy: retry.Policy, prepare: Callable[[], None]
    ) -> requests.Response:
        response = retry.run(
            lambda: self._answered(prepare),
            policy,
            failure_in=self._failure_in,
            give_up=self._give_up,
            wait=self._wait,
        )
        if not self._is_lost or self._has_given_up:
            return response
        return resending.outcome(
            response, self._kwargs.get('json'), self._proxy.get
        )

    def _answered(self, prepare: Callable[[], None]) -> requests.Response:
        """Return a response that asking again would not change."""
        self._is_sent = False
        response = self._attempt(prepare)
        failures.note_answer(response.url)
        failure = self._failure(response)
        if failure is not None:
            raise failures.FailedResponseError(response, failure)
        return response

    def _failure_in(self, error: Exception) -> failures.Failure | None:
        failure: failures.Failure | None = None
        if isinstance(error, failures.FailedResponseError):
            failure = error.failure
        elif isinstance(error, _FAILURES):
            failure = failures.in_error(error)
        if failure is None or not self._is_sent:
            return failure
        self._is_lost |= not failure.is_undone
        may_repeat = self._is_repeatable and self._body.rewind()
        return dataclasses.replace(failure, is_final=not may_repeat)

    def _give_up(
        self, error: Exception, attempts: retry.Attempts
    ) -> requests.Response:
        """Return a response that did not get better, or raise."""
        self._has_given_up = True
        if not isinstance(error, failures.FailedResponseError):
            what = "It was" if self._is_sent else "The identity service was"
            retry.raise_unanswered(
                error,
                f"No answer to {self._shown}",
                f"{what} {attempts}",
                is_unsent=not self._is_sent,
            )
        response = error.response
        if response.status_code < 400:
            raise exceptions.InvalidAnswerError(
                f"The answer to {self._shown} cannot be read "
                f"(HTTP {response.status_code}, {attempts})"
            ) from None
        if attempts.count > 1:
            exceptions.note_attempts(response, str(attempts))
        return response

    def _limit_silence(self, policy: retry.Policy) -> None:
        if self._proxy.session.timeout is not None:
            return
        if self._is_repeatable:
            self._kwargs.setdefault('timeout', policy.silence)
        elif self._kwargs.get('data') is None:
            # Taking in an image's data takes the service as long as it does.
            self._kwargs.setdefault('timeout', policy.silence_once)

    def _wait(
        self, pause: float, failure: failures.Failure, attempts: retry.Attempts
    ) -> None:
        # What passes by itself at once is no news.
        level = logging.INFO if attempts.count == 1 else logging.WARNING
        _logger.log(
            level,
            "%s: %s; again in %.1f seconds",
            self._shown,
            failure.reason,
            pause,
        )
        time.sleep(pause)
        # openstacksdk's cache would give the same answer again.
        self._kwargs['skip_cache'] = True

    @property
    def _shown(self) -> str:
        return f'{self._method} {redirect.path(self._url)}'

    # ====== ONE ATTEMPT ======

    def _attempt(self, prepare: Callable[[], None]) -> requests.Response:
        prepare()
        self._authenticate()
        response = self._send(self._url)
        if response.status_code != 401:
            return response
        # Refused for its token, so not carried out: whatever it is, it may
        # be sent again. Keystoneauth would do so as well, but one could not
        # tell a fault of the identity service's from one of this request.
        self._is_sent = False
        if not self._renew(response):
            return response
        self._authenticate()
        return self._send(self._url)

    @property
    def _auth(self) -> Any:
        found = self._kwargs.get('auth') or self._proxy.auth
        return found or self._proxy.session.auth

    @property
    def _is_authenticated(self) -> bool:
        return self._kwargs.get('authenticated') is not False and self._auth

    def _authenticate(self) -> str | None:
        """Have a token before anything is sent that needs one."""
        if not self._is_authenticated:
            return None
        session = guarded_session.guarded(self._proxy.session)
        # It may be asked for its versions, too.
        limit = 2 * (session.timeout or silence.LIMIT)
        with silence.during("the identity service", limit):
            headers = session.get_auth_headers(self._auth) or {}
        failures.note_answer(getattr(self._auth, 'auth_url', None))
        return headers.get(_TOKEN)

    def _renew(self, response: requests.Response) -> bool:
        """Drop a token that was refused; return whether there is another."""
        if (
            not self._is_authenticated
            or self._kwargs.get('allow_reauth') is False
            or not self._body.rewind()
        ):
            return False
        refused = response.request.headers.get(_TOKEN)
        # Another thread may have been refused as well, and renewed it or
        # be about to.
        return (
            (refused is not None and self._authenticate() != refused)
            or self._proxy.session.invalidate(self._auth)
            or (refused is not None and self._authenticate() != refused)
        )

    def _send(self, url: str) -> requests.Response:
        """Send the request, and follow redirects on the same host."""
        history: list[requests.Response] = []
        kwargs = dict(self._kwargs)
        while True:
            self._is_sent = True
            response = self._send_once(url, kwargs)
            response_body.shorten_page(response)
            response.history = [*history, *response.history]
            there = redirect.target(
                response, self._method, self._is_repeatable
            )
            if there is None:
                return response
            if len(history) == redirect.MOST or not self._body.rewind():
                return response
            history = [*response.history, response]
            kwargs.pop('params', None)
            url = there

    def _send_once(
        self, url: str, kwargs: dict[str, Any]
    ) -> requests.Response:
        ours = {
            'raise_exc': False,
            'redirect': False,
            'allow_reauth': False,
            'connect_retries': 0,
            'status_code_retries': 0,
            'hooks': {'response': [response_body.receive, *self._hooks]},
            'requests_auth': self._guard(url),
        }
        try:
            with self._waiting():
                return self._transmit(url, self._method, **{**kwargs, **ours})
        except Exception:
            if self._body.error is None:
                raise
        # Whatever was made of it: it is the caller's own.
        raise self._body.error

    def _waiting(self) -> contextlib.AbstractContextManager[None]:
        if self._kwargs.get('data') is not None:
            # It is not silent that takes what is sent.
            return contextlib.nullcontext()
        limit = self._kwargs.get('timeout', self._proxy.session.timeout)
        return silence.during(self._shown, limit)

    def _guard(self, url: str) -> host_guard.HostGuard:
        """Return what keeps the request from other hosts than the URL's."""
        whole = url
        if not redirect.is_whole(url):
            whole = self._kwargs['endpoint_override']
        try:
            meant = origin.of(whole)
        except ValueError as error:
            raise exceptions.EndpointNotFoundError(
                f"The image service's endpoint is no URL of HTTP: "
                f"{redirect.shown(whole)} ({error})"
            ) from None
        return host_guard.HostGuard(
            self._proxy.session.session,
            meant,
            self._kwargs.get('requests_auth'),
        )

    @property
    def _hooks(self) -> Sequence[Any]:
        """The caller's hooks of the session, which a request's replace."""
        hooks: Sequence[Any] = self._proxy.session.session.hooks['response']
        return hooks

    # ====== THE ANSWER ======

    def _failure(self, response: requests.Response) -> failures.Failure | None:
        failure = failures.in_answer(response)
        if failure is None and self._is_repeatable:
            if not self._is_readable(response):
                return failures.Failure(
                    'doubtful', 'an answer that cannot be read'
                )
            if response.status_code in self._further_statuses:
                return failures.Failure(
                    'status', f'HTTP {response.status_code}'
                )
        return failure

    @property
    def _further_statuses(self) -> Collection[int]:
        """Statuses that openstacksdk asks to repeat, conflicts for example."""
        return (
            self._kwargs.get('retriable_status_codes')
            or self._proxy.retriable_status_codes
            or ()
        )

    def _is_readable(self, response: requests.Response) -> bool:
        """Whether a success's body is what it should be."""
        if self._kwargs.get('stream') or self._method == 'HEAD':
            return True
        status = response.status_code
        if (
            not 200 <= status <= 300
            or status in response_body.BODILESS_STATUSES
        ):
            return True
        if not response.content:
            return self._method not in response_body.TELLING_METHODS
        return not _should_be_json(response) or _is_json(response)


class _Body:
    """A request's body, which may be one that can be read only once."""

    def __init__(self, data: Any) -> None:
        self.data = caller.Source.of(data)
        self.is_stream = data is not None and not isinstance(
            data, str | bytes | bytearray | dict | list | tuple
        )
        self._start = self._position()

    @property
    def error(self) -> BaseException | None:
        """The exception that reading it raised, if any."""
        source = self.data
        return source.error if isinstance(source, caller.Source) else None

    def _position(self) -> int | None:
        try:
            return int(self.data.tell()) if self.is_stream else 0
        except (AttributeError, OSError, ValueError):
            return None

    def rewind(self) -> bool:
        """Make it readable again; return whether that is possible."""
        if not self.is_stream:
            return True
        if self._start is None:
            return False
        try:
            self.data.seek(self._start)
        except (AttributeError, OSError, ValueError):
            return False
        return True


def _should_be_json(response: requests.Response) -> bool:
    """Whether an answer is JSON, or stands where JSON should."""
    headers = response.request.headers if response.request else {}
    accepted = headers.get('Accept') or ''
    if accepted and 'json' not in accepted and '*/*' not in accepted:
        return False
    given = response.headers.get('Content-Type') or ''
    kind = given.partition(';')[0].strip().lower()
    # Pages of gateways are text/html.
    return not kind or 'json' in kind or kind.startswith('text/')


def _is_json(response: requests.Response) -> bool:
    if isinstance(response, response_body.ServiceResponse):
        return response.is_json()
    try:
        response.json()
    except ValueError:
        return False
    return True
