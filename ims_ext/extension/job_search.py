# SPDX-License-Identifier: Apache-2.0
"""The images of a job that another program has started and that tells none.

They are found by what the job does tell: when it began and ended, what it
makes images of, and, where the cloud says it, the image's name.
"""

from collections.abc import Iterator, Mapping
import dataclasses
import datetime
import logging
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext import page_end
from ims_ext import reconcile
from ims_ext import resource
from ims_ext.transport import decode

_logger = logging.getLogger(__name__)

_PAGE = 100
#: Pages of images, the newest first, that are looked at.
_MOST_PAGES = 20

#: Parts of types of jobs, the first that fits, with what images tell of
#: their source then.
_ORIGINS = (
    ('Copy', ('image', 'volume')),
    ('Import', ('file',)),
    ('Volume', ('volume',)),
    ('WholeImage', ('server_backup', 'instance')),
    ('Instance', ('instance',)),
)
_KNOWN_ORIGINS = {origin for _, origins in _ORIGINS for origin in origins}


@dataclasses.dataclass(frozen=True)
class Ended:
    """A job that has ended well, as far as it tells its images.

    :ivar label: What messages call it.
    :ivar job_type: Its type.
    :ivar image_name: The name of its image, if it tells that.
    :ivar begin: When it began.
    :ivar end: When it ended.
    """

    label: str
    job_type: str
    image_name: str | None
    begin: datetime.datetime | None
    end: datetime.datetime | None

    def may_have_made(self, record: Mapping[str, Any]) -> bool:
        """Whether nothing that an image tells speaks against the job."""
        created = resource.parse_time(record.get('created_at'))
        tolerance = datetime.timedelta(seconds=reconcile.TOLERANCE)
        if self.begin is None or created is None:
            return False
        if created < self.begin - tolerance:
            return False
        if self.end is not None and created > self.end + tolerance:
            return False
        if self.image_name and record.get('name') != self.image_name:
            return False
        origin, _, _ = str(record.get('__data_origin')).partition(',')
        return origin not in _KNOWN_ORIGINS or origin in self._origins

    @property
    def _origins(self) -> tuple[str, ...] | set[str]:
        for part, origins in _ORIGINS:
            if part in self.job_type:
                return origins
        return _KNOWN_ORIGINS


def find(ims: Any, job: Ended) -> list[str]:
    """Find the image of a job.

    :param ims: ``conn.ims``.
    :param job: The job.
    :returns: Its ID; none where it is not found, or cannot be told from
        others, which is logged.
    """
    try:
        found = reconcile.soon(
            lambda: list(dict.fromkeys(_candidates(ims, job))) or None
        )
    except (
        sdk_exceptions.SDKException,
        ksa_exceptions.ClientException,
    ) as error:
        _warn(job, f"it cannot be looked for: {error}")
        return []
    if found is None:
        _warn(job, "none is seen that it may have made")
        return []
    if len(found) > 1:
        _warn(job, f"several may be it: {', '.join(found[:10])}")
        return []
    return found


def _warn(job: Ended, why: str) -> None:
    _logger.warning(
        "The job %s has ended well and does not tell its image; %s",
        job.label,
        why,
    )


def _candidates(ims: Any, job: Ended) -> Iterator[str]:
    owner = ims.get_project_id()
    query: dict[str, Any] = {
        'owner': owner,
        'sort_key': 'created_at',
        'sort_dir': 'desc',
        'limit': _PAGE,
    }
    taken = 0
    for _ in range(_MOST_PAGES if job.begin else 0):
        page = decode.read_list(
            ims.get('/images', params=query), "Looking for the image", 'images'
        )
        taken += len(page)
        for record in page:
            is_own = record.get('owner') in (None, owner)
            if is_own and record.get('id') and job.may_have_made(record):
                yield str(record['id'])
        if page_end.is_last(len(page), _PAGE, taken=taken):
            return
        oldest = resource.parse_time(page[-1].get('created_at'))
        if oldest and job.begin and oldest < job.begin:
            return
        if query.get('marker') == page[-1].get('id'):
            return
        query['marker'] = page[-1].get('id')
