# SPDX-License-Identifier: Apache-2.0
"""Creating full-ECS images: a server with all its disks in one image."""

from collections.abc import Sequence
from typing import Unpack

from ims_ext import exceptions
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import creation_body as _body
from ims_ext.extension import image_source as _source
from ims_ext.extension import job as _job
from ims_ext.extension import job_effect
from ims_ext.reconcile import image as image_trace

#: The services that a backup can be one of.
WHOLE_IMAGE_TYPES = ('CSBS', 'CBR')


class WholeImage(resource.JobRequest):
    """Creation of a full-ECS image: operation 10.

    ``POST /v1/cloudimages/wholeimages/action``
    """

    base_path = '/v1/cloudimages/wholeimages/action'
    purpose = "Creating the full-ECS image"

    name = resource.Body('name')
    """1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``."""
    description = resource.Body('description')
    """Up to 1,024 characters without ``<``, ``>`` and line ends."""
    instance_id = resource.Body('instance_id')
    """ID of the server; this or ``backup_id``."""
    backup_id = resource.Body('backup_id')
    """ID of the backup of a server; this or ``instance_id``."""
    vault_id = resource.Body('vault_id')
    """ID of the CBR vault that the server is or will be in (O, H)."""
    whole_image_type = resource.Body('whole_image_type')
    """The backup's service: ``CSBS``, which is the default, or ``CBR`` (O, H).
    """
    tags = resource.Body('tags', type=list)
    """Tags as ``key.value``; these or ``image_tags``. *Type: list of str*"""
    image_tags = resource.Body('image_tags', type=list)
    """Tags as ``key`` and ``value``. *Type: list of dict*"""
    enterprise_project_id = resource.Body('enterprise_project_id')
    """ID of the enterprise project, ``0`` for the default one (O, H)."""
    max_ram = resource.Body('max_ram', type=int)
    """MiB of memory that a server from the image can have."""
    min_ram = resource.Body('min_ram', type=int)
    """MiB of memory that a server from the image needs; 0 for no limit."""

    def trace(self) -> image_trace.ImageJobTrace:
        """Recognise the image by its name and backup."""
        origins = (
            (f'server_backup,{self.backup_id}',)
            if self.backup_id
            # Of a server, the cloud makes a backup with an ID of its own.
            else ('server_backup', f'instance,{self.instance_id}')
        )
        return image_trace.ImageJobTrace(
            [image_trace.Wanted(self.name, origins)]
        )

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the image."""
        return job_effect.of_images(job.image_ids, sdk.body_attributes(self))


class WholeImageAttributes(_body.ServerImageAttributes, total=False):
    """Attributes of a full-ECS image."""

    #: ID of the CBR vault that the server is or will be in; without one, a
    #: CSBS backup is made. With ``server`` only (O, H).
    vault_id: str
    #: The backup's service: ``CSBS``, which is the default, or ``CBR``.
    #: With ``backup`` only (O, H).
    whole_image_type: str


class WholeImageMixin(_source.SourceMixin):
    """``conn.ims``: creating full-ECS images."""

    def create_whole_image(
        self,
        name: str,
        *,
        server: _source.Source | None = None,
        backup: _source.Source | None = None,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[WholeImageAttributes],
    ) -> _job.Job:
        """Create a full-ECS image (operation 10).

        ``POST /v1/cloudimages/wholeimages/action``; job type
        ``imsCreateWholeImageByInstanceJob`` or
        ``imsCreateWholeImageByBackupJob``. Of a server, the cloud makes a
        backup first. A backup is good for one image only.

        :param name: The image's name, up to 128 characters.
        :param server: The server, its ID, or its name; running or stopped.
            This or ``backup``.
        :param backup: The backup of a server, its ID, or its name; in the
            clouds the ID is what works, since CSBS and CBR backups are not
            among those that block storage knows by name.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`WholeImageAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.image_id`` tells the image.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~openstack.exceptions.NotFoundException` where
            nothing has the name, and
            :class:`~ims_ext.exceptions.EndpointNotFoundError` where there is
            no service to ask for it.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        if (server is None) == (backup is None):
            raise exceptions.ValidationError(
                "A full-ECS image is made of a server or of a backup: give "
                "one of the two"
            )
        if backup is not None and attrs.get('vault_id') is not None:
            raise exceptions.ValidationError(
                "vault_id goes with a server, not with a backup"
            )
        if server is not None and attrs.get('whole_image_type') is not None:
            raise exceptions.ValidationError(
                "whole_image_type goes with a backup, not with a server"
            )
        body = _body.checked_body(
            {'name': validation.check_name(name)},
            attrs,
            WholeImageAttributes.__optional_keys__,
        )
        if 'whole_image_type' in body:
            body['whole_image_type'] = validation.check_choice(
                'whole_image_type', body['whole_image_type'], WHOLE_IMAGE_TYPES
            )
        if server is not None:
            body['instance_id'] = self._server_id(server)
        elif backup is not None:
            body['backup_id'] = self._backup_id(backup)
        return self._start_job(
            WholeImage.new(**body), wait=wait, timeout=timeout
        )
