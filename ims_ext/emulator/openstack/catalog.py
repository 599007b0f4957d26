# SPDX-License-Identifier: Apache-2.0
"""The service catalog: what there is, and where."""

from collections.abc import Sequence
import dataclasses
import uuid

from ims_ext.emulator.service import Service

_NAMESPACE = uuid.UUID('5f0dc2a4-6d0c-4a8e-9f2c-2f1a3c5d7e90')


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
    """

    type: str
    name: str
    url: str
    regions: Sequence[str]

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
                self.url,
            )
            for region in self.regions
        ]


def entries(service: Service) -> list[Entry]:
    """Return all services.

    The image service's URL is its root, without a version, as on the clouds
    whose extension operations are under several versions.
    """
    urls = service.urls
    return [
        Entry(kind, name, url, service.settings.regions)
        for kind, name, url in (
            ('identity', 'keystone', f'{urls.identity}/v3'),
            ('image', 'ims', urls.image),
            ('compute', 'nova', f'{urls.compute}/v2.1'),
            ('volumev3', 'cinderv3', f'{urls.block_storage}/v3'),
            ('object', 'obs', urls.bucket),
        )
    ]


def token_catalog(service: Service) -> list[dict[str, object]]:
    """Return the catalog as tokens carry it."""
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
                    'url': endpoint.url,
                }
                for endpoint in entry.endpoints
            ],
        }
        for entry in entries(service)
    ]
