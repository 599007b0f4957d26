# SPDX-License-Identifier: Apache-2.0
"""Volumes as the clouds' own operations show them, beside Cinder's."""

from typing import Any

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack.block_storage import BlockStorageApi
from ims_ext.emulator.openstack.record_page import numbered_page
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Volume


class CloudVolumesApi:
    """Volumes, to look at."""

    mount = BLOCK_STORAGE
    project_version = '/v2'
    dialect = Dialect.COMPUTE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('GET', '/v2/cloudvolumes/detail')
    def volumes(self, request: Request) -> Answer:
        """List the project's volumes."""
        return numbered_page(
            request,
            'volumes',
            self.state.volumes.all(request.project_id),
            lambda volume: self._view(request, volume),
            first=0,
        )

    @route('GET', '/v2/cloudvolumes/<volume_id>')
    def volume(self, request: Request, volume_id: str) -> Answer:
        """Show one volume."""
        volumes = self.service.capability(BlockStorageApi)
        found = volumes.find(request, volume_id)
        return {'volume': self._view(request, found)}

    def _view(self, request: Request, volume: Volume) -> dict[str, Any]:
        shown = self.service.capability(BlockStorageApi).view(request, volume)
        return shown | {
            'enterprise_project_id': '0',
            'service_type': 'EVS',
            'tags': {},
        }
