# SPDX-License-Identifier: Apache-2.0
"""The flavors of servers, and what else Nova can be asked beforehand."""

from typing import Any

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.service import Service

#: Flavors: number of processors, and MiB of memory.
FLAVORS = {
    's3.small.1': (1, 1024),
    's3.medium.2': (1, 2048),
    's3.large.2': (2, 4096),
    's3.xlarge.2': (4, 8192),
}


class FlavorsApi:
    """Flavors, zones, limits; key pairs, of which there are none."""

    mount = COMPUTE
    project_version = '/v2.1'
    dialect = Dialect.COMPUTE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('GET', '/v2.1/flavors')
    @route('GET', '/v2.1/flavors/detail')
    def flavors(self, request: Request) -> Answer:
        """List all flavors."""
        return {'flavors': [_flavor(request, name) for name in FLAVORS]}

    @route('GET', '/v2.1/flavors/<flavor_id>')
    def flavor(self, request: Request, flavor_id: str) -> Answer:
        """Show one flavor."""
        _check_flavor(flavor_id)
        return {'flavor': _flavor(request, flavor_id)}

    @route('GET', '/v2.1/flavors/<flavor_id>/os-extra_specs')
    def extra_specs(self, request: Request, flavor_id: str) -> Answer:
        """Show what else is known of a flavor: nothing."""
        _check_flavor(flavor_id)
        return {'extra_specs': {}}

    @route('GET', '/v2.1/os-availability-zone')
    @route('GET', '/v2.1/os-availability-zone/detail')
    def zones(self, request: Request) -> Answer:
        """List the only zone."""
        return {
            'availabilityZoneInfo': [
                {
                    'zoneName': f'{request.region}a',
                    'zoneState': {'available': True},
                    'hosts': None,
                }
            ]
        }

    @route('GET', '/v2.1/os-keypairs')
    def key_pairs(self, request: Request) -> Answer:
        """List the key pairs, of which there are none."""
        return {'keypairs': []}

    @route('GET', '/v2.1/extensions')
    def extensions(self, request: Request) -> Answer:
        """List the extensions, of which there are none."""
        return {'extensions': []}

    @route('GET', '/v2.1/limits')
    def limits(self, request: Request) -> Answer:
        """Show what the project uses, of which it may have any number."""
        servers = self.state.servers.all(request.project_id)
        flavors = [FLAVORS.get(each.flavor_id, (0, 0)) for each in servers]
        return {
            'limits': {
                'rate': [],
                'absolute': {
                    'maxTotalInstances': -1,
                    'maxTotalCores': -1,
                    'maxTotalRAMSize': -1,
                    'maxServerMeta': 128,
                    'totalInstancesUsed': len(servers),
                    'totalCoresUsed': sum(each[0] for each in flavors),
                    'totalRAMUsed': sum(each[1] for each in flavors),
                },
            }
        }


def _check_flavor(flavor_id: str) -> None:
    if flavor_id not in FLAVORS:
        raise NotFound(f"Flavor {flavor_id} could not be found.")


def _flavor(request: Request, flavor_id: str) -> dict[str, Any]:
    processors, memory = FLAVORS[flavor_id]
    return {
        'id': flavor_id,
        'name': flavor_id,
        'vcpus': processors,
        'ram': memory,
        'disk': 0,
        'swap': '',
        'rxtx_factor': 1.0,
        'OS-FLV-EXT-DATA:ephemeral': 0,
        'OS-FLV-DISABLED:disabled': False,
        'os-flavor-access:is_public': True,
        'links': nova_style.links(request, '/v2.1', f'flavors/{flavor_id}'),
    }
