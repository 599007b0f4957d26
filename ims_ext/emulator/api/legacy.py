# SPDX-License-Identifier: Apache-2.0
"""The rest of Glance's first API, which the clouds have abandoned."""

from collections.abc import Iterator
import re
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ims_ext.emulator.api import image_query
from ims_ext.emulator.api import native
from ims_ext.emulator.api.image_attributes import LOCATIONS
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image

#: Filters under the names that the second API has for them too.
_FILTERS = (
    'name',
    'container_format',
    'disk_format',
    'status',
    'size_min',
    'size_max',
)

#: Attributes that the first API knows; all others are properties.
_ATTRIBUTES = (
    'checksum',
    'container_format',
    'disk_format',
    'min_disk',
    'min_ram',
    'protected',
    'size',
    'virtual_size',
)
#: Attributes of the second API alone.
_UNKNOWN = frozenset({'os_hidden', 'os_hash_algo', 'os_hash_value', LOCATIONS})

#: What the name of a header consists of.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROLS = re.compile(r'[\x00-\x1f\x7f]')


class LegacyImagesApi:
    """The abandoned operations."""

    dialect = Dialect.GLANCE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('GET', '/v1.1/images/detail')
    def list(self, request: Request) -> Answer:
        """List images, all at once."""
        filters = MultiDict(
            (name, value)
            for name, value in request.args.items(multi=True)
            if name in _FILTERS
        )
        since = request.args.get('changes-since')
        if since:
            filters.add('updated_at', f'gte:{since}')
        query = image_query.parse(filters, request.project_id)
        query.limit = None
        return {
            'images': [_view(each) for each in self.state.images.select(query)]
        }

    @route('HEAD', '/v1/images/<image_id>')
    def show(self, request: Request, image_id: str) -> Answer:
        """Show one image, in the answer's headers."""
        image = native.visible_image(self.state, image_id, request.project_id)
        response = Response(content_type='text/html; charset=UTF-8')
        for name, value in _headers(_view(image)):
            response.headers[name] = value
        if image.get('checksum'):
            response.headers['Etag'] = image.get('checksum')
        return response

    @route('DELETE', '/v1.1/images/<image_id>')
    def delete(self, request: Request, image_id: str) -> Answer:
        """Delete an image."""
        self.service.capability(native.NativeImagesApi).delete(
            request, image_id
        )
        # As in the reference's example, though its table says 204.
        return Response(content_type='text/html; charset=UTF-8')


def _view(image: Image) -> dict[str, Any]:
    """Return an image as the first API shows it."""
    return {
        'id': image.id,
        'name': image.name,
        'status': image.status,
        'owner': image.owner,
        'is_public': image.visibility == 'public',
        'created_at': _time(image.created_at),
        'updated_at': _time(image.updated_at),
        'deleted': False,
        'deleted_at': None,
        **{name: image.get(name) for name in _ATTRIBUTES},
        'properties': {
            name: str(value)
            for name, value in image.attributes.items()
            if name not in _ATTRIBUTES
            and name not in _UNKNOWN
            and value is not None
        },
    }


def _time(timestamp: str) -> str:
    """Return ``2016-05-22T06:04:20.000000``: no zone, but fractions."""
    return f'{timestamp.removesuffix("Z")}.000000'


def _headers(view: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what a header can say of an image, as HTTP needs it."""
    values = {
        **{
            f'Property-{name}': each
            for name, each in view['properties'].items()
        },
        **{name.capitalize(): each for name, each in view.items()},
    }
    del values['Properties']
    for name, value in values.items():
        if value is None or not _TOKEN.fullmatch(name):
            continue
        text = _CONTROLS.sub(' ', str(value))
        # WSGI wants bytes as Latin-1.
        yield f'X-Image-Meta-{name}', text.encode().decode('latin-1')
