# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image register``, ``export``, ``copy``: images' data."""

import argparse
from typing import Any

from osc_lib import exceptions

from ims_ext.cli import command
from ims_ext.cli import job as _job
from ims_ext.cli import progress
from ims_ext.extension import transfer as _transfer

#: Options that a copy to another region needs, and those that exclude it.
_REGION_OPTIONS = {'project': '--project', 'agency': '--agency'}
_IN_REGION_OPTIONS = {
    'cmk_id': '--kms-key',
    'enterprise_project_id': '--enterprise-project',
    'safe_mode': '--safe-mode',
}


class RegisterImage(command.ShowOne):
    """Make an object in a bucket the data of an image that has none.

    The image was made without data ("openstack image create" can do that)
    and is in status queued. Shows the image with --wait, otherwise job_id.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        command.add_image_argument(parser, "Image to register")
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
        return command.show_image(
            self.client.get_cloud_image(image), parsed_args
        )


class ExportImage(command.ShowOne):
    """Write a private image to an object in a bucket.

    The bucket is in the image's region, and has no such object yet. Shows
    the finished job with --wait, otherwise job_id.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        command.add_image_argument(parser, "Image to export")
        parser.add_argument(
            '--object',
            metavar='<bucket:key>',
            required=True,
            help="Object to write",
        )
        form = parser.add_mutually_exclusive_group()
        form.add_argument(
            '--file-format',
            choices=_transfer.EXPORT_FORMATS,
            help=(
                f"Format of the object, whatever its key ends in; not every "
                f"cloud offers raw (default: "
                f"{_transfer.DEFAULT_EXPORT_FORMAT})"
            ),
        )
        form.add_argument(
            '--quick',
            action='store_true',
            help=(
                "Export without conversion, as zvhd2; the only way above "
                "128 GiB"
            ),
        )
        command.add_safe_mode_option(parser)
        command.add_wait_options(parser, "what became of it")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        image = self.client.find_image(parsed_args.image, ignore_missing=False)
        job = self.client.export_image(
            image,
            parsed_args.object,
            file_format=parsed_args.file_format,
            is_quick_export=parsed_args.quick,
            safe_mode=parsed_args.safe_mode,
        )
        if not parsed_args.wait:
            return _job.show_started_job(job)
        with progress.Bars("Exporting") as bars:
            return _job.show_job(
                self.client.wait_for_job(
                    job, timeout=parsed_args.timeout, progress=bars.job
                )
            )


class CopyImage(command.ShowOne):
    """Copy an image, within the region or to another one.

    With --wait, shows the copy, or, where it is in another region, the
    finished job; otherwise job_id.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        command.add_image_argument(parser, "Image to copy")
        parser.add_argument('name', metavar='<name>', help="Copy's name")
        parser.add_argument(
            '--description', metavar='<description>', help="New description"
        )
        _add_in_region_options(parser)
        _add_region_options(parser)
        command.add_wait_options(parser, "the copy")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        _check_options(parsed_args)
        image = self.client.find_image(parsed_args.image, ignore_missing=False)
        if parsed_args.region:
            job = self.client.copy_image_to_region(
                image,
                parsed_args.name,
                parsed_args.region,
                parsed_args.project,
                parsed_args.agency,
                description=parsed_args.description,
                vault_id=parsed_args.vault_id,
            )
        else:
            job = self.client.copy_image(
                image,
                parsed_args.name,
                description=parsed_args.description,
                cmk_id=parsed_args.cmk_id,
                enterprise_project_id=parsed_args.enterprise_project_id,
                safe_mode=parsed_args.safe_mode,
            )
        if not parsed_args.wait:
            return _job.show_started_job(job)
        with progress.Bars("Copying") as bars:
            job = self.client.wait_for_job(
                job, timeout=parsed_args.timeout, progress=bars.job
            )
        if parsed_args.region or not job.image_id:
            return _job.show_job(job)
        return command.show_image(
            self.client.get_cloud_image(job.image_id), parsed_args
        )


def _check_options(parsed_args: argparse.Namespace) -> None:
    """Refuse options that do not go with the kind of copy that it is."""
    if not parsed_args.region:
        for name, option in {**_REGION_OPTIONS, 'vault_id': '--vault'}.items():
            if getattr(parsed_args, name):
                raise exceptions.CommandError(f"{option} goes with --region")
        return
    for name, option in _REGION_OPTIONS.items():
        if not getattr(parsed_args, name):
            raise exceptions.CommandError(f"--region needs {option}")
    for name, option in _IN_REGION_OPTIONS.items():
        if getattr(parsed_args, name):
            raise exceptions.CommandError(
                f"{option} goes with a copy within the region only"
            )


def _add_in_region_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for a copy within the region")
    group.add_argument(
        '--kms-key',
        metavar='<id>',
        dest='cmk_id',
        help="Key to encrypt the copy with (ID; default: not encrypted)",
    )
    group.add_argument(
        '--enterprise-project',
        metavar='<id>',
        dest='enterprise_project_id',
        help="Enterprise project that the copy belongs to (ID)",
    )
    command.add_safe_mode_option(group)


def _add_region_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "for a copy to another region (Huawei Cloud)"
    )
    group.add_argument(
        '--region', metavar='<region>', help="Region to copy to (ID)"
    )
    group.add_argument(
        '--project',
        metavar='<project>',
        help="Project of that region to copy to (name)",
    )
    group.add_argument(
        '--agency',
        metavar='<agency>',
        help="Agency that lets the service act in both regions (name)",
    )
    group.add_argument(
        '--vault',
        metavar='<id>',
        dest='vault_id',
        help="Backup vault of that region, for a full-server image (ID)",
    )
