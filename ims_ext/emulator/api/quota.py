# SPDX-License-Identifier: Apache-2.0
"""Quotas: the number of images that a project may have, and has."""

from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service

#: What a project's quota can be set to.
_SMALLEST = 1
_LARGEST = 1000


class QuotasApi:
    """Operation 26."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @route('GET', '/v1/cloudimages/quota')
    def show(self, request: Request) -> Answer:
        """Show how many private images there are, and may be."""
        images = {
            'type': 'image',
            'used': self.service.state.images.count(request.project_id),
            'quota': self.service.image_quota(request.project_id),
            'min': _SMALLEST,
            'max': _LARGEST,
        }
        return {'quotas': {'resources': [images]}}
