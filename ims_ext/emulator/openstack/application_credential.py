# SPDX-License-Identifier: Apache-2.0
"""Application credentials, which each user has for programs of their own."""

import datetime
from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import keystone
from ims_ext.emulator.openstack.identity import ROLE
from ims_ext.emulator.openstack.identity import IdentityApi
from ims_ext.emulator.openstack.identity import utc
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import ApplicationCredential

_NOUN = 'application_credential'
_PATH = '/v3/users/<user_id>/application_credentials'


class ApplicationCredentialsApi:
    """Application credentials; their tokens have the one role there is."""

    mount = IDENTITY
    dialect = Dialect.KEYSTONE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('POST', _PATH)
    def create(self, request: Request, user_id: str) -> Answer:
        """Make one for the project of the caller's token."""
        keystone.check_own(request, user_id, f'create_{_NOUN}')
        keystone.check_unrestricted(request, self.state)
        project_id = request.caller.project_id
        if project_id is None:
            raise Forbidden("The token is not scoped to a project.")
        body = keystone.part(request.json_object(), _NOUN)
        name = keystone.text('name', body.get('name'))
        if not name:
            raise BadRequest("name must not be empty.")
        secret = body.get('secret') or self.state.ids.text(
            'application credential secret', user_id, 64
        )
        _check_roles(body.get('roles'))
        if body.get('access_rules'):
            raise BadRequest(
                "Access rules are not there: a credential opens all of the "
                "project's services."
            )
        try:
            made = self.state.application_credentials.add(
                user_id,
                project_id,
                name,
                keystone.text('secret', secret),
                description=_description(body.get('description')),
                unrestricted=_flag(body.get('unrestricted')),
                expires_at=_end(body.get('expires_at'), self.state.clock()),
            )
        except KeyError as error:
            raise Conflict(
                "Conflict occurred attempting to store application_credential "
                f"- Duplicate entry found with name {name}."
            ) from error
        view = _view(request, made)
        return 201, {_NOUN: {**view, 'secret': secret}}

    @route('GET', _PATH)
    def list(self, request: Request, user_id: str) -> Answer:
        """List the caller's."""
        keystone.check_own(request, user_id, f'list_{_NOUN}s')
        found = self.state.application_credentials.of_user(user_id)
        return keystone.listing(
            request, f'{_NOUN}s', [_view(request, each) for each in found]
        )

    @route('GET', f'{_PATH}/<credential_id>')
    def show(
        self, request: Request, user_id: str, credential_id: str
    ) -> Answer:
        """Show one of the caller's, without its secret."""
        return {
            _NOUN: _view(request, self._own(request, user_id, credential_id))
        }

    @route('DELETE', f'{_PATH}/<credential_id>')
    def delete(
        self, request: Request, user_id: str, credential_id: str
    ) -> Answer:
        """Delete one of the caller's; its tokens end with it."""
        keystone.check_unrestricted(request, self.state)
        found = self._own(request, user_id, credential_id)
        with self.state.transaction():
            self.state.application_credentials.delete(found.id)
            self.state.tokens.delete_of_credential(found.id)
        self.service.capability(IdentityApi).forget_callers()
        return 204, None

    @route('GET', '/v3/users/<user_id>/access_rules')
    def access_rules(self, request: Request, user_id: str) -> Answer:
        """List the access rules, of which there are none."""
        keystone.check_own(request, user_id, 'list_access_rules')
        return keystone.listing(request, 'access_rules', [])

    def _own(
        self, request: Request, user_id: str, credential_id: str
    ) -> ApplicationCredential:
        keystone.check_own(request, user_id, f'get_{_NOUN}')
        found = self.state.application_credentials.get(credential_id)
        if found is None or found.user_id != user_id:
            raise NotFound(
                f"Could not find application credential: {credential_id}."
            )
        return found


def _check_roles(value: Any) -> None:
    """Refuse roles that the caller does not have.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    if value is not None and not isinstance(value, list):
        raise BadRequest("roles must be a list.")
    for role in value or ():
        given = role if isinstance(role, dict) else {}
        if not given or any(
            given[key] != ROLE[key] for key in ROLE if key in given
        ):
            raise BadRequest(
                "Cannot create an application credential with unassigned "
                f"role; the only role is {ROLE['name']}."
            )


def _description(value: Any) -> str | None:
    return None if value is None else keystone.text('description', value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | None):
        raise BadRequest("unrestricted must be true or false.")
    return bool(value)


def _end(value: Any, now: float) -> float | None:
    """Return when a credential ends, in seconds since 1970.

    :param value: In ISO 8601, UTC where it says no zone.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    if value is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadRequest(
            "expires_at must be a time like 2030-01-31T23:59:59Z."
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    end = moment.timestamp()
    if end <= now:
        raise BadRequest("expires_at is over.")
    return end


def _view(request: Request, found: ApplicationCredential) -> dict[str, Any]:
    path = f'/v3/users/{found.user_id}/{_NOUN}s/{found.id}'
    return {
        'id': found.id,
        'name': found.name,
        'description': found.description,
        'project_id': found.project_id,
        'roles': [ROLE],
        'unrestricted': found.unrestricted,
        'expires_at': utc(found.expires_at) if found.expires_at else None,
        'links': {'self': f'{request.root}{path}'},
    }
