# SPDX-License-Identifier: Apache-2.0
"""Locations of images' data on the web, as clients change them.

A client may name a file on a web server as an image's data. The emulator
looks whether it is there, and how large; it fetches nothing, unless the data
is asked for.
"""

from collections.abc import Iterable, Mapping
import dataclasses
import hashlib
from typing import Any

from ims_ext.emulator.api import image_patch
from ims_ext.emulator.api.image_attributes import LOCATIONS
from ims_ext.emulator.api.image_patch import Change
from ims_ext.emulator.api.image_patch import Operation
from ims_ext.emulator.api.store import WEB
from ims_ext.emulator.api.store import locations
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import UnsupportedMediaType
from ims_ext.emulator.state import Image
from ims_ext.emulator.work.web_source import WebSourceError
from ims_ext.emulator.work.web_source import WebSources

#: How Glance makes os_hash_value of data.
HASH_ALGORITHM = 'sha512'

_PATH = f'/{LOCATIONS}'
_CHECKSUM_BYTES = 16
_VALIDATED = ('checksum', 'os_hash_algo', 'os_hash_value')


@dataclasses.dataclass(frozen=True)
class LocationChange:
    """One change of an image's locations.

    :ivar position: What follows the attribute in the path: the place of a
        location, or a hyphen for the end.
    """

    operation: Operation
    position: str | None
    value: Any = None

    @property
    def given(self) -> list[Any]:
        """The locations that the change brings."""
        if self.operation == 'remove':
            return []
        return self.value if self.operation == 'replace' else [self.value]


def parse(content_type: str, body: Any) -> list[Change | LocationChange]:
    """Return the changes of a patch, those of locations among them.

    :param content_type: Decides which kind of patch it is.
    :param body: The JSON value.
    :raises: As :func:`.image_patch.parse`.
    """
    if content_type not in (image_patch.V20, image_patch.V21):
        raise UnsupportedMediaType("An image is patched with a JSON patch.")
    if not isinstance(body, list):
        raise BadRequest("The request body must be a list of operations.")
    return [_parse_one(content_type, each) for each in body]


def _parse_one(content_type: str, body: Any) -> Change | LocationChange:
    operation, path = image_patch.operation_of(content_type, body)
    if not isinstance(path, str) or (
        path != _PATH and not path.startswith(f'{_PATH}/')
    ):
        return image_patch.parse_one(content_type, body)
    _, _, position = path[1:].partition('/')
    if (operation == 'replace') == bool(position):
        raise BadRequest(f"Invalid path: {path}")
    if operation != 'remove' and 'value' not in body:
        raise BadRequest(f"The operation '{operation}' needs a value.")
    change = LocationChange(operation, position or None, body.get('value'))
    if operation == 'replace' and not isinstance(change.value, list):
        raise BadRequest("Locations must be a list.")
    for each in change.given:
        _check_shape(each)
    return change


def _check_shape(value: Any) -> None:
    if (
        not isinstance(value, dict)
        or not isinstance(value.get('url'), str)
        or not isinstance(value.get('metadata'), dict)
        or not isinstance(value.get('validation_data', {}), dict)
        or value.keys() - {'url', 'metadata', 'validation_data'}
    ):
        raise BadRequest("A location has a url and metadata.")


def sizes(
    changes: Iterable[Change | LocationChange],
    image: Image,
    sources: WebSources,
) -> dict[str, int | None]:
    """Ask for the sizes in bytes of what an image does not have yet.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for a location that
        nobody may name, or where there is nothing.
    """
    had = {each['url'] for each in locations(image)}
    found: dict[str, int | None] = {}
    for change in changes:
        given = change.given if isinstance(change, LocationChange) else []
        for each in given:
            url = each['url']
            if url not in had | found.keys():
                try:
                    found[url] = sources.size(url)
                except WebSourceError as error:
                    raise BadRequest(f"Invalid location: {error}") from error
    return found


