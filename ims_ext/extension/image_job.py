# SPDX-License-Identifier: Apache-2.0
"""Jobs whose ID is not known, seen through what they bring about."""

from collections.abc import Callable, Mapping
import copy
from typing import Any, Self

from ims_ext import exceptions
from ims_ext import resource
from ims_ext import sdk
from ims_ext.extension import job as _job
from ims_ext.transport import decode

#: What an image's status says of the job that makes it.
_IMAGE_STATUSES = {
    'active': 'SUCCESS',
    'deactivated': 'SUCCESS',
    'deleted': 'FAIL',
    'killed': 'FAIL',
    'no longer there': 'FAIL',
    'pending_delete': 'FAIL',
}


class ImageJob(_job.Job):
    """A job whose ID is not known, seen through the images that it makes.

    There is one where the answer that names the job was lost, and where data
    are uploaded without any job. It can be given wherever a method of
    ``conn.ims`` takes a job, but for ``get_job_progress``.
    """

    id: str = resource.Body('job_id', alternate_id=True)
    """Never known. Here, since openstacksdk looks for what stands in for an ID
    in the class itself only."""

    getter = 'get_job'

    @classmethod
    def of(cls, *images: Mapping[str, Any], connection: Any = None) -> Self:
        """Return the job that makes some images.

        :param images: What the cloud tells of each: ``id``, ``name``,
            ``status``.
        :param connection: The cloud.
        """
        parts = [_part(image) for image in images]
        if len(parts) > 1:
            entities: dict[str, Any] = {
                'sub_jobs_result': parts,
                'image_id': images[0]['id'],
                'image_name': images[0].get('name'),
            }
        else:
            entities = parts[0]['entities']
        states = [part['status'] for part in parts]
        failed = next(
            (part for part in parts if part['status'] == 'FAIL'), parts[0]
        )
        return cls.existing(
            connection=connection,
            status=next(
                (each for each in ('FAIL', 'RUNNING') if each in states),
                'SUCCESS',
            ),
            fail_reason=failed['fail_reason'],
            entities=entities,
        )

    @property
    def label(self) -> str:
        """The images' IDs: it has none of its own."""
        return f"of the image {', '.join(self._images)}"

    @property
    def key(self) -> str:
        """The images' IDs."""
        return self.label

    @property
    def _images(self) -> dict[str, str | None]:
        """The images' IDs, with their names as far as they are known."""
        several = {
            str(sub_job.image_id): sub_job.image_name
            for sub_job in self.sub_jobs
        }
        return several or {str(self.image_id): self.image_name}

    def look(self, ims: _job.JobMixin) -> _job.Job:
        """Look at the images.

        :param ims: ``conn.ims``.
        """
        found = [
            {'name': name, **_image(ims, image_id)}
            for image_id, name in self._images.items()
        ]
        return type(self).of(*found, connection=sdk.connection_of(ims))


class ObservedJob(_job.Job):
    """A job whose ID is not known, or whose own word is not the last one.

    It is over when what it was to bring about is there.
    """

    id: str = resource.Body('job_id', alternate_id=True)
    """Here again, as for :class:`ImageJob`."""

    getter = 'get_job'

    _pickled_type = _job.Job

    #: Looks, and returns the job in its end, or ``None`` where that is not
    #: to be seen.
    _observe: Callable[[_job.JobMixin], _job.Job | None]
    _what: str

    @classmethod
    def watching(
        cls,
        what: str,
        observe: Callable[[_job.JobMixin], _job.Job | None],
        job: _job.Job | None = None,
    ) -> Self:
        """Return a job that is watched by what it brings about.

        :param what: What that is, for messages.
        :param observe: Looks whether it is there.
        :param job: What the cloud tells of the job, if anything.
        """
        told = dict(sdk.body_attributes(job)) if job else {'status': 'RUNNING'}
        found = cls.existing(
            connection=sdk.connection_of(job) if job else None,
            project_id=job.project_id if job else None,
            **told,
        )
        found._observe = observe
        found._what = what
        return found

    @classmethod
    def ended(
        cls, what: str, entities: dict[str, Any], connection: Any
    ) -> Self:
        """Return a job that has brought about all that it was to.

        :param what: What that is, for messages.
        :param entities: What a job would tell of it.
        :param connection: The cloud.
        """
        found = cls.existing(
            status='SUCCESS', entities=entities, connection=connection
        )
        found._observe = lambda ims: found
        found._what = what
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Give what the cloud told: another process cannot observe."""
        told = copy.copy(self)
        for name in ('_observe', '_what'):
            vars(told).pop(name, None)
        return super(ObservedJob, told).__reduce_ex__(protocol)

    @property
    def label(self) -> str:
        """Its ID if it has one, or what it brings about."""
        return str(self.id) if self.id else f"for {self._what}"

    @property
    def key(self) -> str:
        """Its ID if it has one, or what it brings about."""
        return self.label

    def look(self, ims: _job.JobMixin) -> _job.Job:
        """Look at the job, or at what it brings about.

        :param ims: ``conn.ims``.
        """
        now: _job.Job | None = super().look(ims) if self.id else None
        if now is not None and not now.is_failed:
            return type(self).watching(self._what, self._observe, now)
        done = self._observe(ims)
        if done is not None:
            return done
        return now or self


def _part(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an image tells of the job that makes it."""
    status = _IMAGE_STATUSES.get(str(image.get('status')), 'RUNNING')
    return {
        'status': status,
        'fail_reason': (
            f"the image {image['id']} is {image.get('status')}"
            if status == 'FAIL'
            else None
        ),
        'entities': {
            'image_id': image['id'],
            'image_name': image.get('name'),
        },
    }


def _image(ims: _job.JobMixin, image_id: str) -> dict[str, Any]:
    """Return what the cloud tells of an image, natively."""
    response = ims.get(f'/images/{image_id}')
    if response.status_code == 404:
        # The cloud removes what it could not make.
        return {'id': image_id, 'status': 'no longer there'}
    found = decode.read(response, f"Cannot look up the image {image_id}")
    if not isinstance(found, dict) or not found.get('status'):
        raise exceptions.InvalidAnswerError(
            f"The cloud does not tell the status of the image {image_id}"
        )
    return {**found, 'id': image_id}
