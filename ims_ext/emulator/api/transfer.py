# SPDX-License-Identifier: Apache-2.0
"""Moving images' data: in from buckets, out to them, and copying."""

import re
from typing import Any

from ims_ext.emulator.api import rules
from ims_ext.emulator.api.creation import CreationApi
from ims_ext.emulator.api.key import KEY
from ims_ext.emulator.api.key import check_image_key
from ims_ext.emulator.api.key import check_key
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.work import image_copy
from ims_ext.emulator.work import image_export
from ims_ext.emulator.work import image_upload
from ims_ext.emulator.work import object_import
from ims_ext.emulator.work import region_copy
from ims_ext.emulator.work.image_access import own_image
from ims_ext.emulator.work.image_copy import ImageCopy
from ims_ext.emulator.work.image_export import ImageExport
from ims_ext.emulator.work.job_runner import JobRunner
from ims_ext.emulator.work.object_import import Source
from ims_ext.emulator.work.region_copy import RegionCopy
from ims_ext.emulator.work.settling import Settling

_REGISTRATION_JOB = 'imsNativeImportImageJob'
_EXPORT_JOB = 'imsNativeExportImageJob'
_QUICK_EXPORT_SUB_JOB = 'imsQuickExportImageJob'
_COPY_JOB = 'imsCopyImageInRegionJob'

#: What an image can be exported to: the table of the parameter names the
#: first four, the table of errors the last one too.
_EXPORT_FORMATS = ('qcow2', 'vhd', 'zvhd', 'vmdk', 'raw')
#: The table of errors calls it the default, though the parameter is said to
#: be mandatory.
_DEFAULT_FORMAT = 'vhd'

#: What the last part of an exported object's key may consist of.
_FILE_NAME = re.compile(r'[A-Za-z0-9._-]+')
_MAX_FILE_NAME = 128


