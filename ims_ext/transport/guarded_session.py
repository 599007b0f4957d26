# SPDX-License-Identifier: Apache-2.0
"""The identity service's requests: passwords and tokens stay with their host.

keystoneauth follows a redirect with all that the request has, to wherever it
points.
"""

from collections.abc import Mapping
import threading
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session
import requests

from ims_ext.exceptions import masking
from ims_ext.transport import forks
from ims_ext.transport import host_guard
from ims_ext.transport import origin
from ims_ext.transport import redirect
from ims_ext.transport import response_body
from ims_ext.transport import silence

#: Headers and parameters that are good for getting in, or may be.
_PROOFS = frozenset(
    ('authorization', 'x-auth-token', 'x-security-token', 'x-subject-token')
)


#: The URL that has just been denied to a thread.
_denied = threading.local()


def guarded(session: ksa_session.Session) -> ksa_session.Session:
    """Return a session that shows nobody's proof to another host.

    :param session: The session that sends the requests.
    """
    if isinstance(session, GuardedSession):
        return session
    return GuardedSession(session)


class GuardedSession(ksa_session.Session):
    """A session that follows redirects as the image service's requests do.

    All else is the given session's, its tokens and connections included.

    :param session: The given session.
    """

    def __init__(self, session: ksa_session.Session) -> None:
        # Not keystoneauth's own: what it keeps is the given session's.
        self._given = session

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)['_given'], name)

    def close(self) -> None:
        """Close nothing, at its end neither: connections are the session's."""

    @property
    def session(self) -> requests.Session:  # type: ignore[override]
        """The session of the requests library."""
        return self._given.session

    def request(  # type: ignore[override]
        self, url: str, method: str, **kwargs: Any
    ) -> requests.Response:
        """Send a request, as keystoneauth does but for redirects.

        Without a limit of the cloud's (``api_timeout``), it may be silent for
        :data:`~ims_ext.transport.silence.LIMIT` seconds.

        :param url: The URL.
        :param method: The HTTP method.
        :param kwargs: As for keystoneauth's. With ``redirect``, and without
            anything that opens the cloud, redirects are followed by
            keystoneauth.
        :raises: :class:`~ims_ext.exceptions.RedirectRefusedError` for a
            redirect to another host.
        """
        self._check_possible(url, kwargs)
        if self.timeout is None:
            kwargs.setdefault('timeout', silence.LIMIT)
        try:
            return self._request(url, method, **kwargs)
        except ksa_exceptions.Unauthorized:
            _denied.url = url
            raise

    def _check_possible(self, url: str, kwargs: Mapping[str, Any]) -> None:
        """Refuse to get a token in order to find out how to get one.

        Where the versions of identity cannot be looked at without a token,
        keystoneauth asks for them with one: it would wait for itself.

        :raises: :class:`keystoneauth1.exceptions.http.Unauthorized`
        """
        denied, _denied.url = getattr(_denied, 'url', None), None
        auth = kwargs.get('auth') or self.auth
        if (
            url == denied
            and kwargs.get('authenticated')
            and getattr(auth, 'auth_ref', auth) is None
        ):
            raise ksa_exceptions.Unauthorized(
                f"{url} tells the identity service's versions to nobody "
                f"without a token: let auth_url end in the version, for "
                f"example /v3"
            )

    def _request(
        self, url: str, method: str, **kwargs: Any
    ) -> requests.Response:
        forks.protect(self.session)
        if not redirect.is_whole(url):
            return self._given.request(url, method, **kwargs)
        hooks = self._given.session.hooks['response']
        kwargs['hooks'] = {'response': [response_body.receive, *hooks]}
        if kwargs.get('redirect') is not None or not self._proves(kwargs):
            return self._given.request(url, method, **kwargs)
        kwargs['redirect'] = False
        raise_exc = kwargs.pop('raise_exc', True)
        given = kwargs.pop('requests_auth', None)
        for _ in range(redirect.MOST + 1):
            guard = host_guard.HostGuard(self.session, origin.of(url), given)
            response = self._given.request(
                url, method, raise_exc=False, requests_auth=guard, **kwargs
            )
            there = redirect.target(
                response, method, is_repeatable=True, setting='auth_url'
            )
            if there is None:
                break
            kwargs.pop('params', None)
            url = there
        if raise_exc and response.status_code >= 400:
            masking.mask(response)
            raise ksa_exceptions.from_response(response, method, url)
        return response

    def _proves(self, kwargs: Mapping[str, Any]) -> bool:
        """Whether a request has something in it that opens the cloud."""
        authenticated = kwargs.get('authenticated')
        if authenticated is None:
            authenticated = bool(kwargs.get('auth') or self.auth)
        names = {str(name).lower() for name in kwargs.get('headers') or ()}
        return bool(
            authenticated
            or kwargs.get('json') is not None
            or kwargs.get('data') is not None
            or kwargs.get('requests_auth')
            or names & _PROOFS
        )