def apply(
    image: Image, change: LocationChange, found: Mapping[str, int | None]
) -> None:
    """Change an image's locations; nothing is kept yet.

    :param found: The sizes of new locations, in bytes.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for what makes no
        sense, ``Conflict`` where the image's state forbids it, ``Forbidden``
        for its last location.
    """
    if image.status not in ('active', 'queued'):
        raise Conflict(f"Locations are not changed while {image.status}.")
    current = locations(image)
    if change.operation == 'remove':
        image.attributes[LOCATIONS] = _without(image, current, change)
        return
    if not change.given:
        raise Forbidden("Locations cannot be emptied.")
    validated = _validated(image, change.given)
    if change.operation == 'add':
        kept = list(current)
        kept.insert(_position(change, len(current)), _kept(change.value))
        _check_distinct(kept)
    else:
        kept = [_kept(each, current) for each in change.given]
        _check_distinct(kept)
        if current and _urls(kept) != _urls(current):
            raise BadRequest("Locations that are there stay as they are.")
    image.attributes[LOCATIONS] = kept
    if image.status == 'queued':
        image.status = 'active'
        image.attributes |= validated
        image.attributes['size'] = found.get(kept[0]['url'])


def _urls(given: list[dict[str, Any]]) -> set[str]:
    return {each['url'] for each in given}


def _check_distinct(given: list[dict[str, Any]]) -> None:
    if len(_urls(given)) < len(given):
        raise BadRequest("A location is there twice.")


def _kept(
    value: dict[str, Any], current: Iterable[dict[str, Any]] = ()
) -> dict[str, Any]:
    stores = {
        each['url']: each['metadata'].get('store', WEB) for each in current
    }
    store = stores.get(value['url'], WEB)
    return {
        'url': value['url'],
        'metadata': {**value['metadata'], 'store': store},
    }


def _position(change: LocationChange, count: int) -> int:
    if change.position == '-':
        return count
    text = change.position or ''
    if not text.isascii() or not text.isdigit():
        raise BadRequest("Invalid position of a location.")
    return int(text)


def _without(
    image: Image, current: list[dict[str, Any]], change: LocationChange
) -> list[dict[str, Any]]:
    if image.status != 'active':
        raise Conflict(f"Locations are not removed while {image.status}.")
    if len(current) == 1:
        raise Forbidden("An image keeps its last location.")
    position = _position(change, len(current) - 1)
    if position >= len(current):
        raise BadRequest("There is no location at that position.")
    return current[:position] + current[position + 1 :]


# ====== WHAT THE DATA IS SAID TO BE ======


def _validated(image: Image, given: list[Any]) -> dict[str, Any]:
    """Return what is said of the data, where that is new."""
    said: dict[str, Any] = {}
    for each in given:
        for name, value in each.get('validation_data', {}).items():
            if name not in _VALIDATED or not isinstance(value, str):
                raise BadRequest(f"There is no {name} in validation_data.")
            if said.setdefault(name, value) != value:
                raise Conflict(f"Two values are given for {name}.")
    new = {}
    for name, value in said.items():
        if image.get(name) not in (None, value):
            raise Conflict(f"{name} has another value already.")
        if image.get(name) is None:
            new[name] = value
    if not new:
        return {}
    if image.status != 'queued':
        raise Conflict("What the data is can be said of a queued image only.")
    if 'checksum' in new and not _is_hex(new['checksum'], _CHECKSUM_BYTES):
        raise Conflict("The checksum is none of MD5.")
    if new.get('os_hash_algo') != HASH_ALGORITHM:
        raise Conflict(f"os_hash_algo must be {HASH_ALGORITHM}.")
    check_hash(new, Conflict)
    return new


def check_hash(
    said: Mapping[str, Any], refusal: type[BadRequest | Conflict]
) -> None:
    """Refuse a digest that its algorithm does not make.

    :param said: ``os_hash_algo`` and ``os_hash_value``.
    :param refusal: What is raised.
    """
    algorithm = said.get('os_hash_algo')
    if algorithm not in hashlib.algorithms_guaranteed:
        raise refusal(f"There is no hash algorithm {algorithm}.")
    # Digests of any length have none of their own.
    size = hashlib.new(str(algorithm), usedforsecurity=False).digest_size
    if not size or not _is_hex(said.get('os_hash_value'), size):
        raise refusal(f"os_hash_value is none of {algorithm}.")


def _is_hex(value: Any, size: int) -> bool:
    try:
        return len(bytes.fromhex(value)) == size
    except (TypeError, ValueError):
        return False