class TransferApi:
    """Operations 11 to 14, and their safe mode."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.works = {
            image_export.WORK: ImageExport(service),
            image_copy.WORK: ImageCopy(service),
            region_copy.WORK: RegionCopy(service),
        }

    @route('PUT', '/v1/cloudimages/<image_id>/upload')
    def register(self, request: Request, image_id: str) -> Answer:
        """Start the job that reads an object into a queued image."""
        body = rules.json_object(request)
        bucket, key = rules.object_address(body.get('image_url'))
        state = self.service.state
        image = _queued_image(self.service, request.project_id, image_id)
        source = Source(
            image_id=image.id,
            bucket=bucket,
            key=key,
            min_disk=image.get('min_disk') or None,
            kind='any',
            declared=image.get('disk_format'),
        )
        object_import.check_object(self.service, request.project_id, source)
        with state.transaction():
            # Again, since another request may have been faster.
            image = _queued_image(self.service, request.project_id, image_id)
            object_import.check_limit(self.service, request.project_id)
            image.status = 'saving'
            image.attributes['__data_origin'] = f'file,{bucket}:{key}'
            state.images.save(image)
            job = object_import.new_job(
                self.service,
                request.project_id,
                _REGISTRATION_JOB,
                {'image_id': image.id},
                [source],
                keeps_image=True,
            )
        self.service.capability(JobRunner).submit(job)
        return {'job_id': job.id}

    @route('POST', '/v1/cloudimages/<image_id>/file')
    @route('POST', '/v2.1/cloudimages/<image_id>/file')
    def export(self, request: Request, image_id: str) -> Answer:
        """Start the job that writes an image to an object."""
        body = rules.json_object(request)
        project_id = request.project_id
        bucket, key = _export_target(body.get('bucket_url'))
        file_format = _export_format(body)
        quick = file_format is None
        state = self.service.state
        image_export.exportable_image(state, image_id, project_id, quick)
        image_export.check_target(self.service, project_id, bucket, key)
        with state.transaction():
            # Again, since another request may have been faster.
            image = image_export.exportable_image(
                state, image_id, project_id, quick
            )
            image_export.check_not_under_way(state, image.id, bucket, key)
            job = state.jobs.new(
                _EXPORT_JOB,
                project_id,
                self.service.settings.job_seconds,
                {
                    'work': image_export.WORK,
                    'task': 'ExportImageTask',
                    'image_id': image.id,
                    'bucket': bucket,
                    'key': key,
                    'file_format': file_format,
                },
            )
            job.entities = {'image_id': image.id}
            state.jobs.save(job)
            if quick:
                object_import.new_sub_job(
                    self.service, job, _QUICK_EXPORT_SUB_JOB, image
                )
        self.service.capability(JobRunner).submit(job)
        return {'job_id': job.id}

    @route('POST', '/v1/cloudimages/<image_id>/copy')
    @route('POST', '/v2.1/cloudimages/<image_id>/copy')
    def copy(self, request: Request, image_id: str) -> Answer:
        """Start the job that makes an image of an image."""
        body = rules.json_object(request)
        name = rules.image_name(body.get('name'))
        attributes = {
            '__description': rules.description(body.get('description')),
            'enterprise_project_id': rules.enterprise_project(
                body.get('enterprise_project_id')
            ),
        }
        state = self.service.state
        with state.transaction():
            image = image_copy.copyable_image(
                state, image_id, request.project_id
            )
            key = _key(image, body.get('cmk_id'))
            check_image_key(state, image)
            if key:
                check_key(state, key[KEY], request.project_id)
            attributes.update(key)
            copy = image_copy.new_copy(
                image, request.project_id, name, attributes
            )
            self.service.capability(CreationApi).add_images(
                request.project_id, [copy]
            )
            job = state.jobs.new(
                _COPY_JOB,
                request.project_id,
                self.service.settings.job_seconds,
                {
                    'work': image_copy.WORK,
                    'task': 'CopyImageInRegionTask',
                    'source_id': image.id,
                    'image_id': copy.id,
                },
            )
            job.entities = {'image_id': copy.id, 'image_name': copy.name}
            state.jobs.save(job)
        self.service.capability(JobRunner).submit(job)
        return {'job_id': job.id}

    @route('POST', '/v1/cloudimages/<image_id>/cross_region_copy')
    def copy_to_region(self, request: Request, image_id: str) -> Answer:
        """Start the job that makes an image in another region of one here."""
        body = rules.json_object(request)
        order = region_copy.Order(
            name=rules.image_name(body.get('name')),
            description=rules.description(body.get('description')),
            region=_word('region', body, 'IMG.0147'),
            project=_word('project_name', body, 'IMG.0145'),
            agency=_word('agency_name', body, 'IMG.0151'),
            vault_id=_vault(body),
        )
        with self.service.state.transaction():
            job = region_copy.new_job(
                self.service, request.caller, image_id, order
            )
        self.service.capability(JobRunner).submit(job)
        return {'job_id': job.id}


def _queued_image(service: Service, project_id: str, image_id: str) -> Image:
    """Return an image that waits for its data.

    :raises: IMG.0027, IMG.0047, and IMG.0046 for one in another status.
    """
    image = own_image(service.state, image_id, project_id)
    if image.status != 'queued':
        raise ImsError(
            'IMG.0046', f"The image is {image.status}, and not queued."
        )
    if service.capability(Settling).pending(image_upload.EFFECT, image.id):
        raise ImsError('IMG.0046', "The image's data is being taken in.")
    return image


def _export_target(value: Any) -> tuple[str, str]:
    """Return the bucket and the key that an image is to be exported to.

    :raises: IMG.0073 without a key, IMG.0074 for one whose last part is too
        long, IMG.0075 for one with characters that are not permitted, and
        as :func:`~ims_ext.emulator.api.rules.object_address`.
    """
    address = rules.text('bucket_url', value, 'IMG.0017')
    if ':' not in address:
        raise ImsError(
            'IMG.0017', "The format of bucket_url is bucket name:file name."
        )
    if address.endswith((':', '/')):
        raise ImsError('IMG.0073')
    bucket, key = rules.object_address(address)
    file_name = key.rpartition('/')[2]
    if len(file_name) > _MAX_FILE_NAME:
        raise ImsError('IMG.0074')
    if not _FILE_NAME.fullmatch(file_name):
        raise ImsError('IMG.0075')
    return bucket, key


def _export_format(body: dict[str, Any]) -> str | None:
    """Return the format to export to; ``None`` for a quick export.

    :raises: IMG.0072, and IMG.0001 where both are asked for.
    """
    quick = rules.flag('is_quick_export', body.get('is_quick_export'))
    file_format = body.get('file_format')
    if quick:
        if file_format:
            raise ImsError(
                'IMG.0001', "Use either file_format or is_quick_export."
            )
        return None
    file_format = file_format or _DEFAULT_FORMAT
    if file_format not in _EXPORT_FORMATS:
        raise ImsError('IMG.0072')
    return str(file_format)


def _key(image: Image, value: Any) -> dict[str, str]:
    """Return the attribute for the key that a copy is encrypted with.

    :raises: IMG.0118 for a bare-metal server's image, IMG.0095 for what is
        no key, IMG.0096 for the key that the image has.
    """
    if not value:
        return {}
    if image.get('virtual_env_type') == 'Ironic':
        raise ImsError('IMG.0118')
    key = rules.identifier(value, 'IMG.0095')
    if key == image.get(KEY):
        raise ImsError('IMG.0096')
    return {KEY: key}


def _word(name: str, body: dict[str, Any], code: str) -> str:
    word = rules.text(name, body.get(name), code).strip()
    if not word:
        raise ImsError(code)
    return word


def _vault(body: dict[str, Any]) -> str | None:
    vault_id = body.get('vault_id')
    return rules.identifier(vault_id, 'IMG.0184') if vault_id else None
