# SPDX-License-Identifier: Apache-2.0
"""The cache of a whole Glance, as administrators fill and empty it.

The emulator has the images on its own disk anyway: it only remembers which of
them are said to be in the cache, until it ends.
"""

from typing import Any

from ims_ext.emulator.api.glance_access import check_administrator
from ims_ext.emulator.api.glance_access import visible_image
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service

#: The header that says what is emptied, where not all of it is.
_TARGET = 'X-Image-Cache-Clear-Target'


class ImageCacheApi:
    """The operations on the cache, all of them administrators'."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state
        self._clock = service.clock
        #: When each image came into the cache, in seconds since 1970.
        self._cached: dict[str, float] = {}

    @route('GET', '/v2/cache')
    def list(self, request: Request) -> Answer:
        """List what is in the cache, and what is to come; it comes at once."""
        check_administrator(request)
        return {
            'cached_images': [
                self._view(image_id, since)
                # Others may change it meanwhile.
                for image_id, since in tuple(self._cached.items())
            ],
            'queued_images': [],
        }

    def _view(self, image_id: str, since: float) -> dict[str, Any]:
        image = self.state.images.get(image_id)
        return {
            'image_id': image_id,
            'hits': 0,
            'last_accessed': 0.0,
            'last_modified': since,
            'size': image.get('size') if image else None,
        }

    @route('PUT', '/v2/cache/<image_id>')
    def add(self, request: Request, image_id: str) -> Answer:
        """Have an active image in the cache."""
        check_administrator(request)
        image = visible_image(self.state, request, image_id)
        if image.status != 'active':
            raise BadRequest("Only an active image is cached.")
        self._cached.setdefault(image.id, self._clock())
        return 202, None

    @route('DELETE', '/v2/cache/<image_id>')
    def delete(self, request: Request, image_id: str) -> Answer:
        """Take an image out of the cache."""
        check_administrator(request)
        if self._cached.pop(image_id, None) is None:
            raise NotFound(f"The image {image_id} is not cached.")
        return 204, None

    @route('DELETE', '/v2/cache')
    def clear(self, request: Request) -> Answer:
        """Empty the cache, or the queue in front of it."""
        check_administrator(request)
        target = request.headers.get(_TARGET, '')
        if target not in ('', 'cache', 'queue'):
            raise BadRequest(f"{_TARGET} is cache, or queue.")
        if target != 'queue':
            self._cached.clear()
        return 204, None
