# SPDX-License-Identifier: Apache-2.0
"""The images of a job: those that it tells, and those that it keeps quiet of.

A job that has ended well may tell its image in another place than the
documented one, or not at all. The image is found then as it is after a lost
answer: by what was asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import dataclasses
import logging
import re
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext import reconcile

_logger = logging.getLogger(__name__)

#: Members of a job's entities with IDs, the documented one first.
_PLACES = ('image_id', 'image_ids', '__data_images')

#: Seconds after which a job that was started is certain to be shown.
_NEW = 15.0

_UUID = re.compile(r'[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}')
_BETWEEN = re.compile(r'[^\w.-]+')


def told(entities: Mapping[str, Any]) -> Iterator[str]:
    """Give the IDs of the images that a job's entities tell of.

    :param entities: A job's, or a sub-job's.
    """
    for place in _PLACES:
        yield from _ids(entities.get(place))


def _ids(value: Any) -> Iterator[str]:
    """Give the IDs in a value: a string of one or more, or a list."""
    if isinstance(value, list):
        for each in value:
            yield from _ids(each)
    elif isinstance(value, dict):
        yield from told({'image_id': value.get('id'), **value})
    elif isinstance(value, str):
        yield from _UUID.findall(value) or filter(None, _BETWEEN.split(value))


def distinct(image_ids: Iterable[str]) -> list[str]:
    """Return IDs in their order, each once.

    :param image_ids: The IDs.
    """
    return list(dict.fromkeys(image_ids))


@dataclasses.dataclass(frozen=True)
class Request:
    """The request that has started a job, as far as waiting needs it.

    :ivar effects: Returns what is to be seen after the end of a job.
    :ivar moment: When it was sent.
    :ivar trace: How its images are recognised, where it makes any.
    """

    effects: Callable[[Any], Iterable[Any]]
    moment: reconcile.Moment
    trace: reconcile.Trace[Any] | None = None

    @property
    def is_new(self) -> bool:
        """Whether the job is so new that the cloud may not show it yet."""
        return self.moment.elapsed < _NEW

    def find(self, ims: Any, label: str) -> list[str]:
        """Find the images of a job that has ended well.

        :param ims: ``conn.ims``.
        :param label: What messages call the job.
        :returns: Their IDs; none where they cannot be found, or not be told
            from others, which is logged: the job has ended well all the
            same.
        """
        if self.trace is None:
            return []
        try:
            found = reconcile.find_soon(ims, self.trace, self.moment)
        except (
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
        ) as error:
            _logger.warning(
                "The job %s has ended well and does not tell its image: %s",
                label,
                error,
            )
            return []
        if found is None:
            _logger.warning(
                "The job %s has ended well, does not tell its image, and "
                "none is seen; look with: %s",
                label,
                self.trace.advice,
            )
            return []
        return list(found.image_ids)
