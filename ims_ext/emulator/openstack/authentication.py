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

    :ivar expires_at: When that ends which was the proof, in seconds since
        1970; ``None`` where the proof was a password.
    :ivar credential_id: The application credential that was the proof, also
        of a token that was; ``None`` without one.
    """

    methods: tuple[str, ...]
    user: User
    project: Project | None = None
    domain: Domain | None = None
    expires_at: float | None = None
    credential_id: str | None = None


@dataclasses.dataclass(frozen=True)
class _Proof:
    """A proof that a request for a token has, by one of its methods.

    :ivar project_id: The project that it is bound to, unless another scope
        is asked for; likewise ``domain_id``.
    """

    user: User
    expires_at: float | None = None
    project_id: str | None = None
    domain_id: str | None = None
    credential_id: str | None = None


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
        proofs = [self._proof(state, method) for method in self.methods]
        if len({proof.user.id for proof in proofs}) != 1:
            raise Unauthorized(UNAUTHORIZED)
        proof = proofs[-1]
        return Authentication(
            self.methods,
            proof.user,
            expires_at=proof.expires_at,
            credential_id=proof.credential_id,
            **self._scope(state, proof),
        )

    def _proof(self, state: State, method: str) -> _Proof:
        if method == 'password':
            return _Proof(_user_by_password(state, self.identity))
        if method == 'token':
            return _token_proof(state, _part(self.identity, 'token'))
        if method == 'application_credential':
            body = _part(self.identity, method)
            return _credential_proof(state, body)
        raise Unauthorized(
            "Attempted to authenticate with an unsupported method."
        )

    def _scope(self, state: State, proof: _Proof) -> dict[str, Any]:
        """Return the project or domain that the token will be good for."""
        if proof.credential_id is not None:
            return {'project': self._credential_project(state, proof)}
        if self.scope == 'unscoped':
            return {}
        user = proof.user
        if self.scope is None:
            if proof.domain_id is not None:
                return {'domain': state.domains.get(proof.domain_id)}
            return {
                'project': state.projects.get(
                    proof.project_id or user.default_project_id
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

    def _credential_project(
        self, state: State, proof: _Proof
    ) -> Project | None:
        """Return the one project that an application credential opens."""
        if self.scope is not None:
            wanted = None
            if isinstance(self.scope, dict) and 'project' in self.scope:
                wanted = _project(state, proof.user, self.scope)
            if wanted is None or wanted.id != proof.project_id:
                raise Unauthorized(
                    "Application credentials cannot request a scope."
                )
        return state.projects.get(proof.project_id or '')


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


def _token_proof(state: State, body: dict[str, Any]) -> _Proof:
    token = state.tokens.get(str(body.get('id')))
    user = state.users.get(token.user_id) if token else None
    if token is None or user is None:
        raise Unauthorized(UNAUTHORIZED)
    return _Proof(
        user,
        token.expires_at,
        token.project_id,
        token.domain_id,
        token.credential_id,
    )


def _credential_proof(state: State, body: dict[str, Any]) -> _Proof:
    secret = body.get('secret')
    if not isinstance(secret, str):
        raise BadRequest("Expecting to find secret in application_credential.")
    if 'id' in body:
        found = state.application_credentials.get(str(body['id']))
    elif 'name' in body:
        owner = _named_user(state, _part(body, 'user'))
        found = state.application_credentials.find(
            str(body['name']), owner.id if owner else ''
        )
    else:
        raise BadRequest(
            "Expecting to find id or name in application_credential."
        )
    user = state.users.get(found.user_id) if found else None
    if found is None or user is None or not found.has_secret(secret):
        raise Unauthorized(UNAUTHORIZED)
    if found.expires_at is not None and found.expires_at <= state.clock():
        raise Unauthorized(UNAUTHORIZED)
    return _Proof(
        user,
        found.expires_at,
        found.project_id,
        credential_id=found.id,
    )


def _user_by_password(state: State, identity: dict[str, Any]) -> User:
    body = _part(_part(identity, 'password'), 'user')
    password = body.get('password')
    if not isinstance(password, str):
        raise BadRequest("Expecting to find password in user.")
    user = _named_user(state, body)
    if user is None or not user.has_password(password):
        raise Unauthorized(UNAUTHORIZED)
    return user


def _named_user(state: State, body: dict[str, Any]) -> User | None:
    if 'id' in body:
        return state.users.get(str(body['id']))
    if 'name' in body:
        domain = _domain(state, _part(body, 'domain'))
        return state.users.find(str(body['name']), domain.id if domain else '')
    raise BadRequest("Expecting to find id or name in user.")


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
        name = str(body['name'])
        project = state.projects.find(
            name, domain_id or ''
        ) or state.projects.home(user.id, name)
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
