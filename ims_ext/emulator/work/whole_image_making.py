# SPDX-License-Identifier: Apache-2.0
"""The work of jobs that make full-ECS images."""

from typing import Any

from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Job
from ims_ext.emulator.work.image_making import ImageMaking
from ims_ext.emulator.work.job import Progress

WORK = 'whole image'


class WholeImageMaking(ImageMaking):
    """Jobs that make full-ECS images, whose data stays in the backup.

    Their ``params`` have ``backup_id``: the backup, made for the image where
    its status is ``creating``.
    """

    def carry_out(self, job: Job, progress: Progress) -> list[dict[str, Any]]:
        """Return attributes of the image: none."""
        return [{}]

    def succeed(self, job: Job, result: list[dict[str, Any]]) -> None:
        """Make the image active, and the backup available."""
        super().succeed(job, result)
        backup = self._new_backup(job)
        if backup is not None:
            backup.status = 'available'
            self._service.state.backups.save(backup)

    def fail(self, job: Job) -> None:
        """Leave nothing behind that was made for the image."""
        super().fail(job)
        backup = self._new_backup(job)
        if backup is not None:
            self._service.state.backups.delete(backup.id)

    def _new_backup(self, job: Job) -> Backup | None:
        """Return the backup that was made for the image."""
        backup = self._service.state.backups.get(
            job.params['backup_id'], job.project_id
        )
        if backup is None or backup.status != 'creating':
            return None
        return backup
