# SPDX-License-Identifier: Apache-2.0
"""The effect of a job that has ended well, followed until it can be seen.

The clouds work some things off after they have said that a job is over: an
image that is not listed yet, tags that it has a moment later, members.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import dataclasses
import logging
import time
from typing import Any, Protocol

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext.extension import tag_rules
from ims_ext.transport import decode
from ims_ext.transport import session

_logger = logging.getLogger(__name__)

#: Seconds after a job's end in which its effect is looked for at most.
PATIENCE = 30.0
#: Seconds between the first two looks, their growth, and the most.
FIRST_PAUSE, PAUSE_GROWTH, LONGEST_PAUSE = 0.1, 1.6, 5.0

#: Parameters of requests under the names that images have them by; what the
#: service shows as it was given.
_SHOWN = {
    'name': 'name',
    'description': '__description',
    'min_ram': 'min_ram',
    'max_ram': 'max_ram',
    'cmk_id': '__system__cmkid',
    'enterprise_project_id': 'enterprise_project_id',
}
#: Values that are as good as none.
_NOTHING = frozenset((None, '', 0, '0'))

#: Statuses from which an image does not become usable any more.
_BAD_STATUSES = ('killed', 'deleted', 'pending_delete')

#: Parts of the types of jobs that make an image in the project's region.
_MAKING = ('Import', 'Create', 'CopyImageInRegion', 'ToImage', 'DataImages')


class Effect(Protocol):
    """What a job brings about, as it can be looked for."""

    def missing(self, ims: Any) -> str | None:
        """Look, and say what is not to be seen yet.

        :param ims: ``conn.ims``.
        :returns: What is missing, a part of a sentence, or ``None`` where
            all of it is there.
        :raises: What looking raises.
        """


@dataclasses.dataclass(frozen=True)
class WantedImage:
    """What an image was asked to have.

    :ivar attributes: Values under their attributes' names on the wire.
    :ivar tags: Its tags.
    """

    attributes: Mapping[str, str]
    tags: Sequence[tag_rules.Tag] = ()

    def lacking(self, record: Mapping[str, Any]) -> list[str]:
        """Return what an image does not have yet.

        :param record: What the cloud tells of it.
        """
        return [*self._attributes(record), *self._tags(record)]

    def _attributes(self, record: Mapping[str, Any]) -> Iterator[str]:
        for name, value in self.attributes.items():
            told = record.get(name)
            if str(told) != value and not {told, value} <= _NOTHING:
                yield f"the {name.strip('_')} {value!r}"

    def _tags(self, record: Mapping[str, Any]) -> Iterator[str]:
        tags = record.get('tags')
        told = set(tags if isinstance(tags, list) else ())
        for key, value in self.tags:
            spellings = {f'{key}={value}', f'{key}.{value}'}
            if not value:
                spellings.add(key)
            if told.isdisjoint(spellings):
                yield f"the tag {key}={value}"


@dataclasses.dataclass(frozen=True)
class ImageEffect:
    """An image that can be seen, with what it was asked to have.

    :ivar image_id: ID of the image.
    :ivar wanted: What was asked for: of several images that are made
        together, each has what goes with its name.
    """

    image_id: str
    wanted: Sequence[WantedImage] = ()

    def missing(self, ims: Any) -> str | None:
        """Look at the image."""
        record = _record(ims, self.image_id)
        if record is None:
            return f"the image {self.image_id} is not to be seen"
        status = record.get('status')
        if status in _BAD_STATUSES:
            raise sdk_exceptions.ResourceFailure(
                f"the image {self.image_id} is {status}"
            )
        if status in ('queued', 'saving'):
            return f"the image {self.image_id} is {status}"
        lacking = [
            lack
            for wanted in self._wanted(record)
            for lack in wanted.lacking(record)
        ]
        if lacking:
            return f"the image {self.image_id} lacks {', '.join(lacking)}"
        return None

    def _wanted(self, record: Mapping[str, Any]) -> Sequence[WantedImage]:
        if len(self.wanted) < 2:
            return self.wanted
        found = [
            each
            for each in self.wanted
            if each.attributes.get('name') == record.get('name')
        ]
        return found if len(found) == 1 else ()


def _record(ims: Any, image_id: str) -> dict[str, Any] | None:
    """Return what the cloud tells of an image, ``None`` if it knows none."""
    looking = f"Looking at the image {image_id}"
    listed = decode.read_list(
        ims.get('/v2/cloudimages', params={'id': image_id}),
        looking,
        'images',
        of=dict,
    )
    record: dict[str, Any]
    for record in listed:
        if record.get('id') == image_id:
            return record
    # The extension leaves out what is hidden, Glance's operation does not.
    response = ims.get(f'/images/{image_id}')
    if response.status_code == 404:
        return None
    shown = decode.read(response, looking)
    return shown if isinstance(shown, dict) else None


def of_images(
    image_ids: Iterable[str], *described: Mapping[str, Any]
) -> list[ImageEffect]:
    """Return the effects of a job that makes images.

    :param image_ids: Their IDs.
    :param described: What each of them was asked to have, as the request's
        parameters.
    """
    wanted = tuple(
        WantedImage(
            {
                wire: str(given[name])
                for name, wire in _SHOWN.items()
                if given.get(name) is not None
            },
            tuple(_tags(given)),
        )
        for given in described
    )
    return [ImageEffect(image_id, wanted) for image_id in image_ids]


def _tags(request: Mapping[str, Any]) -> Iterator[tag_rules.Tag]:
    for text in request.get('tags') or ():
        yield tag_rules.read_tag(text)
    for each in request.get('image_tags') or ():
        yield tag_rules.read_object(each)


def of_type(job_type: Any, image_ids: Iterable[str]) -> list[ImageEffect]:
    """Return the effects of a job of which only its type is known.

    :param job_type: The type.
    :param image_ids: The images that the job tells.
    """
    if not makes_images(job_type):
        return []
    return of_images(image_ids)


def makes_images(job_type: Any) -> bool:
    """Whether jobs of a type make images in the project's region."""
    return any(part in str(job_type) for part in _MAKING)


class Following:
    """Effects that are looked at until all are seen, or time is up.

    :param label: What messages call the job.
    :param effects: The effects.
    """

    def __init__(self, label: str, effects: Iterable[Effect]) -> None:
        self._label = label
        self._left = list(effects)
        self._until = time.monotonic() + PATIENCE
        self._missing = "its effect has not been looked at"

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to look for."""
        return not self._left

    def look(self, ims: Any) -> None:
        """Look at what has not been seen.

        :param ims: ``conn.ims``.
        """
        brief = session.RetrySession(ims, ims.retry_policy.briefly())
        while self._left:
            try:
                missing = self._left[0].missing(brief)
            except (
                sdk_exceptions.SDKException,
                ksa_exceptions.ClientException,
            ) as error:
                self._missing = f"its effect cannot be looked at: {error}"
                self.give_up()
                return
            if missing is not None:
                self._missing = missing
                break
            del self._left[0]
        if time.monotonic() >= self._until:
            self.give_up()

    def give_up(self) -> None:
        """Look no more, and say what was not seen."""
        if self._left:
            _logger.warning(
                "The job %s has ended well, but %s", self._label, self._missing
            )
            self._left.clear()
