# SPDX-License-Identifier: Apache-2.0
"""New images: when they are seen, and when what a job sets is seen."""

from typing import Any

from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Effect
from ims_ext.emulator.state import Image
from ims_ext.emulator.work.settling import Settling

_DETAILS = 'details'

#: Attributes that a job sets late, and their values until then. Nothing that
#: the service goes by is among them.
_LATE: dict[str, Any] = {
    '__description': '',
    'enterprise_project_id': '0',
    'min_ram': 0,
    'max_ram': None,
}


class NewImages:
    """The keeping of new images, with what comes late to them.

    Each method is part of a transaction.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._images = service.state.images
        self._delays = service.settings.delays
        self.effects = {_DETAILS: self._complete}

    def add(self, image: Image) -> None:
        """Keep an image that a request makes.

        :raises: IMG.0056 for an operating system that the cloud lacks.
        """
        profile = self._service.settings.profile
        version = image.attributes.get('__os_version')
        if version is not None and not profile.has_os_version(version):
            raise ImsError('IMG.0056')
        profile.shape(image.attributes)
        self._images.add(image, unseen=self._delays.create)

    def add_for_job(self, image: Image) -> None:
        """Keep an image that a job makes."""
        late: dict[str, Any] = {}
        tags: list[str] = []
        if self._delays.tags:
            late = {
                name: image.attributes[name]
                for name, before in _LATE.items()
                if image.attributes.get(name, before) != before
            }
            tags, image.tags = image.tags, []
        for name in late:
            if _LATE[name] is None:
                del image.attributes[name]
            else:
                image.attributes[name] = _LATE[name]
        self.add(image)
        if late or tags:
            self._settling.prepare(
                _DETAILS, image.id, attributes=late, tags=tags
            )

    def is_made(self, image_id: str) -> None:
        """Have what a job was asked to set come, since it has ended."""
        self._settling.release(_DETAILS, image_id, self._delays.tags)

    @property
    def _settling(self) -> Settling:
        return self._service.capability(Settling)

    def _complete(self, effect: Effect) -> None:
        image = self._images.get(effect.image_id)
        if image is None:
            return
        for name, value in effect.params['attributes'].items():
            # What was changed since is not changed back.
            if image.attributes.get(name) == _LATE[name]:
                image.attributes[name] = value
        image.tags += effect.params['tags']
        self._images.save(image)
