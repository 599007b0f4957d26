# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image register``: moving images' data."""

import argparse
from typing import Any

from ims_ext.cli import command
from ims_ext.cli import job as _job
from ims_ext.cli import progress


class RegisterImage(command.ShowOne):
    """Make an object in a bucket the data of an image that has none.

    The image was made without data ("openstack image create" can do that)
    and is in status queued. Shows the image with --wait, otherwise job_id.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='<image>', help="Image to register (name or ID)"
        )
        parser.add_argument(
            '--object',
            metavar='<bucket:key>',
            required=True,
            help="Object with the disk image",
        )
        command.add_wait_options(parser, "the image")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        image = self.client.find_image(parsed_args.image, ignore_missing=False)
        job = self.client.register_image(image, parsed_args.object)
        if not parsed_args.wait:
            return _job.show_started_job(job)
        with progress.Bars() as bars:
            self.client.wait_for_job(
                job, timeout=parsed_args.timeout, progress=bars.job
            )
        return command.show_image(self.client.get_cloud_image(image))
