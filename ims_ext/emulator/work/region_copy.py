# SPDX-License-Identifier: Apache-2.0
"""The copying of images to other regions: the conditions, and the work."""

import contextlib
import dataclasses

from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Caller
from ims_ext.emulator.openstack import agency
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import Project
from ims_ext.emulator.state import State
from ims_ext.emulator.work import image_copy
from ims_ext.emulator.work.image_access import own_image
from ims_ext.emulator.work.image_copy import ImageCopy
from ims_ext.emulator.work.image_export import is_whole
from ims_ext.emulator.work.job import JobFailure
from ims_ext.emulator.work.job import Progress
from ims_ext.emulator.work.new_image import NewImages
from ims_ext.emulator.work.vault import room_for_copy

WORK = 'region copy'

#: No reference names it; by its likes.
_JOB = 'imsCopyImageCrossRegionJob'

#: The largest image, in bytes, that is copied to another region.
SIZE_LIMIT = 128 * 2**30
#: How many images of a project are copied to other regions at a time.
COPY_LIMIT = 5


@dataclasses.dataclass(frozen=True)
class Order:
    """A request for a copy.

    :ivar project: The name of the project in the other region.
    :ivar agency: The name of the agency.
    :ivar vault_id: For a full-ECS image whose backup is in a vault.
    """

    name: str
    description: str
    region: str
    project: str
    agency: str
    vault_id: str | None = None


def new_job(
    service: Service, caller: Caller, image_id: str, order: Order
) -> Job:
    """Make and keep the job of a copy; part of a transaction.

    :raises: :class:`~ims_ext.emulator.errors.ImsError` for what speaks
        against it. The other region's quota does not: it makes the job fail.
    """
    state = service.state
    project_id = str(caller.project_id)
    image = own_image(state, image_id, project_id)
    check_image(state, image)
    target = _target(service, caller, order)
    backup = _backup(state, image, target, order) if is_whole(image) else None
    _check_load(state, project_id)
    job = state.jobs.new(
        _JOB,
        project_id,
        service.settings.job_seconds,
        {
            'work': WORK,
            'task': 'CopyImageCrossRegionTask',
            'source_id': image.id,
            'image_id': None,
            'backup': [None, target.id],
        },
    )
    if state.images.count(target.id) < service.image_quota(target.id):
        copy = _new_copy(service, image, target, order, backup)
        job.params['image_id'] = copy.id
        if backup is not None:
            job.params['backup'] = [copy.get('__backup_id'), target.id]
        job.entities = {'image_id': copy.id, 'image_name': copy.name}
    state.jobs.save(job)
    return job


def check_image(state: State, image: Image) -> None:
    """Refuse an image that is not copied to other regions.

    :raises: IMG.0046, IMG.0143, IMG.0146, IMG.0167
    """
    image_copy.check_active(image)
    image_copy.check_not_iso(image)
    # A full-ECS image is its backup, and as large as that.
    if image.get('__system__cmkid'):
        raise ImsError('IMG.0143')
    with contextlib.suppress(FileNotFoundError):
        if state.image_file(image.id).stat().st_size > SIZE_LIMIT:
            raise ImsError('IMG.0146')


def _target(service: Service, caller: Caller, order: Order) -> Project:
    """Return the project that gets the copy.

    :raises: IMG.0142, IMG.0145, IMG.0147, IMG.0151
    """
    state = service.state
    if order.region == caller.region:
        raise ImsError('IMG.0142')
    if order.region not in service.settings.regions:
        raise ImsError('IMG.0147', f"There is no region {order.region}.")
    for project in state.projects.of_user(caller.user_id):
        if (project.name, project.region) == (order.project, order.region):
            break
    else:
        raise ImsError(
            'IMG.0145',
            f"There is no project {order.project} in the region "
            f"{order.region}.",
        )
    if not agency.lets_images_be_copied(
        state,
        order.agency,
        project.domain_id,
        [str(caller.project_id), project.id],
    ):
        raise ImsError(
            'IMG.0151',
            f"The agency {order.agency} does not let the image service act "
            f"in both projects.",
        )
    return project


def _backup(
    state: State, image: Image, target: Project, order: Order
) -> Backup:
    """Return the backup of a full-ECS image, which is copied with it.

    :raises: IMG.0020 where it is gone, IMG.0150 where the project has it
        already, IMG.0184 for a backup in a vault, without a vault to copy it
        to, IMG.0193 and IMG.0182 for a vault that does not take it.
    """
    backup = state.backups.get(image.get('__backup_id') or '', image.owner)
    if backup is None:
        raise ImsError('IMG.0020')
    if backup.kind == 'CBR':
        room_for_copy(state, backup, order.vault_id, target.id)
    query = ImageQuery(
        target.id,
        conditions=[
            Condition('owner', 'eq', target.id),
            Condition('__data_origin', 'eq', _origin(state, image)),
        ],
        limit=1,
    )
    if state.images.select(query):
        raise ImsError('IMG.0150')
    return backup


def _origin(state: State, image: Image) -> str:
    """Return where the copies of an image say that they come from."""
    return f'image,{state.projects.region(image.owner)},{image.id}'


def _check_load(state: State, project_id: str) -> None:
    """Refuse more copies at a time than there may be.

    :raises: IMG.0149
    """
    busy = [
        job
        for job in state.jobs.unfinished()
        if job.project_id == project_id and job.params.get('work') == WORK
    ]
    if len(busy) >= COPY_LIMIT:
        raise ImsError('IMG.0149')


def _new_copy(
    service: Service,
    image: Image,
    target: Project,
    order: Order,
    backup: Backup | None,
) -> Image:
    """Make and keep the copy, which is active when the job has ended."""
    state = service.state
    attributes = {
        '__description': order.description,
        '__data_origin': _origin(state, image),
    }
    if backup is not None:
        attributes['__backup_id'] = state.backups.add(
            dataclasses.replace(
                backup,
                id='',
                project_id=target.id,
                status='creating',
                vault_id=order.vault_id,
            )
        ).id
    copy = image_copy.new_copy(image, target.id, order.name, attributes)
    service.capability(NewImages).add_for_job(copy)
    return copy


class RegionCopy(ImageCopy):
    """Jobs that copy images to other regions.

    Their ``params`` are those of :class:`ImageCopy`, and ``backup``, the ID
    and the project of the copied backup of a full-ECS image. ``image_id`` is
    ``None`` where the other region had no room for the copy.
    """

    def carry_out(self, job: Job, progress: Progress) -> None:
        """Copy the data, where there is any."""
        if job.params['image_id'] is None:
            raise JobFailure('IMG.0015')
        super().carry_out(job, progress)

    def succeed(self, job: Job, result: None) -> None:
        """Make the copy active, and its backup available."""
        super().succeed(job, result)
        backup = self._new_backup(job)
        if backup is not None:
            backup.status = 'available'
            self._service.state.backups.save(backup)

    def fail(self, job: Job) -> None:
        """Leave nothing behind in the other region."""
        backup = self._new_backup(job)
        if backup is not None:
            self._service.state.backups.delete(backup.id)
        if job.params['image_id'] is not None:
            super().fail(job)

    def _new_backup(self, job: Job) -> Backup | None:
        """Return the backup that was made for the copy."""
        backup_id, project_id = job.params['backup']
        backup = self._service.state.backups.get(backup_id, project_id)
        if backup is None or backup.status != 'creating':
            return None
        return backup
