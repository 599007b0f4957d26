# SPDX-License-Identifier: Apache-2.0
"""Locations that are given to an image once, and looked into.

The data stays where it is: it is read for its digests alone.
"""

import functools
from typing import Any

from ims_ext.emulator.api import glance_import
from ims_ext.emulator.api import store
from ims_ext.emulator.api.glance_access import check_administrator
from ims_ext.emulator.api.glance_access import visible_image
from ims_ext.emulator.api.glance_image import GlanceImagesApi
from ims_ext.emulator.api.glance_import import TASK
from ims_ext.emulator.api.image_attributes import LOCATIONS
from ims_ext.emulator.api.image_location import HASH_ALGORITHM
from ims_ext.emulator.api.image_location import check_hash
from ims_ext.emulator.api.native import own_image
from ims_ext.emulator.api.task import TaskFailure
from ims_ext.emulator.api.task import TasksApi
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state.record import timestamp
from ims_ext.emulator.work.glance_import import ImportFailure
from ims_ext.emulator.work.glance_import import digest


class LocationImportApi:
    """The operations on an image's locations of their own."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state
        self._tasks = service.capability(TasksApi)
        self._imports = service.capability(glance_import.GlanceImportApi)
        self._sources = service.capability(GlanceImagesApi).sources

    @route('GET', '/v2/images/<image_id>/locations')
    def list(self, request: Request, image_id: str) -> Answer:
        """List an image's locations, to administrators."""
        image = visible_image(self.state, request, image_id)
        check_administrator(request)
        return store.locations(image)

    @route('POST', '/v2/images/<image_id>/locations')
    def add(self, request: Request, image_id: str) -> Answer:
        """Give a queued image its location."""
        body = request.json_object()
        url = body.get('url')
        said = body.get('validation_data') or {}
        if not isinstance(url, str) or not isinstance(said, dict):
            raise BadRequest("A location needs a url.")
        image = visible_image(self.state, request, image_id)
        if image.status != 'queued':
            raise Conflict(f"A location is not added while {image.status}.")
        if said:
            check_hash(said, BadRequest)
        self._imports.check(url)
        with self.state.transaction():
            image = own_image(self.state, image.id, request.project_id)
            if image.status != 'queued':
                raise Conflict("The image has data by now.")
            image.attributes[LOCATIONS] = [
                {'url': url, 'metadata': {'store': store.WEB}}
            ]
            if said:
                image.status = 'importing'
            else:
                # Servers can use it at once; the digests come in time.
                image.status = 'active'
                image.attributes |= {
                    'os_hash_algo': HASH_ALGORITHM,
                    'active_at': timestamp(self.state.clock()),
                }
            task = self._imports.begin(
                request,
                image,
                'location_import',
                {
                    'image_id': image.id,
                    'loc_url': url,
                    'validation_data': said,
                },
            )
        self._tasks.submit(
            task, functools.partial(self._look, image.id, url, said)
        )
        return glance_import.accepted(task)

    def _look(
        self, image_id: str, url: str, said: dict[str, Any]
    ) -> dict[str, Any]:
        algorithm = said.get('os_hash_algo', HASH_ALGORITHM)
        try:
            found = digest(
                self._sources,
                url,
                algorithm,
                lambda: (
                    self._tasks.stopping.is_set()
                    or self.state.images.get(image_id) is None
                ),
            )
            wanted = said.get('os_hash_value', found['os_hash_value'])
            if wanted.lower() != found['os_hash_value']:
                raise ImportFailure("os_hash_value is not the data's.")
        except ImportFailure as failure:
            self._save(image_id, {}, bool(said))
            raise TaskFailure(str(failure)) from failure
        self._save(image_id, found, False)
        return {'image_id': image_id}

    def _save(
        self, image_id: str, found: dict[str, Any], is_refused: bool
    ) -> None:
        with self.state.transaction():
            image: Image | None = self.state.images.get(image_id)
            if image is None:
                return
            image.attributes.pop(TASK, None)
            if is_refused:
                # The location stays, as it does with Glance.
                image.status = 'queued'
            elif image.status == 'importing':
                image.status = 'active'
                found['active_at'] = timestamp(self.state.clock())
            image.attributes |= found
            self.state.images.save(image)
