# SPDX-License-Identifier: Apache-2.0
"""Images whose data nobody is to have for the time being."""

from ims_ext.emulator.api.glance_access import own_image
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service

DEACTIVATED = 'deactivated'


class ImageActionsApi:
    """The actions on images."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state

    @route('POST', '/v2/images/<image_id>/actions/deactivate')
    def deactivate(self, request: Request, image_id: str) -> Answer:
        """Keep an active image's data from everybody."""
        return self._turn(request, image_id, DEACTIVATED)

    @route('POST', '/v2/images/<image_id>/actions/reactivate')
    def reactivate(self, request: Request, image_id: str) -> Answer:
        """Give an image's data out again."""
        return self._turn(request, image_id, 'active')

    def _turn(self, request: Request, image_id: str, status: str) -> Answer:
        with self.state.transaction():
            image = own_image(self.state, request, image_id)
            if image.status not in ('active', DEACTIVATED):
                raise Forbidden(
                    f"An image that is {image.status} does not become "
                    f"{status}."
                )
            if image.status != status:
                image.status = status
                self.state.images.save(image)
        return 204, None
