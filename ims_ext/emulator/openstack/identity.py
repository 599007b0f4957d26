# SPDX-License-Identifier: Apache-2.0
"""Keystone's tokens, and who has sent a request."""

import dataclasses
import datetime
from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.errors import Unauthorized
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Caller
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import answer
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import signed_request
from ims_ext.emulator.openstack.authentication import UNAUTHORIZED
from ims_ext.emulator.openstack.authentication import Authentication
from ims_ext.emulator.openstack.authentication import parse
from ims_ext.emulator.openstack.catalog import token_catalog
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Project
from ims_ext.emulator.state import Token
from ims_ext.emulator.state import User

#: Where requests have their token.
TOKEN_HEADER = 'X-Auth-Token'  # noqa: S105
#: For how many seconds a token is valid.
TOKEN_SECONDS = 24 * 3600

ROLE = {'id': '9fe2ff9ee4384b1894a90878d3e92bab', 'name': 'member'}
#: The other role of those who may do what Glance lets administrators do.
ADMIN = {'id': '5b2c4cc3f0cd4c0e9f4e21b0a2d4c7aa', 'name': 'admin'}

_CACHE_SIZE = 10_000


class IdentityApi:
    """Discovery, and tokens."""

    mount = IDENTITY
    dialect = Dialect.KEYSTONE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state
        # Reading the database at every request would halve the speed.
        self._callers: dict[str, tuple[Caller, float]] = {}

    # ====== DISCOVERY ======

    @route('GET', '/', anonymous=True)
    def versions(self, request: Request) -> Answer:
        """List the only version."""
        return 300, {'versions': {'values': [_version(request)]}}

    @route('GET', '/v3', anonymous=True)
    @route('GET', '/v3/', anonymous=True)
    def version(self, request: Request) -> Answer:
        """Show the only version."""
        return {'version': _version(request)}

    # ====== TOKENS ======

    @route('POST', '/v3/auth/tokens', anonymous=True)
    def issue(self, request: Request) -> Answer:
        """Give a token to whoever knows a password or has a token."""
        found = parse(request.json_object()).carry_out(self.state)
        token = self._token(found)
        token_id = self.state.tokens.add(self._as_kept(token))
        response = answer((201, self._view(token, request)))
        response.headers['X-Subject-Token'] = token_id
        response.headers['Vary'] = 'X-Auth-Token'
        return response

    @route('GET', '/v3/auth/tokens')
    def validate(self, request: Request) -> Answer:
        """Show what a token is good for."""
        token_id, token = self._subject(request)
        response = answer(self._view(token, request))
        response.headers['X-Subject-Token'] = token_id
        return response

    @route('DELETE', '/v3/auth/tokens')
    def revoke(self, request: Request) -> Answer:
        """Make a token invalid."""
        token_id, _ = self._subject(request)
        self.state.tokens.delete(token_id)
        self._callers.pop(token_id, None)
        return 204, None

    @route('GET', '/v3/auth/catalog')
    def catalog(self, request: Request) -> Answer:
        """Show the catalog."""
        return {
            'catalog': token_catalog(self.service, request.caller.project_id),
            'links': {
                'self': f'{request.root}/v3/auth/catalog',
                'previous': None,
                'next': None,
            },
        }

    # ====== WHO CALLS ======

    def authenticate(self, request: Request) -> Caller | None:
        """Return who sends a request, ``None`` without a valid token.

        :raises: :class:`~ims_ext.emulator.errors.GatewayError` where it is
            signed with an access key, but wrongly.
        """
        if signed_request.is_signed(request):
            return _caller(
                *signed_request.check(request, self.state, self.service.clock)
            )
        token_id = request.headers.get(TOKEN_HEADER)
        return self.caller(token_id) if token_id else None

    def is_known(self, request: Request) -> bool:
        """Whether somebody may have sent a request, by its head.

        A signature can only be checked together with the body.

        :raises: :class:`~ims_ext.emulator.errors.ServiceError` where not.
        """
        if signed_request.is_signed(request):
            return signed_request.has_known_key(request, self.state)
        return self.authenticate(request) is not None

    def forget_callers(self) -> None:
        """Read all tokens anew, of which some were revoked."""
        self._callers.clear()

    def caller(self, token_id: str) -> Caller | None:
        """Return whom a token was issued to, ``None`` if it is invalid."""
        cached = self._callers.get(token_id)
        if cached is not None and cached[1] > self.service.clock():
            return cached[0]
        token = self.state.tokens.get(token_id)
        if token is None:
            self._callers.pop(token_id, None)
            return None
        caller = _caller(*self._holder(token), token.domain_id)
        if len(self._callers) >= _CACHE_SIZE:
            self._callers.clear()
        self._callers[token_id] = caller, token.expires_at
        return caller

    def _holder(self, token: Token) -> tuple[User, Project | None]:
        user = self.state.users.get(token.user_id)
        if user is None:
            raise Unauthorized(UNAUTHORIZED)
        if token.project_id is None:
            return user, None
        return user, self.state.projects.get(token.project_id)

    def _subject(self, request: Request) -> tuple[str, Token]:
        """Return the token that a request is about: the caller's own."""
        token_id = request.headers.get('X-Subject-Token')
        if not token_id:
            raise BadRequest("The header X-Subject-Token is missing.")
        token = self.state.tokens.get(token_id)
        if token is None or token.user_id != request.caller.user_id:
            raise NotFound("Could not find token.")
        return token_id, token

    def _token(self, found: Authentication) -> Token:
        now = self.service.clock()
        end = now + TOKEN_SECONDS
        return Token(
            user_id=found.user.id,
            project_id=found.project.id if found.project else None,
            domain_id=found.domain.id if found.domain else None,
            methods=found.methods,
            audit_id=self.state.ids.text('audit', found.user.id, 16),
            issued_at=now,
            # A token does not outlive what it comes from.
            expires_at=min(end, found.expires_at or end),
            credential_id=found.credential_id,
        )

    def _as_kept(self, token: Token) -> Token:
        """Return a token that may end earlier than the client is told."""
        seconds = self.service.faults.token_seconds()
        if seconds is None:
            return token
        end = min(token.expires_at, token.issued_at + seconds)
        return dataclasses.replace(token, expires_at=end)

    def _view(self, token: Token, request: Request) -> dict[str, Any]:
        user, project = self._holder(token)
        domain = self._domain_view(user.domain_id)
        body: dict[str, Any] = {
            'methods': list(token.methods),
            'user': {
                'id': user.id,
                'name': user.name,
                'domain': domain,
                'password_expires_at': None,
            },
            'audit_ids': [token.audit_id],
            'issued_at': utc(token.issued_at),
            'expires_at': utc(token.expires_at),
        }
        if project is not None:
            body['project'] = {
                'id': project.id,
                'name': project.name,
                'domain': self._domain_view(project.domain_id),
            }
            body['is_domain'] = False
            body |= self._credential_view(token.credential_id)
        elif token.domain_id is not None:
            body['domain'] = self._domain_view(token.domain_id)
        else:
            return {'token': body}
        body['roles'] = [ROLE, ADMIN] if user.is_admin else [ROLE]
        if 'nocatalog' not in request.args:
            body['catalog'] = token_catalog(self.service, token.project_id)
        return {'token': body}

    def _credential_view(self, credential_id: str | None) -> dict[str, Any]:
        """Return the part about an application credential, if there is one."""
        found = self.state.application_credentials.get(credential_id or '')
        if found is None:
            return {}
        return {
            'application_credential': {
                'id': found.id,
                'name': found.name,
                'restricted': not found.unrestricted,
            }
        }

    def _domain_view(self, domain_id: str) -> dict[str, str]:
        domain = self.state.domains.get(domain_id)
        return {'id': domain_id, 'name': domain.name if domain else ''}


def _caller(
    user: User, project: Project | None, domain_id: str | None = None
) -> Caller:
    return Caller(
        user_id=user.id,
        user_name=user.name,
        project_id=project.id if project else None,
        project_name=project.name if project else None,
        domain_id=domain_id,
        region=project.region if project else None,
        roles=(ROLE['name'],) if project or domain_id else (),
        is_admin=user.is_admin,
    )


def utc(seconds: float) -> str:
    """Return a time as Keystone writes it, with microseconds."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def _version(request: Request) -> dict[str, Any]:
    return {
        'id': 'v3.14',
        'status': 'stable',
        'updated': '2020-04-07T00:00:00Z',
        'links': [{'rel': 'self', 'href': f'{request.root}/v3/'}],
        'media-types': [
            {
                'base': 'application/json',
                'type': 'application/vnd.openstack.identity-v3+json',
            }
        ],
    }
