# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image create``: images from files and objects."""

import argparse
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import parseractions

from ims_ext import validation
from ims_ext.cli import command
from ims_ext.cli import job as _job
from ims_ext.cli import progress
from ims_ext.extension import job as _extension_job

#: Options that are attributes of the import, under the same names.
_ATTRIBUTES = (
    'architecture',
    'cmk_id',
    'description',
    'enterprise_project_id',
    'hw_firmware_type',
    'is_config',
    'max_ram',
    'min_ram',
    'os_type',
    'os_version',
    'type',
)

#: Options that only mean something for a local file.
_FILE_OPTIONS = {
    'bucket': '--bucket',
    'disk_format': '--disk-format',
    'keep_object': '--keep-object',
    'object_key': '--object-key',
}


class CreateImage(command.ShowOne):
    """Create an image from a disk image's file or from an object.

    Shows the image with --wait, otherwise job_id, and left_object where an
    uploaded object stays in the bucket. A file that is uploaded without a
    bucket needs no job: the image is shown.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='<name>', help="New image's name")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            '--file',
            metavar='<path>',
            help=(
                "Disk image on this machine; uploaded to --bucket and "
                "imported from there, or, without a bucket and under 2 GiB, "
                "uploaded to the image service"
            ),
        )
        source.add_argument(
            '--object',
            metavar='<bucket:key>',
            help="Disk image in a bucket",
        )
        _add_file_options(parser)
        _add_image_options(parser)
        _add_import_options(parser)
        command.add_wait_options(parser, "the image")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        attrs = _attributes(parsed_args)
        with progress.Bars() as bars:
            if parsed_args.file:
                job = self._create_from_file(parsed_args, attrs, bars)
            else:
                job = self._create_from_object(parsed_args, attrs, bars)
        if job.id and not parsed_args.wait:
            return _job.show_started_job(job)
        columns, values = command.show_image(self._image(job))
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
        if parsed_args.iso:
            attrs['type'] = 'IsoImage'
        created: _extension_job.Job = self.client.create_image_from_file(
            parsed_args.file,
            parsed_args.name,
            bucket=parsed_args.bucket,
            object_key=parsed_args.object_key,
            disk_format=parsed_args.disk_format,
            min_disk=parsed_args.min_disk,
            quick=parsed_args.quick,
            keep_object=parsed_args.keep_object,
            wait=parsed_args.wait,
            timeout=parsed_args.timeout,
            progress=bars.upload,
            job_progress=bars.job,
            **attrs,
        )
        return created

    def _create_from_object(
        self,
        parsed_args: argparse.Namespace,
        attrs: dict[str, Any],
        bars: progress.Bars,
    ) -> _extension_job.Job:
        for name, option in _FILE_OPTIONS.items():
            if getattr(parsed_args, name):
                raise exceptions.CommandError(
                    f"{option} goes with --file, not with --object"
                )
        if parsed_args.min_disk is None:
            raise exceptions.CommandError(
                "--object needs --min-disk: the size of the disk in the "
                "object is not known before the import"
            )
        if parsed_args.iso:
            attrs['type'] = 'IsoImage'
        start = self.client.create_image_from_object
        if parsed_args.quick:
            start = self.client.quick_import_image
        job: _extension_job.Job = start(
            parsed_args.object, parsed_args.name, parsed_args.min_disk, **attrs
        )
        if parsed_args.wait:
            job = self.client.wait_for_job(
                job, timeout=parsed_args.timeout, progress=bars.job
            )
        return job

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


def _attributes(parsed_args: argparse.Namespace) -> dict[str, Any]:
    attrs = {
        name: getattr(parsed_args, name)
        for name in _ATTRIBUTES
        if getattr(parsed_args, name) is not None
    }
    if parsed_args.tags:
        attrs['tags'] = command.parse_tags(parsed_args.tags)
    if parsed_args.data_images:
        attrs['data_images'] = [
            {
                'image_url' if key == 'object' else key: value
                for key, value in image.items()
            }
            for image in parsed_args.data_images
        ]
    return attrs


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for --file")
    group.add_argument(
        '--bucket',
        metavar='<bucket>',
        help="Bucket to upload to; it must exist",
    )
    group.add_argument(
        '--object-key',
        metavar='<key>',
        help="Key of the uploaded object (default: a new one)",
    )
    group.add_argument(
        '--keep-object',
        action='store_true',
        help="Leave the uploaded object in the bucket after the import",
    )
    group.add_argument(
        '--disk-format',
        metavar='<format>',
        help=(
            "Format of the file; told from its content, but for zvhd, zvhd2 "
            "and raw disks without partition table"
        ),
    )


def _add_image_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--min-disk',
        metavar='<GiB>',
        type=int,
        help=(
            "Smallest disk that the image fits on, 1 to 1024 (default with "
            "--file: the disk's virtual size)"
        ),
    )
    parser.add_argument(
        '--min-ram',
        metavar='<MiB>',
        type=int,
        help="Memory that a server from the image needs",
    )
    parser.add_argument(
        '--max-ram',
        metavar='<MiB>',
        type=int,
        help="Memory that a server from the image can have",
    )
    parser.add_argument(
        '--os-version',
        metavar='<os-version>',
        help="Operating system, for example 'Ubuntu 18.04 server 64bit'",
    )
    parser.add_argument(
        '--os-type',
        choices=validation.OS_TYPES,
        help="Kind of operating system",
    )
    parser.add_argument(
        '--description', metavar='<description>', help="New description"
    )
    parser.add_argument(
        '--tag',
        metavar='<key=value>',
        dest='tags',
        action='append',
        help="Tag of the image (repeat option for up to 10 tags)",
    )
    parser.add_argument(
        '--enterprise-project',
        metavar='<id>',
        dest='enterprise_project_id',
        help="Enterprise project that the image belongs to (ID)",
    )


def _add_import_options(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        '--type',
        choices=(*validation.IMAGE_TYPES, 'DataImage'),
        help="What the image is for (default: ECS, a server's system disk)",
    )
    kind.add_argument(
        '--iso',
        action='store_true',
        help="The disk image is an ISO file; needs --os-version",
    )
    parser.add_argument(
        '--quick',
        action='store_const',
        const=True,
        help=(
            "Import quickly: raw or zvhd2, prepared as the cloud's guide "
            "says, up to 1 TiB; a file of 128 GiB or more is so imported "
            "without being told"
        ),
    )
    parser.add_argument(
        '--architecture',
        choices=validation.ARCHITECTURES,
        help="Processors that the image is for (default: x86)",
    )
    parser.add_argument(
        '--hw-firmware-type',
        choices=validation.FIRMWARE_TYPES,
        help="How servers boot; uefi for arm",
    )
    parser.add_argument(
        '--configure',
        dest='is_config',
        action='store_const',
        const=True,
        help="Let the cloud configure the image for its servers",
    )
    parser.add_argument(
        '--kms-key',
        metavar='<id>',
        dest='cmk_id',
        help="Key to encrypt the image with (ID)",
    )
    parser.add_argument(
        '--data-image',
        metavar='object=<bucket:key>,min_disk=<GiB>[,name=<name>]',
        dest='data_images',
        action=parseractions.MultiKeyValueCommaAction,
        required_keys=['object', 'min_disk'],
        optional_keys=['name', 'description', 'is_quick_import'],
        help=(
            "Data disk that comes with the system disk (repeat option for "
            "up to 3)"
        ),
    )
