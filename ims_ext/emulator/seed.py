# SPDX-License-Identifier: Apache-2.0
"""Users, their projects and public images that are there from the start."""

import dataclasses

from ims_ext.emulator.api.image_attributes import defaults
from ims_ext.emulator.openstack.seed import add_servers
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Domain
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state import State

DOMAIN = Domain('default', 'Default')

_SYSTEM_PROJECT = 'system'
_PUBLIC_OS_VERSIONS = (
    'Ubuntu 18.04 server 64bit',
    'CentOS 7.6 64bit',
    'Windows Server 2016 Standard 64bit',
)


@dataclasses.dataclass(frozen=True)
class Account:
    """A user to begin with.

    :ivar project: The name of their project; several may have the same one.
    """

    name: str
    password: str
    project: str

    @classmethod
    def parse(cls, text: str) -> 'Account':
        """Return the account that ``NAME:PASSWORD:PROJECT`` stands for.

        The password may hold colons.

        :raises: :class:`ValueError` where a part is missing.
        """
        name, _, rest = text.partition(':')
        password, _, project = rest.rpartition(':')
        if not (name and password and project):
            raise ValueError("a user is NAME:PASSWORD:PROJECT")
        return cls(name, password, project)


#: The users of every emulator.
ACCOUNTS = (
    Account('alice', 'alice-secret', 'alpha'),
    Account('bob', 'bob-secret', 'beta'),
)

#: A bucket to begin with, of the first user's project.
FIRST_BUCKET = 'images'


def seed(state: State, accounts: tuple[Account, ...]) -> None:
    """Make what is missing; what a restarted emulator has stays.

    :param accounts: Users to have; a known one gets the password and the
        project given here.
    """
    with state.transaction():
        if state.domains.get(DOMAIN.id) is None:
            state.domains.add(DOMAIN)
            _add_public_images(state)
        for account in accounts:
            _add_account(state, account)


def _add_account(state: State, account: Account) -> None:
    project = state.projects.find(account.project, DOMAIN.id)
    if project is None:
        project = state.projects.add(account.project, DOMAIN.id)
        add_servers(state, project.id, _public_images(state, project.id))
    user = state.users.find(account.name, DOMAIN.id)
    if user is None:
        user = state.users.add(account.name, account.password, project)
    else:
        state.users.set_password(user.id, account.password)
        state.users.assign(user.id, project.id)
    if state.access_keys.permanent(user.id) is None:
        state.access_keys.issue(user.id, project.id)


def _public_images(state: State, project_id: str) -> dict[str, str]:
    """Return the public images that a project sees: OS version and ID."""
    query = ImageQuery(
        project_id, conditions=[Condition('visibility', 'eq', 'public')]
    )
    return {
        str(image.get('__os_version')): image.id
        for image in state.images.select(query)
    }


def _add_public_images(state: State) -> None:
    system = state.projects.add(
        _SYSTEM_PROJECT, DOMAIN.id, "Owns the public images"
    )
    for os_version in _PUBLIC_OS_VERSIONS:
        attributes = {
            **defaults(os_version),
            'min_disk': 40,
            'protected': True,
            'hw_firmware_type': 'bios',
            '__imagetype': 'gold',
            '__support_kvm': 'true',
        }
        # Public images come from no file.
        del attributes['__root_origin']
        state.images.add(
            Image.new(
                system.id,
                os_version,
                attributes,
                status='active',
                visibility='public',
            )
        )
