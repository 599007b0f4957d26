# SPDX-License-Identifier: Apache-2.0
"""Access keys: temporary ones for a token, permanent ones to be managed."""

import dataclasses
from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.errors import Unauthorized
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import keystone
from ims_ext.emulator.openstack.authentication import UNAUTHORIZED
from ims_ext.emulator.openstack.identity import TOKEN_HEADER
from ims_ext.emulator.openstack.identity import IdentityApi
from ims_ext.emulator.openstack.identity import utc
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import AccessKey

#: The shortest and longest life of temporary access keys, in seconds.
KEY_SECONDS = (900, 86400)
#: How many permanent access keys a user has at most.
KEY_LIMIT = 2

_STATUSES = ('active', 'inactive')


class AccessKeysApi:
    """Access keys, as the clouds manage them, and as Keystone's EC2 keys.

    Users manage their own.
    """

    mount = IDENTITY
    dialect = Dialect.KEYSTONE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    # ====== TEMPORARY ======

    @route('POST', '/v3.0/OS-CREDENTIAL/securitytokens', anonymous=True)
    def issue_temporary(self, request: Request) -> Answer:
        """Give a temporary access key to whoever has a token.

        The token may be in the body instead of the header.
        """
        try:
            identity = request.json_object()['auth']['identity']
            methods = identity['methods']
            options = identity.get('token', {})
            seconds = options.get('duration_seconds', KEY_SECONDS[0])
            token_id = options.get('id') or request.headers.get(
                TOKEN_HEADER, ''
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise BadRequest("Expecting to find identity in auth.") from error
        if methods != ['token']:
            raise BadRequest("Only the method 'token' is supported.")
        shortest, longest = KEY_SECONDS
        if type(seconds) is not int or not shortest <= seconds <= longest:
            raise BadRequest(
                f"duration_seconds must be from {shortest} to {longest}."
            )
        users = self.service.capability(IdentityApi)
        caller = users.caller(token_id) if isinstance(token_id, str) else None
        if caller is None:
            raise Unauthorized(UNAUTHORIZED)
        if caller.project_id is None:
            raise BadRequest("The token is not scoped to a project.")
        key = self.state.access_keys.issue(
            caller.user_id, caller.project_id, seconds
        )
        return 201, {
            'credential': {
                'access': key.access,
                'secret': key.secret,
                'securitytoken': key.security_token,
                'expires_at': (
                    utc(key.expires_at.timestamp()) if key.expires_at else None
                ),
            }
        }

    # ====== PERMANENT ======

    @route('POST', '/v3.0/OS-CREDENTIAL/credentials')
    def create(self, request: Request) -> Answer:
        """Make a permanent access key; its secret is not shown again."""
        options = _credential(request)
        user_id = options.get('user_id', request.caller.user_id)
        key = self._issue(
            request,
            user_id,
            request.caller.project_id,
            keystone.text('description', options.get('description', '')),
        )
        return 201, {'credential': {**_view(key), 'secret': key.secret}}

    @route('GET', '/v3.0/OS-CREDENTIAL/credentials')
    def list(self, request: Request) -> Answer:
        """List the caller's permanent access keys."""
        user_id = request.args.get('user_id') or request.caller.user_id
        keystone.check_own(request, user_id, 'list_credentials')
        keys = self.state.access_keys.of_user(user_id)
        return {'credentials': [_view(key) for key in keys]}

    @route('GET', '/v3.0/OS-CREDENTIAL/credentials/<access>')
    def show(self, request: Request, access: str) -> Answer:
        """Show one of the caller's permanent access keys."""
        key = self._own(request, request.caller.user_id, access)
        return {'credential': _view(key)}

    @route('PUT', '/v3.0/OS-CREDENTIAL/credentials/<access>')
    def update(self, request: Request, access: str) -> Answer:
        """Switch a key on or off, or describe it otherwise."""
        options = _credential(request)
        status = options.get('status')
        if status is not None and status not in _STATUSES:
            raise BadRequest(f"status is {' or '.join(_STATUSES)}.")
        with self.state.transaction():
            key = self._own(request, request.caller.user_id, access)
            key = dataclasses.replace(
                key,
                is_active=key.is_active if not status else status == 'active',
                description=keystone.text(
                    'description', options.get('description', key.description)
                ),
            )
            self.state.access_keys.save(key)
        return {'credential': _view(key)}

    @route('DELETE', '/v3.0/OS-CREDENTIAL/credentials/<access>')
    def delete(self, request: Request, access: str) -> Answer:
        """Delete one of the caller's permanent access keys."""
        return self._delete(request, request.caller.user_id, access)

    # ====== EC2 ======

    @route('POST', '/v3/users/<user_id>/credentials/OS-EC2')
    def create_ec2(self, request: Request, user_id: str) -> Answer:
        """Make a permanent access key for a project."""
        project_id = request.json_object().get('tenant_id')
        mine = self.state.projects.of_user(request.caller.user_id)
        if project_id not in {project.id for project in mine}:
            raise Forbidden("The user does not work in the project.")
        key = self._issue(request, user_id, project_id)
        return 201, {'credential': _ec2_view(request, key)}

    @route('GET', '/v3/users/<user_id>/credentials/OS-EC2')
    def list_ec2(self, request: Request, user_id: str) -> Answer:
        """List the caller's permanent access keys."""
        keystone.check_own(request, user_id, 'ec2_list_credentials')
        return keystone.listing(
            request,
            'credentials',
            [
                _ec2_view(request, key)
                for key in self.state.access_keys.of_user(user_id)
            ],
        )

    @route('GET', '/v3/users/<user_id>/credentials/OS-EC2/<access>')
    def show_ec2(self, request: Request, user_id: str, access: str) -> Answer:
        """Show one of the caller's permanent access keys."""
        key = self._own(request, user_id, access)
        return {'credential': _ec2_view(request, key)}

    @route('DELETE', '/v3/users/<user_id>/credentials/OS-EC2/<access>')
    def delete_ec2(
        self, request: Request, user_id: str, access: str
    ) -> Answer:
        """Delete one of the caller's permanent access keys."""
        return self._delete(request, user_id, access)

    # ====== THE CALLER'S OWN ======

    def _issue(
        self,
        request: Request,
        user_id: str,
        project_id: str | None,
        description: str = '',
    ) -> AccessKey:
        keystone.check_own(request, user_id, 'create_credential')
        keystone.check_unrestricted(request, self.state)
        user = self.state.users.get(user_id)
        if user is None:
            raise NotFound(f"Could not find user: {user_id}.")
        with self.state.transaction():
            if len(self.state.access_keys.of_user(user_id)) >= KEY_LIMIT:
                raise BadRequest(
                    f"akSkNumExceed: a user has at most {KEY_LIMIT} permanent "
                    f"access keys."
                )
            return self.state.access_keys.issue(
                user_id,
                project_id or user.default_project_id,
                description=description,
            )

    def _own(self, request: Request, user_id: str, access: str) -> AccessKey:
        keystone.check_own(request, user_id, 'get_credential')
        for key in self.state.access_keys.of_user(user_id):
            if key.access == access:
                return key
        raise NotFound(f"Could not find credential: {access}.")

    def _delete(self, request: Request, user_id: str, access: str) -> Answer:
        keystone.check_unrestricted(request, self.state)
        key = self._own(request, user_id, access)
        self.state.access_keys.delete(key.access)
        return 204, None


def _credential(request: Request) -> dict[str, Any]:
    return keystone.part(request.json_object(), 'credential')


def _view(key: AccessKey) -> dict[str, Any]:
    return {
        'access': key.access,
        'user_id': key.user_id,
        'status': _STATUSES[not key.is_active],
        'description': key.description,
        'create_time': utc(key.created_at),
    }


def _ec2_view(request: Request, key: AccessKey) -> dict[str, Any]:
    path = f'/v3/users/{key.user_id}/credentials/OS-EC2/{key.access}'
    return {
        'access': key.access,
        'secret': key.secret,
        'user_id': key.user_id,
        'tenant_id': key.project_id,
        'trust_id': None,
        'links': {'self': f'{request.root}{path}'},
    }
