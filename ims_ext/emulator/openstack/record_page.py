# SPDX-License-Identifier: Apache-2.0
"""A page of records, in the way that Nova and Cinder list theirs."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import Volume

#: How many records a page has at most.
LIMIT = 1000

R = TypeVar('R', Server, Volume, Backup)


def page(
    request: Request,
    key: str,
    records: Sequence[R],
    view: Callable[[R], dict[str, Any]],
    *,
    is_named: Callable[[str, str], bool] = str.__eq__,
) -> Answer:
    """Return the records that a request asks for.

    :param request: May have ``name``, ``status``, ``limit`` and ``marker``;
        other parameters are for administrators, and have no effect.
    :param key: What the answer has the list under.
    :param records: All that the caller may see, in their order.
    :param view: Gives what the answer shows of a record.
    :param is_named: Whether a record with the first name is one that the
        second name asks for.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for a marker that
        is no record, or a limit that is no number.
    """
    asked = request.args
    name, status = asked.get('name'), asked.get('status')
    found = [
        record
        for record in records
        if (not name or is_named(record.name, name))
        and (not status or record.status.lower() == status.lower())
    ]
    marker = asked.get('marker')
    if marker:
        ids = [record.id for record in found]
        if marker not in ids:
            raise BadRequest(f"marker [{marker}] not found")
        found = found[ids.index(marker) + 1 :]
    limit = _limit(asked.get('limit'))
    shown = found[:limit]
    answer: dict[str, Any] = {key: [view(record) for record in shown]}
    if len(found) > limit and shown:
        query = {**asked.to_dict(), 'marker': shown[-1].id}
        url = f'{request.root}{request.path}?{urlencode(query)}'
        answer[f'{key}_links'] = [{'rel': 'next', 'href': url}]
    return answer


def _limit(value: str | None) -> int:
    if not value:
        return LIMIT
    if not value.isdecimal() or len(value) > 9:
        raise BadRequest("limit must be a whole number")
    return min(int(value), LIMIT)


def numbered_page(
    request: Request,
    key: str,
    records: Sequence[R],
    view: Callable[[R], dict[str, Any]],
    first: int,
) -> Answer:
    """Return the records that a request asks for in the clouds' own way.

    :param request: May have ``name``, ``status``, ``limit`` and ``offset``.
    :param key: What the answer has the list under.
    :param records: All that the caller may see, in their order.
    :param view: Gives what the answer shows of a record.
    :param first: The number of the first page, which ``offset`` is then; 0
        where it is the number of records to leave out.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for a limit or
        offset that is no number.
    """
    asked = request.args
    name, status = asked.get('name', ''), asked.get('status')
    found = [
        record
        for record in records
        if name in record.name
        and (not status or record.status.lower() == status.lower())
    ]
    limit = _limit(asked.get('limit'))
    offset = asked.get('offset') or str(first)
    if not offset.isdecimal() or len(offset) > 9:
        raise BadRequest("offset must be a whole number")
    begin = (int(offset) - first) * (limit if first else 1)
    return {
        key: [view(each) for each in found[max(begin, 0) :][:limit]],
        'count': len(found),
    }
