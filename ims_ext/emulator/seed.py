# SPDX-License-Identifier: Apache-2.0
"""Users, their projects and public images that are there from the start."""

from collections.abc import Collection, Iterable, Sequence
import dataclasses
from typing import Any

from ims_ext.emulator.api.image_attributes import defaults
from ims_ext.emulator.openstack.agency import add_first_agency
from ims_ext.emulator.openstack.seed import add_servers
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Domain
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state import Project
from ims_ext.emulator.state import State
from ims_ext.emulator.state import StateError

DOMAIN = Domain('default', 'Default')

_SYSTEM_PROJECT = 'system'
_PUBLIC_OS_VERSIONS = (
    'Ubuntu 18.04 server 64bit',
    'CentOS 7.6 64bit',
    'Windows Server 2016 Standard 64bit',
)
#: Images of the marketplace, and what they run.
_MARKET_IMAGES = {
    'Web Shop on Ubuntu 18.04': 'Ubuntu 18.04 server 64bit',
    'Firewall on CentOS 7.6': 'CentOS 7.6 64bit',
}


@dataclasses.dataclass(frozen=True)
class Account:
    """A user to begin with.

    :ivar project: The name of their project; several may have the same one.
        One that begins with a region's name is in that region alone. Any
        other is in the first region, and has one for each other region,
        with that region's name in front of it.
    :ivar is_admin: Whether all images are theirs, where there is a whole
        Glance.
    """

    name: str
    password: str
    project: str
    is_admin: bool = False

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

    def projects(self, regions: Sequence[str]) -> dict[str, str]:
        """Return the names of the user's own projects, by their regions.

        :param regions: The emulator's regions.
        """
        own = [
            region
            for region in regions
            if self.project == region or self.project.startswith(f'{region}_')
        ]
        if own:
            return {max(own, key=len): self.project}
        first, *others = regions
        return {first: self.project} | {
            region: f'{region}_{self.project}' for region in others
        }


#: The users of every emulator.
ACCOUNTS = (
    Account('alice', 'alice-secret', 'alpha'),
    Account('bob', 'bob-secret', 'beta'),
)

#: Who may do what Glance lets administrators do.
ADMINISTRATOR = Account('admin', 'admin-secret', 'admin', is_admin=True)

#: A bucket to begin with, of the first user's project in the first region.
FIRST_BUCKET = 'images'


def seed(
    state: State,
    accounts: Iterable[Account],
    regions: Sequence[str],
    empty: Collection[str] = (),
) -> None:
    """Make what is missing; what a restarted emulator has stays.

    :param accounts: Users to have; a known one gets the password and the
        projects given here.
    :param regions: The regions to have. Where there are several, each has a
        project with its name, in which all users work.
    :param empty: Names of projects that begin with nothing.
    :raises: :class:`~ims_ext.emulator.state.StateError` where there are
        others already.
    """
    with state.transaction():
        if state.domains.get(DOMAIN.id) is None:
            state.domains.add(DOMAIN)
            add_first_agency(state, DOMAIN.id)
        known = state.projects.regions()
        _check_regions(known, regions)
        for region in regions:
            if region not in known:
                _add_public_images(state, region, regions[0])
        for account in accounts:
            _add_account(state, account, regions, empty)


def _check_regions(known: Sequence[str], regions: Sequence[str]) -> None:
    if known and (known[0] != regions[0] or not set(known) <= set(regions)):
        raise StateError(
            f"The state has the regions {', '.join(known)}: name these, the "
            f"first one first, instead of {', '.join(regions)}"
        )


def _add_account(
    state: State,
    account: Account,
    regions: Sequence[str],
    empty: Collection[str],
) -> None:
    projects = [
        _project(state, name, region, name not in empty)
        for region, name in account.projects(regions).items()
    ]
    user = state.users.find(account.name, DOMAIN.id)
    if user is None:
        user = state.users.add(
            account.name,
            account.password,
            projects[0],
            is_admin=account.is_admin,
        )
    else:
        state.users.set_password(user.id, account.password)
    if len(regions) > 1:
        projects += [
            _project(state, region, region, region not in empty)
            for region in regions
        ]
    for project in projects:
        state.users.assign(user.id, project.id)
    if state.access_keys.permanent(user.id) is None:
        state.access_keys.issue(user.id, projects[0].id)


def project_in(
    state: State,
    name: str,
    regions: Sequence[str],
    with_servers: bool = True,
) -> Project:
    """Return a project by its name, which tells its region; made if new.

    :param with_servers: Whether a new one has servers from the start.
    """
    region = next(iter(Account('', '', name).projects(regions)))
    return _project(state, name, region, with_servers)


def _project(
    state: State, name: str, region: str, with_servers: bool = True
) -> Project:
    """Return a project, with servers of its own where it is new."""
    project = state.projects.find(name, DOMAIN.id)
    if project is None:
        project = state.projects.add(name, DOMAIN.id, region)
        if with_servers:
            add_servers(state, project.id, _public_images(state, project.id))
    return project


def _public_images(state: State, project_id: str) -> dict[str, str]:
    """Return the public images that a project sees: OS version and ID."""
    query = ImageQuery(
        project_id, conditions=[Condition('__imagetype', 'eq', 'gold')]
    )
    return {
        str(image.get('__os_version')): image.id
        for image in state.images.select(query)
    }


def _add_public_images(state: State, region: str, first: str) -> None:
    name = _SYSTEM_PROJECT
    if region != first:
        name = f'{region}_{name}'
    system = state.projects.add(
        name, DOMAIN.id, region, "Owns the public images"
    )
    for os_version in _PUBLIC_OS_VERSIONS:
        _add_public_image(
            state, system, os_version, os_version, {'__imagetype': 'gold'}
        )
    for name, os_version in _MARKET_IMAGES.items():
        market = {
            '__imagetype': 'market',
            '__productcode': state.ids.named('product', name),
            '__is_offshelved': 'false',
        }
        _add_public_image(state, system, name, os_version, market)


def _add_public_image(
    state: State,
    owner: Project,
    name: str,
    os_version: str,
    others: dict[str, Any],
) -> None:
    """Add an image that everybody sees, and nobody changes.

    :param others: The attributes that say what kind of image it is.
    """
    attributes = {
        **defaults(os_version),
        'min_disk': 40,
        'protected': True,
        'hw_firmware_type': 'bios',
        '__support_kvm': 'true',
        **others,
    }
    # Public images come from no file.
    del attributes['__root_origin']
    state.images.add(
        Image.new(
            owner.id, name, attributes, status='active', visibility='public'
        )
    )
