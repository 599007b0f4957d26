# SPDX-License-Identifier: Apache-2.0
"""Volumes made of images, of other volumes, or of nothing."""

from typing import Any

from ims_ext.emulator.api.key import KEY
from ims_ext.emulator.api.key import check_key
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.openstack import source_image
from ims_ext.emulator.openstack.block_storage import BlockStorageApi
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import State
from ims_ext.emulator.state import Volume

#: GiB that a volume may have.
_SIZES = range(1, 32768 + 1)

#: How these clouds are told to encrypt a volume.
_ENCRYPTED = '__system__encrypted'


class VolumeCreationApi:
    """Creating volumes."""

    mount = BLOCK_STORAGE
    project_version = '/v3'
    dialect = Dialect.COMPUTE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('POST', '/v3/volumes')
    def create(self, request: Request) -> Answer:
        """Make a volume, which takes as long as a job."""
        body = nova_style.part(request, 'volume')
        metadata = nova_style.metadata(body.get('metadata'))
        if body.get('snapshot_id'):
            raise NotFound(
                f"Snapshot {body['snapshot_id']} could not be found."
            )
        project_id = request.project_id
        with self.state.transaction():
            source = self._source(body.get('source_volid'), project_id)
            size = body.get('size')
            if size is None and source is not None:
                size = source.size
            image = None
            if body.get('imageRef'):
                image = source_image.source_image(
                    self.state, body['imageRef'], project_id
                )
            volume = new_volume(
                self.state,
                project_id,
                nova_style.name(body.get('name'), ''),
                volume_size(size),
                image,
                source,
            )
            volume.description = nova_style.description(
                body.get('description')
            )
            volume.key_id = (
                _key(self.state, metadata, project_id) or volume.key_id
            )
            volume.metadata = metadata
            volume.status = 'creating'
            volume.settles_at = (
                self.service.clock() + self.service.settings.job_seconds
            )
            self.state.volumes.add(volume)
        volumes = self.service.capability(BlockStorageApi)
        return 202, {'volume': volumes.view(request, volume)}

    def _source(self, volume_id: Any, project_id: str) -> Volume | None:
        if not volume_id:
            return None
        found = self.state.volumes.get(volume_id, project_id)
        if found is None:
            raise NotFound(f"Volume {volume_id} could not be found.")
        return found


def new_volume(
    state: State,
    project_id: str,
    name: str,
    size: int,
    image: Image | None = None,
    source: Volume | None = None,
) -> Volume:
    """Return a volume of a project, which is not kept yet.

    :param size: GiB.
    :param image: The image that it is made of, or ``None``.
    :param source: The volume that it is a copy of, or ``None``.
    :raises: :class:`~ims_ext.emulator.errors.BadRequest` for a size that is
        too small.
    """
    volume = Volume(project_id=project_id, name=name, size=size)
    if image is not None:
        source_image.check_size(image, size)
        volume.os_version = source_image.operating_system(image)
        volume.image_metadata = source_image.image_metadata(image)
        volume.key_id = image.get(KEY)
    elif source is not None:
        if size < source.size:
            raise BadRequest(
                f"Invalid input received: Clones currently must be >= "
                f"original volume size. ({size} < {source.size})."
            )
        volume.os_version = source.os_version
        volume.image_metadata = source.image_metadata
        volume.key_id = source.key_id
    return volume


def volume_size(value: Any) -> int:
    """Return how large a volume is to be, in GiB.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    try:
        size = int(value)
    except (TypeError, ValueError):
        size = 0
    if isinstance(value, bool) or size not in _SIZES:
        raise BadRequest(
            f"Invalid input received: the size of a volume is {_SIZES[0]} to "
            f"{_SIZES[-1]} GB."
        )
    return size


def _key(
    state: State, metadata: dict[str, str], project_id: str
) -> str | None:
    """Return the key that metadata asks to encrypt a volume with.

    It is kept as what it is, and not as the user's metadata.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`
    """
    key_id = metadata.pop(KEY, '')
    if metadata.pop(_ENCRYPTED, '0') not in ('1', 'true'):
        return None
    try:
        check_key(state, key_id, project_id)
    except ImsError as error:
        raise BadRequest(f"{KEY} {key_id}: {error.message}") from error
    return key_id
