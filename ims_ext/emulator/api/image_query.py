# SPDX-License-Identifier: Apache-2.0
"""The parameters of an image listing.

Both listings, the native and the extension's, take nearly the same ones.
"""

import csv
import datetime
from typing import Any, cast
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from ims_ext.emulator.api.image_attributes import BOOLEANS
from ims_ext.emulator.api.image_attributes import INTEGERS
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state.image_search import Operator

#: How many images a page has at most.
MAX_LIMIT = 1000
#: How many parameters a listing has at most; each makes the query slower.
MAX_PARAMETERS = 200

SORT_KEYS = frozenset(
    {
        'name',
        'status',
        'container_format',
        'disk_format',
        'size',
        'id',
        'created_at',
        'updated_at',
    }
)

_TIMES = ('created_at', 'updated_at')
_TIME_OPERATORS = ('gt', 'gte', 'lt', 'lte', 'eq', 'neq')
#: Attributes that Glance accepts lists of values for.
_LISTS = ('id', 'name', 'status', 'container_format', 'disk_format')
VISIBILITIES = ('public', 'private', 'shared', 'community', 'all')
MEMBER_STATUSES = ('accepted', 'pending', 'rejected', 'all')
_SIZES: dict[str, tuple[str, Operator]] = {
    'size_min': ('size', 'gte'),
    'size_max': ('size', 'lte'),
}
_CONTROLS = frozenset(
    {
        'limit',
        'marker',
        'sort',
        'sort_key',
        'sort_dir',
        'member_status',
        'tag',
    }
)


def parse(
    parameters: MultiDict[str, str],
    project_id: str,
    default_limit: int = 25,
) -> ImageQuery:
    """Return the query that a listing's parameters stand for.

    :param parameters: As in the URL.
    :param project_id: Who asks.
    :param default_limit: How many images a page has without ``limit``.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for parameters
        that make no sense.
    """
    if sum(len(values) for values in parameters.listvalues()) > MAX_PARAMETERS:
        raise BadRequest("There are too many parameters.")
    member_status = parameters.get('member_status', 'accepted')
    if member_status not in MEMBER_STATUSES:
        raise BadRequest(f"Invalid value for member_status: {member_status}")
    conditions = [
        condition
        for name, value in parameters.items(multi=True)
        if name not in _CONTROLS
        and (condition := _condition(name, value)) is not None
    ]
    if 'os_hidden' not in parameters:
        conditions.append(Condition('os_hidden', 'neq', True))
    return ImageQuery(
        project_id=project_id,
        member_status=member_status,
        conditions=conditions,
        tags=parameters.getlist('tag'),
        sort=_sort(parameters),
        marker=parameters.get('marker') or None,
        limit=_limit(parameters.get('limit'), default_limit),
    )


def boolean(name: str, value: str) -> bool:
    """Return what a parameter that is ``true`` or ``false`` says."""
    lower = value.lower()
    if lower not in ('true', 'false'):
        raise BadRequest(f"Invalid value '{value}' for {name}.")
    return lower == 'true'


def integer(name: str, value: str) -> int:
    """Return what a parameter that is a number says."""
    try:
        number = int(value)
    except ValueError as error:
        raise BadRequest(f"Invalid value '{value}' for {name}.") from error
    if not 0 <= number < 2**63:
        raise BadRequest(f"Value '{value}' for {name} is out of bounds.")
    return number


def _condition(name: str, value: str) -> Condition | None:
    if name in _TIMES:
        return _time(name, value)
    if name in _SIZES:
        attribute, operator = _SIZES[name]
        return Condition(attribute, operator, integer(name, value))
    if name in INTEGERS:
        return Condition(name, 'eq', integer(name, value))
    if name in BOOLEANS:
        operator = 'eq' if boolean(name, value) else 'neq'
        return Condition(name, operator, True)
    if name == 'visibility':
        if value not in VISIBILITIES:
            raise BadRequest(f"Invalid visibility value: {value}")
        return None if value == 'all' else Condition(name, 'eq', value)
    if name in _LISTS and value.startswith('in:'):
        return Condition(name, 'in', _values(value[3:]))
    if name in _LISTS and value.startswith('eq:'):
        return Condition(name, 'eq', value[3:])
    return Condition(name, 'eq', value)


def _values(text: str) -> list[str]:
    """Return the values of a list; ones with commas are in quotes."""
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise BadRequest(f"Invalid list of values: {text}") from error


def _time(name: str, value: str) -> Condition:
    operator, colon, rest = value.partition(':')
    if not colon or operator not in _TIME_OPERATORS:
        operator, rest = 'eq', value
    try:
        moment = datetime.datetime.fromisoformat(rest)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"Invalid time '{value}' for {name}.") from error
    text = moment.replace(tzinfo=None).isoformat(timespec='seconds') + 'Z'
    return Condition(name, cast(Operator, operator), text)


def _limit(value: str | None, default: int) -> int:
    if value is None:
        return default
    return min(integer('limit', value), MAX_LIMIT)


def _sort(parameters: MultiDict[str, str]) -> list[tuple[str, bool]]:
    """Return the sort keys; both of Glance's ways to write them count."""
    if 'sort' in parameters:
        if 'sort_key' in parameters or 'sort_dir' in parameters:
            raise BadRequest("'sort' cannot go with 'sort_key' or 'sort_dir'.")
        pairs = [
            _sort_pair(*each.strip().partition(':')[::2])
            for each in parameters['sort'].split(',', len(SORT_KEYS))
        ]
    else:
        keys = parameters.getlist('sort_key') or ['created_at']
        directions = parameters.getlist('sort_dir') or ['desc']
        if len(directions) == 1:
            directions *= len(keys)
        if len(directions) != len(keys):
            raise BadRequest("There are not as many sort_dir as sort_key.")
        pairs = [
            _sort_pair(*pair) for pair in zip(keys, directions, strict=True)
        ]
    return pairs


def _sort_pair(key: str, direction: str) -> tuple[str, bool]:
    if key not in SORT_KEYS:
        raise BadRequest(f"Invalid sort key: {key}")
    if direction not in ('asc', 'desc', ''):
        raise BadRequest(f"Invalid sort direction: {direction}")
    return key, direction == 'asc'


def next_links(
    path: str,
    parameters: MultiDict[str, str],
    last_id: str | None,
) -> dict[str, Any]:
    """Return the ``first`` and ``next`` of a page.

    :param path: The listing's path.
    :param parameters: As in the URL.
    :param last_id: The last image of a page that others follow; ``None`` on
        the last page.
    """
    kept = [
        pair for pair in parameters.items(multi=True) if pair[0] != 'marker'
    ]
    links = {'first': f'{path}?{urlencode(kept)}' if kept else path}
    if last_id is not None:
        links['next'] = f'{path}?{urlencode([*kept, ("marker", last_id)])}'
    return links
