# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image create``: images from whatever there is."""

import argparse
import contextlib
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import format_columns

from ims_ext import reconcile
from ims_ext.cli import command
from ims_ext.cli import creation_options
from ims_ext.cli import image_change
from ims_ext.cli import job as _job
from ims_ext.cli import progress
from ims_ext.cli import server_image
from ims_ext.cli import standard_input
from ims_ext.cli import whole_image
from ims_ext.extension import job as _extension_job


class CreateImage(command.ShowOne):
    """Create an image from a file, an object, a server, a volume, a backup.

    Shows the image with --wait, otherwise job_id, and left_object where an
    uploaded object stays in the bucket. A file that is uploaded without a
    bucket needs no job: the image is shown. Of several images, --wait shows
    job_id and images.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='<name>', help="New image's name")
        creation_options.add_options(parser)
        command.add_wait_options(parser, "the image")
        self._parser = parser
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        with contextlib.ExitStack() as stack:
            if not creation_options.has_source(parsed_args):
                data = stack.enter_context(standard_input.path())
                if data is None:
                    self._parser.error(
                        "one of the arguments --file --object --server "
                        "--volume --backup is required, or a disk image on "
                        "standard input"
                    )
                parsed_args.file = data
            return self._create(parsed_args)

    def _create(self, parsed_args: argparse.Namespace) -> Any:
        creation_options.check(parsed_args)
        self._check_project(parsed_args)
        attrs = creation_options.attributes(parsed_args)
        is_import = parsed_args.file is not None or parsed_args.object
        with progress.Bars("Importing" if is_import else "Creating") as bars:
            if parsed_args.file is not None:
                job = self._create_from_file(parsed_args, attrs, bars)
            else:
                job = self._start(parsed_args, attrs)
                if parsed_args.wait:
                    job = self.client.wait_for_job(
                        job, timeout=parsed_args.timeout, progress=bars.job
                    )
        if job.id and not parsed_args.wait:
            return _job.show_started_job(job)
        image_change.complete(self.client, job.image_ids, parsed_args)
        if len(job.image_ids) > 1:
            return _show_images(job)
        # What was made without a job may not be shown at once.
        image = reconcile.seen(lambda: self._image(job))
        columns, values = command.show_image(image, parsed_args)
        if job.left_object:
            columns += ('left_object',)
            values += (job.left_object,)
        return columns, values

    def _create_from_file(
        self,
        parsed_args: argparse.Namespace,
        attrs: dict[str, Any],
        bars: progress.Bars,
    ) -> _extension_job.Job:
        if parsed_args.data_disk:
            attrs['type'] = 'DataImage'
        created: _extension_job.Job = self.client.create_image_from_file(
            parsed_args.file,
            parsed_args.name,
            bucket=parsed_args.bucket,
            object_key=parsed_args.object_key,
            disk_format=parsed_args.disk_format,
            min_disk=parsed_args.min_disk,
            quick=parsed_args.quick,
            keep_object=parsed_args.keep_object,
            safe_mode=parsed_args.safe_mode,
            resume=not parsed_args.no_resume,
            once=parsed_args.once,
            wait=parsed_args.wait,
            timeout=parsed_args.timeout,
            progress=bars.upload,
            job_progress=bars.job,
            **attrs,
        )
        return created

    def _start(
        self, parsed_args: argparse.Namespace, attrs: dict[str, Any]
    ) -> _extension_job.Job:
        if parsed_args.whole or parsed_args.backup is not None:
            return whole_image.start_whole(self.client, parsed_args, attrs)
        if parsed_args.server is not None:
            return server_image.start_from_server(
                self.client, parsed_args, attrs
            )
        if parsed_args.volume is not None:
            return server_image.start_from_volume(
                self.client, parsed_args, attrs
            )
        start = self.client.create_image_from_object
        if parsed_args.quick:
            start = self.client.quick_import_image
            if parsed_args.data_disk:
                attrs['type'] = 'DataImage'
        elif parsed_args.data_disk:
            start = self.client.create_data_image_from_object
        job: _extension_job.Job = start(
            parsed_args.object,
            parsed_args.name,
            parsed_args.min_disk,
            safe_mode=parsed_args.safe_mode,
            **attrs,
        )
        return job

    def _check_project(self, parsed_args: argparse.Namespace) -> None:
        if parsed_args.project is None:
            return
        connection = self.app.client_manager.sdk_connection
        wanted = command.find_project_id(connection.identity, parsed_args)
        if wanted != self.client.get_project_id():
            raise exceptions.CommandError(
                f"Images are made in the project that you are logged in to, "
                f"which {parsed_args.project} is not: use --os-project-name"
            )

    def _image(self, job: _extension_job.Job) -> Any:
        if not job.image_id:
            raise exceptions.CommandError(
                f"The job {job.id} has ended well, but does not tell which "
                f"image it has made: see 'openstack ims image list'"
            )
        # An image that was uploaded without a job may not be active yet,
        # and the extension's list shows it only then.
        found = self.client.find_cloud_image(job.image_id)
        return found or self.client.get_image(job.image_id)


def _show_images(
    job: _extension_job.Job,
) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return columns and values of a job that has made several images."""
    names = {sub_job.image_id: sub_job.image_name for sub_job in job.sub_jobs}
    images = [
        {'id': image_id, 'name': names.get(image_id)}
        for image_id in job.image_ids
    ]
    return ('job_id', 'images'), (
        job.id,
        format_columns.ListDictColumn(images),
    )
