# SPDX-License-Identifier: Apache-2.0
"""The beginning and the end of all jobs that make images."""

from collections.abc import Mapping, Sequence
from typing import Any

from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Job
from ims_ext.emulator.state.record import timestamp
from ims_ext.emulator.work.job import JobFailure
from ims_ext.emulator.work.new_image import NewImages


class ImageMaking:
    """The end of jobs that make images.

    Their ``params`` have ``sources``, each with the ``image_id`` of an image
    that exists with the status ``saving``, and ``keeps_image``: whether the
    images outlive a failure, as ``killed``. The result of their work is a
    list of attributes, one mapping an image.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def succeed(self, job: Job, result: list[dict[str, Any]]) -> None:
        """Make the images active."""
        images = self._service.state.images
        for image_id, attributes in zip(_image_ids(job), result, strict=True):
            image = images.get(image_id)
            if image is None:
                raise JobFailure(
                    'IMG.0027', "The image was deleted while it was made."
                )
            image.status = 'active'
            image.attributes.update(attributes)
            image.attributes['active_at'] = timestamp(self._service.clock())
            images.save(image)
            self._service.capability(NewImages).is_made(image_id)

    def fail(self, job: Job) -> None:
        """Leave no image behind but one whose metadata the client made."""
        images = self._service.state.images
        for image_id in _image_ids(job):
            self._service.state.image_file(image_id).unlink(missing_ok=True)
            image = images.get(image_id)
            if image is None:
                continue
            if job.params.get('keeps_image'):
                image.status = 'killed'
                images.save(image)
            else:
                images.delete(image.id)


def new_job(
    service: Service,
    project_id: str,
    job_type: str,
    work: str,
    entities: dict[str, Any],
    sources: Sequence[Mapping[str, Any]],
    **params: Any,
) -> Job:
    """Make and keep a job that makes images; part of a transaction.

    :param work: The name of what carries it out.
    :param entities: What the job says about its results.
    :param sources: What the images are made of; JSON values.
    :param params: More for the job's ``params``.
    """
    job = service.state.jobs.new(
        job_type,
        project_id,
        service.settings.job_seconds,
        {
            'work': work,
            'sources': [dict(source) for source in sources],
            **params,
        },
    )
    job.entities = entities
    service.state.jobs.save(job)
    return job


def new_sub_job(
    service: Service, parent: Job, job_type: str, image: Image
) -> None:
    """Keep a part of a job that is answered with it, and ends with it.

    :param image: What becomes of this part.
    """
    job = service.state.jobs.new(
        job_type, parent.project_id, parent.duration, parent_id=parent.id
    )
    job.entities = image_entities(image)
    service.state.jobs.save(job)


def image_entities(image: Image) -> dict[str, Any]:
    """Return what a job says about the image that it makes."""
    return {'image_id': image.id, 'image_name': image.name}


def _image_ids(job: Job) -> list[str]:
    return [source['image_id'] for source in job.params['sources']]
