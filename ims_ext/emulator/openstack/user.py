# SPDX-License-Identifier: Apache-2.0
"""What users see of themselves and change: above all their password."""

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.errors import Unauthorized
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import keystone
from ims_ext.emulator.openstack.identity import IdentityApi
from ims_ext.emulator.service import Service


class UsersApi:
    """The caller's password, and the caller as the clouds' IAM shows them."""

    mount = IDENTITY
    dialect = Dialect.KEYSTONE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('POST', '/v3/users/<user_id>/password')
    def change_password(self, request: Request, user_id: str) -> Answer:
        """Give the caller another password; all of their tokens end."""
        keystone.check_own(request, user_id, 'change_password')
        body = keystone.part(request.json_object(), 'user')
        new, old = body.get('password'), body.get('original_password')
        if not isinstance(new, str) or not isinstance(old, str) or not new:
            raise BadRequest(
                "Expecting to find password and original_password in user."
            )
        with self.state.transaction():
            user = self.state.users.get(user_id)
            if user is None or not user.has_password(old):
                raise Unauthorized("The password does not match.")
            self.state.users.set_password(user_id, new)
            self.state.tokens.delete_of_user(user_id)
        self.service.capability(IdentityApi).forget_callers()
        return 204, None

    @route('GET', '/v3.0/OS-USER/users/<user_id>')
    def show(self, request: Request, user_id: str) -> Answer:
        """Show the caller, with what the clouds know beside Keystone."""
        keystone.check_own(request, user_id, 'get_user')
        user = self.state.users.get(user_id)
        if user is None:
            raise NotFound(f"Could not find user: {user_id}.")
        return {
            'user': {
                'id': user.id,
                'name': user.name,
                'domain_id': user.domain_id,
                'enabled': True,
                'description': '',
                'access_mode': 'default',
                'is_domain_owner': user.is_admin,
                'pwd_status': False,
                'xuser_id': '',
                'xuser_type': '',
                'email': '',
                'phone': '',
                'areacode': '',
                'links': {'self': f'{request.root}/v3/users/{user.id}'},
            }
        }
