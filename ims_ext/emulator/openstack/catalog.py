# SPDX-License-Identifier: Apache-2.0
"""The service catalog: what there is, and where."""

import dataclasses
import uuid

from ims_ext.emulator.service import Service

_NAMESPACE = uuid.UUID('5f0dc2a4-6d0c-4a8e-9f2c-2f1a3c5d7e90')


@dataclasses.dataclass(frozen=True)
class Entry:
    """A service with its one endpoint.

    :ivar type: The catalog's type: ``image``, ``identity``, ``object``.
    """

    type: str
    name: str
    url: str

    @property
    def id(self) -> str:
        """The service's ID, the same in every emulator."""
        return uuid.uuid5(_NAMESPACE, f'service {self.type}').hex

    @property
    def endpoint_id(self) -> str:
        """The endpoint's ID, the same in every emulator."""
        return uuid.uuid5(_NAMESPACE, f'endpoint {self.type}').hex


def entries(service: Service) -> list[Entry]:
    """Return all services.

    The image service's URL is its root, without a version, as on the clouds
    whose extension operations are under several versions.
    """
    return [
        Entry('identity', 'keystone', f'{service.urls.identity}/v3'),
        Entry('image', 'ims', service.urls.image),
        Entry('compute', 'nova', f'{service.urls.compute}/v2.1'),
        Entry('volumev3', 'cinderv3', f'{service.urls.block_storage}/v3'),
        Entry('object', 'obs', service.urls.bucket),
    ]


def token_catalog(service: Service) -> list[dict[str, object]]:
    """Return the catalog as tokens carry it."""
    region = service.settings.region
    return [
        {
            'id': entry.id,
            'type': entry.type,
            'name': entry.name,
            'endpoints': [
                {
                    'id': entry.endpoint_id,
                    'interface': 'public',
                    'region': region,
                    'region_id': region,
                    'url': entry.url,
                }
            ],
        }
        for entry in entries(service)
    ]
