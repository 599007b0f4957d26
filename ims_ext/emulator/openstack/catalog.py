# SPDX-License-Identifier: Apache-2.0
"""The service catalog: what there is, and where."""

import dataclasses
import uuid

from ims_ext.emulator.address import BUCKET
from ims_ext.emulator.http import BACKUP
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import KEY_MANAGEMENT
from ims_ext.emulator.service import Service

_NAMESPACE = uuid.UUID('5f0dc2a4-6d0c-4a8e-9f2c-2f1a3c5d7e90')

#: Where an endpoint has the project's ID.
_PROJECT_ID = '$(project_id)s'


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """An endpoint of a service: where it is in a region."""

    id: str
    region: str
    url: str


@dataclasses.dataclass(frozen=True)
class Entry:
    """A service with its endpoints, one a region.

    :ivar type: The catalog's type: ``image``, ``identity``, ``object``.
    :ivar service: One of :data:`~ims_ext.emulator.address.SERVICES`.
    :ivar path: The path of the endpoints' URLs, in which ``$(project_id)s``
        stands for the ID of the project that asks.
    :ivar context: Knows the regions, and where the service is in them.
    """

    type: str
    name: str
    service: str
    path: str
    context: Service

    @property
    def id(self) -> str:
        """The service's ID, the same in every emulator."""
        return uuid.uuid5(_NAMESPACE, f'service {self.type}').hex

    @property
    def endpoints(self) -> list[Endpoint]:
        """The endpoints; their IDs are the same in every emulator."""
        return [
            Endpoint(
                uuid.uuid5(_NAMESPACE, f'endpoint {self.type} {region}').hex,
                region,
                self.context.addresses.url(self.service, region) + self.path,
            )
            for region in self.context.settings.regions
        ]


def entries(service: Service) -> list[Entry]:
    """Return all services.

    The image service's URL is its root, without a version, as on the clouds
    whose extension operations are under several versions.
    """
    return [
        Entry('identity', 'keystone', IDENTITY, '/v3', service),
        Entry('image', 'ims', IMAGE, '', service),
        Entry('compute', 'nova', COMPUTE, f'/v2.1/{_PROJECT_ID}', service),
        Entry(
            'volumev3',
            'cinderv3',
            BLOCK_STORAGE,
            f'/v3/{_PROJECT_ID}',
            service,
        ),
        Entry('object', 'obs', BUCKET, '', service),
        Entry('kms', 'kms', KEY_MANAGEMENT, f'/v1.0/{_PROJECT_ID}', service),
        Entry('cbr', 'cbr', BACKUP, f'/v3/{_PROJECT_ID}', service),
    ]


def token_catalog(
    service: Service, project_id: str | None
) -> list[dict[str, object]]:
    """Return the catalog as tokens carry it.

    :param service: The context.
    :param project_id: The token's project. Without one, services whose
        endpoints have the project's ID are left out.
    """
    return [
        {
            'id': entry.id,
            'type': entry.type,
            'name': entry.name,
            'endpoints': [
                {
                    'id': endpoint.id,
                    'interface': 'public',
                    'region': endpoint.region,
                    'region_id': endpoint.region,
                    'url': endpoint.url.replace(_PROJECT_ID, project_id or ''),
                }
                for endpoint in entry.endpoints
            ],
        }
        for entry in entries(service)
        if project_id or _PROJECT_ID not in entry.path
    ]
