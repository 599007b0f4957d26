# SPDX-License-Identifier: Apache-2.0
"""The stores of a whole Glance, and where in them an image's data is.

There are two to write into, and one that stands for the servers of the web.
The first two are names only: what is in both takes up its space once.
"""

from collections.abc import Iterable, Sequence
import dataclasses
from typing import Any

from ims_ext.emulator.api.glance_access import check_administrator
from ims_ext.emulator.api.glance_access import visible_image
from ims_ext.emulator.api.image_attributes import LOCATIONS
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image

#: The header that names the store for an upload.
STORE_HEADER = 'X-Image-Meta-Store'


@dataclasses.dataclass(frozen=True)
class Store:
    """A store.

    :ivar type: What it is, in Glance's words.
    :ivar weight: Of an image's stores, those with a higher one come first.
    """

    id: str
    type: str
    description: str
    weight: int
    is_read_only: bool = False

    def view(self) -> dict[str, str]:
        """Return what everybody is told about it."""
        body = {'id': self.id, 'description': self.description}
        if self.id == DEFAULT:
            body['default'] = 'true'
        if self.is_read_only:
            body['read-only'] = 'true'
        return body


STORES = (
    Store('fast', 'file', "Files of the emulator", 20),
    Store('slow', 'file', "The same files, by another name", 10),
    Store('web', 'http', "Servers of the web", 0, is_read_only=True),
)
DEFAULT = 'fast'
WEB = 'web'

#: How an image gets its data.
IMPORT_METHODS = ('glance-direct', 'web-download', 'copy-image')


def writable() -> list[str]:
    """Return the stores that images can be put into."""
    return [store.id for store in STORES if not store.is_read_only]


def known(names: Iterable[Any]) -> list[str]:
    """Return the stores with these names.

    :raises: :class:`~ims_ext.emulator.errors.Conflict` for one that cannot
        be written into, or that there is not.
    """
    found = list(names)
    for name in found:
        if name not in writable():
            raise Conflict(f"Unknown or read-only store: {name}")
    return found


def location(image_id: str, store: str) -> dict[str, Any]:
    """Return where the emulator has an image's data."""
    # The real path is nobody's business.
    return {
        'url': f'file:///{store}/{image_id}',
        'metadata': {'store': store},
    }


def locations(image: Image) -> list[dict[str, Any]]:
    """Return where an image's data is."""
    kept: list[dict[str, Any]] | None = image.attributes.get(LOCATIONS)
    if kept is not None:
        return kept
    if image.status in ('queued', 'saving', 'uploading', 'importing'):
        return []
    return [location(image.id, DEFAULT)]


def stores_of(image: Image) -> list[str]:
    """Return the stores that an image is in, those of most weight first."""
    found = {each['metadata'].get('store') for each in locations(image)}
    return [store.id for store in STORES if store.id in found]


def is_on_the_web(image: Image) -> bool:
    """Whether the emulator has none of an image's data itself."""
    found = locations(image)
    return bool(found) and all(
        each['metadata'].get('store') == WEB for each in found
    )


def put_into(image: Image, stores: Sequence[str]) -> None:
    """Note that an image's data is in stores, and nowhere else."""
    image.attributes[LOCATIONS] = [
        location(image.id, store) for store in stores
    ]


def view(image: Image) -> dict[str, Any]:
    """Return what an image says about where its data is."""
    found = locations(image)
    body: dict[str, Any] = {'locations': found}
    if found:
        body['direct_url'] = found[0]['url']
        body['stores'] = ','.join(stores_of(image))
    return body


class StoresApi:
    """The operations on stores, and what there is to know beforehand."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state
        self.service = service

    @route('GET', '/v2/info/import')
    def imports(self, request: Request) -> Answer:
        """List the ways to import."""
        return {
            'import-methods': {
                'description': "The ways in which an image gets its data.",
                'type': 'array',
                'value': list(IMPORT_METHODS),
            }
        }

    @route('GET', '/v2/info/stores')
    def stores(self, request: Request) -> Answer:
        """List the stores."""
        return {'stores': [store.view() for store in STORES]}

    @route('GET', '/v2/info/stores/detail')
    def stores_in_detail(self, request: Request) -> Answer:
        """List the stores to administrators, with more about each."""
        check_administrator(request)
        return {
            'stores': [
                {
                    **store.view(),
                    'type': store.type,
                    'weight': store.weight,
                    'properties': {},
                }
                for store in STORES
            ]
        }

    @route('GET', '/v2/info/usage')
    def usage(self, request: Request) -> Answer:
        """Tell how many images there are, and may be."""
        return {
            'usage': {
                'image_count_total': {
                    'usage': self.state.images.count(request.project_id),
                    'limit': self.service.image_quota(request.project_id),
                }
            }
        }

    @route('DELETE', '/v2/stores/<store_id>/<image_id>')
    def delete(self, request: Request, store_id: str, image_id: str) -> Answer:
        """Take an image out of a store, but not out of its last."""
        if store_id not in [store.id for store in STORES]:
            raise Conflict(f"There is no store {store_id}.")
        with self.state.transaction():
            image = visible_image(self.state, request, image_id)
            check_administrator(request)
            if image.status != 'active':
                raise Conflict("Only an active image is taken out of stores.")
            found = locations(image)
            if len(found) == 1:
                raise Forbidden("Its only store keeps an image's data.")
            left = [
                each
                for each in found
                if each['metadata'].get('store') != store_id
            ]
            if len(left) == len(found):
                raise NotFound(f"The image is not in the store {store_id}.")
            image.attributes[LOCATIONS] = left
            self.state.images.save(image)
        return 204, None


def chosen(request: Request, body: dict[str, Any]) -> list[str]:
    """Return the stores that an import is to put an image into.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest` where several ways
        to say so are mixed, ``Conflict`` for a store that there is not.
    """
    named = request.headers.get(STORE_HEADER)
    if body.get('all_stores') and (named or 'stores' in body):
        raise BadRequest(
            f"all_stores goes with neither stores nor {STORE_HEADER}."
        )
    if named and 'stores' in body:
        raise BadRequest(f"stores does not go with {STORE_HEADER}.")
    if body.get('all_stores'):
        return writable()
    stores = body.get('stores', [named or DEFAULT])
    if not isinstance(stores, list) or not stores:
        raise BadRequest("stores must be a list of stores' names.")
    return known(stores)
