# SPDX-License-Identifier: Apache-2.0
"""Access keys instead of passwords: ``auth_type: v3aksk``.

A keystoneauth plug-in that signs every request of a session with an access
key and its secret key (SDK-HMAC-SHA256). There is no token, so nothing
expires; what a signature is good for is one request within a quarter of an
hour.

Every ``openstack`` command imports this module: it loads what keystoneauth
has loaded already, and everything else where it is needed.
"""

from collections.abc import Callable
import datetime
import logging
import re
import threading
import time
from typing import TYPE_CHECKING, Any

from keystoneauth1 import access
from keystoneauth1 import loading
from keystoneauth1.identity import base

from ims_ext.auth import signer
from ims_ext.transport import origin as origins

if TYPE_CHECKING:
    from keystoneauth1.loading import opts
    from keystoneauth1.session import Session
    import requests

LOG = logging.getLogger(__name__)


class _SignedAccess(access.AccessInfoV3):
    """The catalog, and mostly the project, as known without a token."""

    @property
    def expires(self) -> datetime.datetime | None:
        """Return ``None``: there is no token that could end."""
        return None

    @property
    def issued(self) -> datetime.datetime | None:
        """Return ``None``: there is no token that somebody issued."""
        return None


class AccessKey(base.BaseIdentityPlugin):
    """Signs requests with an access key; ``auth_type: v3aksk``.

    ::

        auth = AccessKey(
            'https://iam.example.com/v3', 'AK…', 'SK…', project_name='eu-de'
        )
        session = keystoneauth1.session.Session(auth=auth)

    :param auth_url: The identity service's URL.
    :param access_key: The access key.
    :param secret_key: Its secret half.
    :param security_token: What belongs to a temporary access key.
    :param project_id: The project to work in; without any, the one that the
        cloud takes for the key.
    :param project_name: Its name instead, looked up when it is needed.

    :ivar clock: Gives the time in seconds since 1970.
    """

    def __init__(
        self,
        auth_url: str,
        access_key: str,
        secret_key: str,
        security_token: str | None = None,
        project_id: str | None = None,
        project_name: str | None = None,
    ) -> None:
        super().__init__(auth_url)
        self.clock: Callable[[], float] = time.time
        self._key = signer.Key(access_key, secret_key, security_token or None)
        self._project: dict[str, Any] = {
            'id': project_id or None,
            'name': project_name or None,
        }
        self._identity_url = auth_url.rstrip('/')
        if not re.search(r'/v3(\.\d+)?$', self._identity_url):
            self._identity_url += '/v3'
        self._project_lock = threading.Lock()

    # ====== WHAT KEYSTONEAUTH ASKS FOR ======

    def get_headers(self, session: 'Session') -> dict[str, str] | None:
        """Return what makes the session sign its next request."""
        self._find_project(session)
        return self._stand_in(session)

    def get_token(self, session: 'Session') -> str | None:
        """Return ``None``: there is no token."""
        return None

    def get_auth_ref(self, session: 'Session') -> access.AccessInfo:
        """Return catalog and project, as :meth:`get_access` does."""
        return self.get_access(session)

    def get_access(
        self, session: 'Session', **kwargs: Any
    ) -> access.AccessInfo:
        """Return catalog and project, asked for once (GET /auth/catalog).

        :raises: :class:`!keystoneauth1.exceptions.http.HttpError` where the
            identity service refuses,
            :class:`~ims_ext.exceptions.ClockSkewError` where it does
            because of the time.
        """
        with self._lock:
            if self.auth_ref is None:
                self.auth_ref = self._fetch(session)
            return self.auth_ref

    def get_project_id(self, session: 'Session') -> str | None:
        """Return the project's ID, ``None`` where no project is given."""
        project_id = self._find_project(session)['id']
        return str(project_id) if project_id else None

    def get_user_id(self, session: 'Session') -> str | None:
        """Return ``None``: nothing says whose the access key is."""
        return None

    def invalidate(self) -> bool:
        """Return ``False``: what was refused would be refused again."""
        return False

    # ====== SIGNING ======

    def sign(
        self, request: 'requests.PreparedRequest', unsigned: signer.Unsigned
    ) -> None:
        """Sign a request, unless it was redirected out of the cloud.

        :param request: The request, complete but for the signature.
        :param unsigned: The stand-in that it carries.
        :raises: :class:`~ims_ext.exceptions.UnsignableRequestError`, also
            where it is not clear which host it leads to.
        """
        origin = signer.find_origin(str(request.url))
        if unsigned.origin is None:
            unsigned.origin = origin
        elif origin != unsigned.origin and origin not in self._origins():
            del request.headers['Authorization']
            return
        signer.sign(request, self._key, self._project['id'], self.clock())

    def _stand_in(self, session: 'Session') -> dict[str, str]:
        """Return the header for a request of a session that will sign it."""
        if not isinstance(session.session.auth, signer.Signer):
            session.session.auth = signer.Signer(session.session.auth)
        return {'Authorization': signer.Unsigned(self)}

    def _origins(self) -> set[origins.Origin]:
        """Return where the cloud is, as far as is known."""
        urls = [self._identity_url]
        if self.auth_ref is not None:
            urls += [
                endpoint['url']
                for entry in self.auth_ref.service_catalog.catalog
                for endpoint in entry['endpoints']
            ]
        return {signer.find_origin(url) for url in urls}

    # ====== WHAT THE IDENTITY SERVICE KNOWS ======

    def _find_project(self, session: 'Session') -> dict[str, Any]:
        """Return the project, looked up by its name if need be."""
        if self._project['id'] or not self._project['name']:
            return self._project
        with self._project_lock:
            if not self._project['id']:
                self._project = self._project_by_name(session)
            return self._project

    def _project_by_name(self, session: 'Session') -> dict[str, Any]:
        from keystoneauth1 import exceptions as keystone_exceptions

        name = self._project['name']
        response = self._get(session, '/projects', name=name)
        # Who may not list projects may still list their own.
        if response.status_code in (403, 404):
            response = self._get(session, '/auth/projects')
        listed = _list_of(response, 'projects')
        found = [each for each in listed if each.get('name') == name]
        if len(found) == 1 and isinstance(found[0].get('id'), str):
            return found[0]
        names = ', '.join(sorted({str(each.get('name')) for each in listed}))
        raise keystone_exceptions.AuthorizationFailure(
            f"The access key's user has {len(found) or 'no'} projects with "
            f"the name {name!r}"
            + (f"; there are {names}" if names and not found else "")
            + ": check project_name, or give project_id instead"
        )

    def _fetch(self, session: 'Session') -> access.AccessInfo:
        project = self._find_project(session)
        response = self._get(session, '/auth/catalog')
        if _has_no_catalog(response):
            LOG.warning(
                "The identity service at %s has no catalog for access keys "
                "(HTTP %s): only endpoints of the cloud's configuration "
                "are known",
                self._identity_url,
                response.status_code,
            )
            catalog = []
        else:
            catalog = _list_of(response, 'catalog')
        token: dict[str, Any] = {
            'methods': [],
            'user': {
                'id': None,
                'name': None,
                'domain': {'id': None, 'name': None},
            },
            'catalog': _usable(catalog),
        }
        if project['id']:
            domain = {'id': project.get('domain_id'), 'name': None}
            token['project'] = {
                'id': project['id'],
                'name': project.get('name'),
                'domain': domain,
            }
        return _SignedAccess({'token': token})

    def _get(
        self, session: 'Session', path: str, **query: str
    ) -> 'requests.Response':
        """Ask the identity service something, signed."""
        from ims_ext.transport import failures
        from ims_ext.transport import guarded_session
        from ims_ext.transport import retry

        guarded = guarded_session.guarded(session)

        def ask() -> 'requests.Response':
            response = guarded.get(
                self._identity_url + path,
                params=query,
                headers={
                    'Accept': 'application/json',
                    **self._stand_in(session),
                },
                # What session.auth would do to it has been done.
                authenticated=False,
                raise_exc=False,
            )
            return failures.good(response)

        # Who needs the answer may ask again in turn.
        return retry.run(
            ask,
            retry.Policy().briefly(),
            failure_in=failures.in_error,
            give_up=retry.last_answer,
        )


