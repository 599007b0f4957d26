# SPDX-License-Identifier: Apache-2.0
"""Full-ECS images: made of a server's backup, or of one made for it."""

import dataclasses
from typing import Any

from ims_ext.emulator.api import creation
from ims_ext.emulator.api import rules
from ims_ext.emulator.api import server_image
from ims_ext.emulator.api.image_attributes import os_attributes
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import State
from ims_ext.emulator.work import image_making
from ims_ext.emulator.work import whole_image_making
from ims_ext.emulator.work.image_export import PRODUCT
from ims_ext.emulator.work.job_runner import JobRunner
from ims_ext.emulator.work.vault import enter
from ims_ext.emulator.work.vault import server_vault
from ims_ext.emulator.work.whole_image_making import WholeImageMaking

_SERVER_JOB = 'imsCreateWholeImageByInstanceJob'
_BACKUP_JOB = 'imsCreateWholeImageByBackupJob'


@dataclasses.dataclass(frozen=True)
class _Codes:
    """The codes of one backup service."""

    missing: str
    unavailable: str
    used: str


_CODES = {
    'CSBS': _Codes('IMG.0127', 'IMG.0132', 'IMG.0134'),
    'CBR': _Codes('IMG.0020', 'IMG.0032', 'IMG.0029'),
}


class WholeImagesApi:
    """Operation 10."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state
        self.works = {whole_image_making.WORK: WholeImageMaking(service)}

    @route('POST', '/v1/cloudimages/wholeimages/action')
    def create(self, request: Request) -> Answer:
        """Make an image of all disks of a server."""
        body = rules.json_object(request)
        named = [name for name in ('instance_id', 'backup_id') if name in body]
        if not named:
            raise ImsError('IMG.0021')
        if len(named) > 1:
            raise ImsError(
                'IMG.0001', "Use either instance_id or backup_id, not both."
            )
        if named == ['instance_id']:
            job = self._from_server(request.project_id, body)
        else:
            job = self._from_backup(request.project_id, body)
        self.service.capability(JobRunner).submit(job)
        return {'job_id': job.id}

    def _from_server(self, project_id: str, body: dict[str, Any]) -> Job:
        name = rules.image_name(body.get('name'))
        vault_id = body.get('vault_id')
        if not vault_id and body.get('whole_image_type') == 'CBR':
            raise ImsError(
                'IMG.0184', "A backup by CBR needs vault_id, and has none."
            )
        with self.state.transaction():
            vault = (
                server_vault(self.state, vault_id, project_id)
                if vault_id
                else None
            )
            server = server_image.existing_server(
                self.state, body['instance_id'], project_id
            )
            self._check_idle(server)
            if vault is not None:
                enter(self.state, vault, server)
            backup = self._new_backup(server, name, vault_id or None)
            return self._new_job(_SERVER_JOB, backup, name, body)

    def _from_backup(self, project_id: str, body: dict[str, Any]) -> Job:
        name = rules.image_name(body.get('name'))
        if not body['backup_id']:
            raise ImsError('IMG.0019')
        kind = body.get('whole_image_type') or 'CSBS'
        if kind not in tuple(_CODES):
            raise ImsError('IMG.0001', "whole_image_type must be CSBS or CBR.")
        with self.state.transaction():
            backup = self.state.backups.get(body['backup_id'], project_id)
            if backup is None:
                raise ImsError(_CODES[kind].missing)
            if backup.kind != kind:
                raise ImsError('IMG.0198')
            if backup.status != 'available':
                raise ImsError(_CODES[kind].unavailable)
            if image_of_backup(self.state, backup) is not None:
                raise ImsError(_CODES[kind].used)
            return self._new_job(_BACKUP_JOB, backup, name, body)

    def _check_idle(self, server: Server) -> None:
        """Refuse a server that cannot be backed up now.

        :raises: IMG.0010, IMG.0126, IMG.0136
        """
        if server.task_state is not None:
            raise ImsError('IMG.0010')
        if server.status not in ('ACTIVE', 'SHUTOFF'):
            raise ImsError('IMG.0126')
        for backup in self.state.backups.of_server(server.id):
            if backup.status == 'creating':
                raise ImsError('IMG.0136')

    def _new_backup(
        self, server: Server, name: str, vault_id: str | None
    ) -> Backup:
        disk = server_image.system_disk(self.state, server)
        disks = self.state.volumes.of_server(server.id)
        return self.state.backups.add(
            Backup(
                project_id=server.project_id,
                name=name,
                kind='CBR' if vault_id else 'CSBS',
                status='creating',
                server_id=server.id,
                vault_id=vault_id,
                size=sum(each.size for each in disks),
                system_size=disk.size,
                os_version=server.os_version,
                image_id=server.image_id,
                key_id=disk.key_id,
            )
        )

    def _new_job(
        self, job_type: str, backup: Backup, name: str, body: dict[str, Any]
    ) -> Job:
        """Keep the image and the job that makes it of a backup."""
        source = self.state.images.get(backup.image_id or '')
        product = source.get(PRODUCT) if source else None
        image = server_image.new_image(
            backup.project_id,
            name,
            {
                **creation.described(body, f'server_backup,{backup.id}'),
                **rules.memory(body),
                **creation.encryption(backup.key_id),
                **os_attributes(backup.os_version),
                'min_disk': backup.system_size,
                '__backup_id': backup.id,
                '__originalimagename': backup.image_id or '',
                '__whole_image': 'true',
                **({PRODUCT: product} if product else {}),
            },
            rules.image_tags(body),
        )
        self.service.capability(creation.CreationApi).add_images(
            backup.project_id, [image]
        )
        return image_making.new_job(
            self.service,
            backup.project_id,
            job_type,
            whole_image_making.WORK,
            image_making.image_entities(image),
            [{'image_id': image.id}],
            backup_id=backup.id,
        )


def image_of_backup(state: State, backup: Backup) -> Image | None:
    """Return the full-ECS image that was made of a backup."""
    query = ImageQuery(
        project_id=backup.project_id,
        conditions=[
            Condition('owner', 'eq', backup.project_id),
            Condition('__backup_id', 'eq', backup.id),
        ],
        limit=1,
    )
    return next(iter(state.images.select(query)), None)
