# SPDX-License-Identifier: Apache-2.0
"""The sharing of images: what may be shared, and batches of it as jobs."""

from typing import ClassVar

from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import State
from ims_ext.emulator.work.image_access import own_image
from ims_ext.emulator.work.image_export import is_whole
from ims_ext.emulator.work.job import JobFailure
from ims_ext.emulator.work.job import Progress
from ims_ext.emulator.work.sharing import Sharing

#: With how many projects an image can be shared.
MAX_MEMBERS = 128


def check_shareable(state: State, image: Image) -> None:
    """Refuse an image that its owner may not share.

    :raises: IMG.0089 for a public one, IMG.0098 for an encrypted one,
        IMG.0135 for a full-ECS image, unless it comes from CBR.
    """
    if image.visibility == 'public':
        raise ImsError('IMG.0089')
    if image.get('__system__cmkid'):
        raise ImsError('IMG.0098')
    if is_whole(image) and not _is_from_cbr(state, image):
        raise ImsError('IMG.0135')


def shareable_image(state: State, image_id: str, project_id: str) -> Image:
    """Return an image that a project may share.

    :raises: IMG.0089 for a public one, whoever owns it; IMG.0027 and
        IMG.0047 for another's; what :func:`check_shareable` raises.
    """
    image = state.images.visible(image_id, project_id, at_once=True)
    if image is None or image.visibility != 'public':
        image = own_image(state, image_id, project_id)
    check_shareable(state, image)
    return image


def _is_from_cbr(state: State, image: Image) -> bool:
    # O, H: the other backup service's cannot be shared.
    backup = state.backups.get(image.get('__backup_id') or '', image.owner)
    return backup is not None and backup.kind == 'CBR'


class _Batch:
    """Jobs on every one of some images with every one of some projects.

    What can be done is done, also where the job fails because of the rest.
    """

    #: Whether the answer lists what went well.
    lists_successes: ClassVar[bool] = True

    def __init__(self, service: Service) -> None:
        self._service = service
        self.state = service.state

    @property
    def sharing(self) -> Sharing:
        """The changes of members."""
        return self._service.capability(Sharing)

    def carry_out(self, job: Job, progress: Progress) -> None:
        """Do nothing: all changes are to records."""

    def succeed(self, job: Job, result: None) -> None:
        """Do everything, or nothing where :meth:`fail` has to do the rest.

        :raises: :class:`~ims_ext.emulator.work.job.JobFailure` for the first
            that cannot be done.
        """
        failures = self._apply(job)
        if failures:
            raise failures[0]

    def fail(self, job: Job) -> None:
        """Do what can be done."""
        self._apply(job)

    def _apply(self, job: Job) -> list[JobFailure]:
        results: list[dict[str, str]] = []
        failures: list[JobFailure] = []
        for image_id in job.params['images']:
            for project_id in job.params['projects']:
                status = 'success'
                try:
                    self.one(job, image_id, project_id)
                except ImsError as error:
                    failures.append(JobFailure(error.code, error.message))
                    status = 'fail'
                results.append(
                    {
                        'image_id': image_id,
                        'project_id': project_id,
                        # Lower case inside the results, says the reference.
                        'status': status,
                    }
                )
        listed = self.lists_successes or failures
        job.entities['results'] = results if listed else []
        return failures

    def one(self, job: Job, image_id: str, project_id: str) -> None:
        """Do it for one image and one project.

        :raises: :class:`~ims_ext.emulator.errors.ImsError`
        """
        raise NotImplementedError


class Addition(_Batch):
    """Jobs that share images."""

    def one(self, job: Job, image_id: str, project_id: str) -> None:
        """Share an image with a project."""
        shareable_image(self.state, image_id, job.project_id)
        # A region does not know the projects of others.
        region = self.state.projects.region(job.project_id)
        if self.state.projects.region(project_id) != region:
            raise ImsError('IMG.0108')
        if self.sharing.count(image_id) >= MAX_MEMBERS:
            raise ImsError('IMG.0088')
        try:
            self.sharing.add(image_id, project_id)
        except KeyError as error:
            raise ImsError('IMG.0112') from error


class Removal(_Batch):
    """Jobs that end the sharing of images."""

    # O: a job that ended well lists nothing.
    lists_successes = False

    def one(self, job: Job, image_id: str, project_id: str) -> None:
        """Share an image with a project no more."""
        own_image(self.state, image_id, job.project_id)
        member = self.state.members.get(image_id, project_id)
        if member is None:
            raise ImsError('IMG.0113')
        self.sharing.remove(member)


class Update(_Batch):
    """Jobs that accept or reject images."""

    def one(self, job: Job, image_id: str, project_id: str) -> None:
        """Keep a project's answer to an image."""
        member = self.state.members.get(image_id, project_id)
        if member is None:
            raise ImsError('IMG.0114')
        self.sharing.answer(member, job.params['status'])
