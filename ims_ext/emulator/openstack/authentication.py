# SPDX-License-Identifier: Apache-2.0
"""Requests for tokens: the claimed user, and the scope."""

import dataclasses
from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Unauthorized
from ims_ext.emulator.state import Domain
from ims_ext.emulator.state import Project
from ims_ext.emulator.state import State
from ims_ext.emulator.state import User

#: What those are told who cannot prove who they are; no word says why.
UNAUTHORIZED = "The request you have made requires authentication."


@dataclasses.dataclass(frozen=True)
class Authentication:
    """Somebody who has proved who they are.

    :ivar expires_at: When the token ends that was the proof, in seconds
        since 1970; ``None`` where the proof was a password.
    """

    methods: tuple[str, ...]
    user: User
    project: Project | None = None
    domain: Domain | None = None
    expires_at: float | None = None


@dataclasses.dataclass(frozen=True)
class Claim:
    """A request for a token.

    :ivar identity: Its part of that name.
    :ivar scope: Its part of that name, ``None`` where there is none.
    """

    methods: tuple[str, ...]
    identity: dict[str, Any]
    scope: Any

    def carry_out(self, state: State) -> Authentication:
        """Prove the claim.

        :raises: :class:`~ims_ext.emulator.errors.Unauthorized` where it is
            false, ``BadRequest`` where parts are missing.
        """
        users: list[User] = []
        expires_at = None
        bound: tuple[str | None, str | None] = (None, None)
        for method in self.methods:
            if method == 'password':
                users.append(_user_by_password(state, self.identity))
            elif method == 'token':
                token_id = _part(self.identity, 'token').get('id')
                token = state.tokens.get(str(token_id))
                user = state.users.get(token.user_id) if token else None
                if token is None or user is None:
                    raise Unauthorized(UNAUTHORIZED)
                users.append(user)
                expires_at = token.expires_at
                bound = token.project_id, token.domain_id
            else:
                raise Unauthorized(
                    "Attempted to authenticate with an unsupported method."
                )
        if len({user.id for user in users}) != 1:
            raise Unauthorized(UNAUTHORIZED)
        user = users[0]
        found = Authentication(self.methods, user, expires_at=expires_at)
        return dataclasses.replace(found, **self._scope(state, user, bound))

    def _scope(
        self, state: State, user: User, bound: tuple[str | None, str | None]
    ) -> dict[str, Any]:
        """Return the project or domain that the token will be good for."""
        if self.scope == 'unscoped':
            return {}
        if self.scope is None:
            project_id, domain_id = bound
            if domain_id is not None:
                return {'domain': state.domains.get(domain_id)}
            return {
                'project': state.projects.get(
                    project_id or user.default_project_id
                )
            }
        if not isinstance(self.scope, dict):
            raise BadRequest("Expecting to find an object in scope.")
        if 'project' in self.scope:
            return {'project': _project(state, user, self.scope)}
        if 'domain' in self.scope:
            domain = _domain(state, _part(self.scope, 'domain'))
            if domain is None or domain.id != user.domain_id:
                raise Unauthorized(UNAUTHORIZED)
            return {'domain': domain}
        raise Unauthorized(UNAUTHORIZED)


def parse(body: dict[str, Any]) -> Claim:
    """Return what a request for a token says.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest` where parts are
        missing.
    """
    auth = _part(body, 'auth')
    identity = _part(auth, 'identity')
    methods = identity.get('methods')
    if (
        not isinstance(methods, list)
        or not methods
        or not all(isinstance(each, str) for each in methods)
    ):
        raise BadRequest("Expecting to find methods in identity.")
    # Each costs a look at a password: one that is named twice, only once.
    return Claim(tuple(dict.fromkeys(methods)), identity, auth.get('scope'))


def _user_by_password(state: State, identity: dict[str, Any]) -> User:
    body = _part(_part(identity, 'password'), 'user')
    password = body.get('password')
    if not isinstance(password, str):
        raise BadRequest("Expecting to find password in user.")
    if 'id' in body:
        user = state.users.get(str(body['id']))
    elif 'name' in body:
        domain = _domain(state, _part(body, 'domain'))
        user = state.users.find(str(body['name']), domain.id if domain else '')
    else:
        raise BadRequest("Expecting to find id or name in user.")
    if user is None or not user.has_password(password):
        raise Unauthorized(UNAUTHORIZED)
    return user


def _project(state: State, user: User, scope: dict[str, Any]) -> Project:
    """Return the project of a scope, if the user works in it."""
    body = _part(scope, 'project')
    if 'id' in body:
        project = state.projects.get(str(body['id']))
    elif 'name' in body:
        # The clouds take the user's domain where none is named.
        domain_id: str | None = user.domain_id
        if 'domain' in body:
            domain = _domain(state, _part(body, 'domain'))
            domain_id = domain.id if domain else ''
        project = state.projects.find(str(body['name']), domain_id or '')
    else:
        raise BadRequest("Expecting to find id or name in project.")
    if project is None or project not in state.projects.of_user(user.id):
        raise Unauthorized(UNAUTHORIZED)
    return project


def _domain(state: State, body: dict[str, Any]) -> Domain | None:
    if 'id' in body:
        return state.domains.get(str(body['id']))
    if 'name' in body:
        return state.domains.find(str(body['name']))
    raise BadRequest("Expecting to find id or name in domain.")


def _part(body: dict[str, Any], name: str) -> dict[str, Any]:
    part = body.get(name)
    if not isinstance(part, dict):
        raise BadRequest(f"Expecting to find {name} in the request body.")
    return part
