# SPDX-License-Identifier: Apache-2.0
"""Images that have got their data, until they are active, or killed."""

from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Effect
from ims_ext.emulator.state import Image
from ims_ext.emulator.state.record import timestamp
from ims_ext.emulator.work.settling import Settling

EFFECT = 'upload'

#: What is known of an image's data, and nothing where it was killed.
_DATA = ('size', 'virtual_size', 'checksum')


class ImageUpload:
    """The taking in of data that was uploaded natively."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._seconds = service.settings.delays.upload
        self.effects = {EFFECT: self._become}

    def is_under_way(self, image_id: str) -> bool:
        """Whether an image has got data, and is not active yet."""
        return bool(self._settling.pending(EFFECT, image_id))

    def take_in(self, image: Image) -> None:
        """Have an image go through its statuses; part of a transaction.

        :param image: The image, whose data is there; it is kept.
        """
        is_killed = self._service.faults.upload() is not None
        images = self._service.state.images
        image.status = 'queued'
        images.save(image)
        end = 'killed' if is_killed else 'active'
        if self._seconds:
            self._later(image, self._seconds / 2, 'saving')
        self._later(image, self._seconds, end)

    @property
    def _settling(self) -> Settling:
        return self._service.capability(Settling)

    def _later(self, image: Image, seconds: float, status: str) -> None:
        self._settling.later(EFFECT, image.id, seconds, status=status)

    def _become(self, effect: Effect) -> None:
        state = self._service.state
        image = state.images.get(effect.image_id)
        if image is None:
            return
        image.status = effect.params['status']
        if image.status == 'active':
            now = timestamp(self._service.clock())
            image.attributes['active_at'] = now
        elif image.status == 'killed':
            image.attributes.update(dict.fromkeys(_DATA))
            file = state.image_file(image.id)
            state.database.after_commit(lambda: file.unlink(missing_ok=True))
        state.images.save(image)
