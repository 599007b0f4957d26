# SPDX-License-Identifier: Apache-2.0
"""The work of jobs that make images of servers' disks.

The emulator's disks are as large as they say, with an empty partition: so is
the data of their images, a qcow2 file that every tool for disk images takes.
The sector behind the partition table says which volume it was.
"""

import hashlib
from typing import Any

from ims_ext.emulator.state import Job
from ims_ext.emulator.work.empty_disk import write_labelled_disk
from ims_ext.emulator.work.image_making import ImageMaking
from ims_ext.emulator.work.job import JobFailure
from ims_ext.emulator.work.job import Progress

WORK = 'disk copy'
#: What a server and a volume are busy with in the meantime.
SERVER_TASK = 'image_uploading'
VOLUME_STATUS = 'uploading'

_GIB = 2**30


class DiskCopy(ImageMaking):
    """Jobs that copy disks into images.

    Their ``sources`` have the ``size`` of each disk in GiB, and the ID and
    name of the volume as its ``label``; ``server_id``
    and ``volume_ids`` are what is busy until the job has ended.
    """

    def carry_out(self, job: Job, progress: Progress) -> list[dict[str, Any]]:
        """Write the images' data; return attributes of the images."""
        found = []
        for done, source in enumerate(job.params['sources']):
            progress.report(done / len(job.params['sources']))
            found.append(self._copy(source))
        return found

    def succeed(self, job: Job, result: list[dict[str, Any]]) -> None:
        """Make the images active, and nothing busy any more."""
        super().succeed(job, result)
        self._release(job)

    def fail(self, job: Job) -> None:
        """Leave nothing behind, and nothing busy."""
        super().fail(job)
        self._release(job)

    def _copy(self, source: dict[str, Any]) -> dict[str, Any]:
        path = self._service.state.image_file(source['image_id'])
        size = source['size']
        # A job of an earlier version has no label.
        write_labelled_disk(path, size, source.get('label', ''))
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            # Deleting an image takes its data along.
            raise JobFailure(
                'IMG.0027', "The image was deleted while it was made."
            ) from error
        return {
            'disk_format': 'qcow2',
            'size': len(data),
            'virtual_size': size * _GIB,
            # Glance's, and protects nothing.
            'checksum': hashlib.md5(data, usedforsecurity=False).hexdigest(),
            '__image_size': str(len(data)),
        }

    def _release(self, job: Job) -> None:
        state = self._service.state
        server = state.servers.get(job.params['server_id'], job.project_id)
        if server is not None and server.task_state == SERVER_TASK:
            server.task_state = None
            state.servers.save(server)
        for volume_id in job.params['volume_ids']:
            volume = state.volumes.get(volume_id, job.project_id)
            if volume is not None and volume.status == VOLUME_STATUS:
                volume.status = 'in-use' if volume.server_id else 'available'
                state.volumes.save(volume)
