# SPDX-License-Identifier: Apache-2.0
"""The control route of all that is in the emulator, whoever owns it."""

from typing import Any

from ims_ext.emulator.control import query
from ims_ext.emulator.control.fault import fault_view
from ims_ext.emulator.control.health import clock_view
from ims_ext.emulator.control.health import health_view
from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.state import State

#: How many of each kind are shown, the newest ones.
SHOWN = 100


class OverviewControl:
    """``overview``."""

    mount = 'control'
    dialect = Dialect.KEYSTONE

    def __init__(self, emulator: Steered) -> None:
        self._emulator = emulator

    @route('GET', '/_emulator/overview', anonymous=True)
    def show(self, request: Request) -> Answer:
        """Show the newest images, jobs and buckets, faults and the clock."""
        query.parameters(request, ())
        emulator = self._emulator
        state = emulator.service.state
        jobs = emulator.jobs.select(limit=SHOWN)
        return {
            'health': health_view(emulator),
            'clock': clock_view(emulator),
            'projects': _projects(state),
            'images': _images(state),
            'jobs': [each.as_dict() for each in jobs],
            'held': [*emulator.jobs.held],
            'buckets': _buckets(state),
            'faults': fault_view(emulator.faults.current),
            'requests': {'last': emulator.requests.last_number},
        }


def _projects(state: State) -> list[dict[str, Any]]:
    rows = state.database.execute(
        'SELECT id, name, region, (SELECT count(*) FROM images '
        'WHERE owner = projects.id) AS images FROM projects ORDER BY rowid'
    )
    return [dict(row) for row in rows]


def _images(state: State) -> dict[str, Any]:
    (total,) = state.database.execute('SELECT count(*) FROM images')
    return {
        'total': total[0],
        'newest': [
            {
                'id': image.id,
                'name': image.name,
                'status': image.status,
                'visibility': image.visibility,
                'owner': image.owner,
                'created_at': image.created_at,
                'os_version': image.attributes.get('__os_version'),
                'min_disk': image.attributes.get('min_disk'),
                'tags': image.tags,
            }
            for image in state.images.newest(SHOWN)
        ],
    }


def _buckets(state: State) -> list[dict[str, Any]]:
    rows = state.database.execute(
        'SELECT name, project_id, region, '
        '(SELECT count(*) FROM objects WHERE bucket = buckets.name) '
        'AS objects, (SELECT coalesce(sum(size), 0) FROM objects '
        'WHERE bucket = buckets.name) AS bytes, '
        '(SELECT count(*) FROM uploads WHERE bucket = buckets.name) '
        'AS uploads FROM buckets ORDER BY created_at DESC, name LIMIT ?',
        (SHOWN,),
    )
    return [dict(row) for row in rows]
