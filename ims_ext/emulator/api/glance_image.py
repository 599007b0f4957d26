# SPDX-License-Identifier: Apache-2.0
"""The native image operations as a whole Glance has them.

Beside what the clouds document there are administrators, community images,
more formats, and locations.
"""

from collections.abc import Iterator
import contextlib
from typing import Any

from werkzeug.wrappers import Response

from ims_ext.emulator.api import glance_access
from ims_ext.emulator.api import image_location
from ims_ext.emulator.api import image_patch
from ims_ext.emulator.api import native
from ims_ext.emulator.api import store
from ims_ext.emulator.api.glance_access import check_administrator
from ims_ext.emulator.api.image_action import DEACTIVATED
from ims_ext.emulator.api.image_location import LocationChange
from ims_ext.emulator.api.image_patch import Change
from ims_ext.emulator.api.native import NativeImagesApi
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import HttpError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.work.web_source import WebFile
from ims_ext.emulator.work.web_source import WebSourceError
from ims_ext.emulator.work.web_source import WebSources

#: Formats that Glance has and the clouds do not.
MORE_FORMATS = {
    'disk_format': ('ami', 'ari', 'aki', 'ploop', 'gpt'),
    'container_format': ('ami', 'ari', 'aki', 'docker', 'compressed'),
}

_OWNER = 'owner'
_MAX_OWNER = 255
_BLOCK = 1024**2


class GlanceImagesApi(NativeImagesApi):
    """The native image operations, and more of each."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.sources = WebSources(service.settings.import_hosts)

    def _new(self, request: Request, body: dict[str, Any]) -> Image:
        others = dict(body)
        owner = _owner(request, others.pop(_OWNER, request.project_id))
        formats = {
            name: others.pop(name)
            for name, values in MORE_FORMATS.items()
            if others.get(name) in values
        }
        image = native.new_image(
            owner, others, glance_access.visibilities(request)
        )
        image.attributes |= formats
        return image

    def _view(self, request: Request, image: Image) -> dict[str, Any]:
        return super()._view(request, image) | store.view(image)

    def _query(self, request: Request) -> ImageQuery:
        query = super()._query(request)
        query.is_admin = request.caller.is_admin
        query.with_community = request.args.get('visibility') in (
            'community',
            'all',
        )
        return query

    def _visible(self, request: Request, image_id: str) -> Image:
        return glance_access.visible_image(self.state, request, image_id)

    def _own(self, request: Request, image_id: str) -> Image:
        return glance_access.own_image(self.state, request, image_id)

    # ====== CHANGES ======

    @route('PATCH', '/v2/images/<image_id>')
    def update(self, request: Request, image_id: str) -> Answer:
        """Change an image as a JSON patch says."""
        changes = image_location.parse(request.mimetype, request.json_value())
        image = self._own(request, image_id)
        # Before the transaction, which others wait for.
        found = image_location.sizes(changes, image, self.sources)
        with self.state.transaction():
            image = self._own(request, image_id)
            for change in changes:
                if isinstance(change, LocationChange):
                    if change.operation == 'remove':
                        check_administrator(request)
                    image_location.apply(image, change, found)
                else:
                    self._apply_one(request, image, change)
            self.state.images.save(image)
        return self._view(request, image)

    def _apply_one(
        self, request: Request, image: Image, change: Change
    ) -> None:
        attribute, value = change.attribute, change.value
        if attribute == _OWNER and request.caller.is_admin:
            image.owner = _owner(request, value)
        elif (
            value in MORE_FORMATS.get(attribute, ())
            and image.status == 'queued'
        ):
            image.attributes[attribute] = value
        else:
            image_patch.apply(
                image, [change], glance_access.visibilities(request)
            )

    # ====== DATA ======

    @route('PUT', '/v2/images/<image_id>/file')
    def upload(self, request: Request, image_id: str) -> Answer:
        """Take the data of a queued image, into the store that is named."""
        name = request.headers.get(store.STORE_HEADER)
        if name is not None and name not in store.writable():
            raise BadRequest(f"There is no store {name} to upload to.")
        answer = super().upload(request, image_id)
        if name is not None:
            with self.state.transaction():
                image = self._own(request, image_id)
                store.put_into(image, [name])
                self.state.images.save(image)
        return answer

    @route('GET', '/v2/images/<image_id>/file')
    def download(self, request: Request, image_id: str) -> Answer:
        """Send an image's data, from wherever it is."""
        image = self._visible(request, image_id)
        if image.status == DEACTIVATED and not request.caller.is_admin:
            raise Forbidden("The image has been deactivated.")
        if store.is_on_the_web(image):
            return self._fetched(store.locations(image)[0]['url'])
        return super().download(request, image_id)

    def _fetched(self, url: str) -> Response:
        stack = contextlib.ExitStack()
        try:
            file = stack.enter_context(self.sources.open(url))
        except WebSourceError as error:
            raise HttpError(f"The data is not there: {error}", 503) from error
        response = Response(
            _pieces(file), content_type='application/octet-stream'
        )
        if file.size is not None:
            response.content_length = file.size
        response.call_on_close(stack.close)
        return response


def _owner(request: Request, value: Any) -> str:
    """Return who an image is to belong to."""
    if value == request.project_id:
        return request.project_id
    check_administrator(request)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_OWNER:
        raise BadRequest("An owner is the ID of a project.")
    return value


def _pieces(file: WebFile) -> Iterator[bytes]:
    while data := file.read(_BLOCK):
        yield data
