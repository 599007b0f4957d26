# SPDX-License-Identifier: Apache-2.0
"""The clouds.yaml of an emulator."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from ims_ext.emulator.seed import ACCOUNTS
from ims_ext.emulator.seed import Account
from ims_ext.emulator.state import State


@dataclasses.dataclass(frozen=True)
class CloudsYaml:
    """The content of a clouds.yaml: a cloud a user, and ``emulator``.

    :ivar auth_url: The identity service's URL, version included.
    :ivar regions: The names of the regions. Where there are several, there is
        also a cloud a user and region.
    :ivar cacert: The path of the certificate that vouches for the services;
        ``None`` where there is no TLS.
    """

    auth_url: str
    regions: tuple[str, ...]
    cacert: str | None = None

    def clouds(
        self,
        accounts: Mapping[str, Account],
        state: State,
        access_keys: bool = False,
    ) -> dict[str, Any]:
        """Return the content.

        :param accounts: The users, by name.
        :param state: Knows their access keys.
        :param access_keys: Whether to put these in; there is then a second
            cloud a user, whose requests are signed with the key.
        """

        clouds: dict[str, Any] = {}
        first = accounts[ACCOUNTS[0].name]
        for name, account in {**accounts, 'emulator': first}.items():
            user = state.users.find(account.name, 'default')
            key = state.access_keys.permanent(user.id) if user else None
            keys = {}
            if access_keys and key is not None:
                keys = {'ak': key.access, 'sk': key.secret}
            clouds |= self._clouds(name, account, keys)
        if access_keys:
            clouds = {
                **{f'{name}-aksk': _signing(clouds[name]) for name in clouds},
                **clouds,
            }
        return {'clouds': clouds}

    def _clouds(
        self, name: str, account: Account, keys: dict[str, str]
    ) -> dict[str, Any]:
        """Return the clouds of a user: one, or one more a region."""
        projects = account.projects(self.regions)
        clouds = {
            region: self._cloud(account, region, project) | keys
            for region, project in projects.items()
        }
        whole = dict(next(iter(clouds.values())))
        if len(projects) > 1:
            whole['regions'] = [
                {'name': region, 'values': {'auth': {'project_name': project}}}
                for region, project in projects.items()
            ]
        if len(self.regions) == 1:
            return {name: whole}
        return {name: whole} | {
            f'{name}-{region}': cloud for region, cloud in clouds.items()
        }

    def _cloud(
        self, account: Account, region: str, project: str
    ) -> dict[str, Any]:
        entry: dict[str, Any] = {
            'auth': {
                'auth_url': self.auth_url,
                'username': account.name,
                'password': account.password,
                'project_name': project,
                'user_domain_id': 'default',
                'project_domain_id': 'default',
            },
            'region_name': region,
            'identity_api_version': '3',
            'vendor_hook': 'ims_ext:load',
        }
        if self.cacert is not None:
            entry['cacert'] = self.cacert
        return entry


def _signing(cloud: dict[str, Any]) -> dict[str, Any]:
    """Return a cloud's entry for requests that are signed, without token."""
    kept = (
        'region_name',
        'identity_api_version',
        'vendor_hook',
        'regions',
        'cacert',
    )
    return {
        'auth_type': 'v3aksk',
        'auth': {
            'auth_url': cloud['auth']['auth_url'],
            'access_key': cloud['ak'],
            'secret_key': cloud['sk'],
            'project_name': cloud['auth']['project_name'],
        },
        **{name: cloud[name] for name in kept if name in cloud},
    }
