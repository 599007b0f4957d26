# SPDX-License-Identifier: Apache-2.0
"""The answers of the services around the image service.

Each of them is an object with one member of importance: what is shown, or
the list of what is there. A name with ``[]`` behind it is a list's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ims_ext.emulator.http import BACKUP
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import KEY_MANAGEMENT

_AGENCY = '/v3.0/OS-AGENCY'
_EC2 = '/v3/users/{user_id}/credentials/OS-EC2'
_SERVER = '/v2.1/servers/{server_id}'
_USER = '/v3/users/{user_id}'
_VOLUME = '/v3/volumes/{volume_id}'

#: Of each service, the answers' members and the paths that answer with them,
#: whatever the method; DELETE has no answer.
_MEMBERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    IDENTITY: {
        'versions': ('/',),
        'version': ('/v3',),
        'token': ('/v3/auth/tokens',),
        'catalog[]': ('/v3/auth/catalog',),
        'system[]': ('/v3/auth/system',),
        'agencies[]': (f'{_AGENCY}/agencies',),
        'agency': (f'{_AGENCY}/agencies/{{agency_id}}',),
        'trusts[]': ('/v3/OS-TRUST/trusts',),
        'credentials[]': ('/v3.0/OS-CREDENTIAL/credentials', _EC2),
        'credential': (
            '/v3.0/OS-CREDENTIAL/credentials/{access}',
            '/v3.0/OS-CREDENTIAL/securitytokens',
            f'{_EC2}/{{access}}',
        ),
        'domains[]': ('/v3/domains', '/v3/auth/domains'),
        'domain': ('/v3/domains/{domain_id}',),
        'endpoints[]': ('/v3/endpoints',),
        'endpoint': ('/v3/endpoints/{endpoint_id}',),
        'groups[]': ('/v3/groups', f'{_USER}/groups'),
        'projects[]': (
            '/v3/projects',
            '/v3/auth/projects',
            f'{_USER}/projects',
        ),
        'project': ('/v3/projects/{project_id}',),
        'regions[]': ('/v3/regions',),
        'region': ('/v3/regions/{region_id}',),
        'role_assignments[]': ('/v3/role_assignments',),
        'roles[]': (
            '/v3/roles',
            '/v3/projects/{project_id}/users/{user_id}/roles',
            *(
                f'{place}/{{target}}/agencies/{{agency_id}}/roles{end}'
                for place, end in (
                    (f'{_AGENCY}/domains', ''),
                    (f'{_AGENCY}/projects', ''),
                    ('/v3.0/OS-INHERIT/domains', '/inherited_to_projects'),
                )
            ),
        ),
        'role': ('/v3/roles/{role_id}',),
        'services[]': ('/v3/services',),
        'service': ('/v3/services/{service_id}',),
        'users[]': ('/v3/users',),
        'user': (_USER, '/v3.0/OS-USER/users/{user_id}'),
        'access_rules[]': (f'{_USER}/access_rules',),
        'application_credentials[]': (f'{_USER}/application_credentials',),
        'application_credential': (
            f'{_USER}/application_credentials/{{credential_id}}',
        ),
    },
    COMPUTE: {
        'versions[]': ('/',),
        'version': ('/v2.1',),
        'job_id': (
            '/v1/cloudservers',
            '/v1/cloudservers/action',
            '/v1/cloudservers/delete',
            '/v1/jobs/{job_id}',
        ),
        'servers[]': (
            '/v1/cloudservers/detail',
            '/v2.1/servers',
            '/v2.1/servers/detail',
        ),
        'server': (
            '/v1/cloudservers/{server_id}',
            '/v2.1/os-volumes_boot',
            _SERVER,
        ),
        'flavors[]': (
            '/v1/cloudservers/flavors',
            '/v2.1/flavors',
            '/v2.1/flavors/detail',
        ),
        'flavor': ('/v2.1/flavors/{flavor_id}',),
        'extra_specs': ('/v2.1/flavors/{flavor_id}/os-extra_specs',),
        'extensions[]': ('/v2.1/extensions',),
        'limits': ('/v2.1/limits',),
        'availabilityZoneInfo[]': (
            '/v2.1/os-availability-zone',
            '/v2.1/os-availability-zone/detail',
        ),
        'keypairs[]': ('/v2.1/os-keypairs',),
        'metadata': (f'{_SERVER}/metadata',),
        'volumeAttachments[]': (f'{_SERVER}/os-volume_attachments',),
        'volumeAttachment': (
            f'{_SERVER}/os-volume_attachments/{{volume_id}}',
        ),
    },
    BLOCK_STORAGE: {
        'versions[]': ('/', '/v3'),
        'volumes[]': (
            '/v2/cloudvolumes/detail',
            '/v3/volumes',
            '/v3/volumes/detail',
        ),
        'volume': ('/v2/cloudvolumes/{volume_id}', _VOLUME),
        'metadata': (f'{_VOLUME}/metadata',),
        'backups[]': ('/v3/backups', '/v3/backups/detail'),
        'backup': ('/v3/backups/{backup_id}',),
        'limits': ('/v3/limits',),
        'availabilityZoneInfo[]': ('/v3/os-availability-zone',),
        'snapshots[]': ('/v3/snapshots', '/v3/snapshots/detail'),
        'volume_types[]': ('/v3/types',),
        'volume_type': ('/v3/types/{type_id}',),
    },
    KEY_MANAGEMENT: {
        'versions[]': ('/',),
        'version': ('/v1.0',),
        'key_info': tuple(
            f'/v1.0/kms/{action}'
            for action in (
                'create-key',
                'describe-key',
                'disable-key',
                'enable-key',
                'update-key-alias',
                'update-key-description',
            )
        ),
        'key_id': (
            '/v1.0/kms/cancel-key-deletion',
            '/v1.0/kms/schedule-key-deletion',
        ),
        'keys[]': ('/v1.0/kms/list-keys',),
        'instance_num': ('/v1.0/kms/user-instances',),
        'quotas': ('/v1.0/kms/user-quotas',),
    },
    BACKUP: {
        'versions[]': ('/',),
        'version': ('/v3',),
        'backups[]': ('/v3/backups',),
        'backup': ('/v3/backups/{backup_id}',),
        'checkpoint': ('/v3/checkpoints', '/v3/checkpoints/{point_id}'),
        'operation_logs[]': ('/v3/operation-logs',),
        'policies[]': ('/v3/policies',),
        'vaults[]': ('/v3/vaults',),
        'vault': ('/v3/vaults/{vault_id}',),
        'add_resource_ids[]': ('/v3/vaults/{vault_id}/addresources',),
        'remove_resource_ids[]': ('/v3/vaults/{vault_id}/removeresources',),
    },
}

#: Lists to which a POST adds one thing, and answers with it.
_ONE_OF = {
    'agencies[]': 'agency',
    'application_credentials[]': 'application_credential',
    'credentials[]': 'credential',
    'servers[]': 'server',
    'vaults[]': 'vault',
    'volumeAttachments[]': 'volumeAttachment',
    'volumes[]': 'volume',
}
_TYPES = {'job_id': 'string', 'key_id': 'string', 'instance_num': 'integer'}


def _entries() -> Iterator[tuple[tuple[str, str], str]]:
    for service, members in _MEMBERS.items():
        for name, paths in members.items():
            for path in paths:
                yield (service, path), name


_NAMES = dict(_entries())


def answer_schema(
    service: str, method: str, path: str
) -> dict[str, Any] | None:
    """Return the schema of an answer, ``None`` where there is no body.

    :param service: The service that is asked.
    :param method: The HTTP method.
    :param path: The documented path.
    """
    name = _NAMES.get((service, path))
    if name is None or method == 'DELETE':
        return None
    if method == 'POST':
        name = _ONE_OF.get(name, name)
    member: dict[str, Any] = {'type': _TYPES.get(name, 'object')}
    if name.endswith('[]'):
        member = {'type': 'array'}
    name = name.removesuffix('[]')
    return {
        'type': 'object',
        'required': [name],
        'properties': {name: member},
    }
