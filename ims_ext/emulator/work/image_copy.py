# SPDX-License-Identifier: Apache-2.0
"""The copying of images: the conditions, and the work of the job."""

import errno
import os
from pathlib import Path
import shutil
from typing import Any

from ims_ext.emulator import private_files
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import State
from ims_ext.emulator.state.record import timestamp
from ims_ext.emulator.work.image_export import is_iso
from ims_ext.emulator.work.image_export import is_whole
from ims_ext.emulator.work.job import JobFailure
from ims_ext.emulator.work.job import Progress
from ims_ext.emulator.work.new_image import NewImages

WORK = 'copy'

#: What a copy does not take from its image: it says so for itself, or it is
#: about the image and not about what is in it.
_OWN = frozenset(
    {
        '__description',
        '__image_location',
        '__is_offshelved',
        '__system__cmkid',
        'active_at',
        'enterprise_project_id',
    }
)

#: What keeps a file system from having the same data under two names.
_NO_LINKS = frozenset(
    {errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM, errno.EXDEV}
)


def copyable_image(state: State, image_id: str, project_id: str) -> Image:
    """Return an image that a project may copy within the region.

    :raises: IMG.0027 for one that it may not see, IMG.0196 for a shared one
        that it has not accepted, IMG.0197 for a shared one that is
        encrypted, and the code of what else speaks against it.
    """
    image = state.images.visible(image_id, project_id, at_once=True)
    if image is None:
        raise ImsError('IMG.0027')
    if image.owner != project_id and image.visibility != 'public':
        member = state.members.get(image.id, project_id)
        if member is None or member.status != 'accepted':
            raise ImsError('IMG.0196')
        if image.get('__system__cmkid'):
            raise ImsError('IMG.0197')
    check_kind(image)
    return image


def check_kind(image: Image) -> None:
    """Refuse an image that is not active, or of a kind that is not copied.

    :raises: IMG.0046, IMG.0130, IMG.0167
    """
    check_active(image)
    if is_whole(image):
        raise ImsError('IMG.0130')
    check_not_iso(image)


def check_active(image: Image) -> None:
    """Refuse an image that is not active.

    :raises: IMG.0046
    """
    if image.status != 'active':
        raise ImsError('IMG.0046')


def check_not_iso(image: Image) -> None:
    """Refuse an ISO image.

    :raises: IMG.0167
    """
    if is_iso(image):
        raise ImsError('IMG.0167')


def new_copy(
    image: Image, project_id: str, name: str, attributes: dict[str, Any]
) -> Image:
    """Return the copy of an image, which is not kept yet.

    :param attributes: Those that the copy does not take from its image.
    """
    inherited = {
        attribute: value
        for attribute, value in image.attributes.items()
        if attribute not in _OWN
    }
    return Image.new(
        project_id,
        name,
        {
            **inherited,
            '__imagetype': 'private',
            'protected': False,
            # Whose descendant an image is decides about its export, however
            # often it is copied.
            '__originalimagename': image.get('__originalimagename')
            or image.id,
            '__data_origin': f'image,{image.id}',
            **attributes,
        },
        status='saving',
    )


class ImageCopy:
    """Jobs that copy images.

    Their ``params`` have ``source_id`` and ``image_id``, the copy's, which
    has the status ``saving``.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def carry_out(self, job: Job, progress: Progress) -> None:
        """Copy the data, where there is any."""
        state = self._service.state
        source = state.image_file(job.params['source_id'])
        target = state.image_file(job.params['image_id'])
        # What an earlier try has left.
        target.unlink(missing_ok=True)
        try:
            _copy(source, target)
        except FileNotFoundError as error:
            # The emulator's public images are there, but have no data.
            if state.images.get(job.params['source_id']) is None:
                raise JobFailure(
                    'IMG.0027', "The image was deleted before it was copied."
                ) from error

    def succeed(self, job: Job, result: None) -> None:
        """Make the copy active."""
        images = self._service.state.images
        image = images.get(job.params['image_id'])
        if image is None:
            raise JobFailure(
                'IMG.0027', "The copy was deleted while it was made."
            )
        image.status = 'active'
        image.attributes['active_at'] = timestamp(self._service.clock())
        images.save(image)
        self._service.capability(NewImages).is_made(image.id)

    def fail(self, job: Job) -> None:
        """Leave no copy behind."""
        self._service.state.images.delete(job.params['image_id'])


def _copy(source: Path, target: Path) -> None:
    """Give data a second name; it is never changed in place."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with (
            source.open('rb') as data,
            open(target, 'xb', opener=private_files.opener) as copy,
        ):
            shutil.copyfileobj(data, copy)