class AccessKeyLoader(loading.BaseIdentityLoader[AccessKey]):
    """The options of ``auth_type: v3aksk``."""

    @property
    def plugin_class(self) -> type[AccessKey]:
        """Return what the options are for."""
        return AccessKey

    def get_options(self) -> list['opts.Opt']:
        """Return the options, the secret ones marked as such."""
        return [
            *super().get_options(),
            loading.Opt('access-key', required=True, help='Access key'),
            loading.Opt(
                'secret-key',
                required=True,
                secret=True,
                help='Secret half of the access key',
            ),
            loading.Opt(
                'security-token',
                secret=True,
                help='Security token of a temporary access key',
            ),
            loading.Opt('project-id', help='ID of the project to work in'),
            loading.Opt('project-name', help='Name of the project instead'),
        ]

    def load_from_options(self, **kwargs: Any) -> AccessKey:
        """Return the plug-in.

        What is there for other ways of logging in, a user's name in the
        environment for example, does not get in the way.
        """
        known = {option.dest for option in self.get_options()}
        return super().load_from_options(
            **{name: each for name, each in kwargs.items() if name in known}
        )


def _has_no_catalog(response: 'requests.Response') -> bool:
    """Whether it is the catalog that is refused, and not who asks for it."""
    from ims_ext import exceptions

    if response.status_code == 403:
        # With a code it is the gateway that speaks.
        return exceptions.error_body(response)[0] is None
    return response.status_code == 404


def _usable(catalog: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those entries of a catalog that say where something is."""
    usable = []
    for entry in catalog:
        endpoints = entry.get('endpoints')
        if isinstance(endpoints, list):
            leading = [
                each
                for each in endpoints
                if isinstance(each, dict) and isinstance(each.get('url'), str)
            ]
            usable.append({**entry, 'endpoints': leading})
    return usable


def _list_of(response: 'requests.Response', name: str) -> list[dict[str, Any]]:
    """Return a list of objects from an answer of the identity service.

    :raises: :class:`!keystoneauth1.exceptions.http.HttpError` for a refusal,
        :class:`~ims_ext.exceptions.InvalidAnswerError` for nonsense.
    """
    from keystoneauth1 import exceptions as keystone_exceptions

    from ims_ext import exceptions
    from ims_ext.exceptions import masking

    if response.status_code >= 400:
        code, reason = exceptions.error_body(response)
        error = keystone_exceptions.from_response(
            masking.without_secrets(response), 'GET', str(response.url)
        )
        said = ': '.join(filter(None, (code, reason or response.reason)))
        words = f"The identity service refuses a signed request: {said}"
        error.message = words
        error.args = (f"{words} (HTTP {response.status_code})",)
        raise error
    try:
        listed = response.json()[name]
    except (ValueError, KeyError, TypeError):
        listed = None
    if not isinstance(listed, list):
        raise exceptions.InvalidAnswerError(
            f"The identity service's answer at {response.url} has no list "
            f"of {name}: check auth_url"
        )
    return [each for each in listed if isinstance(each, dict)]
